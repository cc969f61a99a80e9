//! How long application versions live.

use std::sync::Arc;

use winterbaume_elasticbeanstalk::{model as m, wire};

use crate::protocols::call::{Answer, Call};
use crate::world::beanstalk::lifecycle::{Lifecycle, Rule};
use crate::world::{Refusal, World};

/// The rules that a request names.
pub(super) fn read(config: Option<m::ApplicationResourceLifecycleConfig>) -> Lifecycle {
    let Some(config) = config else {
        return Lifecycle::default();
    };
    let rules = config.version_lifecycle_config.unwrap_or_default();
    Lifecycle {
        service_role: config.service_role,
        max_count: rules.max_count_rule.map(|rule| Rule {
            enabled: rule.enabled,
            limit: rule.max_count.unwrap_or(200),
            delete_source: rule.delete_source_from_s3 == Some(true),
        }),
        max_age: rules.max_age_rule.map(|rule| Rule {
            enabled: rule.enabled,
            limit: rule.max_age_in_days.unwrap_or(180),
            delete_source: rule.delete_source_from_s3 == Some(true),
        }),
    }
}

/// The rules as an application shows them: both are there, if only as off.
pub(super) fn view(lifecycle: &Lifecycle) -> m::ApplicationResourceLifecycleConfig {
    let off = |limit| Rule {
        enabled: false,
        limit,
        delete_source: false,
    };
    let (count, age) = (
        lifecycle.max_count.unwrap_or(off(200)),
        lifecycle.max_age.unwrap_or(off(180)),
    );
    m::ApplicationResourceLifecycleConfig {
        service_role: lifecycle.service_role.clone(),
        version_lifecycle_config: Some(m::ApplicationVersionLifecycleConfig {
            max_age_rule: Some(m::MaxAgeRule {
                delete_source_from_s3: Some(age.delete_source),
                enabled: age.enabled,
                max_age_in_days: Some(age.limit),
            }),
            max_count_rule: Some(m::MaxCountRule {
                delete_source_from_s3: Some(count.delete_source),
                enabled: count.enabled,
                max_count: Some(count.limit),
            }),
        }),
    }
}

pub(super) fn update(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::UpdateApplicationResourceLifecycleMessage = call.query()?;
    let wanted = read(Some(request.resource_lifecycle_config));
    let mut state = world.lock();
    let beanstalk = &mut state.region(&call.region).beanstalk;
    let kept = beanstalk.set_lifecycle(&request.application_name, wanted)?;
    let result = m::ApplicationResourceLifecycleDescriptionMessage {
        application_name: Some(request.application_name),
        resource_lifecycle_config: Some(view(&kept)),
    };
    Ok(wire::serialize_update_application_resource_lifecycle_response(&result).into())
}
