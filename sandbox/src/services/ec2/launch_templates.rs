//! Launch templates and their versions.

use std::sync::Arc;

use winterbaume_ec2_generated::{model as m, wire};

use super::super::page::page;
use super::{all_known, filters, tag_list};
use crate::gateway::call::{Answer, Call};
use crate::world::clock::text;
use crate::world::compute::{InstanceSpec, LaunchTemplate};
use crate::world::{Refusal, World};

fn no_id(id: &str) -> Refusal {
    Refusal::new(
        "InvalidLaunchTemplateId.NotFound",
        format!("The specified launch template, with template ID {id}, does not exist."),
    )
}

fn no_name(name: &str) -> Refusal {
    Refusal::new(
        "InvalidLaunchTemplateName.NotFoundException",
        format!("The specified launch template, with template name {name}, does not exist."),
    )
}

fn number(version: usize) -> Option<i64> {
    i64::try_from(version).ok()
}

pub(super) fn describe(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::DescribeLaunchTemplatesRequest = call.query()?;
    let ids = request.launch_template_ids.map(|list| list.items);
    let names = request.launch_template_names.map(|list| list.items);
    let mut state = world.lock();
    let templates = &state.region(&call.region).compute.launch_templates;
    all_known(ids.as_ref(), |id| templates.contains_key(id), no_id)?;
    all_known(
        names.as_ref(),
        |name| templates.values().any(|it| it.name == name),
        no_name,
    )?;
    let wanted = |it: &&LaunchTemplate| {
        ids.as_ref().is_none_or(|ids| ids.contains(&it.id))
            && names.as_ref().is_none_or(|names| names.contains(&it.name))
    };
    let all: Vec<_> = templates.values().filter(wanted).collect();
    let by = |it: &&LaunchTemplate, name: &str| {
        vec![match name {
            "create-time" => text(it.created),
            _ => it.name.clone(),
        }]
    };
    let chosen = filters::select(
        all,
        request.filters,
        &["launch-template-name", "create-time"],
        by,
        |it| it.tags.clone(),
    )?;
    let (chosen, next_token) = page(chosen, request.max_results, request.next_token.as_deref())?;
    let view = |template: &LaunchTemplate| m::LaunchTemplate {
        create_time: Some(text(template.created)),
        created_by: Some(template.created_by.clone()),
        default_version_number: Some(1),
        latest_version_number: number(template.versions.len()),
        launch_template_id: Some(template.id.clone()),
        launch_template_name: Some(template.name.clone()),
        operator: None,
        tags: Some(tag_list(&template.tags)),
    };
    let result = m::DescribeLaunchTemplatesResult {
        launch_templates: Some(chosen.into_iter().map(view).collect()),
        next_token,
    };
    Ok(wire::serialize_describe_launch_templates_response(&result).into())
}

/// Newest first; of those asked for by number, `$Latest` or `$Default`.
pub(super) fn describe_versions(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::DescribeLaunchTemplateVersionsRequest = call.query()?;
    let mut state = world.lock();
    let templates = &state.region(&call.region).compute.launch_templates;
    let template = match (&request.launch_template_id, &request.launch_template_name) {
        (Some(id), _) => templates.get(id).ok_or_else(|| no_id(id))?,
        (None, Some(name)) => templates
            .values()
            .find(|it| it.name == *name)
            .ok_or_else(|| no_name(name))?,
        (None, None) => {
            let message = "Either a launch template ID or a launch template name must be specified.";
            return Err(Refusal::new("MissingParameter", message));
        }
    };
    let latest = template.versions.len();
    let wanted = request.versions.map(|list| list.items);
    let is_wanted = |version: usize| {
        wanted.as_ref().is_none_or(|wanted| {
            wanted.iter().any(|text| match text.as_str() {
                "$Latest" => version == latest,
                "$Default" => version == 1,
                text => text == version.to_string(),
            })
        })
    };
    let numbered = template.versions.iter().enumerate().rev();
    let chosen = numbered.filter(|(index, _)| is_wanted(index + 1)).collect();
    let (chosen, next_token) = page(chosen, request.max_results, request.next_token.as_deref())?;
    let result = m::DescribeLaunchTemplateVersionsResult {
        launch_template_versions: Some(
            chosen
                .into_iter()
                .map(|(index, spec)| version_view(template, index + 1, spec))
                .collect(),
        ),
        next_token,
    };
    Ok(wire::serialize_describe_launch_template_versions_response(&result).into())
}

fn version_view(template: &LaunchTemplate, version: usize, spec: &InstanceSpec) -> m::LaunchTemplateVersion {
    let tokens = if spec.requires_imds_v2 { "required" } else { "optional" };
    let device = spec
        .volume_type
        .as_ref()
        .map(|kind| m::LaunchTemplateBlockDeviceMapping {
            device_name: Some("/dev/xvda".to_owned()),
            ebs: Some(m::LaunchTemplateEbsBlockDevice {
                volume_type: Some(kind.clone()),
                ..m::LaunchTemplateEbsBlockDevice::default()
            }),
            ..m::LaunchTemplateBlockDeviceMapping::default()
        });
    m::LaunchTemplateVersion {
        create_time: Some(text(template.created)),
        created_by: Some(template.created_by.clone()),
        default_version: Some(version == 1),
        launch_template_data: Some(m::ResponseLaunchTemplateData {
            block_device_mappings: device.map(|device| vec![device].into()),
            iam_instance_profile: spec.profile_arn.clone().map(|arn| {
                m::LaunchTemplateIamInstanceProfileSpecification {
                    arn: Some(arn),
                    name: None,
                }
            }),
            image_id: Some(spec.image_id.clone()),
            instance_type: Some(spec.instance_type.clone()),
            key_name: spec.key_name.clone(),
            metadata_options: Some(m::LaunchTemplateInstanceMetadataOptions {
                http_tokens: Some(tokens.to_owned()),
                ..m::LaunchTemplateInstanceMetadataOptions::default()
            }),
            monitoring: Some(m::LaunchTemplatesMonitoring {
                enabled: Some(spec.detailed_monitoring),
            }),
            security_group_ids: Some(spec.security_groups.clone().into()),
            ..m::ResponseLaunchTemplateData::default()
        }),
        launch_template_id: Some(template.id.clone()),
        launch_template_name: Some(template.name.clone()),
        version_number: number(version),
        ..m::LaunchTemplateVersion::default()
    }
}
