//! Which profile, which stack and which account the command line means.
//! Must know nothing of what is there already.

use crate::aws::{Aws, clients};
use crate::cli::Global;
use crate::engine::{Error, Kind};
use crate::profile::{self, Profile, ProfileError, StackName};
use crate::target::Target;

/// A profile and the word it goes by.
pub(super) struct Chosen {
    pub name: String,
    pub profile: Profile,
    /// Whether a flag, the file or a `--set` says which region; else the AWS configuration may.
    pub names_region: bool,
    /// Read from the record, which has no properties.
    pub recorded: bool,
}

/// The stack's name, checked.
pub(super) fn stack_name(global: &Global) -> Result<StackName, Error> {
    match &global.name {
        None => Ok(StackName::default()),
        Some(name) => name.parse().map_err(|error: profile::InvalidStackName| {
            Error::new(Kind::Usage, error.to_string()).hint("--name my-conference")
        }),
    }
}

/// The profile that the command line names, or `article`, with `--set` and `--region` on top.
pub(super) fn choose(global: &Global) -> Result<Chosen, Error> {
    if let Some(name) = &global.profile {
        guard_aws_profile(name, global)?;
    }
    let loaded = profile::load(global.profile.as_deref().unwrap_or("article"), &global.set).map_err(usage)?;
    let mut profile = loaded.profile;
    if let Some(region) = &global.region {
        profile.region = region.clone();
    }
    Ok(Chosen {
        name: loaded.name,
        profile,
        names_region: loaded.names_region || global.region.is_some(),
        recorded: false,
    })
}

/// Connects to the account, in the region of the command line, else of the profile, else of the AWS configuration.
pub(super) async fn connect(target: &Target, global: &Global, chosen: &mut Chosen) -> Result<(Aws, Aws), Error> {
    let settled = chosen.names_region || target.endpoint.is_some();
    let region = settled.then_some(chosen.profile.region.as_str());
    let config = clients::configuration(target, region, global.aws_profile.as_deref()).await;
    if let (false, Some(region)) = (settled, config.region()) {
        chosen.profile.region = region.to_string();
    }
    let only = global.account.clone().or_else(|| chosen.profile.account.clone());
    clients::connect(target, &config, &chosen.profile.region, only.as_deref()).await
}

pub(super) fn usage(error: ProfileError) -> Error {
    let hint = match &error {
        ProfileError::Unknown {
            nearest: Some(nearest), ..
        } => format!("did you mean `-p {nearest}`?"),
        ProfileError::Unknown { .. } => "confctl profile list".to_owned(),
        ProfileError::Read { .. } => "check the path; names of embedded profiles: confctl profile list".to_owned(),
        ProfileError::Invalid { .. } => "confctl profile show prints every key with its value".to_owned(),
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
    let home = std::env::var_os("HOME")
        .map(std::path::PathBuf::from)
        .unwrap_or_default();
    let file = |variable: &str, usual: &str| {
        let path = std::env::var_os(variable)
            .map(Into::into)
            .unwrap_or_else(|| home.join(usual));
        fs_err::read_to_string(path).unwrap_or_default()
    };
    let files = [
        file("AWS_CONFIG_FILE", ".aws/config"),
        file("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials"),
    ];
    files.iter().flat_map(|text| text.lines()).any(|line| {
        let section = line
            .trim()
            .strip_prefix('[')
            .and_then(|line| line.split(']').next())
            .unwrap_or_default()
            .trim();
        section.strip_prefix("profile ").unwrap_or(section).trim() == name
    })
}
