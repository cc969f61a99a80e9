//! What somebody who registers gets to see, by form and by JSON, when all is well and when it is not.

use std::time::{Duration, Instant};

use axum::http::{Method, StatusCode};

use crate::site::{FORM, JSON, Site};
use crate::table::Mood;

#[tokio::test]
async fn a_visitor_without_javascript_registers_by_the_form() {
    let site = Site::start_with(&[("EVENT_TITLE", "Rust & Clouds")]).await;
    let page = site.get("/").await;
    assert_eq!(page.status, StatusCode::OK);
    for part in [
        "<html lang=\"en\" dir=\"ltr\">",
        "Rust &#38; Clouds",
        "action=\"/register\"",
        "method=\"post\"",
        "<label for=\"email\">",
    ] {
        assert!(page.body.contains(part), "{part} is not in {}", page.body);
    }

    let answer = site.post(FORM, "email=Ada%40Example.com").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(answer.body.contains("<title>You are in the draw") && !answer.body.contains("<form"));
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(site.table.addresses(), ["ada@example.com"]);
    let item = site.table.item("ada@example.com").unwrap();
    let stamp = item["registered_at"]["S"].as_str().unwrap();
    assert!(
        stamp.len() == 24 && stamp.ends_with('Z'),
        "{stamp} is not RFC 3339 with milliseconds"
    );
}

#[tokio::test]
async fn nobody_can_tell_whether_an_address_was_known() {
    let site = Site::start().await;
    for (content_type, body) in [
        (FORM, "email=ada%40example.com"),
        (JSON, r#"{"email":"eve@example.com"}"#),
    ] {
        let first = site.post(content_type, body).await;
        let second = site
            .post(content_type, body.to_uppercase().replace("EMAIL", "email"))
            .await;
        assert!(first.status.is_success());
        assert_eq!((first.status, &first.body), (second.status, &second.body));
        let headers = |answer: &crate::site::Answer| {
            let mut headers = answer.headers.clone();
            headers.remove("date");
            headers
        };
        assert_eq!(headers(&first), headers(&second));
    }
    assert_eq!(site.table.addresses(), ["ada@example.com", "eve@example.com"]);
}

#[tokio::test]
async fn a_known_address_costs_dynamodb_and_the_site_exactly_what_a_new_one_costs() {
    let site = Site::start().await;
    for _ in 0..2 {
        site.post(JSON, r#"{"email":"ada@example.com"}"#).await;
    }
    let puts = site.table.puts();
    assert_eq!(puts.len(), 2, "no read before, no retry after");
    let without_time = |put: &String| {
        let mut put: serde_json::Value = serde_json::from_str(put).unwrap();
        for made in ["registered_at", "ticket"] {
            put["Item"][made] = serde_json::Value::Null;
        }
        put
    };
    assert_eq!(without_time(&puts[0]), without_time(&puts[1]));
    assert_eq!(puts[0].len(), puts[1].len());
}

#[tokio::test]
async fn a_short_trouble_of_dynamodb_is_waited_out() {
    let site = Site::start().await;
    site.table.set(Mood::ThrottlingOnly(2));
    let answer = site.post(JSON, r#"{"email":"ada@example.com"}"#).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    assert_eq!((site.table.puts().len(), site.table.addresses().len()), (3, 1));
    let metrics = site.get("/metrics").await.body;
    assert!(metrics.contains("\nconfapp_store_retries_total 2\n"), "{metrics}");
}

#[tokio::test]
async fn a_site_that_dynamodb_does_not_answer_gives_up_in_time() {
    let site = Site::start().await;
    site.table.set(Mood::Slow(Duration::from_secs(60)));
    let started = Instant::now();
    let answer = site.post(JSON, r#"{"email":"ada@example.com"}"#).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_program_registers_by_json() {
    let site = Site::start().await;
    let answer = site
        .post("application/json; charset=utf-8", r#"{"email":" ada@example.com "}"#)
        .await;
    assert_eq!(answer.status, StatusCode::CREATED);
    let told: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    let ticket = site.table.item("ada@example.com").unwrap()["ticket"]["S"].clone();
    assert_eq!(told, serde_json::json!({ "status": "registered", "ticket": ticket }));
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(site.table.addresses(), ["ada@example.com"]);
}

#[tokio::test]
async fn what_is_no_address_is_refused_with_the_error_at_the_field() {
    let site = Site::start().await;
    let answer = site.post(FORM, "email=%3Cscript%3Ealert(1)%3C%2Fscript%3E").await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(answer.body.contains("aria-invalid=\"true\"") && answer.body.contains("aria-describedby=\"error\""));
    assert!(answer.body.contains("does not look like an e-mail address"));
    assert!(!answer.body.contains("alert(1)"), "what was typed comes back");

    assert_eq!(site.post(FORM, "").await.status, StatusCode::BAD_REQUEST);
    assert_eq!(
        site.post(FORM, "email=%ff%fe@example.com").await.status,
        StatusCode::BAD_REQUEST
    );
    for body in [r#"{"email":"ada"}"#, "{}", "[]", "{", r#"{"email":7}"#] {
        let answer = site.post(JSON, body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{body}");
        assert!(answer.body.contains("\"message\""), "{body}: {}", answer.body);
    }
    assert_eq!(
        site.post("text/plain", "email=ada@example.com").await.status,
        StatusCode::UNSUPPORTED_MEDIA_TYPE
    );
    assert!(site.table.addresses().is_empty());
}

#[tokio::test]
async fn the_answer_to_a_form_is_in_the_language_of_the_form() {
    let site = Site::start().await;
    let page = site.get("/de").await.body;
    assert!(
        page.contains("<input type=\"hidden\" name=\"lang\" value=\"de\">"),
        "{page}"
    );
    let answer = site.post(FORM, "lang=de&email=ada%40example.com").await.body;
    assert!(
        answer.contains("<html lang=\"de\"") && answer.contains("Sie nehmen an der Verlosung teil"),
        "{answer}"
    );
    let refused = site.post(FORM, "lang=pt&email=ada").await.body;
    assert!(
        refused.contains("<html lang=\"pt\"") && refused.contains("não parece um e-mail"),
        "{refused}"
    );
    let unknown = site.post(FORM, "lang=%3Cscript%3E&email=ada").await.body;
    assert!(
        unknown.contains("<html lang=\"en\"") && !unknown.contains("<script>"),
        "{unknown}"
    );
}

#[tokio::test]
async fn a_client_that_says_how_much_and_never_sends_it_is_let_go() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let site = Site::start().await;
    let mut slow = tokio::net::TcpStream::connect(site.address).await.unwrap();
    let head =
        format!("POST /register HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM}\r\nContent-Length: 30\r\n\r\nemail=");
    slow.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(40), slow.read_buf(&mut answer)).await;
    assert!(read.is_ok(), "it waits for ever");
    let told = String::from_utf8_lossy(&answer);
    assert!(
        told.starts_with("HTTP/1.1 408 ") && !told.contains("aria-invalid"),
        "{told}"
    );
    // What comes of the body now is not taken for a request of its own.
    let _ = slow.write_all(b"GET /metrics HTTP/1.1\r\n\r\n").await;
    let mut more = Vec::new();
    let closed = tokio::time::timeout(Duration::from_secs(10), slow.read_to_end(&mut more)).await;
    assert!(closed.is_ok(), "it stays open");
    let answer = [answer, more].concat();
    let answer = String::from_utf8_lossy(&answer);
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
}

#[tokio::test]
async fn a_body_over_8_kb_is_refused() {
    let site = Site::start().await;
    for content_type in [FORM, JSON] {
        let answer = site.post(content_type, vec![b'a'; 8 * 1024 + 1]).await;
        assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE, "{content_type}");
    }
}

#[tokio::test]
async fn while_dynamodb_fails_nobody_is_told_to_be_in() {
    let site = Site::start().await;
    for mood in [Mood::Broken, Mood::Throttling] {
        site.table.set(mood);
        for (content_type, body) in [
            (FORM, "email=ada%40example.com"),
            (JSON, r#"{"email":"ada@example.com"}"#),
        ] {
            let answer = site.post(content_type, body).await;
            assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
            assert!(answer.header("retry-after").parse::<u32>().is_ok());
            assert!(!answer.body.contains(":\"registered\"") && !answer.body.contains("<title>You are in"));
        }
    }
    assert_eq!(site.get("/").await.status, StatusCode::OK, "the page needs no table");
    assert_eq!(
        site.get("/health").await.status,
        StatusCode::OK,
        "an outage of the table takes no instance out"
    );

    site.table.set(Mood::Well);
    assert_eq!(site.post(FORM, "email=ada%40example.com").await.status, StatusCode::OK);
}

#[tokio::test]
async fn beyond_the_bound_people_are_turned_away_at_once_and_the_others_are_served() {
    let site = Site::start_with(&[("MAX_IN_FLIGHT", "1")]).await;
    site.table.set(Mood::Slow(Duration::from_millis(1200)));
    let first = async {
        let answer = site.post(FORM, "email=ada%40example.com").await;
        (answer, Instant::now())
    };
    let second = async {
        site.table.wait_for_a_put().await;
        let answer = site.post(FORM, "email=eve%40example.com").await;
        (answer, Instant::now())
    };
    let ((first, served), (second, turned_away)) = tokio::join!(first, second);
    assert_eq!(first.status, StatusCode::OK);
    assert_eq!(second.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(second.header("retry-after"), "2");
    assert!(turned_away < served, "it waited for the table");
    assert_eq!(site.table.addresses(), ["ada@example.com"]);
}

#[tokio::test]
async fn everybody_gets_a_ticket_of_their_own_and_the_same_one_again() {
    let site = Site::start().await;
    let mut tickets = std::collections::BTreeSet::new();
    for person in 0..20 {
        let body = format!(r#"{{"email":"p{person}@example.com"}}"#);
        let told: serde_json::Value = serde_json::from_str(&site.post(JSON, body.clone()).await.body).unwrap();
        let ticket = told["ticket"].as_str().unwrap().to_owned();
        assert!(
            ticket.len() == 32 && ticket.bytes().all(|digit| digit.is_ascii_hexdigit()),
            "{ticket}"
        );
        // By the form, where a browser has no scripts, too.
        let again = site.post(FORM, format!("email=P{person}%40example.com")).await.body;
        assert!(
            again.contains(&format!("<code id=\"ticket\" dir=\"ltr\">{ticket}</code>")),
            "{again}"
        );
        tickets.insert(ticket);
    }
    assert_eq!((tickets.len(), site.table.puts().len()), (20, 40), "one request each");
    // Nothing of an address is in it.
    let other = Site::start().await;
    let told = other.post(JSON, r#"{"email":"p0@example.com"}"#).await.body;
    assert!(!tickets.iter().any(|ticket| told.contains(ticket)));
}

#[tokio::test]
async fn who_was_in_before_there_were_tickets_is_in_and_has_none_yet() {
    let site = Site::start().await;
    site.table.put_without_ticket("ada@example.com");
    let answer = site.post(JSON, r#"{"email":"ada@example.com"}"#).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    assert_eq!(answer.body, r#"{"status":"registered","ticket":null}"#);
    assert_eq!(site.post(FORM, "email=ada%40example.com").await.status, StatusCode::OK);
}

#[tokio::test]
async fn after_closing_nobody_is_taken_and_nobody_gets_a_ticket() {
    let site = Site::start_with(&[("REGISTRATION_CLOSES_AT", "2020-01-01T00:00:00Z")]).await;
    site.table.put_without_ticket("ada@example.com");
    let page = site.get("/de").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(
        page.body.contains("Die Anmeldung ist geschlossen") && !page.body.contains("<form"),
        "{}",
        page.body
    );
    assert!(page.header("cache-control").contains("s-maxage=10") && !page.header("etag").is_empty());
    for email in ["ada", "eve"] {
        let answer = site.post(JSON, format!(r#"{{"email":"{email}@example.com"}}"#)).await;
        assert_eq!(answer.status, StatusCode::GONE);
        assert!(
            answer.body.contains(r#""status":"closed""#) && !answer.body.contains("ticket"),
            "{}",
            answer.body
        );
        let answer = site.post(FORM, format!("lang=fr&email={email}%40example.com")).await;
        assert_eq!(
            (answer.status, answer.header("cache-control")),
            (StatusCode::GONE, "no-store")
        );
        assert!(answer.body.contains("Les inscriptions sont closes"), "{}", answer.body);
    }
    assert!(site.table.puts().is_empty(), "the table was asked");
    assert!(
        site.get("/metrics")
            .await
            .body
            .contains("confapp_registrations_total{outcome=\"closed\"} 4")
    );
}

#[tokio::test]
async fn until_it_closes_the_page_says_when() {
    let site = Site::start_with(&[("REGISTRATION_CLOSES_AT", "2999-12-10T18:30:00Z")]).await;
    let page = site.get("/").await.body;
    assert!(page.contains("<time datetime=\"2999-12-10T18:30:00Z\""), "{page}");
    assert_eq!(site.post(FORM, "email=ada%40example.com").await.status, StatusCode::OK);
}

#[tokio::test]
async fn once_the_event_is_on_no_made_up_address_is_taken() {
    let made_up = r#"{"email":"p1@x.load.confctl.invalid"}"#;
    let during = Site::start_with(&[("CONFCTL_TEST_UNTIL", "2020-01-01T00:00:00Z")]).await;
    assert_eq!(during.post(JSON, made_up).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(
        during.post(JSON, r#"{"email":"ada@example.com"}"#).await.status,
        StatusCode::CREATED
    );
    let before = Site::start_with(&[("CONFCTL_TEST_UNTIL", "2999-01-01T00:00:00Z")]).await;
    assert_eq!(before.post(JSON, made_up).await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn after_the_draw_the_page_is_that_of_the_winning_tickets() {
    let winners = "00112233445566778899aabbccddeeff,ffeeddccbbaa99887766554433221100";
    let record = ("DRAW_RECORD", "https://example.com/record.json");
    let site = Site::start_with(&[("DRAW_WINNERS", winners), record]).await;
    let page = site.get("/").await.body;
    for ticket in winners.split(',') {
        assert!(page.contains(&format!("<li><code>{ticket}</code></li>")), "{page}");
    }
    assert!(page.contains(record.1) && !page.contains("<form"));
    assert_eq!(
        site.post(FORM, "email=ada%40example.com").await.status,
        StatusCode::GONE
    );
}

#[tokio::test]
async fn another_method_or_path_is_refused_with_the_way_back() {
    let site = Site::start().await;
    let reloaded = site.get("/register").await;
    assert_eq!(
        (reloaded.status, reloaded.header("allow")),
        (StatusCode::METHOD_NOT_ALLOWED, "POST")
    );
    assert!(reloaded.body.contains("href=\"/en\""));
    assert_eq!(
        site.send(Method::DELETE, "/", &[], "").await.status,
        StatusCode::METHOD_NOT_ALLOWED
    );
    let lost = site.get("/wp-login.php").await;
    assert_eq!(
        (lost.status, lost.header("cache-control")),
        (StatusCode::NOT_FOUND, "no-store")
    );
}
