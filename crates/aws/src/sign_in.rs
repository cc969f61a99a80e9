//! Signing in: what the AWS configuration on this machine says of it, read and checked before AWS is asked.
//! Must know nothing of what the credentials are then used for.

use std::path::PathBuf;
use std::time::SystemTime;

use aws_config::profile::{Profile, ProfileFileCredentialsProvider, ProfileSet};
use aws_config::provider_config::ProviderConfig;
use aws_config::{Region, SdkConfig};
use aws_credential_types::credential_feature::AwsCredentialFeature as Feature;
use aws_credential_types::provider::ProvideCredentials;
use aws_runtime::env_config::file::EnvConfigFiles;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_types::os_shim_internal::{Env, Fs};

use super::trust::Trust;
use crate::engine::{Command, Error, Hint, Kind, quoted};
use crate::load::is_this_machine;
use crate::variables;

/// What is signed in with.
pub struct SignIn {
    /// The AWS profile, where one is named: on the command line or by AWS_PROFILE.
    named: Option<String>,
    /// It was named on the command line. As for the AWS CLI, keys in the environment then do not count.
    typed: bool,
    profiles: ProfileSet,
    /// The authorities to trust, where AWS_CA_BUNDLE or the profile's `ca_bundle` names them.
    pub trust: Trust,
}

/// Where a profile's credentials come from in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Base {
    Sso,
    Login,
    Process,
    Other,
}

impl SignIn {
    /// Reads the AWS configuration.
    ///
    /// # Errors
    /// Where it cannot be read, lacks the profile that is named, or wants what confctl cannot do.
    pub async fn read(typed: Option<&str>) -> Result<Self, Error> {
        if let Some(unfit) = variables::unfit() {
            return Err(unfit);
        }
        let (fs, env) = (Fs::real(), Env::real());
        let variable = env.get("AWS_PROFILE").ok();
        let named = typed.map(str::to_owned).or(variable);
        let files = EnvConfigFiles::default();
        let profiles = aws_config::profile::load(&fs, &env, &files, named.clone().map(Into::into)).await;
        let profiles = profiles.map_err(|error| unreadable(&error))?;
        let trust = Trust::of(bundle(&env, &profiles))?;
        let sign_in = Self {
            named,
            typed: typed.is_some(),
            profiles,
            trust,
        };
        if sign_in.typed || !has_keys(&env) {
            sign_in.check()?;
        }
        Ok(sign_in)
    }

    /// The region that the AWS profile names, and which profile that is.
    pub fn region(&self) -> Option<(String, String)> {
        let region = self.chain().find_map(|profile| profile.get("region"))?;
        Some((region.to_owned(), format!("the AWS profile {}", self.selected())))
    }

    /// The provider of credentials, where it is not the SDK's whole chain.
    pub fn provider(&self, region: &str, http: &SharedHttpClient) -> Option<ProfileFileCredentialsProvider> {
        let name = self.named.as_ref().filter(|_| self.typed)?;
        let config = ProviderConfig::without_region()
            .with_region(Some(Region::new(region.to_owned())))
            .with_http_client(http.clone());
        let provider = ProfileFileCredentialsProvider::builder().profile_name(name);
        Some(provider.configure(&config).build())
    }

    /// The AWS profile that is named.
    pub fn named(&self) -> Option<&str> {
        self.named.as_deref()
    }

    /// Whether the endpoint of all services is on this machine: no proxy is on the way there.
    pub fn is_this_machine(&self) -> bool {
        let variable = std::env::var("AWS_ENDPOINT_URL").ok().filter(|url| !url.is_empty());
        let endpoint = variable.or_else(|| self.profiles.get("endpoint_url").map(str::to_owned));
        let uri = endpoint.and_then(|endpoint| endpoint.parse::<http::Uri>().ok());
        uri.and_then(|uri| uri.host().map(is_this_machine)).unwrap_or(false)
    }

    fn selected(&self) -> &str {
        self.profiles.selected_profile()
    }

    /// The selected profile and those that it takes its credentials from.
    fn chain(&self) -> impl Iterator<Item = &Profile> {
        let mut seen: Vec<&str> = Vec::new();
        let mut next = Some(self.selected());
        std::iter::from_fn(move || {
            let name = next.take().filter(|name| !seen.contains(name))?;
            seen.push(name);
            let profile = self.profiles.get_profile(name)?;
            let ends = seen.len() > 1 && has_own_keys(profile);
            next = profile.get("source_profile").filter(|_| !ends);
            Some(profile)
        })
    }

    fn check(&self) -> Result<(), Error> {
        // AWS's tools take `default` for no name where there is no such profile.
        if let Some(name) = self.named.as_deref().filter(|name| *name != "default")
            && self.profiles.get_profile(name).is_none()
        {
            let by = match self.typed {
                true => "--aws-profile (or CONFCTL_AWS_PROFILE)",
                false => "AWS_PROFILE",
            };
            return Err(self.missing(name, by));
        }
        // The SDK ends such a chain as if there were no credentials at all.
        if let Some(last) = self.chain().last()
            && let Some(source) = last.get("source_profile").filter(|_| !has_own_keys(last))
            && self.profiles.get_profile(source).is_none()
        {
            let by = format!("source_profile of the AWS profile {}", last.name());
            return Err(self.missing(source, &by));
        }
        // aws-config has no way to ask for a code and leaves `mfa_serial` out: AWS would answer AccessDenied.
        let mut chain = self.chain().enumerate();
        let asks = |(place, profile): &(usize, &Profile)| {
            let is_assumed = *place == 0 || !has_own_keys(profile);
            is_assumed && profile.get("role_arn").is_some() && profile.get("mfa_serial").is_some()
        };
        match chain.find(asks) {
            None => Ok(()),
            Some((_, profile)) => Err(Error::new(
                Kind::Denied,
                format!(
                    "the AWS profile {} wants a code of an MFA device, which confctl cannot ask for",
                    profile.name()
                ),
            )
            .because("it has `mfa_serial` beside `role_arn`")
            .hint(self.handed_over())),
        }
    }

    /// `by` names it.
    fn missing(&self, name: &str, by: &str) -> Error {
        let nearest = self.profiles.profiles().max_by(|one, other| {
            let alike = |known: &str| strsim::jaro_winkler(name, known);
            alike(one).total_cmp(&alike(other))
        });
        let nearest = nearest.filter(|known| strsim::jaro_winkler(name, known) > 0.8);
        let hint = match nearest {
            Some(known) if by.starts_with("source_profile") => format!("did you mean {known}?").into(),
            Some(known) => format!("did you mean `--aws-profile {}`?", quoted(known)).into(),
            None => {
                let make = Command::aws("configure --profile").arg(name);
                let list = Hint::run(Command::aws("configure list-profiles").bare()).and(" shows those there are; ");
                list.and_run(make).and(" makes it")
            }
        };
        Error::new(
            Kind::Usage,
            format!("the AWS configuration has no profile {name}, which {by} names"),
        )
        .because(format!(
            "looked for in {}",
            files().map(|file| file.display().to_string()).join(" and ")
        ))
        .hint(hint)
    }

    /// How a session that the AWS CLI has signed in to is handed over.
    /// Source: the AWS CLI reference, configure export-credentials ("--format env").
    fn handed_over(&self) -> String {
        let again = match self.typed {
            true => "the same command without --aws-profile",
            false => "the same command again",
        };
        let profile = quoted(self.selected());
        format!("eval \"$(aws configure export-credentials --profile {profile} --format env)\", then {again}")
    }

    fn base(&self) -> Base {
        let Some(profile) = self.chain().last() else {
            return Base::Other;
        };
        let has = |property| profile.get(property).is_some();
        if has("sso_session") || has("sso_start_url") {
            Base::Sso
        } else if has("login_session") {
            Base::Login
        } else if has("credential_process") {
            Base::Process
        } else {
            Base::Other
        }
    }

    /// The error of a call with the way to sign in again, where credentials were what it lacked.
    pub fn explained(&self, mut error: Error) -> Error {
        // With a code AWS has answered; without one nothing was sent.
        if error.kind == Kind::Denied && error.code.is_none() {
            // The one at the end of the chain is signed in; `default` need not be said.
            let last = self.chain().last().map(Profile::name).filter(|name| *name != "default");
            let of_profile = |command: Command| match last {
                Some(name) => command.arg("--profile").arg(name),
                None => command,
            };
            match self.base() {
                Base::Sso => error.hint = Some(Hint::run(of_profile(Command::aws("sso login")))),
                Base::Login => error.hint = Some(Hint::run(of_profile(Command::aws("login")))),
                Base::Process => {
                    error.hint = Some("see why the profile's credential_process fails, or take another profile".into());
                }
                Base::Other => {}
            }
        }
        error
    }
}

/// AWS_REGION, else AWS_DEFAULT_REGION, as for the SDK; with the variable's name.
pub fn region_of_environment() -> Option<(String, String)> {
    ["AWS_REGION", "AWS_DEFAULT_REGION"].into_iter().find_map(|name| {
        let value = std::env::var(name).ok()?;
        (!value.is_empty()).then(|| (value, name.to_owned()))
    })
}

/// Keys of a profile that another one takes its credentials from come before all else in it (aws-config, profile/credentials).
fn has_own_keys(profile: &Profile) -> bool {
    profile.get("aws_access_key_id").is_some()
}

fn has_keys(env: &Env) -> bool {
    env.get("AWS_ACCESS_KEY_ID").is_ok_and(|key| !key.is_empty())
}

/// The bundle of authorities, and who names it: the variable comes before the profile, as for the AWS CLI.
fn bundle(env: &Env, profiles: &ProfileSet) -> Option<(PathBuf, String)> {
    let variable = env.get("AWS_CA_BUNDLE").ok().filter(|path| !path.is_empty());
    let of_variable = variable.map(|path| (path.into(), "AWS_CA_BUNDLE".to_owned()));
    of_variable.or_else(|| {
        let path = profiles.get("ca_bundle")?;
        Some((
            path.into(),
            format!("ca_bundle of the AWS profile {}", profiles.selected_profile()),
        ))
    })
}

/// The files of the AWS configuration.
pub fn files() -> [PathBuf; 2] {
    let home = std::env::home_dir().unwrap_or_default();
    [
        ("AWS_CONFIG_FILE", ".aws/config"),
        ("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials"),
    ]
    .map(|(variable, usual)| {
        let named = std::env::var_os(variable).filter(|path| !path.is_empty());
        named.map_or_else(|| home.join(usual), PathBuf::from)
    })
}

/// A file that is no AWS configuration. One written on Windows may begin with a byte order mark, which no AWS tool takes.
fn unreadable(error: &aws_config::profile::ProfileFileLoadError) -> Error {
    let begins_with_mark = |path: &&PathBuf| fs_err::read(path).is_ok_and(|bytes| bytes.starts_with(b"\xEF\xBB\xBF"));
    let mut explained = Error::new(Kind::Usage, "the AWS configuration cannot be read");
    explained.causes = super::errors::chain(Some(error)).into_iter().flat_map(lines).collect();
    match files().iter().find(begins_with_mark) {
        Some(path) => explained.hint(format!(
            "{} begins with a byte order mark: save it as UTF-8 without one",
            path.display()
        )),
        None => explained.hint(
            Hint::from("correct the file; ")
                .and_run(Command::aws("configure list"))
                .and(" reads it too"),
        ),
    }
}

fn lines(text: String) -> Vec<String> {
    text.lines().map(|line| line.trim().to_owned()).collect()
}

/// Where the credentials in use come from and how long they last, for people; `None` where they cannot be had.
pub async fn described(config: &SdkConfig) -> Option<String> {
    let credentials = config.credentials_provider()?.provide_credentials().await.ok()?;
    let features = credentials.get_property::<Vec<Feature>>().cloned().unwrap_or_default();
    let source = source(&features).unwrap_or("keys of their own");
    Some(match credentials.expiry() {
        None => format!("from {source}, without expiry"),
        Some(expiry) => format!("from {source}, {}", lasting(expiry)),
    })
}

/// The outermost that tells something: a role that is assumed, else how its keys came.
fn source(features: &[Feature]) -> Option<&'static str> {
    let table = [
        (Feature::CredentialsStsAssumeRole, "a role that the AWS profile assumes"),
        (
            Feature::CredentialsProfileStsWebIdToken,
            "a role assumed with a web identity token",
        ),
        (
            Feature::CredentialsEnvVarsStsWebIdToken,
            "a role assumed with a web identity token",
        ),
        (Feature::CredentialsSso, "a session of IAM Identity Center"),
        (Feature::CredentialsProfileLogin, "a session of `aws login`"),
        (Feature::CredentialsProcess, "the AWS profile's credential_process"),
        (Feature::CredentialsEnvVars, "environment variables"),
        (
            Feature::CredentialsHttp,
            "the container's or a local credentials endpoint",
        ),
        (Feature::CredentialsImds, "the instance's role"),
        (Feature::CredentialsProfile, "the AWS configuration"),
    ];
    let found = table.into_iter().find(|(feature, _)| features.contains(feature));
    found.map(|(_, text)| text)
}

fn lasting(expiry: SystemTime) -> String {
    match expiry.duration_since(SystemTime::now()) {
        Err(_) => "expired".to_owned(),
        Ok(left) => format!("for another {} min", left.as_secs() / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_told_before_what_it_was_assumed_with() {
        let features = [Feature::CredentialsProfile, Feature::CredentialsStsAssumeRole];
        assert_eq!(source(&features), Some("a role that the AWS profile assumes"));
        assert_eq!(source(&[]), None);
    }
}
