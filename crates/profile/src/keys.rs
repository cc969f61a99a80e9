//! Every key that a profile may have, each told once: text, type, default, what it takes, what a change does to a stack that is up.
//! The structs, the list that errors and `--set` go by, and the table in docs/profiles.md are made of it.

use std::collections::BTreeMap;

use Changes::{
    AtCreation, Blocked, InPlace, Makes, MakesAnother, MakesOrRemoves, OfConfctl, ReplacesInstances, Restarts,
};
use Takes::{Bool, Number, Text, Texts, Whole, WholeOf, Word};
use serde::{Deserialize, Serialize};

use super::choices::*;
use super::declare::{default, keys, name, optional};
use super::key::{Changes, Key, Takes};
use super::patterns;
use super::together::With::{Distribution, KeyPair, LoadBalancer as Balancer, ManagedUpdates, RateRule, WebAcl};

/// Days that CloudWatch Logs can keep a log group (botocore: logs, PutRetentionPolicy).
const RETENTION_DAYS: &[u32] = &[
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
];

const SUBNET: Takes = Texts(patterns::subnet, "a subnet's id, as `subnet-0123456789abcdef0`");
const ROLE: Takes = Text(patterns::role, "a role's name of up to 64 characters");
const HOST: Takes = Text(
    patterns::host,
    "a domain name in small letters, as `events.example.org`",
);
const HOSTS: Takes = Texts(patterns::host, "a domain name in small letters, as `www.example.org`");
const LABEL: Takes = Text(patterns::application, "1 to 100 characters without a slash");

fn list(items: &[&str]) -> Vec<String> {
    items.iter().map(|item| (*item).to_owned()).collect()
}

// Durations are whole seconds, percentages run from 0 to 100.
keys! {
    /// Everything that a stack may differ in. `Profile::default()` is the article.
    Profile {
        /// The only AWS account that the profile may be used in.
        account: Option<String>, unset "any",
        takes Text(patterns::account, "a string of 12 digits"), changes OfConfctl("in another account it is refused");

        /// The AWS region.
        region: String = "us-east-1".into(),
        takes Text(patterns::region, "an AWS region, as `us-east-1`"), changes OfConfctl("another region is another stack; the first stays");
    }

    /// The Beanstalk application and the code that it runs.
    [app] App {
        /// Name of the application.
        name: Option<String>, unset "`tcb-conference`; else the stack's name",
        takes LABEL, changes Blocked("an environment stays in its application: change `environment.name` with it");

        /// What Beanstalk runs.
        bundle: String = "app-bundle".into(),
        takes Text(patterns::path, "`app-bundle`, or the path of a Cargo package, a folder or a zip with a Procfile"), changes Restarts;

        /// Version label.
        version_label: Option<String>, unset "from the bundle's contents",
        takes LABEL, changes Restarts;

        /// How many of the newest versions a deployment leaves; those that run, and the one to go back to, stay beside them.
        keep_versions: u32 = 10,
        takes Whole(1, 1000), changes OfConfctl("counts with the next `deploy`");

        /// Platform branch, as ListPlatformBranches names it.
        platform: String = "Go 1 running on 64bit Amazon Linux 2023".into(),
        takes Text(patterns::platform_branch, "a platform branch, as `Go 1 running on 64bit Amazon Linux 2023`"), changes Blocked("another language or system wants another `environment.name` with it; another version of the same replaces the instances");

        /// Exact platform version.
        platform_version: Option<String>, unset "the recommended one at creation",
        takes Text(patterns::platform_version, "a platform version, as `4.10.0`"), changes ReplacesInstances;

        /// What the load balancer asks for on each instance.
        health_path: String = "/health".into(),
        takes Text(patterns::url_path, "a path that begins with a slash, as `/health`"), with Balancer, changes InPlace;

        /// Environment properties of the app, beside `AWS_REGION`, `TABLE_NAME` and `TABLE_KEY`, which confctl sets.
        properties.*: BTreeMap<String, String>,
        takes Text(patterns::property_value, "a string in one line"), changes Restarts;
    }

    /// Where the instances and the load balancer are.
    [network] Network {
        /// VPC of one's own.
        vpc: Option<String>, unset "the default VPC",
        takes Text(patterns::vpc, "a VPC's id, as `vpc-0123456789abcdef0`"), changes Blocked("an environment stays in its VPC: give another `environment.name` with it");

        /// The instances' subnets, needed with `network.vpc`.
        subnets: Vec<String> = Vec::new(),
        takes SUBNET, changes ReplacesInstances;

        /// The load balancer's subnets; where none are given, those of the instances.
        lb_subnets: Vec<String> = Vec::new(),
        takes SUBNET, with Balancer, changes ReplacesInstances;

        /// Create the account's default VPC where it has none.
        create_default_vpc: bool = true,
        takes Bool, changes OfConfctl("counts where there is no default VPC");

        /// Number of availability zones; the load balancer pays a public IPv4 address in each.
        azs: u32 = 2,
        takes Whole(1, 6), changes AtCreation("name the subnets with `network.vpc` and `network.subnets`");

        /// Public IP addresses for the instances, without which they need a NAT to reach Beanstalk.
        public_ip: bool = true,
        takes Bool, changes ReplacesInstances;
    }

    /// The service role and the instances' role with its profile.
    [roles] Roles {
        /// Where the roles come from.
        mode: RolesMode = RolesMode::Auto,
        takes Word(RolesMode::WORDS), changes MakesAnother("role and instance profile; those that confctl made are removed", &ReplacesInstances);

        /// Name of the service role.
        service: Option<String>, unset "`aws-elasticbeanstalk-service-role`; else derived",
        takes ROLE, changes MakesAnother("role; one that confctl made is removed", &InPlace);

        /// Name of the instances' role and of its instance profile.
        instance: Option<String>, unset "`aws-elasticbeanstalk-ec2-role`; else derived",
        takes ROLE, changes MakesAnother("role and instance profile; those that confctl made are removed", &ReplacesInstances);

        /// Policies of the instances' role.
        instance_policies: Vec<String> = list(&["AWSElasticBeanstalkWebTier", "AWSElasticBeanstalkWorkerTier", "AWSElasticBeanstalkMulticontainerDocker"]),
        takes Texts(patterns::policy, "the name of an AWS managed policy, or the ARN of any policy"), changes InPlace;

        /// What the instances may do in DynamoDB.
        dynamodb: DynamoDbAccess = DynamoDbAccess::Full,
        takes Word(DynamoDbAccess::WORDS), changes InPlace;

        /// Add AmazonSSMManagedInstanceCore, without which `stress` cannot reach an instance.
        ssm: bool = true,
        takes Bool, changes InPlace;

        /// Permissions boundary of the roles that are created.
        permissions_boundary: Option<String>, unset "—",
        takes Text(patterns::policy_arn, "the ARN of a policy"), changes InPlace;
    }

    /// The key pair and who may use it.
    [ssh] Ssh {
        /// Have a key pair.
        enabled: bool = true,
        takes Bool, changes MakesOrRemoves("key pair", &ReplacesInstances);

        /// Name of the key pair.
        key_name: Option<String>, unset "`mod4-ssh-key`; else derived",
        takes Text(patterns::key_pair, "1 to 255 ASCII characters"), with KeyPair, changes MakesAnother("key pair; the former is removed", &ReplacesInstances);

        /// Public key to import.
        public_key: Option<String>, unset "EC2 makes one",
        takes Text(patterns::path, "the path of a public key"), with KeyPair, changes Blocked("a key pair's key cannot be changed: give another `ssh.key_name` with it");

        /// Who may reach port 22. The default closes it: Beanstalk's own is everybody.
        source: String = "127.0.0.1/32".into(),
        takes Text(patterns::cidr, "an IPv4 CIDR block without host bits, as `203.0.113.0/24`"), changes ReplacesInstances;
    }

    /// The DynamoDB table of registrations.
    [table] Table {
        /// Name of the table.
        name: Option<String>, unset "`users`; else derived",
        takes Text(patterns::table, "3 to 255 letters, digits, `_`, `-` and `.`"), changes MakesAnother("table; the former stays until `teardown --delete-data`", &Restarts);

        /// Partition key, a string.
        key: String = "email".into(),
        takes Text(patterns::attribute, "letters, digits, `_` and `-`, with no digit first"), changes Blocked("a table's key cannot be changed: give another `table.name` with it");

        /// Billing mode.
        billing: BillingMode = BillingMode::PayPerRequest,
        takes Word(BillingMode::WORDS), changes InPlace;

        /// Read capacity units a second, with `PROVISIONED` only.
        read_capacity: Option<u32>, unset "—",
        takes Whole(1, 40_000), changes InPlace;

        /// Write capacity units a second, with `PROVISIONED` only.
        write_capacity: Option<u32>, unset "—",
        takes Whole(1, 40_000), changes InPlace;

        /// Writes a second that it takes at once, where it takes fewer: paid once, and never lowered.
        warm_writes: Option<u32>, unset "what it takes by itself, 4,000 when it is new",
        takes Whole(4_000, 10_000_000), changes InPlace;

        /// Deletion protection.
        deletion_protection: bool = false,
        takes Bool, changes InPlace;

        /// Point-in-time recovery.
        point_in_time_recovery: bool = false,
        takes Bool, changes InPlace;
    }

    /// The Beanstalk environment itself.
    [environment] Environment {
        /// Name of the environment.
        name: Option<String>, unset "`Tcb-conference-env`; else derived",
        takes Text(patterns::environment, "4 to 40 letters, digits and hyphens, no hyphen at either end"), changes MakesAnother("environment; the former is removed when the new one serves", &InPlace);

        /// First label of the environment's domain.
        cname_prefix: Option<String>, unset "the environment's name and random characters",
        takes Text(patterns::cname_prefix, "4 to 63 letters, digits and hyphens, no hyphen at either end"), changes Blocked("an environment keeps its domain: give another `environment.name` with it");

        /// Environment type: a group of instances behind an application load balancer, or one instance with an elastic IP address.
        kind as "type": EnvironmentType = EnvironmentType::LoadBalanced,
        takes Word(EnvironmentType::WORDS), changes Blocked("Beanstalk would take it down meanwhile, and one made without a load balancer gets no application load balancer: give another `environment.name` with it");

        /// How a new version is deployed.
        deployment_policy: DeploymentPolicy = DeploymentPolicy::Rolling,
        takes Word(DeploymentPolicy::WORDS), changes InPlace;

        /// Percent of the instances deployed to at a time.
        deployment_batch_percent: u32 = 50,
        takes Whole(1, 100), with Balancer, changes InPlace;

        /// Seconds that a command on the instances may take.
        command_timeout: u32 = 600,
        takes Whole(1, 3600), changes InPlace;

        /// Instances replaced at a time when settings change.
        rolling_update_batch: u32 = 1,
        takes Whole(1, 10_000), with Balancer, changes InPlace;

        /// When Beanstalk moves the environment to newer platform versions by itself: the beginning of a window of two hours, weekly, UTC.
        managed_updates: Option<String>, unset "off",
        takes Text(patterns::weekly, "a day and a time in UTC, as `Sun:04:00`"), changes InPlace;

        /// Which platform versions it moves to: of the same minor version, or of any minor version of the branch.
        managed_updates_level: UpdateLevel = UpdateLevel::Minor,
        takes Word(UpdateLevel::WORDS), with ManagedUpdates, changes InPlace;

        /// Replace the instances in each window, also without a newer platform version.
        instance_refresh: bool = false,
        takes Bool, with ManagedUpdates, changes InPlace;

        /// Send logs to CloudWatch Logs.
        log_streaming: bool = true,
        takes Bool, changes InPlace;

        /// Days that the logs are kept.
        log_retention_days: u32 = 7,
        takes WholeOf(RETENTION_DAYS), changes InPlace;

        /// Delete the logs with the environment.
        log_delete_on_terminate: bool = true,
        takes Bool, changes InPlace;
    }

    /// The EC2 instances.
    [instance] Instance {
        /// Instance types of one architecture, the preferred one first: without Spot, Beanstalk launches only that.
        types: Vec<String> = list(&["t3.micro"]),
        takes Texts(patterns::instance_type, "an instance type, as `t3.micro`"), changes ReplacesInstances;

        /// Processor architecture of the instances.
        architecture: Architecture = Architecture::X86_64,
        takes Word(Architecture::WORDS), changes ReplacesInstances;

        /// Type of the root volume.
        root_volume_type: VolumeType = VolumeType::Gp3,
        takes Word(VolumeType::WORDS), changes ReplacesInstances;

        /// Size of the root volume in GiB; taken out again, it stays as it was set.
        root_volume_size: Option<u32>, unset "the platform's own",
        takes Whole(10, 16_384), changes ReplacesInstances;

        /// Let the old metadata service answer too.
        imds_v1: bool = false,
        takes Bool, changes ReplacesInstances;

        /// Seconds between two measurements of an instance (60 is paid).
        monitoring_period: u32 = 300,
        takes WholeOf(&[60, 300]), changes ReplacesInstances;
    }

    /// How many instances, and when that changes.
    [scaling] Scaling {
        /// Least number of instances.
        min: u32 = 2,
        takes Whole(1, 10_000), with Balancer, changes InPlace;

        /// Most instances.
        max: u32 = 4,
        takes Whole(1, 10_000), with Balancer, changes InPlace;

        /// What the thresholds are about; its average over the group counts.
        metric: Metric = Metric::CpuUtilization,
        takes Word(Metric::WORDS), with Balancer, changes InPlace;

        /// Above this instances are added (CPU: percent).
        upper: f64 = 50.0,
        takes Number, with Balancer, changes InPlace;

        /// Below this instances are removed (CPU: percent).
        lower: f64 = 25.0,
        takes Number, with Balancer, changes InPlace;

        /// Seconds of one evaluation, a multiple of 60.
        period: u32 = 300,
        takes Whole(60, 36_000), with Balancer, changes InPlace;

        /// Evaluations in a row that must agree.
        evaluation_periods: u32 = 1,
        takes Whole(1, 600), with Balancer, changes InPlace;

        /// Seconds of rest after a change of the group.
        cooldown: u32 = 360,
        takes Whole(0, 10_000), with Balancer, changes InPlace;

        /// Instances added or removed at a time.
        increment: u32 = 1,
        takes Whole(1, 100), with Balancer, changes InPlace;
    }

    /// The application load balancer and its health check of the instances, on `app.health_path`.
    [load_balancer] LoadBalancer {
        /// Whose it is: the environment's, which answers everybody; the stack's own, which answers CloudFront alone; or a shared one.
        mode: LoadBalancerMode = LoadBalancerMode::Dedicated,
        takes Word(LoadBalancerMode::WORDS), changes Blocked("an environment stays behind its load balancer: give another `environment.name` with it");

        /// The shared load balancer, needed with `load_balancer.mode = "shared"`.
        arn: Option<String>, unset "—",
        takes Text(patterns::load_balancer_arn, "the ARN of an application load balancer"), changes Blocked("an environment stays behind its load balancer: give another `environment.name` with it");

        /// Seconds until an idle connection is closed.
        idle_timeout: u32 = 60,
        takes Whole(1, 4000), with Balancer, changes InPlace;

        /// Seconds between health checks.
        health_check_interval: u32 = 15,
        takes Whole(5, 300), with Balancer, changes InPlace;

        /// Seconds until a health check has failed.
        health_check_timeout: u32 = 5,
        takes Whole(2, 60), with Balancer, changes InPlace;

        /// Good checks in a row that make an instance healthy.
        healthy_threshold: u32 = 3,
        takes Whole(2, 10), with Balancer, changes InPlace;

        /// Failed checks in a row that make it unhealthy.
        unhealthy_threshold: u32 = 5,
        takes Whole(2, 10), with Balancer, changes InPlace;

        /// Statuses of a good check.
        matcher: String = "200".into(),
        takes Text(patterns::matcher, "statuses of 200 to 499: `200`, `200,301` or `200-299`"), with Balancer, changes InPlace;

        /// Seconds that requests have to finish when an instance is taken out.
        deregistration_delay: u32 = 20,
        takes Whole(0, 3600), with Balancer, changes InPlace;
    }

    /// The CloudFront distribution.
    [cdn] Cdn {
        /// Put CloudFront in front.
        enabled: bool = true,
        takes Bool, changes MakesOrRemoves("distribution with its address, and the web ACL", &InPlace);

        /// Which name CloudFront fetches from.
        origin: CdnOrigin = CdnOrigin::LoadBalancer,
        takes Word(CdnOrigin::WORDS), with Distribution, changes InPlace;

        /// Which edge locations serve.
        price_class: PriceClass = PriceClass::All,
        takes Word(PriceClass::WORDS), with Distribution, changes InPlace;

        /// Managed cache policy.
        cache_policy: CachePolicy = CachePolicy::CachingOptimized,
        takes Word(CachePolicy::WORDS), with Distribution, changes InPlace;

        /// Paths that CloudFront passes on with all that the visitor sent but the host, and of which it keeps nothing: the first that
        /// matches counts, and what others added to the distribution comes behind them.
        uncached: Vec<String> = Vec::new(),
        takes Texts(patterns::path_pattern, "a path pattern of CloudFront's that begins with a slash, as `/register` or `/api/*`"), with Distribution, changes InPlace;

        /// What becomes of plain HTTP from visitors.
        viewer_protocol: ViewerProtocolPolicy = ViewerProtocolPolicy::AllowAll,
        takes Word(ViewerProtocolPolicy::WORDS), with Distribution, changes InPlace;

        /// HTTP methods allowed: one of CloudFront's three sets.
        methods: Vec<String> = list(&["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"]),
        takes Texts(patterns::http_method, "an HTTP method in capitals"), with Distribution, changes InPlace;

        /// Newest HTTP version for visitors.
        http_version: HttpVersion = HttpVersion::Http2,
        takes Word(HttpVersion::WORDS), with Distribution, changes InPlace;

        /// Answer on IPv6.
        ipv6: bool = true,
        takes Bool, with Distribution, changes InPlace;

        /// Compress for visitors.
        compress: bool = true,
        takes Bool, with Distribution, changes InPlace;

        /// Seconds to wait for the origin's answer.
        origin_read_timeout: u32 = 30,
        takes Whole(1, 120), with Distribution, changes InPlace;

        /// Seconds that idle connections to the origin are kept.
        origin_keepalive_timeout: u32 = 5,
        takes Whole(1, 120), with Distribution, changes InPlace;

        /// Comment of the distribution.
        comment: Option<String>, unset "derived",
        takes Text(patterns::comment, "1 to 128 characters in one line"), with Distribution, changes InPlace;
    }

    /// A domain name of one's own for the site, with a certificate for HTTPS.
    [domain] Domain {
        /// The site's name.
        name: Option<String>, unset "CloudFront's own",
        takes HOST, with Distribution, changes Makes("a certificate and the name's records, with another name others in their place; without one they are removed");

        /// Further names of the same site.
        also: Vec<String> = Vec::new(),
        takes HOSTS, with Distribution, changes Makes("another certificate, and the records of the new names; the former are removed");

        /// Where their records are written: `auto` finds the account's zone of Route 53 that has the name, `none` leaves them to you.
        zone: String = "auto".into(),
        takes Text(patterns::zone, "`auto`, `none`, or the id of a public hosted zone"), with Distribution, changes OfConfctl("from the next record on");
    }

    /// The web ACL in front of the distribution.
    [waf] Waf {
        /// Put a web ACL before the distribution.
        enabled: bool = true,
        takes Bool, with Distribution, changes MakesOrRemoves("web ACL", &InPlace);

        /// Name of the web ACL.
        name: Option<String>, unset "derived",
        takes Text(patterns::waf_name, "1 to 128 letters, digits, `_` and `-`"), with WebAcl, changes MakesAnother("web ACL; the former is removed", &InPlace);

        /// Managed rule groups, in order. The default are those of CloudFront's "Enable security protections".
        groups: Vec<String> = list(&["AWSManagedRulesAmazonIpReputationList", "AWSManagedRulesCommonRuleSet", "AWSManagedRulesKnownBadInputsRuleSet"]),
        takes Texts(patterns::waf_name, "the name of an AWS managed rule group, as `AWSManagedRulesCommonRuleSet`"), with WebAcl, changes InPlace;

        /// What becomes of an address that sends more registrations (`POST /register`) than the event's people behind one would.
        rate: RateMode = RateMode::Off,
        takes Word(RateMode::WORDS), with WebAcl, changes InPlace;

        /// Registrations of one address that pass within the window.
        rate_limit: Option<u32>, unset "by `event.people` and `event.one_address`",
        takes Whole(10, 2_000_000_000), with RateRule, changes InPlace;

        /// Seconds of the window in which they are counted.
        rate_window: u32 = 300,
        takes WholeOf(&[60, 120, 300, 600]), with RateRule, changes InPlace;

        /// Block, or count only.
        mode: WafMode = WafMode::Block,
        takes Word(WafMode::WORDS), with WebAcl, changes InPlace;
    }

    /// Who is told by e-mail.
    [notifications] Notifications {
        /// Who is told by e-mail, once they have confirmed the address.
        email: Option<String>, unset "—",
        takes Text(patterns::email, "an e-mail address"), changes InPlace;
    }

    /// The event itself: who comes when, and how long registration is open.
    [event] Event {
        /// How many people are expected to register.
        people: Option<u32>, unset "—",
        takes Whole(1, 10_000_000), changes OfConfctl("`plan`, `doctor` and `capacity` say whether the stack holds that many; with `waf.rate` it sizes the rule, in place");

        /// When they are called upon to register; from then on the app takes no generated address.
        at: Option<String>, unset "—",
        takes Text(patterns::is_time, "a time with its zone, as `2026-12-10T19:00[Europe/Berlin]` or `2026-12-10T18:00:00Z`"), changes Restarts;

        /// Seconds within which they come.
        within: u32 = 60,
        takes Whole(1, 86_400), changes OfConfctl("as `event.people`");

        /// How many percent of them may be behind one address, as in a hall with one way out: what `waf.rate` lets pass goes by it.
        one_address: u32 = 100,
        takes Whole(1, 100), changes OfConfctl("as `event.people`; with `waf.rate` it sizes the rule, in place");

        /// When registration closes: the page says it, and the app takes nobody from then on.
        closes_at: Option<String>, unset "it stays open",
        takes Text(patterns::is_time, "a time with its zone, as `2026-12-10T19:30[Europe/Berlin]` or `2026-12-10T18:30:00Z`"), changes Restarts;
    }

    /// What is drawn among those who registered.
    [draw] Draw {
        /// Prizes in the order in which they are given out, each with its number; none: as many as `draw --winners` says.
        prizes: Vec<String> = Vec::new(),
        takes Texts(patterns::prize, "how many and of what, as `4 Cloud Practitioner`"), changes OfConfctl("`draw` reads it");

        /// Domains whose addresses take no part.
        excluded_domains: Vec<String> = Vec::new(),
        takes Texts(patterns::domain, "a domain, as `example.com`"), changes OfConfctl("`draw` reads it");
    }

    [] {
        /// Tags of all resources, beside those of confctl itself.
        tags.*: BTreeMap<String, String>,
        takes Text(patterns::tag_value, "up to 255 letters, digits, spaces and `_.:/=+-@`"), changes InPlace;
    }
}
