//! Many stacks of one region: how seldom Beanstalk is asked for them, and what proves that the time of one is over.

use confctl::aws::lifetime::{End, Lifetime, Verdict};
use confctl::engine::Change;
use confctl::resources::all_stacks::{SeenApplication, StackSeen, find, judge};
use serde_json::json;

use crate::account::{ACCOUNT, Given, of_root, stack_of};
use crate::application::ARN;
use crate::beanstalk::{EB_CLI, SAMPLES, environment, environments, tags_of, takes_tags};
use crate::bodies::{our_tags, query, tags_json, tags_xml};
use crate::script::{Answer, Script, refused};

const SEARCH: &str = "localstack/localstack tests/aws/services/resourcegroupstaggingapi/test_rgsa.snapshot.json";
const LISTS: &str = "localstack/localstack tests/aws/services/s3/test_s3_list_operations.snapshot.json";
const OBJECTS: &str = "localstack/localstack tests/aws/services/s3/test_s3.snapshot.json";
const NOON: &str = "Mon, 30 Nov 2026 12:00:00 GMT";

/// S3's answers to a look at all records, and at its clock.
fn records(keys: &[String]) -> Script {
    let contents: String = keys
        .iter()
        .map(|key| {
            format!("<Contents><Key>{key}</Key><LastModified>2026-11-30T11:00:00.000Z</LastModified><Size>9</Size></Contents>")
        })
        .collect();
    let listed = format!("<ListBucketResult><IsTruncated>false</IsTruncated>{contents}</ListBucketResult>");
    let dated = vec![("date", NOON.to_owned())];
    Script::default()
        .recorded("s3:ListObjectsV2", LISTS, listed)
        .recorded(
            "s3:ListObjectsV2",
            LISTS,
            Answer::With(
                dated,
                "<ListBucketResult><KeyCount>0</KeyCount></ListBucketResult>".to_owned(),
            ),
        )
        .to("max-keys=1")
}

fn arn(resource: &str) -> String {
    format!("arn:aws:elasticbeanstalk:us-east-1:{ACCOUNT}:{resource}")
}

fn applications(names: &[String]) -> String {
    let members: String = names
        .iter()
        .map(|name| {
            let arn = arn(&format!("application/{name}"));
            format!(
                "<member><ApplicationArn>{arn}</ApplicationArn><ApplicationName>{name}</ApplicationName>\
                 <DateCreated>2026-11-30T10:00:00.376Z</DateCreated><ConfigurationTemplates/><Versions/></member>"
            )
        })
        .collect();
    query(
        "DescribeApplications",
        &format!("<Applications>{members}</Applications>"),
    )
}

#[tokio::test]
async fn fifty_stacks_are_found_by_two_reads_of_beanstalk() {
    let names: Vec<String> = (1..=50).map(|number| format!("pr-{number:02}")).collect();
    let hit = |name: &String, resource: &str, kind: &str| {
        let tags = [
            ("confctl:stack", name.clone()),
            ("confctl:region", "us-east-1".to_owned()),
            ("confctl:resource", kind.to_owned()),
        ];
        json!({"ResourceARN": arn(resource), "Tags": tags_json(tags)})
    };
    let hits: Vec<_> = names
        .iter()
        .flat_map(|name| {
            let environment = format!("environment/{name}/{name}-env");
            [
                hit(name, &format!("application/{name}"), "application"),
                hit(name, &environment, "environment"),
            ]
        })
        .collect();
    // One of them is gone, and the index has not forgotten it.
    let there = &names[1..];
    let all: Vec<String> = there
        .iter()
        .map(|name| {
            environment("Ready", "<HealthStatus>Ok</HealthStatus>")
                .replace("Tcb-conference-env", &format!("{name}-env"))
        })
        .collect();
    let keys: Vec<String> = there
        .iter()
        .map(|name| format!("confctl/{name}/profile.toml"))
        .collect();
    let script = records(&keys)
        .recorded(
            "tag:GetResources",
            SEARCH,
            json!({"PaginationToken": "", "ResourceTagMappingList": hits}).to_string(),
        )
        .recorded("elasticbeanstalk:DescribeApplications", EB_CLI, applications(there))
        .recorded("elasticbeanstalk:DescribeEnvironments", EB_CLI, environments(&all))
        .recorded(
            "s3:GetObject",
            OBJECTS,
            refused(404, "NoSuchKey", "The specified key does not exist."),
        );
    let account = of_root(script).await;
    let found = find(account.reading(), None).await.unwrap();
    let seen: Vec<_> = found.stacks.iter().map(|stack| stack.name.to_string()).collect();
    assert_eq!(seen, there);
    assert!(
        found
            .stacks
            .iter()
            .all(|stack| stack.environments[0].health == "Ok" && stack.parts.len() == 2)
    );
    // Older than its record's oldest object, and by AWS's own clock.
    assert_eq!(found.now.duration_since(found.stacks[0].since.unwrap()).as_mins(), 120);
    let of_beanstalk = account.replay.called().into_iter();
    let of_beanstalk: Vec<_> = of_beanstalk
        .filter(|operation| operation.starts_with("elasticbeanstalk:"))
        .collect();
    assert_eq!(of_beanstalk.len(), 2, "{of_beanstalk:?}");
    account.check();
}

fn seen(tags: &[(&str, &str)]) -> StackSeen {
    StackSeen {
        name: Default::default(),
        parts: Default::default(),
        applications: vec![SeenApplication {
            arn: ARN.to_owned(),
            tags: tags
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect(),
        }],
        environments: Vec::new(),
        profile: None,
        since: None,
        is_to_end: false,
    }
}

/// The record's end, written at eleven for half an hour, and read at noon.
fn end() -> Answer {
    let headers = vec![
        ("last-modified", "Mon, 30 Nov 2026 11:01:00 GMT".to_owned()),
        ("date", NOON.to_owned()),
    ];
    Answer::With(
        headers,
        r#"{"expires":"2026-11-30T11:30:00Z","seconds":1800}"#.to_owned(),
    )
}

fn own_tags(stack: &str, expires: &str) -> String {
    let [(key, _), region, resource] = our_tags("application");
    let tags = [
        (key, stack.to_owned()),
        region,
        resource,
        ("confctl:expires", expires.to_owned()),
    ];
    tags_of(ARN, &tags_xml("member", tags))
}

#[tokio::test]
async fn time_is_over_only_where_the_applications_own_tags_say_so_too() {
    let over = [("confctl:expires", "2026-11-30T11:30:00Z")];
    for (own, wanted) in [
        (own_tags("tcb-conference", "2026-11-30T11:30:00Z"), "over"),
        // Renewed a moment ago: the index does not show it yet.
        (own_tags("tcb-conference", "2026-11-30T15:30:00Z"), "unproven"),
        // The name is another stack's by now.
        (own_tags("another", "2026-11-30T11:30:00Z"), "unproven"),
    ] {
        let script = Script::default()
            .recorded("elasticbeanstalk:ListTagsForResource", EB_CLI, own)
            .recorded("s3:GetObject", OBJECTS, end());
        let account = of_root(script).await;
        let verdict = judge(account.reading(), &seen(&over)).await.unwrap();
        let is = match verdict {
            Verdict::Over { .. } => "over",
            Verdict::Unproven { .. } => "unproven",
            Verdict::Runs { .. } | Verdict::Unlimited => "neither",
        };
        assert_eq!(is, wanted);
        account.check();
    }
    // One of which nobody says that it ends is not asked for.
    let account = of_root(Script::default()).await;
    assert_eq!(judge(account.reading(), &seen(&[])).await.unwrap(), Verdict::Unlimited);
    account.check();
}

fn ending(lifetime: Lifetime) -> std::sync::Arc<confctl::resources::Stack> {
    let mut stack = stack_of(Default::default());
    stack.lifetime = Some(lifetime);
    stack.into()
}

fn until(expires: &str) -> Lifetime {
    Lifetime::Until(End {
        expires: expires.parse().unwrap(),
        lasts: std::time::Duration::from_secs(4 * 3600),
    })
}

#[tokio::test]
async fn an_end_is_a_tag_of_the_application_from_its_birth_and_renewing_it_changes_that_alone() {
    let made = query(
        "CreateApplication",
        &format!(
            "<Application><ApplicationArn>{ARN}</ApplicationArn><ApplicationName>tcb-conference</ApplicationName></Application>"
        ),
    );
    let script = Script::default()
        .documented("elasticbeanstalk:DescribeApplications", SAMPLES, applications(&[]))
        .documented("elasticbeanstalk:CreateApplication", SAMPLES, made);
    let account = of_root(script).await;
    let stack = ending(until("2026-11-30T16:00:00Z"));
    account.up(&stack, "application", Given::default()).await.done();
    let sent = &account.replay.sent("elasticbeanstalk:CreateApplication")[0];
    assert!(
        sent.contains("confctl:expires") && sent.contains("2026-11-30T16:00:00Z"),
        "{}",
        sent.text
    );
    account.check();

    let there = || {
        Script::default()
            .recorded(
                "elasticbeanstalk:DescribeApplications",
                EB_CLI,
                applications(&["tcb-conference".to_owned()]),
            )
            .recorded(
                "elasticbeanstalk:ListTagsForResource",
                EB_CLI,
                own_tags("tcb-conference", "2026-11-30T16:00:00Z"),
            )
    };
    let account = of_root(
        there()
            .and(takes_tags())
            .recorded(
                "elasticbeanstalk:ListTagsForResource",
                EB_CLI,
                own_tags("tcb-conference", "2026-11-30T20:00:00Z"),
            )
            .after("elasticbeanstalk:UpdateTagsForResource"),
    )
    .await;
    let stack = ending(until("2026-11-30T20:00:00Z"));
    account.up(&stack, "application", Given::default()).await.done();
    let sent = &account.replay.sent("elasticbeanstalk:UpdateTagsForResource")[0];
    assert!(
        sent.contains("2026-11-30T20:00:00Z") && !sent.contains("confctl:stack"),
        "{}",
        sent.text
    );
    account.check();

    // What is shown is the same with every plan, however late it is made.
    let account = of_root(there()).await;
    let Change::Update { fields } = account.plan(&stack, "application").await else {
        panic!()
    };
    let shown = &fields.shown()[0];
    assert_eq!(
        (shown.field.as_str(), shown.to.as_deref()),
        ("tag confctl:expires", Some("in 4h"))
    );
    account.check();

    let account = of_root(there()).await;
    let unasked = stack_of(Default::default()).into();
    assert_eq!(account.plan(&unasked, "application").await, Change::Keep);
    account.check();
}
