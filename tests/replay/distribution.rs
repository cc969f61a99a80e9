//! The distribution, by what CloudFront answers: empty elements where there is nothing, ETags, and a web ACL not yet known.

use confctl::engine::{Change, Kind, Seen};
use confctl::resources::outputs::{ORIGIN, WEB_ACL};

use crate::account::{Account, Given, of_root, stack};
use crate::bodies::{our_tags, tags_xml};
use crate::script::{Answer, Script, refused};

const ID: &str = "distribution";
const DISTRIBUTION: &str = "E1SZH22N6VK6NN";
pub const ARN: &str = "arn:aws:cloudfront::123456789012:distribution/E1SZH22N6VK6NN";
const ACL: &str = "arn:aws:wafv2:us-east-1:123456789012:global/webacl/confctl-tcb-conference-us-east-1/1";
const BALANCER: &str = "awseb--AWSEB-IQDCP9T34J0M-804037053.us-east-1.elb.amazonaws.com";
const COMMENT: &str = "confctl tcb-conference us-east-1";
const CUSTODIAN: &str = "cloud-custodian/cloud-custodian tests/data/placebo";
const CLI: &str = "aws/aws-cli awscli/examples/cloudfront";
const MODEL: &str = "boto/botocore botocore/data/cloudfront/2020-05-31/service-2.json";
const NAMESPACE: &str = "xmlns=\"http://cloudfront.amazonaws.com/doc/2020-05-31/\"";

/// What a list and a configuration say alike, in the elements' own order.
fn origins() -> String {
    format!(
        "<Origins><Quantity>1</Quantity><Items><Origin><Id>environment</Id><DomainName>{BALANCER}</DomainName><OriginPath></OriginPath>\
         <CustomHeaders><Quantity>0</Quantity></CustomHeaders><CustomOriginConfig><HTTPPort>80</HTTPPort><HTTPSPort>443</HTTPSPort>\
         <OriginProtocolPolicy>http-only</OriginProtocolPolicy><OriginSslProtocols><Quantity>3</Quantity><Items><SslProtocol>TLSv1</SslProtocol>\
         <SslProtocol>TLSv1.1</SslProtocol><SslProtocol>TLSv1.2</SslProtocol></Items></OriginSslProtocols>\
         <OriginReadTimeout>30</OriginReadTimeout><OriginKeepaliveTimeout>5</OriginKeepaliveTimeout></CustomOriginConfig>\
         <ConnectionAttempts>3</ConnectionAttempts><ConnectionTimeout>10</ConnectionTimeout></Origin></Items></Origins>"
    )
}

fn behavior() -> String {
    let methods = "<AllowedMethods><Quantity>7</Quantity><Items><Method>HEAD</Method><Method>DELETE</Method><Method>POST</Method>\
                   <Method>GET</Method><Method>OPTIONS</Method><Method>PUT</Method><Method>PATCH</Method></Items>\
                   <CachedMethods><Quantity>2</Quantity><Items><Method>HEAD</Method><Method>GET</Method></Items></CachedMethods></AllowedMethods>";
    format!(
        "<DefaultCacheBehavior><TargetOriginId>environment</TargetOriginId><TrustedSigners><Enabled>false</Enabled><Quantity>0</Quantity></TrustedSigners>\
         <TrustedKeyGroups><Enabled>false</Enabled><Quantity>0</Quantity></TrustedKeyGroups><ViewerProtocolPolicy>allow-all</ViewerProtocolPolicy>{methods}\
         <SmoothStreaming>false</SmoothStreaming><Compress>true</Compress><LambdaFunctionAssociations><Quantity>0</Quantity></LambdaFunctionAssociations>\
         <FunctionAssociations><Quantity>0</Quantity></FunctionAssociations><FieldLevelEncryptionId></FieldLevelEncryptionId>\
         <CachePolicyId>658327ea-f89d-4fab-a63d-7e88639e58f6</CachePolicyId></DefaultCacheBehavior>"
    )
}

fn tail(enabled: bool, http: &str) -> String {
    format!(
        "<PriceClass>PriceClass_All</PriceClass><Enabled>{enabled}</Enabled><ViewerCertificate>\
         <CloudFrontDefaultCertificate>true</CloudFrontDefaultCertificate><SSLSupportMethod>vip</SSLSupportMethod>\
         <MinimumProtocolVersion>TLSv1</MinimumProtocolVersion><CertificateSource>cloudfront</CertificateSource></ViewerCertificate>\
         <Restrictions><GeoRestriction><RestrictionType>none</RestrictionType><Quantity>0</Quantity></GeoRestriction></Restrictions>\
         <WebACLId>{ACL}</WebACLId><HttpVersion>{http}</HttpVersion><IsIPV6Enabled>true</IsIPV6Enabled><Staging>false</Staging>"
    )
}

fn config(enabled: bool) -> String {
    format!(
        "<CallerReference>confctl-1</CallerReference><Aliases><Quantity>0</Quantity></Aliases><DefaultRootObject></DefaultRootObject>{}\
         <OriginGroups><Quantity>0</Quantity></OriginGroups>{}<CacheBehaviors><Quantity>0</Quantity></CacheBehaviors>\
         <CustomErrorResponses><Quantity>0</Quantity></CustomErrorResponses><Comment>{COMMENT}</Comment><Logging><Enabled>false</Enabled>\
         <IncludeCookies>false</IncludeCookies><Bucket></Bucket><Prefix></Prefix></Logging>{}<ContinuousDeploymentPolicyId></ContinuousDeploymentPolicyId>",
        origins(),
        behavior(),
        tail(enabled, "http2")
    )
}

fn distribution(status: &str, enabled: bool) -> Answer {
    let body = format!(
        "<?xml version=\"1.0\"?>\n<Distribution {NAMESPACE}><Id>{DISTRIBUTION}</Id><ARN>{ARN}</ARN><Status>{status}</Status>\
         <LastModifiedTime>2026-11-24T12:00:00.123Z</LastModifiedTime><InProgressInvalidationBatches>0</InProgressInvalidationBatches>\
         <DomainName>d111111abcdef8.cloudfront.net</DomainName><ActiveTrustedSigners><Enabled>false</Enabled><Quantity>0</Quantity></ActiveTrustedSigners>\
         <DistributionConfig>{}</DistributionConfig></Distribution>",
        config(enabled)
    );
    Answer::With(vec![("etag", "E2QWRUHEXAMPLE".to_owned())], body)
}

fn configuration(enabled: bool, etag: &str) -> Answer {
    let body = format!(
        "<?xml version=\"1.0\"?>\n<DistributionConfig {NAMESPACE}>{}</DistributionConfig>",
        config(enabled)
    );
    Answer::With(vec![("etag", etag.to_owned())], body)
}

fn summary(id: &str, comment: &str) -> String {
    format!(
        "<DistributionSummary><Id>{id}</Id><ARN>arn:aws:cloudfront::123456789012:distribution/{id}</ARN><ETag>E2QWRUHEXAMPLE</ETag>\
         <Status>Deployed</Status><LastModifiedTime>2026-11-24T12:00:00.123Z</LastModifiedTime><DomainName>d111111abcdef8.cloudfront.net</DomainName>\
         <Aliases><Quantity>0</Quantity></Aliases>{}<OriginGroups><Quantity>0</Quantity></OriginGroups>{}<CacheBehaviors><Quantity>0</Quantity></CacheBehaviors>\
         <CustomErrorResponses><Quantity>0</Quantity></CustomErrorResponses><Comment>{comment}</Comment>{}</DistributionSummary>",
        origins(),
        behavior(),
        tail(true, "HTTP2")
    )
}

/// A page of the list, with whatever it says of the next one.
fn listed(summaries: &[String], end: &str) -> String {
    let items = match summaries {
        [] => String::new(),
        some => format!("<Items>{}</Items>", some.concat()),
    };
    format!(
        "<?xml version=\"1.0\"?>\n<DistributionList {NAMESPACE}><Marker></Marker>{end}<MaxItems>100</MaxItems>\
         <Quantity>{}</Quantity>{items}</DistributionList>",
        summaries.len()
    )
}

/// The list of an account with these.
pub fn list_of(ids: &[&str]) -> String {
    let summaries: Vec<_> = ids.iter().map(|id| summary(id, COMMENT)).collect();
    listed(&summaries, LAST)
}

/// The list of an account with one that fetches from there, and another one.
pub fn listed_before(origin: &str) -> String {
    let other = summary("E2OTHER", "another");
    listed(&[other, summary(DISTRIBUTION, COMMENT).replace(BALANCER, origin)], LAST)
}

/// The list of an account without distributions.
pub fn none() -> String {
    listed(&[], LAST)
}

const LAST: &str = "<IsTruncated>false</IsTruncated>";

fn tags(of_ours: bool) -> String {
    match of_ours {
        true => tagged(&our_tags(ID)),
        false => tagged(&[]),
    }
}

pub fn tagged(tags: &[(&str, String)]) -> String {
    let tags = tags_xml("Tag", tags.iter().cloned());
    format!("<?xml version=\"1.0\"?>\n<Tags {NAMESPACE}><Items>{tags}</Items></Tags>")
}

pub fn given() -> Given {
    Given::default()
        .with(&ORIGIN, BALANCER.to_owned())
        .with(&WEB_ACL, ACL.to_owned())
}

/// Ours, as a list shows it.
fn found(end: &str) -> Script {
    Script::default()
        .recorded(
            "cloudfront:ListDistributions",
            &format!("{CUSTODIAN}/test_distribution_wafv2_regex"),
            listed(&[summary(DISTRIBUTION, COMMENT)], end),
        )
        .recorded(
            "cloudfront:ListTagsForResource",
            &format!("{CUSTODIAN}/test_distrbution_tag"),
            tags(true),
        )
}

pub fn resting() -> Script {
    found(LAST).documented(
        "cloudfront:GetDistribution",
        &format!("{CLI}/get-distribution.rst"),
        distribution("Deployed", true),
    )
}

#[tokio::test]
async fn ours_is_kept_whatever_cloudfront_filled_in() {
    let account = of_root(resting()).await;
    assert_eq!(account.plan_with(&stack(|_| {}), ID, given()).await, Change::Keep);
    account.check();
}

#[tokio::test]
async fn an_empty_next_marker_is_the_end_of_the_list() {
    let end = "<NextMarker></NextMarker><IsTruncated>false</IsTruncated>";
    let script = found(end).documented("cloudfront:GetDistribution", CLI, distribution("Deployed", true));
    let account = of_root(script).await;
    let seen = account.observe(&stack(|_| {}), ID).await;
    assert!(matches!(seen, Ok(Seen::Present { .. })), "{:?}", seen.err());
    assert_eq!(account.replay.times("cloudfront:ListDistributions"), 1);
    account.check();
}

#[tokio::test]
async fn ours_is_found_on_the_second_page() {
    let first = "<NextMarker>EDFDVBD6EXAMPLE</NextMarker><IsTruncated>true</IsTruncated>";
    let script = Script::default()
        .documented(
            "cloudfront:ListDistributions",
            &format!("{CLI}/list-distributions.rst"),
            listed(&[summary("EDFDVBD6EXAMPLE", "another")], first),
        )
        .documented(
            "cloudfront:ListDistributions",
            CLI,
            listed(&[summary(DISTRIBUTION, COMMENT)], LAST),
        )
        .to("Marker=EDFDVBD6EXAMPLE")
        .recorded("cloudfront:ListTagsForResource", CUSTODIAN, tags(true));
    let account = of_root(script.documented("cloudfront:GetDistribution", CLI, distribution("Deployed", true))).await;
    assert_eq!(account.plan_with(&stack(|_| {}), ID, given()).await, Change::Keep);
    account.check();
}

#[tokio::test]
async fn an_account_without_distributions_has_no_items() {
    let script = Script::default().modelled("cloudfront:ListDistributions", MODEL, listed(&[], LAST));
    let account = of_root(script).await;
    assert_eq!(account.plan(&stack(|_| {}), ID).await, Change::Create);
    account.check();
}

async fn created(script: Script) -> Account {
    let script = Script::default()
        .modelled("cloudfront:ListDistributions", MODEL, listed(&[], LAST))
        .and(script)
        .documented("cloudfront:GetDistribution", CLI, distribution("InProgress", true))
        .documented("cloudfront:GetDistribution", CLI, distribution("Deployed", true));
    of_root(script).await
}

#[tokio::test]
async fn a_web_acl_that_cloudfront_does_not_know_yet_is_no_failure() {
    let source = format!("{CLI}/create-distribution-with-tags.rst");
    let script = Script::default()
        .modelled(
            "cloudfront:CreateDistributionWithTags",
            MODEL,
            refused(400, "InvalidWebACLId", "Your request contains an invalid web ACL ID."),
        )
        .documented(
            "cloudfront:CreateDistributionWithTags",
            &source,
            distribution("InProgress", true),
        );
    let account = created(script).await;
    account.up(&stack(|_| {}), ID, given()).await.done();
    let sent = account.replay.sent("cloudfront:CreateDistributionWithTags");
    assert_eq!(sent.len(), 2);
    let reference = |sent: &crate::request::Sent| {
        let (_, rest) = sent.body.split_once("<CallerReference>").unwrap();
        rest.split('<').next().unwrap().to_owned()
    };
    assert_eq!(
        reference(&sent[0]),
        reference(&sent[1]),
        "a second distribution would be made"
    );
    account.check();
}

#[tokio::test]
async fn an_account_that_is_not_verified_is_told_so() {
    let script = Script::default()
        .modelled("cloudfront:ListDistributions", MODEL, listed(&[], LAST))
        .documented(
            "cloudfront:CreateDistributionWithTags",
            "hashicorp/terraform-provider-aws issue 36663",
            refused(
                403,
                "AccessDenied",
                "Your account must be verified before you can add new CloudFront resources. To verify your account, please contact AWS Support (https://console.aws.amazon.com/support/home#/) and include this error message.",
            ),
        );
    let account = of_root(script).await;
    let ran = account.up(&stack(|_| {}), ID, given()).await;
    assert_eq!(ran.failure().error.kind, Kind::Account);
    account.check();
}

/// Of a creation whose answer was lost, what CloudFront says to the same one once more.
fn exists_already() -> Script {
    Script::default()
        .documented(
            "cloudfront:CreateDistributionWithTags",
            "aws/aws-sdk-js-v3 issue 2618",
            refused(
                409,
                "DistributionAlreadyExists",
                "The caller reference that you are using to create a distribution is associated with another distribution. Already exists: E1SZH22N6VK6NN",
            ),
        )
        .recorded("cloudfront:ListTagsForResource", CUSTODIAN, tags(true))
}

#[tokio::test]
async fn one_whose_answer_was_lost_is_found_by_its_reference() {
    let account = created(exists_already())
        .await
        .remembering(ID, "caller-reference", "confctl-lost");
    account.up(&stack(|_| {}), ID, given()).await.done();
    assert!(account.replay.sent("cloudfront:CreateDistributionWithTags")[0].contains("confctl-lost"));
    account.check();
}

#[tokio::test(start_paused = true)]
async fn one_whose_answer_was_lost_is_not_made_again_because_it_does_not_show_yet() {
    let not_there = refused(404, "NoSuchDistribution", "The specified distribution does not exist.");
    let script = exists_already()
        .modelled("cloudfront:GetDistribution", MODEL, not_there.clone())
        .modelled("cloudfront:GetDistribution", MODEL, not_there);
    let account = created(script).await;
    account.up(&stack(|_| {}), ID, given()).await.done();
    assert_eq!(account.replay.times("cloudfront:CreateDistributionWithTags"), 1);
    account.check();
}

#[tokio::test]
async fn an_update_sends_the_etag_it_read_and_reads_again_where_that_is_stale() {
    let script = resting()
        .recorded(
            "cloudfront:GetDistributionConfig",
            &format!("{CUSTODIAN}/test_distribution_waf"),
            configuration(true, "E1PJQP3HQBEZK8"),
        )
        .recorded(
            "cloudfront:GetDistributionConfig",
            CUSTODIAN,
            configuration(true, "E2PJQP3HQBEZK8"),
        )
        .modelled(
            "cloudfront:UpdateDistribution",
            MODEL,
            refused(
                412,
                "PreconditionFailed",
                "The request failed because it didn't meet the preconditions in one or more request-header fields.",
            ),
        )
        .recorded(
            "cloudfront:UpdateDistribution",
            &format!("{CUSTODIAN}/test_distribution_waf"),
            distribution("InProgress", true),
        );
    let account = of_root(script).await;
    let stack = stack(|profile| profile.cdn.ipv6 = false);
    // What is read stays as it was, so the wait for it to read right is given up.
    let ran = account.up(&stack, ID, given()).await;
    assert_eq!(ran.failure().error.kind, Kind::Deadline);
    let sent = account.replay.sent("cloudfront:UpdateDistribution");
    assert_eq!(sent[0].header("if-match"), Some("E1PJQP3HQBEZK8"));
    assert_eq!(sent[1].header("if-match"), Some("E2PJQP3HQBEZK8"));
    assert!(sent[1].contains("<IsIPV6Enabled>false</IsIPV6Enabled>"));
    account.check();
}

#[tokio::test]
async fn it_is_disabled_everywhere_before_it_is_deleted() {
    let script = resting()
        .recorded(
            "cloudfront:GetDistributionConfig",
            &format!("{CUSTODIAN}/test_distrbution_disable"),
            configuration(true, "E1PJQP3HQBEZK8"),
        )
        .recorded(
            "cloudfront:GetDistributionConfig",
            CUSTODIAN,
            configuration(false, "E2PJQP3HQBEZK8"),
        )
        .after("cloudfront:UpdateDistribution")
        .recorded(
            "cloudfront:UpdateDistribution",
            &format!("{CUSTODIAN}/test_distrbution_disable"),
            distribution("InProgress", false),
        )
        .documented("cloudfront:GetDistribution", CLI, distribution("InProgress", false))
        .after("cloudfront:UpdateDistribution")
        .documented("cloudfront:GetDistribution", CLI, distribution("Deployed", false))
        .after("cloudfront:UpdateDistribution")
        .modelled(
            "cloudfront:DeleteDistribution",
            MODEL,
            refused(
                409,
                "DistributionNotDisabled",
                "The distribution you are trying to delete has not been disabled.",
            ),
        )
        .modelled("cloudfront:DeleteDistribution", MODEL, Answer::Raw(204, String::new()))
        .modelled(
            "cloudfront:GetDistribution",
            MODEL,
            refused(404, "NoSuchDistribution", "The specified distribution does not exist."),
        )
        .after("cloudfront:DeleteDistribution");
    let account = of_root(script).await;
    account.down(&stack(|_| {}), ID).await.done();
    assert_eq!(
        account.replay.sent("cloudfront:DeleteDistribution")[1].header("if-match"),
        Some("E2PJQP3HQBEZK8")
    );
    account.check();
}

#[tokio::test]
async fn one_on_a_pricing_plan_says_so_and_is_not_asked_for_again() {
    let script = found(LAST)
        .documented("cloudfront:GetDistribution", CLI, distribution("Deployed", false))
        .recorded(
            "cloudfront:GetDistributionConfig",
            CUSTODIAN,
            configuration(false, "E2PJQP3HQBEZK8"),
        )
        .documented(
            "cloudfront:DeleteDistribution",
            "ekristen/aws-nuke issue 1024",
            refused(
                412,
                "PreconditionFailed",
                "You can't delete this distribution while it's subscribed to a pricing plan.",
            ),
        );
    let account = of_root(script).await;
    let ran = account.down(&stack(|_| {}), ID).await;
    assert_eq!(ran.failure().error.kind, Kind::Refused);
    assert_eq!(account.replay.times("cloudfront:DeleteDistribution"), 1);
    account.check();
}

#[tokio::test]
async fn one_taken_over_is_tagged() {
    let mut stack = crate::account::stack_of(Default::default());
    stack.take_over.insert(ID.to_owned());
    let script = resting()
        .without(&["cloudfront:ListTagsForResource"])
        .recorded("cloudfront:ListTagsForResource", CUSTODIAN, tags(false))
        .modelled("cloudfront:TagResource", MODEL, Answer::Raw(204, String::new()))
        .recorded("cloudfront:ListTagsForResource", CUSTODIAN, tags(true))
        .after("cloudfront:TagResource");
    let account = of_root(script).await;
    account.up(&stack.into(), ID, given()).await.done();
    assert!(account.replay.sent("cloudfront:TagResource")[0].contains("confctl:stack"));
    account.check();
}

/// A behaviour as CloudFront gives it back, with what it fills in.
fn uncached(path: &str) -> String {
    let default = behavior()
        .replace(
            "<DefaultCacheBehavior>",
            &format!("<CacheBehavior><PathPattern>{path}</PathPattern>"),
        )
        .replace("</DefaultCacheBehavior>", "</CacheBehavior>")
        .replace("<Compress>true", "<Compress>false");
    let caching = "<CachePolicyId>4135ea2d-6df8-44a3-9df3-4b5a84be39ad</CachePolicyId>\
                   <OriginRequestPolicyId>b689b0a8-53d0-40ab-baf2-68738e2966ac</OriginRequestPolicyId>";
    default.replace(
        "<CachePolicyId>658327ea-f89d-4fab-a63d-7e88639e58f6</CachePolicyId>",
        caching,
    )
}

/// The answer, with these behaviours in it.
fn behaving(answer: Answer, behaviors: &[String]) -> Answer {
    let none = "<CacheBehaviors><Quantity>0</Quantity></CacheBehaviors>";
    let list = format!(
        "<CacheBehaviors><Quantity>{}</Quantity><Items>{}</Items></CacheBehaviors>",
        behaviors.len(),
        behaviors.concat()
    );
    match answer {
        Answer::With(headers, body) => Answer::With(headers, body.replace(none, &list)),
        other => other,
    }
}

#[tokio::test]
async fn paths_that_are_to_be_uncached_are_added_whole_and_kept_as_cloudfront_gives_them_back() {
    let paths = ["/register".to_owned(), "/api/*".to_owned()];
    let behaviors: Vec<String> = paths.iter().map(|path| uncached(path)).collect();
    let behaves = |status| behaving(distribution(status, true), &behaviors);
    let script = resting()
        .recorded(
            "cloudfront:GetDistributionConfig",
            &format!("{CUSTODIAN}/test_distribution_waf"),
            configuration(true, "E1PJQP3HQBEZK8"),
        )
        .recorded(
            "cloudfront:UpdateDistribution",
            &format!("{CUSTODIAN}/test_distribution_waf"),
            behaves("InProgress"),
        )
        .modelled("cloudfront:GetDistribution", MODEL, behaves("InProgress"))
        .after("cloudfront:UpdateDistribution")
        .modelled("cloudfront:GetDistribution", MODEL, behaves("Deployed"))
        .after("cloudfront:UpdateDistribution");
    let account = of_root(script).await;
    let stack = stack(|profile| profile.cdn.uncached = paths.to_vec());
    let change = account.plan_with(&stack, ID, given()).await;
    let fields: Vec<_> = change.fields().iter().map(|field| field.field.clone()).collect();
    assert_eq!(fields, ["CacheBehavior /register", "CacheBehavior /api/*"]);
    account.up(&stack, ID, given()).await.done();
    let sent = &account.replay.sent("cloudfront:UpdateDistribution")[0];
    // What an update asks for of each behaviour (CloudFront developer guide, distribution-overview-required-fields).
    for member in [
        "<PathPattern>/register</PathPattern>",
        "<PathPattern>/api/*</PathPattern>",
        "<SmoothStreaming>false</SmoothStreaming>",
        "<Compress>false</Compress>",
        "<LambdaFunctionAssociations><Quantity>0</Quantity></LambdaFunctionAssociations>",
        "<FieldLevelEncryptionId></FieldLevelEncryptionId>",
        "<CachePolicyId>4135ea2d-6df8-44a3-9df3-4b5a84be39ad</CachePolicyId>",
        "<OriginRequestPolicyId>b689b0a8-53d0-40ab-baf2-68738e2966ac</OriginRequestPolicyId>",
    ] {
        let behaviors = sent.body.split_once("<CacheBehaviors>").unwrap().1;
        assert!(behaviors.contains(member), "{member}: {behaviors}");
    }
    assert_eq!(account.plan_with(&stack, ID, given()).await, Change::Keep);
    account.check();
}
