//! `sandbox fault …`: has things go wrong in the local AWS, and takes that back.
//! Must know nothing of what AWS answers then; the sandbox does.

use clap::{Args, Subcommand};
use confctl_sandbox::{Fault, FaultKind, When};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::engine::{Error, Hint, Kind};
use crate::local_aws::{ask, request, running};
use crate::ui::{Summary, Ui};

#[derive(Debug, Clone, Subcommand)]
pub(crate) enum FaultCommand {
    /// Have requests go wrong: confctl sandbox fault add iam:CreateRole --kind throttle --nth 1
    Add(Wanted),
    /// Every fault that is set, and what it has hit
    List,
    /// Take one away, or all; what it holds goes on
    Clear {
        /// Its number; all of them by default
        id: Option<u64>,
    },
    /// Let the requests go on that it holds
    Release {
        /// Its number
        id: u64,
    },
    /// Another customer takes a CNAME prefix of Beanstalk's, which is one namespace for all
    TakeCname(CnamePrefix),
    /// The other customer gives it up
    FreeCname(CnamePrefix),
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Wanted {
    /// SERVICE:OPERATION, both with `*` and `?`; of s3 also :BUCKET/KEY, as in s3:PutObject:*/journal*
    #[arg(value_name = "WHAT")]
    pub hits: String,

    /// throttle, error, cut-before, cut-after, truncate, delay, hold or deny
    #[arg(long)]
    pub kind: FaultKind,

    /// Only the N-th of these requests from now
    #[arg(long, value_name = "N")]
    pub nth: Option<u64>,

    /// Each with this probability, 0 to 1
    #[arg(long, value_name = "P")]
    pub probability: Option<f64>,

    /// What chance is made of: the same seed hits the same requests
    #[arg(long, value_name = "S")]
    pub seed: Option<u64>,

    /// At most so many
    #[arg(long, value_name = "K")]
    pub times: Option<u64>,

    /// Of a throttle: so many a second of real time pass, and those above are hit
    #[arg(long, value_name = "N")]
    pub above: Option<f64>,

    /// How long a delay is, in seconds of real time
    #[arg(long, value_name = "SECONDS")]
    pub after: Option<f64>,

    /// Whether a request is held before it is done, or after, with its answer
    #[arg(long, value_name = "before|after")]
    pub when: Option<When>,

    /// Of an error: 500 or 503
    #[arg(long, value_name = "STATUS")]
    pub status: Option<u16>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct CnamePrefix {
    /// The prefix; with `*` at its end, all that begin so
    pub prefix: String,
}

pub(super) fn run(command: &FaultCommand, region: Option<&str>, ui: &Ui) -> Result<Summary, Error> {
    match command {
        FaultCommand::Add(wanted) => add(wanted),
        FaultCommand::List => {
            let faults = ask(&running()?, "faults")?;
            ui.answer("faults", &listed(&faults), json!({ "faults": faults }));
            Ok(Summary::done())
        }
        FaultCommand::Clear { id } => {
            let path = id.map_or("faults".to_owned(), |id| format!("faults?id={id}"));
            let cleared = request(&running()?, "DELETE", &path, "")?;
            let count = cleared.as_array().map_or(0, Vec::len);
            let said = match count {
                0 => "No fault was set.".to_owned(),
                1 => "Its fault is taken away.".to_owned(),
                more => format!("{more} faults are taken away."),
            };
            Ok(Summary::done().output("cleared", cleared).say(said))
        }
        FaultCommand::Release { id } => {
            let answer = request(&running()?, "DELETE", &format!("held?id={id}"), "")?;
            let count = answer["released"].as_u64().unwrap_or_default();
            let said = match count {
                0 => format!("Fault {id} holds nothing."),
                1 => "1 request goes on.".to_owned(),
                more => format!("{more} requests go on."),
            };
            Ok(Summary::done().output("released", count).say(said))
        }
        FaultCommand::TakeCname(taken) => cname("POST", &taken.prefix, region, "is another customer's now"),
        FaultCommand::FreeCname(freed) => cname("DELETE", &freed.prefix, region, "is free again"),
    }
}

fn add(wanted: &Wanted) -> Result<Summary, Error> {
    let fault = Fault {
        hits: wanted.hits.clone(),
        kind: wanted.kind,
        nth: wanted.nth,
        probability: wanted.probability,
        seed: wanted.seed,
        times: wanted.times,
        above: wanted.above,
        after: wanted.after,
        status: wanted.status,
        when: wanted.when,
    };
    fault.check().map_err(|reason| {
        Error::new(Kind::Usage, "that fault cannot be set")
            .because(reason.to_string())
            .hint(Hint::run("sandbox fault add --help"))
    })?;
    let body = serde_json::to_string(&fault).map_err(|error| Error::failed("the fault").caused_by(error))?;
    let added = request(&running()?, "POST", "faults", &body)?;
    let said = format!("Fault {}: {}", added["id"], described(&added));
    Ok(Summary::done().output("fault", added).say(said))
}

fn cname(method: &str, prefix: &str, region: Option<&str>, then: &str) -> Result<Summary, Error> {
    let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let info = running()?;
    let region = region.unwrap_or(&info.region);
    let path = format!("taken-cnames?prefix={}&region={}", encoded(prefix), encoded(region));
    let taken = request(&info, method, &path, "")?;
    Ok(Summary::done().output("taken", taken).say(format!("{prefix} {then}.")))
}

fn listed(faults: &Value) -> String {
    let lines: Vec<_> = faults.as_array().into_iter().flatten().map(line).collect();
    match lines.is_empty() {
        true => "No fault is set.".to_owned(),
        false => lines.join("\n"),
    }
}

fn line(fault: &Value) -> String {
    let held = fault["held"].as_array().map_or(0, Vec::len);
    let holds = match held {
        0 => String::new(),
        count => format!(", holds {count}"),
    };
    format!(
        "{}  {}: hit {} of {}{holds}",
        fault["id"],
        described(fault),
        fault["hit"],
        fault["met"]
    )
}

/// `throttle iam:CreateRole --nth 1`: as it would be typed.
fn described(fault: &Value) -> String {
    let text = |name: &str| fault[name].as_str().unwrap_or_default();
    let mut said = format!("{} {}", text("kind"), text("hits"));
    for name in [
        "nth",
        "probability",
        "seed",
        "times",
        "above",
        "after",
        "when",
        "status",
    ] {
        match &fault[name] {
            Value::Null => {}
            Value::String(word) => said.push_str(&format!(" --{name} {word}")),
            number => said.push_str(&format!(" --{name} {number}")),
        }
    }
    said
}
