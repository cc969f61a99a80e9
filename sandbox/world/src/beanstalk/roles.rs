//! An environment's two roles: what its instances may do, and whether Beanstalk can act as the service's.
//! Must know nothing of policies; IAM decides.

use super::catalogue::{ENVIRONMENT, HEALTH, LAUNCH};
use super::settings::Settings;
use super::workflow::Run;
use crate::State;
use crate::iam::linked_roles::not_authorized;
use crate::iam::policy::Context;

/// What a service role's trust asks of whoever acts as it (Beanstalk guide: iam-servicerole).
const EXTERNAL_ID: (&str, &str) = ("sts:externalid", "elasticbeanstalk");

/// Whether the instances of these settings may do `action` on `resource` (an ARN), with the role of their profile.
///
/// # Errors
/// Why not.
pub(super) fn instances_may(
    run: &Run,
    state: &State,
    settings: &Settings,
    action: &str,
    resource: &str,
) -> Result<(), String> {
    let iam = state.iam.seen(state.as_of(run.world.clock.now()));
    let role = iam.instance_role(settings.get(LAUNCH, "IamInstanceProfile").unwrap_or_default())?;
    if iam.role_can(&role.name, &run.region, action, resource) {
        return Ok(());
    }
    let caller = format!("arn:aws:sts::{}:assumed-role/{}", state.account, role.name);
    Err(not_authorized(&caller, action, resource))
}

/// Whether the health agents may not tell what they see: unless that is switched off, they sign with the instances' role, which
/// must allow `elasticbeanstalk:PutInstanceStatistics` (Beanstalk guide: health-enhanced).
pub(super) fn is_unheard(state: &mut State, run: &Run) -> bool {
    let environments = &state.region(&run.region).beanstalk.environments;
    let signing = environments
        .get(&run.id)
        .filter(|it| it.settings.has_enhanced_health() && it.settings.is_true(HEALTH, "EnhancedHealthAuthEnabled"));
    let Some((settings, arn)) = signing.map(|it| (it.settings.clone(), it.arn.clone())) else {
        return false;
    };
    instances_may(run, state, &settings, "elasticbeanstalk:PutInstanceStatistics", &arn).is_err()
}

/// Why enhanced health cannot be read: Beanstalk reads it with the service role (Beanstalk guide: iam-servicerole).
pub(super) fn service_problem(state: &mut State, run: &Run) -> Option<String> {
    let environment = state.region(&run.region).beanstalk.environments.get(&run.id)?;
    let enhanced = environment.settings.has_enhanced_health();
    let given = environment
        .settings
        .get(ENVIRONMENT, "ServiceRole")
        .filter(|_| enhanced)?
        .to_owned();
    let iam = state.iam.seen(state.as_of_elsewhere(run.world.clock.now()));
    let (key, value) = EXTERNAL_ID;
    let context = Context::from([(key.to_owned(), vec![value.to_owned()])]);
    let role = iam.role(&given);
    let usable = role.is_some_and(|role| role.trusts_service("elasticbeanstalk.amazonaws.com", &context));
    (!usable)
        .then(|| format!("Unable to assume role \"{given}\". Verify that the role exists and is configured correctly."))
}
