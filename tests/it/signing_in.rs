//! Signing in as people do: AWS profiles of every kind, variables that pipelines leave empty, proxies, certificates, regions.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::unix::ffi::OsStringExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;

use crate::support::{Ran, User};

/// Any keys: the sandbox knows none but its own, and nobody else is asked.
const KEYS: [(&str, &str); 2] = [
    ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
    ("AWS_SECRET_ACCESS_KEY", "x"),
];

/// A user with this AWS configuration.
fn configured(text: &str) -> User {
    let user = User::new();
    fs::create_dir(user.home().join(".aws")).unwrap();
    fs::write(user.home().join(".aws/config"), text).unwrap();
    user
}

/// confctl with these variables beside the usual ones.
fn with(user: &User, variables: &[(&str, &str)], arguments: &[&str]) -> Ran {
    let mut command = user.command(arguments);
    command.envs(variables.iter().copied()).output().unwrap().into()
}

/// Where nobody answers: at once, without a network.
const NOBODY: (&str, &str) = ("AWS_ENDPOINT_URL", "http://127.0.0.1:9");

#[test]
fn a_misspelt_aws_profile_is_named_with_the_nearest_and_who_named_it() {
    let user = configured("[profile deployer]\nregion = us-east-1\n");
    let by_variable = with(&user, &[("AWS_PROFILE", "deploier")], &["doctor"]).exits(64);
    for text in [
        "no profile deploier",
        "AWS_PROFILE names",
        "--aws-profile deployer",
        ".aws/config",
    ] {
        assert!(by_variable.stderr.contains(text), "no '{text}': {}", by_variable.stderr);
    }
    let by_flag = user.confctl(&["doctor", "--aws-profile", "nosuch"]).exits(64);
    assert!(by_flag.stderr.contains("no profile nosuch"), "{}", by_flag.stderr);
    assert!(by_flag.stderr.contains("--aws-profile"), "{}", by_flag.stderr);
}

#[test]
fn a_source_profile_that_is_not_there_is_named_with_the_profile_that_wants_it() {
    let user =
        configured("[profile deploy]\nrole_arn = arn:aws:iam::123456789012:role/deploy\nsource_profile = nosuch\n");
    let ran = with(&user, &[("AWS_PROFILE", "deploy")], &["doctor"]).exits(64);
    let wanted = "no profile nosuch, which source_profile of the AWS profile deploy names";
    assert!(ran.stderr.contains(wanted), "{}", ran.stderr);
}

#[test]
fn an_mfa_profile_is_named_with_the_way_out_before_aws_is_asked() {
    let user = configured(
        "[profile base]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = x\n\
         [profile admin]\nrole_arn = arn:aws:iam::123456789012:role/admin\nsource_profile = base\n\
         mfa_serial = arn:aws:iam::123456789012:mfa/me\n\
         [profile chained]\nrole_arn = arn:aws:iam::123456789012:role/deploy\nsource_profile = admin\n",
    );
    for profile in ["admin", "chained"] {
        let told = user.confctl(&["doctor", "--aws-profile", profile]).exits(1);
        let way_out = format!("aws configure export-credentials --profile {profile}");
        assert!(
            told.stderr.contains("the AWS profile admin wants a code"),
            "{}",
            told.stderr
        );
        assert!(told.stderr.contains(&way_out), "{}", told.stderr);
    }
}

#[test]
fn a_session_that_is_over_names_the_command_that_renews_it() {
    let user = configured(
        "[profile sso]\nsso_start_url = https://example.awsapps.com/start\nsso_region = us-east-1\n\
         sso_account_id = 123456789012\nsso_role_name = Admin\n\
         [profile process]\ncredential_process = /bin/false\n",
    );
    let sso = user.confctl(&["doctor", "--aws-profile", "sso"]).exits(1);
    assert!(
        sso.stderr.contains("hint: aws sso login --profile sso"),
        "{}",
        sso.stderr
    );
    let process = user.confctl(&["doctor", "--aws-profile", "process"]).exits(1);
    assert!(process.stderr.contains("credential_process"), "{}", process.stderr);
    assert!(!process.stderr.contains("no AWS credentials"), "{}", process.stderr);
}

#[test]
fn a_configuration_with_a_byte_order_mark_is_named() {
    let user = configured("\u{feff}[default]\nregion = us-east-1\n");
    let told = user.confctl(&["doctor"]).exits(64);
    assert!(
        told.stderr.contains(".aws/config begins with a byte order mark"),
        "{}",
        told.stderr
    );
}

#[test]
fn an_aws_profile_that_is_named_on_the_command_line_comes_before_keys_in_the_environment() {
    let user = configured("[profile process]\ncredential_process = /bin/false\n");
    let told = with(&user, &KEYS, &["doctor", "--aws-profile", "process"]).exits(1);
    assert!(told.stderr.contains("credential_process"), "{}", told.stderr);
}

#[test]
fn an_empty_variable_is_as_good_as_none_and_nothing_panics() {
    let user = User::new();
    let empty = [
        "CONFCTL_PROFILE",
        "CONFCTL_NAME",
        "CONFCTL_REGION",
        "CONFCTL_AWS_PROFILE",
        "CONFCTL_SET",
        "CONFCTL_SANDBOX",
        "CONFCTL_NO_INPUT",
        "CONFCTL_COLOR",
        "CONFCTL_TIMEOUT",
        "CONFCTL_LOG_FILE",
        "CONFCTL_OUTPUT",
        "AWS_PROFILE",
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
        "AWS_CONFIG_FILE",
        "AWS_CA_BUNDLE",
        "AWS_SESSION_TOKEN",
    ];
    for name in empty {
        with(&user, &[(name, "")], &["plan", "--sandbox", "-p", "dev"]).exits(0);
    }
    // No endpoint: AWS itself, behind a proxy that is not there.
    let nowhere = [
        KEYS[0],
        KEYS[1],
        ("AWS_ENDPOINT_URL", ""),
        ("HTTPS_PROXY", "http://127.0.0.1:9"),
    ];
    let summary = with(&user, &nowhere, &["doctor", "-o", "json"]).exits(1).summary();
    assert_eq!(summary["error"]["kind"], "unreachable", "{summary}");
    assert!(
        summary["error"]["hint"].as_str().unwrap().contains("HTTPS_PROXY"),
        "{summary}"
    );
}

#[test]
fn an_account_to_insist_on_that_is_empty_is_refused_by_its_name() {
    let user = User::new();
    let plan = ["plan", "--sandbox", "-p", "dev"];
    let told = with(&user, &[("CONFCTL_ACCOUNT", "")], &plan).exits(4);
    assert!(told.stderr.contains("CONFCTL_ACCOUNT is empty"), "{}", told.stderr);
    let typed = user.confctl(&[&plan[..], &["--account", ""]].concat()).exits(4);
    assert!(typed.stderr.contains("--account is empty"), "{}", typed.stderr);
}

#[test]
fn booleans_are_taken_as_everybody_writes_them() {
    let user = User::new();
    for (value, code) in [("1", 4), ("yes", 4), ("TRUE", 4)] {
        let ran = with(&user, &[("CONFCTL_NO_INPUT", value)], &["up", "--sandbox", "-p", "dev"]).exits(code);
        assert!(ran.stderr.contains("--yes"), "{value}: {}", ran.stderr);
    }
    for value in ["0", "false", "no"] {
        with(
            &user,
            &[("CONFCTL_NO_INPUT", value)],
            &["plan", "--sandbox", "-p", "dev"],
        )
        .exits(0);
    }
}

#[test]
fn a_value_that_is_none_is_told_by_the_variable_that_holds_it() {
    let user = User::new();
    for (name, value) in [
        ("CONFCTL_TIMEOUT", "soon"),
        ("CONFCTL_COLOR", "pink"),
        ("CONFCTL_OUTPUT", "yaml"),
    ] {
        let ran = with(&user, &[(name, value)], &["profile", "list"]).exits(64);
        assert!(ran.stderr.contains(name), "{name}: {}", ran.stderr);
    }
    let scale = ("CONFCTL_SANDBOX_TIME_SCALE", "fast");
    let sandbox = with(&user, &[scale], &["plan", "--sandbox"]).exits(64);
    assert!(sandbox.stderr.contains(scale.0), "{}", sandbox.stderr);
    // Who typed it is told of what was typed.
    let both = with(
        &user,
        &[("CONFCTL_TIMEOUT", "1h")],
        &["profile", "list", "--timeout", "soon"],
    )
    .exits(64);
    assert!(!both.stderr.contains("CONFCTL_TIMEOUT"), "{}", both.stderr);
    let json = with(&user, &[("CONFCTL_TIMEOUT", "soon")], &["plan", "-o", "json"])
        .exits(64)
        .summary();
    assert!(
        json["error"]["hint"].as_str().unwrap().contains("CONFCTL_TIMEOUT"),
        "{json}"
    );
}

#[test]
fn a_variable_that_is_not_utf_8_disturbs_nobody_and_is_named_where_it_is_ours() {
    let user = User::new();
    let latin = std::ffi::OsString::from_vec(b"caf\xe9".to_vec());
    user.confctl(&["sandbox", "start"]).exits(0);
    let exports: Ran = user
        .command(&["sandbox", "env"])
        .env("LEGACY", &latin)
        .output()
        .unwrap()
        .into();
    assert!(exports.exits(0).stdout.contains("export AWS_ENDPOINT_URL="));
    let ours: Ran = user
        .command(&["profile", "list"])
        .env("CONFCTL_NAME", &latin)
        .output()
        .unwrap()
        .into();
    let ours = ours.exits(64);
    assert!(ours.stderr.contains("CONFCTL_NAME"), "{}", ours.stderr);
}

#[test]
fn a_region_is_held_against_the_same_pattern_wherever_it_is_named() {
    let user = User::new();
    for region in ["us-east-1a", "frankfurt", "EU-WEST-1", "us-east-1 "] {
        let plan = ["plan", "--sandbox", "-p", "dev"];
        let flag = user.confctl(&[&plan[..], &["--region", region]].concat()).exits(64);
        assert!(flag.stderr.contains("is no AWS region"), "{}", flag.stderr);
        for variable in ["CONFCTL_REGION", "AWS_REGION"] {
            let told = with(&user, &[(variable, region)], &plan).exits(64);
            assert!(told.stderr.contains(region), "{}", told.stderr);
        }
    }
}

#[test]
fn the_region_of_the_environment_counts_where_nobody_names_another_and_is_said() {
    let user = configured("[default]\nregion = eu-central-1\n");
    let plan = |variables: &[(&str, &str)], arguments: &[&str]| {
        let ran = with(&user, variables, &[&["plan", "--sandbox"], arguments].concat());
        ran.exits(0).stderr
    };
    let ireland = ("AWS_REGION", "eu-west-1");
    // The article's own region is a default; the AWS configuration has nothing to do with a sandbox.
    assert!(plan(&[], &[]).contains("region us-east-1 at"));
    assert!(plan(&[ireland], &[]).contains("region eu-west-1 (by AWS_REGION)"));
    assert!(plan(&[("AWS_DEFAULT_REGION", "eu-west-3")], &[]).contains("region eu-west-3 (by AWS_DEFAULT_REGION)"));
    assert!(plan(&[ireland], &["--region", "eu-west-2"]).contains("region eu-west-2 at"));
    assert!(plan(&[ireland], &["--set", "region=eu-west-2"]).contains("region eu-west-2 at"));
    let file = user.home().join("mine.toml");
    fs::write(&file, "region = \"eu-north-1\"\n").unwrap();
    assert!(plan(&[ireland], &["-p", file.to_str().unwrap()]).contains("region eu-north-1 at"));
}

#[test]
fn the_region_of_the_aws_profile_counts_against_aws() {
    let user = configured(
        "[profile far]\nregion = ap-south-1\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = x\n",
    );
    let (proxy, asked) = a_proxy_that_refuses();
    let variables = [("AWS_PROFILE", "far"), ("HTTPS_PROXY", proxy.as_str())];
    let told = with(&user, &variables, &["doctor"]).exits(1);
    // The call went through the proxy, to the profile's region.
    assert_eq!(
        asked.recv().unwrap(),
        "CONNECT sts.ap-south-1.amazonaws.com:443 HTTP/1.1",
        "{}",
        told.stderr
    );
    assert!(
        told.stderr.contains("the proxy that HTTPS_PROXY names"),
        "{}",
        told.stderr
    );
}

/// A proxy on this machine that lets nobody through, and the first line of each request to it.
fn a_proxy_that_refuses() -> (String, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (told, asked) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 4096];
            let length = stream.read(&mut request).unwrap();
            let text = String::from_utf8_lossy(&request[..length]).into_owned();
            let _ = stream.write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n");
            if told.send(text.lines().next().unwrap_or_default().to_owned()).is_err() {
                return;
            }
        }
    });
    (url, asked)
}

#[test]
fn a_proxy_is_never_asked_for_this_machine() {
    let user = User::new();
    let (proxy, asked) = a_proxy_that_refuses();
    let variables = ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"].map(|name| (name, proxy.as_str()));
    let folder = user.home().join("site");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("Procfile"), "web: python3 serve.py\n").unwrap();
    fs::write(
        folder.join("serve.py"),
        "import http.server, os\n\
         class Page(http.server.BaseHTTPRequestHandler):\n\
         \x20   def do_GET(self):\n\
         \x20       self.send_response(200)\n\
         \x20       self.send_header('Cache-Control', 'max-age=5')\n\
         \x20       self.end_headers()\n\
         \x20   def log_message(self, *_): pass\n\
         http.server.ThreadingHTTPServer(('0.0.0.0', int(os.environ['PORT'])), Page).serve_forever()\n",
    )
    .unwrap();
    let bundle = format!("app.bundle={}", folder.display());
    // The site's pages as well as the API: `verify` is part of `up`.
    with(
        &user,
        &variables,
        &["up", "--sandbox", "--yes", "-p", "dev", "--set", &bundle],
    )
    .exits(0);
    // The same sandbox as AWS's own tools name it, with its keys in the environment.
    let exported = user.aws_environment();
    let mut doctor = user.command(&["doctor"]);
    let ran: Ran = doctor.envs(exported).envs(variables).output().unwrap().into();
    ran.exits(0);
    assert_eq!(asked.try_recv().ok(), None);
    user.confctl(&["teardown", "--sandbox", "--yes"]).exits(0);
}

#[test]
fn a_bundle_of_authorities_that_is_none_is_named_before_anything_is_sent() {
    let user = configured("[profile inspected]\nca_bundle = ca.pem\n");
    let absent = with(
        &user,
        &[KEYS[0], KEYS[1], NOBODY, ("AWS_CA_BUNDLE", "/nonexistent/ca.pem")],
        &["doctor"],
    )
    .exits(64);
    assert!(absent.stderr.contains("AWS_CA_BUNDLE"), "{}", absent.stderr);
    assert!(absent.stderr.contains("/nonexistent/ca.pem"), "{}", absent.stderr);
    let file = user.home().join("ca.pem");
    fs::write(
        &file,
        "-----BEGIN CERTIFICATE-----\nbm9uZQ==\n-----END CERTIFICATE-----\n",
    )
    .unwrap();
    let none = with(
        &user,
        &[KEYS[0], KEYS[1], NOBODY, ("AWS_CA_BUNDLE", file.to_str().unwrap())],
        &["doctor"],
    )
    .exits(64);
    assert!(none.stderr.contains("certificate 1"), "{}", none.stderr);
    let of_profile = with(
        &user,
        &[KEYS[0], KEYS[1], NOBODY, ("AWS_PROFILE", "inspected")],
        &["doctor"],
    )
    .exits(64);
    assert!(
        of_profile.stderr.contains("ca_bundle of the AWS profile inspected"),
        "{}",
        of_profile.stderr
    );
}

#[test]
fn a_region_of_another_partition_is_refused_before_anything_is_made() {
    let user = User::new();
    let empty = user.inventory_of_a_fresh_sandbox();
    for (region, partition) in [("us-gov-west-1", "aws-us-gov"), ("cn-north-1", "aws-cn")] {
        let up = ["up", "--sandbox", "--yes", "-p", "dev", "--region", region];
        let told = user.confctl(&up).exits(4);
        assert!(told.stderr.contains(partition), "{}", told.stderr);
    }
    assert_eq!(user.inventory(), empty);
}

#[test]
fn a_session_of_aws_login_is_read_and_one_that_is_over_says_how_to_renew_it() {
    let user =
        configured("[profile console]\nlogin_session = arn:aws:iam::123456789012:user/ann\nregion = us-east-1\n");
    let told = user.confctl(&["doctor", "--aws-profile", "console"]).exits(1);
    assert!(
        told.stderr.contains("hint: aws login --profile console"),
        "{}",
        told.stderr
    );
    assert!(!told.stderr.contains("cargo feature"), "{}", told.stderr);
}

/// A stand-in for a company's proxy that opens TLS: on this machine, with a certificate of an authority of its own
/// (`tests/it/authority`, good for nothing else). It tells every caller that AWS does not know the key. Gives its port.
fn an_endpoint_of_a_strange_authority() -> (Child, String) {
    let program = "import http.server, ssl, sys\n\
        class Endpoint(http.server.BaseHTTPRequestHandler):\n\
        \x20   def do_POST(self):\n\
        \x20       self.rfile.read(int(self.headers['content-length']))\n\
        \x20       text = b'<ErrorResponse><Error><Code>InvalidClientTokenId</Code><Message>no</Message></Error></ErrorResponse>'\n\
        \x20       self.send_response(403)\n\
        \x20       self.send_header('content-length', str(len(text)))\n\
        \x20       self.end_headers()\n\
        \x20       self.wfile.write(text)\n\
        \x20   def log_message(self, *_): pass\n\
        server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Endpoint)\n\
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)\n\
        context.load_cert_chain(sys.argv[1])\n\
        server.socket = context.wrap_socket(server.socket, server_side=True)\n\
        print(server.server_port, flush=True)\n\
        server.serve_forever()\n";
    let mut server = Command::new("python3")
        .args(["-c", program])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/authority/localhost.pem"))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut port = String::new();
    BufReader::new(server.stdout.take().unwrap())
        .read_line(&mut port)
        .unwrap();
    (server, port.trim().to_owned())
}

#[test]
fn a_companys_authority_is_trusted_where_it_is_named_and_the_way_is_told_where_it_is_not() {
    let authority = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/authority/ca.pem");
    let user = configured(&format!("[profile inspected]\nca_bundle = {authority}\n"));
    let (mut server, port) = an_endpoint_of_a_strange_authority();
    let endpoint = format!("https://localhost:{port}");
    let doctor = |variable: Option<(&str, &str)>| {
        let variables = [KEYS[0], KEYS[1], ("AWS_ENDPOINT_URL", endpoint.as_str())];
        let variables: Vec<_> = variables.into_iter().chain(variable).collect();
        with(&user, &variables, &["doctor"])
    };
    let strange = doctor(None);
    let by_variable = doctor(Some(("AWS_CA_BUNDLE", authority)));
    let by_profile = doctor(Some(("AWS_PROFILE", "inspected")));
    server.kill().unwrap();
    server.wait().unwrap();
    let strange = strange.exits(1).stderr;
    assert!(
        strange.contains("UnknownIssuer") && strange.contains("AWS_CA_BUNDLE=FILE"),
        "{strange}"
    );
    for trusted in [by_variable, by_profile] {
        let said = trusted.exits(1).stderr;
        assert!(said.contains("InvalidClientTokenId"), "{said}");
    }
}
