//! What a caller has to be allowed for one profile: a policy of AWS's to attach, and statements for what that one lacks, made of
//! the tables of operations that the code uses. Must know nothing of how it is printed.

use serde_json::{Value, json};

use super::stack::Stack;
use crate::aws::partitions;
use crate::aws::reads::READS;
use crate::aws::writes::{WRITES, actions_of};
use crate::profile::{Names, Profile};

/// The most characters of a managed policy, white space not counted (IAM guide, reference_iam-quotas).
pub const MOST: usize = 6_144;

/// What it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    Everything,
    /// `plan`, `status`, `list`, `doctor`.
    Reading,
}

#[derive(Debug)]
pub struct Policy {
    /// ARN of AWS's own policy to attach beside.
    pub attach: String,
    pub statements: Vec<Statement>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    pub sid: &'static str,
    pub actions: Vec<String>,
    pub resources: Vec<String>,
    /// Allowed in this region only.
    region: Option<String>,
}

/// What AWS's policies allow of what is used, on whatever it is used on here. Source: the AWS Managed Policy Reference,
/// AdministratorAccess-AWSElasticBeanstalk v9 of February 2026 and AWSElasticBeanstalkReadOnly v1.
const ADMINISTRATOR: (&str, &[&str]) = (
    "AdministratorAccess-AWSElasticBeanstalk",
    &[
        "autoscaling:*",
        "cloudformation:*",
        "cloudwatch:*",
        "ec2:AuthorizeSecurityGroup*",
        "ec2:CreateSecurityGroup",
        "ec2:CreateTags",
        "ec2:DeleteSecurityGroup",
        "ec2:DeleteTags",
        "ec2:Describe*",
        "ec2:RevokeSecurityGroup*",
        "elasticbeanstalk:*",
        "elasticloadbalancing:*",
        "iam:GetRole",
        "iam:ListAttachedRolePolicies",
        "iam:ListRolePolicies",
        "iam:ListRoles",
        "logs:Describe*",
        "s3:*",
        "sts:*",
    ],
);
const READER: (&str, &[&str]) = (
    "AWSElasticBeanstalkReadOnly",
    &[
        "autoscaling:*",
        "cloudformation:*",
        "cloudwatch:*",
        "ec2:DescribeAddresses",
        "ec2:DescribeAvailabilityZones",
        "ec2:DescribeInstances",
        "ec2:DescribeKeyPairs",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeSubnets",
        "ec2:DescribeVpcs",
        "elasticbeanstalk:*",
        "elasticloadbalancing:DescribeLoadBalancers",
        "iam:GetRole",
        "iam:ListAttachedRolePolicies",
        "iam:ListRolePolicies",
        "iam:ListRoles",
        "s3:*",
        "sts:*",
    ],
);

/// Help, and no need: the list that stands in where the search by tags is denied, which this allows; what tells more of a role that
/// others made, and of an empty answer of Beanstalk's, which other reads prove; what explains a policy that cannot be attached.
const LEFT_OUT: &[&str] = &["dynamodb:ListTables", "iam:GetPolicy", "iam:SimulatePrincipalPolicy"];

/// What `plan`, `status`, `list` and `doctor` do not read: who registered, what the app and its visitors said, and what instances do.
const NOT_FOR_READERS: &[&str] = &["dynamodb:GetItem", "dynamodb:Scan", "logs:FilterLogEvents", "ssm:*"];

/// What a statement's actions act on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum On {
    Anything,
    /// EC2 knows its things by ids, which nobody knows before: whatever is in the stack's region.
    Region,
    Table,
    Roles,
}

struct Rule {
    sid: &'static str,
    /// Patterns of actions.
    actions: &'static [&'static str],
    on: On,
    /// Whether a stack of this profile has it.
    is_used: fn(&Profile) -> bool,
}

const fn always(sid: &'static str, actions: &'static [&'static str], on: On) -> Rule {
    Rule {
        sid,
        actions,
        on,
        is_used: |_| true,
    }
}

/// The first one that an action meets has it.
const RULES: &[Rule] = &[
    always("Table", &["dynamodb:*"], On::Table),
    always("Roles", &["iam:*"], On::Roles),
    Rule {
        is_used: |profile| profile.ssh.enabled,
        ..always(
            "KeyPair",
            &["ec2:CreateKeyPair", "ec2:DeleteKeyPair", "ec2:ImportKeyPair"],
            On::Region,
        )
    },
    always(
        "Commands",
        &["ec2:ModifyInstanceCreditSpecification", "ssm:*"],
        On::Region,
    ),
    always(
        "Look",
        &["ec2:Describe*", "elasticloadbalancing:Describe*"],
        On::Anything,
    ),
    Rule {
        is_used: Profile::has_own_load_balancer,
        ..always("FrontDoor", &["ec2:ModifySecurityGroupRules"], On::Region)
    },
    Rule {
        is_used: |profile| profile.network.vpc.is_none(),
        ..always("Network", &["ec2:*"], On::Region)
    },
    Rule {
        is_used: |profile| profile.cdn.enabled,
        ..always("Edge", &["cloudfront:*"], On::Anything)
    },
    Rule {
        is_used: Profile::has_web_acl,
        ..always("Firewall", &["wafv2:*"], On::Anything)
    },
    Rule {
        is_used: |profile| !profile.site_names().is_empty(),
        ..always("Domain", &["acm:*", "route53:*"], On::Anything)
    },
    always("Search", &["tag:*", "logs:*"], On::Anything),
    always("Quotas", &["servicequotas:*"], On::Anything),
];

/// What the stack's profile takes. `account`: twelve digits, or `*` for whichever it is attached in.
pub fn policy(stack: &Stack, account: &str, wanted: Use) -> Policy {
    let (name, allowed) = match wanted {
        Use::Everything => ADMINISTRATOR,
        Use::Reading => READER,
    };
    let mut actions = actions_of(READS);
    if wanted == Use::Everything {
        actions.extend(actions_of(WRITES));
        actions.sort();
        actions.dedup();
    }
    let is_lacking = |action: &String| !meets_one(allowed, action) && !is_left_out(action, wanted);
    let lacking: Vec<String> = actions.into_iter().filter(is_lacking).collect();
    let partition = partitions::of_region(&stack.region).name;
    let used = RULES.iter().filter(|rule| (rule.is_used)(&stack.profile));
    let statements = used.filter_map(|rule| {
        let actions = lacking
            .iter()
            .filter(|action| rule_of(action).is_some_and(|first| first.sid == rule.sid));
        let actions: Vec<String> = actions.cloned().collect();
        (!actions.is_empty()).then(|| Statement {
            sid: rule.sid,
            actions,
            resources: resources(rule.on, stack, partition, account),
            region: (rule.on == On::Region).then(|| stack.region.clone()),
        })
    });
    Policy {
        attach: format!("arn:{partition}:iam::aws:policy/{name}"),
        statements: statements.collect(),
    }
}

fn is_left_out(action: &str, wanted: Use) -> bool {
    LEFT_OUT.contains(&action) || wanted == Use::Reading && meets_one(NOT_FOR_READERS, action)
}

fn rule_of(action: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| meets_one(rule.actions, action))
}

fn meets_one(patterns: &[&str], action: &str) -> bool {
    patterns.iter().any(|pattern| match pattern.strip_suffix('*') {
        Some(beginning) => action.starts_with(beginning),
        None => action == *pattern,
    })
}

fn resources(on: On, stack: &Stack, partition: &str, account: &str) -> Vec<String> {
    let Names {
        table,
        service_role,
        own_service_role,
        instance_role,
        own_instance_role,
        instance_profile,
        own_instance_profile,
        ..
    } = &stack.names;
    match on {
        On::Anything | On::Region => vec!["*".to_owned()],
        On::Table => vec![format!(
            "arn:{partition}:dynamodb:{}:{account}:table/{table}",
            stack.region
        )],
        On::Roles => {
            let arn = |kind: &str, name: &str| format!("arn:{partition}:iam::{account}:{kind}/{name}");
            let roles = [service_role, own_service_role, instance_role, own_instance_role];
            let roles = roles.map(|name| arn("role", name));
            let profiles = [instance_profile, own_instance_profile].map(|name| arn("instance-profile", name));
            let mut all: Vec<String> = roles.into_iter().chain(profiles).collect();
            all.sort();
            all.dedup();
            all
        }
    }
}

impl Policy {
    /// The statements in as few documents as they fit into.
    pub fn documents(&self) -> Vec<Value> {
        let mut documents: Vec<Vec<Value>> = Vec::new();
        for statement in &self.statements {
            let statement = statement.json();
            match documents.last_mut() {
                Some(last)
                    if characters(&document(&[last.as_slice(), std::slice::from_ref(&statement)].concat())) <= MOST =>
                {
                    last.push(statement);
                }
                _ => documents.push(vec![statement]),
            }
        }
        documents.iter().map(|statements| document(statements)).collect()
    }
}

impl Statement {
    fn json(&self) -> Value {
        let mut statement = json!({
            "Sid": self.sid,
            "Effect": "Allow",
            "Action": self.actions,
            "Resource": self.resources,
        });
        if let Some(region) = &self.region {
            statement["Condition"] = json!({"StringEquals": {"aws:RequestedRegion": region}});
        }
        statement
    }
}

fn document(statements: &[Value]) -> Value {
    json!({"Version": "2012-10-17", "Statement": statements})
}

/// As IAM counts them: without white space.
pub fn characters(document: &Value) -> usize {
    document.to_string().chars().filter(|c| !c.is_whitespace()).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::LoadBalancerMode;

    fn of(change: impl FnOnce(&mut Profile), wanted: Use) -> Policy {
        policy(&Stack::for_test(change), "123456789012", wanted)
    }

    fn sids(policy: &Policy) -> Vec<&str> {
        policy.statements.iter().map(|statement| statement.sid).collect()
    }

    #[test]
    fn every_operation_that_is_used_is_allowed_by_a_statement_or_by_awss_policy() {
        for (table, wanted, allowed) in [
            ([READS, WRITES].concat(), Use::Everything, ADMINISTRATOR.1),
            (READS.to_vec(), Use::Reading, READER.1),
        ] {
            let with_all = |profile: &mut Profile| {
                profile.domain.name = Some("example.org".to_owned());
                profile.load_balancer.mode = LoadBalancerMode::Own;
            };
            let policy = of(with_all, wanted);
            let ours: Vec<&String> = policy
                .statements
                .iter()
                .flat_map(|statement| &statement.actions)
                .collect();
            for action in actions_of(&table) {
                let is_ours = ours.iter().filter(|other| ***other == action).count();
                let left_out = usize::from(is_left_out(&action, wanted));
                let times = is_ours + usize::from(meets_one(allowed, &action)) + left_out;
                assert_eq!(times, 1, "{action} for {wanted:?}");
            }
        }
    }

    #[test]
    fn who_only_reads_is_allowed_no_write_and_learns_of_nobody_who_registered() {
        let policy = of(|_| {}, Use::Reading);
        let reads = actions_of(READS);
        let all = policy.statements.iter().flat_map(|statement| &statement.actions);
        let others: Vec<&String> = all.filter(|action| !reads.contains(action)).collect();
        assert!(others.is_empty(), "{others:?}");
        assert_eq!(
            sids(&policy),
            ["Table", "Roles", "Look", "Edge", "Firewall", "Search", "Quotas"]
        );
        let table = &policy.statements[0].actions;
        let of_the_table_alone = |action: &String| action.contains(":Describe") || action.contains(":ListTags");
        assert!(table.iter().all(of_the_table_alone), "{table:?}");
    }

    #[test]
    fn a_profile_takes_what_it_has_and_no_more_on_what_is_its_own() {
        let all = of(|_| {}, Use::Everything);
        assert_eq!(
            sids(&all),
            [
                "Table", "Roles", "KeyPair", "Commands", "Network", "Edge", "Firewall", "Search", "Quotas"
            ]
        );
        assert_eq!(
            all.statements[0].resources,
            ["arn:aws:dynamodb:us-east-1:123456789012:table/users"]
        );
        let small = of(
            |profile| {
                profile.ssh.enabled = false;
                profile.cdn.enabled = false;
                profile.network.vpc = Some("vpc-1".to_owned());
            },
            Use::Everything,
        );
        assert_eq!(sids(&small), ["Table", "Roles", "Commands", "Search", "Quotas"]);
    }

    #[test]
    fn documents_are_as_few_as_iam_takes() {
        for wanted in [Use::Everything, Use::Reading] {
            let documents = of(|_| {}, wanted).documents();
            assert_eq!(documents.len(), 1);
            assert!(documents.iter().all(|document| characters(document) <= MOST));
        }
        let mut many = of(|_| {}, Use::Everything);
        many.statements = many.statements.iter().cycle().take(30).cloned().collect();
        let documents = many.documents();
        assert!(documents.len() > 1 && documents.iter().all(|document| characters(document) <= MOST));
        let all: usize = documents
            .iter()
            .map(|document| document["Statement"].as_array().unwrap().len())
            .sum();
        assert_eq!(all, 30);
    }
}
