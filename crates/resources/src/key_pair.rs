//! The key pair for SSH. Must know nothing of who logs in with it.
//! The private key is local: it is on disk before the key pair counts as made, and its absence replaces nothing.

use std::collections::BTreeMap;
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_sdk_ec2::operation::create_key_pair::CreateKeyPairOutput;
use aws_sdk_ec2::types::{
    Instance, InstanceStateName, KeyFormat, KeyPairInfo, KeyType, ResourceType, TagSpecification,
};
use aws_smithy_types::Blob;
use etcetera::BaseStrategy;
use fs_err::os::unix::fs::OpenOptionsExt;

use super::network_parts::filter;
use super::outputs::KEY_PAIR;
use super::ownership::{TagStep, change_tags, ec2_form, from_ec2, tag_steps, tags_among};
use super::public_key::public_key;
use super::stack::Stack;
use crate::aws::errors::{Explain, polled};
use crate::aws::eventual_consistency::settled;
use crate::aws::paging::{self, Page};
use crate::aws::tags::{self, settled_from};
use crate::aws::{Aws, own_work};
use crate::engine::{
    Error, Failure, FieldChange, Kind, Limits, Notice, Observed, Owner, Plan, Poll, ReadCx, Resource, ResourceId, Step,
    Values, Wait, WriteCx,
};

const ID: ResourceId = "key-pair";
const LIMITS: Limits = Limits::minutes(1, 5);

pub(super) struct KeyPair {
    stack: Arc<Stack>,
}

#[derive(Clone)]
pub(super) struct LiveKeyPair {
    /// Whether it is of another key than the one that the profile wants imported.
    of_another_key: bool,
    /// `key-0123456789abcdef0`
    id: String,
    tags: BTreeMap<String, String>,
    /// Where the private key should be on this machine and is not.
    missing_here: Option<PathBuf>,
    /// A run that did not end well made it, the private key is lost, and nothing was launched with it yet.
    stillborn: bool,
}

/// What can be changed of a key pair: its key never.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum KeyPairStep {
    Tag(TagStep),
    /// Deleted, and made again with another key.
    Remake,
}

impl Step for KeyPairStep {
    fn shown(&self) -> FieldChange {
        match self {
            Self::Tag(tag) => tag.shown(),
            Self::Remake => {
                let lost = "lost with an interrupted run, and used by nothing".to_owned();
                FieldChange::new("private key", lost, "another, with a new key pair".to_owned())
            }
        }
    }
}

impl KeyPair {
    pub(super) fn new(stack: Arc<Stack>) -> Self {
        Self { stack }
    }

    fn name(&self) -> &str {
        &self.stack.names.key_pair
    }

    async fn describe(&self, aws: &Aws) -> Result<Option<KeyPairInfo>, Error> {
        let describe = aws.ec2.describe_key_pairs().key_names(self.name());
        let with_key = self.stack.profile.ssh.public_key.is_some().then_some(true);
        let answer = describe.set_include_public_key(with_key).send().await;
        let answer = answer.or_absent(
            &["InvalidKeyPair.NotFound"],
            &format!("read the key pair {}", self.name()),
        )?;
        Ok(answer.and_then(|answer| answer.key_pairs().first().cloned()))
    }

    async fn tags(&self, aws: &Aws) -> Result<BTreeMap<String, String>, Error> {
        let pair = self.describe(aws).await?;
        Ok(pair.map(|pair| from_ec2(pair.tags())).unwrap_or_default())
    }

    fn live(&self, pair: &KeyPairInfo, tags: BTreeMap<String, String>) -> LiveKeyPair {
        // Where it cannot be read nothing can be said; who wants to import it was told before.
        let wanted = public_key(&self.stack.profile).ok().flatten();
        let differs = |wanted: String| pair.public_key().is_some_and(|key| key_of(key) != key_of(&wanted));
        LiveKeyPair {
            of_another_key: wanted.is_some_and(differs),
            id: pair.key_pair_id().unwrap_or_default().to_owned(),
            tags,
            missing_here: None,
            stillborn: false,
        }
    }

    /// Whether nothing can have been launched with it: only a run that did not end well was about to make it, none since was
    /// about to make an environment, and EC2 has no instance of it.
    async fn is_fresh(&self, cx: &ReadCx<Aws>) -> Result<bool, Error> {
        let begun = cx.intents(ID, tags::CREATED).iter().any(|made| made == self.name());
        if !begun || !cx.intents(super::environment::ID, tags::CREATED).is_empty() {
            return Ok(false);
        }
        let doing = format!("see which instances have the key pair {}", self.name());
        let reservations = paging::all(async |token: Option<String>| {
            let list = cx
                .aws()
                .ec2
                .describe_instances()
                .filters(filter("key-name", self.name()));
            let page = list.set_next_token(token).send().await.explain(&doing)?;
            Ok(Page::new(page.reservations.unwrap_or_default(), page.next_token))
        });
        let reservations = reservations.await?;
        let instances = reservations.iter().flat_map(|reservation| reservation.instances());
        let state = |instance: &Instance| instance.state().and_then(|state| state.name().cloned());
        Ok(instances
            .map(state)
            .all(|state| state == Some(InstanceStateName::Terminated)))
    }

    fn private_key_file(&self, aws: &Aws) -> Result<PathBuf, Error> {
        private_key_file(&self.stack, aws)
    }

    fn tag_specification(&self) -> TagSpecification {
        TagSpecification::builder()
            .resource_type(ResourceType::KeyPair)
            .set_tags(Some(ec2_form(self.stack.ownership.tags(ID))))
            .build()
    }

    async fn import(&self, cx: &WriteCx<Aws>, public_key: &str) -> Result<(), Error> {
        let import = cx.aws().ec2.import_key_pair().key_name(self.name());
        let import = import
            .public_key_material(Blob::new(public_key.as_bytes()))
            .tag_specifications(self.tag_specification());
        let doing = format!("import the key pair {}", self.name());
        let call = async { import.send().await.explain(&doing) };
        let made = own_work::create(cx, self.name(), call, |_| self.whose(cx)).await?;
        made.ours(&self.title()).map(drop)
    }

    async fn make(&self, cx: &WriteCx<Aws>) -> Result<(), Error> {
        let mut answer = self.create_pair(cx).await?;
        if answer.is_none() {
            // The private key was in the answer that was lost.
            self.delete_pair(cx).await?;
            answer = self.create_pair(cx).await?;
        }
        let lost = || {
            Error::new(
                Kind::Unreachable,
                format!("EC2's answer with the private key of {} was lost", self.name()),
            )
        };
        let answer = answer.ok_or_else(lost)?;
        let file = self.private_key_file(cx.aws())?;
        // AWS gives it this once.
        let stored = store(&file, answer.key_material().unwrap_or_default());
        if let Err(error) = stored {
            self.delete_pair(cx).await?;
            cx.not_made();
            return Err(
                Error::failed("could not store the private key, so the key pair was deleted again")
                    .because(error.to_string())
                    .hint("make the directory writable, or import a key of your own with --set ssh.public_key=FILE"),
            );
        }
        let events = &cx.settings().events;
        events.notice(
            format!("the private key of {} is in {}", self.name(), file.display()),
            None,
        );
        Ok(())
    }

    /// `None`: an earlier try made it.
    async fn create_pair(&self, cx: &WriteCx<Aws>) -> Result<Option<CreateKeyPairOutput>, Error> {
        let create = cx.aws().ec2.create_key_pair().key_name(self.name());
        let create = create
            .key_type(KeyType::Ed25519)
            .key_format(KeyFormat::Pem)
            .tag_specifications(self.tag_specification());
        let doing = format!("create the key pair {}", self.name());
        let call = async { create.send().await.explain(&doing) };
        let made = own_work::create(cx, self.name(), call, |_| self.whose(cx)).await?;
        made.ours(&self.title())
    }

    async fn whose(&self, cx: &WriteCx<Aws>) -> Result<Owner, Error> {
        let read = || self.tags(cx.read().aws());
        own_work::by_tags(cx, &self.stack.ownership, ID, self.name(), read).await
    }

    async fn delete_pair(&self, cx: &WriteCx<Aws>) -> Result<(), Error> {
        let answer = cx.aws().ec2.delete_key_pair().key_name(self.name()).send().await;
        answer.or_absent(
            &["InvalidKeyPair.NotFound"],
            &format!("delete the key pair {}", self.name()),
        )?;
        Ok(())
    }

    /// The private key's file, where it should be here and is not.
    fn missing_here(&self, aws: &Aws) -> Result<Option<PathBuf>, Error> {
        let file = self.private_key_file(aws)?;
        Ok((self.stack.profile.ssh.public_key.is_none() && !file.exists()).then_some(file))
    }

    /// Why nothing could be written where the private key goes: looked at before AWS is asked to make one.
    fn cannot_keep(&self, aws: &Aws) -> Result<Option<String>, Error> {
        if self.stack.profile.ssh.public_key.is_some() {
            return Ok(None);
        }
        let file = self.private_key_file(aws)?;
        let there = file.ancestors().skip(1).find(|folder| folder.exists());
        let Some(folder) = there else { return Ok(None) };
        let tried = tempfile::Builder::new().prefix(".confctl-").tempfile_in(folder);
        Ok(tried.err().map(|error| format!("{}: {error}", folder.display())))
    }

    async fn wait_shown(&self, cx: &WriteCx<Aws>) -> Result<LiveKeyPair, Failure> {
        let wait = Wait::new(format!("the key pair {} to show", self.name()), 2, LIMITS);
        let shown = cx.wait(&wait, || async {
            polled(self.describe(cx.read().aws()).await.map(|pair| match pair {
                Some(pair) => Poll::Ready(pair),
                None => Poll::NotYet("not visible yet".to_owned()),
            }))
        });
        let left = format!("key pair {}", self.name());
        let pair = shown.await.map_err(|error| Failure::from(error).leaving(left, false))?;
        Ok(self.live(&pair, self.stack.ownership.tags(ID)))
    }

    async fn change_tags(&self, cx: &WriteCx<Aws>, live: &LiveKeyPair, steps: &[TagStep]) -> Result<(), Error> {
        let (ec2, id, doing) = (&cx.aws().ec2, &live.id, &format!("tag the key pair {}", self.name()));
        let untag = |tags| async move {
            let untag = ec2.delete_tags().resources(id).set_tags(Some(ec2_form(tags)));
            untag.send().await.explain(doing).map(drop)
        };
        let tag = |tags| async move {
            let tag = ec2.create_tags().resources(id).set_tags(Some(ec2_form(tags)));
            tag.send().await.explain(doing).map(drop)
        };
        let read = || self.tags(cx.read().aws());
        change_tags(cx, (&self.title(), self.name()), steps, untag, tag, read).await
    }
}

/// Type and key of a public key, without its comment.
fn key_of(public_key: &str) -> Vec<&str> {
    public_key.split_whitespace().take(2).collect()
}

/// Where the private key is kept: one place for each account, region and name.
pub(crate) fn private_key_file(stack: &Stack, aws: &Aws) -> Result<PathBuf, Error> {
    let strategy = etcetera::choose_base_strategy().map_err(no_home)?;
    let keys = strategy.data_dir().join("confctl").join("keys");
    // A key pair's name may hold any printable character.
    let name = stack.names.key_pair.replace(['/', '\0'], "_");
    Ok(keys.join(&aws.account).join(&aws.region).join(format!("{name}.pem")))
}

fn no_home(error: etcetera::HomeDirError) -> Error {
    Error::failed("there is no home directory").because(error.to_string())
}

/// Writes a private key that only its owner may read; one of an earlier key pair of this name is kept beside it.
fn store(file: &Path, key: &str) -> std::io::Result<()> {
    if let Some(directory) = file.parent() {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)?;
    }
    if file.exists() {
        let older = (1..).map(|n| file.with_extension(format!("pem.old-{n}")));
        if let Some(free) = older.into_iter().find(|name| !name.exists()) {
            fs_err::rename(file, free)?;
        }
    }
    let mut new = fs_err::OpenOptions::new();
    let mut new = new.write(true).create_new(true).mode(0o600).open(file)?;
    new.write_all(key.as_bytes())?;
    new.sync_all()
}

impl Resource for KeyPair {
    type Live = LiveKeyPair;
    /// Why the private key of one that is made could not be kept here.
    type Place = Option<String>;
    type Step = KeyPairStep;
    type Clients = Aws;

    fn id(&self) -> ResourceId {
        ID
    }

    fn name(&self) -> String {
        self.stack.names.key_pair.clone()
    }

    fn title(&self) -> String {
        format!("key pair {}", self.name())
    }

    fn needs(&self) -> Vec<&'static str> {
        vec![]
    }

    fn gives(&self) -> Vec<&'static str> {
        vec![KEY_PAIR.name]
    }

    fn limits(&self) -> Limits {
        LIMITS
    }

    async fn observe(&self, cx: &ReadCx<Aws>) -> Result<Observed<LiveKeyPair, Option<String>>, Error> {
        let aws = cx.aws();
        let Some(pair) = settled(cx, ID, self.name(), || self.describe(aws)).await? else {
            return Ok(Observed::Absent(self.cannot_keep(aws)?));
        };
        let (ownership, first) = (&self.stack.ownership, from_ec2(pair.tags()));
        let tagged = settled_from(cx, ownership, ID, self.name(), first, || self.tags(aws)).await?;
        let mut live = self.live(&pair, tagged.tags);
        if tagged.owner == Owner::Ours {
            live.missing_here = self.missing_here(aws)?;
            live.stillborn = live.missing_here.is_some() && self.is_fresh(cx).await?;
        }
        Ok(Observed::Present {
            live,
            owner: tagged.owner,
        })
    }

    fn plan(&self, seen: &Observed<LiveKeyPair, Option<String>>, _: &Values) -> Plan<KeyPairStep> {
        let Some((live, owner)) = seen.live() else {
            return match seen {
                Observed::Absent(Some(why)) => Plan::blocked(
                    format!("its private key, which AWS gives once, could not be kept: {why}"),
                    "make the folder writable, or import a key of your own with --set ssh.public_key=FILE",
                ),
                _ => Plan::Create,
            };
        };
        let another = "choose another with --set ssh.key_name=NAME";
        match owner {
            Owner::OtherStack(stack) => Plan::blocked(format!("it belongs to stack {stack}"), another),
            _ if live.of_another_key => Plan::blocked(
                "it is not of the key in ssh.public_key; another key would replace every instance",
                another,
            ),
            Owner::Ours if live.stillborn => Plan::Update(vec![KeyPairStep::Remake]),
            Owner::Ours => {
                let tags = tag_steps(&self.stack, ID, &live.tags).into_iter();
                Plan::of(tags.map(KeyPairStep::Tag).collect())
            }
            Owner::Nobody => Plan::Use,
        }
    }

    fn notices(&self, seen: &Observed<LiveKeyPair, Option<String>>) -> Vec<Notice> {
        let kept = seen.live().filter(|(live, _)| !live.stillborn);
        let missing = kept.and_then(|(live, _)| live.missing_here.as_ref());
        let notice = missing.map(|file| {
            let name = self.name();
            Notice::new(format!(
                "the private key of {name} is not on this machine ({})",
                file.display()
            ))
            .hint("copy it from the machine that made it, or reach instances through Session Manager")
        });
        notice.into_iter().collect()
    }

    fn publish(&self, _: &LiveKeyPair, values: &mut Values) {
        values.set(&KEY_PAIR, self.name().to_owned());
    }

    fn foresee(&self, _: &Option<String>, values: &mut Values) {
        values.set(&KEY_PAIR, self.name().to_owned());
    }

    async fn create(&self, cx: &WriteCx<Aws>, _: Option<String>) -> Result<LiveKeyPair, Failure> {
        match public_key(&self.stack.profile)? {
            Some(key) => self.import(cx, &key).await?,
            None => self.make(cx).await?,
        }
        self.wait_shown(cx).await
    }

    async fn update(
        &self,
        cx: &WriteCx<Aws>,
        live: LiveKeyPair,
        steps: Vec<KeyPairStep>,
    ) -> Result<LiveKeyPair, Failure> {
        if steps.contains(&KeyPairStep::Remake) {
            cx.check()?;
            self.delete_pair(cx).await?;
            return self.create(cx, None).await;
        }
        self.change_tags(cx, &live, &tags_among!(steps, KeyPairStep)).await?;
        Ok(live)
    }

    async fn delete(&self, cx: &WriteCx<Aws>, _: LiveKeyPair) -> Result<(), Failure> {
        cx.check()?;
        self.delete_pair(cx).await?;
        let file = self.private_key_file(cx.aws())?;
        if self.stack.profile.ssh.public_key.is_none() && file.exists() {
            fs_err::remove_file(&file)
                .map_err(|error| Error::failed("could not remove the private key").because(error.to_string()))
                .map_err(|error| Failure::from(error).leaving(format!("the file {}", file.display()), false))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_new_key_never_overwrites_an_old_one_and_is_for_its_owner_only() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("confctl/keys/one.pem");
        for key in ["first", "second", "third"] {
            store(&file, key).unwrap();
        }
        assert_eq!(fs_err::read_to_string(&file).unwrap(), "third");
        assert_eq!(
            fs_err::read_to_string(file.with_extension("pem.old-1")).unwrap(),
            "first"
        );
        assert_eq!(
            fs_err::read_to_string(file.with_extension("pem.old-2")).unwrap(),
            "second"
        );
        assert_eq!(fs_err::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_key_is_the_same_whatever_its_comment() {
        assert_eq!(
            key_of("ssh-ed25519 AAAA me@here\n"),
            key_of("ssh-ed25519 AAAA mod4-ssh-key")
        );
        assert_ne!(key_of("ssh-ed25519 AAAA"), key_of("ssh-ed25519 BBBB"));
    }
}
