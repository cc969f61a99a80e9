//! The key pair, by what EC2 answers. The private key goes to a folder of the test's own.

use std::path::PathBuf;
use std::sync::Arc;

use confctl::engine::{Change, Owner};
use confctl::resources::Stack;

use crate::account::{Account, Given, of_root, stack};
use crate::bodies::{ec2, our_tags};
use crate::script::{Answer, Script, refused};

const ID: &str = "key-pair";
const SAMPLE: &str = "boto/botocore tests/unit/response_parsing/xml/responses/ec2-create-key-pair.xml";
const MANAGE_IQ: &str =
    "ManageIQ/manageiq-providers-amazon spec/vcr_cassettes/manageiq/providers/amazon/cloud_manager/refresher_targeted";
const CLI: &str = "aws/aws-cli awscli/examples/ec2";
const PUBLIC: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0aEXAMPLE";

pub fn pairs(tags: &[(&str, String)], public_key: &str) -> String {
    let tags: String = tags
        .iter()
        .map(|(key, value)| format!("<item><key>{key}</key><value>{value}</value></item>"))
        .collect();
    let tags = match tags.as_str() {
        "" => "<tagSet/>".to_owned(),
        tags => format!("<tagSet>{tags}</tagSet>"),
    };
    let public_key = match public_key {
        "" => String::new(),
        key => format!("<publicKey>{key}</publicKey>"),
    };
    let pair = format!(
        "<item><keyPairId>key-0123456789abcdef0</keyPairId><keyName>mod4-ssh-key</keyName><keyType>ed25519</keyType>\
         <keyFingerprint>made+up=</keyFingerprint>{tags}{public_key}<createTime>2026-11-24T12:00:00.000Z</createTime></item>"
    );
    ec2("DescribeKeyPairs", &format!("<keySet>{pair}</keySet>"))
}

fn absent() -> Answer {
    refused(
        400,
        "InvalidKeyPair.NotFound",
        "The key pair 'mod4-ssh-key' does not exist",
    )
}

fn ours() -> Script {
    Script::default().recorded("ec2:DescribeKeyPairs", MANAGE_IQ, pairs(&our_tags(ID), ""))
}

fn deleted() -> Script {
    ours().documented(
        "ec2:DeleteKeyPair",
        &format!("{CLI}/delete-key-pair.rst"),
        ec2(
            "DeleteKeyPair",
            "<return>true</return><keyPairId>key-0123456789abcdef0</keyPairId>",
        ),
    )
}

/// A public key of the user's, in a file.
fn public_key() -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), format!("{PUBLIC} me@here\n")).unwrap();
    file
}

#[tokio::test]
async fn one_without_tags_is_used_and_never_ours() {
    let account = of_root(Script::default().recorded("ec2:DescribeKeyPairs", MANAGE_IQ, pairs(&[], ""))).await;
    let seen = account.observe(&stack(|_| {}), ID).await.unwrap();
    assert_eq!(seen.live().map(|(_, owner)| owner.clone()), Some(Owner::Nobody));
    assert_eq!(account.plan(&stack(|_| {}), ID).await, Change::Use);
    account.check();
}

#[tokio::test]
async fn a_public_key_is_imported_and_shows_after_a_while() {
    let file = public_key();
    let path = file.path().to_string_lossy().into_owned();
    let script = Script::default()
        .documented("ec2:DescribeKeyPairs", CLI, absent())
        .documented(
            "ec2:ImportKeyPair",
            &format!("{CLI}/import-key-pair.rst"),
            ec2("ImportKeyPair", "<keyFingerprint>made+up=</keyFingerprint><keyName>mod4-ssh-key</keyName><keyPairId>key-0123456789abcdef0</keyPairId>"),
        )
        .documented("ec2:DescribeKeyPairs", CLI, absent())
        .after("ec2:ImportKeyPair")
        .recorded("ec2:DescribeKeyPairs", MANAGE_IQ, pairs(&our_tags(ID), PUBLIC))
        .after("ec2:ImportKeyPair");
    let account = of_root(script).await;
    let stack = stack(|profile| profile.ssh.public_key = Some(path));
    account.up(&stack, ID, Given::default()).await.done();
    let sent = &account.replay.sent("ec2:ImportKeyPair")[0];
    assert!(sent.contains("confctl:stack"), "it is tagged at birth");
    account.check();
}

#[tokio::test]
async fn a_pair_of_another_key_is_blocked() {
    let file = public_key();
    let path = file.path().to_string_lossy().into_owned();
    let other = pairs(&our_tags(ID), "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAnother");
    let account = of_root(Script::default().recorded("ec2:DescribeKeyPairs", MANAGE_IQ, other)).await;
    let change = account
        .plan(&stack(|profile| profile.ssh.public_key = Some(path)), ID)
        .await;
    assert!(matches!(change, Change::Blocked { .. }), "{change:?}");
    account.check();
}

#[tokio::test]
async fn the_private_key_that_ec2_gives_once_is_in_a_file_before_anything_else() {
    let script = Script::default()
        .documented("ec2:DescribeKeyPairs", CLI, absent())
        .documented(
            "ec2:CreateKeyPair",
            SAMPLE,
            ec2("CreateKeyPair", "<keyName>mod4-ssh-key</keyName><keyFingerprint>made+up=</keyFingerprint><keyMaterial>made up, and no key</keyMaterial><keyPairId>key-0123456789abcdef0</keyPairId>"),
        )
        .recorded("ec2:DescribeKeyPairs", MANAGE_IQ, pairs(&our_tags(ID), ""))
        .after("ec2:CreateKeyPair");
    let account = of_root(script).await;
    // A name of its own, so that no file of the user's is in the way.
    let stack = stack(|profile| profile.ssh.key_name = Some(format!("replay-{}", std::process::id())));
    account.up(&stack, ID, Given::default()).await.done();
    let told = account.told();
    let file = told
        .iter()
        .find_map(|text| text.split_once(" is in ").map(|(_, file)| file.to_owned()))
        .unwrap();
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "made up, and no key");
    std::fs::remove_file(&file).unwrap();
    account.check();
}

/// What CreateKeyPair gives.
fn made() -> String {
    ec2(
        "CreateKeyPair",
        "<keyName>mod4-ssh-key</keyName><keyFingerprint>made+up=</keyFingerprint><keyMaterial>made up, and no key</keyMaterial><keyPairId>key-0123456789abcdef0</keyPairId>",
    )
}

fn instances(state: Option<&str>) -> String {
    let instance = state.map(|state| {
        format!("<item><reservationId>r-1</reservationId><instancesSet><item><instanceId>i-1</instanceId><instanceState><code>16</code><name>{state}</name></instanceState></item></instancesSet></item>")
    });
    ec2(
        "DescribeInstances",
        &format!("<reservationSet>{}</reservationSet>", instance.unwrap_or_default()),
    )
}

/// A stack whose key pair has a name of its own, so that no file of the user's is in the way.
fn named(name: &str) -> (Arc<Stack>, String) {
    let name = format!("replay-{name}-{}", std::process::id());
    (stack(|profile| profile.ssh.key_name = Some(name.clone())), name)
}

/// Where the run said that the private key is.
fn stored(account: &Account) -> Option<PathBuf> {
    let told = account.told();
    let file = told.iter().find_map(|text| Some(text.split_once(" is in ")?.1));
    file.map(PathBuf::from)
}

#[tokio::test]
async fn one_whose_private_key_was_lost_with_a_killed_run_is_made_anew_while_nothing_has_it() {
    let source = "cloud-custodian/cloud-custodian tests/data/placebo/test_ec2_unmonitor_instance";
    let script = deleted()
        .recorded("ec2:DescribeInstances", source, instances(Some("terminated")))
        .documented("ec2:CreateKeyPair", SAMPLE, made());
    let (stack, name) = named("stillborn");
    let account = of_root(script).await.remembering(ID, "create", &name);
    let change = account.plan(&stack, ID).await;
    assert_eq!(change.fields()[0].field, "private key", "{change:?}");
    account.up(&stack, ID, Given::default()).await.done();
    let file = stored(&account).unwrap();
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "made up, and no key");
    // Now it is here, and the same pair is kept.
    assert_eq!(account.plan(&stack, ID).await, Change::Keep);
    std::fs::remove_file(&file).unwrap();
    account.check();
}

#[tokio::test]
async fn one_that_something_may_have_is_kept_without_its_private_key() {
    let source = "cloud-custodian/cloud-custodian tests/data/placebo/test_ec2_unmonitor_instance";
    let (stack, name) = named("kept");
    // An instance has it; or an environment was asked for with it; or no killed run was about to make it.
    let used = ours().recorded("ec2:DescribeInstances", source, instances(Some("running")));
    let used = of_root(used).await.remembering(ID, "create", &name);
    let asked = of_root(ours()).await.remembering(ID, "create", &name);
    let asked = asked.remembering("environment", "create", "Tcb-conference-env");
    for account in [used, asked, of_root(ours()).await] {
        assert_eq!(account.plan(&stack, ID).await, Change::Keep);
        account.check();
    }
}

#[tokio::test]
async fn one_whose_answer_was_lost_is_made_again_and_somebody_elses_is_not_touched() {
    let taken = || refused(400, "InvalidKeyPair.Duplicate", "The keypair already exists");
    let absent = || Script::default().documented("ec2:DescribeKeyPairs", CLI, absent());
    let script = absent()
        .modelled("ec2:CreateKeyPair", SAMPLE, Answer::Cut)
        .documented(
            "ec2:CreateKeyPair",
            "awsdocs/amazon-ec2-api-reference errors-overview",
            taken(),
        )
        .documented("ec2:CreateKeyPair", SAMPLE, made())
        .and(deleted().without(&["ec2:DescribeKeyPairs"]))
        .recorded("ec2:DescribeKeyPairs", MANAGE_IQ, pairs(&our_tags(ID), ""))
        .after("ec2:CreateKeyPair");
    let (stack, _) = named("lost");
    let account = of_root(script).await;
    account.up(&stack, ID, Given::default()).await.done();
    std::fs::remove_file(stored(&account).unwrap()).unwrap();
    account.check();

    let script = absent()
        .documented(
            "ec2:CreateKeyPair",
            "awsdocs/amazon-ec2-api-reference errors-overview",
            taken(),
        )
        .recorded("ec2:DescribeKeyPairs", MANAGE_IQ, pairs(&[], ""))
        .after("ec2:CreateKeyPair");
    let account = of_root(script).await;
    let ran = account.up(&stack, ID, Given::default()).await;
    assert!(ran.failure().error.is_code("InvalidKeyPair.Duplicate"));
    account.check();
}

#[tokio::test]
async fn it_goes_whatever_the_answer_says_of_it() {
    let file = public_key();
    let path = file.path().to_string_lossy().into_owned();
    // In 2019 the answer had no members.
    let older = ours().recorded(
        "ec2:DeleteKeyPair",
        "cloud-custodian/cloud-custodian tests/data/placebo/test_vpc_unused_key_delete",
        ec2("DeleteKeyPair", ""),
    );
    for script in [deleted(), older] {
        let account = of_root(script).await;
        let path = path.clone();
        account
            .down(&stack(|profile| profile.ssh.public_key = Some(path)), ID)
            .await
            .done();
        account.check();
    }
}
