//! The rules of AWS's managed groups that are looked for: sizes, a missing user agent and bad bots of the common rule set.
//! Must know nothing of actions. Source: WAF guide, aws-managed-rule-groups-baseline.

use axum::body::{Body, HttpBody};
use http::request::Parts;
use http::{HeaderValue, header};

use crate::proxy::edge::body::{Read, read_up_to};

/// Bytes of a body that AWSManagedRulesCommonRuleSet lets through.
const LARGEST_BODY: usize = 8_192;

/// User agents of scanners.
const BAD_BOTS: &[&str] = &["nessus", "nmap"];

/// The names of the group's rules that the request runs into. A body is read as far as is needed to know.
pub(super) async fn hits(group: &str, parts: &Parts, body: &mut Body) -> Vec<&'static str> {
    if group != "AWSManagedRulesCommonRuleSet" {
        return Vec::new();
    }
    let mut hit = of_head(parts);
    if is_large(parts, body).await {
        hit.push("SizeRestrictions_BODY");
    }
    hit
}

fn of_head(parts: &Parts) -> Vec<&'static str> {
    let length = |name| parts.headers.get_all(name).iter().map(HeaderValue::len).sum::<usize>();
    let agent = parts.headers.get(header::USER_AGENT);
    let agent = agent.map(|agent| String::from_utf8_lossy(agent.as_bytes()).to_ascii_lowercase());
    let is_bot = |agent: &str| BAD_BOTS.iter().any(|bot| agent.contains(bot));
    let found = [
        ("NoUserAgent_HEADER", agent.as_deref().is_none_or(str::is_empty)),
        ("UserAgent_BadBots_HEADER", agent.as_deref().is_some_and(is_bot)),
        (
            "SizeRestrictions_QUERYSTRING",
            parts.uri.query().unwrap_or_default().len() > 2_048,
        ),
        ("SizeRestrictions_Cookie_HEADER", length(header::COOKIE) > 10_240),
        ("SizeRestrictions_URIPATH", parts.uri.path().len() > 1_024),
    ];
    found
        .into_iter()
        .filter(|(_, found)| *found)
        .map(|(name, _)| name)
        .collect()
}

async fn is_large(parts: &Parts, body: &mut Body) -> bool {
    let length = parts.headers.get(header::CONTENT_LENGTH);
    if let Some(length) = length.and_then(|length| length.to_str().ok()?.parse::<usize>().ok()) {
        return length > LARGEST_BODY;
    }
    if body.is_end_stream() {
        return false;
    }
    match read_up_to(std::mem::take(body), LARGEST_BODY).await {
        Ok(Read::All(bytes)) => {
            *body = Body::from(bytes);
            false
        }
        Ok(Read::Longer(whole)) => {
            *body = whole;
            true
        }
        // The viewer broke off: whatever is decided, nobody hears it.
        Err(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::extract::Request;

    fn parts(uri: String, agent: Option<&'static str>) -> Parts {
        let mut request = Request::builder().uri(uri);
        if let Some(agent) = agent {
            request = request.header("user-agent", agent);
        }
        request.body(Body::empty()).unwrap().into_parts().0
    }

    #[test]
    fn the_common_rule_set_sees_agents_and_sizes() {
        assert_eq!(of_head(&parts("/".to_owned(), None)), ["NoUserAgent_HEADER"]);
        assert_eq!(
            of_head(&parts("/".to_owned(), Some("Nmap Scripting"))),
            ["UserAgent_BadBots_HEADER"]
        );
        let long = format!("/?q={}", "a".repeat(2_050));
        assert_eq!(of_head(&parts(long, Some("curl/8"))), ["SizeRestrictions_QUERYSTRING"]);
        let deep = format!("/{}", "a".repeat(1_024));
        assert_eq!(of_head(&parts(deep, Some("curl/8"))), ["SizeRestrictions_URIPATH"]);
    }

    #[tokio::test]
    async fn a_body_over_eight_kilobytes_is_seen_with_and_without_a_length() {
        let head = parts("/".to_owned(), Some("curl/8"));
        let chunked = |length: usize| {
            let chunks = vec![Ok::<_, std::io::Error>(bytes::Bytes::from(vec![b'a'; length]))];
            Body::from_stream(futures_util::stream::iter(chunks))
        };
        assert!(!is_large(&head, &mut chunked(8_192)).await);
        let mut large = chunked(8_193);
        assert!(is_large(&head, &mut large).await);
        let whole = axum::body::to_bytes(large, 10_000).await.unwrap();
        assert_eq!(
            whole.len(),
            8_193,
            "what was read is passed on where the rule only counts"
        );
        let mut declared = head;
        declared.headers.insert(header::CONTENT_LENGTH, 8_193.into());
        assert!(is_large(&declared, &mut Body::empty()).await);
    }
}
