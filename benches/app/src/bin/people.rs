//! People at the site, in four ways: `rate` is an open model (they come whether or not the former ones were answered, and
//! their time counts from when they came), `burst` sends everybody's at one moment, `crowd` registers each of so many addresses once, `hold` keeps connections open.

use std::collections::BTreeMap;
use std::io::{Error, ErrorKind, Result, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until, timeout};

/// Nobody waits longer.
const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["rate", address, rate, seconds, connections] => {
            rate_of(address, number(rate)?, number(seconds)?, number(connections)?).await
        }
        ["crowd", address, host, people, connections, accepted] => {
            crowd(address, host, number(people)?, number(connections)?, accepted).await
        }
        ["burst", address, people] => burst(address, number(people)?).await,
        ["hold", address, connections] => hold(address, number(connections)?).await,
        _ => Err(Error::new(
            ErrorKind::InvalidInput,
            "people rate ADDRESS RATE SECONDS CONNECTIONS | burst ADDRESS PEOPLE | crowd ADDRESS HOST PEOPLE CONNECTIONS FILE | hold ADDRESS CONNECTIONS",
        )),
    }
}

fn number(text: &str) -> Result<u64> {
    text.parse()
        .map_err(|_| Error::new(ErrorKind::InvalidInput, format!("{text} is no number")))
}

fn registration(host: &str, address: &str) -> Vec<u8> {
    let body = format!("{{\"email\":\"{address}\"}}");
    let length = body.len();
    format!(
        "POST /register HTTP/1.1\r\nHost: {host}\r\nUser-Agent: people\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// One connection that answers come back on.
struct Visitor {
    stream: TcpStream,
    answer: Vec<u8>,
}

impl Visitor {
    async fn connect(address: &str) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            answer: Vec::with_capacity(2048),
        })
    }

    /// Sends a request and gives the status of its answer, read to its end.
    async fn ask(&mut self, request: &[u8]) -> Result<u16> {
        self.stream.write_all(request).await?;
        self.answer.clear();
        loop {
            if self.stream.read_buf(&mut self.answer).await? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            let Some(head) = find(&self.answer, b"\r\n\r\n") else {
                continue;
            };
            let text = String::from_utf8_lossy(&self.answer[..head]);
            let length = text
                .lines()
                .find_map(|line| {
                    line.to_ascii_lowercase()
                        .strip_prefix("content-length:")?
                        .trim()
                        .parse::<usize>()
                        .ok()
                })
                .unwrap_or(0);
            if self.answer.len() >= head + 4 + length {
                let status = text.split(' ').nth(1).and_then(|status| status.parse().ok());
                return status.ok_or_else(|| ErrorKind::InvalidData.into());
            }
        }
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

/// Times in microseconds, by status; 0 stands for no answer.
type Times = BTreeMap<u16, Vec<u64>>;

fn summary(name: &str, times: &mut Times, seconds: f64) {
    let mut out = std::io::stdout().lock();
    for (status, times) in times {
        times.sort_unstable();
        let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize] as f64 / 1000.0;
        let _ = writeln!(
            out,
            "{name} status={status} count={} per_second={:.0} p50_ms={:.2} p99_ms={:.2} max_ms={:.2}",
            times.len(),
            times.len() as f64 / seconds,
            at(0.5),
            at(0.99),
            at(1.0),
        );
    }
}

/// `rate` people a second for `seconds`. Whoever finds all connections busy waits for one, and that counts.
async fn rate_of(address: &str, rate: u64, seconds: u64, connections: u64) -> Result<()> {
    let (give, take) = queue();
    let (report, mut reports) = mpsc::unbounded_channel();
    for _ in 0..connections {
        let mut visitor = Visitor::connect(address).await?;
        let (take, report, address) = (take.clone(), report.clone(), address.to_owned());
        tokio::spawn(async move {
            let request = registration("site", "ada@example.com");
            let mut times = Times::new();
            while let Some(came) = take.next().await {
                let status = match timeout(PATIENCE, visitor.ask(&request)).await {
                    Ok(Ok(status)) => status,
                    _ => match Visitor::connect(&address).await {
                        Ok(again) => {
                            visitor = again;
                            0
                        }
                        Err(_) => 0,
                    },
                };
                times.entry(status).or_default().push(came.elapsed().as_micros() as u64);
            }
            let _ = report.send(times);
        });
    }
    drop((take, report));
    let started = Instant::now();
    let mut sent = 0;
    while sent < rate * seconds {
        // A timer ticks in milliseconds: each brings those who came since the last, with the time at which each came.
        let due = (started.elapsed().as_secs_f64() * rate as f64) as u64;
        while sent < due.min(rate * seconds) {
            let came = started + Duration::from_secs_f64(sent as f64 / rate as f64);
            let _ = give.send(came);
            sent += 1;
        }
        sleep(Duration::from_millis(1)).await;
    }
    drop(give);
    let mut all = Times::new();
    while let Some(times) = reports.recv().await {
        for (status, mut times) in times {
            all.entry(status).or_default().append(&mut times);
        }
    }
    summary("rate", &mut all, seconds as f64);
    Ok(())
}

/// Opens a connection for each of `people`, then sends all their registrations at once.
async fn burst(address: &str, people: u64) -> Result<()> {
    let request: Arc<[u8]> = registration("site", "ada@example.com").into();
    let mut visitors = Vec::new();
    for _ in 0..people {
        visitors.push(Visitor::connect(address).await?);
    }
    // The app has taken them by then.
    sleep(Duration::from_millis(500)).await;
    let began = Instant::now();
    let asking = visitors.into_iter().map(|mut visitor| {
        let request = request.clone();
        tokio::spawn(async move {
            let answer = timeout(PATIENCE, visitor.ask(&request)).await;
            let status = answer.ok().and_then(Result::ok).unwrap_or(0);
            (status, began.elapsed().as_micros() as u64)
        })
    });
    let asking: Vec<_> = asking.collect();
    let mut times = Times::new();
    for asked in asking {
        let (status, micros) = asked.await?;
        times.entry(status).or_default().push(micros);
    }
    let seconds = began.elapsed().as_secs_f64();
    summary("burst", &mut times, seconds);
    Ok(())
}

/// One queue for all connections.
#[derive(Clone)]
struct Take(Arc<tokio::sync::Mutex<mpsc::UnboundedReceiver<Instant>>>);

impl Take {
    async fn next(&self) -> Option<Instant> {
        self.0.lock().await.recv().await
    }
}

fn queue() -> (mpsc::UnboundedSender<Instant>, Take) {
    let (give, take) = mpsc::unbounded_channel();
    (give, Take(Arc::new(tokio::sync::Mutex::new(take))))
}

/// Registers `people` addresses once each, as the page would: a 503, a 5xx of a proxy or a lost answer is tried again after
/// a pause with jitter. The accepted addresses go to `file`.
async fn crowd(address: &str, host: &str, people: u64, connections: u64, file: &str) -> Result<()> {
    let (next, retries) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let (report, mut reports) = mpsc::unbounded_channel();
    let started = Instant::now();
    for _ in 0..connections {
        let (next, retries, report) = (next.clone(), retries.clone(), report.clone());
        let (address, host) = (address.to_owned(), host.to_owned());
        tokio::spawn(async move {
            let mut visitor = None;
            loop {
                let person = next.fetch_add(1, Ordering::Relaxed);
                if person >= people {
                    return;
                }
                let email = format!("person-{person}@crowd.example");
                let request = registration(&host, &email);
                let came = Instant::now();
                let mut status = 0;
                for tried in 0..10_u64 {
                    status = attempt(&mut visitor, &address, &request).await;
                    if status != 0 && status < 500 {
                        break;
                    }
                    retries.fetch_add(1, Ordering::Relaxed);
                    // Different for each person and try; nothing here needs to be unpredictable.
                    let jitter = (person * 7919 + tried * 104_729) % 1000;
                    sleep(Duration::from_millis(200 + jitter)).await;
                }
                let _ = report.send((email, status, came.elapsed().as_micros() as u64));
            }
        });
    }
    drop(report);
    let mut times = Times::new();
    let mut accepted = std::io::BufWriter::new(std::fs::File::create(file)?);
    while let Some((email, status, micros)) = reports.recv().await {
        if (200..300).contains(&status) {
            writeln!(accepted, "{email}")?;
        }
        times.entry(status).or_default().push(micros);
    }
    accepted.flush()?;
    summary("crowd", &mut times, started.elapsed().as_secs_f64());
    let retries = retries.load(Ordering::Relaxed);
    writeln!(
        std::io::stdout(),
        "crowd seconds={:.1} retries={retries}",
        started.elapsed().as_secs_f64()
    )
}

async fn attempt(visitor: &mut Option<Visitor>, address: &str, request: &[u8]) -> u16 {
    let asked = timeout(PATIENCE, async {
        let mut ready = match visitor.take() {
            Some(ready) => ready,
            None => Visitor::connect(address).await?,
        };
        let status = ready.ask(request).await?;
        Result::Ok((ready, status))
    });
    match asked.await {
        Ok(Ok((ready, status))) => {
            *visitor = Some(ready);
            status
        }
        _ => 0,
    }
}

/// Opens connections, registers once on each, and keeps them until standard input ends.
async fn hold(address: &str, connections: u64) -> Result<()> {
    let mut visitors = Vec::new();
    let request = registration("site", "ada@example.com");
    let mut refused = 0;
    for _ in 0..connections {
        let mut visitor = Visitor::connect(address).await?;
        if visitor.ask(&request).await? >= 300 {
            refused += 1;
        }
        visitors.push(visitor);
    }
    writeln!(std::io::stdout(), "holding connections={connections} refused={refused}")?;
    std::io::stdout().flush()?;
    let mut end = Vec::new();
    let _ = tokio::task::spawn_blocking(move || std::io::Read::read_to_end(&mut std::io::stdin(), &mut end)).await;
    sleep_until(Instant::now()).await;
    drop(visitors);
    Ok(())
}
