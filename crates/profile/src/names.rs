//! The names of everything that a stack creates, derived once from the profile, the stack's name and the region.
//! Calls nobody: whether a name is free is seen elsewhere.

use std::fmt;
use std::str::FromStr;

use super::{CdnOrigin, Profile, RolesMode};

/// A stack's name: 2 to 20 characters, `[a-z][a-z0-9-]*`, not ending in a hyphen. It is short enough for every name
/// derived from it to stay within AWS's limits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StackName(String);

/// The stack whose resources have the article's names.
const ARTICLE_STACK: &str = "tcb-conference";

/// A name that no stack can have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` cannot be the name of a stack: it takes 2 to 20 characters, small letters, digits and hyphens, with a letter \
     first and no hyphen last"
)]
pub struct InvalidStackName(pub String);

impl StackName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this stack uses the article's names as they are.
    pub(crate) fn is_article(&self) -> bool {
        self.0 == ARTICLE_STACK
    }
}

impl Default for StackName {
    fn default() -> Self {
        Self(ARTICLE_STACK.into())
    }
}

impl FromStr for StackName {
    type Err = InvalidStackName;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let good = (2..=20).contains(&name.len())
            && name.starts_with(|first: char| first.is_ascii_lowercase())
            && !name.ends_with('-')
            && name
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        if good {
            Ok(Self(name.into()))
        } else {
            Err(InvalidStackName(name.into()))
        }
    }
}

impl fmt::Display for StackName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// What everything of one stack in one region is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    pub application: String,
    pub environment: String,
    pub table: String,
    pub key_pair: String,
    /// The service role that is wanted first.
    pub service_role: String,
    /// Where `roles.mode = "auto"` finds that name taken by what does not fit: a name that no other region uses.
    pub own_service_role: String,
    /// The instances' role that is wanted first.
    pub instance_role: String,
    /// As `own_service_role`.
    pub own_instance_role: String,
    /// The instance profile of `instance_role`, which has the role's name as the console gives it.
    pub instance_profile: String,
    /// As `own_service_role`.
    pub own_instance_profile: String,
    /// Of the load balancer that is the stack's own, and of its security group. AWS's policy for who runs Beanstalk lets make one
    /// whose name begins so (AWS Managed Policy Reference, AdministratorAccess-AWSElasticBeanstalk).
    pub load_balancer: String,
    /// Account-wide, so it holds the region.
    pub web_acl: String,
    /// Account-wide, so it holds the region. At most 128 characters.
    pub distribution_comment: String,
    /// What the environment is called where there is one.
    first: String,
    cname: CnamePrefix,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum CnamePrefix {
    Exact(String),
    Random(String),
}

impl Names {
    /// The names of `stack` in `region`: what the profile says, else the article's for the default stack, else derived.
    pub fn resolve(profile: &Profile, stack: &StackName, region: &str) -> Self {
        let or = |given: &Option<String>, article: &str, derived: String| match given {
            Some(name) => name.clone(),
            None if stack.is_article() => article.into(),
            None => derived,
        };
        let own = |role: &str| format!("{stack}-{region}-{role}");
        let role = |given: &Option<String>, article: &str, role: &str| match given {
            None if profile.roles.mode == RolesMode::Own => own(role),
            given => or(given, article, format!("{stack}-{role}")),
        };
        let environment = or(&profile.environment.name, "Tcb-conference-env", format!("{stack}-env"));
        let instance_role = role(&profile.roles.instance, "aws-elasticbeanstalk-ec2-role", "ec2-role");
        Self {
            application: or(&profile.app.name, ARTICLE_STACK, stack.to_string()),
            table: or(&profile.table.name, "users", format!("{stack}-users")),
            key_pair: or(&profile.ssh.key_name, "mod4-ssh-key", format!("{stack}-ssh-key")),
            service_role: role(
                &profile.roles.service,
                "aws-elasticbeanstalk-service-role",
                "service-role",
            ),
            own_service_role: own("service-role"),
            instance_profile: instance_role.clone(),
            instance_role,
            own_instance_role: own("ec2-role"),
            own_instance_profile: own("ec2-role"),
            load_balancer: format!("eb-{stack}"),
            web_acl: profile
                .waf
                .name
                .clone()
                .unwrap_or_else(|| format!("confctl-{stack}-{region}")),
            distribution_comment: profile
                .cdn
                .comment
                .clone()
                .unwrap_or_else(|| format!("confctl {stack} {region}")),
            cname: CnamePrefix::of(profile, &environment),
            first: environment.clone(),
            environment,
        }
    }

    /// The names of the stack's environment: the first, and that of a second one which may stand beside it.
    pub fn environments(&self) -> [String; 2] {
        // Beanstalk's names have 40 characters at most (botocore: elasticbeanstalk, EnvironmentName).
        let stem: String = self.first.chars().take(38).collect();
        let second = match self.first.ends_with("-b") {
            true => format!("{stem}-a"),
            false => format!("{stem}-b"),
        };
        [self.first.clone(), second]
    }

    /// From here on the environment has that name. A prefix of a domain is given once: the second one's is like it.
    pub fn call_environment(&mut self, name: &str) {
        if let (CnamePrefix::Exact(prefix), false) = (&self.cname, self.first == name) {
            self.cname = CnamePrefix::Random(prefix.clone());
        }
        name.clone_into(&mut self.environment);
    }

    /// The CNAME prefix to ask Beanstalk for. It ends in `random` (8 characters or more of `[a-z0-9]`), except where the
    /// profile names one for a distribution that does not depend on it: a freed name can be taken by anyone.
    pub fn cname_prefix(&self, random: &str) -> String {
        match &self.cname {
            CnamePrefix::Exact(prefix) => prefix.clone(),
            CnamePrefix::Random(stem) => format!("{stem}-{random}"),
        }
    }

    /// Whether another name is no way out where this one is taken.
    pub fn has_exact_cname_prefix(&self) -> bool {
        matches!(self.cname, CnamePrefix::Exact(_))
    }

    /// Whether a domain that begins with this label was asked for by such a prefix.
    pub fn fits_cname(&self, label: &str) -> bool {
        match &self.cname {
            CnamePrefix::Exact(prefix) => label.eq_ignore_ascii_case(prefix),
            CnamePrefix::Random(stem) => {
                let begins = label
                    .get(..stem.len())
                    .is_some_and(|begin| begin.eq_ignore_ascii_case(stem));
                begins && label[stem.len()..].starts_with('-')
            }
        }
    }

    /// Each name with what it is the name of, for `profile show`. The CNAME prefix is not among them.
    pub fn each(&self) -> Vec<(&'static str, &str)> {
        vec![
            ("application", &self.application),
            ("environment", &self.environment),
            ("table", &self.table),
            ("key pair", &self.key_pair),
            ("service role", &self.service_role),
            ("service role, if that one is taken", &self.own_service_role),
            ("instance role and profile", &self.instance_role),
            (
                "instance role and profile, if that one is taken",
                &self.own_instance_role,
            ),
            (
                "load balancer and its security group, if they are its own",
                &self.load_balancer,
            ),
            ("web ACL", &self.web_acl),
            ("distribution's comment", &self.distribution_comment),
        ]
    }
}

impl CnamePrefix {
    fn of(profile: &Profile, environment: &str) -> Self {
        let through_cname = profile.cdn.enabled && profile.cdn.origin == CdnOrigin::Cname;
        match &profile.environment.cname_prefix {
            Some(prefix) if !through_cname => Self::Exact(prefix.clone()),
            Some(prefix) => Self::Random(prefix.clone()),
            None => Self::Random(environment.to_ascii_lowercase()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(stack: &str, region: &str) -> Names {
        Names::resolve(&Profile::default(), &stack.parse().unwrap(), region)
    }

    #[test]
    fn the_default_stack_has_the_articles_names() {
        let names = Names::resolve(&Profile::default(), &StackName::default(), "us-east-1");
        assert_eq!(names.application, "tcb-conference");
        assert_eq!(names.environment, "Tcb-conference-env");
        assert_eq!(names.table, "users");
        assert_eq!(names.key_pair, "mod4-ssh-key");
        assert_eq!(names.service_role, "aws-elasticbeanstalk-service-role");
        assert_eq!(names.instance_role, "aws-elasticbeanstalk-ec2-role");
        assert_eq!(names.instance_profile, "aws-elasticbeanstalk-ec2-role");
    }

    #[test]
    fn two_stacks_share_no_name() {
        let (one, two) = (names("one", "us-east-1"), names("two", "us-east-1"));
        for ((what, of_one), (_, of_two)) in one.each().into_iter().zip(two.each()) {
            assert_ne!(of_one, of_two, "{what}");
        }
    }

    #[test]
    fn account_wide_names_differ_between_regions_even_for_one_stack_name() {
        let (here, there) = (names("one", "us-east-1"), names("one", "eu-west-1"));
        assert_ne!(here.web_acl, there.web_acl);
        assert_ne!(here.distribution_comment, there.distribution_comment);
        assert_ne!(here.own_service_role, there.own_service_role);
        assert_ne!(here.own_instance_role, there.own_instance_role);
    }

    #[test]
    fn the_longest_stack_name_stays_within_the_limits_of_aws() {
        let names = names("a2345678901234567890", "ap-southeast-7-lax-1a");
        assert!(names.environment.len() <= 40);
        assert!(names.cname_prefix("0123456789abcdef").len() <= 63);
        assert!(names.application.len() <= 100);
        for role in [
            &names.service_role,
            &names.own_service_role,
            &names.instance_role,
            &names.own_instance_role,
        ] {
            assert!(role.len() <= 64, "{role}");
        }
        assert!(names.load_balancer.len() <= 32);
        assert!(names.web_acl.len() <= 128 && names.distribution_comment.len() <= 128);
    }

    #[test]
    fn a_second_environment_has_a_name_and_a_domain_of_its_own() {
        let mut profile = Profile::default();
        profile.environment.cname_prefix = Some("register".into());
        let of = |name: &str, profile: &Profile| {
            let mut profile = profile.clone();
            profile.environment.name = Some(name.into());
            Names::resolve(&profile, &StackName::default(), "us-east-1")
        };
        let mut names = of("site", &profile);
        assert_eq!(names.environments(), ["site", "site-b"]);
        names.call_environment("site");
        assert!(names.has_exact_cname_prefix());
        names.call_environment("site-b");
        assert_eq!(names.cname_prefix("x7k2p9qa"), "register-x7k2p9qa");
        assert!(names.fits_cname("register-x7k2p9qa"));
        assert_eq!(names.environments(), ["site", "site-b"], "whichever is meant");
        for longest in ["a".repeat(40), format!("{}-b", "a".repeat(38))] {
            let [_, second] = of(&longest, &profile).environments();
            assert!(second.len() == 40 && second != longest, "{second}");
        }
    }

    #[test]
    fn a_name_in_the_profile_wins_over_the_derived_one() {
        let mut profile = Profile::default();
        profile.table.name = Some("guests".into());
        let stack: StackName = "one".parse().unwrap();
        assert_eq!(Names::resolve(&profile, &stack, "us-east-1").table, "guests");
    }

    #[test]
    fn roles_of_our_own_never_take_the_shared_names() {
        let mut profile = Profile::default();
        profile.roles.mode = RolesMode::Own;
        let names = Names::resolve(&profile, &StackName::default(), "us-east-1");
        assert_eq!(names.service_role, "tcb-conference-us-east-1-service-role");
        assert_eq!(names.instance_role, "tcb-conference-us-east-1-ec2-role");
    }

    #[test]
    fn a_cname_that_a_distribution_depends_on_cannot_be_guessed() {
        let mut profile = Profile::default();
        profile.environment.cname_prefix = Some("register".into());
        let stack = StackName::default();
        assert_eq!(
            Names::resolve(&profile, &stack, "us-east-1").cname_prefix("x7k2p9qa"),
            "register"
        );
        profile.cdn.origin = CdnOrigin::Cname;
        assert_eq!(
            Names::resolve(&profile, &stack, "us-east-1").cname_prefix("x7k2p9qa"),
            "register-x7k2p9qa"
        );
    }

    #[test]
    fn stack_names_that_aws_names_cannot_carry_are_refused() {
        for bad in ["", "a", "Tcb", "1st", "-a", "a-", "a_b", "a23456789012345678901", "é2"] {
            assert!(bad.parse::<StackName>().is_err(), "{bad}");
        }
    }
}
