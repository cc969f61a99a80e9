//! Traffic as viewers see it: through the edge and the load balancer to origins that count what reaches them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::{HeaderMap, Method, StatusCode};
use http_body_util::BodyExt;
use tokio_util::sync::CancellationToken;

use crate::instances::tests as instances;
use crate::world::balancing::{HealthCheck, Listener, LoadBalancer, Target, TargetGroup, TargetState};
use crate::world::clock::Clock;
use crate::world::distributions::{Behavior, Configuration, Origin};
use crate::world::edge_policies::CACHE_POLICIES;
use crate::world::plane::{DataPlane, Deployment, DeploymentFailure, Objects};
use crate::world::web_acls::{Definition, Rule, Statement};
use crate::world::{Tags, World};

const BALANCER: &str = "awseb-1.us-east-1.elb.localhost";
pub(crate) const OPTIMIZED: &str = "Managed-CachingOptimized";
const ALL_METHODS: &[&str] = &["GET", "HEAD", "OPTIONS", "PUT", "PATCH", "POST", "DELETE"];

/// Instances that are servers of the test.
#[derive(Default)]
pub(crate) struct Fixed(BTreeMap<String, SocketAddr>);

impl DataPlane for Fixed {
    fn launch(&self, _: &str, _: u32) {}
    fn deploy(&self, _: Deployment) -> BoxFuture<'static, Result<(), DeploymentFailure>> {
        async { Ok(()) }.boxed()
    }
    fn restart(&self, _: &str) {}
    fn terminate(&self, _: &str) -> BoxFuture<'static, ()> {
        async {}.boxed()
    }
    fn address(&self, instance_id: &str) -> Option<SocketAddr> {
        self.0.get(instance_id).copied()
    }
    fn log_tail(&self, _: &str) -> String {
        String::new()
    }
}

struct NoObjects;

impl Objects for NoObjects {
    fn ensure_bucket(&self, _: &str, _: &str) -> BoxFuture<'static, ()> {
        async {}.boxed()
    }
    fn get(&self, _: &str, _: &str) -> BoxFuture<'static, Option<Bytes>> {
        async { None }.boxed()
    }
    fn put(&self, _: &str, _: &str, _: Bytes) -> BoxFuture<'static, ()> {
        async {}.boxed()
    }
    fn delete(&self, _: &str, _: &str) -> BoxFuture<'static, ()> {
        async {}.boxed()
    }
    fn list_all(&self) -> BoxFuture<'static, Vec<String>> {
        async { Vec::new() }.boxed()
    }
}

pub(crate) fn world(scale: f64, plane: impl DataPlane + 'static) -> Arc<World> {
    let clock = Clock::new(scale);
    World::new(
        "123456789012",
        clock,
        CancellationToken::new(),
        Box::new(plane),
        Box::new(NoObjects),
    )
}

/// What an origin was asked last: method, path and query, headers, body.
type Seen = (Method, String, HeaderMap, Bytes);

/// An origin whose answer the test sets, and which remembers what it was asked.
#[derive(Clone, Default)]
struct App {
    requests: Arc<AtomicUsize>,
    status: Arc<AtomicU16>,
    answer: Arc<Mutex<HeaderMap>>,
    pause: Arc<Mutex<Duration>>,
    seen: Arc<Mutex<Option<Seen>>>,
}

impl App {
    fn says(&self, name: &'static str, value: &'static str) {
        self.answer.lock().unwrap().insert(name, value.parse().unwrap());
    }

    fn fails_with(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
    }

    fn count(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    fn seen(&self) -> Seen {
        self.seen.lock().unwrap().clone().unwrap()
    }

    async fn answer(self, request: Request) -> Response {
        let number = self.requests.fetch_add(1, Ordering::SeqCst) + 1;
        let pause = *self.pause.lock().unwrap();
        tokio::time::sleep(pause).await;
        let (parts, body) = request.into_parts();
        let path = parts.uri.path_and_query().unwrap().to_string();
        let etag = self.answer.lock().unwrap().get("etag").cloned();
        let known = etag.is_some() && parts.headers.get("if-none-match") == etag.as_ref();
        let body = body.collect().await.unwrap().to_bytes();
        *self.seen.lock().unwrap() = Some((parts.method, path, parts.headers, body));
        let mut response = Response::new(Body::from(format!("answer {number}")));
        *response.headers_mut() = self.answer.lock().unwrap().clone();
        match self.status.load(Ordering::SeqCst) {
            0 if known => *response.status_mut() = StatusCode::NOT_MODIFIED,
            0 => {}
            status => *response.status_mut() = StatusCode::from_u16(status).unwrap(),
        }
        response
    }

    async fn serve(&self) -> SocketAddr {
        let app = self.clone();
        let router = Router::new().fallback(move |request: Request| app.clone().answer(request));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        address
    }
}

/// Puts a load balancer in front of the instances.
fn balance(world: &World, instances: &[&str], path: &str) {
    let mut state = world.lock();
    let balancing = &mut state.region("us-east-1").balancing;
    let tags = Tags::new();
    balancing.load_balancers.insert(
        "lb".to_owned(),
        LoadBalancer {
            arn: "lb".to_owned(),
            name: "awseb".to_owned(),
            dns_name: BALANCER.to_owned(),
            state: "active".to_owned(),
            kind: "application".to_owned(),
            scheme: "internet-facing".to_owned(),
            vpc_id: "vpc-1".to_owned(),
            subnets: Vec::new(),
            security_groups: Vec::new(),
            idle_timeout: 60,
            created: jiff::Timestamp::now(),
            tags: tags.clone(),
        },
    );
    balancing.listeners.insert(
        "listener".to_owned(),
        Listener {
            arn: "listener".to_owned(),
            load_balancer_arn: "lb".to_owned(),
            port: 80,
            protocol: "HTTP".to_owned(),
            target_group_arn: "group".to_owned(),
        },
    );
    let targets = instances.iter().map(|id| ((*id).to_owned(), Target::new(id, 80)));
    balancing.target_groups.insert(
        "group".to_owned(),
        TargetGroup {
            arn: "group".to_owned(),
            name: "group".to_owned(),
            port: 80,
            protocol: "HTTP".to_owned(),
            vpc_id: "vpc-1".to_owned(),
            check: HealthCheck {
                path: path.to_owned(),
                interval: 15,
                timeout: 5,
                healthy_threshold: 2,
                unhealthy_threshold: 2,
                matcher: "200".to_owned(),
            },
            deregistration_delay: 20,
            targets: targets.collect(),
            tags,
        },
    );
}

fn behavior(policy: &str) -> Behavior {
    let policy = CACHE_POLICIES.iter().find(|known| known.name == policy).unwrap();
    let methods = |list: &[&str]| list.iter().map(|&method| method.to_owned()).collect();
    Behavior {
        path_pattern: "*".to_owned(),
        target_origin_id: "origin".to_owned(),
        viewer_protocol_policy: "allow-all".to_owned(),
        allowed_methods: methods(ALL_METHODS),
        cached_methods: methods(&["GET", "HEAD"]),
        cache_policy_id: policy.id.to_owned(),
        origin_request_policy_id: None,
    }
}

pub(crate) fn configuration(policy: &str) -> Configuration {
    Configuration {
        caller_reference: crate::world::ids::uuid(),
        comment: String::new(),
        enabled: true,
        default_root_object: String::new(),
        web_acl_id: String::new(),
        origins: vec![Origin {
            id: "origin".to_owned(),
            domain_name: BALANCER.to_owned(),
            path: String::new(),
            custom_headers: Vec::new(),
            protocol_policy: "http-only".to_owned(),
            http_port: 80,
            read_timeout: 30,
        }],
        default_behavior: behavior(policy),
        behaviors: Vec::new(),
        error_ttls: BTreeMap::new(),
        document: serde_json::Value::Null,
    }
}

/// A world with an app behind a load balancer behind a distribution, deployed long ago.
pub(crate) struct Site {
    pub world: Arc<World>,
    app: App,
    pub id: String,
    domain: String,
}

/// Sandbox seconds in a real one: slow enough for ten of them to pass while a busy machine answers.
const SCALE: f64 = 20.0;

impl Site {
    async fn new(configuration: Configuration) -> Self {
        Self::at(SCALE, configuration).await
    }

    pub(crate) async fn at(scale: f64, configuration: Configuration) -> Self {
        let app = App::default();
        let address = app.serve().await;
        let world = world(scale, Fixed(BTreeMap::from([("i-1".to_owned(), address)])));
        balance(&world, &["i-1"], "/");
        let (id, domain) = Self::distribute(&world, configuration);
        Self { world, app, id, domain }
    }

    fn distribute(world: &World, configuration: Configuration) -> (String, String) {
        let long_ago = world.clock.now() - jiff::SignedDuration::from_hours(1);
        let made = world
            .lock()
            .create_distribution(configuration, Tags::new(), long_ago)
            .unwrap();
        (made.id, made.domain_name)
    }

    async fn ask(&self, request: http::request::Builder, body: &str) -> (StatusCode, HeaderMap, String) {
        let request = request
            .header("host", format!("{}:4566", self.domain))
            .body(Body::from(body.to_owned()))
            .unwrap();
        read(super::serve(self.world.clone(), request).await).await
    }

    async fn get(&self, path: &str) -> (StatusCode, HeaderMap, String) {
        self.ask(Request::get(path).header("user-agent", "curl/8"), "").await
    }

    /// Waits in sandbox seconds.
    async fn wait(&self, seconds: u64) {
        self.world.clock.sleep_seconds(seconds).await;
    }
}

async fn read(response: Response) -> (StatusCode, HeaderMap, String) {
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (parts.status, parts.headers, String::from_utf8_lossy(&body).into_owned())
}

#[tokio::test]
async fn the_second_viewer_gets_what_the_first_one_brought() {
    let site = Site::new(configuration(OPTIMIZED)).await;
    site.app.says("cache-control", "public, max-age=600");
    let (_, headers, body) = site.get("/style.css?v=1").await;
    assert_eq!(
        (&headers["x-cache"], body.as_str()),
        (&"Miss from cloudfront".parse().unwrap(), "answer 1")
    );
    // The query is neither in the key nor sent.
    let (_, headers, body) = site.get("/style.css?v=2").await;
    assert_eq!(
        (&headers["x-cache"], body.as_str()),
        (&"Hit from cloudfront".parse().unwrap(), "answer 1")
    );
    assert!(headers.contains_key("age") && headers.contains_key("via") && headers.contains_key("x-amz-cf-id"));
    assert_eq!(site.app.seen().1, "/style.css");
}

#[tokio::test]
async fn caching_optimized_keeps_a_no_store_page_for_one_second() {
    let site = Site::new(configuration(OPTIMIZED)).await;
    site.app.says("cache-control", "no-store");
    site.get("/").await;
    site.wait(2).await;
    let (_, headers, body) = site.get("/").await;
    assert_eq!(
        (&headers["x-cache"], body.as_str()),
        (&"Miss from cloudfront".parse().unwrap(), "answer 2")
    );
}

#[tokio::test]
async fn the_origin_sees_cloudfront_and_not_the_viewers_cookies() {
    let site = Site::new(configuration(OPTIMIZED)).await;
    site.app.says("set-cookie", "session=1");
    let request = Request::post("/register?from=mail")
        .header("user-agent", "curl/8")
        .header("cookie", "session=1")
        .header("referer", "https://example.org/")
        .header("content-type", "application/x-www-form-urlencoded");
    let (status, headers, _) = site.ask(request, "email=a%40example.org").await;
    assert_eq!(status, StatusCode::OK);
    assert!(!headers.contains_key("set-cookie"));
    let (method, path, headers, body) = site.app.seen();
    assert_eq!(
        (method, path.as_str(), &body[..]),
        (Method::POST, "/register", &b"email=a%40example.org"[..])
    );
    assert_eq!(headers["user-agent"], "Amazon CloudFront");
    assert_eq!(headers["host"], BALANCER);
    assert_eq!(headers["content-type"], "application/x-www-form-urlencoded");
    assert_eq!(headers["x-forwarded-proto"], "http");
    assert_eq!(headers["x-forwarded-for"], "127.0.0.1, 127.0.0.1");
    assert!(headers.contains_key("x-amzn-trace-id"));
    for gone in ["cookie", "referer"] {
        assert!(!headers.contains_key(gone), "{gone} reached the origin");
    }
}

#[tokio::test]
async fn a_post_is_never_kept() {
    let site = Site::new(configuration(OPTIMIZED)).await;
    site.app.says("cache-control", "max-age=600");
    for number in 1..=2 {
        let (_, headers, body) = site.ask(Request::post("/").header("user-agent", "curl/8"), "a").await;
        assert_eq!(body, format!("answer {number}"));
        assert_eq!(headers["x-cache"], "Miss from cloudfront");
    }
}

#[tokio::test]
async fn an_expired_answer_is_confirmed_or_stands_in_for_an_error() {
    let site = Site::new(configuration(OPTIMIZED)).await;
    site.app.says("cache-control", "max-age=1");
    site.app.says("etag", "\"v1\"");
    site.get("/").await;
    site.wait(2).await;
    let (_, headers, body) = site.get("/").await;
    assert_eq!(
        (&headers["x-cache"], body.as_str()),
        (&"RefreshHit from cloudfront".parse().unwrap(), "answer 1")
    );
    site.wait(2).await;
    site.app.fails_with(503);
    let (status, _, body) = site.get("/").await;
    assert_eq!((status, body.as_str()), (StatusCode::OK, "answer 1"));
    let viewer = Request::get("/")
        .header("user-agent", "curl/8")
        .header("if-none-match", "\"v1\"");
    assert_eq!(site.ask(viewer, "").await.0, StatusCode::NOT_MODIFIED);
}

#[tokio::test]
async fn an_error_is_kept_for_ten_seconds() {
    let site = Site::new(configuration(OPTIMIZED)).await;
    site.app.fails_with(503);
    site.get("/").await;
    site.app.fails_with(0);
    let (status, headers, _) = site.get("/").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(headers["x-cache"], "Error from cloudfront");
    assert_eq!(site.app.count(), 1);
    site.wait(12).await;
    assert_eq!(site.get("/").await.0, StatusCode::OK);
}

#[tokio::test]
async fn viewers_at_the_same_moment_share_one_request_to_the_origin() {
    let site = Site::new(configuration(OPTIMIZED)).await;
    site.app.says("cache-control", "no-store");
    *site.app.pause.lock().unwrap() = Duration::from_millis(100);
    let answers = futures_util::future::join_all((0..20).map(|_| site.get("/"))).await;
    assert!(answers.iter().all(|(_, _, body)| body == "answer 1"));
    assert_eq!(site.app.count(), 1);
}

#[tokio::test]
async fn caching_disabled_shares_nothing() {
    let site = Site::new(configuration("Managed-CachingDisabled")).await;
    site.app.says("cache-control", "max-age=600");
    let answers = futures_util::future::join_all((0..3).map(|_| site.get("/"))).await;
    assert_eq!((answers.len(), site.app.count()), (3, 3));
}

#[tokio::test]
async fn an_invalidation_makes_the_edge_ask_again() {
    let site = Site::new(configuration(OPTIMIZED)).await;
    site.get("/a/page").await;
    let now = site.world.clock.now();
    let invalidation = crate::world::distributions::Invalidation {
        id: "I1".to_owned(),
        caller_reference: "1".to_owned(),
        paths: vec!["/a/*".to_owned()],
        created: now,
    };
    site.world
        .lock()
        .distributions
        .get_mut(&site.id)
        .unwrap()
        .invalidations
        .push(invalidation);
    assert_eq!(site.get("/a/page").await.2, "answer 2");
    assert_eq!(site.get("/a/page").await.2, "answer 2");
}

#[tokio::test]
async fn methods_and_protocols_are_the_behaviors() {
    let mut configuration = configuration(OPTIMIZED);
    configuration.default_behavior.allowed_methods = vec!["GET".to_owned(), "HEAD".to_owned()];
    let mut secure = behavior(OPTIMIZED);
    secure.path_pattern = "/secure/*".to_owned();
    secure.viewer_protocol_policy = "redirect-to-https".to_owned();
    let mut strict = behavior(OPTIMIZED);
    strict.path_pattern = "/strict/*".to_owned();
    strict.viewer_protocol_policy = "https-only".to_owned();
    configuration.behaviors = vec![secure, strict];
    let site = Site::new(configuration).await;
    let post = |path: &str| Request::post(path).header("user-agent", "curl/8");
    assert_eq!(site.ask(post("/"), "a").await.0, StatusCode::FORBIDDEN);
    let (status, headers, _) = site.get("/secure/a?b=c").await;
    assert_eq!(status, StatusCode::MOVED_PERMANENTLY);
    assert_eq!(headers["location"], format!("https://{}/secure/a?b=c", site.domain));
    assert_eq!(site.ask(post("/secure/a"), "a").await.0, StatusCode::TEMPORARY_REDIRECT);
    assert_eq!(site.get("/strict/a").await.0, StatusCode::FORBIDDEN);
    assert_eq!(site.app.count(), 0);
}

#[tokio::test]
async fn a_web_acl_blocks_what_has_no_user_agent_and_who_asks_too_often() {
    let site = Site::new(configuration(OPTIMIZED)).await;
    let rules = vec![
        Rule {
            name: "common".to_owned(),
            counts: false,
            statement: Statement::Managed {
                group: "AWSManagedRulesCommonRuleSet".to_owned(),
                counted: vec!["SizeRestrictions_QUERYSTRING".to_owned()],
            },
        },
        Rule {
            name: "rate".to_owned(),
            counts: false,
            statement: Statement::Rate {
                limit: 10,
                window: 600,
                forwarded_in: None,
            },
        },
    ];
    let definition = Definition {
        description: None,
        allows: true,
        rules,
        capacity: 702,
        document: serde_json::Map::new(),
    };
    let acl = site
        .world
        .lock()
        .create_web_acl("site", definition, Tags::new(), jiff::Timestamp::now())
        .unwrap();
    let mut guarded = configuration(OPTIMIZED);
    guarded.web_acl_id = acl.arn;
    let (id, domain) = Site::distribute(&site.world, guarded);
    let site = Site { id, domain, ..site };
    let (status, headers, body) = site.ask(Request::get("/"), "").await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert_eq!(headers["x-cache"], "Error from cloudfront");
    assert!(body.contains("Request blocked"));
    // Overridden to Count.
    assert_eq!(site.get(&format!("/?{}", "q".repeat(3_000))).await.0, StatusCode::OK);
    let large = Request::post("/")
        .header("user-agent", "curl/8")
        .header("content-length", "9000");
    assert_eq!(site.ask(large, &"a".repeat(9_000)).await.0, StatusCode::FORBIDDEN);
    for _ in 0..9 {
        assert_eq!(site.get("/").await.0, StatusCode::OK);
    }
    assert_eq!(site.get("/").await.0, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_change_reaches_the_edge_when_it_is_deployed() {
    let site = Site::at(300.0, configuration(OPTIMIZED)).await;
    let present = site.world.lock().distributions.get(&site.id).unwrap().clone();
    let mut disabled = present.configuration.clone();
    disabled.enabled = false;
    let now = site.world.clock.now();
    let changed = site
        .world
        .lock()
        .update_distribution(&site.id, Some(&present.etag), disabled, now)
        .unwrap();
    assert_eq!(changed.status(now), "InProgress");
    assert_eq!(site.get("/").await.0, StatusCode::OK);
    let delete = || {
        let now = site.world.clock.now();
        site.world
            .lock()
            .delete_distribution(&site.id, Some(&changed.etag), now)
    };
    assert_eq!(delete().unwrap_err().code, "DistributionNotDisabled");
    site.wait(245).await;
    assert_eq!(site.get("/").await.0, StatusCode::FORBIDDEN);
    delete().unwrap();
    assert_eq!(site.get("/").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_origin_that_is_not_of_the_sandbox_is_refused_with_a_reason() {
    let mut configuration = configuration(OPTIMIZED);
    configuration.origins[0].domain_name = "example.org".to_owned();
    let site = Site::new(configuration).await;
    let (status, _, body) = site.get("/").await;
    assert_eq!(status, StatusCode::BAD_GATEWAY);
    assert!(body.contains("example.org does not resolve"), "{body}");
}

#[tokio::test]
async fn a_slow_origin_is_a_504_and_a_load_balancer_without_targets_a_503() {
    let mut impatient = configuration("Managed-CachingDisabled");
    impatient.origins[0].read_timeout = 1;
    let site = Site::new(impatient).await;
    *site.app.pause.lock().unwrap() = Duration::from_millis(1_500);
    let (status, headers, body) = site.ask(Request::post("/").header("user-agent", "curl/8"), "a").await;
    assert_eq!(status, StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(headers["server"], "CloudFront");
    assert!(body.contains("could not be satisfied"));

    balance(&site.world, &[], "/");
    let (status, headers, body) = site.get("/").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(headers["server"], "awselb/2.0");
    assert!(body.contains("503 Service Unavailable"));
}

/// The whole data plane: processes of a bundle behind health checks, a load balancer and the edge.
#[tokio::test(flavor = "multi_thread")]
async fn a_real_process_serves_through_the_edge_until_it_is_gone() {
    let directory = tempfile::tempdir().unwrap();
    let world = world(600.0, instances::machines(directory.path()));
    let page = instances::bundle(&[("Procfile", instances::SERVER, 0o644), ("page.txt", "hello", 0o644)]);
    for id in ["i-1", "i-2"] {
        world
            .plane
            .deploy(instances::deployment(id, page.clone()))
            .await
            .unwrap();
    }
    balance(&world, &["i-1", "i-2"], "/page.txt");
    super::start(&world);
    let state = |id: &str| world.lock().region("us-east-1").balancing.target_groups["group"].targets[id].state;
    let becomes = async |id: &str, wanted: TargetState| {
        for _ in 0..300 {
            if state(id) == wanted {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{id} does not become {wanted:?}");
    };
    becomes("i-1", TargetState::Healthy).await;
    becomes("i-2", TargetState::Healthy).await;

    let (_, domain) = Site::distribute(&world, configuration(OPTIMIZED));
    let ask = async |host: &str| {
        let request = Request::get("/page.txt")
            .header("host", host)
            .body(Body::empty())
            .unwrap();
        read(super::serve(world.clone(), request).await).await
    };
    assert_eq!(ask(&domain).await.2, "hello");
    world.plane.terminate("i-1").await;
    becomes("i-1", TargetState::Unhealthy).await;
    for _ in 0..4 {
        assert_eq!(
            ask(BALANCER).await.0,
            StatusCode::OK,
            "a request went to an unhealthy target"
        );
    }
    world.plane.terminate("i-2").await;
    becomes("i-2", TargetState::Unhealthy).await;
    assert_eq!(ask(BALANCER).await.0, StatusCode::BAD_GATEWAY);
    world.shutdown.cancel();
}
