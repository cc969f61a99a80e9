//! A stand-in for the part of GitHub's API that keeps comments of an issue: pages of them, one that is made, one that is changed.
//! Source: docs.github.com, REST API endpoints for issue comments. It refuses what GitHub refuses: another token, a long body.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::{Value, json};

pub const REPOSITORY: &str = "octo-org/site";
pub const TOKEN: &str = "ghs_0123456789";
/// 422 "Body is too long" beyond it.
const LONGEST_BODY: usize = 65_536;

/// The comments, as long as it is kept.
pub struct GitHub {
    pub port: u16,
    comments: Comments,
}

type Comments = Arc<Mutex<Vec<String>>>;

impl GitHub {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let comments = Comments::default();
        let kept = comments.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                // A caller that was cancelled is gone.
                let _ = answer(stream, &kept);
            }
        });
        Self { port, comments }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<String>> {
        self.comments.lock().unwrap()
    }

    /// Somebody else comments.
    pub fn says(&self, body: &str) {
        self.lock().push(body.to_owned());
    }

    pub fn comments(&self) -> usize {
        self.lock().len()
    }

    /// The one comment whose first line is this marker.
    #[track_caller]
    pub fn only_comment_of(&self, marker: &str) -> String {
        let marker = format!("<!-- {marker} -->\n");
        let comments = self.lock();
        let found: Vec<_> = comments.iter().filter(|body| body.starts_with(&marker)).collect();
        assert_eq!(found.len(), 1, "{found:#?}");
        found[0].clone()
    }
}

fn answer(stream: TcpStream, comments: &Comments) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        if line.trim().is_empty() {
            break;
        }
        lines.push(line.trim().to_owned());
    }
    let header = |wanted: &str| {
        let mut headers = lines.iter().filter_map(|line| line.split_once(": "));
        headers
            .find(|(name, _)| name.eq_ignore_ascii_case(wanted))
            .map(|(_, value)| value.to_owned())
    };
    let length = header("content-length")
        .and_then(|length| length.parse().ok())
        .unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let mut request = lines.first().map(String::as_str).unwrap_or_default().split(' ');
    let (method, path) = (request.next().unwrap_or_default(), request.next().unwrap_or_default());
    let may = header("authorization").is_some_and(|given| given == format!("Bearer {TOKEN}"));
    let (status, value) = match may {
        true => judged(method, path, &body, &mut comments.lock().unwrap()),
        false => (403, json!({"message": "Resource not accessible by integration"})),
    };
    let text = value.to_string();
    let head = format!(
        "HTTP/1.1 {status} .\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        text.len()
    );
    reader.get_mut().write_all((head + &text).as_bytes())
}

fn judged(method: &str, path: &str, body: &[u8], comments: &mut Vec<String>) -> (u16, Value) {
    let of_issue = format!("/repos/{REPOSITORY}/issues/7/comments");
    let one = format!("/repos/{REPOSITORY}/issues/comments/");
    let text = || {
        serde_json::from_slice::<Value>(body).ok()?["body"]
            .as_str()
            .map(str::to_owned)
    };
    let too_long = |body: &str| body.chars().count() > LONGEST_BODY;
    match (method, path.split_once('?').unwrap_or((path, ""))) {
        ("GET", (path, query)) if path == of_issue => {
            let number = |name: &str| {
                let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
                pairs
                    .find(|(key, _)| *key == name)
                    .and_then(|(_, value)| value.parse::<usize>().ok())
            };
            let (page, size) = (number("page").unwrap_or(1), number("per_page").unwrap_or(30).min(100));
            let all = comments
                .iter()
                .enumerate()
                .map(|(id, body)| json!({"id": id, "body": body}));
            (200, all.skip((page - 1) * size).take(size).collect())
        }
        ("POST" | "PATCH", _) if text().is_none_or(|body| too_long(&body)) => {
            (422, json!({"message": "Validation Failed: Body is too long"}))
        }
        ("POST", (path, _)) if path == of_issue => {
            comments.extend(text());
            (201, json!({"id": comments.len() - 1}))
        }
        ("PATCH", (path, _)) => {
            let id: Option<usize> = path.strip_prefix(&one).and_then(|id| id.parse().ok());
            match id.and_then(|id| comments.get_mut(id)) {
                Some(comment) => {
                    *comment = text().unwrap_or_default();
                    (200, json!({"id": id}))
                }
                None => (404, json!({"message": "Not Found"})),
            }
        }
        _ => (404, json!({"message": "Not Found"})),
    }
}
