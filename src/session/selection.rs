//! Which profile, which stack and which account the command line means.
//! Must know nothing of what is there already.

use super::applied_profiles::public;

use crate::aws::Aws;
use crate::aws::clients::{self, SdkConfig};
use crate::aws::sign_in::{self, SignIn};
use crate::aws::target::Target;
use crate::aws::variables;
use crate::cli::Global;
use crate::engine::{Command, Error, Hint, Kind};
use crate::profile::paths::at_home;
use crate::profile::{self, Key, Origins, Profile, ProfileError, StackName};
use crate::resources::partition;
use crate::ui::Ui;

/// A profile and the word it goes by.
pub(crate) struct Chosen {
    pub name: String,
    pub profile: Profile,
    pub region_from: RegionFrom,
    /// Read from the record, which has no properties.
    pub recorded: bool,
    pub origins: Origins,
    /// Keys that the user set and that count for nothing beside the others.
    idle: Vec<&'static Key>,
}

/// What says which region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RegionFrom {
    /// `--region` or CONFCTL_REGION.
    Flag,
    /// The user's file, a `--set`, or the profile as applied.
    Profile,
    /// An embedded profile: the environment and the AWS configuration come before it.
    Default,
    /// This variable, or this AWS profile.
    Aws(String),
}

impl std::fmt::Display for RegionFrom {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Flag => "--region (or CONFCTL_REGION)",
            Self::Profile => "the profile",
            Self::Default => "the profile's default",
            Self::Aws(from) => from,
        })
    }
}

/// The stack's name, checked.
pub(crate) fn stack_name(global: &Global) -> Result<StackName, Error> {
    match &global.name {
        None => Ok(StackName::default()),
        Some(name) => name.parse().map_err(|error: profile::InvalidStackName| {
            Error::new(Kind::Usage, error.to_string()).hint("--name my-conference")
        }),
    }
}

/// The profile that the command line names, or `article`, with `--set` and `--region` on top.
pub(crate) fn choose(global: &Global) -> Result<Chosen, Error> {
    guard_account(global)?;
    if let Some(name) = &global.profile {
        guard_aws_profile(name, global)?;
    }
    let named = global.profile.as_deref().unwrap_or("article");
    let named = at_home(named).to_str().unwrap_or(named).to_owned();
    let loaded = profile::load(&named, &global.set).map_err(usage)?;
    let mut chosen = Chosen {
        region_from: match loaded.names_region {
            true => RegionFrom::Profile,
            false => RegionFrom::Default,
        },
        name: loaded.name,
        profile: loaded.profile,
        recorded: false,
        origins: loaded.origins,
        idle: loaded.idle,
    };
    if let Some(region) = &global.region {
        chosen.take_region(region.clone(), RegionFrom::Flag)?;
    } else if chosen.region_from == RegionFrom::Default
        && let Some((region, variable)) = sign_in::region_of_environment()
    {
        chosen.take_region(region, RegionFrom::Aws(variable))?;
    }
    Ok(chosen)
}

impl Chosen {
    /// The profile that the last `up` applied.
    pub(crate) fn recorded(profile: Profile, region_from: RegionFrom) -> Self {
        Self {
            name: "as applied".to_owned(),
            profile,
            region_from,
            recorded: true,
            origins: Origins::new(),
            idle: Vec::new(),
        }
    }

    /// Says which wishes come to nothing, and beside what they would count.
    pub(crate) fn tell_idle(&self, ui: &Ui) {
        for key in &self.idle {
            if let Some(with) = key.with {
                ui.notice(&format!("{} counts with {} only", key.path, with.as_str()), None);
            }
        }
    }

    /// A region that another than the profile names, held against the same pattern.
    fn take_region(&mut self, region: String, from: RegionFrom) -> Result<(), Error> {
        if !profile::is_region(&region) {
            let wrong = Error::new(Kind::Usage, format!("`{region}`, by {from}, is no AWS region"));
            return Err(wrong.hint(
                Hint::from("write it as us-east-1; ")
                    .and_run(Command::aws("account list-regions"))
                    .and(" shows them"),
            ));
        }
        (self.profile.region, self.region_from) = (region, from);
        Ok(())
    }
}

/// The account, as it was signed in to.
pub(crate) struct Connected {
    pub read: Aws,
    pub write: Aws,
    /// What was connected with.
    pub configuration: SdkConfig,
}

/// Connects to the account, in the region of the command line, else of the user's profile, else of the environment, else of
/// the AWS configuration, else of the embedded profile.
pub(crate) async fn connect(target: &Target, global: &Global, chosen: &mut Chosen) -> Result<Connected, Error> {
    // Another endpoint with keys of its own has nothing to do with the AWS configuration.
    let sign_in = match target.credentials {
        Some(_) => None,
        None => Some(SignIn::read(global.aws_profile.as_deref()).await?),
    };
    if chosen.region_from == RegionFrom::Default
        && let Some((region, profile)) = sign_in.as_ref().and_then(SignIn::region)
    {
        chosen.take_region(region, RegionFrom::Aws(profile))?;
    }
    let configuration = clients::configuration(target, &chosen.profile.region, sign_in.as_ref()).await;
    let only = global.account.clone().or_else(|| chosen.profile.account.clone());
    let mut target = target.clone();
    if let Some(sign_in) = &sign_in {
        target.public.authorities = sign_in.trust.pem().map(<[u8]>::to_vec);
    }
    let connected = clients::connect(&target, &configuration, &chosen.profile.region, only.as_deref()).await;
    let (read, write) = match connected {
        Ok(clients) => clients,
        Err(error) if clients::is_unknown_key(&error) && clients::knows_key_elsewhere(&configuration).await => {
            return Err(not_enabled(&chosen.profile.region, error));
        }
        Err(error) => {
            return Err(match &sign_in {
                Some(sign_in) => sign_in.explained(error),
                None => error,
            });
        }
    };
    partition::is_of_caller(&read.caller, &read.region)?;
    Ok(Connected {
        read,
        write,
        configuration,
    })
}

/// The credentials are good: it is the region that does not know the account.
fn not_enabled(region: &str, error: Error) -> Error {
    let mut told = Error::new(
        Kind::Account,
        format!("the account has not enabled the region {region}"),
    );
    told.code = error.code;
    told.causes = error.causes;
    told.hint(
        Hint::run(Command::aws("account enable-region --region-name").arg(region))
            .and(", and some minutes later the same command; or choose another with --region"),
    )
}

/// An account to insist on that is empty insists on nothing: what set it meant to.
fn guard_account(global: &Global) -> Result<(), Error> {
    let empty = global.account.as_deref().is_some_and(str::is_empty);
    let named = match std::env::var_os(variables::ACCOUNT) {
        Some(value) if value.is_empty() => variables::ACCOUNT,
        _ => "--account",
    };
    match empty {
        false => Ok(()),
        true => Err(
            Error::refused(format!("{named} is empty: there is no account to insist on"))
                .hint(format!("give {named} the account's 12 digits, or leave it out")),
        ),
    }
}

/// The embedded profile that this is, as far as a record tells: with this run's `--set` on top, in whatever region.
pub(crate) fn embedded_as(profile: &Profile, global: &Global) -> Option<&'static str> {
    let profile = public(profile);
    let is_it = |embedded: &&profile::Embedded| {
        let parsed = profile::parse(embedded.name, embedded.text, &global.set);
        parsed.is_ok_and(|parsed| {
            let mut parsed = public(&parsed);
            parsed.region.clone_from(&profile.region);
            parsed == profile
        })
    };
    profile::embedded().iter().find(is_it).map(|embedded| embedded.name)
}

pub(crate) fn usage(error: ProfileError) -> Error {
    let hint = match &error {
        ProfileError::Unknown {
            nearest: Some(nearest), ..
        } => format!("did you mean `-p {nearest}`?").into(),
        ProfileError::Unknown { .. } => Hint::run("profile list"),
        ProfileError::Read { .. } => Hint::from("check the path; ")
            .and_run("profile list")
            .and(" names the embedded ones"),
        // Of this profile it would only say the same.
        ProfileError::Invalid { .. } => {
            Hint::run(Command::confctl("profile show").bare()).and(" prints every key with its value")
        }
    };
    let mut explained = Error::new(Kind::Usage, "the profile cannot be used").hint(hint);
    explained.causes = error.to_string().lines().map(str::to_owned).collect();
    explained
        .causes
        .extend(std::error::Error::source(&error).map(ToString::to_string));
    explained
}

/// `--profile` means credentials to every other AWS tool: refused where it would be taken for ours by mistake.
fn guard_aws_profile(name: &str, global: &Global) -> Result<(), Error> {
    if global.sandbox || global.aws_profile.is_some() || !is_aws_profile(name) {
        return Ok(());
    }
    Err(Error::new(
        Kind::Usage,
        format!("`{name}` names a profile of your AWS configuration as well"),
    )
    .because("-p/--profile is confctl's own: what to build. Whose credentials to use is --aws-profile")
    .hint(format!(
        "for those credentials: --aws-profile {name}; for confctl's profile: -p {name} --aws-profile default"
    )))
}

fn is_aws_profile(name: &str) -> bool {
    let texts = sign_in::files().map(|path| fs_err::read_to_string(path).unwrap_or_default());
    texts.iter().flat_map(|text| text.lines()).any(|line| {
        let section = line
            .trim()
            .strip_prefix('[')
            .and_then(|line| line.split(']').next())
            .unwrap_or_default()
            .trim();
        section.strip_prefix("profile ").unwrap_or(section).trim() == name
    })
}
