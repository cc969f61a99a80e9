//! `profile schema`: the JSON Schema of a profile, or that of the lines of `-o json`.

use clap::Args;

use crate::engine::Error;
use crate::profile::json_schema;
use crate::ui::{Summary, Ui, event_schema};

#[derive(Debug, Clone, Args)]
pub(crate) struct SchemaArgs {
    /// Of what `-o json` prints, a line at a time
    #[arg(long)]
    pub events: bool,
}

pub(super) fn run(args: &SchemaArgs, ui: &Ui) -> Result<Summary, Error> {
    let schema = match args.events {
        true => event_schema(),
        false => json_schema(),
    };
    let text = serde_json::to_string_pretty(&schema);
    let text = text.map_err(|error| Error::failed("could not write the schema").caused_by(error))?;
    ui.result(&text);
    Ok(Summary::done().output("schema", schema))
}
