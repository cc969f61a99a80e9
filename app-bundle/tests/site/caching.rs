//! What a browser and a shared cache in front may keep, and the headers that protect the visitor.

use axum::http::{Method, StatusCode};

use crate::site::Site;

#[tokio::test]
async fn the_page_is_kept_shortly_and_revalidated() {
    let site = Site::start().await;
    let page = site.get("/").await;
    assert!(page.header("cache-control").starts_with("public, max-age=0, s-maxage="));
    let tag = page.header("etag").to_owned();
    for known in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}")] {
        let again = site.send(Method::GET, "/", &[("if-none-match", &known)], "").await;
        assert_eq!(
            (again.status, again.body.as_str()),
            (StatusCode::NOT_MODIFIED, ""),
            "{known}"
        );
        assert_eq!(again.header("etag"), tag);
    }
    let changed = site.send(Method::GET, "/", &[("if-none-match", "\"other\"")], "").await;
    assert_eq!(changed.status, StatusCode::OK);
}

#[tokio::test]
async fn assets_are_kept_for_a_year_under_a_path_that_changes_with_them() {
    let site = Site::start().await;
    let page = site.get("/").await.body;
    let paths: Vec<&str> = page.split('"').filter(|part| part.starts_with("/assets/")).collect();
    assert_eq!(paths.len(), 3, "{paths:?}");
    let mut bytes = page.len();
    for path in paths {
        let asset = site.get(path).await;
        assert_eq!(asset.status, StatusCode::OK, "{path}");
        assert_eq!(asset.header("cache-control"), "public, max-age=31536000, immutable");
        bytes += asset.body.len();
    }
    assert!(bytes < 30_000, "{bytes} bytes in all");
}

#[tokio::test]
async fn a_page_of_another_version_still_gets_its_style_but_nobody_keeps_it() {
    let site = Site::start().await;
    let asset = site.get("/assets/style.0123456789abcdef.css").await;
    assert_eq!(
        (asset.status, asset.header("content-type")),
        (StatusCode::OK, "text/css; charset=utf-8")
    );
    assert_eq!(asset.header("cache-control"), "public, max-age=0, s-maxage=10");
    for path in [
        "/assets/style.css",
        "/assets/../Cargo.toml",
        "/assets/secret.0123456789abcdef.css",
    ] {
        assert_eq!(site.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn each_language_has_a_path_of_its_own_since_the_edge_caches_by_nothing_else() {
    let site = Site::start().await;
    let mut tags = std::collections::BTreeSet::new();
    for path in ["/en", "/de", "/es", "/fr", "/pt", "/ja", "/ar"] {
        let page = site.get(path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        assert!(
            page.header("cache-control").starts_with("public, max-age=0, s-maxage="),
            "{path}"
        );
        assert!(page.body.contains(&format!("<html lang=\"{}\"", &path[1..])), "{path}");
        tags.insert(page.header("etag").to_owned());
    }
    assert_eq!(tags.len(), 7);
    // Nothing that the edge drops may change an answer.
    let plain = site.get("/").await.body;
    let headers = [("accept-language", "de"), ("cookie", "lang=de")];
    assert_eq!(site.send(Method::GET, "/?lang=de", &headers, "").await.body, plain);
    assert_eq!(site.get("/xx").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn head_says_what_get_would_say() {
    let site = Site::start().await;
    let get = site.get("/").await;
    let head = site.send(Method::HEAD, "/", &[], "").await;
    assert_eq!((head.status, head.body.as_str()), (StatusCode::OK, ""));
    assert_eq!(head.header("etag"), get.header("etag"));
    assert_eq!(head.header("content-length"), get.body.len().to_string());
}

#[tokio::test]
async fn every_answer_is_protected() {
    let site = Site::start().await;
    for path in ["/", "/nowhere", "/health", "/register", "/api/stats", "/de"] {
        let answer = site.get(path).await;
        let policy = answer.header("content-security-policy");
        assert!(
            policy.contains("default-src 'none'") && !policy.contains("unsafe"),
            "{path}: {policy}"
        );
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert!(
            !answer.header("cache-control").is_empty(),
            "CloudFront would keep {path} for a day"
        );
    }
    let page = site.get("/").await.body;
    assert!(!page.contains("<style") && !page.contains(" style=") && !page.contains(" onclick="));
}
