//! Applications and their versions.
//! Must know nothing of what a bundle holds; whether its object is there is the caller's question to S3.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::environments::{self, Caller};
use super::events::{Event, Severity};
use super::lifecycle::Lifecycle;
use super::quotas::check_tags;
use super::templates::Template;
use super::{Beanstalk, Origin, Reference, Status, extensions};
use crate::settling::Settling;
use crate::{Refusal, Tags, World};

#[derive(Debug, Clone)]
pub struct Application {
    pub arn: String,
    pub name: String,
    pub description: Option<String>,
    pub created: Timestamp,
    pub updated: Timestamp,
    pub tags: Settling<Tags>,
    /// By label.
    pub versions: BTreeMap<String, Version>,
    /// By name.
    pub templates: BTreeMap<String, Template>,
    /// When versions are removed by themselves.
    pub lifecycle: Lifecycle,
}

#[derive(Debug, Clone)]
pub struct Version {
    pub arn: String,
    pub label: String,
    pub description: Option<String>,
    /// Bucket and key of the source bundle.
    pub source: (String, String),
    /// `UNPROCESSED`, `PROCESSING`, `PROCESSED`, `FAILED`: in capitals, against the model (awsebcli 3.27, `commonops.py`).
    pub status: &'static str,
    pub created: Timestamp,
    pub updated: Timestamp,
    pub tags: Settling<Tags>,
}

/// What CreateApplicationVersion is told.
#[derive(Debug, Clone)]
pub struct NewVersion {
    pub application: String,
    pub label: String,
    pub description: Option<String>,
    pub source: (String, String),
    pub process: bool,
    pub create_application: bool,
    pub tags: Tags,
}

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new("InvalidParameterValue", message)
}

impl Beanstalk {
    pub fn application(&self, name: &str) -> Result<&Application, Refusal> {
        self.applications
            .get(name)
            .ok_or_else(|| invalid(format!("No Application named '{name}' found.")))
    }

    pub fn application_mut(&mut self, name: &str) -> Result<&mut Application, Refusal> {
        self.applications
            .get_mut(name)
            .ok_or_else(|| invalid(format!("No Application named '{name}' found.")))
    }

    pub fn create_application(
        &mut self,
        origin: &Origin,
        name: &str,
        description: Option<String>,
        tags: Tags,
    ) -> Result<(), Refusal> {
        if name.is_empty() || name.len() > 100 || name.contains('/') {
            return Err(invalid(format!("Application name '{name}' is invalid.")));
        }
        check_tags(&tags)?;
        if self.applications.contains_key(name) {
            return Err(invalid(format!("Application {name} already exists.")));
        }
        self.check_room_for_application()?;
        let Origin {
            region, account, now, ..
        } = origin;
        self.applications.insert(
            name.to_owned(),
            Application {
                arn: format!("arn:aws:elasticbeanstalk:{region}:{account}:application/{name}"),
                name: name.to_owned(),
                description,
                created: *now,
                updated: *now,
                tags: Settling::made(tags, Tags::new(), *now),
                versions: BTreeMap::new(),
                templates: BTreeMap::new(),
                lifecycle: Lifecycle::default(),
            },
        );
        self.tell(origin, name, None, "createApplication completed successfully.");
        Ok(())
    }

    /// With its versions; environments that run keep it, unless the caller ends them first.
    fn delete_application(&mut self, origin: &Origin, name: &str) -> Result<(), Refusal> {
        if self.applications.remove(name).is_some() {
            self.tell(origin, name, None, "The application has been deleted successfully.");
        }
        Ok(())
    }

    /// As UpdateApplication: a description that is not given stays.
    ///
    /// # Errors
    /// Where there is no such application.
    pub fn update_application(
        &mut self,
        now: Timestamp,
        name: &str,
        description: Option<String>,
    ) -> Result<&Application, Refusal> {
        let application = self.application_mut(name)?;
        application.description = description.or(application.description.take());
        application.updated = now;
        Ok(application)
    }

    /// As UpdateApplicationVersion: a description that is not given stays.
    ///
    /// # Errors
    /// Where there is no such version.
    pub fn update_version(
        &mut self,
        now: Timestamp,
        application: &str,
        label: &str,
        description: Option<String>,
    ) -> Result<&Version, Refusal> {
        let version = self.application_mut(application)?.versions.get_mut(label);
        let version = version.ok_or_else(|| invalid(format!("No Application Version named '{label}' found.")))?;
        version.description = description.or(version.description.take());
        version.updated = now;
        Ok(version)
    }

    /// Environments of an application that still live.
    pub fn environments_of(&self, application: &str) -> Vec<String> {
        let live = self.environments.values().filter(|it| it.status != Status::Terminated);
        live.filter(|it| it.application == application)
            .map(|it| it.id.clone())
            .collect()
    }

    pub fn create_version(&mut self, origin: &Origin, new: NewVersion) -> Result<(), Refusal> {
        check_tags(&new.tags)?;
        if new.label.is_empty() || new.label.len() > 100 || new.label.contains('/') {
            return Err(invalid(format!(
                "Application version label '{}' is invalid.",
                new.label
            )));
        }
        self.check_room_for_version()?;
        if new.create_application && !self.applications.contains_key(&new.application) {
            self.create_application(origin, &new.application, None, Tags::new())?;
        }
        let application = self.application_mut(&new.application)?;
        if application.versions.contains_key(&new.label) {
            return Err(invalid(format!("Application Version {} already exists.", new.label)));
        }
        let Origin {
            region, account, now, ..
        } = origin;
        let (name, label) = (&new.application, &new.label);
        application.versions.insert(
            new.label.clone(),
            Version {
                arn: format!("arn:aws:elasticbeanstalk:{region}:{account}:applicationversion/{name}/{label}"),
                label: new.label.clone(),
                description: new.description,
                source: new.source,
                status: if new.process { "PROCESSING" } else { "UNPROCESSED" },
                created: *now,
                updated: *now,
                tags: Settling::made(new.tags, Tags::new(), *now),
            },
        );
        let message = format!("Created new Application Version: {label}");
        self.tell(origin, name, Some(label), &message);
        Ok(())
    }

    /// Removes the record; gives where the bundle is. Refused while an environment runs it.
    pub fn delete_version(&mut self, application: &str, label: &str) -> Result<(String, String), Refusal> {
        let mut live = self.environments.values().filter(|it| it.status != Status::Terminated);
        let used = live.any(|it| it.application == application && it.version_label.as_deref() == Some(label));
        let missing = || invalid(format!("No Application Version named '{label}' found."));
        let application = self.application_mut(application)?;
        if used {
            return Err(Refusal::new(
                "SourceBundleDeletionFailure",
                format!("Unable to delete application version {label} because it is currently deployed."),
            ));
        }
        application
            .versions
            .remove(label)
            .map(|version| version.source)
            .ok_or_else(missing)
    }

    fn tell(&mut self, origin: &Origin, application: &str, version: Option<&str>, message: &str) {
        self.events.push(Event {
            time: origin.now,
            severity: Severity::Info,
            message: message.to_owned(),
            application: application.to_owned(),
            environment: None,
            version_label: version.map(str::to_owned),
            request_id: Some(origin.request_id.clone()),
        });
    }
}

/// As DeleteApplication: by force its environments are ended first; else they stand in the way. Gives the templates that went.
///
/// # Errors
/// `OperationInProgressFailure` where an environment runs, and is not to be ended or cannot be.
pub fn delete(world: &Arc<World>, caller: &Caller, name: &str, by_force: bool) -> Result<Vec<String>, Refusal> {
    let busy = |message: String| Refusal::new("OperationInProgressFailure", message);
    let running = world.lock().region(&caller.region).beanstalk.environments_of(name);
    if !running.is_empty() && !by_force {
        return Err(busy(format!(
            "Unable to delete application {name} because it has environments that are running."
        )));
    }
    for id in running {
        let ended = environments::terminate(world, caller, &Reference::by_id(id));
        ended.map_err(|refusal| busy(refusal.message))?;
    }
    let mut state = world.lock();
    let origin = caller.origin(&state.account, world.clock.now());
    let beanstalk = &mut state.region(&caller.region).beanstalk;
    let templates = beanstalk
        .application(name)
        .map(|it| it.templates.keys().cloned().collect());
    beanstalk.delete_application(&origin, name)?;
    Ok(templates.unwrap_or_default())
}

/// Whether a version can be made of that object.
///
/// # Errors
/// Where it is not there, or not in the region.
pub async fn check_source(world: &World, region: &str, bucket: &str, key: &str) -> Result<(), Refusal> {
    if world.objects.get(bucket, key).await.is_none() {
        let message = format!("Unable to download from S3 location (Bucket: {bucket}  Key: {key}). Reason: Not Found");
        return Err(Refusal::new("InvalidParameterCombination", message));
    }
    if world.objects.region(bucket).is_some_and(|place| place != region) {
        let message = "The specified S3 bucket does not belong to the S3 region in which the service is running.";
        return Err(Refusal::new("S3LocationNotInServiceRegionException", message));
    }
    Ok(())
}

/// Looks into a bundle in the background, as `Process=true` asks: PROCESSED, or FAILED without a reason, as on AWS.
pub fn process(world: &Arc<World>, origin: Origin, application: String, label: String) {
    let then = Arc::clone(world);
    world.spawn(async move {
        let began = then.clock.now();
        then.clock.sleep_seconds(10).await;
        let source = {
            let mut state = then.lock();
            let now = then.clock.now();
            state
                .life_cycles
                .passed("application version", &label, "processed", began, now);
            let beanstalk = &state.region(&origin.region).beanstalk;
            let version = beanstalk
                .applications
                .get(&application)
                .and_then(|it| it.versions.get(&label));
            version.map(|version| version.source.clone())
        };
        let Some((bucket, key)) = source else {
            return;
        };
        let bundle = then.objects.get(&bucket, &key).await;
        let readable = bundle.is_some_and(|bytes| {
            let is_zip = zip::ZipArchive::new(std::io::Cursor::new(bytes.clone())).is_ok();
            is_zip && extensions::read(bytes, &label).is_ok()
        });
        let now = then.clock.now();
        let mut state = then.lock();
        let beanstalk = &mut state.region(&origin.region).beanstalk;
        if let Some(version) = beanstalk
            .applications
            .get_mut(&application)
            .and_then(|it| it.versions.get_mut(&label))
        {
            version.status = if readable { "PROCESSED" } else { "FAILED" };
            version.updated = now;
        }
        let origin = Origin { now, ..origin };
        let message = format!("Finished processing application version {label}");
        beanstalk.tell(&origin, &application, Some(&label), &message);
    });
}
