//! Session Manager: who may open a session on which instance.
//! Must know nothing of wire formats, nor of what goes through a session.

use crate::{Refusal, World, ids};

/// A session that a client may now connect to.
#[derive(Debug, Clone)]
pub struct Session {
    /// The caller's name, and random characters.
    pub id: String,
    pub token: String,
}

/// # Errors
/// Where the instance's agent is not connected.
pub fn start(world: &World, region: &str, caller: &str, instance_id: &str) -> Result<Session, Refusal> {
    let now = world.clock.now();
    let mut state = world.lock();
    if !state.region(region).compute.agents.is_online(instance_id, now) {
        return Err(Refusal::new(
            "TargetNotConnected",
            format!("{instance_id} is not connected."),
        ));
    }
    let name = caller.rsplit('/').next().unwrap_or(caller);
    Ok(Session {
        id: format!("{name}-{}", ids::smalls(26)),
        token: ids::secret(300),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fakes::{Fake, REGION};

    #[test]
    fn an_instance_whose_agent_is_not_there_has_no_session() {
        let fake = Fake::new();
        let refused = start(&fake.world, REGION, "arn:aws:iam::1:user/ann", "i-1").unwrap_err();
        assert_eq!(refused.code, "TargetNotConnected");
    }
}
