//! A load balancer of somebody else's that the environment is behind: looked at, used, never changed and never deleted. Beanstalk adds
//! the environment's rule to its listener. Must know nothing of what its owner does with it.

use std::sync::Arc;

use super::front_door::GONE;
use super::outputs::{LOAD_BALANCER, LiveLoadBalancer, NETWORK};
use super::stack::Stack;
use crate::aws::Aws;
use crate::aws::errors::Explain;
use crate::engine::{
    Error, Failure, Hint, Limits, Never, Observed, Owner, Plan, ReadCx, Resource, ResourceId, Values, WriteCx,
};

const ID: ResourceId = "shared-load-balancer";

pub(super) struct SharedLoadBalancer {
    stack: Arc<Stack>,
}

#[derive(Clone)]
pub(super) struct Shared {
    name: String,
    kind: String,
    state: String,
    vpc_id: String,
    output: LiveLoadBalancer,
}

impl Shared {
    /// Why no environment can be behind it (the developer guide's environments-cfg-alb-shared).
    fn unfit(&self, vpc_id: Option<&str>) -> Option<String> {
        if self.kind != "application" {
            Some(format!(
                "it is of the type {}, and only application load balancers can be shared",
                self.kind
            ))
        } else if self.name.starts_with("awseb-") {
            Some("Beanstalk made it for an environment".to_owned())
        } else if self.state != "active" {
            Some(format!("it is {}", self.state))
        } else if vpc_id.is_some_and(|vpc_id| vpc_id != self.vpc_id) {
            Some(format!("it is in the VPC {}, the stack is in another", self.vpc_id))
        } else {
            None
        }
    }
}

impl SharedLoadBalancer {
    pub(super) fn new(stack: Arc<Stack>) -> Self {
        Self { stack }
    }

    fn arn(&self) -> &str {
        self.stack.profile.shared_load_balancer().unwrap_or_default()
    }
}

impl Resource for SharedLoadBalancer {
    type Live = Shared;
    type Place = ();
    type Step = Never;
    type Clients = Aws;

    fn id(&self) -> ResourceId {
        ID
    }

    fn name(&self) -> String {
        self.arn().to_owned()
    }

    fn title(&self) -> String {
        let name = self.arn().split('/').nth(2).unwrap_or_default();
        format!("shared load balancer {name}")
    }

    fn needs(&self) -> Vec<&'static str> {
        vec![NETWORK.name]
    }

    fn gives(&self) -> Vec<&'static str> {
        vec![LOAD_BALANCER.name]
    }

    fn limits(&self) -> Limits {
        Limits::minutes(1, 2)
    }

    async fn observe(&self, cx: &ReadCx<Aws>) -> Result<Observed<Shared>, Error> {
        let found = cx.aws().elb.describe_load_balancers(&[self.arn()]).await;
        let found = found.or_absent(GONE, &format!("describe the load balancer {}", self.arn()))?;
        let Some(found) = found.unwrap_or_default().into_iter().next() else {
            return Ok(Observed::Absent(()));
        };
        let live = Shared {
            name: found.name.clone().unwrap_or_default(),
            kind: found.kind.clone().unwrap_or_default(),
            state: found.state().to_owned(),
            vpc_id: found.vpc_id.clone().unwrap_or_default(),
            output: LiveLoadBalancer {
                arn: self.arn().to_owned(),
                dns_name: found.dns_name.clone().unwrap_or_default(),
                security_groups: found.security_groups().to_vec(),
            },
        };
        Ok(Observed::Present {
            live,
            owner: Owner::Nobody,
        })
    }

    fn plan(&self, seen: &Observed<Shared>, known: &Values) -> Plan<Never> {
        let another = Hint::from("name another with --set load_balancer.arn=ARN");
        let Some((live, _)) = seen.live() else {
            return Plan::blocked(format!("there is no load balancer {}", self.arn()), another);
        };
        let network = known.get(&NETWORK);
        match live.unfit(network.as_ref().map(|network| network.vpc_id.as_str())) {
            Some(why) => Plan::blocked(why, another),
            None => Plan::Use,
        }
    }

    fn publish(&self, live: &Shared, values: &mut Values) {
        values.set(&LOAD_BALANCER, live.output.clone());
    }

    async fn create(&self, _: &WriteCx<Aws>, (): ()) -> Result<Shared, Failure> {
        Err(Error::refused("a shared load balancer is its owner's to make").into())
    }

    async fn update(&self, _: &WriteCx<Aws>, _: Shared, steps: Vec<Never>) -> Result<Shared, Failure> {
        match steps.first() {
            Some(never) => match *never {},
            None => Err(Error::refused("a shared load balancer is its owner's to change").into()),
        }
    }

    async fn delete(&self, _: &WriteCx<Aws>, _: Shared) -> Result<(), Failure> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shared() -> Shared {
        Shared {
            name: "front".to_owned(),
            kind: "application".to_owned(),
            state: "active".to_owned(),
            vpc_id: "vpc-1".to_owned(),
            output: LiveLoadBalancer {
                arn: String::new(),
                dns_name: String::new(),
                security_groups: Vec::new(),
            },
        }
    }

    #[test]
    fn only_an_active_application_load_balancer_of_ones_own_in_the_vpc_will_do() {
        assert_eq!(shared().unfit(Some("vpc-1")), None);
        assert_eq!(shared().unfit(None), None);
        let with = |change: fn(&mut Shared)| {
            let mut live = shared();
            change(&mut live);
            live.unfit(Some("vpc-1")).unwrap()
        };
        assert!(with(|it| it.kind = "network".to_owned()).contains("network"));
        assert!(with(|it| it.name = "awseb-1".to_owned()).contains("Beanstalk"));
        assert!(with(|it| it.state = "provisioning".to_owned()).contains("provisioning"));
        assert!(with(|it| it.vpc_id = "vpc-2".to_owned()).contains("vpc-2"));
    }
}
