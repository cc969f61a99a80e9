//! Start and end of the process, and what it writes in between.

use std::time::{Duration, Instant};

use axum::http::StatusCode;
use rustix::process::{Resource, Rlimit, Signal, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::Command;

use crate::site::{FORM, Site, command, free_port};
use crate::table::Mood;

#[tokio::test]
async fn a_port_that_is_none_is_said_and_nothing_starts() {
    let output = command("http").output().await.unwrap();
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(
        error.contains("PORT") && error.contains("http") && error.contains("65535"),
        "{error}"
    );
}

#[tokio::test]
async fn a_port_in_use_is_said_too() {
    let site = Site::start().await;
    let output = command(&site.address.port().to_string()).output().await.unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot listen on port"));
}

#[tokio::test]
async fn after_sigterm_an_accepted_registration_is_still_answered() {
    let mut site = Site::start().await;
    site.table.set(Mood::Slow(Duration::from_millis(1200)));
    let idle = TcpStream::connect(site.address).await.unwrap();
    let ending = async {
        site.table.wait_for_a_put().await;
        site.terminate();
        let began = Instant::now();
        while TcpStream::connect(site.address).await.is_ok() {
            assert!(began.elapsed() < Duration::from_secs(5), "it still takes connections");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Instant::now()
    };
    let accepted = async {
        let answer = site.post(FORM, "email=ada%40example.com").await;
        (answer, Instant::now())
    };
    let ((answer, answered), closed) = tokio::join!(accepted, ending);
    assert!(closed < answered, "it took connections until it ended");
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(site.table.addresses(), ["ada@example.com"]);
    let ended = tokio::time::timeout(Duration::from_secs(5), site.process.wait()).await;
    assert_eq!(ended.expect("an idle connection holds it up").unwrap().code(), Some(0));
    drop(idle);
}

#[tokio::test]
async fn a_connection_that_rested_goes_on_where_it_was() {
    let site = Site::start().await;
    let mut client = TcpStream::connect(site.address).await.unwrap();
    let body = "email=ada%40example.com";
    let request = format!(
        "POST /register HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    for pause in [0, 20, 600, 600, 0] {
        tokio::time::sleep(Duration::from_millis(pause)).await;
        client.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"</html>\n") {
            assert_ne!(
                client.read_buf(&mut answer).await.unwrap(),
                0,
                "closed after {pause} ms"
            );
        }
        let answer = String::from_utf8_lossy(&answer).to_lowercase();
        assert!(
            answer.starts_with("http/1.1 200 ok") && !answer.contains("connection: close"),
            "{answer}"
        );
    }
    // Half a head does not rest: it is waited for, and then served.
    let (first, second) = request.split_at(30);
    client.write_all(first.as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(600)).await;
    client.write_all(second.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    client.read_buf(&mut answer).await.unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200 OK"));
}

#[tokio::test]
async fn a_head_that_never_ends_is_not_waited_for() {
    let site = Site::start().await;
    let mut slow = TcpStream::connect(site.address).await.unwrap();
    slow.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n").await.unwrap();
    let mut answer = Vec::new();
    let closed = tokio::time::timeout(Duration::from_secs(40), slow.read_to_end(&mut answer)).await;
    assert!(closed.is_ok(), "it waits for ever");
}

#[tokio::test]
async fn draining_has_an_end() {
    let mut site = Site::start_with(&[("DRAIN_SECONDS", "1")]).await;
    let mut stalled = TcpStream::connect(site.address).await.unwrap();
    let head =
        format!("POST /register HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM}\r\nContent-Length: 30\r\n\r\nemail=");
    stalled.write_all(head.as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    site.terminate();
    let ended = tokio::time::timeout(Duration::from_secs(4), site.process.wait()).await;
    assert_eq!(ended.expect("it waits for ever").unwrap().code(), Some(0));
}

#[tokio::test]
async fn the_log_is_json_and_holds_no_address() {
    let mut site = Site::start_with(&[("LOG_LEVEL", "trace")]).await;
    site.post(FORM, "email=ada%40example.com").await;
    site.table.set(Mood::Broken);
    site.post(FORM, "email=eve%40example.com").await;
    site.terminate();
    let mut log = String::new();
    site.process
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut log)
        .await
        .unwrap();
    assert!(log.contains("InternalServerError"), "the failure is not in {log}");
    assert!(
        !log.contains("example.com") && !log.contains("ada"),
        "an address is in {log}"
    );
    for line in log.lines() {
        assert!(serde_json::from_str::<serde_json::Value>(line).is_ok(), "{line}");
    }
}

/// What had come before the signal is in the kernel: on a connection that was used, on a new one, in the queue of those that
/// wait to be accepted. All of it is answered.
#[tokio::test]
async fn what_was_sent_before_sigterm_is_answered_wherever_it_is() {
    let mut site = Site::start().await;
    let request = "POST /register HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 27\r\n\r\n\
                   {\"email\":\"ada@example.com\"}";
    let mut connections = Vec::new();
    for used in [false, true, true, true, false, false] {
        let mut connection = TcpStream::connect(site.address).await.unwrap();
        if used {
            connection.write_all(request.as_bytes()).await.unwrap();
            assert!(answer(&mut connection).await.starts_with("HTTP/1.1 201"));
        }
        connections.push(connection);
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    site.signal(Signal::STOP);
    for _ in 0..10 {
        connections.push(TcpStream::connect(site.address).await.unwrap());
    }
    for connection in &mut connections {
        connection.write_all(request.as_bytes()).await.unwrap();
    }
    site.terminate();
    site.signal(Signal::CONT);
    for (number, connection) in connections.iter_mut().enumerate() {
        let answer = answer(connection).await;
        assert!(answer.starts_with("HTTP/1.1 201"), "connection {number}: {answer:?}");
    }
    assert_eq!(site.process.wait().await.unwrap().code(), Some(0));
}

/// The answer to a request in JSON; empty where the connection was closed instead.
async fn answer(connection: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    while !answer.ends_with(b"\"}") {
        if matches!(connection.read_buf(&mut answer).await, Ok(0) | Err(_)) {
            break;
        }
    }
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn more_connections_than_systemd_s_soft_limit_of_files_are_no_trouble() {
    let port = free_port().await;
    let mut limited = Command::new("sh");
    limited
        .args(["-c", "ulimit -Sn 1024; exec \"$0\"", env!("CARGO_BIN_EXE_confapp")])
        .env_clear()
        .env("PORT", port.to_string())
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .stdout(std::process::Stdio::null())
        .kill_on_drop(true);
    let _process = limited.spawn().unwrap();
    let address = std::net::SocketAddr::from(([127, 0, 0, 1], port));
    let mut connections = Vec::new();
    while connections.is_empty() {
        tokio::time::sleep(Duration::from_millis(20)).await;
        connections.extend(TcpStream::connect(address).await);
    }
    allow_open_files();
    while connections.len() < 1100 {
        connections.push(TcpStream::connect(address).await.unwrap());
    }
    let last = connections.last_mut().unwrap();
    last.write_all(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    let mut answer = [0; 12];
    let read = tokio::time::timeout(Duration::from_secs(10), last.read_exact(&mut answer)).await;
    assert!(read.is_ok(), "the newest of 1,100 is not answered");
    assert_eq!(&answer, b"HTTP/1.1 200");
}

/// Of this process: the visitors' ends are its own.
fn allow_open_files() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, raised).unwrap();
}
