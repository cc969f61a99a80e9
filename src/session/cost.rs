//! About what a stack costs: a dated table of list prices, so that the first place where a user sees them is not the invoice.

use crate::profile::Profile;
use crate::ui::Cost;

/// US dollars an hour in us-east-1, on demand.
const INSTANCE_HOURS: &[(&str, f64)] = &[
    ("t3.nano", 0.0052),
    ("t3.micro", 0.0104),
    ("t3.small", 0.0208),
    ("t3.medium", 0.0416),
    ("t3.large", 0.0832),
    ("t4g.micro", 0.0084),
    ("t4g.small", 0.0168),
    ("m7i-flex.large", 0.0958),
    ("c7i-flex.large", 0.0848),
];
const LOAD_BALANCER_HOUR: f64 = 0.0225;
/// Each address, in use or not, since February 2024.
const PUBLIC_ADDRESS_HOUR: f64 = 0.005;
const VOLUME_GIB_MONTH: f64 = 0.08;
/// The web ACL itself and each of its rules, a managed group counting as one.
const WEB_ACL_MONTH: f64 = 5.0;
const WEB_ACL_RULE_MONTH: f64 = 1.0;
const WEB_ACL_MILLION: f64 = 0.60;
const EDGE_MILLION: f64 = 1.00;
const WRITES_MILLION: f64 = 0.625;
const HOURS_A_MONTH: f64 = 730.0;

/// Dollars an hour of one more instance, where the price of its type is known.
pub(crate) fn of_instance(profile: &Profile) -> Option<f64> {
    Some(type_hour(profile)? + beside_it_hour(profile))
}

fn wanted_type(profile: &Profile) -> &str {
    profile.instance.types.first().map(String::as_str).unwrap_or_default()
}

fn type_hour(profile: &Profile) -> Option<f64> {
    let wanted = wanted_type(profile);
    let (_, price) = INSTANCE_HOURS.iter().find(|(name, _)| *name == wanted)?;
    Some(*price)
}

/// What each instance has beside it: its volume, and its address where that is public.
fn beside_it_hour(profile: &Profile) -> f64 {
    let volume = f64::from(profile.instance.root_volume_size.unwrap_or(8)) * VOLUME_GIB_MONTH / HOURS_A_MONTH;
    match profile.network.public_ip {
        true => volume + PUBLIC_ADDRESS_HOUR,
        false => volume,
    }
}

/// The cost of a stack at its minimum size.
pub(crate) fn of(profile: &Profile) -> Cost {
    let (instances, _) = profile.instance_range();
    let known = type_hour(profile);
    let mut hour = f64::from(instances) * (known.unwrap_or(0.0) + beside_it_hour(profile));
    if profile.is_load_balanced() {
        hour += LOAD_BALANCER_HOUR + f64::from(profile.network.azs) * PUBLIC_ADDRESS_HOUR;
    }
    let mut million_requests = WRITES_MILLION;
    if profile.cdn.enabled {
        million_requests += EDGE_MILLION;
    }
    let mut month = hour * HOURS_A_MONTH;
    if profile.has_web_acl() {
        let rules = profile.waf.groups.len() + usize::from(profile.rate_rule().is_some());
        month += WEB_ACL_MONTH + WEB_ACL_RULE_MONTH * rules as f64;
        million_requests += WEB_ACL_MILLION;
    }
    let mut note =
        "list prices of us-east-1, November 2026; without data transfer and load balancer capacity units".to_owned();
    if known.is_none() {
        note = format!(
            "without instances: no price is known for {}; {note}",
            wanted_type(profile)
        );
    }
    Cost {
        hour: month / HOURS_A_MONTH,
        month,
        million_requests,
        note,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_article_costs_what_its_parts_cost() {
        let cost = of(&Profile::default());
        // 2 × t3.micro with 8 GiB, 4 addresses, a load balancer; and a web ACL with three groups.
        assert!((cost.month - (15.2 + 1.3 + 14.6 + 16.4 + 8.0)).abs() < 1.0, "{cost:?}");
        assert!(cost.note.contains("November 2026"));
    }

    #[test]
    fn an_instance_type_without_a_price_is_said_and_not_guessed() {
        let mut profile = Profile::default();
        profile.instance.types = vec!["x9.huge".into()];
        assert!(of(&profile).note.contains("no price is known for x9.huge"));
    }
}
