//! What a user sees of profiles: the embedded ones, errors in one's own, and `--set`.

use proptest::prelude::*;

use super::*;

fn problems(text: &str, sets: &[&str]) -> Vec<Problem> {
    let sets: Vec<String> = sets.iter().map(|set| set.to_string()).collect();
    match parse("my.toml", text, &sets) {
        Ok(_) => Vec::new(),
        Err(ProfileError::Invalid { problems, .. }) => problems,
        Err(other) => panic!("{other}"),
    }
}

/// The one problem, as the user reads it.
fn problem(text: &str, sets: &[&str]) -> String {
    let problems = problems(text, sets);
    assert_eq!(problems.len(), 1, "{problems:?}");
    problems[0].to_string()
}

fn with(sets: &[&str]) -> Profile {
    let sets: Vec<String> = sets.iter().map(|set| set.to_string()).collect();
    load("article", &sets).unwrap().profile
}

/// A profile in which every key has a value, but for one that does not go with `app.platform_version`.
fn full() -> Profile {
    let text = r#"
        account = "123456789012"
        app = { name = "a", version_label = "v1", platform_version = "4.10.0", properties = { MODE = "x" } }
        network = { vpc = "vpc-0123456789abcdef0", subnets = ["subnet-01234567", "subnet-89abcdef"] }
        roles = { service = "s", instance = "i", permissions_boundary = "arn:aws:iam::123456789012:policy/b" }
        ssh = { key_name = "k", public_key = "~/.ssh/id.pub" }
        table = { name = "users", billing = "PROVISIONED", read_capacity = 5, write_capacity = 5, warm_writes = 8000 }
        environment = { name = "some-env", cname_prefix = "some-name" }
        instance = { root_volume_size = 20 }
        load_balancer = { mode = "shared", arn = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/a/0123456789abcdef" }
        cdn = { comment = "c", origin = "cname" }
        domain = { name = "events.example.org" }
        waf = { name = "w", rate_limit = 2000 }
        notifications = { email = "you@example.com" }
        event = { people = 10000, at = "2026-12-10T18:00:00Z", closes_at = "2026-12-10T18:30:00Z" }
        tags = { team = "events" }
    "#;
    parse("full.toml", text, &[]).unwrap()
}

#[test]
fn the_article_profile_is_what_the_program_does_by_default() {
    assert_eq!(load("article", &[]).unwrap().profile, Profile::default());
    assert_eq!(parse("empty.toml", "", &[]).unwrap(), Profile::default());
}

#[test]
fn the_article_profile_has_the_articles_values() {
    let profile = load("article", &[]).unwrap().profile;
    assert_eq!(profile.region, "us-east-1");
    assert_eq!(profile.table.key, "email");
    assert_eq!(profile.environment.kind, EnvironmentType::LoadBalanced);
    assert_eq!(
        (profile.scaling.min, profile.scaling.max, profile.scaling.upper),
        (2, 4, 50.0)
    );
    assert_eq!(profile.scaling.metric.as_str(), "CPUUtilization");
    assert_eq!(profile.scaling.metric.unit(), "Percent");
    assert_eq!(profile.cdn.methods.len(), 7);
    assert_eq!(profile.cdn.cache_policy.as_str(), "CachingOptimized");
    assert_eq!(profile.cdn.price_class.as_str(), "PriceClass_All");
    assert_eq!(profile.waf.groups.len(), 3);
    assert!(profile.network.public_ip && profile.network.create_default_vpc && profile.has_web_acl());
}

#[test]
fn the_article_profile_names_every_key_that_has_a_value() {
    let written: toml::Table = toml::from_str(embedded()[0].text).unwrap();
    let default: toml::Table = toml::from_str(&Profile::default().to_toml().unwrap()).unwrap();
    for (section, keys) in &default {
        let Some(keys) = keys.as_table() else {
            assert!(written.contains_key(section), "{section}");
            continue;
        };
        for key in keys.keys() {
            assert!(written[section].get(key).is_some(), "{section}.{key}");
        }
    }
}

#[test]
fn every_embedded_profile_is_valid_and_does_what_it_says() {
    let dev = load("dev", &[]).unwrap().profile;
    assert!(!dev.is_load_balanced() && !dev.cdn.enabled && !dev.has_web_acl() && !dev.ssh.enabled);
    assert_eq!(dev.instance_range(), (1, 1));
    let ci = load("ci", &[]).unwrap().profile;
    assert!(ci.cdn.enabled && ci.cdn.origin == CdnOrigin::Cname);
    let hardened = load("hardened", &[]).unwrap().profile;
    assert!(hardened.table.deletion_protection && hardened.table.point_in_time_recovery);
    assert_eq!(hardened.cdn.viewer_protocol, ViewerProtocolPolicy::RedirectToHttps);
    assert_eq!(hardened.cdn.uncached, ["/register", "/api/*"]);
    assert!(!hardened.ssh.enabled && !hardened.instance.imds_v1);
    // It counts before it blocks, and lets the whole event pass from one hall.
    let rule = hardened.rate_rule().unwrap();
    assert_eq!((rule.blocks, Some(rule.admits())), (false, hardened.event.people));
}

#[test]
fn the_list_of_keys_and_the_types_agree() {
    let mut full = full();
    full.environment.managed_updates = Some("Sun:04:00".into());
    let table: toml::Table = toml::from_str(&full.to_toml().unwrap()).unwrap();
    let mut in_types = Vec::new();
    for (section, value) in &table {
        match value.as_table() {
            Some(keys) if section != "tags" => in_types.extend(keys.keys().map(|key| format!("{section}.{key}"))),
            _ => in_types.push(section.clone()),
        }
    }
    let mut in_list: Vec<String> = KEYS
        .iter()
        .map(|key| key.path.trim_end_matches(".*").to_string())
        .collect();
    in_types.sort();
    in_list.sort();
    assert_eq!(in_types, in_list);
}

#[test]
fn a_misspelled_key_is_named_with_its_line_and_the_right_one() {
    let text = "region = \"eu-west-1\"\n[scaling]\nmin = 2\nmaxx = 8\n";
    assert_eq!(
        problem(text, &[]),
        "my.toml:4:1: there is no key `scaling.maxx` (did you mean `scaling.max`?)"
    );
    assert!(problem("[scailing]\nmin = 2\n", &[]).contains("did you mean `scaling`?"));
    assert!(problem("[scaling]\ntypes = [\"t3.small\"]\n", &[]).contains("did you mean `instance.types`?"));
}

#[test]
fn a_wrong_type_or_value_is_named_with_what_is_allowed() {
    assert_eq!(
        problem("[scaling]\nmax = \"four\"\n", &[]),
        "my.toml:2:7: `scaling.max` cannot be the string \"four\" (allowed: a whole number from 1 to 10000)"
    );
    assert_eq!(
        problem("[environment]\ntype = \"load-balanced\"\n", &[]),
        "my.toml:2:8: `environment.type` cannot be the string \"load-balanced\" (did you mean `LoadBalanced`? allowed: one \
         of `LoadBalanced`, `SingleInstance`)"
    );
    assert!(problem("[load_balancer]\nmatcher = \"2xx\"", &[]).contains("`200-299`"));
    assert!(problem("scaling = 3", &[]).contains("`scaling` is a section, not 3"));
}

#[test]
fn every_problem_is_told_at_once() {
    let text = "regoin = \"x\"\n[scaling]\nmin = -1\n[cdn]\norigin = \"lb\"\n";
    assert_eq!(problems(text, &[]).len(), 3);
}

#[test]
fn text_that_is_no_toml_is_named_with_its_line() {
    assert!(problem("region = \n", &[]).starts_with("my.toml:1:"));
}

#[test]
fn a_wrong_flag_is_named_as_it_was_typed() {
    assert_eq!(
        problem("", &["scaling.max=lots"]),
        "--set scaling.max=lots: `scaling.max` cannot be the string \"lots\" (allowed: a whole number from 1 to 10000)"
    );
    assert!(
        problem("", &["scaling.mxa=3"]).starts_with("--set scaling.mxa=3: there is no key `scaling.mxa` (did you mean")
    );
    assert!(problem("", &["scaling.max"]).contains("there is no `=`"));
    assert!(problem("", &["=3"]).starts_with("--set =3"));
}

#[test]
fn a_rule_between_keys_is_told_where_the_user_broke_it() {
    let text = "[scaling]\nmax = 3\n";
    assert!(problem(text, &["scaling.min=5"]).starts_with("--set scaling.min=5: `scaling.max` (3) is below"));
    assert!(problem("[scaling]\nmax = 1\n", &[]).starts_with("my.toml:2:7:"));
    assert!(problem("[scaling]\nlower = 70\n", &[]).contains("not below `scaling.upper` (50)"));
}

#[test]
fn a_load_balancer_of_its_own_takes_an_edge_and_instances_behind_it() {
    for (set, part) in [
        ("cdn.enabled=false", "`cdn.enabled` is false"),
        ("cdn.origin=cname", "`cdn.origin` is \"cname\""),
        (
            "environment.type=SingleInstance",
            "a single instance has no load balancer",
        ),
        ("scaling.metric=TargetResponseTime", "not the environment's own"),
    ] {
        // A single instance is no origin by that name either.
        let found = problems("[load_balancer]\nmode = \"own\"\n", &[set]);
        let named = found.iter().map(Problem::to_string);
        let of_mode: Vec<_> = named.filter(|text| text.contains("load_balancer.mode")).collect();
        assert!(of_mode.len() == 1 && of_mode[0].contains(part), "{set}: {found:?}");
    }
}

#[test]
fn a_shared_load_balancer_is_named_and_asked_by_the_environments_name() {
    let shared = "[load_balancer]\nmode = \"shared\"\n";
    assert!(problem(shared, &["cdn.origin=cname"]).contains("needs `load_balancer.arn`"));
    let arn = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/ours/0123456789abcdef";
    let named = format!("{shared}arn = \"{arn}\"\n");
    assert!(problem(&named, &[]).contains("apart by their names"));
    assert!(problem(&format!("{named}idle_timeout = 90\n"), &["cdn.origin=cname"]).contains("is not changed"));
    assert!(problems(&named, &["cdn.enabled=false"]).is_empty());
}

#[test]
fn what_aws_would_refuse_late_is_refused_at_once() {
    for (set, part) in [
        ("scaling.upper=101", "more than 100 percent"),
        ("scaling.period=310", "whole minutes"),
        ("scaling.period=60", "no measurement"),
        ("network.azs=1", "two availability zones"),
        ("network.vpc=vpc-01234567", "needs `network.subnets`"),
        ("network.subnets=subnet-01234567,subnet-01234568", "without a VPC"),
        ("instance.types=t4g.micro", "not an instance type of"),
        ("instance.types=[]", "has 0 types"),
        ("load_balancer.health_check_timeout=15", "not below the interval"),
        ("load_balancer.arn=my-alb", "the ARN of an application load balancer"),
        (
            "load_balancer.arn=arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/ours/0123456789abcdef",
            "`load_balancer.mode` is \"dedicated\"",
        ),
        ("environment.name=abc", "4 to 40"),
        ("environment.type=SingleInstance", "no load balancer for CloudFront"),
        ("cdn.methods=GET,POST", "three sets"),
        (
            "cdn.origin_keepalive_timeout=60",
            "not below `load_balancer.idle_timeout`",
        ),
        ("cdn.uncached=/register,/register", "names /register twice"),
        ("cdn.uncached=register", "begins with a slash"),
        ("waf.rate=count", "set `event.people`"),
        ("waf.rate_limit=9", "from 10 to 2000000000"),
        ("environment.managed_updates=Sunday", "a day and a time in UTC"),
        ("roles.mode=existing", "names of both roles"),
        ("table.billing=PROVISIONED", "needs both capacities"),
        ("table.read_capacity=5", "provisioned table only"),
        ("ssh.source=me", "CIDR"),
        ("app.properties.AWS_REGION=eu-west-1", "set by confctl itself"),
        ("tags.aws:x=y", "cannot be the key of a tag"),
        ("tags.\"aws:x\"=y", "cannot be the key of a tag"),
        ("notifications.email=nobody", "an e-mail address"),
        ("environment.rolling_update_batch=5", "above `scaling.max`"),
    ] {
        let told = problem("", &[set]);
        assert!(
            told.starts_with(&format!("--set {set}: ")) && told.contains(part),
            "{told}"
        );
    }
    let pinned = "[app]\nplatform_version = \"4.10.0\"\n";
    assert!(problem(pinned, &["environment.managed_updates=Sun:04:00"]).contains("and the next `up` back"));
    let paths: Vec<String> = (0..75).map(|number| format!("/{number}")).collect();
    assert!(problem("", &[&format!("cdn.uncached={}", paths.join(","))]).contains("has 75 path patterns"));
    let properties = format!("[app.properties]\nBIG = \"{}\"\n", "x".repeat(4000));
    assert!(problem(&properties, &[]).contains("4005 bytes"));
    let tags: String = (0..45).map(|number| format!("tag{number} = \"x\"\n")).collect();
    assert!(problem(&format!("[tags]\n{tags}"), &[]).contains("45 tags are too many"));
}

#[test]
fn set_takes_values_as_one_would_type_them() {
    let profile = with(&[
        "ssh.source=0.0.0.0/0",
        "scaling.max=8",
        "scaling.upper=62.5",
        "instance.types=t3.small,t3.micro",
        "app.properties.GREETING=hello world",
        "app.properties.VERSION=1.10",
        "account=123456789012",
        "cdn.origin=cname",
        "tags.team=events",
        "tags.cost:centre.eu=42",
    ]);
    assert_eq!(profile.ssh.source, "0.0.0.0/0");
    assert_eq!((profile.scaling.max, profile.scaling.upper), (8, 62.5));
    assert_eq!(profile.instance.types, ["t3.small", "t3.micro"]);
    assert_eq!(profile.app.properties["GREETING"], "hello world");
    assert_eq!(profile.app.properties["VERSION"], "1.10");
    assert_eq!(profile.account.as_deref(), Some("123456789012"));
    assert_eq!(profile.cdn.origin, CdnOrigin::Cname);
    assert_eq!(profile.tags["team"], "events");
    assert_eq!(profile.tags["cost:centre.eu"], "42");
    assert_eq!(with(&["instance.types=[\"t3.small\"]"]).instance.types, ["t3.small"]);
}

#[test]
fn the_last_set_wins_and_an_empty_one_brings_the_default_back() {
    assert_eq!(with(&["scaling.max=8", "scaling.max=6"]).scaling.max, 6);
    assert_eq!(with(&["scaling.max=8", "scaling.max="]).scaling.max, 4);
    let sets = ["table.name=".to_string()];
    assert_eq!(
        parse("my.toml", "[table]\nname = \"guests\"\n", &sets)
            .unwrap()
            .table
            .name,
        None
    );
}

#[test]
fn set_reaches_into_inline_tables_and_dotted_keys() {
    let sets = ["scaling.max=9".to_string()];
    assert_eq!(
        parse("my.toml", "scaling = { min = 3 }\n", &sets)
            .unwrap()
            .instance_range(),
        (3, 9)
    );
    assert_eq!(
        parse("my.toml", "scaling.min = 3\n", &sets).unwrap().instance_range(),
        (3, 9)
    );
}

#[test]
fn a_region_that_nobody_named_is_left_to_the_aws_configuration() {
    assert!(!load("article", &[]).unwrap().names_region);
    assert!(load("article", &["region=us-east-1".into()]).unwrap().names_region);
    assert!(!load("dev", &[]).unwrap().names_region);
    assert!(load("dev", &["region=eu-west-1".into()]).unwrap().names_region);
}

#[test]
fn a_wish_that_counts_for_nothing_beside_the_others_is_told_and_a_copied_value_is_none() {
    let idle = |source: &str, sets: &[&str]| -> Vec<&str> {
        let sets: Vec<String> = sets.iter().map(|set| set.to_string()).collect();
        let loaded = load(source, &sets).unwrap();
        loaded.idle.iter().map(|key| key.path).collect()
    };
    assert_eq!(idle("dev", &[]), [""; 0]);
    assert_eq!(idle("article", &["scaling.max=6", "waf.mode=count"]), [""; 0]);
    assert_eq!(
        idle("dev", &["scaling.max=6", "waf.mode=count", "ssh.key_name=mine"]),
        ["ssh.key_name", "scaling.max", "waf.mode"]
    );
    assert_eq!(idle("dev", &["scaling.max="]), [""; 0]);

    let file = std::env::temp_dir().join(format!("confctl-profile-{}.toml", std::process::id()));
    std::fs::write(&file, embedded()[1].text.replace("max = 1", "max = 6")).unwrap();
    let of_file = idle(file.to_str().unwrap(), &[]);
    std::fs::remove_file(&file).unwrap();
    assert_eq!(of_file, ["scaling.max"]);
}

#[test]
fn an_unknown_profile_is_told_with_those_that_exist() {
    let error = load("artcle", &[]).unwrap_err();
    assert!(error.to_string().contains("article, dev, ci, hardened"), "{error}");
    assert!(matches!(
        error,
        ProfileError::Unknown {
            nearest: Some("article"),
            ..
        }
    ));
    assert!(matches!(
        load("./nowhere.toml", &[]).unwrap_err(),
        ProfileError::Read { .. }
    ));
}

#[test]
fn a_terminal_can_show_the_very_lines() {
    let error = parse("my.toml", "[scaling]\nmaxx = 8\n", &[]).unwrap_err();
    let mut shown = String::new();
    miette::GraphicalReportHandler::new_themed(miette::GraphicalTheme::none())
        .render_report(&mut shown, &error)
        .unwrap();
    assert!(shown.contains("my.toml:2:1") && shown.contains("maxx = 8"), "{shown}");
}

#[test]
fn a_profile_written_out_is_read_back_the_same() {
    for profile in [
        Profile::default(),
        full(),
        load("dev", &[]).unwrap().profile,
        load("ci", &[]).unwrap().profile,
        load("hardened", &[]).unwrap().profile,
    ] {
        assert_eq!(parse("record", &profile.to_toml().unwrap(), &[]).unwrap(), profile);
    }
}

proptest! {
    #[test]
    fn no_set_makes_the_program_panic(set in ".*") {
        let _ = parse("my.toml", embedded()[0].text, &[set]);
    }

    #[test]
    fn no_value_of_any_key_makes_the_program_panic(index in 0..KEYS.len(), value in ".*") {
        let path = KEYS[index].path.replace('*', "x");
        let _ = parse("my.toml", embedded()[0].text, &[format!("{path}={value}")]);
    }

    #[test]
    fn no_file_makes_the_program_panic(text in "(\\PC|\n)*") {
        let _ = parse("my.toml", &text, &[]);
    }

    #[test]
    fn any_valid_profile_survives_being_written_out(
        min in 1u32..50,
        more in 0u32..50,
        lower in 0.0f64..50.0,
        upper in 50.0f64..100.0,
        value in "[^\\p{Cc}]{0,40}",
        tag in "[a-zA-Z0-9 _.:/=+@-]{0,40}",
    ) {
        let mut profile = Profile::default();
        profile.scaling.min = min;
        profile.scaling.max = min + more;
        profile.scaling.lower = lower;
        profile.scaling.upper = upper;
        profile.app.properties.insert("VALUE".into(), value);
        profile.tags.insert("some tag".into(), tag);
        prop_assert_eq!(parse("record", &profile.to_toml().unwrap(), &[]).unwrap(), profile);
    }
}
