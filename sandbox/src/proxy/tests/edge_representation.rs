//! In what form a viewer gets an answer: compressed, in part, as a confirmation, with which headers.

use std::io::Read;

use ::http::{Request, StatusCode};

use super::{Changed, OPTIMIZED, Site, behavior, configuration, with};
use crate::world::distributions::{Caching, Configuration};
use crate::world::edge_policies::{CacheRules, Cors, Draft, Header, OriginRequestRules, ResponseHeadersRules};

/// A page of 5,000 bytes of HTML.
async fn html(configuration: Configuration) -> Site {
    let site = Site::new(configuration).await;
    site.app.sends(&"0123456789".repeat(500));
    site.app.says("content-type", "text/html; charset=utf-8");
    site.app.says("etag", "\"v1\"");
    site
}

fn accepting(encodings: &str) -> ::http::request::Builder {
    Request::get("/").header("accept-encoding", encodings)
}

#[tokio::test]
async fn who_takes_both_gets_brotli() {
    let site = html(configuration(OPTIMIZED)).await;
    let answer = site.ask(accepting("gzip, br"), "").await;
    assert_eq!(
        (answer.header("content-encoding"), answer.header("etag")),
        ("br", "W/\"v1\"")
    );
    assert_eq!(answer.header("vary"), "Accept-Encoding");
    let mut plain = String::new();
    brotli::Decompressor::new(&answer.body[..], 4096)
        .read_to_string(&mut plain)
        .unwrap();
    assert_eq!(plain.len(), 5_000);
    assert_eq!(site.ask(accepting("br, gzip"), "").await.x_cache(), "Hit");
}

#[tokio::test]
async fn who_takes_gzip_gets_gzip_and_who_takes_none_gets_it_plain() {
    let site = html(configuration(OPTIMIZED)).await;
    let answer = site.ask(accepting("gzip"), "").await;
    assert_eq!(answer.header("content-encoding"), "gzip");
    let mut plain = String::new();
    flate2::read::GzDecoder::new(&answer.body[..])
        .read_to_string(&mut plain)
        .unwrap();
    assert_eq!(plain.len(), 5_000);
    let answer = site.get("/").await;
    assert_eq!(
        (
            answer.header("content-encoding"),
            answer.body.len(),
            answer.header("etag")
        ),
        ("", 5_000, "\"v1\"")
    );
}

#[tokio::test]
async fn a_compressed_answer_is_confirmed_by_its_weak_etag() {
    let site = html(configuration(OPTIMIZED)).await;
    site.app.says("cache-control", "max-age=60");
    let packed = site.ask(accepting("gzip"), "").await;
    site.later(61);
    let again = site
        .ask(accepting("gzip").header("if-none-match", packed.header("etag")), "")
        .await;
    assert_eq!(
        (again.status, again.x_cache()),
        (StatusCode::NOT_MODIFIED, "RefreshHit")
    );
    let whole = site.ask(accepting("gzip"), "").await;
    assert_eq!(
        (whole.body, whole.headers["content-encoding"].as_bytes()),
        (packed.body, &b"gzip"[..])
    );
}

#[tokio::test]
async fn a_behavior_without_compress_leaves_answers_as_they_are() {
    let site = html(with(behavior(OPTIMIZED).changed(|behavior| behavior.compress = false))).await;
    assert_eq!(site.ask(accepting("gzip, br"), "").await.body.len(), 5_000);
}

#[tokio::test]
async fn without_a_cache_policy_there_is_gzip_only() {
    let legacy = behavior(OPTIMIZED).changed(|behavior| {
        let rules = CacheRules {
            gzip: true,
            ..CacheRules::new(0, 600, 600)
        };
        behavior.caching = Caching::ForwardedValues {
            cache: rules.into(),
            origin_request: OriginRequestRules::default().into(),
        };
    });
    let site = html(with(legacy)).await;
    assert_eq!(
        site.ask(accepting("gzip, br"), "").await.header("content-encoding"),
        "gzip"
    );
}

#[tokio::test]
async fn what_is_small_sent_in_chunks_or_compressed_already_is_left_alone() {
    let small = html(configuration(OPTIMIZED)).await;
    small.app.sends("little");
    assert_eq!(small.ask(accepting("gzip"), "").await.text(), "little");
    let chunked = html(configuration(OPTIMIZED)).await;
    chunked.app.sends_in_chunks();
    assert_eq!(chunked.ask(accepting("gzip"), "").await.body.len(), 5_000);
    let packed = html(configuration(OPTIMIZED)).await;
    packed.app.says("content-encoding", "gzip");
    let answer = packed.ask(accepting("gzip"), "").await;
    assert_eq!((answer.body.len(), answer.header("etag")), (5_000, "\"v1\""));
}

#[tokio::test]
async fn a_viewer_of_http_1_0_gets_it_plain() {
    let site = html(configuration(OPTIMIZED)).await;
    let old = accepting("gzip").version(::http::Version::HTTP_10);
    assert_eq!(site.ask(old, "").await.header("content-encoding"), "");
}

#[tokio::test]
async fn a_range_is_cut_from_the_whole_which_is_kept() {
    let site = html(configuration(OPTIMIZED)).await;
    let part = site.ask(Request::get("/").header("range", "bytes=10-14"), "").await;
    assert_eq!((part.status, part.text()), (StatusCode::PARTIAL_CONTENT, "01234"));
    assert_eq!(
        (part.header("content-range"), part.header("content-length")),
        ("bytes 10-14/5000", "5")
    );
    assert_eq!(site.app.seen().header("range"), None);
    let rest = site.ask(Request::get("/").header("range", "bytes=4995-"), "").await;
    assert_eq!((rest.x_cache(), rest.text()), ("Hit", "56789"));
    let several = site.ask(Request::get("/").header("range", "bytes=0-1,10-11"), "").await;
    assert!(
        several
            .header("content-type")
            .starts_with("multipart/byteranges; boundary=")
    );
    assert!(several.text().contains("bytes 10-11/5000"));
}

#[tokio::test]
async fn ranges_beyond_the_end_are_a_416_and_overlapping_ones_get_the_whole() {
    let site = html(configuration(OPTIMIZED)).await;
    let beyond = site.ask(Request::get("/").header("range", "bytes=5000-"), "").await;
    assert_eq!(
        (beyond.status.as_u16(), beyond.header("content-range")),
        (416, "bytes */5000")
    );
    let overlapping = site.ask(Request::get("/").header("range", "bytes=0-9,5-14"), "").await;
    assert_eq!((overlapping.status, overlapping.body.len()), (StatusCode::OK, 5_000));
}

#[tokio::test]
async fn if_range_gets_the_whole_of_what_is_no_longer_the_same() {
    let site = html(configuration(OPTIMIZED)).await;
    let ask = |etag: &'static str| {
        site.ask(
            Request::get("/").header("range", "bytes=0-4").header("if-range", etag),
            "",
        )
    };
    assert_eq!(ask("\"v1\"").await.status, StatusCode::PARTIAL_CONTENT);
    assert_eq!(ask("\"v0\"").await.status, StatusCode::OK);
}

#[tokio::test]
async fn who_has_it_already_gets_a_304() {
    let site = html(configuration(OPTIMIZED)).await;
    site.app.says("last-modified", "Wed, 21 Oct 2015 07:28:00 GMT");
    let ask = |name: &'static str, value: &'static str| site.ask(Request::get("/").header(name, value), "");
    assert_eq!(ask("if-none-match", "\"v1\"").await.status, StatusCode::NOT_MODIFIED);
    assert_eq!(ask("if-none-match", "\"v2\"").await.status, StatusCode::OK);
    assert_eq!(
        ask("if-modified-since", "Thu, 22 Oct 2015 07:28:00 GMT").await.status,
        StatusCode::NOT_MODIFIED
    );
    assert_eq!(
        ask("if-modified-since", "Tue, 20 Oct 2015 07:28:00 GMT").await.status,
        StatusCode::OK
    );
    assert_eq!(site.app.count(), 1, "what the first one got was kept whole");
}

#[tokio::test]
async fn cookies_come_back_only_where_they_went() {
    let site = Site::new(configuration(OPTIMIZED)).await;
    site.app.says("set-cookie", "session=1");
    assert_eq!(site.ask(Request::post("/"), "a").await.header("set-cookie"), "");
    let rules = CacheRules {
        cookies: crate::world::edge_policies::Selection::All,
        ..CacheRules::new(1, 600, 600)
    };
    let site = Site::made(1.0, |world| with(super::under(super::cache_policy(world, rules), None))).await;
    site.app.says("set-cookie", "session=1");
    site.get("/").await;
    let replayed = site.get("/").await;
    assert_eq!(
        (replayed.x_cache(), replayed.header("set-cookie")),
        ("Hit", "session=1"),
        "to everybody"
    );
}

#[tokio::test]
async fn vary_names_only_what_the_cache_tells_apart() {
    let site = Site::new(configuration(OPTIMIZED)).await;
    site.app.says("vary", "Accept-Language, Accept-Encoding, User-Agent");
    assert_eq!(site.get("/").await.header("vary"), "Accept-Encoding");
}

/// A site whose behavior has a response headers policy.
async fn with_headers(rules: ResponseHeadersRules) -> Site {
    Site::made(1.0, |world| {
        let draft = Draft {
            name: "headers".to_owned(),
            comment: String::new(),
            rules,
        };
        let now = world.clock.now();
        let made = world.lock().edge_policies.response_headers.create(draft, now).unwrap();
        with(behavior(OPTIMIZED).changed(|behavior| behavior.response_headers_policy_id = Some(made.id)))
    })
    .await
}

#[tokio::test]
async fn the_managed_security_headers_are_there_under_their_real_id() {
    let id = "67f7725c-6f97-4210-82d7-5512b31e9d03";
    let secured = behavior(OPTIMIZED).changed(|behavior| behavior.response_headers_policy_id = Some(id.to_owned()));
    let site = Site::new(with(secured)).await;
    site.app.says("x-frame-options", "DENY");
    site.app.says("x-content-type-options", "wrong");
    let answer = site.get("/").await;
    assert_eq!(answer.header("strict-transport-security"), "max-age=31536000");
    assert_eq!(answer.header("x-xss-protection"), "1; mode=block");
    assert_eq!(answer.header("x-frame-options"), "DENY", "the origin's own goes before");
    assert_eq!(
        answer.header("x-content-type-options"),
        "nosniff",
        "and this one is overridden"
    );
}

#[tokio::test]
async fn headers_of_ones_own_are_set_and_others_removed() {
    let site = with_headers(ResponseHeadersRules {
        custom: vec![
            Header {
                name: "X-Team".to_owned(),
                value: "blue".to_owned(),
                overrides: false,
            },
            Header {
                name: "X-Stage".to_owned(),
                value: "live".to_owned(),
                overrides: true,
            },
        ],
        removed: vec!["X-Powered-By".to_owned()],
        server_timing: Some(100.0),
        ..ResponseHeadersRules::default()
    })
    .await;
    for (name, value) in [("x-team", "red"), ("x-stage", "test"), ("x-powered-by", "tests")] {
        site.app.says(name, value);
    }
    let answer = site.get("/").await;
    assert_eq!(
        (
            answer.header("x-team"),
            answer.header("x-stage"),
            answer.header("x-powered-by")
        ),
        ("red", "live", "")
    );
    assert!(answer.header("server-timing").starts_with("cdn-cache-miss"));
}

#[tokio::test]
async fn cors_headers_answer_the_origins_that_are_listed() {
    let site = with_headers(ResponseHeadersRules {
        cors: Some(Cors {
            allow_credentials: true,
            allow_headers: vec!["X-Team".to_owned()],
            allow_methods: vec!["GET".to_owned(), "POST".to_owned()],
            allow_origins: vec!["https://*.example.org".to_owned()],
            expose_headers: Vec::new(),
            max_age: Some(600),
            overrides: true,
        }),
        ..ResponseHeadersRules::default()
    })
    .await;
    let from = |origin: &'static str| site.ask(Request::get("/").header("origin", origin), "");
    let listed = from("https://www.example.org").await;
    assert_eq!(listed.header("access-control-allow-origin"), "https://www.example.org");
    assert_eq!(listed.header("access-control-allow-credentials"), "true");
    assert_eq!(
        from("https://example.com").await.header("access-control-allow-origin"),
        ""
    );
    let preflight = Request::options("/")
        .header("origin", "https://www.example.org")
        .header("access-control-request-method", "POST");
    let answer = site.ask(preflight, "").await;
    assert_eq!(answer.header("access-control-allow-methods"), "GET,POST");
    assert_eq!(answer.header("access-control-max-age"), "600");
}
