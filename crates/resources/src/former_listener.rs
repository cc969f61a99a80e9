//! The end of a move of CloudFront's from one listener to the other: when every edge location comes by the new one, nobody is let in by
//! the former any more. Must know nothing of how the new one is made.
//!
//! A listener goes with its rules. Where Beanstalk has one there, which it made for the environment when there was no other listener, the
//! listener stays and refuses everybody: a rule that goes behind CloudFormation's back may fail the next update of its stack
//! (aws/copilot-cli#3660). Without its certificate, which could not be deleted otherwise.

use std::sync::Arc;

use super::front_door::{Entrance, Former, look};
use super::outputs::{EDGE_PROTOCOL, ENVIRONMENT, LOAD_BALANCER};
use super::security_group::{self, INGRESS};
use super::stack::Stack;
use crate::aws::Aws;
use crate::aws::errors::Explain;
use crate::aws::services::load_balancing::Rule;
use crate::engine::{
    Error, Failure, FieldChange, Limits, Observed, Owner, Plan, ReadCx, Removal, Resource, ResourceId, Values, WriteCx,
};

const ID: ResourceId = "former-listener";
const LIMITS: Limits = Limits::minutes(1, 2);

pub(super) struct FormerListener {
    stack: Arc<Stack>,
}

/// What of the former way is there still: the group lets CloudFront in there, and maybe a listener does.
#[derive(Debug, Clone)]
pub(super) struct Open {
    listener: Option<Former>,
}

impl Open {
    fn of(listener: Option<Former>, is_wide: bool) -> Option<Self> {
        let listener = listener.filter(|former| {
            let is_settled = former.has_others && former.origin_rule.is_none() && !former.listener.is_https();
            !is_settled
        });
        (listener.is_some() || is_wide).then_some(Self { listener })
    }

    fn origin_rule(&self) -> Option<&Rule> {
        self.listener.as_ref()?.origin_rule.as_ref()
    }
}

impl FormerListener {
    pub(super) fn new(stack: Arc<Stack>) -> Self {
        Self { stack }
    }

    fn entrance(&self) -> Entrance {
        Entrance::of(&self.stack.profile)
    }

    fn former_port(&self) -> u16 {
        self.entrance().other().port()
    }

    /// `awaits`: not every edge location comes by the new way yet.
    fn steps(&self, open: &Open, awaits: bool) -> Vec<FieldChange> {
        let step = |field: &str, from: String, to: Option<String>| match awaits {
            true => FieldChange::awaiting(field, Some(from), EDGE_PROTOCOL.name),
            false => FieldChange::new(field, from, to),
        };
        let (port, now) = (self.former_port(), self.entrance().port());
        // Where the listener is there, it is this run that opens the group for both.
        let ports = ("80-443 from CloudFront".to_owned(), format!("{now} from CloudFront"));
        let group = step(INGRESS, ports.0, Some(ports.1));
        let listener = open.listener.as_ref().map(|former| {
            let to = match former.has_others {
                true => Some("refuses CloudFront, too".to_owned()),
                false => None,
            };
            step(&format!("listener {port}"), "lets CloudFront in".to_owned(), to)
        });
        std::iter::once(group).chain(listener).collect()
    }

    async fn close(&self, cx: &WriteCx<Aws>, former: &Former) -> Result<(), Error> {
        let (elb, listener) = (&cx.aws().elb, &former.listener);
        let doing = &format!("close the listener {}", self.former_port());
        cx.check()?;
        if !former.has_others {
            let deleted = elb.delete_listener(&listener.arn).await;
            return deleted.or_absent(&["ListenerNotFound"], doing).map(drop);
        }
        if let Some(rule) = &former.origin_rule {
            self.close_rule(cx, rule).await?;
        }
        match listener.is_https() {
            true => elb.set_protocol(&listener.arn, None).await.explain(doing),
            false => Ok(()),
        }
    }
}

impl FormerListener {
    async fn close_rule(&self, cx: &WriteCx<Aws>, rule: &Rule) -> Result<(), Error> {
        cx.check()?;
        let deleted = cx.aws().elb.delete_rule(&rule.arn).await;
        let doing = format!("take the rule for CloudFront off the listener {}", self.former_port());
        deleted.or_absent(&["RuleNotFound"], &doing).map(drop)
    }
}

impl Resource for FormerListener {
    type Live = Open;
    type Place = ();
    type Step = FieldChange;
    type Clients = Aws;

    fn id(&self) -> ResourceId {
        ID
    }

    fn name(&self) -> String {
        self.stack.names.load_balancer.clone()
    }

    fn title(&self) -> String {
        format!("former way into {}", self.stack.names.load_balancer)
    }

    /// The environment's for the way down: a target group that the listener still forwards to could not be deleted.
    fn needs(&self) -> Vec<&'static str> {
        vec![ENVIRONMENT.name, LOAD_BALANCER.name, EDGE_PROTOCOL.name]
    }

    fn gives(&self) -> Vec<&'static str> {
        Vec::new()
    }

    fn limits(&self) -> Limits {
        LIMITS
    }

    async fn observe(&self, cx: &ReadCx<Aws>) -> Result<Observed<Open>, Error> {
        let aws = cx.aws();
        let (door, group) = tokio::try_join!(look(aws, &self.stack), security_group::wide(aws, &self.stack))?;
        let door = door.filter(|door| self.stack.ownership.owner_by(&door.tags) == Owner::Ours);
        let former = door.and_then(|door| door.former);
        Ok(match Open::of(former, group.is_some()) {
            Some(live) => Observed::Present {
                live,
                owner: Owner::Ours,
            },
            None => Observed::Absent(()),
        })
    }

    /// Where there is nothing of it nothing is to be done.
    fn plan(&self, seen: &Observed<Open>, known: &Values) -> Plan<FieldChange> {
        let Some((open, _)) = seen.live() else {
            return Plan::Keep;
        };
        let comes_by = known.get(&EDGE_PROTOCOL);
        let awaits = comes_by.as_deref() != Some(self.entrance().policy());
        Plan::of(self.steps(open, awaits))
    }

    fn publish(&self, _: &Open, _: &mut Values) {}

    async fn create(&self, _: &WriteCx<Aws>, (): ()) -> Result<Open, Failure> {
        Err(Error::failed("a former way into the load balancer is not made").into())
    }

    /// First nobody reaches it, then there is nothing to be reached.
    async fn update(&self, cx: &WriteCx<Aws>, open: Open, _: Vec<FieldChange>) -> Result<Open, Failure> {
        if cx.need(&EDGE_PROTOCOL)? != self.entrance().policy() {
            return Ok(open);
        }
        // As they are by now: the run has added to both.
        if let Some(wide) = security_group::wide(cx.read().aws(), &self.stack).await? {
            security_group::narrow(cx, &self.stack, &wide).await?;
        }
        let door = look(cx.read().aws(), &self.stack).await?;
        if let Some(former) = door.and_then(|door| door.former) {
            self.close(cx, &former).await?;
        }
        Ok(open)
    }

    /// It goes with the load balancer and its group, but for what leads to the environment.
    fn plan_removal(&self, seen: &Observed<Open>) -> Removal {
        match seen.live().and_then(|(open, _)| open.origin_rule()) {
            Some(_) => Removal::Delete { loses: None },
            None => Removal::Absent,
        }
    }

    async fn delete(&self, cx: &WriteCx<Aws>, open: Open) -> Result<(), Failure> {
        match open.origin_rule() {
            Some(rule) => Ok(self.close_rule(cx, rule).await?),
            None => Ok(()),
        }
    }
}
