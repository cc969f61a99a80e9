//! Iam.

use std::collections::BTreeMap;

#[derive(Debug, Default)]
pub(crate) struct Iam {
    pub instance_profiles: BTreeMap<String, InstanceProfile>,
    pub roles: BTreeMap<String, Role>,
}

#[derive(Debug, Clone)]
pub(crate) struct InstanceProfile {
    pub name: String,
    pub arn: String,
    pub role: Option<String>,
}

#[derive(Debug, Clone)]
pub(crate) struct Role {
    pub name: String,
    pub arn: String,
}

impl Iam {
    pub(crate) fn instance_profile(&self, name_or_arn: &str) -> Option<&InstanceProfile> {
        self.instance_profiles.values().find(|it| it.name == name_or_arn || it.arn == name_or_arn)
    }

    pub(crate) fn role(&self, name_or_arn: &str) -> Option<&Role> {
        self.roles.values().find(|it| it.name == name_or_arn || it.arn == name_or_arn)
    }
}
