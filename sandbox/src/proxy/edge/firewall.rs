//! A web ACL at work: the rules of AWS's managed groups that forms and probes run into, and rate-based rules.
//! Must know nothing of caching. Source: WAF guide, aws-managed-rule-groups-baseline.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::Mutex;

use axum::body::Body;
use axum::extract::Request;
use http::{HeaderMap, header};

use super::body::{Read, read_up_to};
use super::exchange::{Exchange, Firewall};
use crate::world::web_acls::{Rule, Statement};

/// Bytes of a body that AWSManagedRulesCommonRuleSet lets through.
const LARGEST_BODY: usize = 8_192;

/// Seconds that requests are counted together; WAF looks about every 10 s.
const BUCKET: f64 = 10.0;

/// Addresses whose requests are remembered; the rest starts anew.
const MOST_ADDRESSES: usize = 10_000;

/// A request that a rule blocks.
pub(super) struct Blocked;

/// Counts of requests by rule and address, in buckets of sandbox time.
#[derive(Default)]
pub(super) struct Rates(Mutex<HashMap<(String, String), VecDeque<(i64, u64)>>>);

impl Rates {
    /// Counts a request and says how many there were in the window.
    fn count(&self, rule: &str, address: &str, window: u32, now: f64) -> u64 {
        let bucket = (now / BUCKET) as i64;
        let oldest = bucket - i64::from(window) / BUCKET as i64;
        let mut rates = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let key = (rule.to_owned(), address.to_owned());
        if rates.len() >= MOST_ADDRESSES && !rates.contains_key(&key) {
            rates.retain(|_, buckets| buckets.back().is_some_and(|(newest, _)| *newest > oldest));
        }
        let buckets = rates.entry(key).or_default();
        buckets.retain(|(when, _)| *when > oldest);
        match buckets.back_mut() {
            Some((when, count)) if *when == bucket => *count += 1,
            _ => buckets.push_back((bucket, 1)),
        }
        buckets.iter().map(|(_, count)| count).sum()
    }
}

/// Lets the request through or blocks it. The rules' order matters not: what passes one is still seen by the next, and none allows.
///
/// # Errors
/// [`Blocked`] if a rule or the default action blocks it.
pub(super) async fn inspect(
    rates: &Rates,
    exchange: &Exchange,
    now: f64,
    request: Request,
) -> Result<Request, Blocked> {
    let Some(firewall) = &exchange.firewall else {
        return Ok(request);
    };
    let mut request = request;
    for rule in firewall.rules.iter().filter(|rule| !rule.counts) {
        request = apply(rates, firewall, rule, exchange.viewer, now, request).await?;
    }
    if firewall.allows { Ok(request) } else { Err(Blocked) }
}

async fn apply(
    rates: &Rates,
    firewall: &Firewall,
    rule: &Rule,
    viewer: IpAddr,
    now: f64,
    request: Request,
) -> Result<Request, Blocked> {
    match &rule.statement {
        Statement::Managed { group, counted } if group == "AWSManagedRulesCommonRuleSet" => {
            let blocks = |name: &str| !counted.iter().any(|one| one == name);
            if common_rules(&request).into_iter().any(blocks) {
                return Err(Blocked);
            }
            if blocks("SizeRestrictions_BODY") {
                check_body(request).await
            } else {
                Ok(request)
            }
        }
        // The other groups look for attacks that no test sends: known bad inputs, bad addresses.
        Statement::Managed { .. } => Ok(request),
        Statement::Rate {
            limit,
            window,
            forwarded_in,
        } => {
            let address = match forwarded_in {
                Some(name) => forwarded(request.headers(), name),
                None => Some(viewer.to_string()),
            };
            let Some(address) = address else { return Ok(request) };
            let name = format!("{} {}", firewall.arn, rule.name);
            if rates.count(&name, &address, *window, now) > *limit {
                Err(Blocked)
            } else {
                Ok(request)
            }
        }
    }
}

/// The names of the common rule set's rules that the request's head runs into.
fn common_rules(request: &Request) -> Vec<&'static str> {
    let headers = request.headers();
    let length = |name| headers.get_all(name).iter().map(http::HeaderValue::len).sum::<usize>();
    let agent = headers
        .get(header::USER_AGENT)
        .map(|agent| String::from_utf8_lossy(agent.as_bytes()).to_ascii_lowercase());
    let mut hit = Vec::new();
    let mut look = |name, found: bool| {
        if found {
            hit.push(name);
        }
    };
    look("NoUserAgent_HEADER", agent.as_deref().is_none_or(str::is_empty));
    look(
        "UserAgent_BadBots_HEADER",
        agent.is_some_and(|agent| ["nessus", "nmap"].iter().any(|bot| agent.contains(bot))),
    );
    look(
        "SizeRestrictions_QUERYSTRING",
        request.uri().query().unwrap_or_default().len() > 2_048,
    );
    look("SizeRestrictions_Cookie_HEADER", length(header::COOKIE) > 10_240);
    look("SizeRestrictions_URIPATH", request.uri().path().len() > 1_024);
    hit
}

/// Blocks larger bodies; one of unknown length is read as far as is needed to know.
async fn check_body(request: Request) -> Result<Request, Blocked> {
    let (parts, body) = request.into_parts();
    let length = parts
        .headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    let body = match length {
        Some(length) if length > LARGEST_BODY => return Err(Blocked),
        Some(_) => body,
        None => match read_up_to(body, LARGEST_BODY).await {
            Ok(Read::All(bytes)) => Body::from(bytes),
            Ok(Read::Longer(_)) | Err(_) => return Err(Blocked),
        },
    };
    Ok(Request::from_parts(parts, body))
}

fn forwarded(headers: &HeaderMap, name: &str) -> Option<String> {
    let list = headers.get(name)?.to_str().ok()?;
    list.split(',').next().map(|first| first.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_without_user_agent_runs_into_the_common_rule_set() {
        let bare = Request::builder().uri("/").body(Body::empty()).unwrap();
        assert_eq!(common_rules(&bare), ["NoUserAgent_HEADER"]);
        let long = Request::builder()
            .uri(format!("/?q={}", "a".repeat(2_050)))
            .header("user-agent", "curl/8")
            .body(Body::empty())
            .unwrap();
        assert_eq!(common_rules(&long), ["SizeRestrictions_QUERYSTRING"]);
    }

    #[tokio::test]
    async fn bodies_over_eight_kilobytes_are_blocked_with_and_without_a_length() {
        let request = |length: usize| {
            let chunks = vec![Ok::<_, std::io::Error>(bytes::Bytes::from(vec![b'a'; length]))];
            Request::new(Body::from_stream(futures_util::stream::iter(chunks)))
        };
        assert!(check_body(request(8_192)).await.is_ok());
        assert!(check_body(request(8_193)).await.is_err());
        let mut declared = Request::new(Body::empty());
        declared.headers_mut().insert(header::CONTENT_LENGTH, 8_193.into());
        assert!(check_body(declared).await.is_err());
    }

    #[test]
    fn a_rate_counts_one_address_within_its_window() {
        let rates = Rates::default();
        for _ in 0..5 {
            rates.count("rule", "192.0.2.1", 60, 1_000.0);
        }
        assert_eq!(rates.count("rule", "192.0.2.1", 60, 1_030.0), 6);
        assert_eq!(rates.count("rule", "192.0.2.2", 60, 1_030.0), 1);
        assert_eq!(rates.count("rule", "192.0.2.1", 60, 1_065.0), 2);
    }
}
