//! `explain`: what an exit code, a kind of error, an error of AWS's, a resource or a key of the profile is about.
//! Says only what stands in the tables that the code itself goes by.

use std::sync::Arc;

use clap::Args;
use serde_json::json;

use crate::aws::Aws;
use crate::aws::errors::known;
use crate::aws::texts::KnownError;
use crate::cli::Global;
use crate::engine::{Action, Command, Error, Graph, Hint, Kind, Member, Pace};
use crate::exit::Exit;
use crate::profile::{KEYS, Profile, StackName, nearest_word};
use crate::resources::{self, Stack};
use crate::session::profile_bundle::labelled;
use crate::session::selection::{choose, stack_name};
use crate::session::usual::usual;
use crate::ui::{Summary, Ui};

#[derive(Debug, Clone, Args)]
pub(crate) struct ExplainArgs {
    /// An exit code, a kind of error, a code or sentence of AWS's, a resource, a key of the profile, or an option of Beanstalk's; what
    /// there is by default
    #[arg(value_name = "CODE|RESOURCE|KEY")]
    pub topic: Vec<String>,
}

/// What there is to say about something.
struct Explained {
    /// What kind of thing it is.
    is: &'static str,
    /// The first one says it, the others go into it.
    lines: Vec<String>,
}

impl Explained {
    fn new(is: &'static str, first: String) -> Self {
        Self { is, lines: vec![first] }
    }

    fn say(&mut self, line: impl AsRef<str>) {
        self.lines.push(format!("  {}", line.as_ref()));
    }
}

pub(super) fn run(global: &Global, args: &ExplainArgs, ui: &Ui) -> Result<Summary, Error> {
    if args.topic.is_empty() {
        return all(global);
    }
    // A sentence of AWS's need not be quoted.
    let topic = &args.topic.join(" ");
    let explained = exit_code(topic)
        .or_else(|| kind(topic))
        .or_else(|| key(topic))
        .or_else(|| option(topic))
        .or_else(|| of_aws(topic, ui));
    let explained = match explained {
        Some(explained) => Some(explained),
        None => resource(global, topic)?,
    };
    let Some(explained) = explained else {
        return Err(unknown(topic)?);
    };
    let mut summary = Summary::done()
        .output("topic", topic.clone())
        .output("is", explained.is)
        .output("text", explained.lines.clone());
    for line in explained.lines {
        summary = summary.say(line);
    }
    Ok(summary)
}

fn unknown(topic: &str) -> Result<Error, Error> {
    let topics = topics()?;
    let names = topics.iter().flat_map(|(_, names)| names);
    let mut names: Vec<&str> = names.map(String::as_str).collect();
    resources::option_names().for_each(|name| names.push(name));
    let lists = Hint::run("explain").and(" lists what can be explained");
    let hint = match nearest_word(topic, names) {
        Some(nearest) => Hint::from("did you mean ")
            .and_run(Command::confctl("explain").arg(nearest))
            .and("? ")
            .and_hint(lists),
        None => lists,
    };
    Ok(Error::new(Kind::Usage, format!("nothing is called `{topic}` here")).hint(hint))
}

/// The names of everything that can be explained, for completions too.
pub(super) fn topics() -> Result<Vec<(&'static str, Vec<String>)>, Error> {
    let mut of_aws: Vec<String> = known().map(|row| row.code.to_owned()).collect();
    of_aws.retain(|code| code != "*");
    of_aws.sort();
    of_aws.dedup();
    Ok(vec![
        (
            "exit codes",
            Exit::ALL.iter().map(|exit| (*exit as u8).to_string()).collect(),
        ),
        ("kinds of errors", Kind::ALL.iter().map(|kind| word(*kind)).collect()),
        ("resources", resource_ids()?),
        ("errors of AWS's", of_aws),
        (
            "keys of the profile",
            KEYS.iter().map(|key| key.path.to_owned()).collect(),
        ),
    ])
}

/// The ids of all resources that there are.
pub(super) fn resource_ids() -> Result<Vec<String>, Error> {
    let graph = graph_of(StackName::default(), resources::found::of_every_kind())?;
    Ok(graph.nodes().iter().map(|node| node.id().to_owned()).collect())
}

fn all(global: &Global) -> Result<Summary, Error> {
    // A profile that cannot be read is told here as well.
    choose(global)?;
    let mut summary = Summary::done();
    for (what, names) in topics()? {
        summary = summary.say(format!("{what}: {}", names.join(", ")));
        summary = summary.output(&what.replace([' ', '\''], "_"), names);
    }
    Ok(summary)
}

fn exit_code(topic: &str) -> Option<Explained> {
    let code: u8 = topic.parse().ok()?;
    let exit = Exit::ALL.iter().copied().find(|exit| *exit as u8 == code)?;
    let mut explained = Explained::new("exit code", format!("exit code {code}: {}", exit.about()));
    let kinds = kinds_of(exit);
    if !kinds.is_empty() {
        explained.say(format!("errors of these kinds end so: {}", kinds.join(", ")));
    }
    Some(explained)
}

/// The kinds of errors that end with it.
fn kinds_of(exit: Exit) -> Vec<String> {
    let kinds = Kind::ALL.iter().filter(|kind| Exit::from(**kind) == exit);
    kinds.map(|kind| word(*kind)).collect()
}

fn kind(topic: &str) -> Option<Explained> {
    let topic = topic.to_ascii_lowercase().replace('-', "_");
    let kind = Kind::ALL.iter().copied().find(|kind| word(*kind) == topic)?;
    let mut explained = Explained::new("kind of error", format!("error of the kind {topic}: {}", kind.about()));
    explained.say(ends(kind));
    let rows: Vec<_> = known().filter(|row| row.kind == kind).collect();
    let mut codes: Vec<_> = rows.iter().map(|row| row.code).filter(|code| *code != "*").collect();
    codes.sort_unstable();
    codes.dedup();
    if !codes.is_empty() {
        explained.say(format!("of AWS's errors: {}", codes.join(", ")));
    }
    for row in rows.iter().filter(|row| !row.contains.is_empty()) {
        explained.say(format!("and where AWS says “{}”", row.contains));
    }
    Some(explained)
}

fn ends(kind: Kind) -> String {
    let exit = Exit::from(kind);
    format!("exit code {}: {}", exit as u8, exit.about())
}

/// As JSON has it.
fn word(kind: Kind) -> String {
    json!(kind).as_str().unwrap_or_default().to_owned()
}

fn key(topic: &str) -> Option<Explained> {
    let key = KEYS.iter().find(|key| key.path == topic)?;
    let mut explained = Explained::new("key of the profile", format!("{}: {}", key.path, key.about));
    explained.say(format!("allowed: {}", key.allowed()));
    match (key.unset, key.default()) {
        (Some(unset), _) => explained.say(format!("where it is not set: {unset}")),
        (None, Some(default)) => explained.say(format!("default: {default}")),
        (None, None) => {}
    }
    if let Some(with) = key.with {
        explained.say(format!("counts with {} only", with.as_str()));
    }
    explained.say(format!("a change of it: {}", key.changes));
    Some(explained)
}

/// What a plan shows by Beanstalk's name.
fn option(topic: &str) -> Option<Explained> {
    let (name, path) = resources::key_of_option(topic)?;
    let mut explained = Explained::new(
        "option of the environment",
        format!("{name}: an option of the environment, by Beanstalk's own name; in the profile it is {path}"),
    );
    for line in key(path)?.lines {
        explained.say(line);
    }
    Some(explained)
}

/// By AWS's code, else by a sentence of AWS's or a part of one.
fn of_aws(topic: &str, ui: &Ui) -> Option<Explained> {
    let by_code: Vec<_> = known().filter(|row| row.code.eq_ignore_ascii_case(topic)).collect();
    let rows = match by_code.is_empty() {
        false => by_code,
        true => known().filter(|row| is_said(row, topic)).collect(),
    };
    let lines: Vec<_> = rows.iter().flat_map(|row| told(row, ui)).collect();
    let is = "error of AWS's";
    (!lines.is_empty()).then_some(Explained { is, lines })
}

/// One word could be of anything.
fn is_said(row: &KnownError, topic: &str) -> bool {
    let some = |text: &str| text.contains(' ');
    some(row.contains) && some(topic) && (topic.contains(row.contains) || row.contains.contains(topic))
}

fn told(row: &KnownError, ui: &Ui) -> Vec<String> {
    let what = match (row.code, row.contains) {
        ("*", sentence) => format!("“{sentence}”"),
        (code, "") => code.to_owned(),
        (code, sentence) => format!("{code} with “{sentence}”"),
    };
    let first = format!("{what}: error of the kind {}. {}", word(row.kind), row.kind.about());
    let mut lines = vec![first, format!("  {}", ends(row.kind))];
    lines.extend(row.hint.map(|hint| format!("  what to do: {}", ui.shown(&hint()))));
    lines
}

/// The resource as it is in this profile, else as it would be in one that has all.
fn resource(global: &Global, topic: &str) -> Result<Option<Explained>, Error> {
    let chosen = choose(global)?;
    let stack = stack_name(global)?;
    let ours = graph_of(stack.clone(), chosen.profile)?;
    let all = graph_of(stack, resources::found::of_every_kind())?;
    let of = |graph: &'_ Graph<Aws>| graph.nodes().iter().find(|node| node.id() == topic).cloned();
    let (graph, node, is_wanted) = match (of(&ours), of(&all)) {
        (Some(node), _) => (&ours, node, true),
        (None, Some(node)) => (&all, node, false),
        (None, None) => return Ok(None),
    };
    let mut explained = Explained::new("resource", format!("{}: {}", node.id(), node.title()));
    if !is_wanted {
        explained.say(format!("not in the profile {}", chosen.name));
    }
    edges(&mut explained, graph, &node);
    times(&mut explained, &node);
    if node.costs().is_some() {
        explained.say("costs money while it exists, used or not");
    }
    if node.holds_data() {
        explained.say("holds what people entrusted to it: `up` never removes it, `teardown` only with --delete-data once somebody is in it");
    }
    Ok(Some(explained))
}

/// What it waits for, and who waits for it.
fn edges(explained: &mut Explained, graph: &Graph<Aws>, node: &Member<Aws>) {
    for need in node.needs() {
        let giver = graph.nodes().iter().find(|giver| giver.gives().contains(&need));
        if let Some(giver) = giver {
            explained.say(format!("needs {need}, of {}", giver.id()));
        }
    }
    for gives in node.gives() {
        let users = graph.nodes().iter().filter(|user| user.needs().contains(&gives));
        let users: Vec<_> = users.map(|user| user.id()).collect();
        match users.is_empty() {
            true => explained.say(format!("gives {gives}")),
            false => explained.say(format!("gives {gives}, to {}", users.join(", "))),
        }
    }
}

fn times(explained: &mut Explained, node: &Member<Aws>) {
    let usual = usual(Pace::AWS);
    let steps = [
        ("made", Action::Create),
        ("changed", Action::Update),
        ("removed", Action::Delete),
    ];
    let took = steps.iter().filter_map(|(word, action)| {
        let seconds = usual.get(node.id(), *action, None)?;
        Some(format!("{word} in {seconds:.0} s"))
    });
    let took: Vec<_> = took.collect();
    if !took.is_empty() {
        explained.say(format!("usually {}", took.join(", ")));
    }
    let limits = node.limits();
    explained.say(format!(
        "a step says that it is late after {} min, and is given up after {} min",
        limits.warn_after.as_secs() / 60,
        limits.give_up_after.as_secs() / 60
    ));
}

fn graph_of(stack: StackName, profile: Profile) -> Result<Graph<Aws>, Error> {
    let region = profile.region.clone();
    resources::graph(&Arc::new(Stack::new(stack, &region, profile, labelled(None))))
}

#[cfg(test)]
mod tests;
