//! `policy`: what whoever runs confctl has to be allowed for this profile. Asks nobody.

use clap::Args;
use serde_json::json;

use crate::cli::Global;
use crate::engine::Error;
use crate::resources::Stack;
use crate::resources::policy::{self, MOST, Use};
use crate::session::profile_bundle;
use crate::session::selection::{choose, stack_name};
use crate::ui::{Summary, Ui};

#[derive(Debug, Clone, Args)]
pub(crate) struct PolicyArgs {
    /// For plan, status, list and doctor only
    #[arg(long)]
    pub read_only: bool,
}

pub(super) fn run(global: &Global, args: &PolicyArgs, ui: &Ui) -> Result<Summary, Error> {
    let chosen = choose(global)?;
    let account = global.account.clone().or_else(|| chosen.profile.account.clone());
    let region = chosen.profile.region.clone();
    let stack = Stack::new(stack_name(global)?, &region, chosen.profile, profile_bundle::unknown());
    let wanted = match args.read_only {
        true => Use::Reading,
        false => Use::Everything,
    };
    let policy = policy::policy(&stack, account.as_deref().unwrap_or("*"), wanted);
    let documents = policy.documents();
    ui.say(format!(
        "For {} in {region}, profile {}: attach {} and what follows",
        stack.name, chosen.name, policy.attach
    ));
    let mut summary = Summary::done();
    for (number, document) in documents.iter().enumerate() {
        let size = policy::characters(document);
        ui.say(format!(
            "document {} of {}: {size} of at most {MOST} characters",
            number + 1,
            documents.len()
        ));
        let text = serde_json::to_string_pretty(document);
        let text = text.map_err(|error| Error::failed("could not write the policy").caused_by(error))?;
        summary = summary.say(text);
    }
    summary.stack = Some(stack.name.to_string());
    Ok(summary
        .output("attach", json!([policy.attach]))
        .output("documents", documents))
}
