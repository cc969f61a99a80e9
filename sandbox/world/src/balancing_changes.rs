//! What clients change of the load balancers that Beanstalk made: health checks, attributes, targets.
//! Must know nothing of the wire; bounds and texts are those of the ELB API, as far as they are known.

use std::ops::RangeInclusive;

use crate::balancing::{Balancing, HealthCheck, LoadBalancer, Target, TargetGroup};
use crate::{Refusal, Region};

/// What ModifyTargetGroup is told of a health check; what is not said stays.
#[derive(Debug, Default)]
pub struct CheckUpdate {
    pub path: Option<String>,
    pub interval: Option<i32>,
    pub timeout: Option<i32>,
    pub healthy_threshold: Option<i32>,
    pub unhealthy_threshold: Option<i32>,
    pub matcher: Option<String>,
}

fn invalid(text: impl Into<String>) -> Refusal {
    Refusal::new("ValidationError", text)
}

/// A number within what the API allows; where none is given, the present one.
fn within(member: &str, sent: Option<i32>, present: u32, allowed: RangeInclusive<u32>) -> Result<u32, Refusal> {
    let Some(sent) = sent else {
        return Ok(present);
    };
    let number = u32::try_from(sent).ok().filter(|number| allowed.contains(number));
    number.ok_or_else(|| {
        let (least, most) = (allowed.start(), allowed.end());
        invalid(format!("{member} must be between {least} and {most}"))
    })
}

/// The value of an attribute, which is a text.
fn seconds(attribute: &str, value: &str, allowed: RangeInclusive<u32>) -> Result<u32, Refusal> {
    let number = value.parse::<i32>();
    let number = number.map_err(|_| invalid(format!("{attribute} is not a number")))?;
    within(attribute, Some(number), 0, allowed)
}

impl HealthCheck {
    fn updated(&self, wish: CheckUpdate) -> Result<Self, Refusal> {
        let check = Self {
            port: self.port,
            path: wish.path.unwrap_or_else(|| self.path.clone()),
            interval: within("Health check interval", wish.interval, self.interval, 5..=300)?,
            timeout: within("Health check timeout", wish.timeout, self.timeout, 2..=120)?,
            healthy_threshold: within(
                "Healthy threshold count",
                wish.healthy_threshold,
                self.healthy_threshold,
                2..=10,
            )?,
            unhealthy_threshold: within(
                "Unhealthy threshold count",
                wish.unhealthy_threshold,
                self.unhealthy_threshold,
                2..=10,
            )?,
            matcher: wish.matcher.unwrap_or_else(|| self.matcher.clone()),
        };
        if !check.path.starts_with('/') {
            return Err(invalid("Health check path must begin with '/'"));
        }
        if check.timeout >= check.interval {
            let text = "Health check timeout must be smaller than the health check interval";
            return Err(invalid(text));
        }
        Ok(check)
    }
}

impl TargetGroup {
    /// # Errors
    /// Where the text is no number, or none that the API takes.
    pub fn set_deregistration_delay(&mut self, value: &str) -> Result<(), Refusal> {
        self.deregistration_delay = seconds("Deregistration delay", value, 0..=3_600)?;
        Ok(())
    }

    /// A target that is there already stays as it is, unless it is on its way out.
    fn register(&mut self, instance_id: &str) {
        if self.targets.get(instance_id).is_none_or(Target::is_draining) {
            let made = Target::new(instance_id, self.port);
            self.targets.insert(instance_id.to_owned(), made);
        }
    }
}

impl LoadBalancer {
    /// # Errors
    /// Where the text is no number, or none that the API takes.
    pub fn set_idle_timeout(&mut self, value: &str) -> Result<(), Refusal> {
        self.idle_timeout = seconds("Idle timeout", value, 1..=4_000)?;
        Ok(())
    }
}

impl Balancing {
    /// # Errors
    /// `TargetGroupNotFound`.
    pub fn target_group(&self, arn: &str) -> Result<&TargetGroup, Refusal> {
        self.target_groups.get(arn).ok_or_else(|| no_target_group(arn))
    }

    /// # Errors
    /// `TargetGroupNotFound`.
    pub fn target_group_mut(&mut self, arn: &str) -> Result<&mut TargetGroup, Refusal> {
        self.target_groups.get_mut(arn).ok_or_else(|| no_target_group(arn))
    }

    /// # Errors
    /// `LoadBalancerNotFound`.
    pub fn load_balancer(&self, arn: &str) -> Result<&LoadBalancer, Refusal> {
        self.load_balancers.get(arn).ok_or_else(|| no_load_balancer(arn))
    }

    /// # Errors
    /// `LoadBalancerNotFound`.
    pub fn load_balancer_mut(&mut self, arn: &str) -> Result<&mut LoadBalancer, Refusal> {
        self.load_balancers.get_mut(arn).ok_or_else(|| no_load_balancer(arn))
    }

    /// As ModifyTargetGroup.
    ///
    /// # Errors
    /// Where there is no such group, and for a check that none can have.
    pub fn update_check(&mut self, arn: &str, wish: CheckUpdate) -> Result<&TargetGroup, Refusal> {
        let group = self.target_group_mut(arn)?;
        group.check = group.check.updated(wish)?;
        Ok(group)
    }
}

impl Region {
    /// As RegisterTargets: all of the instances or none.
    ///
    /// # Errors
    /// Where there is no such group or instance.
    pub fn register_targets(&mut self, target_group: &str, instances: &[String]) -> Result<(), Refusal> {
        if let Some(id) = instances.iter().find(|id| !self.compute.instances.contains_key(*id)) {
            let text = format!("The following targets are not in a running state and cannot be registered: '{id}'");
            return Err(Refusal::new("InvalidTarget", text));
        }
        let group = self.balancing.target_group_mut(target_group)?;
        for id in instances {
            group.register(id);
        }
        Ok(())
    }
}

pub fn no_target_group(what: &str) -> Refusal {
    Refusal::new("TargetGroupNotFound", format!("Target groups '{what}' not found"))
}

pub fn no_load_balancer(what: &str) -> Refusal {
    Refusal::new("LoadBalancerNotFound", format!("Load balancers '[{what}]' not found"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn present() -> HealthCheck {
        HealthCheck {
            port: None,
            path: "/".to_owned(),
            interval: 15,
            timeout: 5,
            healthy_threshold: 3,
            unhealthy_threshold: 5,
            matcher: "200".to_owned(),
        }
    }

    #[test]
    fn a_check_changes_in_what_is_said_and_only_within_bounds() {
        let wish = CheckUpdate {
            interval: Some(10),
            ..CheckUpdate::default()
        };
        let changed = present().updated(wish).unwrap();
        assert_eq!((changed.interval, changed.timeout, changed.path.as_str()), (10, 5, "/"));
        for (wish, text) in [
            (
                CheckUpdate {
                    interval: Some(4),
                    ..CheckUpdate::default()
                },
                "between 5 and 300",
            ),
            (
                CheckUpdate {
                    interval: Some(5),
                    ..CheckUpdate::default()
                },
                "smaller than",
            ),
            (
                CheckUpdate {
                    unhealthy_threshold: Some(-1),
                    ..CheckUpdate::default()
                },
                "between 2 and 10",
            ),
            (
                CheckUpdate {
                    path: Some("up".to_owned()),
                    ..CheckUpdate::default()
                },
                "begin with '/'",
            ),
        ] {
            let refused = present().updated(wish).unwrap_err();
            assert!(refused.message.contains(text), "{refused}");
        }
    }

    #[test]
    fn an_attribute_that_is_no_number_is_refused() {
        assert_eq!(seconds("Idle timeout", "60", 1..=4_000), Ok(60));
        for value in ["", "soon", "0", "4001"] {
            assert!(seconds("Idle timeout", value, 1..=4_000).is_err(), "{value}");
        }
    }
}
