//! Platform versions and branches, solution stacks, quotas.

use winterbaume_elasticbeanstalk::{model as m, wire};

use super::super::page::page;
use crate::protocols::call::{Answer, Call};
use crate::world::Refusal;
use crate::world::beanstalk::platforms::{self, Platform, PlatformFilter};
use crate::world::beanstalk::quotas;

/// Branches in an answer to who does not say how many: AWS's come in pages (aws/aws-elastic-beanstalk-cli#154); how long they
/// are is not documented, and there are few here.
const PAGE: i32 = 5;

fn summary(platform: &Platform) -> m::PlatformSummary {
    m::PlatformSummary {
        operating_system_name: Some("Amazon Linux".to_owned()),
        operating_system_version: Some("2023".to_owned()),
        platform_arn: Some(platform.arn.clone()),
        platform_branch_lifecycle_state: Some("Supported".to_owned()),
        platform_branch_name: Some(platform.branch.clone()),
        platform_category: Some(platform.category.to_owned()),
        platform_lifecycle_state: platform.recommended.then(|| "Recommended".to_owned()),
        platform_owner: Some("AWSElasticBeanstalk".to_owned()),
        platform_status: Some("Ready".to_owned()),
        platform_version: Some(platform.version.to_owned()),
        supported_addon_list: Some(vec!["Log/S3".to_owned(), "WorkerDaemon/SQSD".to_owned()].into()),
        supported_tier_list: Some(tiers()),
    }
}

fn tiers() -> m::SupportedTierList {
    vec!["WebServer/Standard".to_owned(), "Worker/SQS/HTTP".to_owned()].into()
}

pub(super) fn list_versions(call: &Call) -> Result<Answer, Refusal> {
    let request: m::ListPlatformVersionsRequest = call.query()?;
    let filters = request.filters.map(|list| list.items).unwrap_or_default();
    let filters: Vec<_> = filters
        .into_iter()
        .map(|it| PlatformFilter {
            attribute: it.r#type.unwrap_or_default(),
            operator: it.operator.unwrap_or_else(|| "=".to_owned()),
            values: it.values.map(|values| values.items).unwrap_or_default(),
        })
        .collect();
    let chosen = platforms::select(&call.region, &filters)?;
    let views = chosen.iter().map(summary).collect();
    let (views, next_token) = page(views, request.max_records, request.next_token.as_deref())?;
    let result = m::ListPlatformVersionsResult {
        next_token,
        platform_summary_list: Some(views.into()),
    };
    Ok(wire::serialize_list_platform_versions_response(&result).into())
}

pub(super) fn list_branches(call: &Call) -> Result<Answer, Refusal> {
    let request: m::ListPlatformBranchesRequest = call.query()?;
    let filters = request.filters.map(|list| list.items).unwrap_or_default();
    let filters: Vec<_> = filters
        .into_iter()
        .map(|it| PlatformFilter {
            attribute: it.attribute.unwrap_or_default(),
            operator: it.operator.unwrap_or_else(|| "=".to_owned()),
            values: it.values.map(|values| values.items).unwrap_or_default(),
        })
        .collect();
    let mut chosen = platforms::select(&call.region, &filters)?;
    chosen.retain(|platform| platform.recommended);
    let branch = |(order, platform): (usize, &Platform)| m::PlatformBranchSummary {
        branch_name: Some(platform.branch.clone()),
        branch_order: i32::try_from(order + 1).ok(),
        lifecycle_state: Some("Supported".to_owned()),
        platform_name: Some(platform.category.to_owned()),
        supported_tier_list: Some(tiers()),
    };
    let views = chosen.iter().enumerate().map(branch).collect();
    let (views, next_token) = page(views, request.max_records.or(Some(PAGE)), request.next_token.as_deref())?;
    let result = m::ListPlatformBranchesResult {
        next_token,
        platform_branch_summary_list: Some(views.into()),
    };
    Ok(wire::serialize_list_platform_branches_response(&result).into())
}

pub(super) fn solution_stacks(call: &Call) -> Answer {
    let all = platforms::all(&call.region);
    let detail = |platform: &Platform| m::SolutionStackDescription {
        permitted_file_types: Some(vec!["zip".to_owned()].into()),
        solution_stack_name: Some(platform.solution_stack.clone()),
    };
    let result = m::ListAvailableSolutionStacksResultMessage {
        solution_stack_details: Some(all.iter().map(detail).collect()),
        solution_stacks: Some(all.iter().map(|platform| platform.solution_stack.clone()).collect()),
    };
    wire::serialize_list_available_solution_stacks_response(&result).into()
}

pub(super) fn describe(call: &Call) -> Result<Answer, Refusal> {
    let request: m::DescribePlatformVersionRequest = call.query()?;
    let platform = platforms::choose(&call.region, request.platform_arn.as_deref(), None)?;
    let result = m::DescribePlatformVersionResult {
        platform_description: Some(m::PlatformDescription {
            operating_system_name: Some("Amazon Linux".to_owned()),
            operating_system_version: Some("2023".to_owned()),
            platform_arn: Some(platform.arn.clone()),
            platform_branch_lifecycle_state: Some("Supported".to_owned()),
            platform_branch_name: Some(platform.branch.clone()),
            platform_category: Some(platform.category.to_owned()),
            platform_lifecycle_state: platform.recommended.then(|| "Recommended".to_owned()),
            platform_name: Some(platform.branch.clone()),
            platform_owner: Some("AWSElasticBeanstalk".to_owned()),
            platform_status: Some("Ready".to_owned()),
            platform_version: Some(platform.version.to_owned()),
            solution_stack_name: Some(platform.solution_stack),
            supported_tier_list: Some(tiers()),
            ..m::PlatformDescription::default()
        }),
    };
    Ok(wire::serialize_describe_platform_version_response(&result).into())
}

/// The default quotas of a region (AWS General Reference: elasticbeanstalk).
pub(super) fn account_attributes() -> Answer {
    let quota = |maximum: usize| {
        Some(m::ResourceQuota {
            maximum: i32::try_from(maximum).ok(),
        })
    };
    let result = m::DescribeAccountAttributesResult {
        resource_quotas: Some(m::ResourceQuotas {
            application_quota: quota(quotas::APPLICATIONS),
            application_version_quota: quota(quotas::VERSIONS),
            configuration_template_quota: quota(quotas::TEMPLATES),
            custom_platform_quota: quota(50),
            environment_quota: quota(quotas::ENVIRONMENTS),
        }),
    };
    wire::serialize_describe_account_attributes_response(&result).into()
}
