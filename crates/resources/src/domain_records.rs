//! The records by which the site's own names lead to the distribution: aliases in the account's zones of Route 53, which come last and
//! go first. Where the DNS is elsewhere they are its owner's to set. Must know nothing of certificates.
//!
//! Records carry no tags. Ours is what leads to our distribution, and no more: what has another value is never overwritten.

use std::sync::Arc;

use super::distribution::names_of_ours;
use super::outputs::ALIASES;
use super::stack::Stack;
use super::zones::{self, Zone};
use crate::aws::Aws;
use crate::aws::services::route53::{Action, RecordSet};
use crate::engine::{
    Error, Failure, FieldChange, Hint, Kind, Limits, Observed, Owner, Plan, ReadCx, Removal, Resource, ResourceId,
    Stays, Step, Values, WriteCx,
};

pub(super) const ID: ResourceId = "domain-records";

const LIMITS: Limits = Limits::minutes(3, 10);

/// What answers for a name beside others: anything else at it is nobody's business here.
const KINDS: &[&str] = &["A", "AAAA", "CNAME"];

pub(super) struct DomainRecords {
    stack: Arc<Stack>,
}

/// What there is of the names.
#[derive(Debug, Clone)]
pub(super) struct LiveRecords {
    names: Vec<SiteName>,
    /// The own names of this stack's distributions.
    distributions: Vec<String>,
}

#[derive(Debug, Clone)]
struct SiteName {
    name: String,
    /// `None`: elsewhere.
    zone: Option<Zone>,
    sets: Vec<RecordSet>,
    /// Of a former profile: what of it is ours goes.
    is_former: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RecordStep {
    /// `to`: the distribution's own name, once it is known.
    Create {
        kind: &'static str,
        name: String,
        to: Option<String>,
    },
    Delete(RecordSet),
}

impl Step for RecordStep {
    fn shown(&self) -> FieldChange {
        match self {
            Self::Create { kind, name, to: None } => {
                FieldChange::awaiting(format!("{kind} {name}"), None, ALIASES.name)
            }
            Self::Create {
                kind,
                name,
                to: Some(to),
            } => FieldChange::new(format!("{kind} {name}"), None, format!("alias {to}")),
            Self::Delete(set) => {
                let field = format!("{} {}", set.kind, set.name.trim_end_matches('.'));
                FieldChange::new(field, zones::told(set), None)
            }
        }
    }
}

impl LiveRecords {
    fn is_ours(&self, set: &RecordSet) -> bool {
        let to = zones::distribution_of(set);
        to.is_some_and(|to| self.distributions.iter().any(|own| zones::same_name(own, to)))
    }

    fn wanted(&self) -> impl Iterator<Item = &SiteName> {
        self.names.iter().filter(|name| !name.is_former)
    }

    /// One that is there and leads elsewhere.
    fn other(&self) -> Option<&RecordSet> {
        let mut sets = self.wanted().flat_map(|name| &name.sets);
        sets.find(|set| !self.is_ours(set))
    }

    /// Nothing is ours to do.
    fn is_elsewhere(&self) -> bool {
        self.wanted().all(|name| name.zone.is_none()) && self.ours().is_empty()
    }

    /// By zone, the sets of it that ours are.
    fn ours(&self) -> Vec<(&Zone, Vec<RecordSet>)> {
        let zones = self.names.iter().filter_map(|name| {
            let sets: Vec<_> = name.sets.iter().filter(|set| self.is_ours(set)).cloned().collect();
            Some((name.zone.as_ref()?, sets))
        });
        zones.filter(|(_, sets)| !sets.is_empty()).collect()
    }
}

impl DomainRecords {
    pub(super) fn new(stack: Arc<Stack>) -> Self {
        Self { stack }
    }

    /// A distribution that answers on IPv6 wants both.
    fn kinds(&self) -> &'static [&'static str] {
        match self.stack.profile.cdn.ipv6 {
            true => &["A", "AAAA"],
            false => &["A"],
        }
    }

    /// The names of this profile, and those of former ones, by what each profile says of where their records are.
    async fn zones(&self, aws: &Aws) -> Result<Vec<(String, Option<Zone>, bool)>, Error> {
        let found = zones::find(aws, &self.stack.profile).await?;
        let mut all: Vec<_> = found.into_iter().map(|(name, zone)| (name, zone, false)).collect();
        for former in &self.stack.former {
            let found = match zones::find(aws, former).await {
                // A zone that is gone has taken its records along.
                Err(error) if error.kind == Kind::Refused => continue,
                found => found?,
            };
            for (name, zone) in found {
                if all.iter().all(|(known, ..)| *known != name) {
                    all.push((name, zone, true));
                }
            }
        }
        Ok(all)
    }

    async fn look(&self, cx: &ReadCx<Aws>) -> Result<LiveRecords, Error> {
        let mut names = Vec::new();
        for (name, zone, is_former) in self.zones(cx.aws()).await? {
            let mut sets = match &zone {
                None => Vec::new(),
                Some(zone) => zones::records(cx.aws(), zone, &name).await?,
            };
            sets.retain(|set| KINDS.contains(&set.kind.as_str()));
            names.push(SiteName {
                name,
                zone,
                sets,
                is_former,
            });
        }
        let nothing = names.iter().all(|name| name.sets.is_empty());
        Ok(LiveRecords {
            names,
            distributions: if nothing {
                Vec::new()
            } else {
                names_of_ours(cx, &self.stack).await?
            },
        })
    }

    /// What is to be done, where nothing is in the way.
    fn steps(&self, live: &LiveRecords, to: Option<&str>) -> Vec<RecordStep> {
        let mut steps = Vec::new();
        for name in live.names.iter().filter(|name| name.zone.is_some()) {
            let wanted = if name.is_former { &[] } else { self.kinds() };
            let is_there = |kind: &str| name.sets.iter().any(|set| set.kind == kind);
            let missing = wanted.iter().filter(|kind| !is_there(kind));
            steps.extend(missing.map(|kind| RecordStep::Create {
                kind,
                name: name.name.clone(),
                to: to.map(str::to_owned),
            }));
            let is_idle = |set: &&RecordSet| live.is_ours(set) && !wanted.contains(&set.kind.as_str());
            steps.extend(name.sets.iter().filter(is_idle).cloned().map(RecordStep::Delete));
        }
        steps
    }

    /// Does these steps, a batch a zone and kind, and gives what there is then.
    async fn take(&self, cx: &WriteCx<Aws>, live: LiveRecords, steps: Vec<RecordStep>) -> Result<LiveRecords, Error> {
        let distribution = cx.need(&ALIASES)?.domain;
        let mut changes = Vec::new();
        for name in &live.names {
            let Some(zone) = &name.zone else { continue };
            let mut batches = [(Action::Delete, Vec::new()), (Action::Create, Vec::new())];
            for step in &steps {
                match step {
                    RecordStep::Create { kind, name: of, .. } if *of == name.name => {
                        batches[1].1.push(zones::alias(of, kind, &distribution));
                    }
                    RecordStep::Delete(set) if zones::same_name(&set.name, &name.name) => {
                        batches[0].1.push(set.clone())
                    }
                    _ => {}
                }
            }
            for (action, sets) in batches.into_iter().filter(|(_, sets)| !sets.is_empty()) {
                match zones::change(cx, zone, action, &sets).await {
                    Ok(change) => changes.push((zone.clone(), change)),
                    Err(error)
                        if error.is_code("InvalidChangeBatch") && self.is_done(cx, action, zone, &sets).await? => {}
                    Err(error) => return Err(error),
                }
            }
        }
        for (zone, change) in &changes {
            zones::wait_in_sync(cx, zone, change).await?;
        }
        self.look(cx.read()).await
    }

    /// Whether a batch that is refused was done by an earlier try of it, whose answer was lost.
    async fn is_done(&self, cx: &WriteCx<Aws>, action: Action, zone: &Zone, sets: &[RecordSet]) -> Result<bool, Error> {
        for wanted in sets {
            let there = zones::records(cx.read().aws(), zone, &wanted.name).await?;
            let same = |set: &RecordSet| {
                let to = zones::distribution_of(set).zip(zones::distribution_of(wanted));
                set.kind == wanted.kind && to.is_some_and(|(one, other)| zones::same_name(one, other))
            };
            if there.iter().any(same) != (action == Action::Create) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl Resource for DomainRecords {
    type Live = LiveRecords;
    type Place = LiveRecords;
    type Step = RecordStep;
    type Clients = Aws;

    fn id(&self) -> ResourceId {
        ID
    }

    /// There is one a stack: the present one takes the records of former names away, and keeps those that it shares with them.
    fn name(&self) -> String {
        String::new()
    }

    fn title(&self) -> String {
        format!("records of {}", self.stack.profile.site_names().join(", "))
    }

    fn needs(&self) -> Vec<&'static str> {
        vec![ALIASES.name]
    }

    fn gives(&self) -> Vec<&'static str> {
        vec![]
    }

    fn limits(&self) -> Limits {
        LIMITS
    }

    async fn observe(&self, cx: &ReadCx<Aws>) -> Result<Observed<LiveRecords, LiveRecords>, Error> {
        let live = self.look(cx).await?;
        let owner = match live.ours().is_empty() {
            true => Owner::Nobody,
            false => Owner::Ours,
        };
        if owner == Owner::Nobody && live.other().is_none() && !live.is_elsewhere() {
            return Ok(Observed::Absent(live));
        }
        Ok(Observed::Present { live, owner })
    }

    fn plan(&self, seen: &Observed<LiveRecords, LiveRecords>, known: &Values) -> Plan<RecordStep> {
        let Some((live, _)) = seen.live() else {
            return Plan::Create;
        };
        if live.is_elsewhere() {
            return Plan::Use;
        }
        if let Some(other) = live.other() {
            return Plan::blocked(
                format!("there is a record already that leads elsewhere: {}", zones::told(other)),
                Hint::from("take it away where it is not needed any more (confctl overwrites no record), or leave the name out of the profile's `domain`; then ")
                    .and_run("up"),
            );
        }
        let aliases = known.get(&ALIASES);
        Plan::of(self.steps(live, aliases.as_ref().map(|aliases| aliases.domain.as_str())))
    }

    fn publish(&self, _: &LiveRecords, _: &mut Values) {}

    async fn create(&self, cx: &WriteCx<Aws>, place: LiveRecords) -> Result<LiveRecords, Failure> {
        let steps = self.steps(&place, None);
        Ok(self.take(cx, place, steps).await?)
    }

    async fn update(
        &self,
        cx: &WriteCx<Aws>,
        live: LiveRecords,
        steps: Vec<RecordStep>,
    ) -> Result<LiveRecords, Failure> {
        Ok(self.take(cx, live, steps).await?)
    }

    fn plan_removal(&self, seen: &Observed<LiveRecords, LiveRecords>) -> Removal {
        let Some((live, _)) = seen.live() else {
            return crate::engine::default_removal(seen);
        };
        let stays = |reason: String| Removal::Leave {
            stays: Stays::NotOurs,
            reason,
        };
        if live.is_elsewhere() {
            return stays("they are at your DNS provider: take away there what leads to the distribution, and the certificate's record".to_owned());
        }
        match (live.ours().is_empty(), live.other()) {
            (false, _) => Removal::Delete { loses: None },
            (true, Some(other)) => stays(format!("not made by confctl: {}", zones::told(other))),
            (true, None) => Removal::Absent,
        }
    }

    async fn delete(&self, cx: &WriteCx<Aws>, live: LiveRecords) -> Result<(), Failure> {
        let mut changes = Vec::new();
        for (zone, sets) in live.ours() {
            match zones::change(cx, zone, Action::Delete, &sets).await {
                Ok(change) => changes.push((zone, change)),
                Err(error)
                    if error.is_code("InvalidChangeBatch") && self.is_done(cx, Action::Delete, zone, &sets).await? => {}
                Err(error) => return Err(error.into()),
            }
        }
        // Accepted: long before the distribution is gone no name server tells them.
        cx.release(ALIASES.name);
        for (zone, change) in changes {
            zones::wait_in_sync(cx, zone, &change).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOMAIN: &str = "d1.cloudfront.net";

    fn records(sets: Vec<RecordSet>) -> LiveRecords {
        LiveRecords {
            names: vec![SiteName {
                name: "events.example.org".to_owned(),
                zone: Some(Zone {
                    id: "Z1".to_owned(),
                    name: "example.org".to_owned(),
                }),
                sets,
                is_former: false,
            }],
            distributions: vec![DOMAIN.to_owned()],
        }
    }

    fn resource(ipv6: bool) -> DomainRecords {
        DomainRecords::new(Stack::for_test(|profile| {
            profile.domain.name = Some("events.example.org".to_owned());
            profile.cdn.ipv6 = ipv6;
        }))
    }

    fn plan_of(resource: &DomainRecords, sets: Vec<RecordSet>) -> Plan<RecordStep> {
        let seen = Observed::Present {
            live: records(sets),
            owner: Owner::Ours,
        };
        resource.plan(&seen, &Values::default())
    }

    fn alias(kind: &str, to: &str) -> RecordSet {
        zones::alias("events.example.org.", kind, to)
    }

    #[test]
    fn a_record_that_leads_elsewhere_is_never_overwritten() {
        let both = resource(true);
        for other in [
            alias("AAAA", "d2.cloudfront.net"),
            zones::cname("events.example.org.", DOMAIN),
            zones::cname("events.example.org.", "www.example.net"),
        ] {
            let plan = plan_of(&both, vec![alias("A", DOMAIN), other.clone()]);
            assert!(matches!(plan, Plan::Blocked { .. }), "{other:?}: {plan:?}");
        }
        // Nor is it removed.
        let seen = Observed::Present {
            live: records(vec![alias("A", "d2.cloudfront.net")]),
            owner: Owner::Nobody,
        };
        assert!(matches!(both.plan_removal(&seen), Removal::Leave { .. }));
    }

    #[test]
    fn what_is_missing_is_added_and_what_nobody_answers_for_is_taken_away() {
        assert_eq!(
            plan_of(&resource(true), vec![alias("A", DOMAIN), alias("AAAA", DOMAIN)]),
            Plan::Keep
        );
        let half = plan_of(&resource(true), vec![alias("A", DOMAIN)]);
        assert!(
            matches!(&half, Plan::Update(steps) if matches!(&steps[..], [RecordStep::Create { kind: "AAAA", .. }])),
            "{half:?}"
        );
        let idle = plan_of(&resource(false), vec![alias("A", DOMAIN), alias("AAAA", DOMAIN)]);
        assert!(
            matches!(&idle, Plan::Update(steps) if matches!(&steps[..], [RecordStep::Delete(_)])),
            "{idle:?}"
        );
    }

    #[test]
    fn of_a_former_name_ours_goes_and_the_rest_is_nobodys_business() {
        let mut live = records(vec![alias("A", DOMAIN), alias("AAAA", DOMAIN)]);
        live.names.push(SiteName {
            name: "old.example.org".to_owned(),
            zone: live.names[0].zone.clone(),
            sets: vec![
                zones::alias("old.example.org.", "A", DOMAIN),
                zones::alias("old.example.org.", "AAAA", "d2.cloudfront.net"),
            ],
            is_former: true,
        });
        let seen = Observed::Present {
            live,
            owner: Owner::Ours,
        };
        match resource(true).plan(&seen, &Values::default()) {
            Plan::Update(steps) => {
                let ours = zones::alias("old.example.org.", "A", DOMAIN);
                assert_eq!(steps, [RecordStep::Delete(ours)]);
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn where_the_dns_is_elsewhere_nothing_is_done_and_the_teardown_says_what_stays() {
        let mut live = records(Vec::new());
        live.names[0].zone = None;
        let seen = Observed::Present {
            live,
            owner: Owner::Nobody,
        };
        let resource = resource(true);
        assert_eq!(resource.plan(&seen, &Values::default()), Plan::Use);
        match resource.plan_removal(&seen) {
            Removal::Leave { reason, .. } => assert!(reason.contains("at your DNS provider"), "{reason}"),
            other => panic!("{other:?}"),
        }
    }
}
