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
