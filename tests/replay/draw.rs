//! What a draw asks the table: tickets for those who have none, and the mark that it was committed to.

use confctl::resources::Registrations;
use serde_json::json;

use crate::account::{of_root, stack};
use crate::script::{Answer, Script, refused};

const CLI: &str = "aws/aws-cli awscli/examples/dynamodb";
const MODEL: &str = "boto/botocore botocore/data/dynamodb/2012-08-10/service-2.json";

/// The words with which DynamoDB refuses (its developer guide's Programming.Errors).
fn condition_failed() -> Answer {
    refused(400, "ConditionalCheckFailedException", "The conditional request failed")
}

#[tokio::test]
async fn who_has_no_ticket_gets_one_and_who_has_one_by_now_keeps_it() {
    let rows = json!({"Count": 4, "ScannedCount": 4, "Items": [
        {"email": {"S": "ann@example.com"}, "ticket": {"S": "00112233445566778899aabbccddeeff"}},
        {"email": {"S": "ben@example.com"}},
        {"email": {"S": "cleo@example.com"}},
        {"email": {"S": "someone.confctl.invalid"}},
    ]});
    let script = Script::default()
        .documented("dynamodb:Scan", &format!("{CLI}/scan.rst"), rows.to_string())
        .documented("dynamodb:UpdateItem", &format!("{CLI}/update-item.rst"), "{}")
        .documented("dynamodb:UpdateItem", MODEL, condition_failed());
    let account = of_root(script).await;
    let stack = stack(|_| {});
    let registrations = Registrations::new(&stack, account.reading(), account.writing());
    assert_eq!(registrations.give_tickets().await.unwrap(), 2);
    let asked = account.replay.sent("dynamodb:UpdateItem");
    assert_eq!(asked.len(), 2);
    for update in asked {
        let condition = update.member("ConditionExpression");
        assert_eq!(condition, "attribute_exists(#key) AND attribute_not_exists(#ticket)");
    }
    account.check();
}

#[tokio::test]
async fn the_table_remembers_the_first_commitment_and_no_other() {
    let script = Script::default()
        .documented("dynamodb:PutItem", &format!("{CLI}/put-item.rst"), "{}")
        .documented("dynamodb:PutItem", MODEL, condition_failed());
    let account = of_root(script).await;
    let stack = stack(|_| {});
    let registrations = Registrations::new(&stack, account.reading(), account.writing());
    registrations.set_mark("first").await.unwrap();
    registrations.set_mark("second").await.unwrap();
    for put in account.replay.sent("dynamodb:PutItem") {
        assert_eq!(put.member("ConditionExpression"), "attribute_not_exists(#key)");
    }
    account.check();
}
