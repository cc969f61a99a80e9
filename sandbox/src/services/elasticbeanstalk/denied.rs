//! What a caller reads who may not read: fifteen of Beanstalk's operations answer with nothing instead of an error
//! (botocore: elasticbeanstalk, "an empty result is returned"). Who takes that for "there is none" is wrong, and should find
//! out here.

use winterbaume_elasticbeanstalk::{model as m, wire};

use crate::protocols::call::{Answer, Call};

/// The empty answer to a read that the caller's policies do not allow; `None` where AWS refuses instead.
pub(crate) fn answer_to_stranger(call: &Call) -> Option<Answer> {
    if call.service != super::SERVICE.scope {
        return None;
    }
    let answer = match call.operation.as_str() {
        "DescribeApplications" => wire::serialize_describe_applications_response(&m::ApplicationDescriptionsMessage {
            applications: Some(Vec::new().into()),
        }),
        "DescribeApplicationVersions" => {
            wire::serialize_describe_application_versions_response(&m::ApplicationVersionDescriptionsMessage {
                application_versions: Some(Vec::new().into()),
                next_token: None,
            })
        }
        "DescribeConfigurationSettings" => {
            wire::serialize_describe_configuration_settings_response(&m::ConfigurationSettingsDescriptions {
                configuration_settings: Some(Vec::new().into()),
            })
        }
        "DescribeEnvironments" => wire::serialize_describe_environments_response(&m::EnvironmentDescriptionsMessage {
            environments: Some(Vec::new().into()),
            next_token: None,
        }),
        "DescribeEvents" => wire::serialize_describe_events_response(&m::EventDescriptionsMessage {
            events: Some(Vec::new().into()),
            next_token: None,
        }),
        "ListTagsForResource" => wire::serialize_list_tags_for_resource_response(&m::ResourceTagsDescriptionMessage {
            resource_arn: None,
            resource_tags: Some(Vec::new().into()),
        }),
        "DescribeAccountAttributes" => {
            wire::serialize_describe_account_attributes_response(&m::DescribeAccountAttributesResult::default())
        }
        "DescribeConfigurationOptions" => {
            wire::serialize_describe_configuration_options_response(&m::ConfigurationOptionsDescription {
                options: Some(Vec::new().into()),
                ..m::ConfigurationOptionsDescription::default()
            })
        }
        "DescribeEnvironmentHealth" => {
            wire::serialize_describe_environment_health_response(&m::DescribeEnvironmentHealthResult::default())
        }
        "DescribeEnvironmentManagedActions" => {
            wire::serialize_describe_environment_managed_actions_response(&m::DescribeEnvironmentManagedActionsResult {
                managed_actions: Some(Vec::new().into()),
            })
        }
        "DescribeInstancesHealth" => {
            wire::serialize_describe_instances_health_response(&m::DescribeInstancesHealthResult {
                instance_health_list: Some(Vec::new().into()),
                ..m::DescribeInstancesHealthResult::default()
            })
        }
        "DescribePlatformVersion" => {
            wire::serialize_describe_platform_version_response(&m::DescribePlatformVersionResult::default())
        }
        "ListAvailableSolutionStacks" => {
            wire::serialize_list_available_solution_stacks_response(&m::ListAvailableSolutionStacksResultMessage {
                solution_stacks: Some(Vec::new().into()),
                solution_stack_details: Some(Vec::new().into()),
            })
        }
        "ListPlatformBranches" => wire::serialize_list_platform_branches_response(&m::ListPlatformBranchesResult {
            platform_branch_summary_list: Some(Vec::new().into()),
            next_token: None,
        }),
        "ListPlatformVersions" => wire::serialize_list_platform_versions_response(&m::ListPlatformVersionsResult {
            platform_summary_list: Some(Vec::new().into()),
            next_token: None,
        }),
        _ => return None,
    };
    Some(answer.into())
}
