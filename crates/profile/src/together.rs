//! What the values of several keys say together.
//! Which of them do not go together is `validate`'s.

use super::choices::EnvironmentType;
use super::keys::Profile;

impl Profile {
    /// Whether the environment has a load balancer in front of its instances.
    pub fn is_load_balanced(&self) -> bool {
        self.environment.kind == EnvironmentType::LoadBalanced
    }

    /// Whether a web ACL is wanted. It protects the distribution only, so without one there is none.
    pub fn has_web_acl(&self) -> bool {
        self.cdn.enabled && self.waf.enabled
    }

    /// The smallest and the largest number of instances; a single-instance environment has exactly one.
    pub fn instance_range(&self) -> (u32, u32) {
        if self.is_load_balanced() {
            (self.scaling.min, self.scaling.max)
        } else {
            (1, 1)
        }
    }
}
