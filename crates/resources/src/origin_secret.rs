//! The end of a change of the secret: when every edge location sends the new one, the former one is let in no longer.
//! It lives in the load balancer's rule and in the distribution's header, and is written down nowhere else.

use std::sync::Arc;

use super::distribution_config::ORIGIN_HEADER;
use super::front_door::{FrontDoor, HEADER, look};
use super::load_balancer::{ALIKE, FURTHER};
use super::outputs::{EDGE_SECRET, SECRETS};
use super::stack::Stack;
use crate::aws::Aws;
use crate::aws::errors::Explain;
use crate::aws::services::load_balancing::Condition;
use crate::engine::{
    Error, Failure, FieldChange, Limits, Observed, Owner, Plan, ReadCx, Removal, Resource, ResourceId, Values, WriteCx,
};

const ID: ResourceId = "origin-secret";
const LIMITS: Limits = Limits::minutes(1, 2);

pub(super) struct OriginSecrets {
    stack: Arc<Stack>,
}

impl OriginSecrets {
    pub(super) fn new(stack: Arc<Stack>) -> Self {
        Self { stack }
    }

    async fn look(&self, aws: &Aws) -> Result<Option<FrontDoor>, Error> {
        look(aws, &self.stack).await
    }

    /// Lets in what the edge locations send, and nothing else.
    async fn settle(&self, cx: &WriteCx<Aws>) -> Result<FrontDoor, Error> {
        let gone = || Error::failed(format!("the load balancer {} is gone", self.stack.names.load_balancer));
        let door = self.look(cx.read().aws()).await?.ok_or_else(gone)?;
        let sent = cx.need(&EDGE_SECRET)?;
        let secrets = door.secrets();
        if secrets.len() < 2 || !secrets.contains(&sent) {
            return Ok(door);
        }
        for rule in door.asking() {
            cx.check()?;
            let only = Condition::header(HEADER, [sent.as_str().to_owned()]);
            let done = cx.aws().elb.modify_rule(&rule.arn, Some(&only), None).await;
            done.explain("let the former secret in no longer")?;
        }
        Ok(door)
    }
}

const FORMER: &str = "former secret";

/// The step by which the former one goes.
fn forgotten(awaits: bool) -> FieldChange {
    let from = Some("let in".to_owned());
    match awaits {
        true => FieldChange::awaiting(FORMER, from, EDGE_SECRET.name),
        false => FieldChange::new(FORMER, from, None),
    }
}

/// Whether a step is one of those by which the secret changes.
pub fn is_of_rotation(field: &FieldChange) -> bool {
    field.passes_by_itself || [FURTHER, ALIKE, ORIGIN_HEADER, FORMER].contains(&field.field.as_str())
}

impl Resource for OriginSecrets {
    type Live = FrontDoor;
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
        format!("secret between CloudFront and {}", self.stack.names.load_balancer)
    }

    fn needs(&self) -> Vec<&'static str> {
        vec![SECRETS.name, EDGE_SECRET.name]
    }

    fn gives(&self) -> Vec<&'static str> {
        Vec::new()
    }

    fn limits(&self) -> Limits {
        LIMITS
    }

    async fn observe(&self, cx: &ReadCx<Aws>) -> Result<Observed<FrontDoor>, Error> {
        let door = self.look(cx.aws()).await?;
        Ok(match door.filter(|door| !door.secrets().is_empty()) {
            Some(live) => Observed::Present {
                live,
                owner: Owner::Ours,
            },
            None => Observed::Absent(()),
        })
    }

    fn plan(&self, seen: &Observed<FrontDoor>, known: &Values) -> Plan<FieldChange> {
        let Some((door, _)) = seen.live() else {
            return Plan::Create;
        };
        // By now a further one may have been added.
        let secrets = known.get(&SECRETS).unwrap_or_else(|| door.secrets());
        match secrets.len() {
            0 | 1 if self.stack.rotating => Plan::of(vec![forgotten(true)]),
            0 | 1 => Plan::Keep,
            _ => Plan::of(vec![forgotten(known.get(&EDGE_SECRET).as_ref() != secrets.last())]),
        }
    }

    fn publish(&self, _: &FrontDoor, _: &mut Values) {}

    async fn create(&self, cx: &WriteCx<Aws>, (): ()) -> Result<FrontDoor, Failure> {
        Ok(self.settle(cx).await?)
    }

    async fn update(&self, cx: &WriteCx<Aws>, _: FrontDoor, _: Vec<FieldChange>) -> Result<FrontDoor, Failure> {
        Ok(self.settle(cx).await?)
    }

    /// It goes with the rule and with the distribution.
    fn plan_removal(&self, _: &Observed<FrontDoor>) -> Removal {
        Removal::Absent
    }

    async fn delete(&self, _: &WriteCx<Aws>, _: FrontDoor) -> Result<(), Failure> {
        Ok(())
    }
}
