//! Service Quotas. Source of names: botocore's model of service-quotas, 2019-06-24.

use aws_config::SdkConfig;
use serde::Deserialize;
use serde_json::json;

use crate::clients::Mode;
use crate::wire::{Called, Client, Json, Service};

const SERVICE: Service = Service {
    id: "Service Quotas",
    signing_name: "servicequotas",
    host: "servicequotas",
};
const PROTOCOL: Json = Json {
    version: "1.1",
    target: "ServiceQuotasV20190624",
    was_query: false,
};

#[derive(Debug, Clone)]
pub struct ServiceQuotas(Client);

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetServiceQuotaAnswer {
    pub quota: Option<Quota>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Quota {
    pub value: Option<f64>,
}

impl ServiceQuotas {
    pub fn new(config: &SdkConfig, region: &str, mode: Mode) -> Self {
        Self(Client::new(config, SERVICE, region, mode))
    }

    /// # Errors
    /// What the SDK's own clients give.
    pub async fn get_service_quota(&self, service_code: &str, quota_code: &str) -> Called<GetServiceQuotaAnswer> {
        let input = json!({"ServiceCode": service_code, "QuotaCode": quota_code});
        PROTOCOL.call(&self.0, "GetServiceQuota", &input).await
    }

    /// # Errors
    /// What the SDK's own clients give.
    pub async fn get_aws_default_service_quota(
        &self,
        service_code: &str,
        quota_code: &str,
    ) -> Called<GetServiceQuotaAnswer> {
        let input = json!({"ServiceCode": service_code, "QuotaCode": quota_code});
        PROTOCOL.call(&self.0, "GetAWSDefaultServiceQuota", &input).await
    }
}
