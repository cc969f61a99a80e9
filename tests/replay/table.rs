//! The table of registrations, by what DynamoDB answers.

use confctl::engine::{Change, Removal};
use serde_json::{Value, json};

use crate::account::{Given, of_root, stack, stack_of};
use crate::bodies::{our_tags, tags_json};
use crate::script::{Script, refused};

const ID: &str = "users-table";
const ARN: &str = "arn:aws:dynamodb:us-east-1:123456789012:table/users";
const LOCALSTACK: &str = "localstack/localstack tests/aws/services/dynamodb/test_dynamodb.snapshot.json";
const CUSTODIAN: &str = "cloud-custodian/cloud-custodian tests/data/placebo";
const MODEL: &str = "boto/botocore botocore/data/dynamodb/2012-08-10/service-2.json";
const GUIDE: &str = "awsdocs/amazon-dynamodb-developer-guide doc_source/Programming.Errors.md";
const TERRAFORM: &str = "hashicorp/terraform-provider-aws internal/service/dynamodb/table.go";

pub fn described(status: &str, more: Value) -> String {
    let mut table = json!({
        "AttributeDefinitions": [{"AttributeName": "email", "AttributeType": "S"}],
        "BillingModeSummary": {"BillingMode": "PAY_PER_REQUEST", "LastUpdateToPayPerRequestDateTime": 1_732_449_600.123},
        "CreationDateTime": 1_732_449_600.123,
        "DeletionProtectionEnabled": false,
        "ItemCount": 0,
        "KeySchema": [{"AttributeName": "email", "KeyType": "HASH"}],
        "ProvisionedThroughput": {"NumberOfDecreasesToday": 0, "ReadCapacityUnits": 0, "WriteCapacityUnits": 0},
        "TableArn": ARN,
        "TableId": "11111111-2222-3333-4444-555555555555",
        "TableName": "users",
        "TableSizeBytes": 0,
        "TableStatus": status,
        "WarmThroughput": {"ReadUnitsPerSecond": 12000, "Status": "ACTIVE", "WriteUnitsPerSecond": 4000},
    });
    for (name, value) in more.as_object().into_iter().flatten() {
        table[name] = value.clone();
    }
    json!({"Table": table}).to_string()
}

fn backups(recovery: &str) -> String {
    let description = json!({
        "ContinuousBackupsStatus": "ENABLED",
        "PointInTimeRecoveryDescription": {"PointInTimeRecoveryStatus": recovery},
    });
    json!({"ContinuousBackupsDescription": description}).to_string()
}

/// Absent as DynamoDB says it.
fn absent() -> crate::script::Answer {
    refused(
        400,
        "ResourceNotFoundException",
        "Requested resource not found: Table: users not found",
    )
}

/// What of a table that rests is read after its description.
fn at_rest(tags: Value, recovery: &str, items: u32) -> Script {
    Script::default()
        .recorded(
            "dynamodb:ListTagsOfResource",
            &format!("{CUSTODIAN}/test_dynamodb_tag_filter"),
            json!({"Tags": tags}).to_string(),
        )
        .recorded(
            "dynamodb:DescribeContinuousBackups",
            &format!("{CUSTODIAN}/test_dynamodb_continuous_backup_filter"),
            backups(recovery),
        )
        .documented(
            "dynamodb:Scan",
            "aws/aws-cli awscli/examples/dynamodb/scan.rst",
            json!({"Count": items, "ScannedCount": items}).to_string(),
        )
}

pub fn there(more: Value, tags: Value, recovery: &str, items: u32) -> Script {
    let described = described("ACTIVE", more);
    let table = Script::default().recorded(
        "dynamodb:DescribeTable",
        &format!("{LOCALSTACK}::test_gsi_with_billing_mode"),
        described,
    );
    table.and(at_rest(tags, recovery, items))
}

fn ours() -> Value {
    tags_json(our_tags(ID))
}

#[tokio::test]
async fn what_dynamodb_added_since_is_no_drift() {
    let account = of_root(there(json!({}), ours(), "DISABLED", 0)).await;
    assert_eq!(account.plan(&stack(|_| {}), ID).await, Change::Keep);
    account.check();
}

#[tokio::test]
async fn a_table_that_was_always_provisioned_has_no_billing_mode() {
    let provisioned = json!({
        "BillingModeSummary": null,
        "ProvisionedThroughput": {"NumberOfDecreasesToday": 0, "ReadCapacityUnits": 5, "WriteCapacityUnits": 5},
    });
    let script = there(provisioned, ours(), "DISABLED", 0);
    let account = of_root(script).await;
    let change = account.plan(&stack(|_| {}), ID).await;
    assert!(
        matches!(&change, Change::Update { fields } if fields.shown()[0].field == "BillingMode" && fields.shown().len() == 1),
        "{change:?}"
    );
    account.check();
}

#[tokio::test]
async fn a_table_is_warmed_up_once_and_never_cooled_down() {
    let warm = |writes: u32, status: &str| json!({"WarmThroughput": {"ReadUnitsPerSecond": 12_000, "WriteUnitsPerSecond": writes, "Status": status}});
    let wants = |writes: u32| stack(|profile| profile.table.warm_writes = Some(writes));
    let script = there(warm(4_000, "ACTIVE"), ours(), "DISABLED", 0).documented(
        "dynamodb:UpdateTable",
        MODEL,
        described("ACTIVE", warm(4_000, "UPDATING")).replacen("Table", "TableDescription", 1),
    );
    let account = of_root(script).await;
    account.up(&wants(8_000), ID, Given::default()).await.done();
    let update = &account.replay.sent("dynamodb:UpdateTable")[0];
    assert_eq!(update.member("WarmThroughput"), json!({"WriteUnitsPerSecond": 8_000}));
    account.check();
    // On its way, or there already.
    for (writes, status) in [(4_000, "UPDATING"), (9_000, "ACTIVE")] {
        let account = of_root(there(warm(writes, status), ours(), "DISABLED", 0)).await;
        assert_eq!(account.plan(&wants(8_000), ID).await, Change::Keep, "{writes} {status}");
        account.check();
    }
}

#[tokio::test]
async fn tags_on_a_second_page_are_read_and_the_list_ends() {
    let tags = ours();
    let script = Script::default()
        .recorded("dynamodb:DescribeTable", LOCALSTACK, described("ACTIVE", json!({})))
        .modelled(
            "dynamodb:ListTagsOfResource",
            MODEL,
            json!({"Tags": [], "NextToken": "more"}).to_string(),
        )
        .modelled("dynamodb:ListTagsOfResource", MODEL, json!({"Tags": tags}).to_string())
        .to("more")
        .recorded("dynamodb:DescribeContinuousBackups", CUSTODIAN, backups("DISABLED"))
        .documented(
            "dynamodb:Scan",
            MODEL,
            json!({"Count": 0, "ScannedCount": 0}).to_string(),
        );
    let account = of_root(script).await;
    assert_eq!(account.plan(&stack(|_| {}), ID).await, Change::Keep);
    assert_eq!(account.replay.times("dynamodb:ListTagsOfResource"), 2);
    account.check();
}

#[tokio::test]
async fn a_new_table_is_waited_for_and_its_backups_too() {
    let script = Script::default()
        .documented("dynamodb:DescribeTable", GUIDE, absent())
        .recorded("dynamodb:CreateTable", LOCALSTACK, create_answer())
        .documented("dynamodb:DescribeTable", GUIDE, absent())
        .after("dynamodb:CreateTable")
        .recorded("dynamodb:DescribeTable", LOCALSTACK, described("CREATING", json!({})))
        .after("dynamodb:CreateTable")
        .recorded("dynamodb:DescribeTable", LOCALSTACK, described("ACTIVE", json!({})))
        .after("dynamodb:CreateTable")
        .modelled(
            "dynamodb:UpdateContinuousBackups",
            MODEL,
            refused(
                400,
                "ContinuousBackupsUnavailableException",
                "Backups are being enabled for the table: users. Please retry later",
            ),
        )
        .recorded(
            "dynamodb:UpdateContinuousBackups",
            &format!("{CUSTODIAN}/test_dynamodb_continuous_backup_action"),
            backups("ENABLED"),
        )
        .recorded("dynamodb:DescribeContinuousBackups", CUSTODIAN, backups("ENABLED"))
        .documented(
            "dynamodb:Scan",
            MODEL,
            json!({"Count": 0, "ScannedCount": 0}).to_string(),
        );
    let account = of_root(script).await;
    let stack = stack(|profile| profile.table.point_in_time_recovery = true);
    account.up(&stack, ID, Given::default()).await.done();
    let created = &account.replay.sent("dynamodb:CreateTable")[0];
    assert_eq!(created.member("BillingMode"), "PAY_PER_REQUEST");
    assert!(created.member("ProvisionedThroughput").is_null());
    account.check();
}

/// CreateTable's answer says less of the billing mode than a description.
fn create_answer() -> String {
    let description: Value = serde_json::from_str(&described("CREATING", json!({}))).unwrap();
    let mut table = description["Table"].clone();
    table["BillingModeSummary"] = json!({"BillingMode": "PAY_PER_REQUEST"});
    json!({"TableDescription": table}).to_string()
}

#[tokio::test]
async fn one_taken_over_is_tagged_and_brought_to_the_profile() {
    let provisioned = json!({
        "BillingModeSummary": null,
        "ProvisionedThroughput": {"NumberOfDecreasesToday": 0, "ReadCapacityUnits": 5, "WriteCapacityUnits": 5},
    });
    let mut stack = stack_of(Default::default());
    stack.take_over.insert(ID.to_owned());
    let script = Script::default()
        .recorded("dynamodb:DescribeTable", LOCALSTACK, described("ACTIVE", provisioned))
        .recorded("dynamodb:TagResource", &format!("{CUSTODIAN}/test_dynamodb_tag"), "{}")
        .recorded(
            "dynamodb:UpdateTable",
            &format!("{CUSTODIAN}/test_dynamodb_update_table"),
            create_answer(),
        )
        .recorded("dynamodb:DescribeTable", LOCALSTACK, described("UPDATING", json!({})))
        .after("dynamodb:UpdateTable")
        .recorded("dynamodb:DescribeTable", LOCALSTACK, described("ACTIVE", json!({})))
        .after("dynamodb:UpdateTable")
        .and(at_rest(json!([]), "DISABLED", 0))
        // The previous tags at first (botocore: dynamodb, TagResource).
        .documented("dynamodb:ListTagsOfResource", MODEL, json!({"Tags": []}).to_string())
        .after("dynamodb:TagResource")
        .recorded(
            "dynamodb:ListTagsOfResource",
            CUSTODIAN,
            json!({"Tags": ours()}).to_string(),
        )
        .after("dynamodb:TagResource");
    let account = of_root(script).await;
    account.up(&stack.into(), ID, Given::default()).await.done();
    assert_eq!(
        account.replay.sent("dynamodb:TagResource")[0].member("ResourceArn"),
        ARN
    );
    assert_eq!(
        account.replay.sent("dynamodb:UpdateTable")[0].member("BillingMode"),
        "PAY_PER_REQUEST"
    );
    account.check();
}

#[tokio::test]
async fn a_table_with_registrations_says_what_would_be_lost_whatever_its_item_count() {
    let account = of_root(there(json!({"ItemCount": 0}), ours(), "DISABLED", 1)).await;
    let removal = account.plan_removal(&stack(|_| {}), ID).await;
    assert!(matches!(removal, Removal::Delete { loses: Some(_) }), "{removal:?}");
    assert_eq!(account.replay.sent("dynamodb:Scan")[0].member("ConsistentRead"), true);
    account.check();
}

#[tokio::test]
async fn an_empty_table_is_deleted_once_dynamodb_is_done_with_its_last_change() {
    let script = there(json!({}), ours(), "DISABLED", 0)
        .documented(
            "dynamodb:DeleteTable",
            TERRAFORM,
            refused(
                400,
                "ResourceInUseException",
                "Attempt to change a resource which is still in use: Table is being updated: users",
            ),
        )
        .recorded(
            "dynamodb:DeleteTable",
            &format!("{CUSTODIAN}/test_dynamodb_delete_table"),
            create_answer(),
        )
        .recorded("dynamodb:DescribeTable", LOCALSTACK, described("DELETING", json!({})))
        .after("dynamodb:DeleteTable")
        .documented("dynamodb:DescribeTable", GUIDE, absent())
        .after("dynamodb:DeleteTable");
    let account = of_root(script).await;
    account.down(&stack(|_| {}), ID).await.done();
    account.check();
}

#[tokio::test]
async fn a_table_whose_first_answer_was_lost_is_known_by_its_tags() {
    for (tags, well) in [(ours(), true), (json!([]), false)] {
        let script = Script::default()
            .documented("dynamodb:DescribeTable", GUIDE, absent())
            .modelled("dynamodb:CreateTable", MODEL, crate::script::Answer::Cut)
            .documented(
                "dynamodb:CreateTable",
                GUIDE,
                refused(400, "ResourceInUseException", "Table already exists: users"),
            )
            .recorded(
                "dynamodb:ListTagsOfResource",
                CUSTODIAN,
                json!({"Tags": tags}).to_string(),
            );
        let script = match well {
            false => script,
            true => script
                .recorded("dynamodb:DescribeTable", LOCALSTACK, described("ACTIVE", json!({})))
                .after("dynamodb:CreateTable")
                .recorded("dynamodb:DescribeContinuousBackups", CUSTODIAN, backups("DISABLED"))
                .documented(
                    "dynamodb:Scan",
                    MODEL,
                    json!({"Count": 0, "ScannedCount": 0}).to_string(),
                ),
        };
        let account = of_root(script).await;
        let ran = account.up(&stack(|_| {}), ID, Given::default()).await;
        match well {
            true => ran.done(),
            false => assert_eq!(ran.failure().error.kind, confctl::engine::Kind::Refused),
        }
        account.check();
    }
}
