//! Why there is no bundle, and the way out.
//! Prints nothing.

use std::fmt::Write;
use std::path::PathBuf;

use super::check::Flaw;
use crate::profile::Architecture;

/// Why something cannot become a bundle.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// Nothing is there.
    #[error("there is no bundle at {}", .path.display())]
    NotFound { path: PathBuf },
    /// Something is there that is none.
    #[error("{} is neither a Cargo package, nor a folder with a Procfile, nor a zip", .path.display())]
    NotABundle { path: PathBuf },
    /// A Cargo.toml that cannot be used.
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
    /// The package would have to be compiled for another processor or system than this one.
    #[error("{package} would be built for {host}, but the instances are Linux on {wanted}")]
    OtherArchitecture {
        package: String,
        host: String,
        wanted: Architecture,
    },
    /// Beanstalk would not run it. Never empty.
    #[error("Beanstalk cannot run {bundle}:{}", listed(.flaws))]
    Unfit { bundle: String, flaws: Vec<Flaw> },
    /// The zip cannot be read or written.
    #[error("{}: not a readable zip", .path.display())]
    Zip {
        path: PathBuf,
        source: zip::result::ZipError,
    },
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
            Self::Tool { .. } => Some(format!("install Rust (https://rustup.rs), {PREBUILT}")),
            Self::OtherArchitecture { wanted, .. } => {
                let target = match wanted {
                    Architecture::X86_64 => "x86_64-unknown-linux-gnu",
                    Architecture::Arm64 => "aarch64-unknown-linux-gnu",
                };
                Some(format!(
                    "build it with `cargo zigbuild --release --target {target}.2.34`, put the program and the \
                              Procfile in a folder, and set `app.bundle` to that folder"
                ))
            }
            Self::Stopped
            | Self::Manifest { .. }
            | Self::Build { .. }
            | Self::Unfit { .. }
            | Self::Zip { .. }
            | Self::Io(_) => None,
        }
    }
}

fn listed(flaws: &[Flaw]) -> String {
    flaws.iter().fold(String::new(), |mut text, flaw| {
        let _ = write!(text, "\n  {flaw}");
        text
    })
}
