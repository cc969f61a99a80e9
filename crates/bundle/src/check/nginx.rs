//! The bundle's nginx files, tested as Beanstalk tests them: copied over the platform's in a staging folder, then `nginx -t`.
//! Only where nginx is installed; knows nothing of the app behind it.
//!
//! Beanstalk copies `.platform/nginx` to /var/proxy/staging/nginx and runs `nginx -t -c` there before it copies on to /etc/nginx
//! (github.com/aws/elastic-beanstalk-roadmap/issues/322), so includes are relative to a folder that has only these files.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::super::contents::Contents;
use super::super::error::BundleError;
use super::Findings;

/// Where the bundle has them.
const FOLDER: &str = ".platform/nginx/";
/// The file that starts the rest.
const MAIN: &str = "nginx.conf";

/// Of the platform's own files what the bundle's can meet: each by its name in the staging folder (Beanstalk guide:
/// platforms-linux-extend.proxy, health-enhanced-serverlogs).
const OF_THE_PLATFORM: &[(&str, &str)] = &[
    (
        MAIN,
        "worker_processes auto;\n\
         events { worker_connections 1024; }\n\
         http {\n\
         include /etc/nginx/mime.types;\n\
         default_type application/octet-stream;\n\
         log_format main '$remote_addr \"$request\" $status';\n\
         include conf.d/*.conf;\n\
         map $http_upgrade $connection_upgrade { default \"upgrade\"; }\n\
         server {\n\
         listen 80 default_server;\n\
         include conf.d/elasticbeanstalk/*.conf;\n\
         }\n\
         }\n",
    ),
    (
        "conf.d/healthd_logformat.conf",
        "log_format healthd '$msec\"$uri\"$status\"$request_time\"$upstream_response_time\"$http_x_forwarded_for';\n",
    ),
    (
        "conf.d/elasticbeanstalk/00_application.conf",
        "location / {\n\
         proxy_pass http://127.0.0.1:5000;\n\
         proxy_http_version 1.1;\n\
         proxy_set_header Connection $connection_upgrade;\n\
         proxy_set_header Upgrade $http_upgrade;\n\
         }\n",
    ),
];

pub(super) fn check(contents: &Contents, findings: &mut Findings) -> Result<(), BundleError> {
    let files = || contents.files.iter().filter(|file| file.name.starts_with(FOLDER));
    if files().next().is_none() {
        return Ok(());
    }
    let Some(program) = installed() else {
        return Ok(());
    };
    let staging = tempfile::tempdir()?;
    let put = |name: &str, bytes: &[u8]| {
        let path = staging.path().join(name);
        fs_err::create_dir_all(path.parent().unwrap_or(staging.path()))?;
        fs_err::write(path, bytes)
    };
    for (name, text) in OF_THE_PLATFORM {
        put(name, text.as_bytes())?;
    }
    if run(&program, staging.path())?.is_some() {
        // Not even the platform's own pass here: it is this machine's nginx that could be tested.
        return Ok(());
    }
    for file in files() {
        let name = &file.name[FOLDER.len()..];
        let is_safe = !name.split('/').any(|part| part == "..");
        if let Some(opened) = contents.open(&file.name).filter(|_| is_safe) {
            let bytes = opened.read()?;
            put(name, &without_user(name, bytes))?;
        }
    }
    if let Some(fault) = run(&program, staging.path())? {
        let within = format!("{}/", staging.path().display());
        if is_of_the_bundle(&fault, &within) {
            let problem = format!("nginx refuses it: {}", fault.replace(&within, FOLDER));
            let way_out = "mend it: includes other than conf.d need absolute paths, as /etc/nginx/mime.types";
            findings.flaw(FOLDER.trim_end_matches('/'), problem, way_out);
        }
    }
    Ok(())
}

fn installed() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let usual = ["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from);
    let mut places = std::env::split_paths(&path)
        .chain(usual)
        .map(|folder| folder.join("nginx"));
    places.find(|program| program.is_file())
}

/// The user of the platform may not exist on this machine.
fn without_user(name: &str, bytes: Vec<u8>) -> Vec<u8> {
    if name != MAIN {
        return bytes;
    }
    let text = String::from_utf8_lossy(&bytes);
    let is_user = |line: &&str| line.split_whitespace().next() == Some("user");
    let kept: Vec<&str> = text
        .lines()
        .map(|line| if is_user(&line) { "" } else { line })
        .collect();
    kept.join("\n").into_bytes()
}

/// What nginx does not like; `None` where it does.
fn run(program: &Path, staging: &Path) -> Result<Option<String>, BundleError> {
    let main = staging.join(MAIN);
    let mut command = Command::new(program);
    command.arg("-t").arg("-q").arg("-c").arg(&main).arg("-p").arg(staging);
    let output = command.args(["-e", "stderr"]).stdin(Stdio::null()).output();
    let Ok(output) = output else {
        // An nginx that cannot be run is as good as none.
        return Ok(None);
    };
    let text = String::from_utf8_lossy(&output.stderr);
    let fault = text.lines().find_map(|line| line.split_once("[emerg]"));
    Ok(fault.filter(|_| !output.status.success()).map(|(_, fault)| {
        // Behind the process's number.
        let fault = fault.trim_start();
        fault.split_once(": ").map_or(fault, |(_, fault)| fault).to_owned()
    }))
}

/// Whether the fault is the bundle's, and not what this machine lacks: users, ports, files elsewhere.
fn is_of_the_bundle(fault: &str, within: &str) -> bool {
    const OF_THE_MACHINE: &[&str] = &[
        "bind() to",
        "getpwnam",
        "getgrnam",
        "Permission denied",
        "host not found",
    ];
    let opens = ["open()", "mkdir()", "cannot load certificate", "stat()", "dlopen()"];
    let elsewhere = opens
        .iter()
        .any(|call| fault.starts_with(call) && !fault[call.len()..].trim_start().starts_with(&format!("\"{within}")));
    !elsewhere && !OF_THE_MACHINE.iter().any(|words| fault.contains(words))
}
