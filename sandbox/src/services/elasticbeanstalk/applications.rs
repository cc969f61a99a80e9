//! Applications, their versions, the storage bucket, and tags.

use std::sync::Arc;

use winterbaume_elasticbeanstalk::{model as m, wire};

use super::super::order::in_no_order;
use super::super::page::{page, wait_for};
use super::templates::delete_file;
use super::{bucket, caller, lifecycle, origin, tags};
use crate::protocols::call::{Answer, Call};
use crate::world::beanstalk::applications::{self, Application, NewVersion, Version};
use crate::world::beanstalk::{Reference, environments, quotas, tagging};
use crate::world::clock::text;
use crate::world::settling::Settling;
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
    let application = state
        .region(&call.region)
        .beanstalk
        .application_mut(&request.application_name)?;
    application.description = request.description.or(application.description.take());
    application.updated = now;
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

/// With `TerminateEnvByForce` its environments are ended first; without it they stand in the way.
pub(super) fn delete(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::DeleteApplicationMessage = call.query()?;
    let name = &request.application_name;
    let running = world.lock().region(&call.region).beanstalk.environments_of(name);
    if !running.is_empty() && request.terminate_env_by_force != Some(true) {
        let message = format!("Unable to delete application {name} because it has environments that are running.");
        return Err(Refusal::new("OperationInProgressFailure", message));
    }
    for id in running {
        let reference = Reference::by_id(id);
        environments::terminate(world, &caller(call), &reference)
            .map_err(|refusal| Refusal::new("OperationInProgressFailure", refusal.message))?;
    }
    let origin = origin(world, call);
    let templates: Vec<String> = {
        let mut state = world.lock();
        let beanstalk = &mut state.region(&call.region).beanstalk;
        let templates = beanstalk
            .application(name)
            .map(|it| it.templates.keys().cloned().collect());
        beanstalk.delete_application(&origin, name)?;
        templates.unwrap_or_default()
    };
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
    if wait_for(world.objects.get(&bucket, &key)).is_none() {
        let message = format!("Unable to download from S3 location (Bucket: {bucket}  Key: {key}). Reason: Not Found");
        return Err(Refusal::new("InvalidParameterCombination", message));
    }
    if world
        .objects
        .region(&bucket)
        .is_some_and(|region| region != call.region)
    {
        let message = "The specified S3 bucket does not belong to the S3 region in which the service is running.";
        return Err(Refusal::new("S3LocationNotInServiceRegionException", message));
    }
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
    let application = state.region(&call.region).beanstalk.application_mut(name)?;
    let version = application.versions.get_mut(label).ok_or_else(|| {
        let message = format!("No Application Version named '{label}' found.");
        Refusal::new("InvalidParameterValue", message)
    })?;
    version.description = request.description.or(version.description.take());
    version.updated = now;
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

/// Does something with the tags of whatever has that ARN.
fn with_tags<T>(
    world: &World,
    call: &Call,
    arn: &str,
    act: impl FnOnce(&mut Settling<Tags>) -> T,
) -> Result<T, Refusal> {
    let mut state = world.lock();
    let beanstalk = &mut state.region(&call.region).beanstalk;
    for application in beanstalk.applications.values_mut() {
        if application.arn == arn {
            return Ok(act(&mut application.tags));
        }
        if let Some(version) = application.versions.values_mut().find(|it| it.arn == arn) {
            return Ok(act(&mut version.tags));
        }
        if let Some(template) = application.templates.values_mut().find(|it| it.arn == arn) {
            return Ok(act(&mut template.tags));
        }
    }
    // Names are used again: of two environments with one ARN the living one is meant.
    let mut environments = beanstalk.environments.values_mut().filter(|it| it.ended.is_none());
    environments
        .find(|it| it.arn == arn)
        .map(|it| act(&mut it.tags))
        .ok_or_else(|| {
            let text = match arn.contains(":environment/") {
                true => "Environment does not exist".to_owned(),
                false => format!("Resource not found for ResourceArn '{arn}'."),
            };
            Refusal::with_status(404, "ResourceNotFoundException", text)
        })
}

pub(super) fn list_tags(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::ListTagsForResourceMessage = call.query()?;
    let arn = request.resource_arn;
    let as_of = world.lock().as_of(world.clock.now());
    let mut tags = with_tags(world, call, &arn, |tags| tags.seen(as_of).clone())?;
    let mut state = world.lock();
    let environments = &state.region(&call.region).beanstalk.environments;
    if let Some(environment) = environments.values().find(|it| it.arn == arn && it.ended.is_none()) {
        tags = environment.with_beanstalks(&tags);
    }
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
    quotas::check_tags(&added)?;
    let arn = request.resource_arn;
    let now = world.clock.now();
    let as_of = world.lock().as_of(now);
    with_tags(world, call, &arn, |tags| {
        tags.keep(now, as_of);
        tags.retain(|key, _| !removed.contains(key));
        tags.extend(added.clone());
    })?;
    let mut state = world.lock();
    let here = state.region(&call.region);
    let mut environments = here.beanstalk.environments.values();
    let found = environments
        .find(|it| it.arn == arn && it.ended.is_none())
        .map(|it| (it.id.clone(), it.made.clone()));
    if let Some((id, made)) = found {
        tagging::pass_on(here, &made, &added, &removed);
        tagging::tell(world, &caller(call), &id);
    }
    Ok(wire::serialize_update_tags_for_resource_response().into())
}
