//! CloudFront's API as its clients speak it: paths, bodies, ETags, refusals.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method};

use super::route;
use crate::protocols::call::{Answer, Call, Protocol};
use crate::proxy::tests as proxy;
use crate::world::{Refusal, World};

/// A configuration as the AWS CLI sends it: with members in its own order, and many left out.
fn config(reference: &str, comment: &str, enabled: bool) -> String {
    format!(
        "<DistributionConfig xmlns=\"http://cloudfront.amazonaws.com/doc/2020-05-31/\"><CallerReference>{reference}</CallerReference>\
         <Origins><Quantity>1</Quantity><Items><Origin><Id>environment</Id><DomainName>x.us-east-1.elb.localhost</DomainName>\
         <CustomHeaders><Quantity>1</Quantity><Items><OriginCustomHeader><HeaderName>X-Origin</HeaderName>\
         <HeaderValue>a &amp; b</HeaderValue></OriginCustomHeader></Items></CustomHeaders>\
         <CustomOriginConfig><HTTPPort>80</HTTPPort><HTTPSPort>443</HTTPSPort>\
         <OriginProtocolPolicy>http-only</OriginProtocolPolicy></CustomOriginConfig></Origin></Items></Origins>\
         <DefaultCacheBehavior><TargetOriginId>environment</TargetOriginId><ViewerProtocolPolicy>allow-all</ViewerProtocolPolicy>\
         <AllowedMethods><Quantity>7</Quantity><Items><Method>GET</Method><Method>HEAD</Method><Method>OPTIONS</Method>\
         <Method>PUT</Method><Method>PATCH</Method><Method>POST</Method><Method>DELETE</Method></Items><CachedMethods>\
         <Quantity>2</Quantity><Items><Method>GET</Method><Method>HEAD</Method></Items></CachedMethods></AllowedMethods>\
         <Compress>true</Compress><CachePolicyId>658327ea-f89d-4fab-a63d-7e88639e58f6</CachePolicyId></DefaultCacheBehavior>\
         <Comment>{comment}</Comment><Enabled>{enabled}</Enabled></DistributionConfig>"
    )
}

const OPTIMIZED: &str = "658327ea-f89d-4fab-a63d-7e88639e58f6";

fn call(world: &Arc<World>, method: Method, path: &str, etag: Option<&str>, body: &str) -> Result<Answer, Refusal> {
    call_in(world, "us-east-1", method, path, etag, body)
}

fn call_in(
    world: &Arc<World>,
    region: &str,
    method: Method,
    path: &str,
    etag: Option<&str>,
    body: &str,
) -> Result<Answer, Refusal> {
    let mut headers = HeaderMap::new();
    if let Some(etag) = etag {
        headers.insert("if-match", etag.parse().unwrap());
    }
    let path = format!("/2020-05-31/{path}");
    crate::services::dispatch(
        world,
        &Call {
            request_id: "request".to_owned(),
            service: "cloudfront".to_owned(),
            region: region.to_owned(),
            protocol: Protocol::RestXml,
            operation: route(&method, &path).unwrap().to_owned(),
            caller: "arn:aws:iam::123456789012:root".to_owned(),
            method,
            uri: path.parse().unwrap(),
            headers,
            body: Bytes::copy_from_slice(body.as_bytes()),
        },
    )
}

fn body(answer: &Answer) -> &str {
    std::str::from_utf8(&answer.body).unwrap()
}

/// The id in `Location`: elements named `Id` are the origins', too.
fn id_of(made: &Answer) -> String {
    let location = made.headers["location"].to_str().unwrap();
    location.rsplit_once("/distribution/").unwrap().1.to_owned()
}

/// The text of the first element of that name.
fn element<'a>(xml: &'a str, name: &str) -> &'a str {
    let rest = xml.split_once(&format!("<{name}>")).unwrap().1;
    rest.split_once(&format!("</{name}>")).unwrap().0
}

/// The document without the first element of that name.
fn cut(xml: &str, name: &str) -> String {
    let (before, rest) = xml.split_once(&format!("<{name}")).unwrap();
    let after = match rest.strip_prefix("/>") {
        Some(after) => after,
        None => rest.split_once(&format!("</{name}>")).unwrap().1,
    };
    format!("{before}{after}")
}

fn create(world: &Arc<World>, reference: &str) -> Result<Answer, Refusal> {
    let tags = "<Tags><Items><Tag><Key>stack</Key><Value>one</Value></Tag></Items></Tags>";
    let body = format!(
        "<DistributionConfigWithTags>{}{tags}</DistributionConfigWithTags>",
        config(reference, "site", true)
    );
    call(world, Method::POST, "distribution?WithTags", None, &body)
}

#[tokio::test]
async fn an_account_has_as_many_distributions_as_its_quota_says() {
    use crate::world::quotas::{DISTRIBUTIONS, GLOBAL_REGION};
    let world = proxy::world(1.0, proxy::Fixed::default());
    world.lock().region(GLOBAL_REGION).quotas.raise(&DISTRIBUTIONS, 1.0);
    create(&world, "one").unwrap();
    assert_eq!(create(&world, "two").unwrap_err().code, "TooManyDistributions");
}

#[tokio::test]
async fn a_distribution_lives_and_dies_by_its_etag() {
    let world = proxy::world(1.0, proxy::Fixed::default());
    let made = create(&world, "one").unwrap();
    assert_eq!(made.status, 201);
    let id = id_of(&made);
    assert!(body(&made).contains(&format!("<Id>{id}</Id>")));
    assert_eq!(element(body(&made), "Status"), "InProgress");
    assert!(body(&made).contains(".cloudfront.localhost</DomainName>"));

    let path = format!("distribution/{id}/config");
    let read = call(&world, Method::GET, &path, None, "").unwrap();
    assert_eq!(read.headers["etag"], made.headers["etag"]);
    let etag = read.headers["etag"].to_str().unwrap();
    let disabled = body(&read).replace("<Enabled>true</Enabled>", "<Enabled>false</Enabled>");
    let stale = call(&world, Method::PUT, &path, Some("E0"), &disabled).unwrap_err();
    assert_eq!((stale.code.as_str(), stale.status), ("PreconditionFailed", 412));
    let missing = call(&world, Method::PUT, &path, None, &disabled).unwrap_err();
    assert_eq!(missing.code, "InvalidIfMatchVersion");

    let distribution = format!("distribution/{id}");
    let enabled = call(&world, Method::DELETE, &distribution, Some(etag), "").unwrap_err();
    assert_eq!(
        (enabled.code.as_str(), enabled.status),
        ("DistributionNotDisabled", 409)
    );
    let changed = call(&world, Method::PUT, &path, Some(etag), &disabled).unwrap();
    let etag = changed.headers["etag"].to_str().unwrap();
    let settling = call(&world, Method::DELETE, &distribution, Some(etag), "").unwrap_err();
    assert_eq!(settling.code, "DistributionNotDisabled");
    world.clock.skip(std::time::Duration::from_secs(300));
    assert_eq!(
        call(&world, Method::DELETE, &distribution, Some(etag), "")
            .unwrap()
            .status,
        204
    );
    assert_eq!(
        call(&world, Method::GET, &distribution, None, "").unwrap_err().status,
        404
    );

    // A caller reference stays used after deletion, and the refusal names what it made.
    let reused = create(&world, "one").unwrap_err();
    assert_eq!(
        (reused.code.as_str(), reused.status),
        ("DistributionAlreadyExists", 409)
    );
    assert!(reused.message.contains(&id));
}

#[tokio::test]
async fn a_configuration_reads_back_as_it_was_sent_with_what_cloudfront_fills_in() {
    let world = proxy::world(60.0, proxy::Fixed::default());
    let made = create(&world, "one").unwrap();
    let id = id_of(&made);
    let path = format!("distribution/{id}/config");
    let read = call(&world, Method::GET, &path, None, "").unwrap();
    let config = body(&read);
    for expected in [
        "<CallerReference>one</CallerReference>",
        "<HeaderValue>a &amp; b</HeaderValue>",
        "<OriginReadTimeout>30</OriginReadTimeout>",
        "<OriginKeepaliveTimeout>5</OriginKeepaliveTimeout>",
        "<ConnectionAttempts>3</ConnectionAttempts>",
        "<PriceClass>PriceClass_All</PriceClass>",
        "<HttpVersion>http2</HttpVersion>",
        "<CloudFrontDefaultCertificate>true</CloudFrontDefaultCertificate>",
        "<Compress>true</Compress>",
    ] {
        assert!(config.contains(expected), "{expected} is not in {config}");
    }
    // Sent back unchanged, it is taken and reads the same.
    let etag = read.headers["etag"].to_str().unwrap();
    call(&world, Method::PUT, &path, Some(etag), config).unwrap();
    let again = call(&world, Method::GET, &path, None, "").unwrap();
    assert_eq!(body(&again), config);
}

/// An update replaces all, and may leave out less than a creation (botocore: cloudfront, UpdateDistribution).
#[tokio::test]
async fn an_update_that_leaves_something_out_is_refused_by_the_name_of_it_and_resets_nothing() {
    let world = proxy::world(60.0, proxy::Fixed::default());
    let made = create(&world, "one").unwrap();
    let path = format!("distribution/{}/config", id_of(&made));
    let read = call(&world, Method::GET, &path, None, "").unwrap();
    let (etag, whole) = (read.headers["etag"].to_str().unwrap(), body(&read));
    let refused = |sent: &str| {
        let refusal = call(&world, Method::PUT, &path, Some(etag), sent).unwrap_err();
        (refusal.code, refusal.message)
    };
    let expected = |code: &str, text: &str| (code.to_owned(), text.to_owned());
    // As it was created.
    let aliases = expected("IllegalUpdate", "Aliases are missing for the resource");
    assert_eq!(refused(&config("one", "site", true)), aliases);
    let without = |member: &str| refused(&cut(whole, member));
    for (member, code, text) in [
        ("WebACLId", "IllegalUpdate", "WebACLId is missing for the resource"),
        ("PriceClass", "IllegalUpdate", "PriceClass is missing for the resource"),
        ("Logging", "IllegalUpdate", "Logging is missing for the resource"),
        (
            "CustomHeaders",
            "IllegalUpdate",
            "The 'OriginCustomHeaders' field is missing.",
        ),
        (
            "OriginReadTimeout",
            "IllegalUpdate",
            "OriginReadTimeout is required for updates.",
        ),
        (
            "SmoothStreaming",
            "InvalidArgument",
            "The parameter SmoothStreaming flag is missing.",
        ),
        ("Compress", "InvalidArgument", "The parameter Compress is required."),
        (
            "FieldLevelEncryptionId",
            "InvalidArgument",
            "The parameter Field level encryption id is required.",
        ),
    ] {
        assert_eq!(without(member), expected(code, text));
    }
    let unchanged = call(&world, Method::GET, &path, None, "").unwrap();
    assert_eq!(
        (unchanged.headers["etag"].to_str().unwrap(), body(&unchanged)),
        (etag, whole)
    );
}

#[tokio::test]
async fn wrong_configurations_are_refused_as_cloudfront_refuses_them() {
    let world = proxy::world(60.0, proxy::Fixed::default());
    let good = config("one", "site", true);
    let refused = |from: &str, to: &str| {
        let changed = good.replace(from, to);
        assert_ne!(changed, good);
        call(&world, Method::POST, "distribution", None, &changed)
            .unwrap_err()
            .code
    };
    assert_eq!(
        refused("<Quantity>7</Quantity>", "<Quantity>6</Quantity>"),
        "InconsistentQuantities"
    );
    let fewer = refused(
        "<Quantity>7</Quantity><Items><Method>GET</Method>",
        "<Quantity>6</Quantity><Items>",
    );
    assert_eq!(fewer, "InvalidArgument");
    assert_eq!(
        refused("<TargetOriginId>environment", "<TargetOriginId>other"),
        "NoSuchOrigin"
    );
    assert_eq!(refused("658327ea", "00000000"), "NoSuchCachePolicy");
    assert_eq!(
        refused("<Comment>site", &format!("<Comment>{}", "x".repeat(129))),
        "InvalidArgument"
    );
    let acl = "<WebACLId>arn:aws:wafv2:us-east-1:123456789012:global/webacl/none/1</WebACLId><Enabled>";
    assert_eq!(refused("<Enabled>", acl), "InvalidWebACLId");
    assert_eq!(
        refused("<Enabled>", "<Staging>true</Staging><Enabled>"),
        "NotImplemented"
    );
    assert_eq!(world.lock().distributions.inventory("global").len(), 0);
}

#[tokio::test]
async fn lists_come_in_pages_and_tags_are_kept() {
    let world = proxy::world(60.0, proxy::Fixed::default());
    for reference in ["one", "two", "three"] {
        create(&world, reference).unwrap();
    }
    let first = call(&world, Method::GET, "distribution?MaxItems=2", None, "").unwrap();
    assert_eq!(element(body(&first), "IsTruncated"), "true");
    let marker = element(body(&first), "NextMarker");
    let second = call(
        &world,
        Method::GET,
        &format!("distribution?MaxItems=2&Marker={marker}"),
        None,
        "",
    )
    .unwrap();
    assert_eq!(body(&second).matches("<DistributionSummary>").count(), 1);
    assert_eq!(element(body(&second), "IsTruncated"), "false");

    let arn = element(body(&second), "ARN").to_owned();
    let tagging = |operation: &str, body: &str| {
        let path = format!("tagging?Operation={operation}&Resource={arn}");
        assert_eq!(call(&world, Method::POST, &path, None, body).unwrap().status, 204);
    };
    tagging(
        "Tag",
        "<Tags><Items><Tag><Key>a</Key><Value>1</Value></Tag></Items></Tags>",
    );
    tagging("Untag", "<TagKeys><Items><Key>stack</Key></Items></TagKeys>");
    let tags = call(&world, Method::GET, &format!("tagging?Resource={arn}"), None, "").unwrap();
    assert_eq!(
        body(&tags),
        "<Tags><Items><Tag><Key>a</Key><Value>1</Value></Tag></Items></Tags>"
    );
}

#[test]
fn every_operation_has_a_route() {
    let routes = [
        (Method::POST, "distribution", "CreateDistribution"),
        (
            Method::GET,
            "distributionsByWebACLId/arn:aws:wafv2:x:y:global/webacl/n/1",
            "ListDistributionsByWebACLId",
        ),
        (Method::POST, "distribution/E1/invalidation", "CreateInvalidation"),
        (Method::GET, "streaming-distribution", "ListStreamingDistributions"),
        (
            Method::GET,
            "cache-policy/658327ea-f89d-4fab-a63d-7e88639e58f6",
            "GetCachePolicy",
        ),
        (
            Method::GET,
            "origin-request-policy?Type=managed",
            "ListOriginRequestPolicies",
        ),
    ];
    for (method, path, operation) in routes {
        assert_eq!(route(&method, &format!("/2020-05-31/{path}")), Some(operation));
    }
    assert_eq!(route(&Method::GET, "/2020-05-31/function"), None);
    assert_eq!(route(&Method::GET, "/"), None);
}

/// A cache policy as the AWS CLI sends it.
fn cache_policy(name: &str, min_ttl: u32) -> String {
    format!(
        "<CachePolicyConfig xmlns=\"http://cloudfront.amazonaws.com/doc/2020-05-31/\"><Name>{name}</Name><MinTTL>{min_ttl}</MinTTL>\
         <ParametersInCacheKeyAndForwardedToOrigin><EnableAcceptEncodingGzip>true</EnableAcceptEncodingGzip>\
         <HeadersConfig><HeaderBehavior>whitelist</HeaderBehavior><Headers><Quantity>1</Quantity><Items><Name>Accept-Language</Name>\
         </Items></Headers></HeadersConfig><CookiesConfig><CookieBehavior>none</CookieBehavior></CookiesConfig>\
         <QueryStringsConfig><QueryStringBehavior>all</QueryStringBehavior></QueryStringsConfig>\
         </ParametersInCacheKeyAndForwardedToOrigin></CachePolicyConfig>"
    )
}

#[tokio::test]
async fn a_policy_that_a_distribution_uses_stays() {
    let world = proxy::world(3600.0, proxy::Fixed::default());
    let made = call(&world, Method::POST, "cache-policy", None, &cache_policy("mine", 60)).unwrap();
    assert_eq!(made.status, 201);
    let id = element(body(&made), "Id").to_owned();
    assert_eq!(element(body(&made), "DefaultTTL"), "86400");
    let again = call(&world, Method::POST, "cache-policy", None, &cache_policy("mine", 60)).unwrap_err();
    assert_eq!((again.code.as_str(), again.status), ("CachePolicyAlreadyExists", 409));

    let path = format!("cache-policy/{id}");
    let etag = made.headers["etag"].to_str().unwrap();
    let using = config("one", "site", true).replace(OPTIMIZED, &id);
    let distribution = call(&world, Method::POST, "distribution", None, &using).unwrap();
    let users = call(
        &world,
        Method::GET,
        &format!("distributionsByCachePolicyId/{id}"),
        None,
        "",
    )
    .unwrap();
    assert!(body(&users).contains(&format!("<DistributionId>{}</DistributionId>", id_of(&distribution))));
    let used = call(&world, Method::DELETE, &path, Some(etag), "").unwrap_err();
    assert_eq!((used.code.as_str(), used.status), ("CachePolicyInUse", 409));

    let changed = call(&world, Method::PUT, &path, Some(etag), &cache_policy("mine", 90)).unwrap();
    assert_eq!(element(body(&changed), "MinTTL"), "90");
    let stale = call(&world, Method::PUT, &path, Some(etag), &cache_policy("mine", 90)).unwrap_err();
    assert_eq!(stale.code, "PreconditionFailed");
}

#[tokio::test]
async fn managed_policies_are_listed_apart_and_cannot_be_deleted() {
    let world = proxy::world(60.0, proxy::Fixed::default());
    call(&world, Method::POST, "cache-policy", None, &cache_policy("mine", 60)).unwrap();
    let listed = |kind: &str| {
        let path = format!("cache-policy?Type={kind}");
        let answer = call(&world, Method::GET, &path, None, "").unwrap();
        body(&answer).matches("<CachePolicySummary>").count()
    };
    assert_eq!((listed("managed"), listed("custom")), (5, 1));
    let path = format!("cache-policy/{OPTIMIZED}");
    let shown = call(&world, Method::GET, &path, None, "").unwrap();
    assert_eq!(element(body(&shown), "Name"), "Managed-CachingOptimized");
    let etag = shown.headers["etag"].to_str().unwrap();
    let kept = call(&world, Method::DELETE, &path, Some(etag), "").unwrap_err();
    assert_eq!(kept.code, "IllegalDelete");
    for (kind, id) in [
        ("origin-request-policy", "216adef6-5c7f-47e4-b989-5492eafa07d3"),
        ("response-headers-policy", "67f7725c-6f97-4210-82d7-5512b31e9d03"),
    ] {
        let shown = call(&world, Method::GET, &format!("{kind}/{id}/config"), None, "").unwrap();
        assert!(element(body(&shown), "Name").starts_with("Managed-"), "{kind}");
    }
}

#[tokio::test]
async fn the_deprecated_forwarded_values_are_taken_and_read_back_with_their_times() {
    let world = proxy::world(60.0, proxy::Fixed::default());
    let policy = format!("<CachePolicyId>{OPTIMIZED}</CachePolicyId>");
    let values = "<ForwardedValues><QueryString>true</QueryString><Cookies><Forward>none</Forward></Cookies></ForwardedValues>\
                  <MinTTL>30</MinTTL>";
    let legacy = config("one", "site", true).replace(&policy, values);
    let made = call(&world, Method::POST, "distribution", None, &legacy).unwrap();
    for expected in [
        "<MinTTL>30</MinTTL>",
        "<DefaultTTL>86400</DefaultTTL>",
        "<MaxTTL>31536000</MaxTTL>",
    ] {
        assert!(body(&made).contains(expected), "{expected}");
    }
    let both = config("two", "site", true).replace(&policy, &format!("{policy}{values}"));
    let refused = call(&world, Method::POST, "distribution", None, &both).unwrap_err();
    assert_eq!(refused.code, "InvalidArgument");
    let none = config("two", "site", true).replace(&policy, "");
    let refused = call(&world, Method::POST, "distribution", None, &none).unwrap_err();
    assert_eq!(refused.code, "InvalidArgument");
}

/// An alias belongs to one distribution at a time, and needs a certificate.
#[tokio::test]
async fn a_taken_alias_is_refused() {
    let world = proxy::world(60.0, proxy::Fixed::default());
    let alias = "<Aliases><Quantity>1</Quantity><Items><CNAME>www.example.org</CNAME></Items></Aliases><Enabled>";
    let issued = |region: &str, name: &str| {
        let now = world.clock.now();
        let request = crate::world::certificates::Request {
            domain_name: name.to_owned(),
            ..Default::default()
        };
        let arn = world.lock().request_certificate(region, request, now);
        let record = crate::world::certificates::validation("123456789012", name);
        world.lock().zones.set_elsewhere(&record.name, &record.value);
        let viewer = |arn: &str| {
            format!(
                "<ViewerCertificate><ACMCertificateArn>{arn}</ACMCertificateArn><SSLSupportMethod>sni-only</SSLSupportMethod>\
                 <MinimumProtocolVersion>TLSv1.2_2021</MinimumProtocolVersion></ViewerCertificate>"
            )
        };
        viewer(&arn)
    };
    let certificate = issued("us-east-1", "www.example.org");
    let (pending, others) = (certificate.clone(), issued("us-east-1", "example.org"));
    let elsewhere = issued("eu-west-1", "www.example.org");
    let named = |reference: &str, certificate: &str| {
        let sent = config(reference, "site", true).replace("<Enabled>", &format!("{certificate}{alias}"));
        call(&world, Method::POST, "distribution", None, &sent)
    };
    assert_eq!(named("one", "").unwrap_err().code, "InvalidViewerCertificate");
    assert_eq!(
        named("one", &pending).unwrap_err().code,
        "InvalidViewerCertificate",
        "not issued"
    );
    crate::world::certificates::look(&world);
    world.clock.skip(std::time::Duration::from_secs(61));
    crate::world::certificates::look(&world);
    for unfit in [&elsewhere, &others] {
        assert_eq!(named("one", unfit).unwrap_err().code, "InvalidViewerCertificate");
    }
    let made = named("one", &certificate).unwrap();
    assert!(body(&made).contains("<CertificateSource>acm</CertificateSource>"));
    let taken = named("two", &certificate).unwrap_err();
    assert_eq!((taken.code.as_str(), taken.status), ("CNAMEAlreadyExists", 409));

    // Its own alias is no obstacle to an update.
    let path = format!("distribution/{}/config", id_of(&made));
    let read = call(&world, Method::GET, &path, None, "").unwrap();
    let etag = read.headers["etag"].to_str().unwrap();
    call(&world, Method::PUT, &path, Some(etag), body(&read)).unwrap();
}

/// A global service that is signed for in one region only.
#[tokio::test]
async fn another_region_than_us_east_1_is_refused() {
    let world = proxy::world(60.0, proxy::Fixed::default());
    let refused = call_in(&world, "eu-west-1", Method::GET, "distribution", None, "").unwrap_err();
    assert_eq!((refused.code.as_str(), refused.status), ("SignatureDoesNotMatch", 403));
}

#[tokio::test]
async fn an_invalidation_is_in_progress_and_then_completed() {
    let world = proxy::world(1.0, proxy::Fixed::default());
    let id = id_of(&create(&world, "one").unwrap());
    let batch = |path: &str, reference: &str| {
        format!(
            "<InvalidationBatch><Paths><Quantity>1</Quantity><Items><Path>{path}</Path></Items></Paths>\
             <CallerReference>{reference}</CallerReference></InvalidationBatch>"
        )
    };
    let invalidations = format!("distribution/{id}/invalidation");
    let invalidate =
        |path: &str, reference: &str| call(&world, Method::POST, &invalidations, None, &batch(path, reference));
    let made = invalidate("/*", "1").unwrap();
    assert_eq!(
        (made.status.as_u16(), element(body(&made), "Status")),
        (201, "InProgress")
    );
    let one = format!("{invalidations}/{}", element(body(&made), "Id"));
    world.clock.skip(std::time::Duration::from_secs(21));
    let read = call(&world, Method::GET, &one, None, "").unwrap();
    assert_eq!(element(body(&read), "Status"), "Completed");
    assert_eq!(invalidate("page", "2").unwrap_err().code, "InvalidArgument");
    for number in 0..15 {
        invalidate("/a*", &format!("w{number}")).unwrap();
    }
    assert_eq!(
        invalidate("/b*", "w15").unwrap_err().code,
        "TooManyInvalidationsInProgress"
    );
}
