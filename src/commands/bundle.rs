//! `bundle`: builds and checks what Beanstalk would run, and says where it is. Needs no AWS.

use clap::Args;
use confctl_bundle::Instances;
use tokio_util::sync::CancellationToken;

use crate::cli::Global;
use crate::engine::Error;
use crate::session::profile_bundle::{bundle_error, instances, source, tell};
use crate::session::selection::choose;
use crate::ui::{Flag, Summary, Ui, signals};

#[derive(Debug, Clone, Default, Args)]
pub(crate) struct BundleArgs {
    /// Take it although the check says that Beanstalk cannot run it
    #[arg(long)]
    pub no_check: bool,

    /// Compile the app as releases carry it: smaller and faster, after minutes; deploy it by app.bundle=ZIP
    #[arg(long)]
    pub release: bool,
}

impl BundleArgs {
    pub(super) fn repeated(&self) -> Vec<Flag> {
        self.no_check.then(Flag::no_check).into_iter().collect()
    }
}

pub(super) fn run(global: &Global, args: &BundleArgs, ui: &Ui) -> Result<Summary, Error> {
    let chosen = choose(global)?;
    let source = source(&chosen.profile)?;
    let instances = Instances {
        release: args.release,
        ..instances(&chosen.profile, args.no_check)
    };
    let stop = CancellationToken::new();
    signals::listen(ui, stop.clone());
    let mut progress = |text: &str| ui.say(format!("  {text}"));
    let built = confctl_bundle::build(&source, &instances, &stop, &mut progress).map_err(bundle_error)?;
    tell(ui, &built.notes);
    let label = chosen.profile.app.version_label.unwrap_or(built.version_label);
    Ok(Summary::done()
        .output("bundle", built.path.display().to_string())
        .output("sha256", built.sha256.clone())
        .output("version_label", label.clone())
        .output("bytes", built.size)
        .say(format!("{} ({:.1} MB)", built.path.display(), built.size as f64 / 1e6))
        .say(format!("sha256 {}", built.sha256))
        .say(format!("version {label}")))
}
