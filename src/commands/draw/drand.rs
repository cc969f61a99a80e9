//! A round of drand's beacon from its servers, over HTTP: the first that gives the very round that was asked for, well signed.
//! Must know nothing of draws.

use std::time::Duration;

use confctl_draw::beacon::{self, Beacon};

use crate::engine::{Error, Hint, Kind};
use crate::site_client::{self, chain};

/// How servers say that a round is not there yet: 404 (drand/drand handler/http/server.go), and 425 (drand/http-relay routes_handler.go).
const NOT_YET: [u16; 2] = [404, 425];

/// Each server is given so long.
///
/// # Errors
/// With what each of them said.
pub(super) async fn fetch(servers: &[&str], round: u64, patience: Duration) -> Result<Beacon, Error> {
    let mut said = Vec::new();
    for server in servers {
        let url = beacon::address(server, round);
        match ask(&url, patience).await {
            Ok(beacon) if beacon.round != round => said.push(format!("{server}: not the round that was asked for")),
            Ok(beacon) => match beacon.randomness() {
                Ok(_) => return Ok(beacon),
                Err(why) => said.push(format!("{server}: {why}")),
            },
            Err(why) => said.push(format!("{server}: {why}")),
        }
    }
    let mut error = Error::new(Kind::Unreachable, format!("none of drand's servers gave round {round}"));
    error.causes = said;
    let by_hand = format!(
        "where there is a network: curl -o round.json {}; then: ",
        beacon::address(beacon::SERVERS[0], round)
    );
    Err(error.hint(Hint::from(by_hand).and_run("draw --beacon round.json")))
}

async fn ask(url: &str, patience: Duration) -> Result<Beacon, String> {
    let answer = async {
        let client = site_client::client(url, None)?;
        client.get(url).timeout(patience).send().await
    };
    let answer = answer.await.map_err(|error| chain(&error))?;
    if NOT_YET.contains(&answer.status().as_u16()) {
        return Err(format!("the round is not there yet ({})", answer.status()));
    }
    let bytes = async { answer.error_for_status()?.bytes().await };
    let bytes = bytes.await.map_err(|error| chain(&error))?;
    Beacon::read(&bytes).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// Round 657413 of quicknet (randa-mu/python-drand-verify, README), and round 123 (noislabs/drand-verify).
    const ROUND: u64 = 657_413;
    const SIGNATURE: &str =
        "b713718a38ae728dfd477991af2822e08d2f305e47718cef9f7848ce4050e7be41076862b98fad56e91a6b85b89cd97b";
    const OF_ANOTHER: &str =
        "b75c69d0b72a5d906e854e808ba7e2accb1542ac355ae486d591aa9d43765482e26cd02df835d3546d23c4b13e0dfc92";

    /// Longer than any answer of a stand-in takes, but for the one that gives none.
    const PATIENCE: Duration = Duration::from_secs(20);

    fn round(round: u64, signature: &str) -> String {
        format!(r#"{{"round":{round},"signature":"{signature}"}}"#)
    }

    /// A server that gives one answer to whoever asks by the path of drand's first version, and 400 to others; where it has none, it
    /// only listens.
    async fn server(answer: Option<(u16, String)>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let mut silent = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                let Some((status, body)) = answer.clone() else {
                    silent.push(stream);
                    continue;
                };
                let mut request = vec![0; 4_096];
                let read = stream.read(&mut request).await.unwrap_or(0);
                let line = String::from_utf8_lossy(&request[..read]).into_owned();
                let asked = format!("GET /{}/public/{ROUND} HTTP/1.1\r\n", beacon::CHAIN);
                let status = if line.starts_with(&asked) { status } else { 400 };
                let answer = format!(
                    "HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                    body.len()
                );
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        format!("http://{address}")
    }

    /// Where nobody listens any more.
    async fn nobody() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    }

    async fn asked(servers: &[String], patience: Duration) -> Result<Beacon, Error> {
        let servers: Vec<&str> = servers.iter().map(String::as_str).collect();
        fetch(&servers, ROUND, patience).await
    }

    #[tokio::test]
    async fn the_first_server_that_has_the_round_and_nothing_else_decides() {
        let there = server(Some((200, round(ROUND, SIGNATURE)))).await;
        let others = [
            nobody().await,
            server(Some((500, "out of order".to_owned()))).await,
            server(Some((404, String::new()))).await,
            server(Some((425, String::new()))).await,
            // Another round, well signed; this one's number with another's signature; and what is no round at all.
            server(Some((200, round(123, OF_ANOTHER)))).await,
            server(Some((200, round(ROUND, OF_ANOTHER)))).await,
            server(Some((200, "<html>".to_owned()))).await,
        ];
        for other in others {
            let beacon = asked(&[other, there.clone()], PATIENCE).await.unwrap();
            assert_eq!((beacon.round, beacon.signature.as_str()), (ROUND, SIGNATURE));
        }
    }

    #[tokio::test]
    async fn a_server_that_says_nothing_is_given_up_for_the_next() {
        let silent = server(None).await;
        let there = server(Some((200, round(ROUND, SIGNATURE)))).await;
        let alone = asked(std::slice::from_ref(&silent), Duration::from_millis(50))
            .await
            .unwrap_err();
        assert_eq!(alone.kind, Kind::Unreachable);
        // Where the next answers within as short a time at all, which a busy machine decides.
        let mut patience = Duration::from_millis(50);
        while asked(&[silent.clone(), there.clone()], patience).await.is_err() {
            patience *= 2;
            assert!(patience < PATIENCE, "it was never given up");
        }
    }

    #[tokio::test]
    async fn where_none_has_it_each_ones_word_is_told_and_the_way_by_hand() {
        let servers = [
            nobody().await,
            server(Some((425, String::new()))).await,
            server(Some((200, round(ROUND, OF_ANOTHER)))).await,
            server(Some((200, round(123, OF_ANOTHER)))).await,
        ];
        let error = asked(&servers, PATIENCE).await.unwrap_err();
        assert_eq!(error.kind, Kind::Unreachable);
        let words = [
            "refused",
            "not there yet",
            "signature is not quicknet's",
            "not the round",
        ];
        assert_eq!(error.causes.len(), words.len());
        for ((cause, server), word) in error.causes.iter().zip(&servers).zip(words) {
            assert!(cause.starts_with(server.as_str()) && cause.contains(word), "{cause}");
        }
        let hint = error
            .hint
            .map(|hint| hint.shown(|commands| commands[0].words.join(" ")));
        assert!(hint.is_some_and(|hint| hint.contains("draw --beacon round.json")));
    }
}
