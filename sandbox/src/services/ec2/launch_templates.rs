//! Launch templates and their versions.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::page::page;
use super::answer::list;
use super::requests::{Listing, named};
use super::{filters, tag_list};
use crate::protocols::call::{Answer, Call};
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

const FILTERS: &[&str] = &["launch-template-name", "create-time"];

pub(super) fn describe(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: Listing = call.query()?;
    let mut state = world.lock();
    let templates = state.region(&call.region).compute.launch_templates.values();
    let all = named(templates.collect(), &request.ids, |it| &it.id, no_id)?;
    let all = named(all, &request.names, |it: &&LaunchTemplate| &it.name, no_name)?;
    let by = |it: &&LaunchTemplate, name: &str| {
        vec![match name {
            "create-time" => text(it.created),
            _ => it.name.clone(),
        }]
    };
    let chosen = filters::select(all, request.filter, FILTERS, by, |it| it.tags.clone())?;
    let page = page(chosen, request.max_results, request.next_token.as_deref())?;
    let view = |template: &LaunchTemplate| {
        json!({
            "createTime": text(template.created),
            "createdBy": template.created_by,
            "defaultVersionNumber": 1,
            "latestVersionNumber": template.versions.len(),
            "launchTemplateId": template.id,
            "launchTemplateName": template.name,
            "tagSet": tag_list(&template.tags),
        })
    };
    Ok(list(call, "launchTemplates", page, view))
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct DescribeLaunchTemplateVersions {
    launch_template_id: Option<String>,
    launch_template_name: Option<String>,
    launch_template_version: Vec<String>,
    max_results: Option<i32>,
    next_token: Option<String>,
}

/// Newest first; of those asked for by number, `$Latest` or `$Default`.
pub(super) fn describe_versions(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: DescribeLaunchTemplateVersions = call.query()?;
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
    let wanted = request.launch_template_version;
    let is_wanted = |version: usize| {
        let meant = |text: &String| match text.as_str() {
            "$Latest" => version == latest,
            "$Default" => version == 1,
            text => text == version.to_string(),
        };
        wanted.is_empty() || wanted.iter().any(meant)
    };
    let numbered = template.versions.iter().enumerate().rev();
    let chosen = numbered.filter(|(index, _)| is_wanted(index + 1)).collect();
    let page = page(chosen, request.max_results, request.next_token.as_deref())?;
    Ok(list(call, "launchTemplateVersionSet", page, |(index, spec)| {
        version_view(template, index + 1, spec)
    }))
}

fn version_view(template: &LaunchTemplate, version: usize, spec: &InstanceSpec) -> Value {
    let device = spec.volume_type.as_ref();
    let devices = device.map(|kind| json!([{ "deviceName": "/dev/xvda", "ebs": { "volumeType": kind } }]));
    let data = json!({
        "blockDeviceMappingSet": devices,
        "iamInstanceProfile": spec.profile_arn.as_ref().map(|arn| json!({ "arn": arn })),
        "imageId": spec.image_id,
        "instanceType": spec.instance_type,
        "keyName": spec.key_name,
        "metadataOptions": { "httpTokens": if spec.requires_imds_v2 { "required" } else { "optional" } },
        "monitoring": { "enabled": spec.detailed_monitoring },
        "securityGroupIdSet": spec.security_groups,
    });
    json!({
        "createTime": text(template.created),
        "createdBy": template.created_by,
        "defaultVersion": version == 1,
        "launchTemplateData": data,
        "launchTemplateId": template.id,
        "launchTemplateName": template.name,
        "versionNumber": version,
    })
}
