//! The registration site that confctl deploys: one page, one form, one conditional put per address.
//! It knows nothing of confctl; everything it needs comes from environment variables (see [`config`]).

pub mod address;
pub mod config;
pub mod health;
pub mod metrics;
pub mod page;
pub mod register;
pub mod security;
pub mod serve;
pub mod shutdown;
pub mod store;

use std::io::Write;
use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};
use thiserror::Error;
use tokio::net::TcpListener;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{Config, ConfigError};
use crate::health::Readiness;
use crate::metrics::Metrics;
use crate::page::Site;
use crate::store::Store;

/// The largest request body in bytes. AWS's own rule group for the edge draws the same line
/// (AWSManagedRulesCommonRuleSet, SizeRestrictions_BODY).
pub const BODY_LIMIT: usize = 8 * 1024;

/// Why the site did not start or stopped on its own.
#[derive(Debug, Error)]
pub enum RunError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("cannot listen on port {port}: {source}")]
    Listen { port: u16, source: std::io::Error },
    #[error("cannot wait for SIGTERM: {0}")]
    Signal(std::io::Error),
}

/// What every request may use. Cloning it is one counter.
#[derive(Clone)]
pub struct App(Arc<Parts>);

/// The parts of [`App`].
pub struct Parts {
    pub site: Site,
    pub store: Store,
    pub readiness: Readiness,
    pub metrics: Metrics,
}

impl App {
    pub fn new(config: &Config, store: Store) -> Self {
        let site = Site::new(&config.event);
        Self(Arc::new(Parts {
            site,
            store,
            readiness: Readiness::default(),
            metrics: Metrics::default(),
        }))
    }
}

impl std::ops::Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// All routes of the site with their limits and headers.
pub fn router(app: App) -> Router {
    Router::new()
        .route("/", get(page::home))
        .route("/assets/{file}", get(page::asset))
        .route(
            "/register",
            post(register::register).fallback(page::register_needs_post),
        )
        .route("/health", get(health::live))
        .route("/ready", get(health::ready))
        .route("/metrics", get(metrics::scrape))
        .fallback(page::not_found)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(from_fn(security::headers))
        .layer(from_fn_with_state(app.clone(), metrics::count_responses))
        .with_state(app)
}

/// Serves until SIGTERM or SIGINT, then drains.
pub async fn run() -> Result<(), RunError> {
    let config = Config::from_environment()?;
    start_logging(config.log_level);
    let stop = shutdown::signal().map_err(RunError::Signal)?;
    let store = Store::connect(&config).await;
    let listener = TcpListener::bind(("0.0.0.0", config.port))
        .await
        .map_err(|source| RunError::Listen {
            port: config.port,
            source,
        })?;
    tracing::info!(
        port = config.port,
        table = config.table_name,
        region = config.region,
        "listening"
    );
    serve::serve(listener, router(App::new(&config, store)), stop, config.drain).await;
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
