//! What an account cannot do yet: accounts opened lately meet such gates one after the other.
//! Must know nothing of who runs into them.

use std::str::FromStr;

use super::Refusal;

/// vCPUs of on-demand standard instances in a new account.
pub(crate) const NEW_ACCOUNT_VCPUS: f64 = 5.0;

/// Each is closed where it is set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Gates {
    /// Accounts made since October 2024 cannot make launch configurations (Beanstalk guide:
    /// environments-cfg-autoscaling-launch-templates).
    pub launch_configurations: bool,
    /// No load balancers until support has looked at the account.
    pub load_balancers: bool,
    /// No distributions until the account is verified.
    pub distributions: bool,
    /// A quota of 5 vCPUs of standard instances.
    pub vcpus: bool,
    /// No service-linked roles yet: whoever first needs a service must be allowed to make its role (Beanstalk guide:
    /// using-service-linked-roles).
    pub service_linked_roles: bool,
    /// Accounts on the free plan (since July 2025) launch a few types only
    /// (github.com/aws-samples/eks-workshop-v2/issues/1644).
    pub free_plan: bool,
    /// No instances at all until the region is validated: minutes, up to four hours. Not part of `new`: it ends by itself,
    /// and nobody would see the others behind it.
    pub verification: bool,
    /// AWS has taken AmazonDynamoDBFullAccess out of use, which it has deprecated: who has it keeps it, nobody else gets it (IAM
    /// user guide, access_policies_managed-deprecated). Not part of `new`: it still attaches.
    pub deprecated_policies: bool,
    /// The account is in an organization that keeps to one region. Not part of `new`.
    pub region_policy: bool,
}

/// As the region deny of AWS Control Tower has it, of what matters here (Control Tower guide,
/// primary-region-deny-policy): all but global services, outside of one region.
pub const REGION_POLICY: &str = r#"{
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Deny",
            "NotAction": [
                "cloudfront:*",
                "iam:*",
                "organizations:*",
                "s3:GetBucketLocation",
                "s3:ListAllMyBuckets",
                "sts:*",
                "support:*",
                "waf:*",
                "wafv2:*"
            ],
            "Resource": "*",
            "Condition": { "StringNotEquals": { "aws:RequestedRegion": ["us-east-1"] } }
        }
    ]
}"#;

/// What the gate `deprecated-policies` takes out of use.
pub const DEPRECATED: &str = "AmazonDynamoDBFullAccess";

/// As `describe-instance-types` with the filter `free-tier-eligible` lists them
/// (github.com/aws-samples/eks-workshop-v2/issues/1644).
pub const FREE_TYPES: [&str; 6] = [
    "t3.micro",
    "t3.small",
    "t4g.micro",
    "t4g.small",
    "c7i-flex.large",
    "m7i-flex.large",
];

impl Gates {
    /// Whether an instance of the type may be launched.
    ///
    /// # Errors
    /// As RunInstances; texts from UA-TECH-POWER/DDoS_terraform_aws#5 and splunk/attack_range#1302.
    pub(crate) fn check_launch(self, instance_type: &str) -> Result<(), Refusal> {
        if self.verification {
            return Err(Refusal::new(
                "PendingVerification",
                "Your request for accessing resources in this region is being validated, and you will not be able to launch \
                 additional resources in this region until the validation is complete. We will notify you by email once your \
                 request has been validated. While normally resolved within minutes, please allow up to 4 hours for this \
                 process to complete. If the issue still persists, please let us know by writing to \
                 aws-verification@amazon.com for further assistance.",
            ));
        }
        if self.free_plan && !FREE_TYPES.contains(&instance_type) {
            return Err(Refusal::new(
                "InvalidParameterCombination",
                "The specified instance type is not eligible for Free Tier. For a list of Free Tier instance types, run \
                 'describe-instance-types' with the filter 'free-tier-eligible=true'.",
            ));
        }
        Ok(())
    }
}

impl FromStr for Gates {
    type Err = String;

    /// `new` for all of them that stay until somebody does something, or their names with commas between; nothing for an account of old.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut gates = Self::default();
        for name in text.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            match name {
                "launch-configurations" => gates.launch_configurations = true,
                "load-balancers" => gates.load_balancers = true,
                "distributions" => gates.distributions = true,
                "vcpus" => gates.vcpus = true,
                "service-linked-roles" => gates.service_linked_roles = true,
                "free-plan" => gates.free_plan = true,
                "verification" => gates.verification = true,
                "deprecated-policies" => gates.deprecated_policies = true,
                "region-policy" => gates.region_policy = true,
                "new" => {
                    gates = Self {
                        launch_configurations: true,
                        load_balancers: true,
                        distributions: true,
                        vcpus: true,
                        service_linked_roles: true,
                        free_plan: true,
                        ..gates
                    };
                }
                other => {
                    return Err(format!(
                        "'{other}' is no gate; there are launch-configurations, load-balancers, distributions, vcpus, \
                         service-linked-roles, free-plan, verification, deprecated-policies, region-policy, and new for the \
                         first six"
                    ));
                }
            }
        }
        Ok(gates)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_can_be_new_in_one_thing_or_in_all() {
        let one: Gates = "vcpus, load-balancers".parse().unwrap();
        assert!(one.vcpus && one.load_balancers && !one.distributions && !one.launch_configurations);
        assert_eq!("".parse(), Ok(Gates::default()));
        assert!("new".parse::<Gates>().unwrap().distributions);
        assert!("newish".parse::<Gates>().unwrap_err().contains("'newish' is no gate"));
    }
}
