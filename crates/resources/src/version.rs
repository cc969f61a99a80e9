//! The application version: the bundle in Beanstalk's bucket, under a label that is a hash of what it was made of.
//! Must know nothing of how a bundle is built or checked.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use aws_sdk_elasticbeanstalk::types::{ApplicationVersionDescription, S3Location};

use super::outputs::{APPLICATION, VERSION};
use super::ownership::{
    TagStep, beanstalk_tags, block_unless_ours, new_beanstalk_tags, retag_in_beanstalk, tag_steps, tags_among,
};
use super::stack::Stack;
use crate::aws::errors::{Explain, polled};
use crate::aws::eventual_consistency::settled;
use crate::aws::record::Record;
use crate::aws::services::s3::File;
use crate::aws::tags::indexed_tags;
use crate::aws::{Aws, own_work};
use crate::engine::{
    Error, Failure, FieldChange, Hint, Limits, Observed, Owner, Plan, Poll, ReadCx, Resource, ResourceId, Step, Values,
    Wait, WriteCx,
};

pub const ID: ResourceId = "app-version";
const LIMITS: Limits = Limits::minutes(5, 30);
/// Reads of UNPROCESSED before it counts as how the version stays: a minute.
const READS_OF_UNPROCESSED: u32 = 30;

pub(super) struct ApplicationVersion {
    stack: Arc<Stack>,
}

#[derive(Clone)]
pub(super) struct LiveVersion {
    arn: String,
    description: String,
    /// In capitals: the service does not keep to its own model, which has "Processed".
    status: String,
    /// Its object is no more in the bucket. What runs has a copy of Beanstalk's own; what is deployed next has none.
    lacks_bundle: bool,
    tags: BTreeMap<String, String>,
}

/// What can be changed of a version: its content never.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum VersionStep {
    Tag(TagStep),
    /// Beanstalk could not process it: deleted, and made again of the same bundle.
    Remake,
    UploadAgain,
}

impl Step for VersionStep {
    fn shown(&self) -> FieldChange {
        match self {
            Self::Tag(tag) => tag.shown(),
            Self::Remake => {
                let field = FieldChange::new("Status", "FAILED".to_owned(), "made again".to_owned());
                field.made_here()
            }
            Self::UploadAgain => {
                let missing = "missing in the bucket".to_owned();
                FieldChange::new("Bundle", missing, "uploaded again".to_owned()).made_here()
            }
        }
    }
}

impl ApplicationVersion {
    pub(super) fn new(stack: Arc<Stack>) -> Self {
        Self { stack }
    }

    fn label(&self) -> &str {
        &self.stack.bundle.label
    }

    /// Where its bundle is in the bucket.
    fn key(&self, record: &Record) -> String {
        record.key(&format!("bundles/{}.zip", self.label()))
    }

    /// A label that the profile sets says nothing of the bundle; the description of a version of ours does.
    fn is_another_bundle(&self, live: &LiveVersion) -> bool {
        let mark = &self.stack.bundle.mark;
        let is_set = self.stack.profile.app.version_label.is_some();
        is_set && !mark.is_empty() && !live.description.ends_with(mark)
    }

    async fn describe(&self, aws: &Aws) -> Result<Option<ApplicationVersionDescription>, Error> {
        if self.label().is_empty() {
            // The sources are not at hand: versions go with their application, and nothing else asks.
            return Ok(None);
        }
        let describe = aws.beanstalk.describe_application_versions();
        let describe = describe
            .application_name(&self.stack.names.application)
            .version_labels(self.label());
        // Beanstalk refuses an application that is not there by name.
        let answer = describe
            .send()
            .await
            .or_absent(&["InvalidParameterValue"], "describe the application's versions")?;
        Ok(answer.and_then(|answer| answer.application_versions.unwrap_or_default().into_iter().next()))
    }

    async fn whose(&self, cx: &WriteCx<Aws>) -> Result<Owner, Error> {
        let aws = cx.read().aws();
        let tags = || async {
            match self
                .describe(aws)
                .await?
                .and_then(|found| found.application_version_arn)
            {
                Some(arn) => beanstalk_tags(aws, &arn).await,
                None => Ok(BTreeMap::new()),
            }
        };
        own_work::by_tags(cx, &self.stack.ownership, ID, self.label(), tags).await
    }

    /// Builds the bundle and puts it into the bucket. Gives its key.
    async fn upload(&self, cx: &WriteCx<Aws>, record: &Record) -> Result<String, Error> {
        let stack = self.stack.clone();
        let (told, mut telling) = tokio::sync::mpsc::unbounded_channel::<String>();
        let stop = cx.settings().stop.clone();
        let building = tokio::task::spawn_blocking(move || {
            (stack.bundle.build)(&stop, &mut |text| {
                let _ = told.send(text.to_owned());
            })
        });
        while let Some(text) = telling.recv().await {
            cx.step(text);
        }
        let path = building
            .await
            .map_err(|error| Error::failed("the build ended oddly").because(error.to_string()))??;
        let key = self.key(record);
        let file = File::open(&path).await;
        let file = file
            .map_err(|error| Error::failed(format!("could not read {}", path.display())).because(error.to_string()))?;
        cx.step(format!("uploading the bundle to s3://{}/{key}", record.bucket()));
        cx.check()?;
        tokio::select! {
            put = cx.aws().s3.put_file(record.bucket(), &key, file) => put.explain("upload the bundle")?,
            // An upload that is broken off leaves no object.
            () = cx.settings().stop.cancelled() => return Err(Error::stopped()),
        };
        Ok(key)
    }

    async fn wait_processed(&self, cx: &WriteCx<Aws>) -> Result<LiveVersion, Error> {
        let wait = Wait::new(format!("the version {} to be processed", self.label()), 2, LIMITS);
        let reads = AtomicU32::new(0);
        cx.wait(&wait, || async {
            polled(self.describe(cx.read().aws()).await.map(|version| {
                match version.map(live) {
                    Some(version) if is_processed(&version.status, reads.fetch_add(1, Ordering::Relaxed)) => {
                        Poll::Ready(version)
                    }
                    Some(version) if version.status == "FAILED" => Poll::Failed(
                        Error::failed(format!("Beanstalk could not process the version {}", self.label()))
                            .because("Beanstalk gives no reason; its .ebextensions or env.yaml are the usual one")
                            .hint(Hint::run("bundle").and(" checks it on this machine")),
                    ),
                    Some(version) => Poll::NotYet(version.status),
                    None => Poll::NotYet("not visible yet".to_owned()),
                }
            }))
        })
        .await
    }
}

/// Whether an environment can be made of it. One that was asked to be processed begins UNPROCESSED, and CreateEnvironment
/// refuses it while it is PROCESSING; where Beanstalk does not begin, it validates when it deploys
/// (botocore: elasticbeanstalk, ApplicationVersionDescription; EB CLI: commonops, wait_for_processed_app_versions).
fn is_processed(status: &str, reads: u32) -> bool {
    status == "PROCESSED" || status == "UNPROCESSED" && reads >= READS_OF_UNPROCESSED
}

fn live(version: ApplicationVersionDescription) -> LiveVersion {
    LiveVersion {
        arn: version.application_version_arn.unwrap_or_default(),
        description: version.description.unwrap_or_default(),
        status: version
            .status
            .map(|status| status.as_str().to_ascii_uppercase())
            .unwrap_or_default(),
        lacks_bundle: false,
        tags: BTreeMap::new(),
    }
}

impl Resource for ApplicationVersion {
    type Live = LiveVersion;
    type Place = ();
    type Step = VersionStep;
    type Clients = Aws;

    fn id(&self) -> ResourceId {
        ID
    }

    fn name(&self) -> String {
        self.stack.bundle.label.clone()
    }

    fn title(&self) -> String {
        format!("version {}", self.label())
    }

    fn needs(&self) -> Vec<&'static str> {
        // A run that only deploys has nobody to give it: where there is no application, there is no environment either.
        match self.stack.deploying {
            Some(_) => Vec::new(),
            None => vec![APPLICATION.name],
        }
    }

    fn gives(&self) -> Vec<&'static str> {
        vec![VERSION.name]
    }

    fn limits(&self) -> Limits {
        LIMITS
    }

    async fn observe(&self, cx: &ReadCx<Aws>) -> Result<Observed<LiveVersion>, Error> {
        let aws = cx.aws();
        let found = settled(cx, ID, self.label(), || self.describe(aws)).await?;
        let Some(mut version) = found.map(live) else {
            return Ok(match aws.proof.of_reads(aws).await {
                Ok(()) => Observed::Absent(()),
                Err(error) => Observed::Unknown(error),
            });
        };
        let tagged = indexed_tags(cx, &self.stack.ownership, ID, self.label(), &version.arn, || {
            beanstalk_tags(aws, &version.arn)
        })
        .await?;
        let owner = tagged.owner;
        version.tags = tagged.tags;
        if version.status == "PROCESSING" || version.status == "BUILDING" {
            return Ok(Observed::Settling {
                what: "the version is being processed".to_owned(),
                live: version,
                owner,
            });
        }
        if owner == Owner::Ours {
            let record = Record::new(aws, self.stack.name.as_str());
            let key = self.key(&record);
            version.lacks_bundle = !record.has(aws, &key).await?;
        }
        Ok(Observed::Present { live: version, owner })
    }

    fn plan(&self, seen: &Observed<LiveVersion>, _: &Values) -> Plan<VersionStep> {
        let Some((live, owner)) = seen.live() else {
            return Plan::Create;
        };
        if let Some(blocked) = block_unless_ours(&self.stack, ID, owner, "app.version_label") {
            return blocked;
        }
        if live.status == "FAILED" {
            return Plan::Update(vec![VersionStep::Remake]);
        }
        if self.is_another_bundle(live) {
            return Plan::blocked(
                format!(
                    "the version {} exists with another bundle, and a version cannot be changed",
                    self.label()
                ),
                "choose another label with --set app.version_label=LABEL, or leave it out: then each bundle has its own",
            );
        }
        let mut steps: Vec<_> = tag_steps(&self.stack, ID, &live.tags)
            .into_iter()
            .map(VersionStep::Tag)
            .collect();
        if live.lacks_bundle {
            steps.push(VersionStep::UploadAgain);
        }
        Plan::of(steps)
    }

    fn publish(&self, _: &LiveVersion, values: &mut Values) {
        values.set(&VERSION, self.label().to_owned());
    }

    fn foresee(&self, (): &(), values: &mut Values) {
        values.set(&VERSION, self.label().to_owned());
    }

    async fn create(&self, cx: &WriteCx<Aws>, (): ()) -> Result<LiveVersion, Failure> {
        let (beanstalk, label) = (&cx.aws().beanstalk, self.label());
        let application = &self.stack.names.application;
        let record = Record::new(cx.aws(), self.stack.name.as_str());
        let key = self.upload(cx, &record).await?;
        let bundle = S3Location::builder().s3_bucket(record.bucket()).s3_key(&key).build();
        let create = beanstalk
            .create_application_version()
            .application_name(application)
            .version_label(label)
            .description(&self.stack.bundle.description)
            // Without a source bundle Beanstalk would deploy its own sample application, silently.
            .source_bundle(bundle)
            .process(true)
            .set_tags(Some(new_beanstalk_tags(&self.stack, ID)));
        let doing = format!("create the version {label}");
        let call = async { create.send().await.explain(&doing) };
        let made = own_work::create(cx, label, call, |_| self.whose(cx)).await?;
        made.ours(&self.title())?;
        Ok(self.wait_processed(cx).await?)
    }

    async fn update(
        &self,
        cx: &WriteCx<Aws>,
        live: LiveVersion,
        steps: Vec<VersionStep>,
    ) -> Result<LiveVersion, Failure> {
        if steps.contains(&VersionStep::Remake) {
            self.delete(cx, live).await?;
            return self.create(cx, ()).await;
        }
        if steps.contains(&VersionStep::UploadAgain) {
            let record = Record::new(cx.aws(), self.stack.name.as_str());
            self.upload(cx, &record).await?;
        }
        let tags = tags_among!(steps, VersionStep);
        retag_in_beanstalk(cx, &self.title(), &tags, &live.arn, ("version", self.label())).await?;
        Ok(live)
    }

    async fn delete(&self, cx: &WriteCx<Aws>, _: LiveVersion) -> Result<(), Failure> {
        let doing = format!("delete the version {}", self.label());
        let wait = Wait::new(format!("the version {} to be deleted", self.label()), 5, LIMITS);
        cx.wait(&wait, || async {
            if let Err(stopped) = cx.check() {
                return Poll::Failed(stopped);
            }
            let delete = cx.aws().beanstalk.delete_application_version();
            let delete = delete
                .application_name(&self.stack.names.application)
                .version_label(self.label());
            let answer = delete.delete_source_bundle(true).send().await;
            // SourceBundleDeletionFailure: the version is gone, its object is not; the record's removal takes that.
            let gone = &["SourceBundleDeletionFailure", "InvalidParameterValue"];
            polled(match answer.or_absent(gone, &doing) {
                Ok(_) => Ok(Poll::Ready(())),
                Err(error) if error.is_code("OperationInProgressFailure") => {
                    Ok(Poll::NotYet("another operation is in progress".to_owned()))
                }
                Err(error) => Err(error),
            })
        })
        .await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_that_is_about_to_be_processed_is_waited_for() {
        assert!(is_processed("PROCESSED", 0));
        for status in ["UNPROCESSED", "PROCESSING", "BUILDING"] {
            assert!(!is_processed(status, 0), "{status}");
        }
        assert!(!is_processed("PROCESSING", 1_000));
        assert!(is_processed("UNPROCESSED", READS_OF_UNPROCESSED));
    }
}
