//! Service Quotas: what the account may have of what is counted here, and more of it on request.

use std::sync::Arc;

use winterbaume_servicequotas::wire::{
    self, GetAWSDefaultServiceQuotaRequest, GetAWSDefaultServiceQuotaResponse, GetServiceQuotaRequest,
    GetServiceQuotaResponse, RequestServiceQuotaIncreaseRequest, RequestServiceQuotaIncreaseResponse,
    RequestedServiceQuotaChange, ServiceQuota,
};

use super::{Entry, Service, not_implemented, operation};
use crate::protocols::call::{Answer, Call};
use crate::world::quotas::{self, Quota};
use crate::world::{Refusal, World, ids};

const OPERATIONS: &[Entry] = &[
    operation("GetAWSDefaultServiceQuota", &["ServiceCode", "QuotaCode"], get_default),
    operation("GetServiceQuota", &["ServiceCode", "QuotaCode"], get),
    operation(
        "RequestServiceQuotaIncrease",
        &["ServiceCode", "QuotaCode", "DesiredValue"],
        raise,
    ),
];

pub(crate) const SERVICE: Service = Service {
    scope: "servicequotas",
    title: "Service Quotas",
    operations: OPERATIONS,
    refuses: None,
};

fn get(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: GetServiceQuotaRequest = call.json()?;
    let quota = find(call, &request.service_code, &request.quota_code)?;
    let mut state = world.lock();
    let account = state.account.clone();
    let value = state.region(&call.region).quotas.value(&quota);
    let response = GetServiceQuotaResponse {
        quota: Some(shown(call, &account, &quota, value)),
    };
    Ok(wire::serialize_get_service_quota_response(&response).into())
}

fn get_default(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: GetAWSDefaultServiceQuotaRequest = call.json()?;
    let quota = find(call, &request.service_code, &request.quota_code)?;
    let account = world.lock().account.clone();
    let response = GetAWSDefaultServiceQuotaResponse {
        quota: Some(shown(call, &account, &quota, quota.default)),
    };
    Ok(wire::serialize_get_a_w_s_default_service_quota_response(&response).into())
}

/// The answer is AWS's, that it is looked at; here that is over at once.
fn raise(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: RequestServiceQuotaIncreaseRequest = call.json()?;
    let quota = find(call, &request.service_code, &request.quota_code)?;
    if !quota.is_raised {
        return Err(not_implemented(format!("more of the quota {}", quota.name)));
    }
    let now = world.clock.now();
    let mut state = world.lock();
    let account = state.account.clone();
    let quotas = &mut state.region(&call.region).quotas;
    if request.desired_value <= quotas.value(&quota) {
        // botocore's model of service-quotas: "Invalid input was provided."
        return Err(Refusal::new(
            "IllegalArgumentException",
            "You must provide a quota value greater than the current quota value",
        ));
    }
    quotas.raise(&quota, request.desired_value);
    let shown = shown(call, &account, &quota, request.desired_value);
    let response = RequestServiceQuotaIncreaseResponse {
        requested_quota: Some(RequestedServiceQuotaChange {
            id: Some(ids::uuid()),
            service_code: shown.service_code,
            service_name: shown.service_name,
            quota_code: shown.quota_code,
            quota_name: shown.quota_name,
            quota_arn: shown.quota_arn,
            desired_value: Some(request.desired_value),
            status: Some("PENDING".to_owned()),
            created: Some(now.as_second() as f64),
            global_quota: shown.global_quota,
            unit: shown.unit,
            ..RequestedServiceQuotaChange::default()
        }),
    };
    Ok(wire::serialize_request_service_quota_increase_response(&response).into())
}

fn find(call: &Call, service: &str, code: &str) -> Result<Quota, Refusal> {
    quotas::find(&call.region, service, code).ok_or_else(|| {
        Refusal::new(
            "NoSuchResourceException",
            "The request failed because the specified service or quota does not exist.",
        )
        .of_few("quota", quotas::codes())
    })
}

fn shown(call: &Call, account: &str, quota: &Quota, value: f64) -> ServiceQuota {
    let arn = format!(
        "arn:aws:servicequotas:{}:{account}:{}/{}",
        call.region, quota.service, quota.code
    );
    ServiceQuota {
        service_code: Some(quota.service.to_owned()),
        service_name: Some(quota.service_name.to_owned()),
        quota_code: Some(quota.code.to_owned()),
        quota_name: Some(quota.name.to_owned()),
        quota_arn: Some(arn),
        value: Some(value),
        unit: Some("None".to_owned()),
        adjustable: Some(true),
        global_quota: Some(quota.is_global),
        ..ServiceQuota::default()
    }
}
