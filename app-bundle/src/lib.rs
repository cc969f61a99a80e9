//! The registration site that confctl deploys: one page, one form, one conditional put per address.
//! It knows nothing of confctl; everything it needs comes from environment variables (see [`config`]).

pub mod address;
pub mod complaints;
pub mod config;
pub mod credentials;
pub mod crowding;
pub mod dynamodb;
pub mod endpoint;
pub mod health;
pub mod https;
pub mod language;
pub mod metrics;
pub mod open_files;
pub mod page;
pub mod register;
pub mod resting;
pub mod retries;
pub mod schedule;
pub mod security;
pub mod serve;
pub mod shutdown;
pub mod signed;
pub mod stats;
pub mod store;
pub mod submission;
pub mod table;
pub mod workers;

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::{get, post};
use thiserror::Error;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{Config, ConfigError};
use crate::crowding::Crowding;
use crate::health::Readiness;
use crate::metrics::Metrics;
use crate::page::Site;
use crate::schedule::Schedule;
use crate::signed::EndpointError;
use crate::stats::Stats;
use crate::store::Store;
use crate::table::Table;
use crate::workers::Workers;

/// Why the site did not start or stopped on its own.
#[derive(Debug, Error)]
pub enum RunError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("cannot listen on port {} of {}: {source}", .address.port(), .address.ip())]
    Listen {
        address: SocketAddr,
        source: std::io::Error,
    },
    #[error("cannot wait for SIGTERM: {0}")]
    Signal(std::io::Error),
    #[error("cannot read the system's root certificates: {0}")]
    Certificates(std::io::Error),
    #[error("cannot start a worker: {0}")]
    Worker(#[from] std::io::Error),
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
}

/// What every request of one worker may use. Cloning it is one counter.
#[derive(Clone)]
pub struct App(Arc<Parts>);

/// The parts of [`App`]: some of the worker's own, some of the process.
pub struct Parts {
    pub store: Store,
    pub crowding: Crowding,
    process: Arc<Process>,
}

/// What all workers have in common.
pub struct Process {
    pub site: Site,
    pub schedule: Schedule,
    pub table: Table,
    pub stats: Stats,
    pub readiness: Readiness,
    pub metrics: Metrics,
}

impl Process {
    pub fn new(config: &Config, table: Table) -> Self {
        Self {
            site: Site::new(config),
            schedule: Schedule::new(config),
            table,
            stats: Stats::default(),
            readiness: Readiness::default(),
            metrics: Metrics::default(),
        }
    }
}

impl App {
    pub fn new(process: Arc<Process>, store: Store, crowding: Crowding) -> Self {
        Self(Arc::new(Parts {
            store,
            crowding,
            process,
        }))
    }
}

impl std::ops::Deref for Parts {
    type Target = Process;

    fn deref(&self) -> &Process {
        &self.process
    }
}

impl std::ops::Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// All routes of the site with their headers.
pub fn router(app: App) -> Router {
    Router::new()
        .route("/", get(page::home))
        .route("/{language}", get(page::home_in_language))
        .route("/assets/{file}", get(page::asset))
        .route(
            "/register",
            post(register::register).fallback(page::register_needs_post),
        )
        .route("/api/stats", get(stats::stats))
        .route("/health", get(health::live))
        .route("/ready", get(health::ready))
        .route("/metrics", get(metrics::scrape))
        .fallback(page::not_found)
        .layer(from_fn_with_state(app.clone(), finish))
        .with_state(app)
}

/// What every answer gets, whoever gave it.
async fn finish(State(app): State<App>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    app.metrics.response(response.status());
    security::protect(&mut response);
    response
}

/// Serves until SIGTERM or SIGINT, then drains. Blocks.
pub fn run() -> Result<(), RunError> {
    let config = Config::from_environment()?;
    start_logging(config.log_level);
    open_files::allow_as_many_as_possible();
    workers::runtime()?.block_on(serve_until_stopped(&config))
}

async fn serve_until_stopped(config: &Config) -> Result<(), RunError> {
    let stop = shutdown::signal().map_err(RunError::Signal)?;
    let connector = https::connector().map_err(RunError::Certificates)?;
    let connections = || https::client(connector.clone(), config.max_in_flight);
    let dynamodb = dynamodb::connect(config, connections()).await?;
    let table = Table::new(dynamodb.clone(), config);
    let store = Store::new(dynamodb, config);
    let process = Arc::new(Process::new(config, table));
    let address = SocketAddr::from((config.host, config.port));
    let listener = serve::listen(address).map_err(|source| RunError::Listen { address, source })?;
    let mut workers = Workers::default();
    for _ in 0..workers::processors() {
        let (process, store) = (process.clone(), store.over(connections()));
        let most = config.max_in_flight;
        workers.start(move || router(App::new(process, store, Crowding::watch(most))))?;
    }
    tracing::info!(
        host = %config.host,
        port = config.port,
        table = config.table_name,
        region = config.region,
        "listening"
    );
    serve::serve(listener, &workers, stop, config.drain).await;
    tracing::info!("stopped");
    Ok(())
}

/// The one line that says why the site did not start. It has to be readable in Beanstalk's deployment log, where the
/// JSON log may not have begun yet.
pub fn report_fatal(error: &RunError) {
    let _ = writeln!(std::io::stderr(), "confapp: {error}");
}

/// JSON lines on standard output, which Beanstalk keeps as web.stdout.log.
///
/// Only the levels of our own records can be raised: at `debug` the SDK would log whole requests, addresses included.
fn start_logging(level: LevelFilter) {
    let targets = Targets::new()
        .with_default(LevelFilter::WARN.min(level))
        .with_target("confapp", level);
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_writer(std::io::stdout);
    let _ = tracing_subscriber::registry().with(targets).with(lines).try_init();
}
