//! What the values of several keys say together.
//! Which of them do not go together is `validate`'s.

use super::choices::{EnvironmentType, LoadBalancerMode};
use super::keys::Profile;

impl Profile {
    /// Whether the environment has a load balancer in front of its instances.
    pub fn is_load_balanced(&self) -> bool {
        self.environment.kind == EnvironmentType::LoadBalanced
    }

    /// Whether the stack has a load balancer of its own, which answers CloudFront alone.
    pub fn has_own_load_balancer(&self) -> bool {
        self.is_load_balanced() && self.load_balancer.mode == LoadBalancerMode::Own
    }

    /// The load balancer of somebody else that the environment is behind.
    pub fn shared_load_balancer(&self) -> Option<&str> {
        let shared = self.is_load_balanced() && self.load_balancer.mode == LoadBalancerMode::Shared;
        self.load_balancer.arn.as_deref().filter(|_| shared)
    }

    /// Whether a web ACL is wanted. It protects the distribution only, so without one there is none.
    pub fn has_web_acl(&self) -> bool {
        self.cdn.enabled && self.waf.enabled
    }

    /// The names of one's own that the site is to have, the first one first. They are the distribution's, so without one there is
    /// none.
    pub fn site_names(&self) -> Vec<&str> {
        let domain = &self.domain;
        let names = domain.name.iter().chain(&domain.also).map(String::as_str);
        match self.cdn.enabled && domain.name.is_some() {
            true => names.collect(),
            false => Vec::new(),
        }
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

/// What a key counts with only: without it, its value is for later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum With {
    LoadBalancer,
    Distribution,
    WebAcl,
    KeyPair,
}

impl With {
    /// Whether the profile has it.
    pub fn is_in(self, profile: &Profile) -> bool {
        match self {
            Self::LoadBalancer => profile.is_load_balanced(),
            Self::Distribution => profile.cdn.enabled,
            Self::WebAcl => profile.has_web_acl(),
            Self::KeyPair => profile.ssh.enabled,
        }
    }

    /// What has to be set for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LoadBalancer => "`environment.type = \"LoadBalanced\"`",
            Self::Distribution => "`cdn.enabled = true`",
            Self::WebAcl => "`cdn.enabled = true` and `waf.enabled = true`",
            Self::KeyPair => "`ssh.enabled = true`",
        }
    }
}
