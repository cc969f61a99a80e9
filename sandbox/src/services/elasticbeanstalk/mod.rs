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

pub(crate) use denied::answer_to_stranger;
pub(crate) use templates::follow_file;
use winterbaume_elasticbeanstalk::model as m;

use super::{Entry, Service, operation};
use crate::protocols::call::Call;
use crate::world::beanstalk::environments::Caller;
use crate::world::beanstalk::{self, Environment, Origin, Reference};
use crate::world::{Refusal, Tags, World};

const ENVIRONMENT: &[&str] = &["EnvironmentId", "EnvironmentName"];
const INFO: &[&str] = &["EnvironmentId", "EnvironmentName", "InfoType"];

const OPTIONS: &str = "OptionSettings{Namespace,OptionName,Value,ResourceName}";
const LIFECYCLE: &str = "ResourceLifecycleConfig{ServiceRole,VersionLifecycleConfig{\
     MaxCountRule{Enabled,MaxCount,DeleteSourceFromS3},MaxAgeRule{Enabled,MaxAgeInDays,DeleteSourceFromS3}}}";

const OPERATIONS: &[Entry] = &[
    operation("AbortEnvironmentUpdate", ENVIRONMENT, operations::abort),
    operation(
        "ApplyEnvironmentManagedAction",
        &["ActionId", "EnvironmentId", "EnvironmentName"],
        operations::apply_managed_action,
    ),
    operation(
        "AssociateEnvironmentOperationsRole",
        &["EnvironmentName", "OperationsRole"],
        operations::associate_role,
    ),
    operation("CheckDNSAvailability", &["CNAMEPrefix"], environments::check_dns),
    operation(
        "CreateApplication",
        &["ApplicationName", "Description", LIFECYCLE, "Tags{Key,Value}"],
        applications::create,
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
        applications::create_version,
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
        templates::create,
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
        environments::create,
    ),
    operation("CreateStorageLocation", &[], applications::create_storage_location),
    operation(
        "DeleteApplication",
        &["ApplicationName", "TerminateEnvByForce"],
        applications::delete,
    ),
    operation(
        "DeleteApplicationVersion",
        &["ApplicationName", "VersionLabel", "DeleteSourceBundle"],
        applications::delete_version,
    ),
    operation(
        "DeleteConfigurationTemplate",
        &["ApplicationName", "TemplateName"],
        templates::delete,
    ),
    operation(
        "DeleteEnvironmentConfiguration",
        &["ApplicationName", "EnvironmentName"],
        configuration::delete_draft,
    ),
    operation("DescribeAccountAttributes", &[], |_, _| {
        Ok(platforms::account_attributes())
    }),
    operation(
        "DescribeApplicationVersions",
        &["ApplicationName", "VersionLabels", "MaxRecords", "NextToken"],
        applications::describe_versions,
    ),
    operation("DescribeApplications", &["ApplicationNames"], applications::describe),
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
        configuration::describe_options,
    ),
    operation(
        "DescribeConfigurationSettings",
        &["ApplicationName", "EnvironmentName", "TemplateName"],
        configuration::describe_settings,
    ),
    operation(
        "DescribeEnvironmentHealth",
        &["EnvironmentId", "EnvironmentName", "AttributeNames"],
        health::describe_environment,
    ),
    operation(
        "DescribeEnvironmentManagedActions",
        &["EnvironmentId", "EnvironmentName", "Status"],
        operations::managed_actions,
    ),
    operation(
        "DescribeEnvironmentResources",
        ENVIRONMENT,
        environments::describe_resources,
    ),
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
        environments::describe,
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
        health::describe_events,
    ),
    operation(
        "DescribeInstancesHealth",
        &["EnvironmentId", "EnvironmentName", "AttributeNames", "NextToken"],
        health::describe_instances,
    ),
    operation("DescribePlatformVersion", &["PlatformArn"], |_, call| {
        platforms::describe(call)
    }),
    operation(
        "DisassociateEnvironmentOperationsRole",
        &["EnvironmentName"],
        operations::disassociate_role,
    ),
    operation("ListAvailableSolutionStacks", &[], |_, call| {
        Ok(platforms::solution_stacks(call))
    }),
    operation(
        "ListPlatformBranches",
        &["Filters{Attribute,Operator,Values}", "MaxRecords", "NextToken"],
        |_, call| platforms::list_branches(call),
    ),
    operation(
        "ListPlatformVersions",
        &["Filters{Type,Operator,Values}", "MaxRecords", "NextToken"],
        |_, call| platforms::list_versions(call),
    ),
    operation("ListTagsForResource", &["ResourceArn"], applications::list_tags),
    operation("RebuildEnvironment", ENVIRONMENT, operations::rebuild),
    operation("RequestEnvironmentInfo", INFO, operations::request_info),
    operation("RestartAppServer", ENVIRONMENT, operations::restart),
    operation("RetrieveEnvironmentInfo", INFO, operations::retrieve_info),
    operation(
        "SwapEnvironmentCNAMEs",
        &[
            "SourceEnvironmentId",
            "SourceEnvironmentName",
            "DestinationEnvironmentId",
            "DestinationEnvironmentName",
        ],
        operations::swap,
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
        environments::terminate,
    ),
    operation(
        "UpdateApplication",
        &["ApplicationName", "Description"],
        applications::update,
    ),
    operation(
        "UpdateApplicationResourceLifecycle",
        &["ApplicationName", LIFECYCLE],
        lifecycle::update,
    ),
    operation(
        "UpdateApplicationVersion",
        &["ApplicationName", "VersionLabel", "Description"],
        applications::update_version,
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
        templates::update,
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
        environments::update,
    ),
    operation(
        "UpdateTagsForResource",
        &["ResourceArn", "TagsToAdd{Key,Value}", "TagsToRemove"],
        applications::update_tags,
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
        configuration::validate,
    ),
];

pub(crate) const SERVICE: Service = Service {
    scope: "elasticbeanstalk",
    title: "Elastic Beanstalk",
    operations: OPERATIONS,
    refuses: None,
};

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
