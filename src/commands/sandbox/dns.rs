//! `sandbox dns …`: what the owner of a domain does at a DNS provider that is not AWS.
//! Must know nothing of stacks, and nothing of Route 53: its records are set there.

use clap::Subcommand;
use serde_json::{Value, json};

use crate::engine::Error;
use crate::local_aws::{request, running};
use crate::ui::{Summary, Ui};

#[derive(Debug, Subcommand)]
pub(crate) enum DnsCommand {
    /// Set a CNAME
    Set {
        /// The name that it is for
        name: String,
        /// The name that it leads to
        value: String,
    },
    /// Take a CNAME away
    Remove {
        /// The name that it is for
        name: String,
    },
    /// Which CNAMEs are set
    List,
}

pub(super) fn run(command: &DnsCommand, ui: &Ui) -> Result<Summary, Error> {
    let info = running()?;
    let escaped =
        |text: &str| percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string();
    let records = match command {
        DnsCommand::Set { name, value } => {
            let query = format!("names?name={}&value={}", escaped(name), escaped(value));
            request(&info, "POST", &query, "")?
        }
        DnsCommand::Remove { name } => request(&info, "DELETE", &format!("names?name={}", escaped(name)), "")?,
        DnsCommand::List => request(&info, "GET", "names", "")?,
    };
    ui.answer("dns", &lines(&records), json!({ "records": records }));
    Ok(Summary::done())
}

fn lines(records: &Value) -> String {
    let all = records.as_object().into_iter().flatten();
    let all = all.map(|(name, value)| format!("{name} CNAME {}", value.as_str().unwrap_or_default()));
    all.collect::<Vec<_>>().join("\n")
}
