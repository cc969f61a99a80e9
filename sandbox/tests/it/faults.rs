//! What goes wrong on AWS, on demand: each kind of fault as a client meets it.

use aws_sdk_iam::error::ProvideErrorMetadata;
use http_body_util::BodyExt;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

use crate::harness::{Response, Sandbox, send, until};

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[]}"#;

impl Sandbox {
    async fn admin(&self, method: &str, path: &str, body: &Value) -> Response {
        let request = http::Request::builder()
            .method(method)
            .uri(format!("{}/_sandbox/{path}", self.info.endpoint()))
            .header("x-sandbox-token", &self.info.token);
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        send(request.body(http_body_util::Full::from(body)).unwrap()).await
    }

    /// Adds a fault; gives its number.
    async fn fault(&self, fault: Value) -> u64 {
        let added = self.admin("POST", "faults", &fault).await;
        assert_eq!(added.status, 200, "{}", added.body);
        let added: Value = serde_json::from_str(&added.body).unwrap();
        added["id"].as_u64().unwrap()
    }

    async fn faults(&self) -> Vec<Value> {
        serde_json::from_str(&self.admin("GET", "faults", &Value::Null).await.body).unwrap()
    }

    async fn clear(&self) {
        self.admin("DELETE", "faults", &Value::Null).await;
    }

    async fn iam(&self) -> aws_sdk_iam::Client {
        aws_sdk_iam::Client::new(&self.sdk().await)
    }

    /// The code of the error that ListTables of DynamoDB ends in; nothing where it does not.
    async fn list_tables(&self) -> Option<String> {
        let dynamodb = aws_sdk_dynamodb::Client::new(&self.sdk().await);
        let failed = dynamodb.list_tables().send().await.err()?;
        Some(
            aws_sdk_dynamodb::error::ProvideErrorMetadata::code(&failed)
                .unwrap_or("none")
                .to_owned(),
        )
    }
}

async fn create_role(iam: &aws_sdk_iam::Client, name: &str) -> Result<(), aws_sdk_iam::Error> {
    let create = iam.create_role().role_name(name).assume_role_policy_document(TRUST);
    Ok(create.send().await.map(|_| ())?)
}

async fn roles(iam: &aws_sdk_iam::Client) -> Vec<String> {
    let listed = iam.list_roles().send().await.unwrap();
    listed.roles().iter().map(|role| role.role_name().to_owned()).collect()
}

#[tokio::test]
async fn a_throttled_client_hears_it_as_from_each_service() {
    let sandbox = Sandbox::start().await;
    sandbox.fault(json!({"hits": "*:*", "kind": "throttle"})).await;
    let iam = sandbox.iam().await;
    let refused = create_role(&iam, "mine").await.unwrap_err();
    assert_eq!(
        (refused.code(), refused.message()),
        (Some("Throttling"), Some("Rate exceeded"))
    );
    assert_eq!(sandbox.list_tables().await.as_deref(), Some("ThrottlingException"));
    let vpcs = sandbox
        .post("ec2", &[FORM], "Action=DescribeVpcs&Version=2016-11-15", |_| {})
        .await;
    assert_eq!(vpcs.status, 503);
    assert!(vpcs.body.contains("<Code>RequestLimitExceeded</Code>"), "{}", vpcs.body);
    let topics = sandbox
        .post("sns", &[FORM], "Action=ListTopics&Version=2010-03-31", |_| {})
        .await;
    assert_eq!(topics.status, 429);
    assert!(topics.body.contains("<Code>Throttled</Code>"), "{}", topics.body);
    let buckets = sandbox.s3("GET", "/", &[], b"").await;
    assert_eq!(buckets.status, 503);
    assert!(buckets.body.contains("<Code>SlowDown</Code>"), "{}", buckets.body);
    sandbox.clear().await;
    create_role(&iam, "mine").await.unwrap();
}

#[tokio::test]
async fn the_second_request_fails_once_and_the_log_says_by_which_fault() {
    let sandbox = Sandbox::start().await;
    let id = sandbox
        .fault(json!({"hits": "dynamodb:List*", "kind": "error", "status": 503, "nth": 2}))
        .await;
    let mut answers = Vec::new();
    for _ in 0..4 {
        answers.push(sandbox.list_tables().await);
    }
    assert_eq!(answers, [None, Some("ServiceUnavailable".to_owned()), None, None]);
    let log: Vec<Value> = sandbox
        .requests()
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let met: Vec<_> = log.iter().filter(|line| !line["fault"].is_null()).collect();
    assert_eq!(met.len(), 1, "{log:?}");
    assert_eq!(met[0]["fault"], json!({"id": id, "kind": "error"}));
    assert_eq!(met[0]["status"], 503);
    let listed = &sandbox.faults().await[0];
    assert_eq!((&listed["met"], &listed["hit"]), (&json!(4), &json!(1)), "{listed}");
    assert_eq!(listed["latest"][0]["operation"], "dynamodb:ListTables");
}

#[tokio::test]
async fn a_connection_that_is_cut_before_has_done_nothing_and_one_cut_after_has() {
    let sandbox = Sandbox::start().await;
    let iam = sandbox.iam().await;
    for (kind, made, status) in [("cut-before", false, Value::Null), ("cut-after", true, json!(200))] {
        sandbox
            .fault(json!({"hits": "iam:CreateRole", "kind": kind, "times": 1}))
            .await;
        let lost = iam.create_role().role_name(kind).assume_role_policy_document(TRUST);
        let lost = lost.send().await.unwrap_err();
        assert!(
            lost.as_service_error().is_none(),
            "{kind}: there was an answer: {lost:?}"
        );
        assert_eq!(roles(&iam).await.contains(&kind.to_owned()), made, "{kind}");
        let log: Vec<Value> = sandbox
            .requests()
            .iter()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let met = log.iter().rfind(|line| line["operation"] == "CreateRole").unwrap();
        assert_eq!((&met["fault"]["kind"], &met["status"]), (&json!(kind), &status));
    }
}

#[tokio::test]
async fn a_truncated_answer_says_how_long_the_whole_is_and_has_half_of_it() {
    let sandbox = Sandbox::start().await;
    sandbox.s3("PUT", "/record", &[], b"").await;
    sandbox.s3("PUT", "/record/journal", &[], &[b'x'; 5000]).await;
    sandbox.s3("PUT", "/record/lock", &[], b"lock").await;
    let id = sandbox
        .fault(json!({"hits": "s3:GetObject:*/journal*", "kind": "truncate"}))
        .await;
    let whole = sandbox.s3("GET", "/record/lock", &[], b"").await;
    assert_eq!(whole.body, "lock");
    let link = sandbox.presigned("/record/journal", 60);
    let request = http::Request::get(link).body(http_body_util::Full::<bytes::Bytes>::default());
    let client = Client::builder(TokioExecutor::new()).build_http();
    let mut response = client.request(request.unwrap()).await.unwrap();
    assert_eq!(response.headers()["content-length"], "5000");
    let mut read = 0;
    let broken = loop {
        match response.body_mut().frame().await {
            Some(Ok(frame)) => read += frame.data_ref().map_or(0, bytes::Bytes::len),
            other => break other,
        }
    };
    assert!(matches!(broken, Some(Err(_))), "the body ended as if it were whole");
    assert_eq!(read, 2500);
    let listed = &sandbox.faults().await[0];
    assert_eq!((&listed["id"], &listed["hit"]), (&json!(id), &json!(1)), "{listed}");
}

#[tokio::test]
async fn a_held_request_goes_on_when_it_is_released() {
    let sandbox = Sandbox::start().await;
    let iam = sandbox.iam().await;
    for (when, made) in [("before", false), ("after", true)] {
        let fault = json!({"hits": "iam:CreateRole", "kind": "hold", "when": when, "nth": 1});
        let id = sandbox.fault(fault).await;
        let client = iam.clone();
        let creating = tokio::spawn(async move { create_role(&client, when).await });
        until("the held request", async || {
            sandbox
                .faults()
                .await
                .iter()
                .any(|fault| fault["held"][0]["operation"] == "iam:CreateRole")
        })
        .await;
        assert_eq!(roles(&iam).await.contains(&when.to_owned()), made, "{when}");
        assert!(!creating.is_finished());
        let released = sandbox.admin("DELETE", &format!("held?id={id}"), &Value::Null).await;
        assert_eq!(released.body, r#"{"released":1}"#);
        creating.await.unwrap().unwrap();
        assert!(roles(&iam).await.contains(&when.to_owned()));
        sandbox.clear().await;
    }
}

#[tokio::test]
async fn a_held_request_whose_client_is_gone_is_never_done() {
    let sandbox = Sandbox::start().await;
    let iam = sandbox.iam().await;
    sandbox.fault(json!({"hits": "iam:CreateRole", "kind": "hold"})).await;
    let client = iam.clone();
    let creating = tokio::spawn(async move { create_role(&client, "mine").await });
    let held = async || sandbox.faults().await[0]["held"].as_array().unwrap().len();
    until("the held request", async || held().await == 1).await;
    creating.abort();
    let _ = creating.await;
    until("the end of the connection", async || held().await == 0).await;
    sandbox.clear().await;
    assert!(!roles(&iam).await.contains(&"mine".to_owned()));
    let logged = sandbox
        .requests()
        .iter()
        .any(|line| line.contains(r#""status":null"#) && line.contains("hold"));
    assert!(logged, "{:?}", sandbox.requests());
}

#[tokio::test]
async fn a_delayed_request_is_done_all_the_same() {
    let sandbox = Sandbox::start().await;
    sandbox
        .fault(json!({"hits": "iam:CreateRole", "kind": "delay", "after": 0.01}))
        .await;
    let iam = sandbox.iam().await;
    create_role(&iam, "mine").await.unwrap();
    assert_eq!(sandbox.faults().await[0]["hit"], 1);
}

#[tokio::test]
async fn who_is_denied_hears_it_in_the_words_of_iam_or_reads_nothing() {
    let sandbox = Sandbox::start().await;
    sandbox.fault(json!({"hits": "*:*", "kind": "deny"})).await;
    let iam = sandbox.iam().await;
    let refused = create_role(&iam, "mine").await.unwrap_err();
    assert_eq!(refused.code(), Some("AccessDenied"));
    let said = refused.message().unwrap();
    assert!(
        said.contains("arn:aws:iam::123456789012:user/sandbox is not authorized to perform: iam:CreateRole")
            && said.contains("arn:aws:iam::123456789012:role/mine"),
        "{said}"
    );
    assert_eq!(sandbox.list_tables().await.as_deref(), Some("AccessDeniedException"));
    let body = "Action=DescribeEnvironments&Version=2010-12-01";
    let environments = sandbox.post("elasticbeanstalk", &[FORM], body, |_| {}).await;
    assert_eq!(environments.status, 200, "{}", environments.body);
    // The simulator says what happens: by it a caller knows that Beanstalk's empty list is none.
    let user = "arn:aws:iam::123456789012:user/sandbox";
    let asked = iam.simulate_principal_policy().policy_source_arn(user);
    let asked = asked.action_names("elasticbeanstalk:DescribeEnvironments");
    assert_eq!(asked.send().await.unwrap_err().code(), Some("AccessDenied"));
    sandbox.clear().await;
    sandbox
        .fault(json!({"hits": "elasticbeanstalk:*", "kind": "deny"}))
        .await;
    for (action, decision) in [
        ("elasticbeanstalk:DescribeEnvironments", "implicitDeny"),
        ("iam:CreateRole", "allowed"),
    ] {
        let asked = iam.simulate_principal_policy().policy_source_arn(user);
        let told = asked.action_names(action).send().await.unwrap();
        assert_eq!(told.evaluation_results()[0].eval_decision().as_str(), decision);
    }
    // Whom one is can be denied to nobody.
    let identity = aws_sdk_sts::Client::new(&sandbox.sdk().await);
    identity.get_caller_identity().send().await.unwrap();
}

#[tokio::test]
async fn chance_repeats_itself_with_its_seed() {
    let sandbox = Sandbox::start().await;
    let mut runs = Vec::new();
    for seed in [7, 7, 8] {
        let fault = json!({"hits": "dynamodb:ListTables", "kind": "throttle", "probability": 0.3, "seed": seed});
        sandbox.fault(fault).await;
        let mut run = Vec::new();
        for _ in 0..40 {
            run.push(sandbox.list_tables().await.is_some());
        }
        sandbox.clear().await;
        runs.push(run);
    }
    assert_eq!(runs[0], runs[1]);
    assert_ne!(runs[0], runs[2]);
    assert!(runs[0].contains(&true) && runs[0].contains(&false));
}

#[tokio::test]
async fn a_fault_that_could_never_hit_is_refused_by_name() {
    let sandbox = Sandbox::start().await;
    for (fault, named) in [
        (json!({"hits": "iam:CreateRoles", "kind": "throttle"}), "'CreateRoles'"),
        (json!({"hits": "iam:CreateRole", "kind": "slow"}), "slow"),
        (
            json!({"hits": "iam:CreateRole", "kind": "throttle", "nth": 0}),
            "nth is 0",
        ),
        (
            json!({"hits": "iam:CreateRole", "kind": "throttle", "often": 1}),
            "often",
        ),
    ] {
        let refused = sandbox.admin("POST", "faults", &fault).await;
        assert_eq!(refused.status, 400, "{fault}");
        assert!(refused.body.contains(named), "{}", refused.body);
    }
    for path in ["faults?id=7", "held?id=7"] {
        let unknown = sandbox.admin("DELETE", path, &Value::Null).await;
        assert_eq!(unknown.status, 404, "{}", unknown.body);
    }
    assert!(sandbox.faults().await.is_empty());
}
