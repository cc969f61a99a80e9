//! DynamoDB as the site and its teardown use it.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ProvisionedThroughput, PutRequest,
    ReturnConsumedCapacity, ReturnValuesOnConditionCheckFailure, ScalarAttributeType, Select, TableStatus, Tag,
    WriteRequest,
};

use confctl_sandbox::daemon::Options;

use crate::harness::{Sandbox, until};

async fn create(client: &Client, protected: bool) {
    let attribute = AttributeDefinition::builder()
        .attribute_name("email")
        .attribute_type(ScalarAttributeType::S);
    let key = KeySchemaElement::builder()
        .attribute_name("email")
        .key_type(KeyType::Hash);
    let created = client
        .create_table()
        .table_name("users")
        .attribute_definitions(attribute.build().unwrap())
        .key_schema(key.build().unwrap())
        .billing_mode(BillingMode::PayPerRequest)
        .deletion_protection_enabled(protected)
        .tags(Tag::builder().key("confctl:stack").value("x").build().unwrap())
        .send()
        .await
        .unwrap();
    assert_eq!(
        created.table_description().unwrap().table_status(),
        Some(&TableStatus::Creating)
    );
}

async fn status(client: &Client) -> Option<TableStatus> {
    let described = client.describe_table().table_name("users").send().await.ok()?;
    described.table()?.table_status().cloned()
}

async fn active(sandbox: &Sandbox, protected: bool) -> Client {
    let client = Client::new(&sandbox.sdk().await);
    create(&client, protected).await;
    until("ACTIVE", async || status(&client).await == Some(TableStatus::Active)).await;
    client
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

#[tokio::test]
async fn an_address_registers_once_and_the_second_try_sees_the_first() {
    let sandbox = Sandbox::start().await;
    let client = active(&sandbox, false).await;
    let register = |name: &str| {
        client
            .put_item()
            .table_name("users")
            .item("email", text("ada@example.org"))
            .item("name", text(name))
            .condition_expression("attribute_not_exists(#e)")
            .expression_attribute_names("#e", "email")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
    };
    let first = register("Ada").await.unwrap();
    assert_eq!(first.consumed_capacity().unwrap().capacity_units(), Some(1.0));
    let again = register("Eve").await.unwrap_err().into_service_error();
    let aws_sdk_dynamodb::operation::put_item::PutItemError::ConditionalCheckFailedException(refused) = again else {
        panic!("{again:?}");
    };
    assert_eq!(refused.item().unwrap()["name"], text("Ada"));
    assert_eq!(refused.message(), Some("The conditional request failed"));
}

#[tokio::test]
async fn a_protected_table_is_deleted_only_after_its_protection() {
    let sandbox = Sandbox::start().await;
    let client = active(&sandbox, true).await;
    let refused = client.delete_table().table_name("users").send().await.unwrap_err();
    assert_eq!(
        refused.as_service_error().unwrap().meta().code(),
        Some("ValidationException")
    );
    assert_eq!(status(&client).await, Some(TableStatus::Active));

    let update = client
        .update_table()
        .table_name("users")
        .deletion_protection_enabled(false);
    update.send().await.unwrap();
    client.delete_table().table_name("users").send().await.unwrap();
    // Deleting what is being deleted is no error; then it is gone.
    until("the end of the table", async || status(&client).await.is_none()).await;
    let gone = client.delete_table().table_name("users").send().await.unwrap_err();
    assert!(gone.as_service_error().unwrap().is_resource_not_found_exception());
}

#[tokio::test]
async fn the_count_is_stale_and_a_consistent_scan_is_not() {
    let sandbox = Sandbox::start().await;
    let client = active(&sandbox, false).await;
    for n in 0..7 {
        let put = client
            .put_item()
            .table_name("users")
            .item("email", text(&format!("{n}@example.org")));
        put.send().await.unwrap();
    }
    let described = client.describe_table().table_name("users").send().await.unwrap();
    assert_eq!(described.table().unwrap().item_count(), Some(0));

    let mut start: Option<HashMap<String, AttributeValue>> = None;
    let (mut count, mut pages) = (0, 0);
    loop {
        let scan = client
            .scan()
            .table_name("users")
            .consistent_read(true)
            .select(Select::Count)
            .limit(3);
        let page = scan.set_exclusive_start_key(start).send().await.unwrap();
        count += page.count();
        pages += 1;
        start = page.last_evaluated_key().cloned();
        if start.is_none() {
            break;
        }
    }
    assert_eq!((count, pages), (7, 3));
}

#[tokio::test]
async fn the_billing_mode_must_be_said_or_paid_for() {
    let sandbox = Sandbox::start().await;
    let client = Client::new(&sandbox.sdk().await);
    let attribute = AttributeDefinition::builder()
        .attribute_name("email")
        .attribute_type(ScalarAttributeType::S);
    let key = KeySchemaElement::builder()
        .attribute_name("email")
        .key_type(KeyType::Hash);
    let table = client
        .create_table()
        .table_name("users")
        .key_schema(key.build().unwrap());
    let refused = table
        .attribute_definitions(attribute.build().unwrap())
        .send()
        .await
        .unwrap_err();
    assert!(refused.into_service_error().to_string().contains("ValidationException"));
}

#[tokio::test]
async fn tags_that_were_just_set_are_not_seen_at_once() {
    let sandbox = Sandbox::start_with(Options {
        time_scale: 20.0,
        tag_delay_seconds: 40,
        ..Options::default()
    })
    .await;
    let client = Client::new(&sandbox.sdk().await);
    create(&client, false).await;
    let arn = "arn:aws:dynamodb:us-east-1:123456789012:table/users";
    let tags = async || {
        let listed = client.list_tags_of_resource().resource_arn(arn).send().await.unwrap();
        listed.tags().len()
    };
    assert_eq!(tags().await, 0);
    until("the tag", async || tags().await == 1).await;
}

#[tokio::test]
async fn what_changes_capacity_blocks_the_table_for_a_while() {
    let sandbox = Sandbox::start_with(Options {
        time_scale: 4.0,
        ..Options::default()
    })
    .await;
    let client = active(&sandbox, false).await;
    let throughput = ProvisionedThroughput::builder()
        .read_capacity_units(1)
        .write_capacity_units(1);
    let update = client
        .update_table()
        .table_name("users")
        .billing_mode(BillingMode::Provisioned);
    let updated = update
        .provisioned_throughput(throughput.build().unwrap())
        .send()
        .await
        .unwrap();
    assert_eq!(
        updated.table_description().unwrap().table_status(),
        Some(&TableStatus::Updating)
    );
    let refused = client.delete_table().table_name("users").send().await.unwrap_err();
    assert!(refused.into_service_error().is_resource_in_use_exception());
    until("ACTIVE", async || status(&client).await == Some(TableStatus::Active)).await;
    client.delete_table().table_name("users").send().await.unwrap();
}

#[tokio::test]
async fn registrations_are_written_in_batches_and_all_or_nothing_is_checked_first() {
    let sandbox = Sandbox::start().await;
    let client = active(&sandbox, false).await;
    let write = |key: &str, value: &str| {
        let put = PutRequest::builder().item(key, text(value)).build().unwrap();
        WriteRequest::builder().put_request(put).build()
    };
    let batch = |writes: Vec<WriteRequest>| client.batch_write_item().request_items("users", writes).send();
    batch(vec![write("email", "a@b"), write("email", "c@d")]).await.unwrap();
    batch(vec![write("email", "e@f"), write("name", "no key")])
        .await
        .unwrap_err();
    let count = client
        .scan()
        .table_name("users")
        .select(Select::Count)
        .send()
        .await
        .unwrap();
    assert_eq!(count.count(), 2);
}

#[tokio::test]
async fn items_are_updated_queried_and_removed() {
    let sandbox = Sandbox::start().await;
    let client = active(&sandbox, false).await;
    let update = || {
        client
            .update_item()
            .table_name("users")
            .key("email", text("a@b"))
            .update_expression("SET visits = if_not_exists(visits, :zero) + :one")
            .expression_attribute_values(":zero", AttributeValue::N("0".to_owned()))
            .expression_attribute_values(":one", AttributeValue::N("1".to_owned()))
    };
    update().send().await.unwrap();
    update().send().await.unwrap();
    let query = client
        .query()
        .table_name("users")
        .key_condition_expression("email = :e");
    let found = query
        .expression_attribute_values(":e", text("a@b"))
        .send()
        .await
        .unwrap();
    assert_eq!(found.items()[0]["visits"], AttributeValue::N("2".to_owned()));
    client
        .delete_item()
        .table_name("users")
        .key("email", text("a@b"))
        .send()
        .await
        .unwrap();
    let read = client
        .get_item()
        .table_name("users")
        .key("email", text("a@b"))
        .send()
        .await
        .unwrap();
    assert!(read.item().is_none());
    let wrong = client
        .get_item()
        .table_name("users")
        .key("name", text("a@b"))
        .send()
        .await
        .unwrap_err();
    assert!(wrong.into_service_error().to_string().contains("ValidationException"));
}
