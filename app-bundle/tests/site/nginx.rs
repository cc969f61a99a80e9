//! Beanstalk's nginx with the settings of the bundle, put together as Beanstalk does it, in front of the real app.

use std::path::Path;
use std::process::{Child, Command, Output};

use axum::http::{Method, StatusCode};
use futures_util::future::join_all;
use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::site::{Answer, FORM, Site, free_port};

/// A folder as Beanstalk's /var/proxy/staging/nginx, from which nginx is tested before a deployment (an instance's
/// eb-engine.log in github.com/aws/elastic-beanstalk-roadmap/issues/322): first the platform's own files, then the bundle's
/// `.platform/nginx` copied over them (Beanstalk guide, platforms-linux-extend.proxy). Nothing of /etc/nginx beside them.
struct Staging(TempDir);

/// A running nginx; ends with the test.
struct Nginx {
    staging: Staging,
    process: Child,
    origin: String,
}

/// The platform's own files. Where they lie and what they rely on as public copies of Amazon Linux 2 and 2023 have it;
/// enhanced health's log as in the Beanstalk guide (health-enhanced-serverlogs).
const PLATFORM: [(&str, &str); 4] = [
    (
        "nginx.conf",
        "events { worker_connections 1024; }\n\
         http {\n\
             server_tokens off;\n\
             include /etc/nginx/mime.types;\n\
             include conf.d/*.conf;\n\
             map $http_upgrade $connection_upgrade { default \"upgrade\"; }\n\
             server { listen 80 default_server; include conf.d/elasticbeanstalk/*.conf; }\n\
         }\n",
    ),
    (
        "conf.d/healthd_logformat.conf",
        "log_format healthd '$msec\"$uri\"$status\"$request_time\"$upstream_response_time\"$http_x_forwarded_for';\n",
    ),
    (APPLICATION, PLATFORM_S_APPLICATION),
    (
        "conf.d/elasticbeanstalk/healthd.conf",
        "if ($time_iso8601 ~ \"^(\\d{4})-(\\d{2})-(\\d{2})T(\\d{2})\") {\n\
             set $year $1; set $month $2; set $day $3; set $hour $4;\n\
         }\n\
         access_log /var/log/nginx/healthd/application.log.$year-$month-$day-$hour healthd;\n",
    ),
];

/// What the edge adds.
const EDGED: (&str, &str) = ("x-amz-cf-id", "random");

const APPLICATION: &str = "conf.d/elasticbeanstalk/00_application.conf";
const PLATFORM_S_APPLICATION: &str = "location / {\n\
         proxy_pass http://127.0.0.1:5000;\n\
         proxy_http_version 1.1;\n\
         proxy_set_header Connection $connection_upgrade;\n\
         proxy_set_header Upgrade $http_upgrade;\n\
     }\n";

impl Staging {
    /// `None` where nginx is missing and CONFAPP_WITHOUT_NGINX says that this is known.
    fn of_a_deployment() -> Option<Self> {
        if std::env::var_os("CONFAPP_WITHOUT_NGINX").is_some() {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("conf.d/elasticbeanstalk")).unwrap();
        let staging = Self(folder);
        for (file, text) in PLATFORM {
            staging.write(file, text);
        }
        copy(
            &Path::new(env!("CARGO_MANIFEST_DIR")).join(".platform/nginx"),
            staging.0.path(),
        );
        // This machine has no user of that name, who has to write enhanced health's log; and its log and its process are not ours.
        let here = staging.path("");
        let moved = [
            ("user                 nginx;", "user root; daemon off;"),
            ("/var/log/nginx", here.as_str()),
            ("/var/run", here.as_str()),
        ];
        staging.edit("nginx.conf", &moved);
        staging.edit(
            "conf.d/elasticbeanstalk/healthd.conf",
            &[("/var/log/nginx/healthd", here.as_str())],
        );
        Some(staging)
    }

    fn path(&self, file: &str) -> String {
        self.0.path().join(file).display().to_string()
    }

    fn write(&self, file: &str, text: &str) {
        std::fs::write(self.path(file), text).unwrap();
    }

    fn edit(&self, file: &str, changes: &[(&str, &str)]) {
        let mut text = std::fs::read_to_string(self.path(file)).unwrap();
        for (from, to) in changes {
            assert!(text.contains(from), "{file} has no {from}");
            text = text.replace(from, to);
        }
        self.write(file, &text);
    }

    /// Who connects to nginx is taken for a load balancer, though he is on this machine.
    fn balance(&self) {
        self.edit("conf.d/confapp.conf", &[("10.0.0.0/8", "127.0.0.0/8")]);
    }

    fn nginx(&self) -> Command {
        let mut nginx = Command::new("nginx");
        nginx.args(["-e", &self.path("error.log"), "-c", &self.path("nginx.conf")]);
        nginx
    }

    /// What Beanstalk does before it goes on with a deployment.
    fn test(&self) -> Output {
        let missing = |error| panic!("nginx: {error}. Install nginx-light, or set CONFAPP_WITHOUT_NGINX=1");
        self.nginx().arg("-t").output().unwrap_or_else(missing)
    }

    fn assert_refused(&self, why: &str) {
        let tested = self.test();
        let said = String::from_utf8_lossy(&tested.stderr);
        assert!(!tested.status.success() && said.contains(why), "{said}");
    }
}

impl Nginx {
    /// `None` as [`Staging::of_a_deployment`].
    async fn in_front_of(site: &Site) -> Option<Self> {
        Self::with(site, |_| {}).await
    }

    /// With settings of the test's own.
    async fn with(site: &Site, change: impl FnOnce(&Staging)) -> Option<Self> {
        let staging = Staging::of_a_deployment()?;
        change(&staging);
        let port = free_port().await;
        staging.edit("nginx.conf", &[("listen     80", &format!("listen 127.0.0.1:{port}"))]);
        staging.edit("conf.d/confapp.conf", &[("127.0.0.1:5000", &site.address.to_string())]);
        let tested = staging.test();
        assert!(tested.status.success(), "{}", String::from_utf8_lossy(&tested.stderr));
        let nginx = Self {
            process: staging.nginx().spawn().unwrap(),
            staging,
            origin: format!("127.0.0.1:{port}"),
        };
        for _ in 0..200 {
            if TcpStream::connect(&nginx.origin).await.is_ok() {
                return Some(nginx);
            }
            tokio::time::sleep(std::time::Duration::from_millis(25)).await;
        }
        panic!("nginx does not listen: {}", nginx.read("error.log"));
    }

    /// Processor time that the workers used so far, in nanoseconds.
    fn worked(&self) -> u64 {
        let master = self.process.id();
        let read = |path: String| std::fs::read_to_string(path).unwrap();
        let workers = read(format!("/proc/{master}/task/{master}/children"));
        let of_worker = |pid: &str| read(format!("/proc/{pid}/schedstat"));
        let times = workers.split_whitespace().map(of_worker);
        times
            .map(|line| line.split(' ').next().unwrap().parse::<u64>().unwrap())
            .sum()
    }

    /// What so many POSTs with that list of forwarders cost the workers.
    async fn cost(&self, site: &Site, forwarded_for: &str) -> u64 {
        let headers = [("content-type", FORM), ("x-forwarded-for", forwarded_for), EDGED];
        let before = self.worked();
        for _ in 0..50 {
            self.send(site, Method::POST, "/nowhere", &headers, "email=x").await;
        }
        self.worked() - before
    }

    fn read(&self, file: &str) -> String {
        std::fs::read_to_string(self.staging.path(file)).unwrap_or_default()
    }

    /// A log when it has so many lines: nginx writes after it has answered.
    async fn lines(&self, file: &str, count: usize) -> String {
        for _ in 0..200 {
            let text = self.read(file);
            if text.lines().count() >= count {
                return text;
            }
            tokio::time::sleep(std::time::Duration::from_millis(25)).await;
        }
        panic!("{file} has no {count} lines: {}", self.read(file));
    }

    /// Whether enhanced health's log has anything in it.
    fn tells_health(&self) -> bool {
        let files = std::fs::read_dir(self.staging.0.path()).unwrap().map(Result::unwrap);
        let mut logs = files.filter(|file| file.file_name().to_string_lossy().starts_with("application.log."));
        logs.any(|log| log.metadata().unwrap().len() > 0)
    }

    async fn send(&self, site: &Site, method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        site.send_to(&self.origin, method, path, headers, body.to_owned()).await
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // The master ends its workers; killed, it would leave them behind.
        if let Some(id) = rustix::process::Pid::from_raw(self.process.id() as i32) {
            let _ = rustix::process::kill_process(id, rustix::process::Signal::TERM);
        }
        let _ = self.process.wait();
    }
}

fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            std::fs::create_dir_all(&target).unwrap();
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn beanstalk_finds_all_that_nginx_needs_in_its_staging_folder() {
    let Some(staging) = Staging::of_a_deployment() else {
        return;
    };
    let tested = staging.test();
    assert!(tested.status.success(), "{}", String::from_utf8_lossy(&tested.stderr));
    // Should a platform write its own file after the bundle's.
    staging.write(APPLICATION, PLATFORM_S_APPLICATION);
    let tested = staging.test();
    assert!(tested.status.success(), "{}", String::from_utf8_lossy(&tested.stderr));
}

#[test]
fn what_is_not_in_the_staging_folder_would_stop_every_deployment() {
    let Some(staging) = Staging::of_a_deployment() else {
        return;
    };
    staging.edit("nginx.conf", &[("/etc/nginx/mime.types", "mime.types")]);
    staging.assert_refused("mime.types\" failed (2: No such file or directory)");
    staging.edit(
        "nginx.conf",
        &[
            ("include      mime.types;", ""),
            ("map $http_upgrade $connection_upgrade", "map $http_upgrade $other"),
        ],
    );
    staging.write(APPLICATION, PLATFORM_S_APPLICATION);
    staging.assert_refused("unknown \"connection_upgrade\" variable");
}

#[tokio::test]
async fn a_registration_passes_and_what_is_for_operators_does_not() {
    let site = Site::start().await;
    let Some(nginx) = Nginx::in_front_of(&site).await else {
        return;
    };
    let form = [("content-type", FORM)];
    for number in 0..20 {
        let body = format!("email=person{number}%40example.com");
        let answer = nginx.send(&site, Method::POST, "/register", &form, &body).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", nginx.read("error.log"));
    }
    assert_eq!(site.table.addresses().len(), 20);
    assert_eq!(
        nginx.send(&site, Method::GET, "/health", &[], "").await.status,
        StatusCode::OK
    );
    for path in ["/metrics", "/ready"] {
        let answer = nginx.send(&site, Method::GET, path, &[], "").await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
    }
    let long = "a".repeat(9 * 1024);
    let answer = nginx.send(&site, Method::POST, "/register", &form, &long).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(nginx.tells_health(), "enhanced health would see nothing");
    assert_eq!(nginx.read("error.log").matches("[emerg]").count(), 0);
}

#[tokio::test]
async fn one_address_is_held_back_and_the_others_are_not() {
    let site = Site::start().await;
    let slow = |staging: &Staging| {
        staging.balance();
        // So that a slow machine can send more than is let through.
        staging.edit("conf.d/confapp.conf", &[("rate=500r/s", "rate=50r/s")]);
    };
    let Some(nginx) = Nginx::with(&site, slow).await else {
        return;
    };
    // The last but one is the visitor, the last is the edge.
    let greedy = [
        ("content-type", FORM),
        ("x-forwarded-for", "192.0.2.7, 198.51.100.1"),
        EDGED,
    ];
    let other = [
        ("content-type", FORM),
        ("x-forwarded-for", "192.0.2.8, 198.51.100.1"),
        EDGED,
    ];
    let batch = || join_all((0..400).map(|_| nginx.send(&site, Method::POST, "/register", &greedy, "email=x")));
    let mut held_back = None;
    for _ in 0..20 {
        held_back = batch()
            .await
            .into_iter()
            .find(|answer| answer.status == StatusCode::TOO_MANY_REQUESTS);
        if held_back.is_some() {
            break;
        }
    }
    let held_back = held_back.expect("8,000 at once from one address are let through");
    assert_eq!(held_back.header("retry-after"), "2");
    let answer = nginx
        .send(&site, Method::POST, "/register", &other, "email=eve%40example.com")
        .await;
    assert_eq!(answer.status, StatusCode::OK);
    let page = nginx.send(&site, Method::GET, "/", &greedy, "").await;
    assert_eq!(page.status, StatusCode::OK, "reading is not limited");
}

/// Who is counted: each list as the proxies of that deployment make it, whatever the visitor sends himself.
#[tokio::test]
async fn the_visitor_is_who_our_own_proxies_heard() {
    let site = Site::start().await;
    let (edge, visitor) = ("198.51.100.1", "192.0.2.7");
    let through_both = [
        format!("{visitor}, {edge}"),
        format!("1.1.1.1, {visitor}, {edge}"),
        format!("1.1.1.1,2.2.2.2, junk ,{visitor}, {edge}"),
        format!("{}, {visitor}, {edge}", "a".repeat(5_000)),
    ];
    let six = "2001:db8::7";
    let mut cases: Vec<(bool, bool, String, &str)> = Vec::new();
    cases.extend(through_both.map(|list| (true, true, list, visitor)));
    cases.push((true, true, format!("{six}, {edge}"), six));
    // Around the edge: the load balancer says who that is, and what he says does not count.
    cases.push((true, false, visitor.to_owned(), visitor));
    cases.push((true, false, format!("1.1.1.1, {visitor}"), visitor));
    // One instance, without a load balancer.
    cases.push((false, true, visitor.to_owned(), visitor));
    cases.push((false, true, format!("1.1.1.1, {visitor}"), visitor));
    cases.push((false, false, format!("1.1.1.1, {visitor}"), "127.0.0.1"));
    for balanced in [true, false] {
        let tell = |staging: &Staging| {
            if balanced {
                staging.balance();
            }
            staging.write("conf.d/a_format.conf", "log_format visitor $visitor;\n");
            let log = format!("access_log {} visitor;\n", staging.path("visitors.log"));
            staging.write("conf.d/elasticbeanstalk/visitors.conf", &log);
        };
        let Some(nginx) = Nginx::with(&site, tell).await else {
            return;
        };
        let of_these: Vec<_> = cases.iter().filter(|case| case.0 == balanced).collect();
        for (_, edged, list, _) in &of_these {
            let mut headers = vec![("content-type", FORM), ("x-forwarded-for", list.as_str())];
            headers.extend(edged.then_some(EDGED));
            nginx.send(&site, Method::POST, "/nowhere", &headers, "email=x").await;
        }
        let expected: Vec<_> = of_these.iter().map(|case| case.3).collect();
        let seen = nginx.lines("visitors.log", expected.len()).await;
        assert_eq!(seen.lines().collect::<Vec<_>>(), expected, "balanced: {balanced}");
    }
}

/// A pattern whose work grows with the square of a header's length keeps a worker from everybody else. Processor time of the
/// workers is compared within one run, never with a clock.
#[tokio::test]
async fn a_long_list_of_forwarders_costs_no_more_than_its_length() {
    let site = Site::start().await;
    let long = format!("{},", "a".repeat(45));
    let junk = |length: usize, of: &str| format!("{}x, 192.0.2.7, 198.51.100.1", of.repeat(length / of.len()));
    let unlimited = |staging: &Staging| {
        staging.balance();
        staging.edit("conf.d/confapp.conf", &[("rate=500r/s", "rate=50000r/s")]);
    };
    let Some(deployed) = Nginx::with(&site, unlimited).await else {
        return;
    };
    let usual = deployed.cost(&site, "192.0.2.7, 198.51.100.1").await;
    for of in ["a", "1,", "1, ", &long] {
        let cost = deployed.cost(&site, &junk(7_800, of)).await;
        assert!(
            cost < 20 * usual,
            "{of}: {cost} ns, of which a usual list takes {usual}"
        );
    }

    let slowly = |staging: &Staging| {
        unlimited(staging);
        staging.edit("nginx.conf", &[("pcre_jit             on;", "pcre_jit off;")]);
    };
    let Some(interpreted) = Nginx::with(&site, slowly).await else {
        return;
    };
    let usual = interpreted.cost(&site, "192.0.2.7, 198.51.100.1").await;
    for of in ["a", "1,", "1, ", &long] {
        let half = interpreted.cost(&site, &junk(3_900, of)).await.saturating_sub(usual);
        let whole = interpreted.cost(&site, &junk(7_800, of)).await.saturating_sub(usual);
        // Twice the length; a square would be four times.
        assert!(
            whole < 3 * half.max(usual),
            "{of}: {half} ns and {whole} ns, a usual list {usual}"
        );
    }
}
