//! What commands begin with that are about all stacks of a region: which account and region, and what stacks are there.
//! Must know nothing of what a command then does.

use tokio_util::sync::CancellationToken;

use super::selection::{RegionFrom, choose, connect, stack_name};
use super::{not_up, target, unless_stopped};
use crate::aws::Aws;
use crate::cli::Global;
use crate::engine::{Command, Error, Hint};
use crate::profile::StackName;
use crate::resources::all_stacks::{self, AllStacks};
use crate::ui::{Heading, Ui, signals};

/// The region that the command line means.
pub(crate) struct Region {
    pub aws: Aws,
    /// Cancelled by the first signal.
    pub stop: CancellationToken,
    /// The one stack that is asked about.
    only: Option<StackName>,
    region_from: RegionFrom,
}

impl Region {
    pub(crate) async fn open(global: &Global, ui: &Ui) -> Result<Self, Error> {
        let stop = CancellationToken::new();
        signals::listen(ui, stop.clone());
        let only = global.name.as_ref().map(|_| stack_name(global)).transpose()?;
        let mut chosen = choose(global)?;
        let target = target(global, ui).await?;
        let connected = unless_stopped(&stop, connect(&target, global, &mut chosen)).await?;
        Ok(Self {
            aws: connected.read,
            stop,
            only,
            region_from: chosen.region_from,
        })
    }

    /// Which stacks there are, and what may have been missed.
    ///
    /// # Errors
    /// Where AWS does not answer, or the one stack that is asked about is not there.
    pub(crate) async fn stacks(&self, ui: &Ui) -> Result<AllStacks, Error> {
        let found = all_stacks::find(&self.aws, self.only.as_ref());
        let found = unless_stopped(&self.stop, found).await?;
        if let Some(error) = &found.missed {
            let way_out = Hint::from("see docs/permissions.md; ").and_run(Command::confctl("doctor"));
            ui.notice(
                &format!("stacks may be missing here: {}", error.in_a_line()),
                Some(error.hint.clone().unwrap_or(way_out)),
            );
        }
        match &self.only {
            Some(stack) if found.stacks.is_empty() && found.missed.is_none() => Err(not_up(stack)),
            _ => Ok(found),
        }
    }

    /// For people.
    pub(crate) fn place(&self) -> String {
        let heading = Heading {
            account: self.aws.account.clone(),
            region: self.aws.region.clone(),
            region_from: match &self.region_from {
                RegionFrom::Aws(from) => Some(from.clone()),
                _ => None,
            },
            endpoint: self.aws.endpoint.clone(),
            stack: String::new(),
            profile: String::new(),
        };
        heading.place()
    }
}
