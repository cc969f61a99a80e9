//! The stack's record and its lock, by what S3 answers to conditional writes.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use confctl::aws::journal;
use confctl::aws::lock::{self, Holder, LEASE, Lock};
use confctl::aws::process::{Here, Process};
use confctl::aws::record::Record;
use confctl::aws::services::s3::If;
use confctl::engine::{GRACE, Intent, Kind};
use tokio_util::sync::CancellationToken;

use crate::account::{Account, of_root};
use crate::bodies::query;
use crate::script::{Answer, Script, refused};

const LOCALSTACK: &str = "localstack/localstack tests/aws/services/s3/test_s3.snapshot.json";
const CONDITIONS: &str = "localstack/localstack tests/aws/services/s3/test_s3_conditional.snapshot.json";
const LISTS: &str = "localstack/localstack tests/aws/services/s3/test_s3_list_operations.snapshot.json";

fn record(account: &Account) -> Record {
    Record::new(account.reading(), "tcb-conference")
}

fn stored(etag: &str) -> Answer {
    let headers = vec![
        ("etag", format!("\"{etag}\"")),
        ("x-amz-server-side-encryption", "AES256".to_owned()),
        ("x-amz-checksum-type", "FULL_OBJECT".to_owned()),
    ];
    Answer::With(headers, String::new())
}

fn object(etag: &str, modified: &str, body: &str) -> Answer {
    let headers = vec![
        ("etag", format!("\"{etag}\"")),
        ("last-modified", modified.to_owned()),
        ("date", "Tue, 24 Nov 2026 12:10:00 GMT".to_owned()),
        ("x-amz-server-side-encryption", "AES256".to_owned()),
    ];
    Answer::With(headers, body.to_owned())
}

fn failed_condition() -> Answer {
    refused(
        412,
        "PreconditionFailed",
        "At least one of the pre-conditions you specified did not hold",
    )
}

fn holder() -> Holder {
    Holder {
        id: "ours".to_owned(),
        command: "up".to_owned(),
        who: "ann@host".to_owned(),
        process: None,
        renewals: 0,
    }
}

async fn acquired(account: &Account) -> Result<Lock, confctl::engine::Error> {
    acquired_until(account, &CancellationToken::new()).await
}

/// With what is cancelled where the lock is lost.
async fn acquired_until(account: &Account, lost: &CancellationToken) -> Result<Lock, confctl::engine::Error> {
    Lock::acquire(
        account.writing().clone(),
        record(account),
        holder(),
        lost.clone(),
        |_| {},
    )
    .await
}

#[tokio::test]
async fn the_lock_is_made_only_where_there_is_none_and_given_back_by_its_etag() {
    let script = Script::default()
        .recorded("s3:PutObject", LOCALSTACK, stored("1"))
        .recorded("s3:DeleteObject", CONDITIONS, Answer::Raw(204, String::new()));
    let account = of_root(script).await;
    let lock = acquired(&account).await.unwrap();
    lock.release().await.unwrap();
    let put = &account.replay.sent("s3:PutObject")[0];
    assert_eq!(put.header("if-none-match"), Some("*"));
    assert_eq!(put.header("x-amz-expected-bucket-owner"), Some("123456789012"));
    let deleted = &account.replay.sent("s3:DeleteObject")[0];
    assert_eq!(deleted.header("if-match"), Some("\"1\""));
    account.check();
}

#[tokio::test]
async fn a_lock_that_nobody_renews_is_taken_by_its_etag_and_by_s3s_own_clock() {
    let theirs = r#"{"id":"theirs","command":"up","who":"bob@host","renewals":3}"#;
    let script = Script::default()
        .recorded("s3:PutObject", CONDITIONS, failed_condition())
        .recorded("s3:PutObject", CONDITIONS, stored("2"))
        .recorded(
            "s3:GetObject",
            LOCALSTACK,
            object("1", "Tue, 24 Nov 2026 12:00:00 GMT", theirs),
        )
        .recorded("s3:DeleteObject", CONDITIONS, Answer::Raw(204, String::new()));
    let account = of_root(script).await;
    acquired(&account).await.unwrap().release().await.unwrap();
    assert_eq!(account.replay.sent("s3:PutObject")[1].header("if-match"), Some("\"1\""));
    account.check();
}

#[tokio::test]
async fn two_writes_in_one_moment_and_a_key_that_is_gone_are_no_failures() {
    let script = Script::default()
        .documented(
            "s3:PutObject",
            "awsdocs/amazon-s3-userguide conditional-writes",
            refused(
                409,
                "ConditionalRequestConflict",
                "The conditional request cannot succeed due to a conflicting operation against this resource.",
            ),
        )
        .recorded("s3:PutObject", CONDITIONS, stored("2"))
        .recorded(
            "s3:GetObject",
            LOCALSTACK,
            refused(404, "NoSuchKey", "The specified key does not exist."),
        )
        .recorded("s3:DeleteObject", CONDITIONS, failed_condition());
    let account = of_root(script).await;
    // Not given back: somebody took it, and that is no failure of ours.
    acquired(&account).await.unwrap().release().await.unwrap();
    account.check();
}

#[tokio::test]
async fn a_write_whose_answer_was_lost_is_known_by_what_it_wrote() {
    let ours = serde_json::to_string(&holder()).unwrap();
    let script = Script::default()
        .modelled("s3:PutObject", CONDITIONS, Answer::Cut)
        .recorded("s3:PutObject", CONDITIONS, failed_condition())
        .recorded(
            "s3:GetObject",
            LOCALSTACK,
            object("1", "Tue, 24 Nov 2026 12:09:59 GMT", &ours),
        )
        .recorded("s3:DeleteObject", CONDITIONS, Answer::Raw(204, String::new()));
    let account = of_root(script).await;
    acquired(&account).await.unwrap().release().await.unwrap();
    account.check();
}

/// A lock as a process of this machine wrote it a second ago.
fn held_by(process: Option<Process>) -> Answer {
    let other = Holder {
        id: "theirs".to_owned(),
        who: "bob@host".to_owned(),
        process,
        ..holder()
    };
    object(
        "1",
        "Tue, 24 Nov 2026 12:09:59 GMT",
        &serde_json::to_string(&other).unwrap(),
    )
}

/// A process of this machine that has ended.
fn ended() -> Option<Process> {
    let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
    let process = Process::of(child.id());
    child.kill().unwrap();
    child.wait().unwrap();
    process
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn a_run_of_this_machine_that_was_killed_has_lost_its_lock_at_once_and_that_is_said() {
    let script = Script::default()
        .recorded("s3:PutObject", CONDITIONS, failed_condition())
        .recorded("s3:PutObject", CONDITIONS, stored("2"))
        .recorded("s3:GetObject", LOCALSTACK, held_by(ended()))
        .recorded("s3:DeleteObject", CONDITIONS, Answer::Raw(204, String::new()));
    let account = of_root(script).await;
    let told = Arc::new(Mutex::new(Vec::new()));
    let telling = told.clone();
    let lock = Lock::acquire(
        account.writing().clone(),
        record(&account),
        holder(),
        CancellationToken::new(),
        move |text| telling.lock().unwrap().push(text.to_owned()),
    );
    lock.await.unwrap().release().await.unwrap();
    // Not waited for, and only if nobody else took it in the meantime.
    assert_eq!(account.replay.times("s3:GetObject"), 1);
    assert_eq!(account.replay.sent("s3:PutObject")[1].header("if-match"), Some("\"1\""));
    let told = told.lock().unwrap();
    assert!(
        matches!(&told[..], [one] if one.contains("bob@host") && one.contains("has ended")),
        "{told:?}"
    );
    account.check();
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn a_run_that_is_at_work_on_this_machine_is_not_waited_for_and_unlock_is_named() {
    let script = Script::default()
        .recorded("s3:PutObject", CONDITIONS, failed_condition())
        .recorded("s3:GetObject", LOCALSTACK, held_by(Process::this()));
    let account = of_root(script).await;
    let error = acquired(&account).await.err().unwrap();
    assert_eq!(error.kind, Kind::Locked);
    assert!(crate::way_out(&error).contains("unlock"), "{}", crate::way_out(&error));
    account.check();
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_cannot_renew_changes_nothing_before_anybody_may_take_the_lock_and_stops_in_the_end() {
    for answer in [
        Answer::Held,
        Answer::Cut,
        refused(503, "SlowDown", "Please reduce your request rate."),
    ] {
        let script = Script::default()
            .recorded("s3:PutObject", LOCALSTACK, stored("1"))
            .modelled("s3:PutObject", LOCALSTACK, answer);
        let account = of_root(script).await;
        let lost = CancellationToken::new();
        let told = Arc::new(AtomicUsize::new(0));
        let telling = told.clone();
        let lock = Lock::acquire(
            account.writing().clone(),
            record(&account),
            holder(),
            lost.clone(),
            move |_| {
                telling.fetch_add(1, Ordering::Relaxed);
            },
        );
        let lock = lock.await.unwrap();
        // What is in flight then has as long as it is given, and the lease still runs.
        tokio::time::sleep(LEASE - GRACE).await;
        let change = tokio::spawn(a_change(&account));
        lost.cancelled().await;
        assert_eq!(told.load(Ordering::Relaxed), 1);
        assert!(change.await.unwrap().is_err());
        assert_eq!(account.replay.times("s3:DeleteObject"), 0);
        let error = lock.release().await.unwrap_err();
        assert_eq!(error.kind, Kind::Locked);
        assert!(
            error.in_a_line().contains("could not be renewed"),
            "{}",
            error.in_a_line()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_slept_or_a_network_that_was_gone_goes_on_where_nobody_took_the_lock() {
    let script = Script::default()
        .recorded("s3:PutObject", LOCALSTACK, stored("1"))
        .modelled("s3:PutObject", LOCALSTACK, Answer::Held)
        .modelled("s3:PutObject", LOCALSTACK, Answer::Held)
        .modelled("s3:PutObject", LOCALSTACK, Answer::Held)
        .recorded("s3:PutObject", LOCALSTACK, stored("2"))
        .recorded("s3:DeleteObject", CONDITIONS, Answer::Raw(204, String::new()));
    let account = of_root(script).await;
    let lost = CancellationToken::new();
    let lock = acquired_until(&account, &lost).await.unwrap();
    tokio::time::sleep(LEASE - GRACE).await;
    let change = tokio::spawn(a_change(&account));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(account.replay.times("s3:DeleteObject"), 0);
    change.await.unwrap().unwrap();
    assert!(!lost.is_cancelled());
    let condition = &account.replay.sent("s3:PutObject")[4];
    assert_eq!(condition.header("if-match"), Some("\"1\""));
    lock.release().await.unwrap();
    account.check();
}

/// Something that a run does while it holds the lock.
fn a_change(account: &Account) -> impl Future<Output = Result<(), String>> + Send + 'static {
    let (aws, bucket) = (account.writing().clone(), record(account).bucket().to_owned());
    async move {
        let deleted = aws.s3.delete_object(&bucket, "something", If::Always).await;
        deleted.map(drop).map_err(|error| error.to_string())
    }
}

#[tokio::test(start_paused = true)]
async fn a_renewal_whose_answer_was_lost_counts_from_when_s3_had_it() {
    let ours = serde_json::to_string(&holder()).unwrap();
    // Each renewal comes through without an answer, and is then found as it was written two seconds before.
    let script = Script::default()
        .recorded("s3:PutObject", LOCALSTACK, stored("1"))
        .modelled("s3:PutObject", CONDITIONS, failed_condition())
        .recorded(
            "s3:GetObject",
            LOCALSTACK,
            object("1", "Tue, 24 Nov 2026 12:09:58 GMT", &ours),
        )
        .recorded("s3:DeleteObject", CONDITIONS, Answer::Raw(204, String::new()));
    let account = of_root(script).await;
    let lost = CancellationToken::new();
    let lock = acquired_until(&account, &lost).await.unwrap();
    tokio::time::sleep(10 * LEASE).await;
    assert!(!lost.is_cancelled());
    lock.release().await.unwrap();
    account.check();
}

#[tokio::test]
async fn a_lock_whose_last_renewal_was_not_heard_of_is_given_back_all_the_same() {
    let ours = serde_json::to_string(&holder()).unwrap();
    let at = "Tue, 24 Nov 2026 12:09:59 GMT";
    let script = Script::default()
        .recorded("s3:PutObject", LOCALSTACK, stored("1"))
        .recorded("s3:DeleteObject", CONDITIONS, failed_condition())
        .recorded("s3:GetObject", LOCALSTACK, object("2", at, &ours))
        .recorded("s3:DeleteObject", CONDITIONS, Answer::Raw(204, String::new()));
    let account = of_root(script).await;
    acquired(&account).await.unwrap().release().await.unwrap();
    let deleted = account.replay.sent("s3:DeleteObject");
    let conditions: Vec<_> = deleted.iter().map(|request| request.header("if-match")).collect();
    assert_eq!(conditions, [Some("\"1\""), Some("\"2\"")]);
    account.check();
}

#[tokio::test]
async fn a_lock_that_is_taken_away_is_that_which_was_shown_also_where_it_is_renewed_meanwhile() {
    let theirs = |id: &str| format!("{{\"id\":\"{id}\",\"command\":\"up\",\"who\":\"bob@host\",\"renewals\":3}}");
    let at = "Tue, 24 Nov 2026 12:09:59 GMT";
    for (then, well) in [("theirs", true), ("another", false)] {
        let script = Script::default()
            .recorded("s3:GetObject", LOCALSTACK, object("1", at, &theirs("theirs")))
            .recorded("s3:GetObject", LOCALSTACK, object("2", at, &theirs("theirs")))
            .recorded("s3:GetObject", LOCALSTACK, object("3", at, &theirs(then)))
            .recorded("s3:DeleteObject", CONDITIONS, failed_condition());
        let script = match well {
            true => script.recorded("s3:DeleteObject", CONDITIONS, Answer::Raw(204, String::new())),
            false => script,
        };
        let account = of_root(script).await;
        let shown = lock::seen(account.reading(), &record(&account)).await.unwrap().unwrap();
        assert_eq!(
            (shown.who().as_str(), shown.here()),
            ("`confctl up` of bob@host", Here::Elsewhere)
        );
        let removed = lock::remove(account.writing(), &record(&account), &shown).await;
        assert_eq!(removed.is_ok(), well, "{removed:?}");
        account.check();
    }
}

fn page(keys: &[&str], more: &str) -> String {
    let contents: String = keys
        .iter()
        .map(|key| {
            format!(
                "<Contents><Key>{key}</Key><LastModified>2026-11-24T12:00:00.000Z</LastModified><ETag>&quot;1&quot;</ETag>\
                 <ChecksumAlgorithm>CRC32</ChecksumAlgorithm><ChecksumType>FULL_OBJECT</ChecksumType><Size>1</Size><StorageClass>STANDARD</StorageClass></Contents>"
            )
        })
        .collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
         <Name>elasticbeanstalk-us-east-1-123456789012</Name><Prefix>confctl/</Prefix>{more}<KeyCount>{}</KeyCount><MaxKeys>1000</MaxKeys>{contents}</ListBucketResult>",
        keys.len()
    )
}

#[tokio::test]
async fn a_list_goes_on_by_its_opaque_token_and_nothing_there_is_nothing() {
    let more = "<NextContinuationToken>1ueGcxLPRx1Tr/XYExHnhbYLgveDs2J/wm36Hy4vbOwM=</NextContinuationToken><IsTruncated>true</IsTruncated>";
    let script = Script::default()
        .recorded(
            "s3:ListObjectsV2",
            LISTS,
            page(&["confctl/tcb-conference/a&amp;b"], more),
        )
        .recorded(
            "s3:ListObjectsV2",
            LISTS,
            page(&["confctl/tcb-conference/c"], "<IsTruncated>false</IsTruncated>"),
        )
        .to("continuation-token=1ueGcxLPRx1Tr");
    let account = of_root(script).await;
    let keys = record(&account).list(account.reading(), "confctl/").await.unwrap();
    assert_eq!(keys, ["confctl/tcb-conference/a&b", "confctl/tcb-conference/c"]);
    account.check();

    let none = [
        Answer::Body(page(&[], "<IsTruncated>false</IsTruncated>")),
        refused(404, "NoSuchBucket", "The specified bucket does not exist"),
    ];
    for none in none {
        let account = of_root(Script::default().recorded("s3:ListObjectsV2", LISTS, none)).await;
        let keys = record(&account).list(account.reading(), "confctl/").await.unwrap();
        assert!(keys.is_empty());
        account.check();
    }
}

#[tokio::test]
async fn what_a_run_did_not_settle_stays_in_the_journal_and_the_rest_goes() {
    let keys = ["journal/1-a.jsonl", "journal/unsettled.jsonl"].map(|name| format!("confctl/tcb-conference/{name}"));
    let listed = page(&[&keys[0], &keys[1]], "<IsTruncated>false</IsTruncated>");
    let script = || {
        Script::default()
            .recorded("s3:ListObjectsV2", LISTS, listed.clone())
            .recorded("s3:DeleteObject", CONDITIONS, Answer::Raw(204, String::new()))
    };
    let terminated = Intent {
        resource: "environment".to_owned(),
        what: "terminate".to_owned(),
        value: "e-1".to_owned(),
    };
    let account = of_root(script().recorded("s3:PutObject", LOCALSTACK, stored("1"))).await;
    let unsettled = std::slice::from_ref(&terminated);
    let settled = journal::settle(account.writing(), &record(&account), unsettled).await;
    settled.unwrap();
    // Written before anything goes.
    let called = account.replay.called();
    let at = |operation: &str| called.iter().position(|called| called == operation);
    assert!(at("s3:PutObject") < at("s3:DeleteObject"), "{called:?}");
    let written = &account.replay.sent("s3:PutObject")[0];
    assert!(written.contains("journal/unsettled.jsonl") && written.contains("\"e-1\""));
    let deleted = account.replay.sent("s3:DeleteObject");
    assert!(
        deleted.len() == 1 && deleted[0].contains("journal/1-a.jsonl"),
        "{deleted:?}"
    );
    account.check();

    // The next run finds it again.
    let line = serde_json::to_string(&terminated).unwrap();
    let kept = object("1", "Tue, 24 Nov 2026 12:00:00 GMT", &format!("{line}\n"));
    let account = of_root(Script::default().recorded("s3:GetObject", LOCALSTACK, kept)).await;
    let found = journal::unsettled(account.reading(), &record(&account), &keys[1..]).await;
    assert_eq!(found.unwrap(), [terminated]);
    account.check();

    let account = of_root(script()).await;
    journal::settle(account.writing(), &record(&account), &[])
        .await
        .unwrap();
    assert_eq!(account.replay.times("s3:DeleteObject"), 2);
    account.check();
}

#[tokio::test]
async fn the_bucket_is_beanstalks_and_another_name_is_refused() {
    let answer = |bucket: &str| query("CreateStorageLocation", &format!("<S3Bucket>{bucket}</S3Bucket>"));
    let script = Script::default().recorded(
        "elasticbeanstalk:CreateStorageLocation",
        "aws/aws-elastic-beanstalk-cli tests/unit/mock_responses.py CREATE_STORAGE_LOCATION_RESPONSE",
        answer("elasticbeanstalk-us-east-1-123456789012"),
    );
    let account = of_root(script).await;
    record(&account).ensure_bucket(account.writing()).await.unwrap();
    account.check();

    let script = Script::default().documented(
        "elasticbeanstalk:CreateStorageLocation",
        "boto/botocore tests/unit/response_parsing/xml/responses/elasticbeanstalk-create-storage-location.xml",
        answer("elasticbeanstalk-us-west-2-012345678901"),
    );
    let account = of_root(script).await;
    let error = record(&account).ensure_bucket(account.writing()).await.unwrap_err();
    assert_eq!(error.kind, Kind::Failed);
    account.check();
}
