//! Whether a load balancer of the stack's own can be had past the edge: what somebody would try who knows its address, and who has read
//! how it is locked. Must know nothing of AWS: it asks as any visitor does.

use std::time::Duration;

use futures_util::future::join_all;
use reqwest::StatusCode;
use reqwest::header::{HOST, HeaderMap, HeaderName, HeaderValue};

use super::verify::unverified;
use crate::engine::{Error, Hint};
use crate::resources::ORIGIN_HEADER;
use crate::resources::outputs::ENVIRONMENT;
use crate::session::{Look, Session};
use crate::site_client;

/// How long nobody may answer until nobody does: a security group drops what it does not let in.
const SILENCE: Duration = Duration::from_secs(5);

/// One way past the edge.
pub(super) struct Try {
    /// `at the load balancer's address`
    what: String,
    url: String,
    headers: HeaderMap,
}

/// A place to try: what it is called, its URL, and the host that is asked for there, where that is another.
type Place = (&'static str, String, Option<String>);

/// Headers by which somebody may hope to be taken for the edge.
const GUISES: &[(&str, &[(&str, &str)])] = &[
    ("", &[]),
    ("with an empty secret", &[(ORIGIN_HEADER, "")]),
    ("with a wildcard for a secret", &[(ORIGIN_HEADER, "*")]),
    (
        "with a made-up secret",
        &[(ORIGIN_HEADER, "000100000000000000000000000000000000")],
    ),
    (
        "as if it came from the edge",
        &[
            ("x-forwarded-for", "130.176.0.1"),
            ("x-forwarded-host", "www.example.com"),
            ("x-forwarded-proto", "https"),
            ("via", "1.1 0123456789abcdef (CloudFront)"),
            ("x-amz-cf-id", "0123456789abcdef"),
        ],
    ),
];

/// What is tried: both public names of the load balancer, and the environment's own name, by which Beanstalk's rule goes, at the other;
/// over TLS the same, and the site's own name, for which it has a certificate.
pub(super) fn tries(session: &Session, look: &Look) -> Vec<Try> {
    let values = session.values(look);
    let Some(environment) = values.get(&ENVIRONMENT) else {
        return Vec::new();
    };
    let public = &session.read.public;
    let by_name = public.origin(&environment.cname);
    let host = by_name.split_once("://").map_or("", |(_, host)| host).to_owned();
    let balancer = environment.load_balancer.map(|name| public.origin(&name));
    let mut places: Vec<Place> = vec![("at the environment's name", by_name, None)];
    if let Some(balancer) = balancer {
        places.push(("at the load balancer's name", balancer.clone(), None));
        places.push((
            "at the load balancer, asked by the environment's name",
            balancer,
            Some(host),
        ));
    }
    if let Some(site) = session.stack.profile.site_names().first() {
        places.extend(over_tls(&places, site));
    }
    let all = places.iter().flat_map(|(place, url, host)| {
        GUISES.iter().map(move |(guise, sent)| Try {
            what: told(place, guise, url),
            url: url.clone(),
            headers: headers(host.as_deref(), sent),
        })
    });
    all.collect()
}

/// The same places, and the load balancer's asked for the site.
fn over_tls(places: &[Place], site: &str) -> Vec<Place> {
    let by_tls = |url: &str| url.replacen("http://", "https://", 1);
    let mut all: Vec<Place> = places
        .iter()
        .map(|(place, url, host)| (*place, by_tls(url), host.clone()))
        .collect();
    if let Some((_, balancer, _)) = places.get(1) {
        all.push((
            "at the load balancer, asked by the site's own name",
            by_tls(balancer),
            Some(site.to_owned()),
        ));
    }
    all
}

fn headers(host: Option<&str>, sent: &[(&'static str, &'static str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in sent {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    if let Some(host) = host.and_then(|host| HeaderValue::from_str(host).ok()) {
        headers.insert(HOST, host);
    }
    headers
}

fn told(place: &str, guise: &str, url: &str) -> String {
    let by = if url.starts_with("https://") { "over TLS" } else { "" };
    let words = [by, place, guise].into_iter().filter(|words| !words.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

/// Makes all tries at once.
///
/// # Errors
/// The first that is answered by anything but a refusal.
pub(super) async fn closed(session: &Session, tries: &[Try]) -> Result<(), Error> {
    let public = &session.read.public;
    let names = public.name_server.as_ref().map(|server| server.0.clone());
    let client = site_client::client_of_any_name(&public.origin("localhost"), names);
    let client = &client.map_err(|error| Error::failed("could not start an HTTP client").caused_by(error))?;
    let asked = tries.iter().map(|one| async move {
        let asked = client.get(&one.url).headers(one.headers.clone()).timeout(SILENCE);
        // Who is not answered has not got in.
        let answer = asked.send().await.ok()?;
        (answer.status() != StatusCode::FORBIDDEN).then(|| (one, answer.status()))
    });
    let answers = tokio::select! {
        answers = join_all(asked) => answers,
        () = session.settings.stop.cancelled() => return Err(Error::stopped()),
    };
    match answers.into_iter().flatten().next() {
        None => Ok(()),
        Some((open, status)) => Err(unverified(format!(
            "the load balancer answers {status} to who comes past CloudFront, {}",
            open.what
        ))
        .because("it should refuse everybody but CloudFront, or not answer")
        .hint(Hint::run("plan").and(" shows what of its rules and of its security group was changed"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn over_tls_the_same_places_are_tried_and_the_load_balancer_by_the_sites_name() {
        let places: Vec<Place> = vec![
            ("at the environment's name", "http://e.example".to_owned(), None),
            ("at the load balancer's name", "http://b.example".to_owned(), None),
        ];
        let all = over_tls(&places, "events.example.org");
        let urls: Vec<_> = all
            .iter()
            .map(|(_, url, host)| (url.as_str(), host.as_deref()))
            .collect();
        assert_eq!(
            urls,
            [
                ("https://e.example", None),
                ("https://b.example", None),
                ("https://b.example", Some("events.example.org"))
            ]
        );
        assert_eq!(
            told(all[2].0, "with an empty secret", &all[2].1),
            "over TLS at the load balancer, asked by the site's own name with an empty secret"
        );
    }

    #[test]
    fn every_guise_can_be_sent_under_another_host() {
        for (guise, sent) in GUISES {
            assert_eq!(headers(Some("a.example"), sent).len(), sent.len() + 1, "{guise}");
        }
    }
}
