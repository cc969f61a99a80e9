//! Every key of a profile, changed on a stack that is up: each does what docs/profiles.md says of it, or is refused with the way,
//! or is told. None is passed over in silence, and what was applied comes to rest.

use std::path::Path;

use confctl::profile::{Changes, KEYS, Key};
use serde_json::Value;

use crate::support::{Ran, User};

/// One key with another value than the article's.
struct Other {
    key: &'static str,
    /// The value, and what has to go with it.
    sets: &'static [&'static str],
    /// Where it is blocked: what is given with it goes this way.
    way: &'static [&'static str],
}

const fn other(key: &'static str, sets: &'static [&'static str]) -> Other {
    Other { key, sets, way: &[] }
}

const fn blocked(key: &'static str, sets: &'static [&'static str], way: &'static [&'static str]) -> Other {
    Other { key, sets, way }
}

const OTHERS: &[Other] = &[
    other("account", &["account=210987654321"]),
    other("region", &["region=eu-west-1"]),
    blocked("app.name", &["app.name=other-app"], &["environment.name=other-env"]),
    other("app.bundle", &["app.bundle=BUNDLE"]),
    other("app.version_label", &["app.version_label=rel-2"]),
    other("app.keep_versions", &["app.keep_versions=5"]),
    blocked(
        "app.platform",
        &["app.platform=Corretto 25 running on 64bit Amazon Linux 2023"],
        &["environment.name=other-env"],
    ),
    other("app.platform_version", &["app.platform_version=4.9.5"]),
    other("app.health_path", &["app.health_path=/ready"]),
    other("app.properties.*", &["app.properties.LEVEL=debug"]),
    blocked(
        "network.vpc",
        &["network.vpc=VPC", "network.subnets=SUBNETS"],
        &["environment.name=other-env"],
    ),
    other(
        "network.subnets",
        &[
            "network.vpc=DEFAULT",
            "network.subnets=OTHERS",
            "network.lb_subnets=CHOSEN",
        ],
    ),
    other(
        "network.lb_subnets",
        &[
            "network.vpc=DEFAULT",
            "network.subnets=CHOSEN",
            "network.lb_subnets=OTHERS",
        ],
    ),
    other("network.create_default_vpc", &["network.create_default_vpc=false"]),
    other("network.azs", &["network.azs=3"]),
    other("network.public_ip", &["network.public_ip=false"]),
    other("roles.mode", &["roles.mode=own"]),
    other("roles.service", &["roles.service=other-service-role"]),
    other("roles.instance", &["roles.instance=other-ec2-role"]),
    other(
        "roles.instance_policies",
        &["roles.instance_policies=AWSElasticBeanstalkWebTier"],
    ),
    other("roles.dynamodb", &["roles.dynamodb=table"]),
    other("roles.ssm", &["roles.ssm=false"]),
    other(
        "roles.permissions_boundary",
        &["roles.permissions_boundary=arn:aws:iam::aws:policy/PowerUserAccess"],
    ),
    other("ssh.enabled", &["ssh.enabled=false"]),
    other("ssh.key_name", &["ssh.key_name=other-key"]),
    blocked(
        "ssh.public_key",
        &["ssh.public_key=PUBLIC_KEY"],
        &["ssh.key_name=other-key"],
    ),
    other("ssh.source", &["ssh.source=203.0.113.0/24"]),
    other("table.name", &["table.name=other-users"]),
    blocked("table.key", &["table.key=mail"], &["table.name=other-users"]),
    other("table.billing", PROVISIONED),
    other("table.read_capacity", PROVISIONED),
    other("table.write_capacity", PROVISIONED),
    other("table.warm_writes", &["table.warm_writes=6000"]),
    other("table.deletion_protection", &["table.deletion_protection=true"]),
    other("table.point_in_time_recovery", &["table.point_in_time_recovery=true"]),
    other("environment.name", &["environment.name=other-env"]),
    blocked(
        "environment.cname_prefix",
        &["environment.cname_prefix=register-now"],
        &["environment.name=other-env"],
    ),
    blocked(
        "environment.type",
        &["environment.type=SingleInstance", "cdn.origin=cname"],
        &["environment.name=other-env"],
    ),
    other(
        "environment.deployment_policy",
        &["environment.deployment_policy=RollingWithAdditionalBatch"],
    ),
    other(
        "environment.deployment_batch_percent",
        &["environment.deployment_batch_percent=30"],
    ),
    other("environment.command_timeout", &["environment.command_timeout=900"]),
    other(
        "environment.rolling_update_batch",
        &["environment.rolling_update_batch=2"],
    ),
    other(
        "environment.managed_updates",
        &["environment.managed_updates=Sun:04:00"],
    ),
    other(
        "environment.managed_updates_level",
        &[
            "environment.managed_updates=Sun:04:00",
            "environment.managed_updates_level=patch",
        ],
    ),
    other(
        "environment.instance_refresh",
        &[
            "environment.managed_updates=Sun:04:00",
            "environment.instance_refresh=true",
        ],
    ),
    other("environment.log_streaming", &["environment.log_streaming=false"]),
    other("environment.log_retention_days", &["environment.log_retention_days=30"]),
    other(
        "environment.log_delete_on_terminate",
        &["environment.log_delete_on_terminate=false"],
    ),
    other("instance.types", &["instance.types=t3.small,t3.micro"]),
    other(
        "instance.architecture",
        &["instance.architecture=arm64", "instance.types=t4g.micro"],
    ),
    other("instance.root_volume_type", &["instance.root_volume_type=gp2"]),
    other("instance.root_volume_size", &["instance.root_volume_size=20"]),
    other("instance.imds_v1", &["instance.imds_v1=true"]),
    other("instance.monitoring_period", &["instance.monitoring_period=60"]),
    other("scaling.min", &["scaling.min=1"]),
    other("scaling.max", &["scaling.max=6"]),
    other("scaling.metric", &["scaling.metric=NetworkOut"]),
    other("scaling.upper", &["scaling.upper=62.5"]),
    other("scaling.lower", &["scaling.lower=20"]),
    other("scaling.period", &["scaling.period=600"]),
    other("scaling.evaluation_periods", &["scaling.evaluation_periods=2"]),
    other("scaling.cooldown", &["scaling.cooldown=300"]),
    other("scaling.increment", &["scaling.increment=2"]),
    blocked(
        "load_balancer.mode",
        &["load_balancer.mode=own"],
        &["environment.name=other-env"],
    ),
    blocked(
        "load_balancer.arn",
        &[
            "load_balancer.mode=shared",
            "cdn.origin=cname",
            "load_balancer.arn=SHARED",
        ],
        &["environment.name=other-env"],
    ),
    other("load_balancer.idle_timeout", &["load_balancer.idle_timeout=90"]),
    other(
        "load_balancer.health_check_interval",
        &["load_balancer.health_check_interval=30"],
    ),
    other(
        "load_balancer.health_check_timeout",
        &["load_balancer.health_check_timeout=4"],
    ),
    other(
        "load_balancer.healthy_threshold",
        &["load_balancer.healthy_threshold=2"],
    ),
    other(
        "load_balancer.unhealthy_threshold",
        &["load_balancer.unhealthy_threshold=3"],
    ),
    other("load_balancer.matcher", &["load_balancer.matcher=200-299"]),
    other(
        "load_balancer.deregistration_delay",
        &["load_balancer.deregistration_delay=60"],
    ),
    other("cdn.enabled", &["cdn.enabled=false"]),
    other("cdn.origin", &["cdn.origin=cname"]),
    other("cdn.price_class", &["cdn.price_class=PriceClass_100"]),
    other("cdn.cache_policy", &["cdn.cache_policy=CachingDisabled"]),
    other("cdn.uncached", &["cdn.uncached=/register,/api/*"]),
    other("cdn.viewer_protocol", &["cdn.viewer_protocol=redirect-to-https"]),
    other("cdn.methods", &["cdn.methods=GET,HEAD"]),
    other("cdn.http_version", &["cdn.http_version=http2and3"]),
    other("cdn.ipv6", &["cdn.ipv6=false"]),
    other("cdn.compress", &["cdn.compress=false"]),
    other("cdn.origin_read_timeout", &["cdn.origin_read_timeout=45"]),
    other("cdn.origin_keepalive_timeout", &["cdn.origin_keepalive_timeout=10"]),
    other("cdn.comment", &["cdn.comment=Conference 2027"]),
    other("domain.name", &["domain.name=events.example.org"]),
    other(
        "domain.also",
        &["domain.name=example.org", "domain.also=www.example.org"],
    ),
    other("domain.zone", &["domain.zone=none"]),
    other("waf.enabled", &["waf.enabled=false"]),
    other("waf.name", &["waf.name=other-acl"]),
    other("waf.groups", &["waf.groups=AWSManagedRulesCommonRuleSet"]),
    other("waf.rate", &["waf.rate=block", "waf.rate_limit=50000"]),
    other("waf.rate_limit", &["waf.rate=block", "waf.rate_limit=50000"]),
    other(
        "waf.rate_window",
        &["waf.rate=block", "waf.rate_limit=50000", "waf.rate_window=60"],
    ),
    other("waf.mode", &["waf.mode=count"]),
    other("notifications.email", &["notifications.email=anna@example.org"]),
    other("event.people", &["event.people=200"]),
    other("event.at", &["event.at=2126-12-10T19:00[Europe/Berlin]"]),
    other("event.within", &["event.within=120"]),
    other("event.one_address", &["event.one_address=20"]),
    other("event.closes_at", &["event.closes_at=2126-12-10T19:30[Europe/Berlin]"]),
    other("draw.prizes", &["draw.prizes=4 Cloud Practitioner,6 Developer"]),
    other("draw.excluded_domains", &["draw.excluded_domains=example.com"]),
    other("tags.*", &["tags.cost:center=42"]),
];

const PROVISIONED: &[&str] = &[
    "table.billing=PROVISIONED",
    "table.read_capacity=5",
    "table.write_capacity=6",
];

/// What does not do yet what the page says, each to be mended. A row that does has to leave this list.
const NOT_YET: &[&str] = &[];

/// What is not tried by `up` beside the others: it needs another app, a build for another processor, or what the sandbox does
/// not have: other subnets of a load balancer that is there.
const ONLY_PLANNED: &[&str] = &["app.bundle", "network.lb_subnets", "instance.architecture"];

/// What does not go with the others: the platform version is pinned there.
const APART: &[&str] = &[
    "environment.managed_updates",
    "environment.managed_updates_level",
    "environment.instance_refresh",
];

/// What stands in the rows for what only this account and this machine can name.
struct Names(Vec<(&'static str, String)>);

impl Names {
    fn of(user: &User) -> Self {
        let bundle = user.home().join("other-app");
        std::fs::create_dir(&bundle).unwrap();
        std::fs::write(bundle.join("Procfile"), "web: sh serve.sh\n").unwrap();
        std::fs::write(bundle.join("serve.sh"), "exec sleep 60\n").unwrap();
        let public = user.home().join("other-key.pub");
        let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPaR8RFOYuYqIKKs9QGEkjfYhQXIZ0qs2F8VkmZ0lq1b you@example.com\n";
        std::fs::write(&public, key).unwrap();
        let (vpc, subnets) = network(user);
        let (default, of_default) = default_network(user);
        let path = |path: &Path| path.to_str().unwrap().to_owned();
        Self(vec![
            ("=BUNDLE", format!("={}", path(&bundle))),
            ("=PUBLIC_KEY", format!("={}", path(&public))),
            ("=VPC", format!("={vpc}")),
            ("=SUBNETS", format!("={subnets}")),
            ("=DEFAULT", format!("={default}")),
            ("=CHOSEN", format!("={}", of_default[..2].join(","))),
            ("=OTHERS", format!("={}", of_default[2..4].join(","))),
            ("=SHARED", format!("={}", load_balancer(user, &of_default))),
        ])
    }

    fn sets(&self, rows: &[&[&str]]) -> Vec<String> {
        let rows = rows.concat();
        let named = rows.into_iter().map(|set| {
            let known = self.0.iter().find(|(word, _)| set.ends_with(word));
            known.map_or(set.to_owned(), |(word, name)| set.replace(word, name))
        });
        named.flat_map(|set| ["--set".to_owned(), set]).collect()
    }
}

/// The default VPC and its subnets, in the order of their zones: the first two were chosen.
fn default_network(user: &User) -> (String, Vec<String>) {
    let subnets = user.aws_json(&[
        "ec2",
        "describe-subnets",
        "--filters",
        "Name=default-for-az,Values=true",
    ]);
    let text = |subnet: &Value, name: &str| subnet[name].as_str().unwrap().to_owned();
    let mut subnets = subnets["Subnets"].as_array().unwrap().clone();
    subnets.sort_by_key(|subnet| text(subnet, "AvailabilityZone"));
    let ids = subnets.iter().map(|subnet| text(subnet, "SubnetId"));
    (text(&subnets[0], "VpcId"), ids.collect())
}

/// Somebody's load balancer in these subnets.
fn load_balancer(user: &User, subnets: &[String]) -> String {
    let subnets = subnets.iter().map(String::as_str);
    let create = ["elbv2", "create-load-balancer", "--name", "ours", "--subnets"];
    let answer = user.aws_json(&create.into_iter().chain(subnets).collect::<Vec<_>>());
    answer["LoadBalancers"][0]["LoadBalancerArn"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// A VPC beside the default one, whose two subnets reach the internet.
fn network(user: &User) -> (String, String) {
    let made = |arguments: &[&str], at: &str| {
        let answer = user.aws_json(&[&["ec2"], arguments].concat());
        answer.pointer(at).unwrap().as_str().unwrap().to_owned()
    };
    let vpc = made(&["create-vpc", "--cidr-block", "10.7.0.0/16"], "/Vpc/VpcId");
    let gateway = made(&["create-internet-gateway"], "/InternetGateway/InternetGatewayId");
    user.aws_json(&[
        "ec2",
        "attach-internet-gateway",
        "--vpc-id",
        &vpc,
        "--internet-gateway-id",
        &gateway,
    ]);
    let filter = format!("Name=vpc-id,Values={vpc}");
    let table = made(
        &["describe-route-tables", "--filters", &filter],
        "/RouteTables/0/RouteTableId",
    );
    let route = ["--destination-cidr-block", "0.0.0.0/0", "--gateway-id", &gateway];
    user.aws_json(&[&["ec2", "create-route", "--route-table-id", &table], &route[..]].concat());
    let subnets = [("10.7.1.0/24", "us-east-1a"), ("10.7.2.0/24", "us-east-1b")].map(|(block, zone)| {
        let place = ["--cidr-block", block, "--availability-zone", zone];
        made(
            &[&["create-subnet", "--vpc-id", &vpc], &place[..]].concat(),
            "/Subnet/SubnetId",
        )
    });
    (vpc, subnets.join(","))
}

/// What a plan shows.
struct Shown {
    code: i32,
    steps: Vec<Value>,
    orphans: usize,
    notices: Vec<String>,
    refused: Option<String>,
}

impl Shown {
    fn of(ran: &Ran) -> Self {
        let events = ran.events();
        let of_type = |kind: &'static str| events.iter().filter(move |event| event["type"] == kind);
        let list = |name: &str| -> Vec<Value> {
            let lists = of_type("plan").filter_map(|plan| plan[name].as_array());
            lists.flatten().cloned().collect()
        };
        let told = |notice: &Value| notice["text"].as_str().unwrap().to_owned();
        Self {
            code: ran.code(),
            steps: list("steps"),
            orphans: list("orphans").len(),
            notices: of_type("notice").map(told).collect(),
            refused: ran.summary()["error"]["message"].as_str().map(str::to_owned),
        }
    }

    /// All but what stays as it is.
    fn told(&self) -> String {
        let steps: Vec<_> = self.steps.iter().filter(|step| step["change"] != "keep").collect();
        let (steps, orphans) = (Value::from_iter(steps.into_iter().cloned()), self.orphans);
        format!("{steps}, {orphans} orphans, {:?}, {:?}", self.notices, self.refused)
    }

    fn count(&self, change: &str) -> usize {
        self.steps.iter().filter(|step| step["change"] == change).count()
    }

    /// The effects of what is changed where it is.
    fn effects(&self) -> Vec<&str> {
        let updated = self.steps.iter().filter(|step| step["change"] == "update");
        let fields = updated.filter_map(|step| step["fields"].as_array()).flatten();
        fields.filter_map(|field| field["effect"].as_str()).collect()
    }

    /// Whether something is changed where it is, to this effect and to no worse one.
    fn changes(&self, effect: &str) -> bool {
        let order = ["none", "restart", "replace_instances", "interrupt"];
        let rank = |effect: &str| order.iter().position(|known| *known == effect).unwrap();
        let worst = self.effects().into_iter().map(rank).max();
        worst == Some(rank(effect))
    }

    /// Whether it is refused, and all that is says which key is to be given with it.
    fn is_refused(&self, way: &[&str]) -> bool {
        let keys: Vec<_> = way.iter().filter_map(|set| set.split('=').next()).collect();
        let mut blocked = self.steps.iter().filter(|step| step["change"] == "blocked");
        let says = |hint: &str| keys.iter().all(|key| hint.contains(key));
        self.code == 4
            && !keys.is_empty()
            && self.count("blocked") > 0
            && blocked.all(|step| says(&step["hint"].to_string()))
    }

    /// Whether it is what is said of the key.
    fn is(&self, key: &Key, way: &[&str]) -> bool {
        let none_blocked = self.count("blocked") == 0;
        let stays = none_blocked && self.orphans == 0;
        match key.changes {
            Changes::InPlace => stays && self.count("create") == 0 && self.changes("none"),
            Changes::Restarts => stays && self.changes("restart"),
            Changes::ReplacesInstances => stays && self.changes("replace_instances"),
            Changes::Makes(_) => stays && self.count("create") > 0 && self.changes("none"),
            Changes::MakesOrRemoves(_, Changes::InPlace) => {
                none_blocked && self.orphans > 0 && (self.effects().is_empty() || self.changes("none"))
            }
            Changes::MakesOrRemoves(_, users) => none_blocked && self.orphans > 0 && self.users_are(*users),
            Changes::MakesAnother(_, users) => {
                none_blocked && self.count("create") > 0 && self.orphans > 0 && self.users_are(*users)
            }
            Changes::Blocked(_) => self.is_refused(way),
            Changes::AtCreation(_) => {
                let told = self.notices.iter().any(|notice| notice.contains(key.path));
                self.code == 0 && told
            }
            // Nothing that is there is touched.
            Changes::OfConfctl(_) => self.effects().is_empty() && self.orphans == 0 && self.count("blocked") == 0,
        }
    }

    fn users_are(&self, changes: Changes) -> bool {
        match changes {
            Changes::InPlace => self.changes("none"),
            Changes::Restarts => self.changes("restart"),
            Changes::ReplacesInstances => self.changes("replace_instances"),
            _ => false,
        }
    }
}

fn plan(user: &User, sets: &[String]) -> Ran {
    let line = ["plan", "--sandbox", "--detailed-exitcode", "-o", "json"];
    let sets: Vec<&str> = sets.iter().map(String::as_str).collect();
    user.confctl(&[&line[..], &sets[..]].concat())
}

fn up(user: &User, sets: &[String]) {
    let line = ["up", "--sandbox", "--yes", "--no-verify"];
    let sets: Vec<&str> = sets.iter().map(String::as_str).collect();
    user.confctl(&[&line[..], &sets[..]].concat()).exits(0);
}

#[test]
fn every_key_that_changes_is_applied_or_refused_with_the_way_or_told() {
    let rows: Vec<_> = OTHERS.iter().map(|other| other.key).collect();
    let keys: Vec<_> = KEYS.iter().map(|key| key.path).collect();
    assert_eq!(rows, keys, "each key has its row, in the order of the table");

    let user = User::new();
    up(&user, &[]);
    let names = Names::of(&user);
    let mut not_yet = Vec::new();
    for (key, other) in KEYS.iter().zip(OTHERS) {
        let shown = Shown::of(&plan(&user, &names.sets(&[other.sets])));
        let goes = other.way.is_empty() || {
            let way = Shown::of(&plan(&user, &names.sets(&[other.sets, other.way])));
            way.code == 2
        };
        if !(shown.is(key, other.way) && goes) {
            let told = format!("{} is not {:?}: {}", key.path, key.changes, shown.told());
            not_yet.push((key.path, told));
        }
    }
    let found: Vec<_> = not_yet.iter().map(|(path, _)| *path).collect();
    let told: Vec<_> = not_yet.iter().map(|(_, told)| told.as_str()).collect();
    assert_eq!(found, NOT_YET, "{}", told.join("\n"));

    // All that is applied where it is, at once: it comes to rest, there and on the way back.
    let applied = |key: &&Key| {
        let changes = key.changes;
        let in_place = matches!(
            changes,
            Changes::InPlace
                | Changes::Restarts
                | Changes::ReplacesInstances
                | Changes::MakesOrRemoves(_, Changes::ReplacesInstances)
        );
        in_place && !NOT_YET.contains(&key.path) && !ONLY_PLANNED.contains(&key.path)
    };
    for apart in [false, true] {
        let rows = KEYS.iter().zip(OTHERS).filter(|(key, _)| applied(key));
        let rows = rows.filter(|(key, _)| APART.contains(&key.path) == apart);
        let sets: Vec<_> = rows.map(|(_, other)| other.sets).collect();
        let sets = names.sets(&sets);
        up(&user, &sets);
        plan(&user, &sets).exits(0);
        up(&user, &[]);
        plan(&user, &[]).exits(0);
    }
}

/// A site with settings of its own, as AWS's samples have them.
fn site_with_settings(user: &User) -> String {
    let folder = user.home().join("site");
    std::fs::create_dir_all(folder.join(".ebextensions")).unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
    write("Procfile", "web: python3 -m http.server $PORT\n");
    write("index.html", "hello\n");
    write(
        ".ebextensions/options.config",
        "option_settings:\n  aws:elasticbeanstalk:application:environment:\n    THEME: dark\n",
    );
    folder.to_str().unwrap().to_owned()
}

#[test]
fn properties_come_to_rest_whoever_set_them_and_each_other_value_is_a_change() {
    let user = User::new();
    let profile = user.home().join("my.toml");
    let text = include_str!("../../profiles/dev.toml").to_owned()
        + r#"
[app.properties]
EMPTY = ""
VERSION = "1"
PADDED = "inside"
SPECIAL = "a=b, {\"c\": [1, 2]}, 'd' $E ü"
"#;
    std::fs::write(&profile, text).unwrap();
    let bundle = format!("app.bundle={}", site_with_settings(&user));
    let base = [
        "-p",
        profile.to_str().unwrap(),
        "--set",
        &bundle,
        "--set",
        "app.health_path=/",
    ];
    let base: Vec<String> = base.map(str::to_owned).into();
    up(&user, &base);

    let changed = |sets: &[String]| -> Vec<String> {
        let ran = plan(&user, &[&base[..], sets].concat());
        let plans = ran.events().into_iter().filter(|event| event["type"] == "plan");
        let steps = plans.flat_map(|plan| plan["steps"].as_array().cloned().unwrap_or_default());
        let fields = steps.flat_map(|step| step["fields"].as_array().cloned().unwrap_or_default());
        let names = fields.map(|field| field["field"].as_str().unwrap_or_default().to_owned());
        let property = |name: String| name.rsplit(' ').next().map(str::to_owned);
        names.filter_map(property).collect()
    };
    assert_eq!(changed(&[]), Vec::<String>::new());

    // A wish that comes to nothing on a stack of this kind is told.
    let idle = ["--set".to_owned(), "scaling.max=6".to_owned()];
    let shown = Shown::of(&plan(&user, &[&base[..], &idle].concat()));
    assert!(
        shown.notices.iter().any(|notice| notice.contains("scaling.max")),
        "{}",
        shown.told()
    );

    for other in [
        "VERSION=1.0",
        "VERSION=2",
        "PADDED=inside ",
        "PADDED=Inside",
        "SPECIAL=a=b",
    ] {
        let (name, _) = other.split_once('=').unwrap();
        let set = ["--set".to_owned(), format!("app.properties.{other}")];
        assert!(changed(&set).iter().any(|changed| changed == name), "{other}");
    }
}
