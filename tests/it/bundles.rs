//! What Beanstalk runs: any folder or zip with a Procfile, and the same bytes however they were uploaded.

use std::path::Path;

use sha2::{Digest, Sha256};

use crate::support::User;

fn write(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
}

#[test]
fn one_bundle_has_one_hash_whoever_uploads_it() {
    let user = User::new();
    let bundle = user.confctl(&["bundle", "-o", "json"]).exits(0).summary()["outputs"].clone();
    let (path, sha256) = (bundle["bundle"].as_str().unwrap(), bundle["sha256"].as_str().unwrap());
    user.confctl(&["up", "--sandbox", "--yes", "-p", "dev"]).exits(0);
    let storage = "elasticbeanstalk-us-east-1-123456789012";
    let label = bundle["version_label"].as_str().unwrap();
    let by_us = format!("confctl/tcb-conference/bundles/{label}.zip");
    // Small parts, so that the CLI really makes a multipart upload.
    user.aws(&["configure", "set", "default.s3.multipart_threshold", "5MB"])
        .exits(0);
    user.aws(&["configure", "set", "default.s3.multipart_chunksize", "5MB"])
        .exits(0);
    let large = user.home().join("large.zip");
    let mut bytes = std::fs::read(path).unwrap();
    assert_eq!(hex::encode(Sha256::digest(&bytes)), sha256);
    while bytes.len() < 12_000_000 {
        bytes.extend_from_within(..1_000_000);
    }
    std::fs::write(&large, &bytes).unwrap();
    let large_path = large.to_str().unwrap();
    user.aws(&["s3", "cp", path, &format!("s3://{storage}/by-cli.zip")])
        .exits(0);
    user.aws(&["s3", "cp", large_path, &format!("s3://{storage}/large-by-cli.zip")])
        .exits(0);
    let program = format!("import boto3; boto3.client('s3').upload_file({path:?}, {storage:?}, 'by-boto3.zip')");
    user.python(&program).exits(0);
    let multipart = user
        .requests()
        .iter()
        .any(|request| request["operation"] == "CompleteMultipartUpload");
    assert!(multipart, "the CLI made no multipart upload");
    for (key, wanted) in [
        (by_us.as_str(), sha256.to_owned()),
        ("by-cli.zip", sha256.to_owned()),
        ("by-boto3.zip", sha256.to_owned()),
        ("large-by-cli.zip", hex::encode(Sha256::digest(&bytes))),
    ] {
        let back = user.home().join("back");
        user.aws(&[
            "s3api",
            "get-object",
            "--bucket",
            storage,
            "--key",
            key,
            back.to_str().unwrap(),
        ])
        .exits(0);
        assert_eq!(
            hex::encode(Sha256::digest(std::fs::read(&back).unwrap())),
            wanted,
            "{key}"
        );
    }
}

/// An instance fetches it before it can serve: at scale-out, in the middle of the rush.
#[test]
fn the_app_that_comes_along_is_under_10_megabytes() {
    let user = User::new();
    let bundle = user.confctl(&["bundle", "-o", "json"]).exits(0).summary()["outputs"].clone();
    let file = std::fs::File::open(bundle["bundle"].as_str().unwrap()).unwrap();
    let mut archive = zip::ZipArchive::new(file).unwrap();
    let procfile = std::io::read_to_string(archive.by_name("Procfile").unwrap()).unwrap();
    let program = procfile.trim().strip_prefix("web: ").unwrap().to_owned();
    let size = archive.by_name(program.trim_start_matches("./")).unwrap().size();
    assert!((1_000_000..10_000_000).contains(&size), "{program} has {size} bytes");
}

#[test]
fn any_folder_with_a_procfile_is_an_app() {
    let user = User::new();
    let folder = user.home().join("site");
    std::fs::create_dir(&folder).unwrap();
    write(&folder.join("Procfile"), "web: python3 serve.py\n");
    write(
        &folder.join("serve.py"),
        "import http.server, os\n\
         class Page(http.server.BaseHTTPRequestHandler):\n\
         \x20   def do_GET(self):\n\
         \x20       self.send_response(200)\n\
         \x20       self.send_header('Cache-Control', 'max-age=5')\n\
         \x20       self.end_headers()\n\
         \x20       self.wfile.write(b'our own site')\n\
         \x20   def log_message(self, *_): pass\n\
         http.server.ThreadingHTTPServer(('0.0.0.0', int(os.environ['PORT'])), Page).serve_forever()\n",
    );
    let set = format!("app.bundle={}", folder.display());
    let up = user
        .confctl(&[
            "up",
            "--sandbox",
            "--yes",
            "-p",
            "dev",
            "--set",
            &set,
            "--set",
            "app.properties.API_TOKEN=hunter2",
            "--set",
            "notifications.email=ops@example.com",
            "-o",
            "json",
        ])
        .exits(0);
    let site = up.summary()["outputs"]["site_url"].as_str().unwrap().to_owned();
    assert_eq!(user.curl(&[&site]).exits(0).stdout, "our own site");

    // Neither secret nor address in what was said, in the log, or in the record, which every instance may read.
    let log = std::fs::read_to_string(user.home().join("sandbox/requests.jsonl")).unwrap();
    let record = "s3://elasticbeanstalk-us-east-1-123456789012/confctl/";
    let copy = user.home().join("record");
    user.aws(&["s3", "cp", "--quiet", "--recursive", record, copy.to_str().unwrap()])
        .exits(0);
    let profile = std::fs::read_to_string(copy.join("tcb-conference/profile.toml")).unwrap();
    assert!(
        profile.contains("app.bundle") || profile.contains("bundle ="),
        "{profile}"
    );
    for text in [&up.stdout, &up.stderr, &log, &profile] {
        assert!(!text.contains("hunter2") && !text.contains("ops@example.com"), "{text}");
    }
    // The recorded profile does not take the deployed properties for drift.
    let status = user.confctl(&["status", "--sandbox"]).exits(0).stdout;
    assert!(!status.contains("differs"), "{status}");
}

#[test]
fn a_bundle_that_crashes_is_told_with_its_own_words() {
    let user = User::new();
    let folder = user.home().join("broken");
    std::fs::create_dir(&folder).unwrap();
    write(&folder.join("Procfile"), "web: sh start.sh\n");
    write(&folder.join("start.sh"), "echo 'no database configured' >&2\nexit 3\n");
    let set = format!("app.bundle={}", folder.display());
    let up = user
        .confctl(&["up", "--sandbox", "--yes", "-p", "dev", "--set", &set])
        .exits(1);
    assert!(up.stderr.contains("no database configured"), "{}", up.stderr);
    assert!(
        up.stderr.contains("left behind") && up.stderr.contains("teardown"),
        "{}",
        up.stderr
    );
    // Mended, with a new property besides: the version that mends it must not wait for settings that the old one fails.
    write(&folder.join("start.sh"), "exec python3 -m http.server \"$PORT\"\n");
    let again = [
        "up",
        "--sandbox",
        "--yes",
        "-p",
        "dev",
        "--no-verify",
        "--set",
        &set,
        "--set",
        "app.properties.MODE=mended",
    ];
    user.confctl(&again).exits(0);
    user.confctl(&["teardown", "--sandbox", "--yes", "-p", "dev", "--set", &set])
        .exits(0);
}

#[test]
fn what_beanstalk_would_choke_on_is_told_before_anything_is_created() {
    let user = User::new();
    let folder = user.home().join("empty");
    std::fs::create_dir(&folder).unwrap();
    write(&folder.join("index.html"), "hello");
    let set = format!("app.bundle={}", folder.display());
    let ran = user.confctl(&["bundle", "--set", &set]);
    assert_ne!(ran.code(), 0);
    assert!(ran.stderr.contains("Procfile"), "{}", ran.stderr);
}

/// A site in a folder of the user's own.
fn site(user: &User, name: &str, files: &[(&str, &str)]) -> String {
    let folder = user.home().join(name);
    let usual = [
        ("Procfile", "web: exec python3 -m http.server --bind 127.0.0.1 $PORT\n"),
        ("index.html", "hello"),
    ];
    for (file, text) in usual.iter().chain(files) {
        let path = folder.join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        write(&path, text);
    }
    format!("app.bundle={}", folder.display())
}

/// Everything but the compilation of the app.
#[test]
fn only_what_builds_the_app_needs_a_toolchain() {
    let user = User::new();
    let none = user.home().join("bin");
    std::fs::create_dir(&none).unwrap();
    let without = |arguments: &[&str]| {
        let mut command = user.command(arguments);
        // Nor what rustup would find by itself.
        command
            .env("PATH", &none)
            .env_remove("CARGO_HOME")
            .env_remove("RUSTUP_HOME");
        crate::support::Ran::from(command.output().unwrap())
    };
    let dev = ["--sandbox", "-p", "dev"];
    let plan = without(&[&["plan", "-o", "json"][..], &dev].concat()).exits(0);
    assert_eq!(plan.summary()["outputs"]["changes"], true);
    without(&[&["status"][..], &dev].concat()).exits(0);
    without(&[&["teardown", "--yes"][..], &dev].concat()).exits(0);
    // The label is the one that the build gives.
    let built = user.confctl(&["bundle", "-p", "dev", "-o", "json"]).exits(0).summary();
    let label = built["outputs"]["version_label"].as_str().unwrap();
    assert!(plan.stdout.contains(&format!("version {label}")), "{}", plan.stdout);
}

#[test]
fn a_toolchain_that_is_missing_stops_up_before_anything_is_made() {
    let user = User::new();
    let before = user.inventory_of_a_fresh_sandbox();
    // A package that nobody has compiled yet.
    let package = user.home().join("site");
    std::fs::create_dir_all(package.join("src")).unwrap();
    write(&package.join("Cargo.toml"), "[package]\nname = \"site\"\n");
    write(
        &package.join("Cargo.lock"),
        "version = 4\n\n[[package]]\nname = \"site\"\nversion = \"0.0.0\"\n",
    );
    write(&package.join("Procfile"), "web: ./site\n");
    write(&package.join("src/main.rs"), "fn main() {}\n");
    let set = format!("app.bundle={}", package.display());
    let mut command = user.command(&["up", "--sandbox", "--yes", "-p", "dev", "--set", &set]);
    command.env("PATH", user.home());
    let up = crate::support::Ran::from(command.output().unwrap()).exits(1);
    assert!(
        up.stderr.contains("cannot run `rustc`") && up.stderr.contains("rustup.rs"),
        "{}",
        up.stderr
    );
    assert_eq!(user.inventory(), before);
}

#[test]
fn what_is_wrong_with_a_bundle_is_said_by_plan_and_nothing_is_made() {
    let user = User::new();
    let before = user.inventory_of_a_fresh_sandbox();
    let tab = "option_settings:\n\taws:autoscaling:asg:\n\t\tMinSize: 1\n";
    let bad = site(&user, "bad", &[(".ebextensions/scale.config", tab)]);
    for command in ["plan", "up"] {
        let ran = user
            .confctl(&[command, "--sandbox", "--yes", "-p", "dev", "--set", &bad])
            .exits(1);
        let told = ".ebextensions/scale.config: is neither YAML nor JSON";
        assert!(
            ran.stderr.contains(told) && ran.stderr.contains("--no-check"),
            "{}",
            ran.stderr
        );
    }
    assert_eq!(user.inventory(), before);
    let plan = ["plan", "--sandbox", "-p", "dev", "--no-check", "--set", &bad];
    let ran = user.confctl(&plan).exits(0);
    assert!(
        ran.stderr.contains("notice: .ebextensions/scale.config"),
        "{}",
        ran.stderr
    );

    let good = site(&user, "good", &[]);
    let mut nowhere = user.command(&["plan", "--sandbox", "-p", "dev", "--set", &good]);
    let ran = crate::support::Ran::from(nowhere.env("XDG_CACHE_HOME", "/proc/nowhere").output().unwrap()).exits(1);
    let told = "no room for the bundle in /proc/nowhere/confctl/bundles";
    assert!(
        ran.stderr.contains(told) && ran.stderr.contains("XDG_CACHE_HOME"),
        "{}",
        ran.stderr
    );

    let key = user.home().join("id_ed25519");
    write(&key, "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n");
    let key = format!("ssh.public_key={}", key.display());
    let with_key = ["--set", "ssh.enabled=true", "--set", &key, "--set", &good];
    let ran = user
        .confctl(&[&["plan", "--sandbox", "-p", "dev"][..], &with_key].concat())
        .exits(64);
    assert!(
        ran.stderr.contains("is a private key, which stays on this machine"),
        "{}",
        ran.stderr
    );
}

/// `config -> shared/config`, as the app reads it on the instance; and what may be secret, as it is not there.
#[test]
fn links_reach_the_instances_and_secrets_do_not() {
    let user = User::new();
    let files = [
        ("shared/config/app.json", "{\"open\": true}"),
        (".env", "SECRET=hunter2\n"),
    ];
    let set = site(&user, "linked", &files);
    std::os::unix::fs::symlink("shared/config", user.home().join("linked/config")).unwrap();
    let up = user
        .confctl(&[
            "up",
            "--sandbox",
            "--yes",
            "-p",
            "dev",
            "--no-verify",
            "--set",
            "app.health_path=/",
            "--set",
            &set,
            "-o",
            "json",
        ])
        .exits(0);
    let told = |event: &serde_json::Value| {
        event["type"] == "notice" && event["text"] == ".env: may hold secrets and is not sent"
    };
    assert!(up.events().iter().any(told), "{}", up.stdout);
    let site = up.summary()["outputs"]["environment_url"].as_str().unwrap().to_owned();
    let linked = user.curl(&[&format!("{site}/config/app.json")]).exits(0);
    assert_eq!(linked.stdout, "{\"open\": true}");
    let secret = user.curl(&["-o", "/dev/null", "-w", "%{http_code}", &format!("{site}/.env")]);
    assert_eq!(secret.stdout, "404");
}

/// A version cannot be changed: what was corrected would silently not go live.
#[test]
fn a_label_of_ones_own_is_not_given_to_another_bundle() {
    let user = User::new();
    let set = site(&user, "site", &[]);
    let labelled = [
        "--sandbox",
        "--yes",
        "-p",
        "dev",
        "--no-verify",
        "--set",
        "app.version_label=v1.0",
        "--set",
        "app.health_path=/",
        "--set",
        &set,
    ];
    user.confctl(&[&["up"][..], &labelled].concat()).exits(0);
    user.confctl(&[&["up"][..], &labelled].concat()).exits(0);
    write(&user.home().join("site/index.html"), "the wrong date is corrected");
    let up = user.confctl(&[&["up"][..], &labelled].concat()).exits(4);
    assert!(
        up.stderr.contains("the version v1.0 exists with another bundle") && up.stderr.contains("app.version_label"),
        "{}",
        up.stderr
    );
}

/// As by a lifecycle rule or by hand: what is deployed next would find nothing.
#[test]
fn a_bundle_that_is_gone_from_the_bucket_is_put_back() {
    let user = User::new();
    let set = site(&user, "site", &[]);
    let stack = [
        "--sandbox",
        "--yes",
        "-p",
        "dev",
        "--set",
        "app.health_path=/",
        "--set",
        &set,
    ];
    let up = user
        .confctl(&[&["up", "--no-verify", "-o", "json"][..], &stack].concat())
        .exits(0);
    let label = up.summary()["outputs"]["application_version"]
        .as_str()
        .unwrap()
        .to_owned();
    let object = format!("s3://elasticbeanstalk-us-east-1-123456789012/confctl/tcb-conference/bundles/{label}.zip");
    user.aws(&["s3", "rm", &object]).exits(0);
    let plan = user
        .confctl(&[&["plan", "--detailed-exitcode"][..], &stack].concat())
        .exits(2);
    assert!(plan.stderr.contains("missing in the bucket"), "{}", plan.stderr);
    user.confctl(&[&["up", "--no-verify"][..], &stack].concat()).exits(0);
    user.aws(&["s3", "ls", &object]).exits(0);
    user.confctl(&[&["plan", "--detailed-exitcode"][..], &stack].concat())
        .exits(0);
}
