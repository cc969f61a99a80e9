//! One call over HTTP, as the SDK's generated clients make theirs: the same plugins in the same order.
//! Must know nothing of protocols: it is given a request and how its answer is read.

use std::fmt;
use std::sync::Arc;

use aws_config::SdkConfig;
use aws_runtime::auth::sigv4::{SCHEME_ID, SigV4AuthScheme};
use aws_runtime::auth::{PayloadSigningOverride, SigV4OperationSigningConfig, SigningOptions};
use aws_runtime::invocation_id::InvocationIdInterceptor;
use aws_runtime::recursion_detection::RecursionDetectionInterceptor;
use aws_runtime::request_info::RequestInfoInterceptor;
use aws_runtime::retries::classifiers::AwsErrorCodeClassifier;
use aws_runtime::service_clock_skew::{
    DisableClockSkewCorrection, ServiceClockSkewClassifier, ServiceClockSkewInterceptor,
};
use aws_runtime::user_agent::{ApiMetadata, UserAgentInterceptor};
use aws_smithy_runtime::client::defaults::{DefaultPluginParams, default_plugins};
use aws_smithy_runtime::client::http::connection_poisoning::ConnectionPoisoningInterceptor;
use aws_smithy_runtime::client::orchestrator::endpoints::{StaticUriEndpointResolver, StaticUriEndpointResolverParams};
use aws_smithy_runtime::client::orchestrator::invoke;
use aws_smithy_runtime::client::retries::classifiers::{
    HttpStatusCodeClassifier, ModeledAsRetryableClassifier, TransientErrorClassifier,
};
use aws_smithy_runtime::client::stalled_stream_protection::StalledStreamProtectionInterceptor;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::auth::AuthSchemeOptionResolverParams;
use aws_smithy_runtime_api::client::auth::static_resolver::StaticAuthSchemeOptionResolver;
use aws_smithy_runtime_api::client::endpoint::{EndpointResolverParams, SharedEndpointResolver};
use aws_smithy_runtime_api::client::interceptors::context::{Error, Input, Output};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, Metadata, OrchestratorError};
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use aws_smithy_runtime_api::client::runtime_plugin::{RuntimePlugins, StaticRuntimePlugin};
use aws_smithy_runtime_api::client::ser_de::{
    DeserializeResponse, SerializeRequest, SharedRequestSerializer, SharedResponseDeserializer,
};
use aws_smithy_types::config_bag::{ConfigBag, Layer};
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SigningName;
use aws_types::region::{Region, SigningRegion};

use super::endpoint::{Endpoint, endpoint};
use super::error::CallError;
use crate::clients::Mode;
use crate::exchange_log::ExchangeLog;
use crate::reads::ReadOnly;

/// What a call gives, in the SDK's own terms.
pub type Called<T> = Result<T, SdkError<CallError, HttpResponse>>;

/// A service as the SDK knows it.
#[derive(Debug, Clone, Copy)]
pub struct Service {
    /// The `serviceId` of its model: in the table of reads, in `AWS_ENDPOINT_URL_<SERVICE>`.
    pub id: &'static str,
    /// In the signature's scope.
    pub signing_name: &'static str,
    /// What its host begins with (`endpointPrefix` in the model).
    pub host: &'static str,
}

/// A client of one service in one region; cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    service: Service,
    pub endpoint: Endpoint,
    plugins: RuntimePlugins,
}

/// One call to make.
pub struct Call {
    pub operation: &'static str,
    /// Where it goes, if not to the client's own endpoint.
    pub endpoint: Option<String>,
    /// Path, query, headers and body; the endpoint is put before it.
    pub request: http::Request<aws_smithy_types::body::SdkBody>,
    pub signing: SigningOptions,
    /// The SHA-256 of a body that is not in memory, in hexadecimal digits.
    pub body_hash: Option<String>,
    /// Time-outs other than the client's, for what takes long. What stalls is given up before.
    pub patience: Option<TimeoutConfig>,
}

impl Client {
    pub fn new(config: &SdkConfig, service: Service, region: &str, mode: Mode) -> Self {
        let defaults = DefaultPluginParams::new()
            .with_retry_partition_name(format!("{}-{region}", service.signing_name))
            .with_is_aws_sdk(true);
        let defaults = match config.behavior_version() {
            Some(version) => defaults.with_behavior_version(version),
            None => defaults,
        };
        let configured = StaticRuntimePlugin::new()
            .with_config(layer(config, &service, region).freeze())
            .with_runtime_components(components(config, mode));
        Self {
            endpoint: endpoint(config, &service, region),
            service,
            plugins: RuntimePlugins::new()
                .with_client_plugins(default_plugins(defaults))
                .with_client_plugin(configured),
        }
    }

    /// Makes a call. `read` makes its answer of a response with a status of success, `fault` the error of any other.
    ///
    /// # Errors
    /// What the SDK's own clients give.
    pub async fn call<T>(
        &self,
        call: Call,
        read: impl Fn(&HttpResponse) -> Result<T, CallError> + Send + Sync + 'static,
        fault: fn(&HttpResponse) -> CallError,
    ) -> Called<T>
    where
        T: fmt::Debug + Send + Sync + 'static,
    {
        let operation = call.operation;
        let request = HttpRequest::try_from(call.request).map_err(SdkError::construction_failure)?;
        let url = call.endpoint.as_deref().unwrap_or(&self.endpoint.url);
        let mut layer = Layer::new(operation);
        layer.store_put(Metadata::new(operation, self.service.id));
        layer.store_put(SharedRequestSerializer::new(AsItIs));
        layer.store_put(SharedResponseDeserializer::new(Reader(Arc::new(
            move |response: &HttpResponse| match response.status().is_success() {
                true => read(response),
                false => Err(fault(response)),
            },
        ))));
        layer.store_put(SigV4OperationSigningConfig {
            signing_options: call.signing,
            ..Default::default()
        });
        if let Some(hash) = call.body_hash {
            layer.store_put(PayloadSigningOverride::Precomputed(hash));
        }
        if let Some(patience) = call.patience {
            layer.store_put(patience);
        }
        let plugin = StaticRuntimePlugin::new()
            .with_config(layer.freeze())
            .with_runtime_components(
                RuntimeComponentsBuilder::new(operation)
                    .with_endpoint_resolver(Some(SharedEndpointResolver::new(StaticUriEndpointResolver::uri(url)))),
            );
        let plugins = self.plugins.clone().with_operation_plugin(plugin);
        let output = invoke(self.service.id, operation, Input::erase(request), &plugins).await;
        let output = output.map_err(|error| error.map_service_error(CallError::of_any))?;
        output
            .downcast::<T>()
            .map_err(|_| SdkError::construction_failure("an answer of another type"))
    }
}

/// What a generated client takes over of the configuration (`From<&SdkConfig> for Builder` in each of them).
fn layer(config: &SdkConfig, service: &Service, region: &str) -> Layer {
    let mut layer = Layer::new(service.id);
    let region = Region::new(region.to_owned());
    layer.store_put(SigningRegion::from(region.clone()));
    layer.store_put(region);
    layer.store_put(SigningName::from_static(service.signing_name));
    layer.store_put(ApiMetadata::new(service.signing_name, env!("CARGO_PKG_VERSION")));
    layer.store_put(AuthSchemeOptionResolverParams::new(()));
    layer.store_put(EndpointResolverParams::from(StaticUriEndpointResolverParams::new()));
    layer.store_or_unset(config.app_name().cloned());
    layer.store_or_unset(
        config
            .disable_clock_skew_correction()
            .map(DisableClockSkewCorrection::from),
    );
    if let Some(retries) = config.retry_config() {
        layer.store_put(retries.clone());
    }
    if let Some(timeouts) = config.timeout_config() {
        layer.store_put(timeouts.clone());
    }
    if let Some(protection) = config.stalled_stream_protection() {
        layer.store_put(protection);
    }
    layer
}

/// The plugins of a generated client (`ServiceRuntimePlugin` in its `config`), without those that only count features.
fn components(config: &SdkConfig, mode: Mode) -> RuntimeComponentsBuilder {
    let mut components = RuntimeComponentsBuilder::new("wire")
        .with_auth_scheme_option_resolver(Some(StaticAuthSchemeOptionResolver::new(vec![SCHEME_ID])))
        .with_auth_scheme(SigV4AuthScheme::new())
        .with_interceptor(ConnectionPoisoningInterceptor::new())
        .with_interceptor(ServiceClockSkewInterceptor::new())
        .with_interceptor(RequestInfoInterceptor::new())
        .with_interceptor(UserAgentInterceptor::new())
        .with_interceptor(InvocationIdInterceptor::new())
        .with_interceptor(RecursionDetectionInterceptor::new())
        .with_interceptor(StalledStreamProtectionInterceptor::default())
        .with_retry_classifier(HttpStatusCodeClassifier::default())
        .with_retry_classifier(TransientErrorClassifier::<CallError>::new())
        .with_retry_classifier(ModeledAsRetryableClassifier::<CallError>::new())
        .with_retry_classifier(AwsErrorCodeClassifier::<CallError>::new())
        .with_retry_classifier(ServiceClockSkewClassifier::<CallError>::new());
    components.push_interceptor(ExchangeLog);
    if mode == Mode::Read {
        components.push_interceptor(ReadOnly);
    }
    // What is not set stays as the SDK has it by default.
    if let Some(client) = config.http_client() {
        components.set_http_client(Some(client));
    }
    if let Some(sleep) = config.sleep_impl() {
        components.set_sleep_impl(Some(sleep));
    }
    if let Some(time) = config.time_source() {
        components.set_time_source(Some(time));
    }
    if let Some(cache) = config.identity_cache() {
        components.set_identity_cache(Some(cache));
    }
    if let Some(provider) = config.credentials_provider() {
        components.set_identity_resolver(SCHEME_ID, provider);
    }
    components
}

/// The request is made before the call.
#[derive(Debug)]
struct AsItIs;

impl SerializeRequest for AsItIs {
    fn serialize_input(&self, input: Input, _: &mut ConfigBag) -> Result<HttpRequest, BoxError> {
        input.downcast().map_err(|_| "a request of another type".into())
    }
}

type Read<T> = dyn Fn(&HttpResponse) -> Result<T, CallError> + Send + Sync;

struct Reader<T>(Arc<Read<T>>);

impl<T> fmt::Debug for Reader<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reader")
    }
}

impl<T: fmt::Debug + Send + Sync + 'static> DeserializeResponse for Reader<T> {
    fn deserialize_nonstreaming_with_config(
        &self,
        response: &HttpResponse,
        _: &ConfigBag,
    ) -> Result<Output, OrchestratorError<Error>> {
        (self.0)(response)
            .map(Output::erase)
            .map_err(|error| OrchestratorError::operation(Error::erase(error)))
    }
}
