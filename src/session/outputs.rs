//! Names and addresses of what is up, for programs and for people.
//! Must know nothing of what was done.

use serde_json::{Value, json};

use super::{Look, Session, not_up};
use crate::engine::{Error, Owner, Values};
use crate::resources::outputs::{
    ALIASES, CERTIFICATE, DISTRIBUTION, ENVIRONMENT, EXPIRY, SCALED, SHOWN_INSTEAD, Scaled,
};
use crate::ui::Summary;

impl Session {
    /// The values that the stack gives as it is.
    pub(crate) fn values(&self, look: &Look) -> Values {
        let mut values = Values::default();
        for node in self.graph.nodes() {
            node.publish(&look.seen.of(node.id()), &mut values);
        }
        values
    }

    /// Where people go: the site's own name, else the edge, or the environment where there is none.
    pub(crate) fn site_url(&self, look: &Look) -> Result<String, Error> {
        let values = self.values(look);
        let public = &self.read.public;
        let edge = values.get(&DISTRIBUTION).map(|edge| public.edge(&edge.domain));
        let environment = values.get(&ENVIRONMENT);
        let environment = environment.map(|environment| public.origin(&environment.cname));
        self.own_url(&values)
            .or(edge)
            .or(environment)
            .ok_or_else(|| not_up(&look.stack))
    }

    /// The site at its own name, once every edge location answers for it.
    fn own_url(&self, values: &Values) -> Option<String> {
        let names = self.stack.profile.site_names();
        let name = names.first().filter(|_| values.get(&ALIASES).is_some())?;
        Some(self.read.public.named(name))
    }

    /// The records by which the site's own names lead to the edge, where they are not Route 53's of this account: a line each.
    pub(crate) fn own_records(&self, look: &Look) -> Vec<String> {
        let names = self.stack.profile.site_names().into_iter();
        match (look.seen.owner("domain-records"), self.values(look).get(&ALIASES)) {
            (Some(Owner::Nobody), Some(edge)) => names.map(|name| format!("{name} CNAME {}", edge.domain)).collect(),
            _ => Vec::new(),
        }
    }
}

/// A pre-scale, for programs.
pub(crate) fn scale_value(scaled: &Scaled) -> Value {
    let time = |time: Option<jiff::Timestamp>| time.map(|time| time.to_string());
    let asked = &scaled.asked;
    json!({
        "stage": scaled.stage.as_str(),
        "min": asked.bounds.min,
        "max": asked.bounds.max,
        "from": time(asked.from),
        "until": time(asked.until),
        "capacity_units": asked.units,
        "cpu_credits": scaled.credits,
        "reserved": scaled.reserved.as_ref().map(|(units, state)| json!({"capacity_units": units, "state": state})),
    })
}

/// Names and addresses of what is up, for programs and for people.
pub(crate) fn with_outputs(mut summary: Summary, session: &Session, look: &Look) -> Summary {
    summary.stack = Some(session.stack.name.to_string());
    let public = &session.read.public;
    let values = session.values(look);
    let mut site = None;
    let mut out = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            summary.outputs.insert(name.to_owned(), Value::String(value));
        }
    };
    out("table", Some(session.stack.names.table.clone()));
    let environment = values.get(&ENVIRONMENT);
    // What runs, which need not be what the profile means: one that was rolled back is not deployed again.
    let label = environment.as_ref().and_then(|environment| environment.version.clone());
    let label = label.unwrap_or_else(|| session.stack.bundle.label.clone());
    out("application_version", Some(label).filter(|label| !label.is_empty()));
    out("expires", values.get(&EXPIRY));
    out("maintenance_since", values.get(&SHOWN_INSTEAD).flatten());
    if let Some(environment) = environment {
        let url = public.origin(&environment.cname);
        out("environment_id", Some(environment.id));
        out("environment_cname", Some(environment.cname));
        out("load_balancer_dns", environment.load_balancer);
        out("environment_url", Some(url.clone()));
        site = Some(url);
    }
    if let Some(distribution) = values.get(&DISTRIBUTION) {
        site = Some(public.edge(&distribution.domain));
        out("distribution_id", Some(distribution.id));
        out("distribution_domain", Some(distribution.domain));
    }
    out("certificate_arn", values.get(&CERTIFICATE));
    let records = session.own_records(look);
    out(
        "dns_records",
        Some(records.join(", ")).filter(|records| !records.is_empty()),
    );
    site = session.own_url(&values).or(site);
    out("site_url", site.clone());
    if let Some(scaled) = values.get(&SCALED) {
        summary.outputs.insert("scale".to_owned(), scale_value(&scaled));
    }
    match site {
        Some(site) => summary.say(format!("Site: {site}")),
        None => summary,
    }
}
