//! Logs on request: taken from the instances and put into the bucket, from where they go after a quarter of an hour.
//! Must know nothing of how a client gets at the object.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::environments::{Caller, must_be_ready};
use super::workflow::Run;
use super::{Reference, bucket, launch};
use crate::{Refusal, World};

/// The object lives that long, of sandbox time; and as long of real time as somebody needs to fetch it.
const LIFE: Duration = Duration::from_secs(15 * 60);
const REAL_LIFE: Duration = Duration::from_secs(60);
/// Lines of each file in a tail.
const TAIL: usize = 100;

/// Logs of one instance.
#[derive(Debug, Clone, PartialEq)]
pub struct Info {
    pub kind: Kind,
    pub instance_id: String,
    pub time: Timestamp,
    pub bucket: String,
    pub key: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The last 100 lines of each file, as one text.
    Tail,
    /// All of them, as a zip.
    Bundle,
}

impl Kind {
    /// # Errors
    /// `analyze` asks a model for its opinion, which the sandbox has not.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        match text {
            "tail" => Ok(Self::Tail),
            "bundle" => Ok(Self::Bundle),
            "analyze" => Err(Refusal::new(
                "NotImplemented",
                "The sandbox does not have the InfoType analyze; this is a limit of the sandbox, not of AWS",
            )),
            other => Err(Refusal::new(
                "ValidationError",
                format!(
                    "1 validation error detected: Value '{other}' at 'infoType' failed to satisfy constraint: Member must \
                     satisfy enum value set: [tail, bundle, analyze]"
                ),
            )),
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tail => "tail",
            Self::Bundle => "bundle",
        }
    }
}

/// As RequestEnvironmentInfo: answers at once, the logs come a few seconds later.
pub fn request(world: &Arc<World>, caller: &Caller, reference: &Reference, kind: Kind) -> Result<(), Refusal> {
    let id = {
        let mut state = world.lock();
        let beanstalk = &mut state.region(&caller.region).beanstalk;
        let id = beanstalk.find(reference)?;
        if let Some(environment) = beanstalk.environments.get(&id) {
            must_be_ready(environment)?;
        }
        id
    };
    let run = Run::new(world, &caller.region, &id, &caller.request_id);
    world.spawn(collect(run, kind));
    Ok(())
}

/// As RetrieveEnvironmentInfo: what has been collected and is still there, newest first.
pub fn retrieve(world: &World, caller: &Caller, reference: &Reference, kind: Kind) -> Result<Vec<Info>, Refusal> {
    let mut state = world.lock();
    let beanstalk = &state.region(&caller.region).beanstalk;
    let id = beanstalk.find(reference)?;
    let infos = beanstalk.environments.get(&id).map(|it| it.infos.clone());
    let infos = infos.unwrap_or_default().into_iter().rev();
    Ok(infos.filter(|info| info.kind == kind).collect())
}

async fn collect(run: Run, kind: Kind) {
    run.info("requestEnvironmentInfo is starting.");
    run.at(5.0).await;
    let account = run.world.lock().account.clone();
    let bucket = bucket(&run.region, &account);
    run.world.objects.ensure_bucket(&bucket, &run.region).await;
    let mut collected = Vec::new();
    for (instance_id, _) in launch::results(&run) {
        let files = run.world.plane.logs(&instance_id);
        let count = files.len();
        let time = run.world.clock.now();
        let (body, done) = match kind {
            Kind::Tail => (tail(&files).into_bytes(), "tailing"),
            Kind::Bundle => (zipped(&files), "bundling"),
        };
        let key = key(&run.id, &instance_id, kind, time);
        run.world.objects.put(&bucket, &key, body.into()).await;
        run.info(format!(
            "[Instance: {instance_id}] Successfully finished {done} {count} log(s)"
        ));
        collected.push(Info {
            kind,
            instance_id,
            time,
            bucket: bucket.clone(),
            key,
        });
    }
    run.environment(|environment| {
        // A new request takes the place of the one before.
        environment.infos.retain(|info| info.kind != kind);
        environment.infos.extend(collected.iter().cloned());
    });
    run.info("Pulled logs for environment instances.");
    run.info("requestEnvironmentInfo completed successfully.");
    tokio::time::sleep(run.world.clock.real(LIFE).max(REAL_LIFE)).await;
    for info in &collected {
        run.world.objects.delete(&info.bucket, &info.key).await;
    }
    run.environment(|environment| environment.infos.retain(|info| !collected.contains(info)));
}

fn key(environment: &str, instance: &str, kind: Kind, time: Timestamp) -> String {
    let file = match kind {
        Kind::Tail => format!("TailLogs-{}.txt", time.as_millisecond()),
        Kind::Bundle => format!("BundleLogs-{}.zip", time.as_millisecond()),
    };
    let kind = kind.as_str();
    format!("resources/environments/logs/{kind}/{environment}/{instance}/{file}")
}

/// Every file's end under its name, as Beanstalk lays it out.
fn tail(files: &[(String, String)]) -> String {
    let rule = "-".repeat(40);
    let mut text = String::new();
    for (name, content) in files {
        let lines: Vec<_> = content.lines().collect();
        let last = lines[lines.len().saturating_sub(TAIL)..].join("\n");
        text.push_str(&format!("{rule}\n/var/log/{name}\n{rule}\n{last}\n\n\n"));
    }
    text
}

fn zipped(files: &[(String, String)]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in files {
        let options = zip::write::SimpleFileOptions::default();
        // Into memory: nothing can fail but a name that is there twice, and files have names of their own.
        if archive.start_file(format!("var/log/{name}"), options).is_ok() {
            let _ = archive.write_all(content.as_bytes());
        }
    }
    archive.finish().map(std::io::Cursor::into_inner).unwrap_or_default()
}
