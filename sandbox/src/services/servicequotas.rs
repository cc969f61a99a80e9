//! Service Quotas: how many vCPUs the account may run.

use std::sync::Arc;

use winterbaume_servicequotas::wire::{self, GetServiceQuotaRequest, GetServiceQuotaResponse, ServiceQuota};

use super::{Entry, Service, operation};
use crate::protocols::call::{Answer, Call};
use crate::world::quotas::STANDARD_VCPUS;
use crate::world::{Refusal, World};

const OPERATIONS: &[Entry] = &[operation("GetServiceQuota", &["ServiceCode", "QuotaCode"], get)];

pub(crate) const SERVICE: Service = Service {
    scope: "servicequotas",
    title: "Service Quotas",
    operations: OPERATIONS,
    refuses: None,
};

fn get(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: GetServiceQuotaRequest = call.json()?;
    let mut state = world.lock();
    let account = state.account.clone();
    let quota = state
        .region(&call.region)
        .quotas
        .get(&request.service_code, &request.quota_code)
        .ok_or_else(|| {
            Refusal::new(
                "NoSuchResourceException",
                "The request failed because the specified service or quota does not exist.",
            )
            .of_few("quota", [STANDARD_VCPUS.1].into_iter())
        })?;
    let arn = format!(
        "arn:aws:servicequotas:{}:{account}:{}/{}",
        call.region, request.service_code, request.quota_code
    );
    let response = GetServiceQuotaResponse {
        quota: Some(ServiceQuota {
            service_code: Some(request.service_code),
            service_name: Some(quota.service_name.to_owned()),
            quota_code: Some(request.quota_code),
            quota_name: Some(quota.name.to_owned()),
            quota_arn: Some(arn),
            value: Some(quota.value),
            unit: Some("None".to_owned()),
            adjustable: Some(true),
            global_quota: Some(false),
            ..ServiceQuota::default()
        }),
    };
    Ok(wire::serialize_get_service_quota_response(&response).into())
}
