//! Configuration templates, and their files in S3.

use std::sync::Arc;

use winterbaume_elasticbeanstalk::{model as m, wire};

use super::super::page::wait_for;
use super::settings::{of_template, option_names, options};
use super::specification::{self, Source, with_tier};
use super::{bucket, origin, tags};
use crate::protocols::call::{Answer, Call};
use crate::world::beanstalk::Reference;
use crate::world::beanstalk::saved;
use crate::world::beanstalk::templates::{NewTemplate, Template, TemplateUpdate};
use crate::world::{Refusal, World};

pub(super) fn create(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::CreateConfigurationTemplateMessage = call.query_without(specification::MEMBER)?;
    let source = request.source_configuration;
    let mut environment_id = request.environment_id;
    if let Some(Source::Environment(name)) = specification::source(call, &["EnvironmentName"])? {
        let mut state = world.lock();
        let beanstalk = &state.region(&call.region).beanstalk;
        environment_id = Some(beanstalk.find(&Reference::new(environment_id, Some(name)))?);
    }
    let new = NewTemplate {
        application: request.application_name.clone(),
        name: request.template_name,
        description: request.description,
        environment_id,
        source: source.and_then(|source| Some((source.application_name?, source.template_name?))),
        platform_arn: request.platform_arn,
        solution_stack: request.solution_stack_name,
        set: options(request.option_settings)?,
        tags: tags(request.tags),
    };
    let origin = origin(world, call);
    let template = {
        let mut state = world.lock();
        state.region(&call.region).beanstalk.create_template(&origin, new)?
    };
    write_file(world, call, &request.application_name, &template);
    let result = of_template(&request.application_name, &template);
    Ok(with_tier(
        wire::serialize_create_configuration_template_response(&result).into(),
    ))
}

pub(super) fn update(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::UpdateConfigurationTemplateMessage = call.query()?;
    let wish = TemplateUpdate {
        description: request.description,
        set: options(request.option_settings)?,
        remove: option_names(request.options_to_remove),
    };
    let (application, name) = (&request.application_name, &request.template_name);
    let now = world.clock.now();
    let template = {
        let mut state = world.lock();
        let beanstalk = &mut state.region(&call.region).beanstalk;
        beanstalk.update_template(application, name, now, wish)?
    };
    write_file(world, call, application, &template);
    let result = of_template(application, &template);
    Ok(with_tier(
        wire::serialize_update_configuration_template_response(&result).into(),
    ))
}

pub(super) fn delete(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::DeleteConfigurationTemplateMessage = call.query()?;
    let (application, name) = (&request.application_name, &request.template_name);
    world
        .lock()
        .region(&call.region)
        .beanstalk
        .delete_template(application, name)?;
    delete_file(world, call, application, name);
    Ok(wire::serialize_delete_configuration_template_response().into())
}

fn write_file(world: &World, call: &Call, application: &str, template: &Template) {
    let (bucket, key) = (bucket(world, call), saved::key(application, &template.name));
    wait_for(world.objects.ensure_bucket(&bucket, &call.region));
    wait_for(world.objects.put(&bucket, &key, saved::file(template).into()));
}

pub(super) fn delete_file(world: &World, call: &Call, application: &str, name: &str) {
    wait_for(
        world
            .objects
            .delete(&bucket(world, call), &saved::key(application, name)),
    );
}

/// What a write to S3 means for templates: their files can be put by anyone, and are what counts.
pub(crate) fn follow_file(world: &World, call: &Call, bucket_written: &str, key: &str) {
    let Some((application, name)) = saved::of_key(key) else {
        return;
    };
    if bucket_written != bucket(world, call) {
        return;
    }
    let file = wait_for(world.objects.get(bucket_written, key));
    let file = file.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let origin = origin(world, call);
    let mut state = world.lock();
    let beanstalk = &mut state.region(&call.region).beanstalk;
    beanstalk.follow_file(&origin, application, name, file.as_deref());
}
