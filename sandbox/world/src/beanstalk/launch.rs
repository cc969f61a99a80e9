//! CreateEnvironment's workflow: from `Launching` to `Ready`, or to `Terminated` where the profile is unusable.
//! Order, texts and pace are those of a real create (as public event logs show it); `Ready` is not success (Beanstalk guide:
//! AWSHowTo.eventbridge).

use super::classic::CLASSIC_BALANCER;
use super::deployment::{self, DeploymentStatus, InstanceDeployment};
use super::events::Severity;
use super::extensions;
use super::health;
use super::permissions;
use super::places::{Places, places};
use super::resources::{
    self, ADDRESS, CONFIGURATION, GROUP, HIGH, LOAD_BALANCER, Part, SECURITY_GROUP, TARGETS, TEMPLATE, UP, WAIT,
};
use super::runtime;
use super::shared_balancer;
use super::workflow::Run;
use crate::balancing_making::NO_LOAD_BALANCERS;
use crate::iam::linked_roles;
use crate::plane::DeploymentFailure;
use crate::scaling::LaunchSource;
use crate::{Region, quotas};

/// Seconds that the stack waits for instances to report, as its wait condition has it.
const LAUNCH_PATIENCE: i64 = 1800;
/// Beanstalk adds this to the command time-out (Beanstalk guide: command-options-general).
const COMMAND_MARGIN: i64 = 240;

/// As Auto Scaling refuses them in accounts made since October 2024 (github.com/aws/aws-elastic-beanstalk-cli/issues/525).
pub(super) const NO_LAUNCH_CONFIGURATIONS: &str = "The Launch Configuration creation operation is not available in your \
     account. Use launch templates to create configuration templates for your Auto Scaling groups.";

/// As EC2 says it (EC2 API reference, errors-overview: AddressLimitExceeded; its text in public logs of Terraform), in the form that
/// CloudFormation gives to what services refuse.
const NO_ADDRESSES: &str = "The maximum number of addresses has been reached. (Service: AmazonEC2; Status Code: 400; Error \
                            Code: AddressLimitExceeded)";
/// As ELB says it (botocore's model of elbv2: TooManyLoadBalancers; its text in public logs of deployments), in the same form.
const NO_MORE_LOAD_BALANCERS: &str = "The maximum number of load balancers has been reached (Service: ElasticLoadBalancingV2; \
                                      Status Code: 400; Error Code: TooManyLoadBalancers)";

/// A part of the stack that could not be made, and why.
type StackFailure = (Part, String);

/// What an instance answered to the deployment.
pub(super) type Results = Vec<(String, Result<(), DeploymentFailure>)>;

pub(super) async fn launch(run: Run, caller: String) {
    run.info("createEnvironment is starting.");
    run.at(2.0).await;
    let account = run.world.lock().account.clone();
    let bucket = super::bucket(&run.region, &account);
    run.world.objects.ensure_bucket(&bucket, &run.region).await;
    run.info(format!(
        "Using {bucket} as Amazon S3 storage bucket for environment data."
    ));
    reveal_cname(&run);
    run.at(8.0).await;
    bring_up(&run, &caller).await;
}

/// Makes all that the environment consists of, and tells how it went.
pub(super) async fn bring_up(run: &Run, caller: &str) {
    if let Err(why) = read_version(run, caller).await {
        return give_up(run, &why);
    }
    let profile = match profile_of(run) {
        Ok(arn) => arn,
        Err(why) => return give_up(run, &why),
    };
    match build(run, profile, caller).await {
        Ok(()) => finish(run).await,
        Err(failure) => fail_stack(run, &failure),
    }
}

/// Copies the version for the environment, and reads what it says of the settings.
async fn read_version(run: &Run, caller: &str) -> Result<(), String> {
    let Some(environment) = run.snapshot() else {
        return Ok(());
    };
    let label = environment.version_label.unwrap_or_default();
    runtime::keep(run, caller, &label).await?;
    let settings = extensions::apply(run, &label, &environment.settings).await?;
    run.environment(|environment| environment.settings = settings);
    Ok(())
}

/// A CNAME that AWS made up is known only now.
fn reveal_cname(run: &Run) {
    let region = run.region.clone();
    run.environment(|environment| environment.cname = Some(super::environments::cname(&environment.prefix, &region)));
}

fn profile_of(run: &Run) -> Result<String, String> {
    let settings = run
        .snapshot()
        .map(|environment| environment.settings)
        .unwrap_or_default();
    resources::instance_profile(&run.world, &settings)
}

/// Without a profile nothing is made at all: the environment is gone within a minute.
fn give_up(run: &Run, why: &str) {
    run.error(why);
    run.error("Failed to launch environment.");
    run.end();
}

async fn build(run: &Run, profile: String, caller: &str) -> Result<(), StackFailure> {
    run.site(|site| site.make_stack());
    if let Some(arn) = run.site(|site| site.make_topic()).flatten() {
        run.info(format!("Created SNS topic named: {arn}"));
    }
    let places = find_places(run)?;
    run.at(24.0).await;
    permissions::check(run, caller, SECURITY_GROUP, permissions::SECURITY_GROUPS)?;
    let groups = run
        .site(|site| site.make_security_groups(&places.vpc_id))
        .unwrap_or_else(|| Ok(Vec::new()))?;
    for group in groups {
        run.info(format!("Created security group named: {group}"));
    }
    run.at(39.0).await;
    let single = run
        .snapshot()
        .is_some_and(|environment| environment.settings.is_single_instance());
    let launch = make_launch_source(run, &profile, caller)?;
    if single {
        permissions::check(run, caller, ADDRESS, permissions::ADDRESS)?;
        if !run.region(|here| here.quotas.has_room(&quotas::ADDRESSES, here.network.addresses.len())) {
            return Err((ADDRESS, NO_ADDRESSES.to_owned()));
        }
        if let Some(ip) = run.site(|site| site.make_address()) {
            run.info(format!("Created EIP: {ip}"));
        }
    } else if is_classic(run) {
        run.site(|site| site.make_classic_targets(&places.vpc_id));
    } else {
        permissions::check(run, caller, TARGETS, permissions::TARGET_GROUP)?;
        if let Some(arn) = run.site(|site| site.make_target_group(&places.vpc_id)) {
            run.info(format!("Created target group named: {arn}"));
        }
        if is_shared(run) {
            shared_balancer::join(run, caller)?;
        }
    }
    run.at(55.0).await;
    permissions::check(run, caller, GROUP, permissions::GROUP)?;
    permissions::link(run, caller, GROUP, &linked_roles::AUTO_SCALING)?;
    let group = run.site(|site| {
        let spec = site.spec(Some(profile));
        site.make_auto_scaling_group(spec, launch, &places.instances)
    });
    let group = group.unwrap_or_default();
    run.info(format!("Created Auto Scaling group named: {group}"));
    run.info("Waiting for EC2 instances to launch. This may take a few minutes.");
    if !single {
        make_balanced_parts(run, caller, &group, &places).await?;
    }
    wait_for_instances(run, &group).await?;
    run.site(|site| {
        // Inferred: recordings show that every finished resource has an id, and not which a wait condition has.
        let id = format!("{}/{}", site.environment.made.stack.clone().unwrap_or_default(), WAIT.0);
        site.record(WAIT, &id, "CREATE_COMPLETE", None);
    });
    run.stack("CREATE_COMPLETE", None);
    Ok(())
}

async fn make_balanced_parts(run: &Run, caller: &str, group: &str, places: &Places) -> Result<(), StackFailure> {
    run.at(70.0).await;
    permissions::check(run, caller, UP, permissions::SCALING_POLICY)?;
    permissions::check(run, caller, HIGH, permissions::ALARM)?;
    run.site(|site| site.make_triggers(group));
    let made = run.snapshot().map(|environment| environment.made).unwrap_or_default();
    for arn in [made.up_policy, made.down_policy].into_iter().flatten() {
        run.info(format!("Created Auto Scaling group policy named: {arn}"));
    }
    for name in [made.high_alarm, made.low_alarm].into_iter().flatten() {
        run.info(format!("Created CloudWatch alarm named: {name}"));
    }
    if is_shared(run) {
        run.site(|site| site.refresh_alarms());
        return Ok(());
    }
    run.at(150.0).await;
    check_balancer(run, caller, places)?;
    if is_classic(run) {
        let name = run.site(|site| site.make_classic_balancer(places)).unwrap_or_default();
        run.info(format!("Created load balancer named: {name}"));
        run.site(|site| site.refresh_alarms());
        return Ok(());
    }
    if let Some((balancer, listener)) = run.site(|site| site.make_load_balancer(places)) {
        run.reached("load balancer");
        run.info(format!("Created load balancer named: {balancer}"));
        if let Some(listener) = listener {
            run.info(format!("Created Load Balancer listener named: {listener}"));
        }
        run.site(|site| site.refresh_alarms());
    }
    Ok(())
}

fn is_classic(run: &Run) -> bool {
    run.snapshot()
        .is_some_and(|environment| environment.settings.is_classic())
}

fn is_shared(run: &Run) -> bool {
    run.snapshot()
        .is_some_and(|environment| environment.settings.is_shared())
}

fn find_places(run: &Run) -> Result<Places, StackFailure> {
    let settings = run
        .snapshot()
        .map(|environment| environment.settings)
        .unwrap_or_default();
    run.region(|here| places(here, &settings)).map_err(|why| (GROUP, why))
}

/// As ELB refuses them: to a caller who may not, to an account that may not, with too few zones, with no way in from the
/// internet.
fn check_balancer(run: &Run, caller: &str, places: &Places) -> Result<(), StackFailure> {
    let part = if is_classic(run) {
        CLASSIC_BALANCER
    } else {
        LOAD_BALANCER
    };
    permissions::check(run, caller, part, permissions::LOAD_BALANCER)?;
    permissions::link(run, caller, part, &linked_roles::LOAD_BALANCING)?;
    if run.world.lock().gates.load_balancers {
        return Err((part, NO_LOAD_BALANCERS.to_owned()));
    }
    let has_room = |here: &mut Region| {
        here.quotas
            .has_room(&quotas::LOAD_BALANCERS, here.balancing.load_balancers.len())
    };
    if !run.region(has_room) {
        return Err((part, NO_MORE_LOAD_BALANCERS.to_owned()));
    }
    let mut zones: Vec<_> = places.balancer.iter().map(|subnet| &subnet.zone).collect();
    zones.sort();
    zones.dedup();
    if zones.len() < 2 && !is_classic(run) {
        let why = "At least two subnets in two different Availability Zones must be specified";
        return Err((LOAD_BALANCER, why.to_owned()));
    }
    if !run.region(|here| here.network.has_internet(&places.vpc_id)) {
        return Err((LOAD_BALANCER, format!("VPC {} has no internet gateway", places.vpc_id)));
    }
    Ok(())
}

fn make_launch_source(run: &Run, profile: &str, caller: &str) -> Result<LaunchSource, StackFailure> {
    let settings = run
        .snapshot()
        .map(|environment| environment.settings)
        .unwrap_or_default();
    let key = settings.get(super::catalogue::LAUNCH, "EC2KeyName").map(str::to_owned);
    if let Some(key) = key.filter(|key| !run.region(|here| here.compute.key_pairs.contains_key(key))) {
        return Err((TEMPLATE, format!("The key pair '{key}' does not exist")));
    }
    if resources::wants_template(&settings) {
        permissions::check(run, caller, TEMPLATE, permissions::LAUNCH_TEMPLATE)?;
        // Making a launch template writes no event (inferred: AWS does not document it).
        let source = run.site(|site| {
            let spec = site.spec(Some(profile.to_owned()));
            site.make_launch_template(spec, caller)
        });
        return source.ok_or_else(|| (TEMPLATE, "The environment is gone".to_owned()));
    }
    permissions::check(run, caller, CONFIGURATION, permissions::LAUNCH_CONFIGURATION)?;
    if run.world.lock().gates.launch_configurations {
        let why = NO_LAUNCH_CONFIGURATIONS;
        run.error(format!(
            "Creating Auto Scaling launch configuration failed Reason: {why}"
        ));
        return Err((CONFIGURATION, why.to_owned()));
    }
    let source = run.site(|site| {
        let spec = site.spec(Some(profile.to_owned()));
        site.make_launch_configuration(spec)
    });
    let source = source.ok_or_else(|| (CONFIGURATION, "The environment is gone".to_owned()))?;
    if let LaunchSource::Configuration(name) = &source {
        run.info(format!("Created Auto Scaling launch configuration named: {name}"));
    }
    Ok(source)
}

/// Until every instance of the group has taken the version or failed to.
async fn wait_for_instances(run: &Run, group: &str) -> Result<(), StackFailure> {
    let patience = run.start_patience(LAUNCH_PATIENCE);
    let mut has_log = false;
    loop {
        let deploying = run.snapshot().filter(|it| !has_log && !it.deployments.is_empty());
        if let Some(environment) = deploying {
            deployment::write_log(run, &environment, &deployment::log_name(run), &[]).await;
            has_log = true;
        }
        if let Some(why) = failed_launch(run, group) {
            run.event(
                Severity::Warn,
                format!("EC2 Instance Launch Failure. Waiting for a New EC2 Instance to Launch... {why}"),
            );
            return Err((GROUP, why));
        }
        if has_no_way_out(run, group) {
            run.at(LAUNCH_PATIENCE as f64).await;
            run.error(
                "The EC2 instances failed to communicate with AWS Elastic Beanstalk, either because of configuration \
                 problems with the VPC or a failed EC2 instance. Check your VPC configuration and try launching the \
                 environment again.",
            );
            return Err((
                WAIT,
                "WaitCondition timed out. Received 0 conditions when expecting 1".to_owned(),
            ));
        }
        if all_answered(run, group) {
            return Ok(());
        }
        if run.is_over(&patience) {
            return Err((
                WAIT,
                "WaitCondition timed out. Received 0 conditions when expecting 1".to_owned(),
            ));
        }
        run.world.clock.sleep_seconds(5).await;
    }
}

fn failed_launch(run: &Run, group: &str) -> Option<String> {
    run.region(|here| {
        let failed = here
            .scaling
            .activities
            .iter()
            .find(|it| it.group == group && it.status == "Failed");
        failed.and_then(|activity| activity.message.clone())
    })
}

/// Instances without a public address, or in a network without a gateway, never call home
/// (github.com/aws/elastic-beanstalk-roadmap/issues/97).
fn has_no_way_out(run: &Run, group: &str) -> bool {
    run.region(|here| {
        let Some(group) = here.scaling.groups.get(group) else {
            return false;
        };
        let instances = group
            .serving()
            .filter_map(|member| here.compute.instances.get(&member.instance_id));
        instances
            .into_iter()
            .any(|it| it.public_ip.is_none() || !here.network.reaches_internet(&it.subnet_id))
    })
}

fn all_answered(run: &Run, group: &str) -> bool {
    run.region(|here| {
        let (Some(group), Some(environment)) =
            (here.scaling.groups.get(group), here.beanstalk.environments.get(&run.id))
        else {
            return false;
        };
        let answered = |deployment: &InstanceDeployment| deployment.status != DeploymentStatus::InProgress;
        let serving: Vec<_> = group.serving().collect();
        i32::try_from(serving.len()) == Ok(group.desired)
            && serving
                .iter()
                .all(|it| environment.deployments.get(&it.instance_id).is_some_and(answered))
    })
}

/// The instances have answered: tells how it went, and waits until they are healthy.
async fn finish(run: &Run) {
    let Some(environment) = run.snapshot() else {
        return;
    };
    let single = environment.settings.is_single_instance();
    let results = results(run);
    run.at(if single { 120.0 } else { 166.0 }).await;
    deployment::write_log(run, &environment, &deployment::log_name(run), &results).await;
    let deployed = results.iter().all(|(_, result)| result.is_ok());
    if deployed {
        run.info("Instance deployment completed successfully.");
    } else {
        deployment::tell_failures(run, &results);
    }
    run.site(|site| site.make_log_groups());
    let timeout = environment.settings.whole(super::catalogue::COMMAND, "Timeout") + COMMAND_MARGIN;
    let healthy = deployed && wait_until_healthy(run, None, timeout).await;
    run.at(if single { 170.0 } else { 231.0 }).await;
    if healthy {
        let cname = run
            .snapshot()
            .and_then(|environment| environment.cname)
            .unwrap_or_default();
        run.info(format!("Application available at {cname}."));
        run.info(format!("Successfully launched environment: {}", environment.name));
    } else {
        let name = &environment.name;
        run.error(
            "Create environment operation is complete, but with errors. For more information, see troubleshooting \
             documentation.",
        );
        run.info(format!(
            "Launched environment: {name}. However, there were issues during launch. See event log for details."
        ));
    }
    health::come_to_rest(run);
}

/// What each instance of the group answered.
pub(super) fn results(run: &Run) -> Results {
    let Some(environment) = run.snapshot() else {
        return Vec::new();
    };
    let group = environment.made.group.unwrap_or_default();
    run.region(|here| {
        let members = here
            .scaling
            .groups
            .get(&group)
            .into_iter()
            .flat_map(|group| group.serving());
        members
            .filter_map(|member| {
                let deployment = environment.deployments.get(&member.instance_id)?;
                let result = deployment.failure.clone().map_or(Ok(()), Err);
                Some((member.instance_id.clone(), result))
            })
            .collect()
    })
}

/// Whether these instances, or all of them, became healthy in time, for the load balancer or, without one, by an open port.
pub(super) async fn wait_until_healthy(run: &Run, only: Option<&[String]>, timeout: i64) -> bool {
    let patience = run.patience(timeout);
    loop {
        let now = run.world.clock.now();
        let healthy = run.region(|here| {
            let Some(environment) = here.beanstalk.environments.get(&run.id) else {
                return false;
            };
            let seen = health::instances(here, environment, (now, &run.world.traffic()), |id| {
                run.world.plane.address(id).is_some()
            });
            let counts = |id: &String| only.is_none_or(|only| only.contains(id));
            let mut seen = seen.iter().filter(|instance| counts(&instance.instance_id)).peekable();
            seen.peek().is_some() && seen.all(|instance| instance.health.status == health::HealthStatus::Ok)
        });
        if healthy || run.is_aborted() || run.is_over(&patience) {
            return healthy;
        }
        run.world.clock.sleep_seconds(5).await;
    }
}

/// `CREATE_FAILED`: the environment ends as `Ready` and red, and goes on costing money.
fn fail_stack(run: &Run, (part, why): &StackFailure) {
    run.site(|site| site.record(*part, "", "CREATE_FAILED", Some(why)));
    let reason = format!("The following resource(s) failed to create: [{}].", part.0);
    run.stack("CREATE_FAILED", Some(&reason));
    let Some(environment) = run.snapshot() else {
        return;
    };
    run.error(format!("Creating {} failed Reason: {why}", part.0));
    run.error(format!(
        "Stack named '{}' aborted operation. Current state: 'CREATE_FAILED'  Reason: {reason} {why}",
        environment.stack_name()
    ));
    run.info(format!(
        "Launched environment: {}. However, there were issues during launch. See event log for details.",
        environment.name
    ));
    run.environment(|environment| environment.broken = true);
    health::come_to_rest(run);
}
