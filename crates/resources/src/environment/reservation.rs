//! Capacity units that are reserved for the load balancer with a pre-scale: asked for, followed, given back. ELB has no schedule for
//! them, lowers them twice a day at most, and takes minutes to hours (ELB guide, request-capacity-unit-reservation).
//! Must know nothing of how many are wanted, or when.

use super::Environment;
use super::live::Live;
use crate::aws::errors::{Explain, polled};
use crate::aws::services::load_balancing::{PROVISIONED, Reservation};
use crate::aws::{Aws, quotas};
use crate::engine::{Error, Hint, Kind, Limits, Poll, Wait, WriteCx};

/// What ELB says of a load balancer that is not there.
const GONE: &[&str] = &["LoadBalancerNotFound", "LoadBalancerNotFoundException"];

/// While a former request is worked on no other is taken (botocore: elbv2, ModifyCapacityReservation).
const BUSY: [&str; 2] = ["PriorRequestNotComplete", "CapacityReservationPending"];

/// "Most requests are typically fulfilled within a few minutes, but can take up to a few hours": those are not waited for.
const LIMITS: Limits = Limits::minutes(5, 10);

/// What is reserved for the load balancer; `None` where there is none.
///
/// # Errors
/// Where ELB does not say.
pub(super) async fn reservation(aws: &Aws, load_balancer: Option<String>) -> Result<Option<Reservation>, Error> {
    let Some(arn) = load_balancer else { return Ok(None) };
    let doing = "read what is reserved for the load balancer";
    aws.elb.capacity_reservation(&arn).await.or_absent(GONE, doing)
}

/// Asks for so many units, or for none any more. What an earlier try whose answer was lost has asked for is asked for.
///
/// # Errors
/// Where ELB refuses it, with the way out.
pub(super) async fn reserve(cx: &WriteCx<Aws>, load_balancer: &str, units: Option<u32>) -> Result<(), Error> {
    let doing = match units {
        Some(units) => format!("reserve {units} capacity units for the load balancer"),
        None => "take the load balancer's reserved capacity back".to_owned(),
    };
    let wait = Wait::new("the former reservation of the load balancer to be settled", 15, LIMITS);
    cx.wait(&wait, || async {
        if let Err(stopped) = cx.check() {
            return Poll::Failed(stopped);
        }
        let asked = cx.aws().elb.reserve_capacity(load_balancer, units).await;
        let error = match asked.explain(&doing) {
            Ok(_) => return Poll::Ready(()),
            Err(error) => error,
        };
        if !BUSY.iter().any(|code| error.is_code(code)) {
            return refused(error, units);
        }
        let there = reservation(cx.read().aws(), Some(load_balancer.to_owned())).await;
        polled(there.map(|there| match there.and_then(|there| there.units()) == units {
            true => Poll::Ready(()),
            false => Poll::NotYet("ELB works on a former request yet".to_owned()),
        }))
    })
    .await
}

/// What is told at once although ELB says it with status 500, as InsufficientCapacity (botocore: elbv2), or what another try might mend.
fn refused(error: Error, units: Option<u32>) -> Poll<()> {
    let mut error = match (error.code.as_deref(), units) {
        (Some("CapacityUnitsLimitExceeded"), Some(units)) => {
            let ask = quotas::RESERVED_UNITS.ask_for(f64::from(units));
            error.hint(Hint::from("all load balancers of the region count; ask for more, days before: ").and_run(ask))
        }
        (Some("InsufficientCapacity"), _) => {
            error.hint("AWS has not as much there now: ask for fewer, or run the same command again later")
        }
        (Some("CapacityDecreaseRequestLimitExceeded"), _) => error
            .because("it is lowered twice a day at most, and costs until then")
            .hint("run the same command again tomorrow"),
        _ => return polled(Err(error)),
    };
    error.kind = Kind::Failed;
    Poll::Failed(error)
}

/// Follows it until it is there, or for as long as it is likely to be: what takes hours is left to AWS, and said.
///
/// # Errors
/// Where it came to nothing.
pub(super) async fn provisioned(cx: &WriteCx<Aws>, load_balancer: &str) -> Result<(), Error> {
    let wait = Wait::new("the load balancer's reserved capacity to be provisioned", 15, LIMITS);
    let followed = cx.wait(&wait, || async {
        let read = reservation(cx.read().aws(), Some(load_balancer.to_owned())).await;
        polled(read.map(|reservation| match reservation {
            Some(it) if it.state() == PROVISIONED => Poll::Ready(()),
            Some(it) if it.state() == "failed" => Poll::Failed(failed(it.reason())),
            Some(it) => Poll::NotYet(format!("the reserved capacity is {}", it.state())),
            None => Poll::Failed(Error::failed("the load balancer is gone")),
        }))
    });
    match followed.await {
        Err(error) if error.kind == Kind::Deadline => {
            let text = "AWS is still at the reserved capacity, which takes hours at times";
            let hint = Hint::run("status").and(" tells how far it is");
            cx.settings().events.notice(text.to_owned(), Some(hint));
            Ok(())
        }
        followed => followed,
    }
}

fn failed(reason: Option<&str>) -> Error {
    let error = Error::failed("AWS could not reserve the load balancer's capacity");
    let error = match reason {
        Some(reason) => error.because(reason),
        None => error,
    };
    error.hint(Hint::from("run the same command again later, ask for fewer, or ").and_run("scale --back"))
}

impl Environment {
    /// Takes the reservation of a pre-scale back before the environment goes: a load balancer of the stack's own may stay, and would go
    /// on costing. One that cannot be taken back now ends with its load balancer.
    pub(super) async fn give_back(&self, cx: &WriteCx<Aws>, live: &Live) {
        let (true, Some(arn)) = (live.has_reserved(), live.balancer_arn()) else {
            return;
        };
        let back = cx.aws().elb.reserve_capacity(&arn, None).await;
        if let Err(error) = back.explain("take the load balancer's reserved capacity back") {
            let text = format!(
                "the load balancer's capacity stays reserved while it is there: {}",
                error.in_a_line()
            );
            cx.settings().events.notice(text, None);
        }
    }
}
