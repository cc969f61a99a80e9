//! Beanstalk's nginx with the settings of the bundle, put together as Beanstalk does it, in front of the real app.

use std::path::Path;
use std::process::{Child, Command};

use axum::http::{Method, StatusCode};
use futures_util::future::join_all;
use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::site::{Answer, FORM, Site, free_port};

/// A running nginx; ends with the test.
struct Nginx {
    folder: TempDir,
    process: Child,
    origin: String,
}

/// What Beanstalk itself puts beside ours: enhanced health's log (Beanstalk guide: health-enhanced-serverlogs).
const HEALTHD_FORMAT: &str =
    "log_format healthd '$msec\"$uri\"$status\"$request_time\"$upstream_response_time\"$http_x_forwarded_for';\n";

impl Nginx {
    /// `None` where nginx is missing and CONFAPP_WITHOUT_NGINX says that this is known.
    async fn in_front_of(site: &Site) -> Option<Self> {
        if std::env::var_os("CONFAPP_WITHOUT_NGINX").is_some() {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().display().to_string();
        let port = free_port().await;
        copy(
            &Path::new(env!("CARGO_MANIFEST_DIR")).join(".platform/nginx"),
            folder.path(),
        );
        let edit = |file: &str, changes: &[(&str, &str)]| {
            let path = folder.path().join(file);
            let mut text = std::fs::read_to_string(&path).unwrap();
            for (from, to) in changes {
                assert!(text.contains(from), "{file} has no {from}");
                text = text.replace(from, to);
            }
            std::fs::write(path, text).unwrap();
        };
        edit(
            "nginx.conf",
            &[
                ("user                 nginx;", "daemon off;"),
                ("/var/log/nginx", &root),
                ("/var/run", &root),
                ("listen     80", &format!("listen 127.0.0.1:{port}")),
            ],
        );
        let changes = [
            ("127.0.0.1:5000", &*site.address.to_string()),
            // So that a slow machine can send more than is let through.
            ("rate=500r/s", "rate=50r/s"),
        ];
        edit("conf.d/confapp.conf", &changes);
        std::fs::write(folder.path().join("mime.types"), "types { text/html html; }\n").unwrap();
        std::fs::write(folder.path().join("conf.d/healthd_logformat.conf"), HEALTHD_FORMAT).unwrap();
        let healthd = format!("access_log {root}/healthd.log healthd;\n");
        std::fs::write(folder.path().join("conf.d/elasticbeanstalk/healthd.conf"), healthd).unwrap();
        let process = Command::new("nginx")
            .args(["-p", &root, "-c", "nginx.conf", "-e", "error.log"])
            .spawn()
            .unwrap_or_else(|error| panic!("nginx: {error}. Install nginx-light, or set CONFAPP_WITHOUT_NGINX=1"));
        let nginx = Self {
            folder,
            process,
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

    fn read(&self, file: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(file)).unwrap_or_default()
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
            std::fs::create_dir(&target).unwrap();
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
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
    assert!(
        !nginx.read("healthd.log").is_empty(),
        "enhanced health would see nothing"
    );
    assert_eq!(nginx.read("error.log").matches("[emerg]").count(), 0);
}

#[tokio::test]
async fn one_address_is_held_back_and_the_others_are_not() {
    let site = Site::start().await;
    let Some(nginx) = Nginx::in_front_of(&site).await else {
        return;
    };
    // The last but one is the visitor, the last is the edge.
    let greedy = [("content-type", FORM), ("x-forwarded-for", "192.0.2.7, 198.51.100.1")];
    let other = [("content-type", FORM), ("x-forwarded-for", "192.0.2.8, 198.51.100.1")];
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
