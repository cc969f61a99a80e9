//! Applications, their versions, the storage bucket, and tags.

use std::sync::Arc;

use winterbaume_elasticbeanstalk::{model as m, wire};

use super::super::order::in_no_order;
use super::super::page::{page, wait_for};
use super::templates::delete_file;
use super::{bucket, caller, lifecycle, origin, tags};
use crate::protocols::call::{Answer, Call};
use crate::world::beanstalk::applications::{self, Application, NewVersion, Version};
use crate::world::beanstalk::tagging;
use crate::world::clock::text;
use crate::world::{Refusal, Tags, World};

pub(super) fn create_storage_location(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let bucket = bucket(world, call);
    wait_for(world.objects.ensure_bucket(&bucket, &call.region));
    let result = m::CreateStorageLocationResultMessage {
        s3_bucket: Some(bucket),
    };
    Ok(wire::serialize_create_storage_location_response(&result).into())
}

pub(super) fn create(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::CreateApplicationMessage = call.query()?;
    let origin = origin(world, call);
    let mut state = world.lock();
    let beanstalk = &mut state.region(&call.region).beanstalk;
    let name = &request.application_name;
    let lifecycle = lifecycle::read(request.resource_lifecycle_config);
    lifecycle.check()?;
    beanstalk.create_application(&origin, name, request.description, tags(request.tags))?;
    beanstalk.set_lifecycle(name, lifecycle)?;
    let result = described(beanstalk.application(name)?);
    Ok(wire::serialize_create_application_response(&result).into())
}

fn described(application: &Application) -> m::ApplicationDescriptionMessage {
    m::ApplicationDescriptionMessage {
        application: Some(application_view(application)),
    }
}

fn application_view(application: &Application) -> m::ApplicationDescription {
    m::ApplicationDescription {
        application_arn: Some(application.arn.clone()),
        application_name: Some(application.name.clone()),
        configuration_templates: Some(application.templates.keys().cloned().collect()),
        date_created: Some(text(application.created)),
        date_updated: Some(text(application.updated)),
        description: application.description.clone(),
        resource_lifecycle_config: Some(lifecycle::view(&application.lifecycle)),
        versions: Some(application.versions.keys().cloned().collect()),
    }
}

pub(super) fn update(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::UpdateApplicationMessage = call.query()?;
    let now = world.clock.now();
    let mut state = world.lock();
    let beanstalk = &mut state.region(&call.region).beanstalk;
    let application = beanstalk.update_application(now, &request.application_name, request.description)?;
    Ok(wire::serialize_update_application_response(&described(application)).into())
}

pub(super) fn describe(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::DescribeApplicationsMessage = call.query()?;
    let names = request.application_names.map(|names| names.items);
    let mut state = world.lock();
    let all = state.region(&call.region).beanstalk.applications.values();
    let wanted = all.filter(|it| names.as_ref().is_none_or(|names| names.contains(&it.name)));
    let result = m::ApplicationDescriptionsMessage {
        applications: Some(wanted.map(application_view).collect()),
    };
    Ok(wire::serialize_describe_applications_response(&result).into())
}

pub(super) fn delete(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::DeleteApplicationMessage = call.query()?;
    let name = &request.application_name;
    let by_force = request.terminate_env_by_force == Some(true);
    let templates = applications::delete(world, &caller(call), name, by_force)?;
    for template in &templates {
        delete_file(world, call, name, template);
    }
    Ok(wire::serialize_delete_application_response().into())
}

pub(super) fn create_version(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::CreateApplicationVersionMessage = call.query()?;
    let source = request
        .source_bundle
        .and_then(|source| Some((source.s3_bucket?, source.s3_key?)));
    let Some((bucket, key)) = source else {
        let message = "This sandbox has no sample application: a SourceBundle with bucket and key is needed.";
        return Err(Refusal::new("InvalidParameterCombination", message));
    };
    wait_for(applications::check_source(world, &call.region, &bucket, &key))?;
    let origin = origin(world, call);
    let (application, label) = (request.application_name, request.version_label);
    let process = request.process == Some(true);
    let new = NewVersion {
        application: application.clone(),
        label: label.clone(),
        description: request.description,
        source: (bucket, key),
        process,
        create_application: request.auto_create_application == Some(true),
        tags: tags(request.tags),
    };
    let result = {
        let mut state = world.lock();
        let beanstalk = &mut state.region(&call.region).beanstalk;
        beanstalk.create_version(&origin, new)?;
        let version = beanstalk.application(&application)?.versions.get(&label);
        m::ApplicationVersionDescriptionMessage {
            application_version: version.map(|version| version_view(&application, version)),
        }
    };
    let retired = {
        let mut state = world.lock();
        let beanstalk = &mut state.region(&call.region).beanstalk;
        beanstalk.retire_versions(&application, origin.now)
    };
    for (bucket, key) in retired {
        wait_for(world.objects.delete(&bucket, &key));
    }
    if process {
        applications::process(world, origin, application, label);
    }
    Ok(wire::serialize_create_application_version_response(&result).into())
}

pub(super) fn update_version(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::UpdateApplicationVersionMessage = call.query()?;
    let (name, label) = (&request.application_name, &request.version_label);
    let now = world.clock.now();
    let mut state = world.lock();
    let beanstalk = &mut state.region(&call.region).beanstalk;
    let version = beanstalk.update_version(now, name, label, request.description)?;
    let result = m::ApplicationVersionDescriptionMessage {
        application_version: Some(version_view(name, version)),
    };
    Ok(wire::serialize_update_application_version_response(&result).into())
}

fn version_view(application: &str, version: &Version) -> m::ApplicationVersionDescription {
    m::ApplicationVersionDescription {
        application_name: Some(application.to_owned()),
        application_version_arn: Some(version.arn.clone()),
        date_created: Some(text(version.created)),
        date_updated: Some(text(version.updated)),
        description: version.description.clone(),
        source_bundle: Some(m::S3Location {
            s3_bucket: Some(version.source.0.clone()),
            s3_key: Some(version.source.1.clone()),
        }),
        status: Some(version.status.to_owned()),
        version_label: Some(version.label.clone()),
        ..m::ApplicationVersionDescription::default()
    }
}

/// Newest first.
pub(super) fn describe_versions(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::DescribeApplicationVersionsMessage = call.query()?;
    let labels = request.version_labels.map(|labels| labels.items);
    let mut state = world.lock();
    let applications = state.region(&call.region).beanstalk.applications.values();
    let mut versions: Vec<_> = applications
        .filter(|it| request.application_name.as_ref().is_none_or(|name| *name == it.name))
        .flat_map(|it| it.versions.values().map(move |version| (&it.name, version)))
        .filter(|(_, version)| labels.as_ref().is_none_or(|labels| labels.contains(&version.label)))
        .collect();
    versions.sort_by_key(|(_, version)| std::cmp::Reverse(version.created));
    let views = versions
        .into_iter()
        .map(|(name, version)| version_view(name, version))
        .collect();
    let (views, next_token) = page(views, request.max_records, request.next_token.as_deref())?;
    let result = m::ApplicationVersionDescriptionsMessage {
        application_versions: Some(views.into()),
        next_token,
    };
    Ok(wire::serialize_describe_application_versions_response(&result).into())
}

pub(super) fn delete_version(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::DeleteApplicationVersionMessage = call.query()?;
    let (application, label) = (&request.application_name, &request.version_label);
    let (bucket, key) = world
        .lock()
        .region(&call.region)
        .beanstalk
        .delete_version(application, label)?;
    if request.delete_source_bundle == Some(true) {
        wait_for(world.objects.delete(&bucket, &key));
    }
    Ok(wire::serialize_delete_application_version_response().into())
}

pub(super) fn list_tags(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::ListTagsForResourceMessage = call.query()?;
    let arn = request.resource_arn;
    let tags = tagging::seen(world, &call.region, &arn)?;
    let view = |(key, value)| m::Tag {
        key: Some(key),
        value: Some(value),
    };
    let tags = in_no_order(tags, |(key, _)| key.clone());
    let result = m::ResourceTagsDescriptionMessage {
        resource_arn: Some(arn),
        resource_tags: Some(tags.into_iter().map(view).collect()),
    };
    Ok(wire::serialize_list_tags_for_resource_response(&result).into())
}

pub(super) fn update_tags(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::UpdateTagsForResourceMessage = call.query()?;
    let added = request.tags_to_add.map(|list| list.items).unwrap_or_default();
    let added: Tags = added
        .into_iter()
        .map(|tag| (tag.key.unwrap_or_default(), tag.value.unwrap_or_default()))
        .collect();
    let removed = request.tags_to_remove.map(|list| list.items).unwrap_or_default();
    tagging::update(world, &caller(call), &request.resource_arn, &added, &removed)?;
    Ok(wire::serialize_update_tags_for_resource_response().into())
}
