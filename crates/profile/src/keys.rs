//! The list of every key that a profile may have: what it takes and what it is about.
//! Errors and `--set` go by it, and docs/profiles.md is held against it; the values are `model`'s.

use Takes::{Bool, Number, Text, Texts, Whole, WholeOf, Word};

use super::model::*;
use super::patterns;

/// One key of a profile.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Its path, as `scaling.max`. A last part of `*` stands for any name.
    pub path: &'static str,
    /// What it takes.
    pub takes: Takes,
    /// What it is about, in a few words.
    pub about: &'static str,
}

/// What a key takes.
#[derive(Clone, Copy, Debug)]
pub enum Takes {
    /// A string that the predicate accepts, and what that is in words.
    Text(fn(&str) -> bool, &'static str),
    /// A list of such strings.
    Texts(fn(&str) -> bool, &'static str),
    /// One of these words.
    Word(&'static [&'static str]),
    /// A whole number in this range.
    Whole(u32, u32),
    /// One of these whole numbers.
    WholeOf(&'static [u32]),
    /// Any number from 0.
    Number,
    /// `true` or `false`.
    Bool,
}

impl Key {
    /// What is allowed, as the end of "allowed: …".
    pub fn allowed(&self) -> String {
        match self.takes {
            Takes::Text(_, what) => what.into(),
            Takes::Texts(_, what) => format!("a list of strings, each {what}"),
            Takes::Word(words) => format!("one of {}", quoted(words)),
            Takes::Whole(least, most) => format!("a whole number from {least} to {most}"),
            Takes::WholeOf(numbers) => format!("one of {}", quoted(numbers)),
            Takes::Number => "a number from 0".into(),
            Takes::Bool => "`true` or `false`".into(),
        }
    }

    fn matches(&self, path: &[String]) -> bool {
        let mut parts = self.path.split('.');
        path.iter()
            .all(|part| parts.next().is_some_and(|own| own == "*" || own == part))
            && parts.next().is_none()
    }
}

fn quoted<T: std::fmt::Display>(items: &[T]) -> String {
    items
        .iter()
        .map(|item| format!("`{item}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

/// The key at this path, if there is one.
pub(super) fn find(path: &[String]) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.matches(path))
}

/// Whether there are keys below this path.
pub(super) fn is_section(path: &[String]) -> bool {
    KEYS.iter().any(|key| {
        let parts: Vec<&str> = key.path.split('.').collect();
        parts.len() > path.len() && parts.iter().zip(path).all(|(own, part)| own == part)
    })
}

/// The valid key or section that is most like this one: a misspelling, or a right name in a wrong section.
pub(super) fn nearest(path: &[String]) -> Option<&'static str> {
    let wanted = path.join(".");
    let last = path.last().map(String::as_str).unwrap_or_default();
    let likeness = |candidate: &str| {
        let own_last = candidate.rsplit('.').next().unwrap_or_default();
        let in_any_section = 0.9 * strsim::jaro_winkler(last, own_last);
        strsim::normalized_damerau_levenshtein(&wanted, candidate).max(in_any_section)
    };
    let sections = KEYS
        .iter()
        .filter_map(|key| key.path.rsplit_once('.'))
        .map(|(section, _)| section);
    let keys = KEYS.iter().map(|key| key.path).filter(|path| !path.ends_with('*'));
    best(sections.chain(keys), likeness)
}

/// The word that is most like this one, whatever its case and hyphens.
pub(super) fn nearest_word(word: &str, words: &'static [&'static str]) -> Option<&'static str> {
    let plain = |word: &str| word.to_ascii_lowercase().replace(['-', '_'], "");
    let wanted = plain(word);
    best(words.iter().copied(), |candidate| {
        strsim::jaro_winkler(&wanted, &plain(candidate))
    })
}

/// The candidate that is most like what was meant, if any is like it at all.
pub(super) fn best(
    candidates: impl Iterator<Item = &'static str>,
    likeness: impl Fn(&str) -> f64,
) -> Option<&'static str> {
    candidates
        .map(|candidate| (likeness(candidate), candidate))
        .filter(|(likeness, _)| *likeness > 0.7)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, candidate)| candidate)
}

const fn key(path: &'static str, takes: Takes, about: &'static str) -> Key {
    Key { path, takes, about }
}

/// Days that CloudWatch Logs can keep a log group (botocore: logs, PutRetentionPolicy).
const RETENTION_DAYS: &[u32] = &[
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
];

/// Every key, in the order of a profile.
pub const KEYS: &[Key] = &[
    key(
        "account",
        Text(patterns::account, "a string of 12 digits"),
        "the only AWS account this may be used in",
    ),
    key(
        "region",
        Text(patterns::region, "an AWS region, as `us-east-1`"),
        "the AWS region",
    ),
    key(
        "app.name",
        Text(patterns::application, "1 to 100 characters without a slash"),
        "name of the application",
    ),
    key(
        "app.bundle",
        Text(
            patterns::path,
            "`app-bundle`, or the path of a Cargo package, a folder or a zip with a Procfile",
        ),
        "what Beanstalk runs",
    ),
    key(
        "app.version_label",
        Text(patterns::application, "1 to 100 characters without a slash"),
        "version label; else derived from the bundle",
    ),
    key(
        "app.platform",
        Text(
            patterns::platform_branch,
            "a platform branch, as `Go 1 running on 64bit Amazon Linux 2023`",
        ),
        "platform branch",
    ),
    key(
        "app.platform_version",
        Text(patterns::platform_version, "a platform version, as `4.10.0`"),
        "exact platform version; else the recommended one at creation",
    ),
    key(
        "app.health_path",
        Text(patterns::url_path, "a path that begins with a slash, as `/health`"),
        "what the load balancer asks for",
    ),
    key(
        "app.properties.*",
        Text(patterns::property_value, "a string in one line"),
        "environment properties of the app",
    ),
    key(
        "network.vpc",
        Text(patterns::vpc, "a VPC's id, as `vpc-0123456789abcdef0`"),
        "VPC; else the default VPC",
    ),
    key(
        "network.subnets",
        Texts(patterns::subnet, "a subnet's id, as `subnet-0123456789abcdef0`"),
        "instances' subnets",
    ),
    key(
        "network.lb_subnets",
        Texts(patterns::subnet, "a subnet's id, as `subnet-0123456789abcdef0`"),
        "load balancer's subnets; else those of the instances",
    ),
    key(
        "network.create_default_vpc",
        Bool,
        "create the account's default VPC where it has none",
    ),
    key("network.azs", Whole(1, 6), "number of availability zones"),
    key("network.public_ip", Bool, "public IP addresses for the instances"),
    key("roles.mode", Word(RolesMode::WORDS), "where the roles come from"),
    key(
        "roles.service",
        Text(patterns::role, "a role's name of up to 64 characters"),
        "service role",
    ),
    key(
        "roles.instance",
        Text(patterns::role, "a role's name of up to 64 characters"),
        "instances' role and profile",
    ),
    key(
        "roles.instance_policies",
        Texts(
            patterns::policy,
            "the name of an AWS managed policy, or the ARN of any policy",
        ),
        "policies of the instances' role",
    ),
    key(
        "roles.dynamodb",
        Word(DynamoDbAccess::WORDS),
        "what the instances may do in DynamoDB",
    ),
    key(
        "roles.ssm",
        Bool,
        "add AmazonSSMManagedInstanceCore, which `stress` needs",
    ),
    key(
        "roles.permissions_boundary",
        Text(patterns::policy_arn, "the ARN of a policy"),
        "permissions boundary of the roles that are created",
    ),
    key("ssh.enabled", Bool, "have a key pair"),
    key(
        "ssh.key_name",
        Text(patterns::key_pair, "1 to 255 ASCII characters"),
        "name of the key pair",
    ),
    key(
        "ssh.public_key",
        Text(patterns::path, "the path of a public key"),
        "public key to import; else EC2 makes one",
    ),
    key(
        "ssh.source",
        Text(
            patterns::cidr,
            "an IPv4 CIDR block without host bits, as `203.0.113.0/24`",
        ),
        "who may reach port 22",
    ),
    key(
        "table.name",
        Text(patterns::table, "3 to 255 letters, digits, `_`, `-` and `.`"),
        "name of the table",
    ),
    key(
        "table.key",
        Text(patterns::attribute, "letters, digits, `_` and `-`, with no digit first"),
        "partition key",
    ),
    key("table.billing", Word(BillingMode::WORDS), "billing mode"),
    key(
        "table.read_capacity",
        Whole(1, 40_000),
        "read capacity units, if provisioned",
    ),
    key(
        "table.write_capacity",
        Whole(1, 40_000),
        "write capacity units, if provisioned",
    ),
    key("table.deletion_protection", Bool, "deletion protection"),
    key("table.point_in_time_recovery", Bool, "point-in-time recovery"),
    key(
        "environment.name",
        Text(
            patterns::environment,
            "4 to 40 letters, digits and hyphens, no hyphen at either end",
        ),
        "name of the environment",
    ),
    key(
        "environment.cname_prefix",
        Text(
            patterns::cname_prefix,
            "4 to 63 letters, digits and hyphens, no hyphen at either end",
        ),
        "first label of the environment's domain",
    ),
    key("environment.type", Word(EnvironmentType::WORDS), "environment type"),
    key(
        "environment.deployment_policy",
        Word(DeploymentPolicy::WORDS),
        "how a new version is deployed",
    ),
    key(
        "environment.deployment_batch_percent",
        Whole(1, 100),
        "percent of the instances deployed to at a time",
    ),
    key(
        "environment.command_timeout",
        Whole(1, 3600),
        "seconds that a command on the instances may take",
    ),
    key(
        "environment.rolling_update_batch",
        Whole(1, 10_000),
        "instances replaced at a time when settings change",
    ),
    key("environment.log_streaming", Bool, "send logs to CloudWatch Logs"),
    key(
        "environment.log_retention_days",
        WholeOf(RETENTION_DAYS),
        "days that the logs are kept",
    ),
    key(
        "environment.log_delete_on_terminate",
        Bool,
        "delete the logs with the environment",
    ),
    key(
        "instance.types",
        Texts(patterns::instance_type, "an instance type, as `t3.micro`"),
        "instance types",
    ),
    key(
        "instance.architecture",
        Word(Architecture::WORDS),
        "processor architecture of the instances",
    ),
    key(
        "instance.root_volume_type",
        Word(VolumeType::WORDS),
        "type of the root volume",
    ),
    key(
        "instance.root_volume_size",
        Whole(10, 16_384),
        "size of the root volume in GiB; taken out again, it stays as it was set",
    ),
    key("instance.imds_v1", Bool, "let the old metadata service answer too"),
    key(
        "instance.monitoring_period",
        WholeOf(&[60, 300]),
        "seconds between measurements (60 is paid)",
    ),
    key("scaling.min", Whole(1, 10_000), "least number of instances"),
    key("scaling.max", Whole(1, 10_000), "most instances"),
    key("scaling.metric", Word(Metric::WORDS), "what the thresholds are about"),
    key("scaling.upper", Number, "above this instances are added (CPU: percent)"),
    key(
        "scaling.lower",
        Number,
        "below this instances are removed (CPU: percent)",
    ),
    key(
        "scaling.period",
        Whole(60, 36_000),
        "seconds of one evaluation, a multiple of 60",
    ),
    key(
        "scaling.evaluation_periods",
        Whole(1, 600),
        "evaluations in a row that must agree",
    ),
    key("scaling.cooldown", Whole(0, 10_000), "seconds of rest after a change"),
    key(
        "scaling.increment",
        Whole(1, 100),
        "instances added or removed at a time",
    ),
    key(
        "load_balancer.idle_timeout",
        Whole(1, 4000),
        "seconds until an idle connection is closed",
    ),
    key(
        "load_balancer.health_check_interval",
        Whole(5, 300),
        "seconds between health checks",
    ),
    key(
        "load_balancer.health_check_timeout",
        Whole(2, 60),
        "seconds until a health check has failed",
    ),
    key(
        "load_balancer.healthy_threshold",
        Whole(2, 10),
        "good checks that make an instance healthy",
    ),
    key(
        "load_balancer.unhealthy_threshold",
        Whole(2, 10),
        "failed checks that make it unhealthy",
    ),
    key(
        "load_balancer.matcher",
        Text(
            patterns::matcher,
            "statuses of 200 to 499: `200`, `200,301` or `200-299`",
        ),
        "statuses of a good check",
    ),
    key(
        "load_balancer.deregistration_delay",
        Whole(0, 3600),
        "seconds to finish requests in",
    ),
    key("cdn.enabled", Bool, "put CloudFront in front"),
    key(
        "cdn.origin",
        Word(CdnOrigin::WORDS),
        "which name CloudFront fetches from",
    ),
    key("cdn.price_class", Word(PriceClass::WORDS), "which edge locations serve"),
    key("cdn.cache_policy", Word(CachePolicy::WORDS), "managed cache policy"),
    key(
        "cdn.viewer_protocol",
        Word(ViewerProtocolPolicy::WORDS),
        "what becomes of plain HTTP from visitors",
    ),
    key(
        "cdn.methods",
        Texts(patterns::http_method, "an HTTP method in capitals"),
        "HTTP methods allowed",
    ),
    key(
        "cdn.http_version",
        Word(HttpVersion::WORDS),
        "newest HTTP version for visitors",
    ),
    key("cdn.ipv6", Bool, "answer on IPv6"),
    key("cdn.compress", Bool, "compress for visitors"),
    key(
        "cdn.origin_read_timeout",
        Whole(1, 120),
        "seconds to wait for the origin's answer",
    ),
    key(
        "cdn.origin_keepalive_timeout",
        Whole(1, 120),
        "seconds that idle connections to the origin are kept",
    ),
    key(
        "cdn.comment",
        Text(patterns::comment, "1 to 128 characters in one line"),
        "comment of the distribution",
    ),
    key("waf.enabled", Bool, "put a web ACL before the distribution"),
    key(
        "waf.name",
        Text(patterns::waf_name, "1 to 128 letters, digits, `_` and `-`"),
        "name of the web ACL",
    ),
    key(
        "waf.groups",
        Texts(
            patterns::waf_name,
            "the name of an AWS managed rule group, as `AWSManagedRulesCommonRuleSet`",
        ),
        "managed rule groups, in order",
    ),
    key("waf.mode", Word(WafMode::WORDS), "block, or count only"),
    key(
        "notifications.email",
        Text(patterns::email, "an e-mail address"),
        "who is told by e-mail",
    ),
    key(
        "tags.*",
        Text(patterns::tag_value, "up to 255 letters, digits, spaces and `_.:/=+-@`"),
        "tags of all resources",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_on_profiles_has_every_key_in_order() {
        let page = include_str!("../../../docs/profiles.md");
        let (_, tables) = page.split_once("## Every key").unwrap();
        let rows = tables.lines().filter_map(|line| line.strip_prefix("| `"));
        let told: Vec<_> = rows.filter_map(|row| row.split('`').next()).collect();
        assert_eq!(told, KEYS.iter().map(|key| key.path).collect::<Vec<_>>());
    }
}
