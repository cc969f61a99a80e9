//! What is done with an environment that runs: logs, restart, rebuild, swap, cancelling, managed actions, roles.

use std::sync::Arc;
use std::time::Duration;

use winterbaume_elasticbeanstalk::{model as m, wire};

use super::caller;
use crate::protocols::call::header;
use crate::protocols::call::{Answer, Call};
use crate::protocols::presign;
use crate::world::beanstalk::info::{self, Info, Kind};
use crate::world::beanstalk::managed::{self, ManagedAction};
use crate::world::beanstalk::{Reference, environments, rebuild, swap};
use crate::world::clock::text;
use crate::world::{Refusal, World};

/// A presigned URL works that long, of real time.
const URL_LIFE: Duration = Duration::from_secs(15 * 60);

pub(super) fn request_info(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::RequestEnvironmentInfoMessage = call.query()?;
    let meant = Reference::new(request.environment_id, request.environment_name);
    info::request(world, &caller(call), &meant, Kind::parse(&request.info_type)?)?;
    Ok(wire::serialize_request_environment_info_response().into())
}

pub(super) fn retrieve_info(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::RetrieveEnvironmentInfoMessage = call.query()?;
    let meant = Reference::new(request.environment_id, request.environment_name);
    let infos = info::retrieve(world, &caller(call), &meant, Kind::parse(&request.info_type)?)?;
    let view = |info: &Info| m::EnvironmentInfoDescription {
        ec2_instance_id: Some(info.instance_id.clone()),
        info_type: Some(info.kind.as_str().to_owned()),
        message: presigned(world, call, info),
        sample_timestamp: Some(text(info.time)),
    };
    let result = m::RetrieveEnvironmentInfoResultMessage {
        environment_info: Some(infos.iter().map(view).collect()),
    };
    Ok(wire::serialize_retrieve_environment_info_response(&result).into())
}

/// Signed with the caller's own key; on AWS it is the service's, and whoever has the URL may read the same.
fn presigned(world: &World, call: &Call, info: &Info) -> Option<String> {
    let state = world.lock();
    let (key, holder) = state.iam.credentials.key_of(&call.caller)?;
    let object = presign::Object {
        host: header(&call.headers, "host")?,
        region: &call.region,
        bucket: &info.bucket,
        key: &info.key,
    };
    presign::get_object(&object, key, holder, URL_LIFE)
}

pub(super) fn restart(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::RestartAppServerMessage = call.query()?;
    let meant = Reference::new(request.environment_id, request.environment_name);
    environments::restart(world, &caller(call), &meant)?;
    Ok(wire::serialize_restart_app_server_response().into())
}

pub(super) fn rebuild(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::RebuildEnvironmentMessage = call.query()?;
    let meant = Reference::new(request.environment_id, request.environment_name);
    rebuild::rebuild(world, &caller(call), &meant)?;
    Ok(wire::serialize_rebuild_environment_response().into())
}

pub(super) fn swap(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::SwapEnvironmentCNAMEsMessage = call.query()?;
    let source = Reference::new(request.source_environment_id, request.source_environment_name);
    let destination = Reference::new(request.destination_environment_id, request.destination_environment_name);
    swap::swap(world, &caller(call), &source, &destination)?;
    Ok(wire::serialize_swap_environment_c_n_a_m_es_response().into())
}

pub(super) fn abort(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::AbortEnvironmentUpdateMessage = call.query()?;
    let meant = Reference::new(request.environment_id, request.environment_name);
    environments::abort(world, &caller(call), &meant)?;
    Ok(wire::serialize_abort_environment_update_response().into())
}

pub(super) fn associate_role(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::AssociateEnvironmentOperationsRoleMessage = call.query()?;
    let meant = Reference::by_name(request.environment_name);
    environments::set_operations_role(world, &caller(call), &meant, Some(request.operations_role))?;
    Ok(wire::serialize_associate_environment_operations_role_response().into())
}

pub(super) fn disassociate_role(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::DisassociateEnvironmentOperationsRoleMessage = call.query()?;
    let meant = Reference::by_name(request.environment_name);
    environments::set_operations_role(world, &caller(call), &meant, None)?;
    Ok(wire::serialize_disassociate_environment_operations_role_response().into())
}

pub(super) fn managed_actions(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::DescribeEnvironmentManagedActionsRequest = call.query()?;
    let meant = Reference::new(request.environment_id, request.environment_name);
    let pending = managed::pending(world, &caller(call), &meant)?;
    let wanted = request.status.is_none_or(|status| status == "Scheduled");
    let view = |action: ManagedAction| m::ManagedAction {
        action_description: Some(action.description),
        action_id: Some(action.id),
        action_type: Some("PlatformUpdate".to_owned()),
        status: Some("Scheduled".to_owned()),
        window_start_time: Some(text(action.window)),
    };
    let result = m::DescribeEnvironmentManagedActionsResult {
        managed_actions: Some(pending.filter(|_| wanted).map(view).into_iter().collect()),
    };
    Ok(wire::serialize_describe_environment_managed_actions_response(&result).into())
}

pub(super) fn apply_managed_action(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::ApplyEnvironmentManagedActionRequest = call.query()?;
    let meant = Reference::new(request.environment_id, request.environment_name);
    let action = managed::apply(world, &caller(call), &meant, &request.action_id)?;
    let result = m::ApplyEnvironmentManagedActionResult {
        action_description: Some(action.description),
        action_id: Some(action.id),
        action_type: Some("PlatformUpdate".to_owned()),
        status: Some("Pending".to_owned()),
    };
    Ok(wire::serialize_apply_environment_managed_action_response(&result).into())
}
