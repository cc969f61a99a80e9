//! What the record is told of versions: which one every instance runs now, and which were rolled back.
//! Must know nothing of how they were deployed.

use std::sync::Arc;

use super::applied_profiles::{APPLIED, with_version};
use super::{Look, Session, profile_bundle};
use crate::aws::Aws;
use crate::aws::record::Record;
use crate::engine::{Error, Graph};
use crate::resources::outputs::{ENVIRONMENT, LiveEnvironment};
use crate::resources::{self, Attempt, CreditMode, Deploying, Fate, Scaling, Stack, Turning, VersionHistory};

impl Session {
    /// The environment as a look has found it.
    pub(crate) fn environment_in(&self, look: &Look) -> Option<LiveEnvironment> {
        self.values(look).get(&ENVIRONMENT)
    }

    /// Writes down the version that every instance runs, where that is news. What a way back that was stopped has left is none.
    pub(crate) async fn note_deployed(&self, look: &Look) -> Result<(), Error> {
        let Some(environment) = self.environment_in(look).filter(|it| it.astray.is_empty()) else {
            return Ok(());
        };
        let versions = &self.stack.versions;
        match environment.version {
            Some(version)
                if !versions.is_newest(&version) && versions.going_back().is_none_or(|other| other == version) =>
            {
                VersionHistory::note(&self.write, &self.record, &[(version, Fate::Deployed)]).await
            }
            _ => Ok(()),
        }
    }

    /// That every instance runs it, where the record does not know: of what is about to be changed for another one.
    pub(crate) async fn note_served(&self, version: &str) -> Result<(), Error> {
        match self.stack.versions.is_newest(version) {
            true => Ok(()),
            false => VersionHistory::note(&self.write, &self.record, &[(version.to_owned(), Fate::Deployed)]).await,
        }
    }

    /// Before Beanstalk is asked for it: until every instance runs one version again, it is what `--rollback` goes back from.
    pub(crate) async fn note_attempt(&self, version: &str) -> Result<(), Error> {
        let attempt = Attempt {
            version: Some(version.to_owned()),
            begun: true,
        };
        VersionHistory::note_attempt(&self.write, &self.record, &attempt).await
    }

    /// After a deployment that ended before it began: there is nothing to go back from.
    pub(crate) async fn note_unbegun(&self) {
        let version = Some(self.stack.bundle.label.clone());
        note_unbegun(&self.write, &self.record, version).await;
    }

    /// Before anything is gone back to: which version is meant, and what it is put in place of.
    pub(crate) async fn note_way_back(&self, to: &str, rolled_back: &[String]) -> Result<(), Error> {
        let taken_back = rolled_back.iter().map(|version| (version.clone(), Fate::RolledBack));
        let news: Vec<_> = taken_back.chain([(to.to_owned(), Fate::GoingBack)]).collect();
        VersionHistory::note(&self.write, &self.record, &news).await
    }

    /// After a deployment, whichever way it went; later commands act on that version.
    pub(crate) async fn note_deployment(&self, version: &str) -> Result<(), Error> {
        let news = [(version.to_owned(), Fate::Deployed)];
        VersionHistory::note(&self.write, &self.record, &news).await?;
        VersionHistory::forget_attempt(&self.write, &self.record).await?;
        if let Some(text) = self.record.read(&self.write, APPLIED).await?
            && let Some(text) = with_version(&String::from_utf8_lossy(&text), version)
        {
            self.record.write(&self.write, APPLIED, text.into_bytes()).await?;
        }
        Ok(())
    }

    /// The same stack, deployed to in another way.
    pub(crate) fn turned(&self, deploying: Deploying) -> Result<Self, Error> {
        let former = self.stack.deploying.as_ref();
        let deploying = Deploying {
            profile_unknown: former.is_some_and(|former| former.profile_unknown),
            ..deploying
        };
        self.with(|stack| stack.deploying = Some(deploying))
    }

    /// The same stack, scaled, and its instances' CPU credits spent so.
    pub(crate) fn scaling(&self, scaling: Scaling, credits: Option<CreditMode>) -> Result<Self, Error> {
        self.with(|stack| {
            stack.scaling = Some(scaling);
            stack.credits = credits;
        })
    }

    /// The same stack, whose visitors are sent elsewhere.
    pub(crate) fn turning(&self, turning: Turning) -> Result<Self, Error> {
        self.with(|stack| stack.turning = Some(turning))
    }

    fn with(&self, restrict: impl FnOnce(&mut Stack)) -> Result<Self, Error> {
        let former = &self.stack;
        let mut stack = Stack::new(
            former.name.clone(),
            &former.region,
            former.profile.clone(),
            profile_bundle::unknown(),
        );
        stack.former.clone_from(&former.former);
        stack.versions = former.versions.clone();
        stack.properties_unknown = former.properties_unknown;
        // Which of two environments is meant was settled before.
        stack.names = former.names.clone();
        stack.served.clone_from(&former.served);
        stack.beside.clone_from(&former.beside);
        stack.tried.clone_from(&former.tried);
        restrict(&mut stack);
        let stack = Arc::new(stack);
        Ok(Self {
            ui: self.ui.clone(),
            read: self.read.clone(),
            write: self.write.clone(),
            graph: resources::graph(&stack)?,
            orphans: Graph::partial(Vec::new())?,
            stack,
            record: self.record.clone(),
            settings: self.settings.clone(),
            profile_name: self.profile_name.clone(),
            region_from: self.region_from.clone(),
            unreadable: self.unreadable.clone(),
            command: self.command,
        })
    }
}

/// Where it cannot be written down, what failed is told all the same.
pub(super) async fn note_unbegun(aws: &Aws, record: &Record, version: Option<String>) {
    let attempt = Attempt { version, begun: false };
    if let Err(error) = VersionHistory::note_attempt(aws, record, &attempt).await {
        tracing::debug!(%error, "that a deployment did not begin was not written down");
    }
}
