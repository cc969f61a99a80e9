//! What of a stack stays when its resources are gone: asked of AWS, by tags and by the names of log groups, not of a plan.
//! Deletes nothing.

use std::collections::BTreeSet;

use super::Session;
use crate::aws::search::{self, Tagged};
use crate::aws::services::logs::LogGroup;
use crate::aws::tags::RESOURCE;
use crate::engine::{Error, Kind};
use crate::resources::found::{self, Reach};

/// Something that stays, and why, or what is known of it.
pub(crate) struct Leftover {
    pub resource: &'static str,
    pub what: String,
    pub reason: String,
}

/// Looks at what AWS says now. `kept`: ids of resources that stay on purpose, with their parts.
///
/// # Errors
/// Where AWS does not answer; what may not be read is a leftover that says so.
pub(crate) async fn of(session: &Session, kept: &BTreeSet<&str>) -> Result<Vec<Leftover>, Error> {
    let mut leftovers = Vec::new();
    for environment in environments(session) {
        // Where Beanstalk streams an environment's logs to (the developer guide's AWSHowTo.cloudwatchlogs).
        let prefix = format!("/aws/elasticbeanstalk/{environment}/");
        match search::log_groups(&session.read, &prefix).await {
            Ok(groups) => leftovers.extend(groups.iter().map(of_group)),
            Err(error) if error.kind == Kind::Denied => {
                leftovers.push(unread(&format!("log groups {prefix}*"), &error))
            }
            Err(error) => return Err(error),
        }
    }
    let found = found::find(&session.read, &session.stack.ownership, Reach::Everything).await?;
    if let Some(error) = &found.missed {
        leftovers.push(unread("what carries the stack's tags", error));
    }
    for hit in &found.others {
        let of_kept = hit
            .tags
            .get(RESOURCE)
            .is_some_and(|resource| kept.contains(resource.as_str()));
        if !of_kept {
            leftovers.extend(of_hit(session, hit).await?);
        }
    }
    Ok(leftovers)
}

fn environments(session: &Session) -> BTreeSet<String> {
    let nodes = session.graph.nodes().iter().chain(session.orphans.nodes());
    let environments = nodes.filter(|node| node.kind() == "environment");
    environments.map(|node| node.name()).collect()
}

fn of_group(group: &LogGroup) -> Leftover {
    let reason = match group.retention_in_days {
        Some(days) => format!("CloudWatch Logs keeps its events for {days} days"),
        None => "CloudWatch Logs keeps its events for ever".to_owned(),
    };
    Leftover {
        resource: "log-group",
        what: format!("log group {}", group.log_group_name),
        reason,
    }
}

fn unread(what: &str, error: &Error) -> Leftover {
    Leftover {
        resource: "unread",
        what: what.to_owned(),
        reason: format!("could not be looked for: {}", error.in_a_line()),
    }
}

async fn of_hit(session: &Session, hit: &Tagged) -> Result<Option<Leftover>, Error> {
    let reason = match found::still_there(&session.read, hit).await? {
        Some(false) => return Ok(None),
        Some(true) => "it carries the stack's tags",
        None => "it carried the stack's tags when AWS last looked, which may be hours ago",
    };
    Ok(Some(Leftover {
        resource: "tagged",
        what: hit.arn.clone(),
        reason: reason.to_owned(),
    }))
}
