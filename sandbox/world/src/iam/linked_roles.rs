//! Service-linked roles: each service's own, made once in an account, by the first caller who needs the service and may.
//! Must know nothing of what the services do with them.

use jiff::Timestamp;

use super::{Iam, NewRole, Role};
use crate::Refusal;

/// A role that AWS names and a service assumes.
#[derive(Debug)]
pub struct LinkedRole {
    /// As CreateServiceLinkedRole names it.
    pub service: &'static str,
    pub name: &'static str,
    /// The call that makes it where it is missing, as CloudFormation names that.
    pub first_needed_by: &'static str,
}

/// Elastic Load Balancing's, made by the first load balancer (ELB user guide, elb-service-linked-roles).
pub(crate) const LOAD_BALANCING: LinkedRole = LinkedRole {
    service: "elasticloadbalancing.amazonaws.com",
    name: "AWSServiceRoleForElasticLoadBalancing",
    first_needed_by: "elasticloadbalancingv2:CreateLoadBalancer",
};

/// Auto Scaling's, made by the first group (Amazon EC2 Auto Scaling user guide, autoscaling-service-linked-role).
pub const AUTO_SCALING: LinkedRole = LinkedRole {
    service: "autoscaling.amazonaws.com",
    name: "AWSServiceRoleForAutoScaling",
    first_needed_by: "autoscaling:CreateAutoScalingGroup",
};

/// Elastic Beanstalk's, for environments that name no service role (Beanstalk guide: using-service-linked-roles).
pub(crate) const BEANSTALK: LinkedRole = LinkedRole {
    service: "elasticbeanstalk.amazonaws.com",
    name: "AWSServiceRoleForElasticBeanstalk",
    first_needed_by: "elasticbeanstalk:CreateEnvironment",
};

const ALL: &[&LinkedRole] = &[&LOAD_BALANCING, &AUTO_SCALING, &BEANSTALK];

impl LinkedRole {
    fn path(&self) -> String {
        format!("/aws-service-role/{}/", self.service)
    }

    fn trust(&self) -> String {
        format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"Service":"{}"}},"Action":"sts:AssumeRole"}}]}}"#,
            self.service
        )
    }
}

/// Why a caller may not, in IAM's words: seen in kubernetes/kops#16218.
pub fn not_authorized(caller: &str, action: &str, resource: &str) -> String {
    format!(
        "User: {caller} is not authorized to perform: {action} on resource: {resource} because no identity-based policy \
         allows the {action} action"
    )
}

impl Iam {
    /// As CreateServiceLinkedRole.
    ///
    /// # Errors
    /// `InvalidInput` where the service is none that has one here, and where the role is there.
    pub fn create_linked_role(
        &mut self,
        account: &str,
        now: Timestamp,
        service: &str,
        description: Option<String>,
    ) -> Result<&Role, Refusal> {
        let invalid = |text: String| Refusal::new("InvalidInput", text);
        let role = ALL.iter().find(|role| role.service == service);
        let role = role.ok_or_else(|| invalid(format!("This sandbox has no service-linked role for {service}.")))?;
        if self.role(role.name).is_some() {
            let name = role.name;
            return Err(invalid(format!(
                "Service role name {name} has been taken in this account, please try a different suffix."
            )));
        }
        let new = NewRole {
            name: role.name.to_owned(),
            path: Some(role.path()),
            trust: role.trust(),
            description,
            ..NewRole::default()
        };
        self.create_role(account, now, new)
    }

    /// Makes the role where it is missing, with the caller's rights.
    ///
    /// # Errors
    /// Why the caller may not.
    pub(crate) fn ensure_linked_role(
        &mut self,
        account: &str,
        now: Timestamp,
        (caller, region): (&str, &str),
        role: &LinkedRole,
    ) -> Result<(), String> {
        if self.role(role.name).is_some() {
            return Ok(());
        }
        let action = "iam:CreateServiceLinkedRole";
        let resource = format!("arn:aws:iam::{account}:role{}{}", role.path(), role.name);
        if !self.caller_can(caller, region, action, &resource) {
            return Err(not_authorized(caller, action, &resource));
        }
        let made = self.create_linked_role(account, now, role.service, None);
        made.map(|_| ()).map_err(|refusal| refusal.message)
    }
}
