//! Hosted zones of Route 53 and their record sets; beside them the records that others keep elsewhere. What a name leads to.
//! Must know nothing of XML, and answers no DNS: nobody on this machine asks it for names but the sandbox's own edge and ACM.
//!
//! What AWS says (Route 53 API reference: ChangeResourceRecordSets, GetChange; guide: resource-record-sets-choosing-alias-non-alias):
//! - a batch is done as a whole or not at all, one change after the other;
//! - CREATE refuses what is there, DELETE wants every value as it is, UPSERT replaces;
//! - a change is PENDING until all name servers have it, "generally within 60 seconds", and INSYNC then;
//! - a CNAME stands alone at its name, and never at the apex of a zone; an alias may.

use std::collections::{BTreeMap, VecDeque};

use jiff::{SignedDuration, Timestamp};

use super::{Item, Refusal, State, Tags, ids};

/// From a change to INSYNC, in sandbox time.
const PROPAGATION: SignedDuration = SignedDuration::from_secs(60);
/// Requests of one account in a second (Route 53 guide, DNSLimitations: API requests).
const RATE: usize = 5;
/// The zone in which all distributions are (Route 53 API reference, AliasTarget).
pub const CLOUDFRONT_ZONE: &str = "Z2FDTNDATAQYW2";
/// What names of distributions end in here.
const CLOUDFRONT_NAMES: &str = ".cloudfront.localhost.";
/// CNAMEs that are followed one after the other.
const LONGEST_CHAIN: usize = 8;

#[derive(Debug, Default, Clone)]
pub struct Zones {
    /// By id.
    pub all: BTreeMap<String, Zone>,
    /// By id: when it was asked for.
    changes: BTreeMap<String, Timestamp>,
    /// CNAMEs at DNS providers that are none of AWS's, by name.
    elsewhere: BTreeMap<String, String>,
    /// When the requests of the last second came.
    asked: VecDeque<Timestamp>,
}

#[derive(Debug, Clone)]
pub struct Zone {
    /// `Z…`
    pub id: String,
    /// With a dot at its end, as all names here.
    pub name: String,
    pub caller_reference: String,
    pub comment: String,
    pub name_servers: Vec<String>,
    pub records: Vec<RecordSet>,
    /// What name servers answer until `in_sync`.
    answered: Vec<RecordSet>,
    in_sync: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordSet {
    pub name: String,
    /// `A`, `CNAME`, …
    pub kind: String,
    pub ttl: Option<u64>,
    pub values: Vec<String>,
    pub alias: Option<Alias>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alias {
    pub zone_id: String,
    pub name: String,
    pub evaluates_health: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    Create,
    Delete,
    Upsert,
}

/// A change as GetChange tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub id: String,
    pub submitted: Timestamp,
}

impl Change {
    pub fn status(&self, now: Timestamp) -> &'static str {
        match now >= self.submitted + PROPAGATION {
            true => "INSYNC",
            false => "PENDING",
        }
    }
}

/// A name in the form that Route 53 keeps: small letters, with a dot at its end.
pub fn whole(name: &str) -> String {
    let name = name.to_ascii_lowercase();
    match name.ends_with('.') {
        true => name,
        false => format!("{name}."),
    }
}

/// Zones and records are listed by their labels from the last to the first (API reference, ListResourceRecordSets).
pub fn in_order(name: &str) -> String {
    let labels: Vec<&str> = name.trim_end_matches('.').rsplit('.').collect();
    labels.join(".")
}

impl RecordSet {
    #[cfg(test)]
    pub(crate) fn cname(name: &str, value: &str, ttl: u64) -> Self {
        Self {
            name: whole(name),
            kind: "CNAME".to_owned(),
            ttl: Some(ttl),
            values: vec![value.to_owned()],
            alias: None,
        }
    }

    fn is_of(&self, other: &Self) -> bool {
        self.name == other.name && self.kind == other.kind
    }

    /// Values in any order.
    fn is_same(&self, other: &Self) -> bool {
        let sorted = |set: &Self| {
            let mut values = set.values.clone();
            values.sort();
            values
        };
        self.is_of(other) && self.ttl == other.ttl && self.alias == other.alias && sorted(self) == sorted(other)
    }

    fn told(&self) -> String {
        format!("resource record set [name='{}', type='{}']", self.name, self.kind)
    }
}

impl Zone {
    /// What its name servers say now.
    fn served(&self, now: Timestamp) -> &[RecordSet] {
        match now >= self.in_sync {
            true => &self.records,
            false => &self.answered,
        }
    }

    fn has(&self, name: &str) -> bool {
        name == self.name || name.ends_with(&format!(".{}", self.name))
    }

    /// One change to a working copy; why not, in Route 53's words.
    fn apply(&self, records: &mut Vec<RecordSet>, action: Action, set: RecordSet) -> Result<(), String> {
        if !self.has(&set.name) {
            return Err(format!(
                "RRSet with DNS name {} is not permitted in zone {}",
                set.name, self.name
            ));
        }
        let present = records.iter().position(|one| one.is_of(&set));
        match (action, present) {
            (Action::Delete, None) => return Err(format!("Tried to delete {} but it was not found", set.told())),
            (Action::Delete, Some(_)) if set.name == self.name && ["NS", "SOA"].contains(&set.kind.as_str()) => {
                return Err(format!(
                    "A HostedZone must contain exactly one {} record for the zone itself.",
                    set.kind
                ));
            }
            (Action::Delete, Some(position)) if records[position].is_same(&set) => {
                records.remove(position);
                return Ok(());
            }
            (Action::Delete, Some(_)) => {
                let text = "but the values provided do not match the current values";
                return Err(format!("Tried to delete {} {text}", set.told()));
            }
            (Action::Create, Some(_)) => return Err(format!("Tried to create {} but it already exists", set.told())),
            (Action::Upsert, Some(position)) => {
                records.remove(position);
            }
            (Action::Create | Action::Upsert, None) => {}
        }
        self.check_beside(records, &set)?;
        self.check_alias(records, &set)?;
        records.push(set);
        Ok(())
    }

    /// A CNAME stands alone.
    fn check_beside(&self, records: &[RecordSet], set: &RecordSet) -> Result<(), String> {
        let (name, zone) = (&set.name, &self.name);
        let mut beside = records.iter().filter(|one| one.name == *name);
        if set.kind == "CNAME" {
            if name == zone {
                return Err(format!(
                    "RRSet of type CNAME with DNS name {name} is not permitted at apex in zone {zone}"
                ));
            }
            return match beside.next() {
                None => Ok(()),
                Some(_) => Err(format!(
                    "RRSet of type CNAME with DNS name {name} is not permitted as it conflicts with other records with the same \
                     DNS name in zone {zone}"
                )),
            };
        }
        match beside.any(|one| one.kind == "CNAME") {
            false => Ok(()),
            true => Err(format!(
                "RRSet of type {} with DNS name {name} is not permitted because a conflicting RRSet of type CNAME with the same \
                 DNS name already exists in zone {zone}.",
                set.kind
            )),
        }
    }

    fn check_alias(&self, records: &[RecordSet], set: &RecordSet) -> Result<(), String> {
        let Some(alias) = &set.alias else { return Ok(()) };
        let told = format!(
            "Tried to create an alias that targets {}, type {} in zone {}",
            alias.name, set.kind, alias.zone_id
        );
        let lies_there = match alias.zone_id == CLOUDFRONT_ZONE {
            true => alias.name.ends_with(CLOUDFRONT_NAMES),
            false => self.has(&alias.name),
        };
        if !lies_there {
            return Err(format!(
                "{told}, but the alias target name does not lie within the target zone"
            ));
        }
        let is_there = alias.zone_id == CLOUDFRONT_ZONE
            || records.iter().any(|one| one.name == alias.name && one.kind == set.kind);
        match is_there {
            true => Ok(()),
            false => Err(format!("{told}, but that target was not found")),
        }
    }
}

impl Zones {
    /// # Errors
    /// `NoSuchHostedZone`, 404.
    pub fn get(&self, id: &str) -> Result<&Zone, Refusal> {
        self.all.get(id).ok_or_else(|| no_such_zone(id))
    }

    /// Makes a public zone, with what every zone has.
    ///
    /// # Errors
    /// `HostedZoneAlreadyExists` for a caller reference that was used before.
    pub fn create(
        &mut self,
        name: &str,
        reference: &str,
        comment: &str,
        now: Timestamp,
    ) -> Result<(Zone, Change), Refusal> {
        if self.all.values().any(|zone| zone.caller_reference == reference) {
            let text = "A hosted zone has already been created with the specified caller reference.";
            return Err(Refusal::with_status(409, "HostedZoneAlreadyExists", text));
        }
        let (id, name) = (format!("Z{}", ids::capitals(20)), whole(name));
        let name_servers: Vec<String> = (1..=4)
            .map(|number| format!("ns-{number}.awsdns-0{number}.example"))
            .collect();
        let of_zone = |kind: &str, ttl, values: Vec<String>| RecordSet {
            name: name.clone(),
            kind: kind.to_owned(),
            ttl: Some(ttl),
            values,
            alias: None,
        };
        let soa = format!(
            "{}. awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400",
            name_servers[0]
        );
        let records = vec![
            of_zone(
                "NS",
                172_800,
                name_servers.iter().map(|server| format!("{server}.")).collect(),
            ),
            of_zone("SOA", 900, vec![soa]),
        ];
        let zone = Zone {
            id: id.clone(),
            caller_reference: reference.to_owned(),
            comment: comment.to_owned(),
            name_servers,
            answered: records.clone(),
            records,
            in_sync: now,
            name,
        };
        self.all.insert(id, zone.clone());
        Ok((zone, self.changed(now)))
    }

    /// # Errors
    /// `NoSuchHostedZone`; `HostedZoneNotEmpty` while it has records beside its own.
    pub fn delete(&mut self, id: &str, now: Timestamp) -> Result<Change, Refusal> {
        let zone = self.get(id)?;
        let own = |set: &RecordSet| set.name == zone.name && ["NS", "SOA"].contains(&set.kind.as_str());
        if !zone.records.iter().all(own) {
            let text = "The specified hosted zone contains non-required resource record sets and so cannot be deleted.";
            return Err(Refusal::new("HostedZoneNotEmpty", text));
        }
        self.all.remove(id);
        Ok(self.changed(now))
    }

    /// Does all of these changes or none.
    ///
    /// # Errors
    /// `NoSuchHostedZone`; `InvalidChangeBatch` with each reason.
    pub fn change(&mut self, id: &str, changes: Vec<(Action, RecordSet)>, now: Timestamp) -> Result<Change, Refusal> {
        let zone = self.get(id)?;
        let mut records = zone.records.clone();
        let tried = changes
            .into_iter()
            .filter_map(|(action, set)| zone.apply(&mut records, action, set).err());
        let reasons: Vec<String> = tried.collect();
        if !reasons.is_empty() {
            return Err(Refusal::new("InvalidChangeBatch", format!("[{}]", reasons.join(", "))));
        }
        if let Some(zone) = self.all.get_mut(id) {
            zone.answered = zone.served(now).to_vec();
            zone.records = records;
            zone.in_sync = now + PROPAGATION;
        }
        Ok(self.changed(now))
    }

    fn changed(&mut self, submitted: Timestamp) -> Change {
        let id = format!("C{}", ids::capitals(20));
        self.changes.insert(id.clone(), submitted);
        Change { id, submitted }
    }

    /// # Errors
    /// `NoSuchChange`, 404.
    pub fn get_change(&self, id: &str) -> Result<Change, Refusal> {
        let submitted = self.changes.get(id).copied().ok_or_else(|| {
            let text = format!("Could not find resource with ID: {id}");
            Refusal::with_status(404, "NoSuchChange", text)
        })?;
        Ok(Change {
            id: id.to_owned(),
            submitted,
        })
    }

    /// # Errors
    /// `Throttling` for who asks more often than an account may.
    pub fn admit(&mut self, now: Timestamp) -> Result<(), Refusal> {
        let second = SignedDuration::from_secs(1);
        while self
            .asked
            .front()
            .is_some_and(|asked| now.duration_since(*asked) >= second)
        {
            self.asked.pop_front();
        }
        if self.asked.len() >= RATE {
            return Err(Refusal::new("Throttling", "Rate exceeded"));
        }
        self.asked.push_back(now);
        Ok(())
    }

    /// Another provider's CNAME.
    pub fn set_elsewhere(&mut self, name: &str, value: &str) {
        self.elsewhere.insert(whole(name), whole(value));
    }

    pub fn remove_elsewhere(&mut self, name: &str) {
        self.elsewhere.remove(&whole(name));
    }

    /// Name and value.
    pub fn elsewhere(&self) -> impl Iterator<Item = (&str, &str)> {
        self.elsewhere
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// What a name's CNAME says: in the zone that it lies in, or at another provider.
    pub fn cname(&self, name: &str, now: Timestamp) -> Option<String> {
        let name = whole(name);
        let of = |set: &RecordSet| (set.kind == "CNAME").then(|| set.values.first().map(|value| whole(value)))?;
        self.answers(&name, now, of)
            .or_else(|| self.elsewhere.get(&name).cloned())
    }

    /// What the records of a name give, of the longest zone that it lies in.
    fn answers<T>(&self, name: &str, now: Timestamp, read: impl Fn(&RecordSet) -> Option<T>) -> Option<T> {
        let zones = self.all.values().filter(|zone| zone.has(name));
        let zone = zones.max_by_key(|zone| zone.name.len())?;
        let mut sets = zone.served(now).iter().filter(|set| set.name == name);
        sets.find_map(read)
    }

    /// The name at the end of the way that starts with this one; `None` where there is no record of it.
    pub fn leads_to(&self, name: &str, now: Timestamp) -> Option<String> {
        let mut name = whole(name);
        for _ in 0..LONGEST_CHAIN {
            let alias = |set: &RecordSet| {
                let alias = set
                    .alias
                    .as_ref()
                    .filter(|_| ["A", "AAAA"].contains(&set.kind.as_str()));
                alias.map(|alias| alias.name.clone())
            };
            let next = self.answers(&name, now, alias).or_else(|| self.cname(&name, now))?;
            if next.ends_with(".localhost.") {
                return Some(next.trim_end_matches('.').to_owned());
            }
            name = next;
        }
        None
    }

    pub fn inventory(&self, region: &str) -> Vec<Item> {
        let (item, none) = (Item::of("route53", region), Tags::new());
        let zones = self.all.values().flat_map(|zone| {
            let own = |set: &&RecordSet| set.name != zone.name || !["NS", "SOA"].contains(&set.kind.as_str());
            let records = zone.records.iter().filter(own);
            let records =
                records.map(|set| item("record-set", &format!("{} {}", set.kind, set.name), &set.name, &none));
            std::iter::once(item("hosted-zone", &zone.id, &zone.name, &none)).chain(records)
        });
        zones.collect()
    }
}

fn no_such_zone(id: &str) -> Refusal {
    Refusal::with_status(404, "NoSuchHostedZone", format!("No hosted zone found with ID: {id}"))
}

impl State {
    /// Whether the edge is where a name leads: to which distribution does not matter to who connects.
    pub fn leads_to_the_edge(&self, name: &str, now: Timestamp) -> bool {
        let end = self.zones.leads_to(name, now);
        end.is_some_and(|end| self.distributions.by_domain(&end).is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn alias(name: &str, kind: &str, to: &str) -> RecordSet {
        RecordSet {
            name: whole(name),
            kind: kind.to_owned(),
            ttl: None,
            values: Vec::new(),
            alias: Some(Alias {
                zone_id: CLOUDFRONT_ZONE.to_owned(),
                name: whole(to),
                evaluates_health: false,
            }),
        }
    }

    fn with_zone() -> (Zones, String) {
        let mut zones = Zones::default();
        let id = zones.create("example.org", "one", "", second(0)).unwrap().0.id;
        (zones, id)
    }

    fn refused(zones: &mut Zones, id: &str, action: Action, set: RecordSet) -> String {
        let refusal = zones.change(id, vec![(action, set)], second(0)).unwrap_err();
        assert_eq!(refusal.code, "InvalidChangeBatch");
        refusal.message
    }

    #[test]
    fn nothing_is_deleted_that_is_not_named_with_every_value() {
        let (mut zones, id) = with_zone();
        let set = RecordSet::cname("a.example.org", "one.example.net.", 300);
        zones
            .change(&id, vec![(Action::Create, set.clone())], second(0))
            .unwrap();
        let again = refused(&mut zones, &id, Action::Create, set.clone());
        assert!(
            again.contains("[name='a.example.org.', type='CNAME'] but it already exists"),
            "{again}"
        );
        let other = RecordSet::cname("a.example.org", "one.example.net.", 60);
        let text = refused(&mut zones, &id, Action::Delete, other);
        assert!(text.contains("do not match the current values"), "{text}");
        zones
            .change(&id, vec![(Action::Delete, set.clone())], second(0))
            .unwrap();
        assert!(refused(&mut zones, &id, Action::Delete, set).contains("was not found"));
    }

    #[test]
    fn a_batch_is_done_as_a_whole_or_not_at_all() {
        let (mut zones, id) = with_zone();
        let good = RecordSet::cname("a.example.org", "one.example.net.", 300);
        let apex = RecordSet::cname("example.org", "one.example.net.", 300);
        let both = vec![(Action::Create, good.clone()), (Action::Create, apex)];
        let refusal = zones.change(&id, both, second(0)).unwrap_err();
        assert!(refusal.message.contains("not permitted at apex"), "{refusal}");
        zones
            .change(&id, vec![(Action::Create, good.clone())], second(0))
            .unwrap();
        let beside = refused(
            &mut zones,
            &id,
            Action::Upsert,
            alias("a.example.org", "A", "d1.cloudfront.localhost"),
        );
        assert!(beside.contains("conflicting RRSet of type CNAME"), "{beside}");
        let moved = vec![
            (Action::Delete, good),
            (Action::Create, alias("a.example.org", "A", "d1.cloudfront.localhost")),
        ];
        zones.change(&id, moved, second(0)).unwrap();
        let outside = RecordSet::cname("a.example.net", "one.example.net.", 300);
        assert!(refused(&mut zones, &id, Action::Create, outside).contains("is not permitted in zone example.org."));
    }

    #[test]
    fn a_name_leads_to_the_edge_by_alias_and_by_cname_once_the_change_is_everywhere() {
        let (mut zones, id) = with_zone();
        let sets = vec![
            (Action::Create, alias("example.org", "A", "d1.cloudfront.localhost")),
            (Action::Create, RecordSet::cname("www.example.org", "example.org.", 300)),
        ];
        let change = zones.change(&id, sets, second(0)).unwrap();
        assert_eq!(
            (change.status(second(59)), change.status(second(60))),
            ("PENDING", "INSYNC")
        );
        assert_eq!(zones.leads_to("www.example.org", second(59)), None);
        assert_eq!(
            zones.leads_to("www.example.org", second(60)).as_deref(),
            Some("d1.cloudfront.localhost")
        );
        zones.set_elsewhere("www.example.com", "d2.cloudfront.localhost");
        assert_eq!(
            zones.leads_to("www.example.com", second(0)).as_deref(),
            Some("d2.cloudfront.localhost")
        );
        let stray = refused(
            &mut zones,
            &id,
            Action::Create,
            alias("b.example.org", "A", "d1.cloudfront.net"),
        );
        assert!(stray.contains("does not lie within the target zone"), "{stray}");
    }

    #[test]
    fn the_sixth_request_of_a_second_is_turned_away() {
        let (mut zones, _) = with_zone();
        for _ in 0..5 {
            zones.admit(second(0)).unwrap();
        }
        assert_eq!(zones.admit(second(0)).unwrap_err().code, "Throttling");
        zones.admit(second(1)).unwrap();
    }

    #[test]
    fn a_zone_with_records_is_not_deleted() {
        let (mut zones, id) = with_zone();
        let set = RecordSet::cname("a.example.org", "one.example.net.", 300);
        zones
            .change(&id, vec![(Action::Create, set.clone())], second(0))
            .unwrap();
        assert_eq!(zones.delete(&id, second(0)).unwrap_err().code, "HostedZoneNotEmpty");
        zones.change(&id, vec![(Action::Delete, set)], second(0)).unwrap();
        zones.delete(&id, second(0)).unwrap();
    }
}
