//! Elastic Beanstalk's API: applications, environments, configuration, health and platforms.

mod applications;
mod configuration;
mod denied;
mod environments;
mod health;
mod lifecycle;
mod operations;
mod platforms;
mod settings;
mod specification;
mod templates;
#[cfg(test)]
mod tests;

use std::sync::Arc;

pub(crate) use denied::answer_to_stranger;
pub(crate) use templates::follow_file;
use winterbaume_elasticbeanstalk::model as m;

use super::{Operation, Service, operation};
use crate::protocols::call::{Answer, Call};
use crate::world::beanstalk::environments::Caller;
use crate::world::beanstalk::{self, Environment, Origin, Reference};
use crate::world::{Refusal, Tags, World};

const ENVIRONMENT: &[&str] = &["EnvironmentId", "EnvironmentName"];
const INFO: &[&str] = &["EnvironmentId", "EnvironmentName", "InfoType"];

const OPTIONS: &str = "OptionSettings{Namespace,OptionName,Value,ResourceName}";
const LIFECYCLE: &str = "ResourceLifecycleConfig{ServiceRole,VersionLifecycleConfig{\
     MaxCountRule{Enabled,MaxCount,DeleteSourceFromS3},MaxAgeRule{Enabled,MaxAgeInDays,DeleteSourceFromS3}}}";

const OPERATIONS: &[Operation] = &[
    operation("AbortEnvironmentUpdate", ENVIRONMENT),
    operation(
        "ApplyEnvironmentManagedAction",
        &["ActionId", "EnvironmentId", "EnvironmentName"],
    ),
    operation(
        "AssociateEnvironmentOperationsRole",
        &["EnvironmentName", "OperationsRole"],
    ),
    operation("CheckDNSAvailability", &["CNAMEPrefix"]),
    operation(
        "CreateApplication",
        &["ApplicationName", "Description", LIFECYCLE, "Tags{Key,Value}"],
    ),
    operation(
        "CreateApplicationVersion",
        &[
            "ApplicationName",
            "VersionLabel",
            "Description",
            "SourceBundle{S3Bucket,S3Key}",
            "AutoCreateApplication",
            "Process",
            "Tags{Key,Value}",
        ],
    ),
    operation(
        "CreateConfigurationTemplate",
        &[
            "ApplicationName",
            "TemplateName",
            "Description",
            "EnvironmentId",
            "SourceConfiguration{ApplicationName,TemplateName}",
            "PlatformArn",
            "SolutionStackName",
            "TemplateSpecification{TemplateSource{EnvironmentName}}",
            OPTIONS,
            "Tags{Key,Value}",
        ],
    ),
    operation(
        "CreateEnvironment",
        &[
            "ApplicationName",
            "EnvironmentName",
            "CNAMEPrefix",
            "Description",
            "VersionLabel",
            "PlatformArn",
            "SolutionStackName",
            "TemplateName",
            "TemplateSpecification{TemplateSource{EnvironmentName}}",
            OPTIONS,
            "OptionsToRemove{Namespace,OptionName}",
            "OperationsRole",
            "Tags{Key,Value}",
            "Tier{Name,Type,Version~}",
        ],
    ),
    operation("CreateStorageLocation", &[]),
    operation("DeleteApplication", &["ApplicationName", "TerminateEnvByForce"]),
    operation(
        "DeleteApplicationVersion",
        &["ApplicationName", "VersionLabel", "DeleteSourceBundle"],
    ),
    operation("DeleteConfigurationTemplate", &["ApplicationName", "TemplateName"]),
    operation(
        "DeleteEnvironmentConfiguration",
        &["ApplicationName", "EnvironmentName"],
    ),
    operation("DescribeAccountAttributes", &[]),
    operation(
        "DescribeApplicationVersions",
        &["ApplicationName", "VersionLabels", "MaxRecords", "NextToken"],
    ),
    operation("DescribeApplications", &["ApplicationNames"]),
    operation(
        "DescribeConfigurationOptions",
        &[
            "ApplicationName",
            "EnvironmentName",
            "TemplateName",
            "PlatformArn",
            "SolutionStackName",
            "Options{Namespace,OptionName}",
        ],
    ),
    operation(
        "DescribeConfigurationSettings",
        &["ApplicationName", "EnvironmentName", "TemplateName"],
    ),
    operation(
        "DescribeEnvironmentHealth",
        &["EnvironmentId", "EnvironmentName", "AttributeNames"],
    ),
    operation(
        "DescribeEnvironmentManagedActions",
        &["EnvironmentId", "EnvironmentName", "Status"],
    ),
    operation("DescribeEnvironmentResources", ENVIRONMENT),
    operation(
        "DescribeEnvironments",
        &[
            "ApplicationName",
            "VersionLabel",
            "EnvironmentIds",
            "EnvironmentNames",
            "IncludeDeleted",
            "IncludedDeletedBackTo",
            "MaxRecords",
            "NextToken",
        ],
    ),
    operation(
        "DescribeEvents",
        &[
            "ApplicationName",
            "VersionLabel",
            "EnvironmentId",
            "EnvironmentName",
            "PlatformArn",
            "RequestId",
            "TemplateName",
            "Severity",
            "StartTime",
            "EndTime",
            "MaxRecords",
            "NextToken",
        ],
    ),
    operation(
        "DescribeInstancesHealth",
        &["EnvironmentId", "EnvironmentName", "AttributeNames", "NextToken"],
    ),
    operation("DescribePlatformVersion", &["PlatformArn"]),
    operation("DisassociateEnvironmentOperationsRole", &["EnvironmentName"]),
    operation("ListAvailableSolutionStacks", &[]),
    operation(
        "ListPlatformBranches",
        &["Filters{Attribute,Operator,Values}", "MaxRecords", "NextToken"],
    ),
    operation(
        "ListPlatformVersions",
        &["Filters{Type,Operator,Values}", "MaxRecords", "NextToken"],
    ),
    operation("ListTagsForResource", &["ResourceArn"]),
    operation("RebuildEnvironment", ENVIRONMENT),
    operation("RequestEnvironmentInfo", INFO),
    operation("RestartAppServer", ENVIRONMENT),
    operation("RetrieveEnvironmentInfo", INFO),
    operation(
        "SwapEnvironmentCNAMEs",
        &[
            "SourceEnvironmentId",
            "SourceEnvironmentName",
            "DestinationEnvironmentId",
            "DestinationEnvironmentName",
        ],
    ),
    operation(
        "TerminateEnvironment",
        &[
            "EnvironmentId",
            "EnvironmentName",
            "TerminateResources=true",
            // It matters to groups of environments only, of which there are none.
            "ForceTerminate~",
        ],
    ),
    operation("UpdateApplication", &["ApplicationName", "Description"]),
    operation("UpdateApplicationResourceLifecycle", &["ApplicationName", LIFECYCLE]),
    operation(
        "UpdateApplicationVersion",
        &["ApplicationName", "VersionLabel", "Description"],
    ),
    operation(
        "UpdateConfigurationTemplate",
        &[
            "ApplicationName",
            "TemplateName",
            "Description",
            OPTIONS,
            "OptionsToRemove{Namespace,OptionName}",
        ],
    ),
    operation(
        "UpdateEnvironment",
        &[
            "ApplicationName",
            "EnvironmentId",
            "EnvironmentName",
            "Description",
            "VersionLabel",
            "PlatformArn",
            "SolutionStackName",
            "TemplateName",
            "TemplateSpecification{TemplateSource{SourceContents}}",
            OPTIONS,
            "OptionsToRemove{Namespace,OptionName}",
            "Tier{Name,Type,Version~}",
        ],
    ),
    operation(
        "UpdateTagsForResource",
        &["ResourceArn", "TagsToAdd{Key,Value}", "TagsToRemove"],
    ),
    operation(
        "ValidateConfigurationSettings",
        &[
            "ApplicationName",
            "EnvironmentName",
            "TemplateName",
            "TemplateSpecification{TemplateSource{PlatformArn,SolutionStackName}}",
            OPTIONS,
        ],
    ),
];

pub(crate) const SERVICE: Service = Service {
    scope: "elasticbeanstalk",
    title: "Elastic Beanstalk",
    operations: OPERATIONS,
    run,
};

fn run(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    match call.operation.as_str() {
        "AbortEnvironmentUpdate" => operations::abort(world, call),
        "ApplyEnvironmentManagedAction" => operations::apply_managed_action(world, call),
        "AssociateEnvironmentOperationsRole" => operations::associate_role(world, call),
        "CheckDNSAvailability" => environments::check_dns(world, call),
        "CreateApplication" => applications::create(world, call),
        "CreateApplicationVersion" => applications::create_version(world, call),
        "CreateConfigurationTemplate" => templates::create(world, call),
        "CreateEnvironment" => environments::create(world, call),
        "CreateStorageLocation" => applications::create_storage_location(world, call),
        "DeleteApplication" => applications::delete(world, call),
        "DeleteApplicationVersion" => applications::delete_version(world, call),
        "DeleteConfigurationTemplate" => templates::delete(world, call),
        "DeleteEnvironmentConfiguration" => configuration::delete_draft(world, call),
        "DescribeAccountAttributes" => Ok(platforms::account_attributes()),
        "DescribeApplicationVersions" => applications::describe_versions(world, call),
        "DescribeApplications" => applications::describe(world, call),
        "DescribeConfigurationOptions" => configuration::describe_options(world, call),
        "DescribeConfigurationSettings" => configuration::describe_settings(world, call),
        "DescribeEnvironmentHealth" => health::describe_environment(world, call),
        "DescribeEnvironmentManagedActions" => operations::managed_actions(world, call),
        "DescribeEnvironmentResources" => environments::describe_resources(world, call),
        "DescribeEnvironments" => environments::describe(world, call),
        "DescribeEvents" => health::describe_events(world, call),
        "DescribeInstancesHealth" => health::describe_instances(world, call),
        "DescribePlatformVersion" => platforms::describe(call),
        "DisassociateEnvironmentOperationsRole" => operations::disassociate_role(world, call),
        "ListAvailableSolutionStacks" => Ok(platforms::solution_stacks(call)),
        "ListPlatformBranches" => platforms::list_branches(call),
        "ListPlatformVersions" => platforms::list_versions(call),
        "ListTagsForResource" => applications::list_tags(world, call),
        "RebuildEnvironment" => operations::rebuild(world, call),
        "RequestEnvironmentInfo" => operations::request_info(world, call),
        "RestartAppServer" => operations::restart(world, call),
        "RetrieveEnvironmentInfo" => operations::retrieve_info(world, call),
        "SwapEnvironmentCNAMEs" => operations::swap(world, call),
        "TerminateEnvironment" => environments::terminate(world, call),
        "UpdateApplication" => applications::update(world, call),
        "UpdateApplicationResourceLifecycle" => lifecycle::update(world, call),
        "UpdateApplicationVersion" => applications::update_version(world, call),
        "UpdateConfigurationTemplate" => templates::update(world, call),
        "UpdateEnvironment" => environments::update(world, call),
        "UpdateTagsForResource" => applications::update_tags(world, call),
        "ValidateConfigurationSettings" => configuration::validate(world, call),
        other => Err(super::not_implemented(format!("{other} of Elastic Beanstalk"))),
    }
}

fn caller(call: &Call) -> Caller {
    Caller {
        region: call.region.clone(),
        arn: call.caller.clone(),
        request_id: call.request_id.clone(),
    }
}

/// Beanstalk's own, of the region that is called.
fn bucket(world: &World, call: &Call) -> String {
    beanstalk::bucket(&call.region, &world.lock().account)
}

fn origin(world: &World, call: &Call) -> Origin {
    Origin {
        region: call.region.clone(),
        account: world.lock().account.clone(),
        request_id: call.request_id.clone(),
        now: world.clock.now(),
    }
}

fn tags(tags: Option<m::Tags>) -> Tags {
    let list = tags.map(|tags| tags.items).unwrap_or_default();
    list.into_iter()
        .map(|tag| (tag.key.unwrap_or_default(), tag.value.unwrap_or_default()))
        .collect()
}

fn copy_of(world: &World, call: &Call, reference: &Reference) -> Result<Environment, Refusal> {
    let mut state = world.lock();
    let beanstalk = &state.region(&call.region).beanstalk;
    let id = beanstalk.find(reference)?;
    let missing = || Refusal::new("InvalidParameterValue", "No Environment found.");
    beanstalk.environments.get(&id).cloned().ok_or_else(missing)
}
