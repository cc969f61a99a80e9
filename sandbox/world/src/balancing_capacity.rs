//! Capacity that is reserved for load balancers: how much, how long it takes, how often it may be lowered.
//! Must know nothing of the wire.
//!
//! Source where nothing else is said: the ELB guide's pages on capacity unit reservations (request-, update-, monitor-capacity-unit-
//! reservation) and its quotas (load-balancer-limits); names of errors by botocore's model of elbv2. AWS's texts are not known.

use jiff::{SignedDuration, Timestamp};

use crate::balancing::is_classic;
use crate::{Refusal, Region, quotas};

/// Of one load balancer.
const LEAST: u32 = 100;
const MOST: u32 = 15_000;
/// How often a day it may be lowered. Whether a reset counts is not known: here it does.
const DECREASES: usize = 2;
/// "Most requests are typically fulfilled within a few minutes."
const PROVISIONING: SignedDuration = SignedDuration::from_mins(3);
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// What is, or was, reserved for a load balancer.
#[derive(Debug, Clone, Default)]
pub struct Reservation {
    /// `None`: nothing any more.
    pub units: Option<u32>,
    pub changed: Timestamp,
    lowered: Vec<Timestamp>,
}

impl Reservation {
    /// `pending`, `provisioned`.
    pub fn state(&self, now: Timestamp) -> &'static str {
        match now < self.changed + PROVISIONING {
            true => "pending",
            false => "provisioned",
        }
    }

    pub fn decreases_left(&self, now: Timestamp) -> usize {
        let today = self.lowered.iter().filter(|at| now < **at + DAY);
        DECREASES.saturating_sub(today.count())
    }
}

impl Region {
    /// As DescribeCapacityReservation.
    ///
    /// # Errors
    /// `LoadBalancerNotFound`.
    pub fn reservation(&self, arn: &str) -> Result<Reservation, Refusal> {
        self.balancing.load_balancer(arn)?;
        Ok(self.balancing.reservations.get(arn).cloned().unwrap_or_default())
    }

    /// As ModifyCapacityReservation; `None` resets it.
    ///
    /// # Errors
    /// Where there is no such load balancer, a former request is not settled, or the account may not have it so.
    pub fn reserve(&mut self, arn: &str, units: Option<i32>, now: Timestamp) -> Result<Reservation, Refusal> {
        let mut reservation = self.reservation(arn)?;
        if is_classic(arn) {
            return Err(Refusal::new(
                "OperationNotPermitted",
                "This load balancer has no capacity units",
            ));
        }
        let units = units.map(of_one).transpose()?;
        if reservation.units.is_some() && reservation.state(now) == "pending" {
            let text = "The capacity reservation of this load balancer is pending";
            return Err(Refusal::with_status(429, "PriorRequestNotComplete", text));
        }
        self.check_quota(arn, units)?;
        if units < reservation.units {
            if reservation.decreases_left(now) == 0 {
                let text = "The capacity reservation of this load balancer cannot be lowered again today";
                return Err(Refusal::new("CapacityDecreaseRequestLimitExceeded", text));
            }
            reservation.lowered.push(now);
        }
        (reservation.units, reservation.changed) = (units, now);
        self.balancing.reservations.insert(arn.to_owned(), reservation.clone());
        Ok(reservation)
    }

    /// All of the region's reservations count against one quota, which is 0 at first.
    fn check_quota(&self, arn: &str, units: Option<u32>) -> Result<(), Refusal> {
        let balancing = &self.balancing;
        let others = balancing
            .reservations
            .iter()
            .filter(|(other, _)| *other != arn && balancing.load_balancers.contains_key(*other));
        let reserved: u32 = others.filter_map(|(_, other)| other.units).sum();
        let most = self.quotas.value(&quotas::RESERVED_UNITS);
        match units {
            Some(units) if f64::from(units) + f64::from(reserved) > most => Err(Refusal::new(
                "CapacityUnitsLimitExceeded",
                format!("The account may reserve {most} capacity units in this region"),
            )),
            _ => Ok(()),
        }
    }
}

/// A number of units that one load balancer can have.
fn of_one(units: i32) -> Result<u32, Refusal> {
    let units = u32::try_from(units).ok().filter(|units| *units >= LEAST);
    let units = units.ok_or_else(|| {
        let text = format!("At least {LEAST} capacity units have to be reserved");
        Refusal::new("InvalidConfigurationRequest", text)
    })?;
    match units > MOST {
        true => Err(Refusal::new(
            "CapacityUnitsLimitExceeded",
            format!("A load balancer has at most {MOST} reserved capacity units"),
        )),
        false => Ok(units),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Tags;
    use crate::balancing::LoadBalancer;
    use crate::fakes::{REGION, prepared};

    fn at(minute: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minute)
    }

    /// Two load balancers in a region that may reserve so many.
    fn two(region: &mut Region, quota: f64) {
        region.quotas.raise(&quotas::RESERVED_UNITS, quota);
        for arn in ["one", "other"] {
            let made = LoadBalancer {
                arn: arn.to_owned(),
                name: arn.to_owned(),
                dns_name: String::new(),
                state: "active".to_owned(),
                kind: "application".to_owned(),
                scheme: "internet-facing".to_owned(),
                vpc_id: String::new(),
                subnets: Vec::new(),
                security_groups: Vec::new(),
                idle_timeout: 60,
                created: at(0),
                tags: Tags::new(),
            };
            region.balancing.load_balancers.insert(arn.to_owned(), made);
        }
    }

    #[track_caller]
    fn refused(region: &mut Region, arn: &str, units: Option<i32>, minute: i64) -> String {
        region.reserve(arn, units, at(minute)).unwrap_err().code
    }

    #[tokio::test]
    async fn an_account_reserves_nothing_until_its_quota_is_raised_and_then_no_more_than_that() {
        let fake = prepared();
        let mut state = fake.world.lock();
        let region = state.region(REGION);
        two(region, 0.0);
        assert_eq!(refused(region, "one", Some(100), 0), "CapacityUnitsLimitExceeded");
        region.quotas.raise(&quotas::RESERVED_UNITS, 600.0);
        assert_eq!(refused(region, "one", Some(99), 0), "InvalidConfigurationRequest");
        region.reserve("one", Some(500), at(0)).unwrap();
        assert_eq!(refused(region, "other", Some(200), 0), "CapacityUnitsLimitExceeded");
        region.reserve("other", Some(100), at(0)).unwrap();
        assert_eq!(refused(region, "third", Some(100), 0), "LoadBalancerNotFound");
        // What is deleted reserves nothing.
        region.balancing.load_balancers.remove("other");
        region.reserve("one", Some(600), at(5)).unwrap();
        region.quotas.raise(&quotas::RESERVED_UNITS, 50_000.0);
        assert_eq!(refused(region, "one", Some(15_001), 10), "CapacityUnitsLimitExceeded");
    }

    #[tokio::test]
    async fn it_takes_minutes_and_is_lowered_twice_a_day_at_most() {
        let fake = prepared();
        let mut state = fake.world.lock();
        let region = state.region(REGION);
        two(region, 1_000.0);
        let asked = region.reserve("one", Some(500), at(0)).unwrap();
        assert_eq!((asked.state(at(2)), asked.state(at(3))), ("pending", "provisioned"));
        assert_eq!(refused(region, "one", None, 2), "PriorRequestNotComplete");
        region.reserve("one", Some(600), at(3)).unwrap();
        region.reserve("one", Some(300), at(6)).unwrap();
        let reset = region.reserve("one", None, at(9)).unwrap();
        assert_eq!((reset.units, reset.decreases_left(at(9))), (None, 0));
        region.reserve("one", Some(100), at(9)).unwrap();
        assert_eq!(refused(region, "one", None, 12), "CapacityDecreaseRequestLimitExceeded");
        // The first of the two is a day ago.
        region.reserve("one", None, at(6 + 24 * 60)).unwrap();
    }
}
