//! Why there is no bundle, and the way out.
//! Prints nothing.

use std::fmt::Write;
use std::path::PathBuf;

use super::check::Finding;
use confctl_profile::Architecture;

/// Why something cannot become a bundle.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// Nothing is there.
    #[error("there is no bundle at {}", .path.display())]
    NotFound { path: PathBuf },
    /// The app that comes with confctl, of which this program has neither sources nor bundle.
    #[error("this confctl comes without the app for {architecture}")]
    NoApp { architecture: Architecture },
    /// Something is there that is none.
    #[error(
        "{} is neither a Cargo package, nor a folder with anything in it, nor a zip",
        .path.display()
    )]
    NotABundle { path: PathBuf },
    /// Not what this program was released with.
    #[error("{} is not the bundle that this confctl was released with", .path.display())]
    NotOfTheRelease { path: PathBuf },
    /// A file that cannot be used.
    #[error("{}: {reason}", .path.display())]
    Manifest { path: PathBuf, reason: String },
    /// A program that is needed cannot be run.
    #[error("cannot run `{program}`, which builds the app")]
    Tool { program: String, source: std::io::Error },
    /// rustc or cargo ended in an error; `output` is the end of what it wrote.
    #[error("`{command}` failed:\n{output}")]
    Build { command: String, output: String },
    /// Cancelled before it was built.
    #[error("stopped while the app was being built")]
    Stopped,
    /// The package has to be compiled for another processor or system than this one, and something for that is missing.
    #[error("{package} is built here, on {host}, for Linux on {wanted} only by cargo-zigbuild: {} missing", .missing.join(" and "))]
    OtherArchitecture {
        package: String,
        host: String,
        wanted: Architecture,
        /// What has to be installed, in the order of `install`.
        missing: Vec<String>,
        install: Vec<String>,
    },
    /// Beanstalk would not run it. Never empty.
    #[error("Beanstalk cannot run {bundle}:{}", listed(.flaws))]
    Unfit { bundle: String, flaws: Vec<Finding> },
    /// The zip cannot be read or written.
    #[error("{}: not a readable zip", .path.display())]
    Zip {
        path: PathBuf,
        source: zip::result::ZipError,
    },
    /// The zip has no place to go.
    #[error("there is no room for the bundle in {}", .directory.display())]
    NoRoom { directory: PathBuf, source: std::io::Error },
    /// A file cannot be read or written; the message names it.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl BundleError {
    /// What to do about it, where the message does not say so itself.
    pub fn hint(&self) -> Option<String> {
        const PREBUILT: &str = "or set `app.bundle` to a folder or zip that holds a Procfile and the built program";
        match self {
            Self::NotFound { .. } | Self::NotABundle { .. } => {
                Some("set `app.bundle` to a Cargo package, or to a folder or zip that holds a Procfile".into())
            }
            Self::NoApp { architecture } => Some(format!(
                "set `app.bundle` to its checkout or to a zip, or take a release that has bundle-{architecture}.zip"
            )),
            Self::NotOfTheRelease { .. } => {
                Some("unpack the release's archive again, or name another bundle by `app.bundle`".into())
            }
            Self::Tool { .. } => Some(format!("install Rust (https://rustup.rs), {PREBUILT}")),
            Self::OtherArchitecture { install, .. } => Some(format!("{}, {PREBUILT}", install.join(" && "))),
            Self::NoRoom { .. } => Some("let XDG_CACHE_HOME name a folder that can be written".into()),
            Self::Unfit { .. } => Some("--no-check goes on all the same".into()),
            Self::Stopped | Self::Manifest { .. } | Self::Build { .. } | Self::Zip { .. } | Self::Io(_) => None,
        }
    }
}

fn listed(flaws: &[Finding]) -> String {
    flaws.iter().fold(String::new(), |mut text, flaw| {
        let _ = write!(text, "\n  {flaw}");
        text
    })
}
