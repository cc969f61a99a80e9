//! confctl in an account whose answers are a script: its own clients, its own engine, one resource of its own graph.
//! The only file here that knows how the engine is run.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use confctl::aws::target::Target;
use confctl::aws::{Aws, clients};
use confctl::engine::{
    Busy, Change, Error, Event, Events, Failure, FieldChange, Gate, Graph, Intent, Intents, Journal, Limits, Member,
    Never, Node, Observed, Outcome, Output, Owner, Pace, Plan, ReadCx, Removal, Report, Resource, ResourceId, Run,
    Seen, Settings, Sink, Values, WriteCx, down, up,
};
use confctl::profile::{Profile, StackName};
use confctl::resources::{BundleToRun, Stack, graph};
use futures_util::future::BoxFuture;
use tokio::time::Instant;

use crate::bodies::query;
use crate::script::{Replay, Script};
use crate::wire;

pub const ACCOUNT: &str = "123456789012";
pub const REGION: &str = "us-east-1";

/// An account, and what confctl was told to do there.
pub struct Account {
    pub replay: Replay,
    read: Arc<Aws>,
    write: Arc<Aws>,
    told: Told,
    intents: Vec<confctl::engine::Intent>,
}

/// What a run said, in its own words.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<String>>>);

impl Sink for Told {
    fn event(&self, event: Event) {
        let text = match event {
            Event::Progress { text, .. } | Event::Notice { text, .. } => text,
            _ => return,
        };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(text);
    }
}

/// How a step ended.
#[derive(Debug)]
pub struct Ran {
    pub report: Report,
}

impl Ran {
    /// The step's failure.
    ///
    /// # Panics
    /// Where it went well.
    pub fn failure(&self) -> &Failure {
        let failure = self.report.failures().next();
        failure.unwrap_or_else(|| panic!("it did not fail: {:?}", self.report))
    }

    /// # Panics
    /// Where it did not go well.
    pub fn done(&self) {
        let well = |outcome: &Outcome| matches!(outcome, Outcome::Done | Outcome::Unchanged);
        assert!(
            self.report.steps.iter().all(|step| well(&step.outcome)),
            "{:?}",
            self.report
        );
    }
}

/// The account of the root user, who needs no proof of what he may read.
pub async fn of_root(script: Script) -> Account {
    as_caller(script, &format!("arn:aws:iam::{ACCOUNT}:root")).await
}

/// The account as it is for this caller.
pub async fn as_caller(script: Script, arn: &str) -> Account {
    connect(script, arn, REGION)
        .await
        .unwrap_or_else(|error| panic!("{}", error.in_a_line()))
}

/// Connects as confctl does.
///
/// # Errors
/// As confctl's own.
pub async fn connect(script: Script, arn: &str, region: &str) -> Result<Account, Error> {
    let identity = format!("<Arn>{arn}</Arn><UserId>{ACCOUNT}</UserId><Account>{ACCOUNT}</Account>");
    let source = "cloud-custodian/cloud-custodian tests/data/placebo/test_kms_remove_matched";
    let script = script.recorded("sts:GetCallerIdentity", source, query("GetCallerIdentity", &identity));
    connect_to(Replay::new(script), region).await
}

/// The same, for a script that says itself who the caller is.
///
/// # Errors
/// As confctl's own.
pub async fn connect_to(replay: Replay, region: &str) -> Result<Account, Error> {
    let config = wire::configuration(&replay, region);
    let (read, write) = clients::connect(&Target::aws(), &config, region, None).await?;
    Ok(Account {
        replay,
        read: Arc::new(read),
        write: Arc::new(write),
        told: Told::default(),
        intents: Vec::new(),
    })
}

/// The default stack with a changed profile.
pub fn stack(change: impl FnOnce(&mut Profile)) -> Arc<Stack> {
    let mut profile = Profile::default();
    change(&mut profile);
    Arc::new(stack_of(profile))
}

/// The default stack of a profile; its bundle is a small file.
pub fn stack_of(profile: Profile) -> Stack {
    let bundle = BundleToRun {
        label: "v1".to_owned(),
        description: "as it is".to_owned(),
        mark: String::new(),
        properties: Default::default(),
        build: Box::new(|_, _| {
            let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("bundle.zip");
            std::fs::write(&file, b"a bundle").map_err(|error| Error::failed(error.to_string()))?;
            Ok(file)
        }),
    };
    let mut stack = Stack::new(StackName::default(), REGION, profile, bundle);
    // Whatever may be asked is asked.
    stack.is_removed = true;
    stack
}

impl Account {
    /// Clients that only read, as resources and commands have them.
    pub fn reading(&self) -> &Aws {
        &self.read
    }

    pub fn writing(&self) -> &Arc<Aws> {
        &self.write
    }

    /// What a former run wrote down and did not settle.
    pub fn remembering(mut self, resource: &str, what: &str, value: &str) -> Self {
        self.intents.push(confctl::engine::Intent {
            resource: resource.to_owned(),
            what: what.to_owned(),
            value: value.to_owned(),
        });
        self
    }

    /// What the run said while it was at it.
    pub fn told(&self) -> Vec<String> {
        self.told.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What a command of this account goes by that runs no step.
    pub fn settings(&self) -> Settings {
        self.context().settings().clone()
    }

    fn context(&self) -> ReadCx<Aws> {
        let settings = Settings {
            // AWS's minutes are milliseconds here; what never comes is given up after some seconds.
            pace: Pace {
                speed: 1e9,
                shortest_interval: Duration::from_millis(1),
                shortest_limit: Duration::from_secs(3),
            },
            events: Events::new(self.told.clone()),
            stop: tokio_util::sync::CancellationToken::new(),
            deadline: Instant::now() + Duration::from_secs(60),
            intents: Intents::new(self.intents.clone()),
            busy: Busy::default(),
        };
        ReadCx::new(self.read.clone(), settings)
    }

    fn run(&self, read: ReadCx<Aws>) -> Run<Aws> {
        Run {
            clients: self.write.clone(),
            read,
            journal: Arc::new(NoRecord),
            gate: Arc::new(AsPlanned),
            usual: Arc::default(),
        }
    }

    /// What is found of one resource of the stack.
    pub async fn observe(&self, stack: &Arc<Stack>, resource: ResourceId) -> Result<Seen, Error> {
        node(stack, resource).observe(&self.context()).await
    }

    /// What `up` would do with it, where nothing else is known.
    pub async fn plan(&self, stack: &Arc<Stack>, resource: ResourceId) -> Change {
        self.plan_with(stack, resource, Given::default()).await
    }

    /// What `up` would do with it, with what others give.
    pub async fn plan_with(&self, stack: &Arc<Stack>, resource: ResourceId, given: Given) -> Change {
        let graph = partial(stack, resource, given);
        let seen = graph
            .observe(&self.context())
            .await
            .unwrap_or_else(|error| panic!("{}", error.in_a_line()));
        let planned = graph
            .plan(&seen)
            .into_iter()
            .find(|planned| planned.resource == resource);
        planned.map(|planned| planned.change).unwrap_or(Change::Keep)
    }

    /// `up` for one resource of the stack, with what others give.
    pub async fn up(&self, stack: &Arc<Stack>, resource: ResourceId, given: Given) -> Ran {
        let (graph, cx) = (partial(stack, resource, given), self.context());
        let seen = graph
            .observe(&cx)
            .await
            .unwrap_or_else(|error| panic!("{}", error.in_a_line()));
        let planned = graph.plan(&seen);
        let report = up(&graph, &seen, &planned, &self.run(cx)).await;
        Ran { report }
    }

    /// `teardown` for one resource of the stack.
    pub async fn down(&self, stack: &Arc<Stack>, resource: ResourceId) -> Ran {
        let (graph, cx) = (partial(stack, resource, Given::default()), self.context());
        let seen = graph
            .observe(&cx)
            .await
            .unwrap_or_else(|error| panic!("{}", error.in_a_line()));
        let removals = graph.plan_removal(&seen).into_iter();
        let removals = removals.map(|planned| (planned.resource, planned.removal)).collect();
        let report = down(&graph, &seen, &removals, &self.run(cx)).await;
        Ran { report }
    }

    /// What `teardown` would do with it.
    pub async fn plan_removal(&self, stack: &Arc<Stack>, resource: ResourceId) -> Removal {
        let node = node(stack, resource);
        let seen = node.observe(&self.context()).await;
        node.plan_removal(&seen.unwrap_or_else(|error| panic!("{}", error.in_a_line())))
    }

    /// # Panics
    /// As [`Replay::check`].
    pub fn check(&self) {
        self.replay.check();
    }
}

/// The record is not what a case is about.
struct NoRecord;

impl Journal for NoRecord {
    fn record(&self, _: Intent) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async { Ok(()) })
    }
}

/// A case does what its plan says.
struct AsPlanned;

impl Gate for AsPlanned {
    fn agree<'a>(&'a self, title: &'a str, unseen: &'a [FieldChange]) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move { Err(Error::failed(format!("{title} was not planned so: {unseen:?}"))) })
    }
}

fn node(stack: &Arc<Stack>, resource: ResourceId) -> Arc<dyn Node<Aws>> {
    let graph = graph(stack).unwrap_or_else(|error| panic!("{}", error.in_a_line()));
    let found = graph.nodes().iter().find(|node| node.id() == resource);
    found
        .map(|member| member.node().clone())
        .unwrap_or_else(|| panic!("the stack has no {resource}"))
}

fn partial(stack: &Arc<Stack>, resource: ResourceId, given: Given) -> Graph<Aws> {
    let given = Member::new("given", Arc::new(given));
    Graph::partial(vec![given, Member::new(resource, node(stack, resource))])
        .unwrap_or_else(|error| panic!("{}", error.in_a_line()))
}

/// What the rest of the graph gives, as a resource that is there and stays as it is.
#[derive(Clone, Default)]
pub struct Given {
    names: Vec<&'static str>,
    values: Values,
}

impl Given {
    pub fn with<T: Send + Sync + 'static>(mut self, output: &Output<T>, value: T) -> Self {
        self.names.push(output.name);
        self.values.set(output, value);
        self
    }
}

impl Resource for Given {
    type Live = ();
    type Place = ();
    type Step = Never;
    type Clients = Aws;

    fn id(&self) -> ResourceId {
        "given"
    }

    fn name(&self) -> String {
        "given".to_owned()
    }

    fn title(&self) -> String {
        "what is given".to_owned()
    }

    fn needs(&self) -> Vec<&'static str> {
        vec![]
    }

    fn gives(&self) -> Vec<&'static str> {
        self.names.clone()
    }

    fn limits(&self) -> Limits {
        Limits::minutes(1, 1)
    }

    async fn observe(&self, _: &ReadCx<Aws>) -> Result<Observed<()>, Error> {
        Ok(Observed::Present {
            live: (),
            owner: Owner::Nobody,
        })
    }

    fn plan(&self, _: &Observed<()>, _: &Values) -> Plan<Never> {
        Plan::Use
    }

    fn publish(&self, (): &(), values: &mut Values) {
        values.merge(self.values.clone());
    }

    async fn create(&self, _: &WriteCx<Aws>, (): ()) -> Result<(), Failure> {
        Ok(())
    }

    async fn update(&self, _: &WriteCx<Aws>, (): (), _: Vec<Never>) -> Result<(), Failure> {
        Ok(())
    }

    async fn delete(&self, _: &WriteCx<Aws>, (): ()) -> Result<(), Failure> {
        Ok(())
    }
}
