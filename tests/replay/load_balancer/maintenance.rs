//! The maintenance page: its rule before CloudFront's, its secret, and what the edge keeps of the site.

use confctl::resources::{Maintenance, Page};

use super::*;
use crate::distribution;

const MAINTENANCE: &str = "maintenance-page";

fn page_of(text: &str) -> Page {
    Page::of(None, Some(text), None).unwrap()
}

fn shows(page: &Page) -> String {
    let html = page
        .html
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    format!(
        "<member><Type>fixed-response</Type><Order>1</Order><FixedResponseConfig><MessageBody>{html}</MessageBody>\
         <ContentType>text/html</ContentType><StatusCode>503</StatusCode></FixedResponseConfig></member>"
    )
}

/// Its rules with a page before the site, which asks for these secrets.
fn rules_with(page: &Page, asks: &[&str], secrets: &[&str]) -> String {
    let all = [
        rule(4, "5", &by_secret(asks), &shows(page)),
        rule(1, "10", &by_secret(secrets), &forward()),
        rule(2, "20", &by_path("*"), &answer_of(403)),
    ];
    query("DescribeRules", &format!("<Rules>{}</Rules>", all.concat()))
}

fn rule_tags(since: Option<&str>) -> String {
    let mut page = own_tags(MAINTENANCE);
    page.extend(since.map(|since| ("confctl:since", since.to_owned())));
    tagged(&[
        (rule_arn(1), own_tags("listener-rule")),
        (rule_arn(2), own_tags("load-balancer")),
        (rule_arn(4), page),
    ])
}

/// One that shows a page, with what its rules' tags say.
fn shown(rules: String, since: Option<&str>) -> Script {
    let script = there(rules).without(&["elasticloadbalancing:DescribeTags"]);
    with_tags_of(script, own_tags("load-balancer"), rule_tags(since))
}

/// What it takes until everybody sees it.
fn spread(script: Script) -> Script {
    let list = distribution::listed_before(&format!("{NAME}-1234567890.us-east-1.elb.amazonaws.com"));
    let made = "<?xml version=\"1.0\"?><Invalidation xmlns=\"http://cloudfront.amazonaws.com/doc/2020-05-31/\"><Id>I1</Id>\
                <Status>InProgress</Status><CreateTime>2026-12-10T17:00:00Z</CreateTime><InvalidationBatch><Paths>\
                <Quantity>1</Quantity><Items><Path>/*</Path></Items></Paths><CallerReference>r</CallerReference>\
                </InvalidationBatch></Invalidation>";
    let objects = "<?xml version=\"1.0\"?><ListBucketResult><KeyCount>0</KeyCount><IsTruncated>false</IsTruncated></ListBucketResult>";
    let date = vec![("date", "Thu, 10 Dec 2026 17:00:00 GMT".to_owned())];
    script
        .documented(
            "cloudfront:ListDistributions",
            "aws/aws-cli awscli/examples/cloudfront/list-distributions.rst",
            list,
        )
        .documented(
            "cloudfront:CreateInvalidation",
            "aws/aws-cli awscli/examples/cloudfront/create-invalidation.rst",
            made,
        )
        .documented(
            "s3:ListObjectsV2",
            "aws/aws-cli awscli/examples/s3api/list-objects-v2.rst",
            Answer::With(date, objects.to_owned()),
        )
        .documented(
            "elasticloadbalancing:AddTags",
            &format!("{CLI}/add-tags.rst"),
            query("AddTags", ""),
        )
}

fn turned(wanted: Maintenance) -> Arc<Stack> {
    own(|stack| stack.maintenance = Some(wanted))
}

#[tokio::test]
async fn a_page_comes_before_the_site_by_the_same_secret_and_the_edge_forgets_what_it_keeps() {
    let page = page_of("Back at <18:00> & not before.");
    let script = there(rules(&[FIRST], &forward()))
        .without(&["elasticloadbalancing:DescribeTags"])
        .documented(
            "elasticloadbalancing:CreateRule",
            &format!("{CLI}/create-rule.rst"),
            query("CreateRule", "<Rules/>"),
        )
        .documented(
            "elasticloadbalancing:DescribeRules",
            &format!("{CLI}/describe-rules.rst"),
            rules_with(&page, &[FIRST], &[FIRST]),
        )
        .after("elasticloadbalancing:CreateRule")
        .documented(
            "elasticloadbalancing:DescribeTags",
            &format!("{CLI}/describe-tags.rst"),
            tagged(&[(ARN.to_owned(), own_tags("load-balancer"))]),
        )
        .to("loadbalancer/app")
        .documented(
            "elasticloadbalancing:DescribeTags",
            &format!("{CLI}/describe-tags.rst"),
            rule_tags(None),
        )
        .to("listener-rule/app");
    let account = of_root(spread(script)).await;
    let on = turned(Maintenance::On(Some(page)));
    account.up(&on, MAINTENANCE, Given::default()).await.done();
    let made = &account.replay.sent("elasticloadbalancing:CreateRule")[0];
    for part in [
        "Priority=5",
        "StatusCode=503",
        "ContentType=text/html",
        FIRST,
        "Back at &lt;18:00&gt; &amp; not before.",
        "maintenance-page",
    ] {
        assert!(made.contains(part), "{part}: {made:?}");
    }
    let forgotten = account.replay.sent("cloudfront:CreateInvalidation");
    assert!(
        forgotten.len() == 1 && forgotten[0].contains("<Path>/*</Path>"),
        "{forgotten:?}"
    );
    let order = order(
        &account,
        &[
            "elasticloadbalancing:CreateRule",
            "cloudfront:CreateInvalidation",
            "elasticloadbalancing:AddTags",
        ],
    );
    assert!(
        order.is_sorted(),
        "it says that it is everywhere when it is, and is not asked for the site any more: {order:?}"
    );
    let since = &account.replay.sent("elasticloadbalancing:AddTags")[0];
    assert!(
        since.contains("confctl:since") && since.contains("2026-12-10T17:00:00Z"),
        "{since:?}"
    );
    account.check();
}

#[tokio::test]
async fn one_that_was_begun_is_ended_one_that_is_shown_changes_its_words_and_off_takes_it_away() {
    let (page, other) = (page_of("Soon."), page_of("Later."));
    let begun = shown(rules_with(&page, &[FIRST], &[FIRST]), None);
    let account = of_root(spread(begun)).await;
    account
        .up(&turned(Maintenance::On(None)), MAINTENANCE, Given::default())
        .await
        .done();
    assert_eq!(account.replay.sent("cloudfront:CreateInvalidation").len(), 1);
    account.check();

    let since = Some("2026-12-10T17:00:00Z");
    let script = || shown(rules_with(&page, &[FIRST], &[FIRST]), since);
    let account = of_root(script()).await;
    for same in [Maintenance::On(None), Maintenance::On(Some(page.clone()))] {
        let change = account.plan(&turned(same), MAINTENANCE).await;
        assert_eq!(change, Change::Keep);
    }
    account.check();

    let script = || {
        script().documented(
            "elasticloadbalancing:ModifyRule",
            &format!("{CLI}/modify-rule.rst"),
            query("ModifyRule", "<Rules/>"),
        )
    };
    let account = of_root(script()).await;
    account
        .up(&turned(Maintenance::On(Some(other))), MAINTENANCE, Given::default())
        .await
        .done();
    let changed = &account.replay.sent("elasticloadbalancing:ModifyRule")[0];
    assert!(
        changed.contains("Later.") && !changed.contains("Conditions."),
        "{changed:?}"
    );
    account.check();

    let script = shown(rules_with(&page, &[FIRST], &[FIRST]), since).documented(
        "elasticloadbalancing:DeleteRule",
        &format!("{CLI}/delete-rule.rst"),
        query("DeleteRule", ""),
    );
    let account = of_root(script).await;
    account
        .up(&turned(Maintenance::Off), MAINTENANCE, Given::default())
        .await
        .done();
    let deleted = &account.replay.sent("elasticloadbalancing:DeleteRule")[0];
    assert!(deleted.contains(&format!("{:016x}", 4)), "{deleted:?}");
    account.check();

    let account = of_root(there(rules(&[FIRST], &forward()))).await;
    let change = account.plan(&turned(Maintenance::Off), MAINTENANCE).await;
    assert_eq!(change, Change::Keep, "there is none");
    account.check();
}

#[tokio::test]
async fn whatever_becomes_of_the_secret_nobody_gets_past_the_page() {
    let page = page_of("Soon.");
    let since = Some("2026-12-10T17:00:00Z");
    let modify = |script: Script| {
        script.documented(
            "elasticloadbalancing:ModifyRule",
            &format!("{CLI}/modify-rule.rst"),
            query("ModifyRule", "<Rules/>"),
        )
    };
    // `up` leaves it as it is.
    let account = of_root(shown(rules_with(&page, &[FIRST], &[FIRST]), since)).await;
    assert_eq!(
        account.plan_with(&own(|_| {}), "load-balancer", given()).await,
        Change::Keep
    );
    account.check();

    // A further secret: the page knows it before the site does.
    let account = of_root(modify(shown(rules_with(&page, &[FIRST], &[FIRST]), since))).await;
    account
        .up(&own(|stack| stack.rotating = true), "load-balancer", given())
        .await
        .done();
    let both = account.replay.sent("elasticloadbalancing:ModifyRule");
    assert_eq!(both.len(), 2);
    assert!(
        both.iter()
            .all(|sent| sent.contains(FIRST) && sent.contains("member.2=0002"))
    );
    let number = format!("{:016x}", 4);
    assert!(both[0].contains(&number) && !both[1].contains(&number), "{both:?}");
    account.check();

    // The former one goes from both.
    let all = vec![secret(FIRST), secret(SECOND)];
    let known = Given::default().with(&SECRETS, all).with(&EDGE_SECRET, secret(SECOND));
    let account = of_root(modify(shown(
        rules_with(&page, &[FIRST, SECOND], &[FIRST, SECOND]),
        since,
    )))
    .await;
    account.up(&own(|_| {}), "origin-secret", known).await.done();
    let only = account.replay.sent("elasticloadbalancing:ModifyRule");
    assert!(only.len() == 2 && only.iter().all(|sent| sent.contains(SECOND) && !sent.contains(FIRST)));
    account.check();

    // A rotation that ended in between, or somebody who changed it, is mended.
    let account = of_root(modify(shown(rules_with(&page, &["*"], &[FIRST]), since))).await;
    let change = account.plan_with(&own(|_| {}), "load-balancer", given()).await;
    assert_eq!(fields(&change), ["secret of the maintenance page"]);
    account.up(&own(|_| {}), "load-balancer", given()).await.done();
    let asked = &account.replay.sent("elasticloadbalancing:ModifyRule")[0];
    assert!(asked.contains(FIRST) && !asked.contains("Actions."), "{asked:?}");
    account.check();
}
