//! A bundle's `.platform/nginx`, as its author sees it tested.

use super::*;

/// What the platform's own file has, with the types of the folder that it is in: on an instance there are none.
const RELATIVE: &str = "events {}\nhttp {\n  include mime.types;\n  include conf.d/*.conf;\n  server {\n    listen 80;\n    \
     include conf.d/elasticbeanstalk/*.conf;\n  }\n  map $http_upgrade $connection_upgrade { default upgrade; }\n}\n";

/// Without nginx nothing is tested, here as elsewhere.
fn has_nginx() -> bool {
    let found = |place: &&str| Path::new(place).join("nginx").is_file();
    ["/usr/sbin", "/usr/local/sbin", "/usr/bin", "/usr/local/bin"]
        .iter()
        .any(found)
}

fn log(machines: &Machines) -> String {
    let logs = machines.logs("i-1").into_iter();
    logs.filter(|(log, _)| log == "eb-engine.log")
        .map(|(_, text)| text)
        .collect()
}

fn site(page: &'static str, configuration: &[(&'static str, &'static str)]) -> Bytes {
    let own = [("Procfile", SERVER, 0o644), ("page.txt", page, 0o644)];
    let more = configuration.iter().map(|(name, text)| (*name, *text, 0o644));
    bundle(&own.into_iter().chain(more).collect::<Vec<_>>())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_type_map_that_is_not_in_the_staging_folder_fails_the_deployment() {
    if !has_nginx() {
        return;
    }
    let directory = private_directory();
    let machines = machines(directory.path());
    let broken = site("one", &[(".platform/nginx/nginx.conf", RELATIVE)]);
    let failure = machines.deploy(deployment("i-1", broken)).await.unwrap_err();
    let said = "copy proxy conf from staging failed with error validate nginx configuration failed";
    assert!(failure.reason.starts_with(said), "{}", failure.reason);
    assert!(
        failure.reason.contains("/var/proxy/staging/nginx/mime.types"),
        "{}",
        failure.reason
    );
    assert_eq!(machines.address("i-1"), None, "no proxy was started");
    let engine = log(&machines);
    assert!(
        engine.contains(
            "[ERROR] An error occurred during execution of command [app-deploy] - [start proxy with new configuration]."
        ),
        "{engine}"
    );
    machines.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_put_beside_the_platforms_own_files_is_taken_and_a_broken_one_leaves_the_proxy_that_runs() {
    if !has_nginx() {
        return;
    }
    let directory = private_directory();
    let machines = machines(directory.path());
    let good = site(
        "one",
        &[(".platform/nginx/conf.d/more.conf", "client_max_body_size 8k;\n")],
    );
    machines.deploy(deployment("i-1", good)).await.unwrap();
    let broken = site(
        "two",
        &[(".platform/nginx/conf.d/elasticbeanstalk/more.conf", "etag sometimes;\n")],
    );
    let failure = machines.deploy(deployment("i-1", broken)).await.unwrap_err();
    assert!(
        failure.reason.contains("invalid value \"sometimes\""),
        "{}",
        failure.reason
    );
    assert!(get(machines.address("i-1").unwrap(), "/page.txt").ends_with("two"));
    machines.shutdown().await;
}
