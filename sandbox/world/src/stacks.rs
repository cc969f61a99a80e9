//! CloudFormation stacks as Beanstalk makes them: a record of resources and events, no template engine.
//! Must know nothing of how a resource is made.

use jiff::{SignedDuration, Timestamp};

use super::clock::text;
use super::{Item, Refusal, Tags, ids};

/// The type of the stack's own events.
const STACK: &str = "AWS::CloudFormation::Stack";

#[derive(Debug, Default)]
pub struct Stacks {
    /// Oldest first; deleted ones stay for a while (see `forgetting`) and are found by id only.
    pub stacks: Vec<Stack>,
}

#[derive(Debug, Clone)]
pub struct Stack {
    /// ARN.
    pub id: String,
    pub name: String,
    pub status: String,
    pub reason: Option<String>,
    pub created: Timestamp,
    pub updated: Option<Timestamp>,
    pub deleted: Option<Timestamp>,
    pub resources: Vec<StackResource>,
    /// Oldest first.
    pub events: Vec<StackEvent>,
    pub tags: Tags,
}

#[derive(Debug, Clone)]
pub struct StackResource {
    pub logical_id: String,
    pub physical_id: String,
    /// `AWS::AutoScaling::AutoScalingGroup`.
    pub kind: String,
    /// `CREATE_COMPLETE`, …
    pub status: String,
    pub reason: Option<String>,
    pub changed: Timestamp,
}

#[derive(Debug, Clone)]
pub struct StackEvent {
    pub id: String,
    pub logical_id: String,
    pub physical_id: String,
    pub kind: String,
    pub status: String,
    pub reason: Option<String>,
    pub time: Timestamp,
}

impl Stack {
    pub(crate) fn new(region: &str, account: &str, name: &str, now: Timestamp, tags: Tags) -> Self {
        let id = format!("arn:aws:cloudformation:{region}:{account}:stack/{name}/{}", ids::uuid());
        let mut stack = Self {
            id,
            name: name.to_owned(),
            status: String::new(),
            reason: None,
            created: now,
            updated: None,
            deleted: None,
            resources: Vec::new(),
            events: Vec::new(),
            tags,
        };
        stack.set_status("CREATE_IN_PROGRESS", Some("User Initiated"), now);
        stack
    }

    pub(crate) fn set_status(&mut self, status: &str, reason: Option<&str>, now: Timestamp) {
        status.clone_into(&mut self.status);
        self.reason = reason.map(str::to_owned);
        if status.starts_with("UPDATE") {
            self.updated = Some(now);
        }
        if status == "DELETE_COMPLETE" {
            self.deleted = Some(now);
        }
        let (name, id) = (self.name.clone(), self.id.clone());
        self.record(&name, &id, STACK, status, reason, now);
    }

    /// Sets what a resource is, as its event tells it.
    pub(crate) fn resource(
        &mut self,
        (logical_id, kind): (&str, &str),
        physical_id: &str,
        status: &str,
        reason: Option<&str>,
        now: Timestamp,
    ) {
        let is_new = !self.resources.iter().any(|resource| resource.logical_id == logical_id);
        if is_new && status.starts_with("CREATE") {
            // CloudFormation tells of a resource before it has asked for it, and again, with a reason, when it has.
            let before = now - SignedDuration::from_millis(1);
            self.record(logical_id, "", kind, "CREATE_IN_PROGRESS", None, before);
        }
        self.resources.retain(|resource| resource.logical_id != logical_id);
        if status != "DELETE_COMPLETE" {
            self.resources.push(StackResource {
                logical_id: logical_id.to_owned(),
                physical_id: physical_id.to_owned(),
                kind: kind.to_owned(),
                status: status.to_owned(),
                reason: reason.map(str::to_owned),
                changed: now,
            });
        }
        self.record(logical_id, physical_id, kind, status, reason, now);
    }

    fn record(
        &mut self,
        logical: &str,
        physical: &str,
        kind: &str,
        status: &str,
        reason: Option<&str>,
        now: Timestamp,
    ) {
        // Only the stack's own events have ids that are nothing but ids.
        let id = if kind == STACK {
            ids::uuid()
        } else {
            format!("{logical}-{status}-{}", text(now))
        };
        self.events.push(StackEvent {
            id,
            logical_id: logical.to_owned(),
            physical_id: physical.to_owned(),
            kind: kind.to_owned(),
            status: status.to_owned(),
            reason: reason.map(str::to_owned),
            time: now,
        });
    }
}

impl Stacks {
    /// By name, unless deleted; by id in any state.
    pub fn find(&self, name_or_id: &str) -> Result<&Stack, Refusal> {
        self.stacks
            .iter()
            .rev()
            .find(|stack| stack.id == name_or_id || (stack.name == name_or_id && stack.deleted.is_none()))
            .ok_or_else(|| Refusal::new("ValidationError", format!("Stack with id {name_or_id} does not exist")))
    }

    /// As [`Stacks::find`], to change.
    pub(crate) fn find_mut(&mut self, name_or_id: &str) -> Option<&mut Stack> {
        self.stacks
            .iter_mut()
            .rev()
            .find(|stack| stack.id == name_or_id || (stack.name == name_or_id && stack.deleted.is_none()))
    }

    pub(crate) fn inventory(&self, region: &str) -> Vec<Item> {
        let item = Item::of("cloudformation", region);
        let live = self.stacks.iter().filter(|stack| stack.deleted.is_none());
        live.map(|stack| item("stack", &stack.id, &stack.name, &stack.tags))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_is_told_of_before_it_has_an_id_and_when_it_has_one() {
        let now = Timestamp::UNIX_EPOCH;
        let mut stack = Stack::new("us-east-1", "123456789012", "s", now, Tags::new());
        let part = ("Group", "AWS::AutoScaling::AutoScalingGroup");
        let initiated = Some("Resource creation Initiated");
        stack.resource(part, "group-1", "CREATE_IN_PROGRESS", initiated, now);
        stack.resource(part, "group-1", "CREATE_COMPLETE", None, now);
        let told: Vec<_> = stack.events[1..]
            .iter()
            .map(|event| {
                (
                    event.physical_id.as_str(),
                    event.status.as_str(),
                    event.reason.as_deref(),
                )
            })
            .collect();
        let expected = [
            ("", "CREATE_IN_PROGRESS", None),
            ("group-1", "CREATE_IN_PROGRESS", initiated),
            ("group-1", "CREATE_COMPLETE", None),
        ];
        assert_eq!(told, expected);
        assert_eq!(stack.events[3].id, "Group-CREATE_COMPLETE-1970-01-01T00:00:00.000Z");
    }
}
