//! A domain of one's own, by what ACM and Route 53 answer: records that show late, lists that leave keys out, zones that are private,
//! records of others.

use confctl::engine::{Change, Kind, Outcome, Removal};
use confctl::resources::outputs::{ALIASES, CERTIFICATE, LiveDistribution};
use serde_json::{Value, json};

use crate::account::{Given, of_root, stack};
use crate::bodies::{our_tags, tags_json};
use crate::distribution;
use crate::script::{Answer, Script, refused};

const ARN: &str = "arn:aws:acm:us-east-1:123456789012:certificate/12345678-1234-1234-1234-123456789012";
const NAME: &str = "events.example.org";
const RECORD: &str = "_a79865eb4cd1a6ab990a45779b4e0b96.events.example.org.";
const VALUE: &str = "_424c7224e9b0146f9a8808af955727d0.jddtvkljgg.acm-validations.aws.";
const EDGE: &str = "d111111abcdef8.cloudfront.net";

const CLI_ACM: &str = "aws/aws-cli awscli/examples/acm";
const CLI_ZONES: &str = "aws/aws-cli awscli/examples/route53";
const ACM_MODEL: &str = "boto/botocore botocore/data/acm/2015-12-08/service-2.json";
const ZONE_MODEL: &str = "boto/botocore botocore/data/route53/2013-04-01/service-2.json";
const EDGE_MODEL: &str = "boto/botocore botocore/data/cloudfront/2020-05-31/service-2.json";
const XMLNS: &str = "xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"";

fn named() -> std::sync::Arc<confctl::resources::Stack> {
    stack(|profile| profile.domain.name = Some(NAME.to_owned()))
}

/// With the stack's own zone named: nothing is looked for.
fn in_zone(id: &str) -> std::sync::Arc<confctl::resources::Stack> {
    stack(|profile| {
        profile.domain.name = Some(NAME.to_owned());
        profile.domain.zone = id.to_owned();
    })
}

fn detail(status: &str, tells: bool) -> String {
    let mut option = json!({
        "DomainName": NAME, "ValidationDomain": NAME, "ValidationStatus": "PENDING_VALIDATION", "ValidationMethod": "DNS",
    });
    if tells {
        option["ResourceRecord"] = json!({"Name": RECORD, "Type": "CNAME", "Value": VALUE});
    }
    json!({"Certificate": {
        "CertificateArn": ARN,
        "DomainName": NAME,
        "SubjectAlternativeNames": [NAME],
        "DomainValidationOptions": [option],
        "Subject": format!("CN={NAME}"),
        "Issuer": "Amazon",
        "CreatedAt": 1_764_000_000.5,
        "Status": status,
        "KeyAlgorithm": "RSA-2048",
        "SignatureAlgorithm": "SHA256WITHRSA",
        "InUseBy": [],
        "Type": "AMAZON_ISSUED",
        "KeyUsages": [],
        "ExtendedKeyUsages": [],
        "RenewalEligibility": "INELIGIBLE",
        "Options": {"CertificateTransparencyLoggingPreference": "ENABLED"},
    }})
    .to_string()
}

fn listed(arns: &[&str]) -> String {
    let all: Vec<Value> = arns
        .iter()
        .map(|arn| json!({"CertificateArn": arn, "DomainName": NAME, "SubjectAlternativeNameSummaries": [NAME]}))
        .collect();
    json!({"CertificateSummaryList": all}).to_string()
}

fn tagged() -> String {
    json!({"Tags": tags_json(our_tags("certificate"))}).to_string()
}

fn zone(id: &str, name: &str, private: bool) -> String {
    format!(
        "<HostedZone><Id>/hostedzone/{id}</Id><Name>{name}.</Name><CallerReference>one</CallerReference><Config>\
         <PrivateZone>{private}</PrivateZone></Config><ResourceRecordSetCount>2</ResourceRecordSetCount></HostedZone>"
    )
}

fn zones(all: &[String], named: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?>\n<ListHostedZonesByNameResponse {XMLNS}><HostedZones>{}</HostedZones><DNSName>{named}</DNSName>\
         <IsTruncated>false</IsTruncated><MaxItems>20</MaxItems></ListHostedZonesByNameResponse>",
        all.concat()
    )
}

fn records(sets: &[&str]) -> String {
    let sets: String = sets
        .iter()
        .map(|set| format!("<ResourceRecordSet>{set}</ResourceRecordSet>"))
        .collect();
    format!(
        "<?xml version=\"1.0\"?>\n<ListResourceRecordSetsResponse {XMLNS}><ResourceRecordSets>{sets}</ResourceRecordSets>\
         <IsTruncated>false</IsTruncated><MaxItems>100</MaxItems></ListResourceRecordSetsResponse>"
    )
}

fn validation() -> String {
    format!(
        "<Name>{RECORD}</Name><Type>CNAME</Type><TTL>300</TTL><ResourceRecords><ResourceRecord><Value>{VALUE}</Value></ResourceRecord></ResourceRecords>"
    )
}

fn alias(kind: &str, to: &str) -> String {
    format!(
        "<Name>{NAME}.</Name><Type>{kind}</Type><AliasTarget><HostedZoneId>Z2FDTNDATAQYW2</HostedZoneId><DNSName>{to}.</DNSName>\
         <EvaluateTargetHealth>false</EvaluateTargetHealth></AliasTarget>"
    )
}

fn changed(operation: &str, status: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?>\n<{operation}Response {XMLNS}><ChangeInfo><Id>/change/C2682N5HXP0BZ4</Id><Status>{status}</Status>\
         <SubmittedAt>2026-11-24T12:00:00.123Z</SubmittedAt></ChangeInfo></{operation}Response>"
    )
}

/// The account's zone of example.org, as it is found, with these records of every name.
fn found_zone(sets: &[&str]) -> Script {
    let private = zone("ZPRIVATE", "example.org", true);
    let public = zone("Z1PUBLIC", "example.org", false);
    Script::default()
        .documented(
            "route53:ListHostedZonesByName",
            &format!("{CLI_ZONES}/list-hosted-zones-by-name.rst"),
            // The first zone that is not before the name is another.
            zones(&[zone("ZOTHER", "www.example.org", false)], NAME),
        )
        .to(format!("dnsname={NAME}"))
        .documented(
            "route53:ListHostedZonesByName",
            &format!("{CLI_ZONES}/list-hosted-zones-by-name.rst"),
            zones(&[private, public], "example.org"),
        )
        .to("dnsname=example.org")
        .documented(
            "route53:ListResourceRecordSets",
            &format!("{CLI_ZONES}/list-resource-record-sets.rst"),
            records(sets),
        )
        .to("Z1PUBLIC")
}

fn ours(status: &str) -> Script {
    Script::default()
        .documented(
            "acm:ListCertificates",
            &format!("{CLI_ACM}/list-certificates.rst"),
            listed(&[ARN]),
        )
        .documented(
            "acm:DescribeCertificate",
            &format!("{CLI_ACM}/describe-certificate.rst"),
            detail(status, true),
        )
        .documented(
            "acm:ListTagsForCertificate",
            &format!("{CLI_ACM}/list-tags-for-certificate.rst"),
            tagged(),
        )
}

#[tokio::test]
async fn a_certificate_that_is_issued_is_kept_and_found_whatever_its_key() {
    let set = validation();
    let account = of_root(found_zone(&[&set]).and(ours("ISSUED"))).await;
    assert_eq!(account.plan(&named(), "certificate").await, Change::Keep);
    let asked = &account.replay.sent("acm:ListCertificates")[0];
    // Without it only keys of RSA 2048 are listed.
    assert!(asked.body.contains("EC_prime256v1"), "{}", asked.body);
    account.check();
}

#[tokio::test]
async fn a_new_one_is_requested_its_record_written_and_its_issue_waited_for() {
    let script = found_zone(&[])
        .documented("acm:ListCertificates", CLI_ACM, listed(&[]))
        .documented(
            "acm:RequestCertificate",
            &format!("{CLI_ACM}/request-certificate.rst"),
            json!({"CertificateArn": ARN}).to_string(),
        )
        .modelled(
            "acm:DescribeCertificate",
            ACM_MODEL,
            refused(
                400,
                "ResourceNotFoundException",
                &format!("Could not find certificate {ARN}."),
            ),
        )
        .documented(
            "acm:DescribeCertificate",
            ACM_MODEL,
            detail("PENDING_VALIDATION", false),
        )
        .documented("acm:DescribeCertificate", CLI_ACM, detail("PENDING_VALIDATION", true))
        .documented("acm:DescribeCertificate", CLI_ACM, detail("PENDING_VALIDATION", true))
        .documented("acm:DescribeCertificate", CLI_ACM, detail("ISSUED", true))
        .documented(
            "route53:ChangeResourceRecordSets",
            &format!("{CLI_ZONES}/change-resource-record-sets.rst"),
            changed("ChangeResourceRecordSets", "PENDING"),
        )
        .documented(
            "route53:GetChange",
            &format!("{CLI_ZONES}/get-change.rst"),
            changed("GetChange", "PENDING"),
        )
        .documented("route53:GetChange", CLI_ZONES, changed("GetChange", "INSYNC"));
    let account = of_root(script).await;
    account.up(&named(), "certificate", Given::default()).await.done();
    let requested = &account.replay.sent("acm:RequestCertificate")[0];
    assert_eq!(requested.member("ValidationMethod"), "DNS");
    assert!(
        requested.member("SubjectAlternativeNames").is_null(),
        "its least length is one"
    );
    assert_eq!(requested.member("IdempotencyToken").as_str().map(str::len), Some(32));
    let written = &account.replay.sent("route53:ChangeResourceRecordSets")[0];
    for part in [
        "/2013-04-01/hostedzone/Z1PUBLIC/rrset/",
        "<Action>CREATE</Action>",
        &format!("<Name>{RECORD}</Name><Type>CNAME</Type><TTL>300</TTL>"),
        &format!("<ResourceRecord><Value>{VALUE}</Value></ResourceRecord>"),
    ] {
        assert!(written.contains(part), "{part} is not in {}", written.text);
    }
    account.check();
}

#[tokio::test]
async fn where_the_dns_is_elsewhere_it_is_told_what_to_set_and_the_same_command_goes_on() {
    let account = of_root(ours("PENDING_VALIDATION")).await;
    let ran = account.up(&in_zone("none"), "certificate", Given::default()).await;
    let failure = ran.failure();
    assert_eq!(failure.error.kind, Kind::Deadline);
    let way = crate::way_out(&failure.error);
    assert!(
        way.contains(RECORD.trim_end_matches('.')) && way.contains(VALUE.trim_end_matches('.')),
        "{way}"
    );
    assert!(
        account.told().iter().any(|text| text.contains("at your DNS provider")),
        "{:?}",
        account.told()
    );
    account.check();
}

#[tokio::test]
async fn a_request_that_acm_gave_up_is_made_anew() {
    let set = validation();
    let script = found_zone(&[&set])
        .and(ours("VALIDATION_TIMED_OUT"))
        .documented(
            "acm:DeleteCertificate",
            &format!("{CLI_ACM}/delete-certificate.rst"),
            "",
        )
        .modelled(
            "acm:DescribeCertificate",
            ACM_MODEL,
            refused(400, "ResourceNotFoundException", "gone"),
        )
        .after("acm:DeleteCertificate")
        .documented(
            "acm:RequestCertificate",
            CLI_ACM,
            json!({"CertificateArn": ARN}).to_string(),
        )
        .documented("acm:DescribeCertificate", CLI_ACM, detail("ISSUED", true))
        .after("acm:RequestCertificate");
    let account = of_root(script).await;
    match account.plan(&named(), "certificate").await {
        Change::Update { fields } => assert_eq!(fields.shown()[0].from.as_deref(), Some("VALIDATION_TIMED_OUT")),
        other => panic!("{other:?}"),
    }
    account.up(&named(), "certificate", Given::default()).await.done();
    account.check();
}

#[tokio::test]
async fn tags_that_lack_are_added_and_those_of_a_former_profile_taken_off() {
    let set = validation();
    let mut less = our_tags("certificate").to_vec();
    less.push(("team", "before".to_owned()));
    let script = found_zone(&[&set])
        .and(ours("ISSUED").without(&["acm:ListTagsForCertificate"]))
        .documented(
            "acm:ListTagsForCertificate",
            CLI_ACM,
            json!({"Tags": tags_json(less)}).to_string(),
        )
        .documented(
            "acm:RemoveTagsFromCertificate",
            &format!("{CLI_ACM}/remove-tags-from-certificate.rst"),
            "",
        )
        .documented(
            "acm:AddTagsToCertificate",
            &format!("{CLI_ACM}/add-tags-to-certificate.rst"),
            "",
        );
    let account = of_root(script).await;
    let mut former = confctl::profile::Profile::default();
    former.tags.insert("team".to_owned(), "before".to_owned());
    let mut profile = confctl::profile::Profile::default();
    profile.domain.name = Some(NAME.to_owned());
    profile.tags.insert("cost".to_owned(), "42".to_owned());
    let mut stack = crate::account::stack_of(profile);
    stack.former = vec![former];
    account
        .up(&std::sync::Arc::new(stack), "certificate", Given::default())
        .await
        .done();
    let removed = &account.replay.sent("acm:RemoveTagsFromCertificate")[0];
    assert_eq!(removed.member("Tags"), json!([{"Key": "team", "Value": "before"}]));
    let added = &account.replay.sent("acm:AddTagsToCertificate")[0];
    assert_eq!(added.member("Tags"), json!([{"Key": "cost", "Value": "42"}]));
    account.check();
}

#[tokio::test]
async fn a_removal_takes_the_record_out_waits_for_the_release_and_leaves_what_another_certificate_needs() {
    let set = validation();
    for shared in [false, true] {
        let other = "arn:aws:acm:us-east-1:123456789012:certificate/other";
        let arns: &[&str] = if shared { &[ARN, other] } else { &[ARN] };
        let mut script = found_zone(&[&set])
            .and(ours("ISSUED").without(&["acm:ListCertificates", "acm:ListTagsForCertificate"]))
            .documented("acm:ListCertificates", CLI_ACM, listed(arns))
            .documented("acm:ListTagsForCertificate", CLI_ACM, json!({"Tags": []}).to_string())
            .documented("acm:ListTagsForCertificate", CLI_ACM, tagged())
            .to(ARN)
            .documented(
                "acm:DeleteCertificate",
                "hashicorp/terraform-provider-aws issue 4537",
                refused(
                    400,
                    "ResourceInUseException",
                    &format!("Certificate {ARN} in account 123456789012 is in use."),
                ),
            )
            .documented("acm:DeleteCertificate", CLI_ACM, "")
            .modelled(
                "acm:DescribeCertificate",
                ACM_MODEL,
                refused(400, "ResourceNotFoundException", "gone"),
            )
            .after("acm:DeleteCertificate");
        if !shared {
            script = script
                .without(&["acm:ListTagsForCertificate"])
                .documented("acm:ListTagsForCertificate", CLI_ACM, tagged())
                .documented(
                    "route53:ChangeResourceRecordSets",
                    CLI_ZONES,
                    changed("ChangeResourceRecordSets", "PENDING"),
                )
                .documented("route53:GetChange", CLI_ZONES, changed("GetChange", "INSYNC"));
        }
        let account = of_root(script).await;
        account.down(&named(), "certificate").await.done();
        let changes = account.replay.sent("route53:ChangeResourceRecordSets");
        assert_eq!(changes.len(), usize::from(!shared));
        assert!(
            changes
                .iter()
                .all(|sent| sent.contains("<Action>DELETE</Action>") && sent.contains(VALUE))
        );
        assert_eq!(account.replay.times("acm:DeleteCertificate"), 2);
        account.check();
    }
}

fn given() -> Given {
    let edge = LiveDistribution {
        id: "E1SZH22N6VK6NN".to_owned(),
        domain: EDGE.to_owned(),
    };
    Given::default().with(&ALIASES, edge)
}

#[tokio::test]
async fn aliases_are_made_for_both_kinds_of_addresses_once_the_edge_answers() {
    let script = found_zone(&[])
        .documented(
            "route53:ChangeResourceRecordSets",
            CLI_ZONES,
            changed("ChangeResourceRecordSets", "PENDING"),
        )
        .documented("route53:GetChange", CLI_ZONES, changed("GetChange", "INSYNC"))
        .documented(
            "route53:ListResourceRecordSets",
            CLI_ZONES,
            records(&[&alias("A", EDGE), &alias("AAAA", EDGE)]),
        )
        .to("Z1PUBLIC")
        .after("route53:ChangeResourceRecordSets")
        .and(distribution::resting());
    let account = of_root(script).await;
    account.up(&named(), "domain-records", given()).await.done();
    let sent = &account.replay.sent("route53:ChangeResourceRecordSets")[0];
    assert_eq!(sent.body.matches("<Action>CREATE</Action>").count(), 2);
    for part in [
        &format!(
            "<Name>{NAME}</Name><Type>A</Type><AliasTarget><HostedZoneId>Z2FDTNDATAQYW2</HostedZoneId><DNSName>{EDGE}</DNSName>"
        ),
        "<Type>AAAA</Type>",
        "<EvaluateTargetHealth>false</EvaluateTargetHealth>",
    ] {
        assert!(sent.contains(part), "{part} is not in {}", sent.text);
    }
    account.check();
}

#[tokio::test]
async fn a_record_of_others_is_never_overwritten_and_never_removed() {
    let theirs = format!(
        "<Name>{NAME}.</Name><Type>CNAME</Type><TTL>60</TTL><ResourceRecords><ResourceRecord><Value>old.example.net</Value></ResourceRecord></ResourceRecords>"
    );
    for set in [theirs, alias("A", "d999999abcdef8.cloudfront.net")] {
        let account = of_root(found_zone(&[&set]).and(distribution::resting())).await;
        match account.plan_with(&named(), "domain-records", given()).await {
            Change::Blocked { reason, .. } => assert!(reason.contains("leads elsewhere"), "{reason}"),
            other => panic!("{other:?}"),
        }
        let removal = account.plan_removal(&named(), "domain-records").await;
        assert!(matches!(removal, Removal::Leave { .. }), "{removal:?}");
        account.check();
    }
}

#[tokio::test]
async fn ours_go_as_they_are_and_what_a_lost_answer_removed_is_not_asked_for_twice() {
    let (a, aaaa) = (alias("A", EDGE), alias("AAAA", EDGE));
    let gone = "[Tried to delete resource record set [name='events.example.org.', type='A'] but it was not found]";
    let lost: Answer = refused(400, "InvalidChangeBatch", gone);
    let in_frame = Answer::Raw(
        400,
        format!(
            "<?xml version=\"1.0\"?>\n<InvalidChangeBatch {XMLNS}><Messages><Message>{gone}</Message></Messages><RequestId>1</RequestId></InvalidChangeBatch>"
        ),
    );
    for refusal in [lost, in_frame] {
        let script = found_zone(&[&a, &aaaa])
            .documented(
                "route53:ChangeResourceRecordSets",
                "hashicorp/terraform-provider-aws issue 18509",
                refusal,
            )
            .documented("route53:ListResourceRecordSets", CLI_ZONES, records(&[]))
            .to("Z1PUBLIC")
            .after("route53:ChangeResourceRecordSets")
            .and(distribution::resting());
        let account = of_root(script).await;
        account.down(&named(), "domain-records").await.done();
        let sent = &account.replay.sent("route53:ChangeResourceRecordSets")[0];
        assert_eq!(sent.body.matches("<Action>DELETE</Action>").count(), 2);
        account.check();
    }
}

#[tokio::test]
async fn a_zone_that_is_named_has_to_be_public_and_to_have_the_name() {
    for (found, told) in [
        (zone("Z1", "example.org", true), "is private"),
        (zone("Z1", "example.com", false), "does not lie in the zone"),
    ] {
        let body = format!(
            "<?xml version=\"1.0\"?>\n<GetHostedZoneResponse {XMLNS}>{found}<DelegationSet><NameServers><NameServer>ns-1.awsdns-01.org</NameServer>\
             </NameServers></DelegationSet></GetHostedZoneResponse>"
        );
        let script = Script::default().documented(
            "route53:GetHostedZone",
            &format!("{CLI_ZONES}/get-hosted-zone.rst"),
            body,
        );
        let account = of_root(script).await;
        let error = account.observe(&in_zone("Z1"), "certificate").await.err().unwrap();
        assert!(error.message.contains(told), "{error:?}");
        assert_eq!(error.kind, Kind::Refused);
        account.check();
    }
    let script = Script::default().documented(
        "route53:GetHostedZone",
        ZONE_MODEL,
        refused(404, "NoSuchHostedZone", "No hosted zone found with ID: Z1"),
    );
    let account = of_root(script).await;
    let error = account.observe(&in_zone("Z1"), "certificate").await.err().unwrap();
    assert!(error.message.contains("has no hosted zone"), "{error:?}");
    account.check();
}

#[tokio::test]
async fn a_name_of_another_distribution_is_explained_with_the_way() {
    let taken = "One or more of the CNAMEs you provided are already associated with a different resource.";
    let leads = "One or more aliases specified for the distribution includes an incorrectly configured DNS record that points to another CloudFront distribution. You must update the DNS record to correct the problem.";
    for (text, way) in [
        (taken, "list-distributions"),
        (leads, "take it away at the DNS provider"),
    ] {
        let script = Script::default()
            .modelled("cloudfront:ListDistributions", EDGE_MODEL, distribution::none())
            .documented(
                "cloudfront:CreateDistributionWithTags",
                "hashicorp/terraform-provider-aws issue 8734",
                refused(409, "CNAMEAlreadyExists", text),
            );
        let account = of_root(script).await;
        let given = distribution::given().with(&CERTIFICATE, ARN.to_owned());
        let ran = account.up(&named(), "distribution", given).await;
        assert_eq!(ran.failure().error.kind, Kind::Refused);
        let told = crate::way_out(&ran.failure().error);
        assert!(told.contains(way), "{told}");
        let sent = &account.replay.sent("cloudfront:CreateDistributionWithTags")[0];
        for part in [
            &format!("<CNAME>{NAME}</CNAME>"),
            &format!("<ACMCertificateArn>{ARN}</ACMCertificateArn>"),
            "<SSLSupportMethod>sni-only</SSLSupportMethod>",
            "<MinimumProtocolVersion>TLSv1.2_2021</MinimumProtocolVersion>",
        ] {
            assert!(sent.contains(part), "{part}");
        }
        assert!(matches!(
            ran.report.steps.last().map(|step| &step.outcome),
            Some(Outcome::Failed(_))
        ));
        account.check();
    }
}
