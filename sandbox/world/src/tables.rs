//! DynamoDB tables: life cycle, protection, recovery, tags, and the items in them.
//! Must know nothing of expressions: callers decide whether an item may be written.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

use super::settling::Settling;
use super::table_backups::Backup;
use super::{Item as Listed, Refusal, Tags, World, ids};

/// An item in DynamoDB's JSON: `{"email": {"S": "…"}}`.
pub type Item = Map<String, Value>;

/// Seconds of sandbox time from CreateTable to ACTIVE and from DeleteTable to gone, as a small table takes on AWS.
const CREATING: u64 = 8;
const DELETING: u64 = 5;
const UPDATING: u64 = 4;
/// "DynamoDB updates this value approximately every six hours": ItemCount and TableSizeBytes.
const COUNTED_EVERY: SignedDuration = SignedDuration::from_hours(6);
/// "It can take up to one hour for the change to fully process. Any additional UpdateTimeToLive calls for the same table
/// during this one hour duration result in a ValidationException" (UpdateTimeToLive).
const TIME_TO_LIVE_CHANGES: SignedDuration = SignedDuration::from_hours(1);
/// Days that point-in-time recovery reaches back, and how near to now (DynamoDB guide: PointInTimeRecovery_Howitworks).
const LONGEST_RECOVERY: i32 = 35;
const NOT_YET_RECOVERABLE: SignedDuration = SignedDuration::from_mins(5);

/// The most bytes of a key attribute's value (developer guide, Limits).
const LONGEST_PARTITION: usize = 2048;
const LONGEST_SORT: usize = 1024;

#[derive(Debug, Default)]
pub struct Tables {
    /// By name.
    tables: BTreeMap<String, Table>,
    /// Of tables that were deleted.
    backups: Vec<Backup>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Creating,
    Active,
    Updating,
    Deleting,
}

impl Status {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Creating => "CREATING",
            Self::Active => "ACTIVE",
            Self::Updating => "UPDATING",
            Self::Deleting => "DELETING",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Billing {
    PayPerRequest,
    /// Read and write capacity units.
    Provisioned(i64, i64),
}

/// A key attribute: name and `S`, `N` or `B`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyAttribute {
    pub name: String,
    pub kind: String,
}

impl KeyAttribute {
    /// Bytes of a value that count against its limit; those of a number do not.
    fn length(&self, text: &str) -> usize {
        match self.kind.as_str() {
            "N" => 0,
            "B" => text.trim_end_matches('=').len() * 3 / 4,
            _ => text.len(),
        }
    }
}

#[derive(Debug, Clone)]
pub struct Table {
    pub name: String,
    pub arn: String,
    pub id: String,
    pub partition: KeyAttribute,
    pub sort: Option<KeyAttribute>,
    pub billing: Billing,
    /// `STANDARD` or `STANDARD_INFREQUENT_ACCESS`.
    /// As it was asked for, at its making or by a change.
    pub class: Option<String>,
    pub status: Status,
    pub created: Timestamp,
    pub deletion_protection: bool,
    /// Reads and writes a second that it was warmed up to.
    warmed: [Option<i64>; 2],
    /// Point-in-time recovery: how many days back, while it is on.
    pub recovery_days: Option<i32>,
    pub recovery_since: Timestamp,
    pub tags: Settling<Tags>,
    time_to_live: TimeToLive,
    items: BTreeMap<String, Item>,
    counted: Counted,
}

/// Which attribute says when an item may go, and since when. Nothing is deleted by it: AWS promises no more than "within
/// a few days".
#[derive(Debug, Clone, Default)]
struct TimeToLive {
    attribute: Option<String>,
    changed: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy)]
struct Counted {
    at: Timestamp,
    items: i64,
    bytes: i64,
}

/// What CreateTable is given.
#[derive(Debug)]
pub struct NewTable {
    pub name: String,
    pub partition: KeyAttribute,
    pub sort: Option<KeyAttribute>,
    pub billing: Billing,
    pub class: Option<String>,
    pub deletion_protection: bool,
    /// Reads and writes a second.
    pub warm: [Option<i64>; 2],
    pub tags: Tags,
}

/// Makes a table, which becomes ACTIVE in the background.
///
/// # Errors
/// `ResourceInUseException` where there is one of that name.
pub fn create(world: &Arc<World>, region: &str, new: NewTable) -> Result<Table, Refusal> {
    let now = world.clock.now();
    let name = new.name.clone();
    let table = {
        let mut state = world.lock();
        let account = state.account.clone();
        let tables = &mut state.region(region).tables.tables;
        if tables.contains_key(&name) {
            return Err(in_use(format!("Table already exists: {name}")));
        }
        let table = Table::new(new, &account, region, now);
        tables.insert(name.clone(), table.clone());
        table
    };
    settle(world, region, &name, &table.id, CREATING);
    Ok(table)
}

/// Takes a table down in the background.
///
/// # Errors
/// Where it is protected, still being made, or not there.
pub fn delete(world: &Arc<World>, region: &str, name: &str) -> Result<Table, Refusal> {
    let table = {
        let mut state = world.lock();
        let table = state.region(region).tables.get_mut(name)?;
        match table.status {
            Status::Creating => {
                let text =
                    format!("Attempt to change a resource which is still in use: Table is being created: {name}");
                return Err(in_use(text));
            }
            Status::Updating => {
                let text =
                    format!("Attempt to change a resource which is still in use: Table is being updated: {name}");
                return Err(in_use(text));
            }
            // Deleting again is no error.
            Status::Deleting => return Ok(table.clone()),
            Status::Active if table.deletion_protection => {
                return Err(Refusal::new(
                    "ValidationException",
                    "Resource cannot be deleted as it is currently protected against deletion. Disable deletion \
                     protection first.",
                ));
            }
            Status::Active => table.status = Status::Deleting,
        }
        table.clone()
    };
    let (world_of_workflow, region, name, id) =
        (world.clone(), region.to_owned(), table.name.clone(), table.id.clone());
    world.spawn(async move {
        let began = world_of_workflow.clock.now();
        world_of_workflow.clock.sleep_seconds(DELETING).await;
        let mut state = world_of_workflow.lock();
        let now = world_of_workflow.clock.now();
        state.life_cycles.passed("table", &name, "deleted", began, now);
        let tables = &mut state.region(&region).tables;
        if tables.tables.get(&name).is_some_and(|table| table.id == id) {
            let deleted = tables.tables.remove(&name);
            let now = world_of_workflow.clock.now();
            tables.backups.retain(|backup| now < backup.expires);
            tables
                .backups
                .extend(deleted.and_then(|table| Backup::of_deleted(&table, now)));
        }
    });
    Ok(table)
}

/// What UpdateTable is given.
#[derive(Debug, Default)]
pub struct TableChange {
    pub billing: Option<Billing>,
    pub class: Option<String>,
    pub protection: Option<bool>,
    /// Reads and writes a second.
    pub warm: [Option<i64>; 2],
}

/// Changes billing, class, protection or warm throughput. What changes capacity passes through UPDATING.
///
/// # Errors
/// Where the table is not there or not ACTIVE.
pub fn update(world: &Arc<World>, region: &str, name: &str, change: TableChange) -> Result<Table, Refusal> {
    let TableChange {
        billing,
        class,
        protection,
        warm,
    } = change;
    let table = {
        let mut state = world.lock();
        let table = state.region(region).tables.get_mut(name)?;
        if table.status != Status::Active {
            let text = format!("Attempt to change a resource which is still in use: Table is not active: {name}");
            return Err(in_use(text));
        }
        table.warm_up(warm)?;
        table.deletion_protection = protection.unwrap_or(table.deletion_protection);
        if billing.is_some() || class.is_some() {
            table.billing = billing.unwrap_or(table.billing);
            table.class = class.or_else(|| table.class.take());
            table.status = Status::Updating;
        }
        table.clone()
    };
    if table.status == Status::Updating {
        settle(world, region, &table.name, &table.id, UPDATING);
    }
    Ok(table)
}

/// Makes the table ACTIVE after a while.
fn settle(world: &Arc<World>, region: &str, name: &str, id: &str, seconds: u64) {
    let (region, name, id) = (region.to_owned(), name.to_owned(), id.to_owned());
    let world_of_workflow = world.clone();
    world.spawn(async move {
        let began = world_of_workflow.clock.now();
        world_of_workflow.clock.sleep_seconds(seconds).await;
        let now = world_of_workflow.clock.now();
        let mut state = world_of_workflow.lock();
        state.life_cycles.passed("table", &name, "active", began, now);
        if let Ok(table) = state.region(&region).tables.get_mut(&name)
            && table.id == id
        {
            table.status = Status::Active;
        }
    });
}

impl Tables {
    /// A table by name or ARN, for operations on tables.
    pub fn get_mut(&mut self, name: &str) -> Result<&mut Table, Refusal> {
        let name = name.rsplit_once(":table/").map_or(name, |(_, name)| name);
        self.tables
            .get_mut(name)
            .ok_or_else(|| not_found(format!("Requested resource not found: Table: {name} not found")))
    }

    /// As [`Tables::get_mut`], for whoever reads about tables and sees them late.
    pub fn get_seen(&mut self, name: &str, as_of: Timestamp) -> Result<&mut Table, Refusal> {
        let table = self.get_mut(name)?;
        if table.created > as_of {
            return Err(not_found(format!(
                "Requested resource not found: Table: {} not found",
                table.name
            )));
        }
        Ok(table)
    }

    /// A table by name or ARN, for operations on items: it must be there already.
    pub fn open(&mut self, name: &str) -> Result<&mut Table, Refusal> {
        let missing = || not_found("Requested resource not found".to_owned());
        let table = self.get_mut(name).map_err(|_| missing())?;
        // Items can be read and written while a table is updated or even deleted, not before it is made.
        if table.status == Status::Creating {
            return Err(missing());
        }
        Ok(table)
    }

    /// The names of those that readers see.
    pub fn names_seen(&self, as_of: Timestamp) -> impl Iterator<Item = &String> {
        let seen = self.tables.values().filter(move |table| table.created <= as_of);
        seen.map(|table| &table.name)
    }

    pub(crate) fn inventory(&self, region: &str) -> Vec<Listed> {
        let listed = self.tables.values().map(|table| Listed {
            service: "dynamodb",
            kind: "table",
            region: region.to_owned(),
            id: table.arn.clone(),
            name: table.name.clone(),
            tags: Tags::clone(&table.tags),
        });
        let backups = self.backups.iter().map(|backup| backup.item(region));
        listed.chain(backups).collect()
    }

    /// The backups that are still kept.
    pub fn backups(&self, now: Timestamp) -> impl Iterator<Item = &Backup> {
        self.backups.iter().filter(move |backup| now < backup.expires)
    }
}

impl Table {
    /// Reads and writes a second that it takes at once: what it was warmed up to, else what it is provisioned with or a new table on
    /// demand has (DynamoDB guide: warm-throughput).
    pub fn warm(&self) -> [i64; 2] {
        let usual = match self.billing {
            Billing::PayPerRequest => [12_000, 4_000],
            Billing::Provisioned(read, write) => [read, write],
        };
        [0, 1].map(|kind| self.warmed[kind].unwrap_or(0).max(usual[kind]))
    }

    /// Never down ("can't be decreased": DynamoDB guide); in which words DynamoDB refuses that no public source tells.
    fn warm_up(&mut self, wanted: [Option<i64>; 2]) -> Result<(), Refusal> {
        let now = self.warm();
        for (kind, wanted) in wanted.into_iter().enumerate() {
            match wanted {
                Some(wanted) if wanted < now[kind] => {
                    let text = format!("Warm throughput cannot be decreased: {} to {wanted}", now[kind]);
                    return Err(Refusal::new("ValidationException", text));
                }
                Some(wanted) => self.warmed[kind] = Some(wanted),
                None => {}
            }
        }
        Ok(())
    }

    fn new(new: NewTable, account: &str, region: &str, now: Timestamp) -> Self {
        Self {
            arn: format!("arn:aws:dynamodb:{region}:{account}:table/{}", new.name),
            id: ids::uuid(),
            name: new.name,
            partition: new.partition,
            sort: new.sort,
            billing: new.billing,
            class: new.class,
            status: Status::Creating,
            created: now,
            deletion_protection: new.deletion_protection,
            warmed: new.warm,
            recovery_days: None,
            recovery_since: now,
            tags: Settling::made(new.tags, Tags::new(), now),
            time_to_live: TimeToLive::default(),
            items: BTreeMap::new(),
            counted: Counted {
                at: now,
                items: 0,
                bytes: 0,
            },
        }
    }

    /// Number and bytes of the items as DescribeTable tells them: up to six hours old.
    pub fn counts(&mut self, now: Timestamp) -> (i64, i64) {
        if now.duration_since(self.counted.at) >= COUNTED_EVERY {
            self.counted = Counted {
                at: now,
                items: self.count(),
                bytes: self.bytes(),
            };
        }
        (self.counted.items, self.counted.bytes)
    }

    /// How many items there are.
    pub fn count(&self) -> i64 {
        self.items.len() as i64
    }

    /// How many bytes they have.
    pub fn bytes(&self) -> i64 {
        self.items.values().map(|item| size(item) as i64).sum()
    }

    /// Status and attribute as DescribeTimeToLive tells them.
    pub fn time_to_live(&self, now: Timestamp) -> (&'static str, Option<String>) {
        let TimeToLive { attribute, changed } = &self.time_to_live;
        let settled = changed.is_none_or(|changed| now.duration_since(changed) >= TIME_TO_LIVE_CHANGES);
        let status = match (attribute.is_some(), settled) {
            (true, true) => "ENABLED",
            (true, false) => "ENABLING",
            (false, true) => "DISABLED",
            (false, false) => "DISABLING",
        };
        (status, attribute.clone())
    }

    /// # Errors
    /// `ValidationException` within an hour of the last change, and where nothing would change.
    pub fn set_time_to_live(&mut self, now: Timestamp, enabled: bool, attribute: &str) -> Result<(), Refusal> {
        let TimeToLive {
            attribute: current,
            changed,
        } = &self.time_to_live;
        if changed.is_some_and(|changed| now.duration_since(changed) < TIME_TO_LIVE_CHANGES) {
            return Err(invalid(
                "Time to live has been modified multiple times within a fixed interval",
            ));
        }
        if enabled == current.is_some() {
            let state = if enabled { "enabled" } else { "disabled" };
            return Err(invalid(format!("TimeToLive is already {state}")));
        }
        self.time_to_live = TimeToLive {
            attribute: enabled.then(|| attribute.to_owned()),
            changed: Some(now),
        };
        Ok(())
    }

    /// As UpdateContinuousBackups: for that many days back, or the most; what was on before goes on.
    ///
    /// # Errors
    /// `ValidationException` for days that no table can have.
    pub fn set_recovery(&mut self, now: Timestamp, enabled: bool, days: Option<i32>) -> Result<(), Refusal> {
        let days = days.unwrap_or(LONGEST_RECOVERY);
        if !(1..=LONGEST_RECOVERY).contains(&days) {
            return Err(invalid(format!(
                "RecoveryPeriodInDays must be between 1 and {LONGEST_RECOVERY}"
            )));
        }
        if enabled && self.recovery_days.is_none() {
            self.recovery_since = now;
        }
        self.recovery_days = enabled.then_some(days);
        Ok(())
    }

    /// The moments between which the table can be had back, while recovery is on: up to five minutes before now.
    pub fn recoverable(&self, now: Timestamp) -> Option<(Timestamp, Timestamp)> {
        self.recovery_days?;
        let latest = now - NOT_YET_RECOVERABLE;
        Some((self.recovery_since, latest.max(self.recovery_since)))
    }

    /// Where an item with these attributes has its place.
    ///
    /// # Errors
    /// Where a key attribute is missing, empty, of another type or too long.
    pub fn place(&self, item: &Item) -> Result<String, Refusal> {
        let partition = key_text(item, &self.partition)?;
        let sort = match &self.sort {
            Some(attribute) => key_text(item, attribute)?,
            None => String::new(),
        };
        // The missing blank is DynamoDB's.
        if self.partition.length(&partition) > LONGEST_PARTITION {
            return Err(invalid(format!(
                "One or more parameter values were invalid: Size of hashkey has exceeded the maximum size limit \
                 of{LONGEST_PARTITION} bytes"
            )));
        }
        if self.sort.as_ref().is_some_and(|it| it.length(&sort) > LONGEST_SORT) {
            return Err(invalid(format!(
                "One or more parameter values were invalid: Aggregated size of all range keys has exceeded the size limit of \
                 {LONGEST_SORT} bytes"
            )));
        }
        // Scans come in the order of a hash, as on AWS: nobody may rely on the order of keys.
        Ok(format!("{:016x}\0{partition}\0{sort}", fnv(partition.as_bytes())))
    }

    /// As [`Table::place`], of a key that must have no other attribute.
    pub fn place_of_key(&self, key: &Item) -> Result<String, Refusal> {
        let attributes = [Some(&self.partition), self.sort.as_ref()];
        let mut attributes = attributes.into_iter().flatten();
        if key.len() != attributes.clone().count() || attributes.any(|it| key_text(key, it).is_err()) {
            return Err(invalid("The provided key element does not match the schema"));
        }
        self.place(key)
    }

    pub fn item(&self, place: &str) -> Option<&Item> {
        self.items.get(place)
    }

    /// Puts an item, and gives the one that it replaces.
    pub fn put(&mut self, place: String, item: Item) -> Option<Item> {
        self.items.insert(place, item)
    }

    pub fn remove(&mut self, place: &str) -> Option<Item> {
        self.items.remove(place)
    }

    /// The items after a place, in the order of a scan.
    pub fn scan(&self, after: Option<String>) -> impl Iterator<Item = &Item> {
        let start = after.map_or(std::ops::Bound::Unbounded, std::ops::Bound::Excluded);
        self.items
            .range((start, std::ops::Bound::Unbounded))
            .map(|(_, item)| item)
    }

    /// The key attributes of an item.
    pub fn key_of(&self, item: &Item) -> Item {
        let names = [Some(&self.partition), self.sort.as_ref()];
        let attributes = names.into_iter().flatten();
        attributes
            .filter_map(|attribute| Some((attribute.name.clone(), item.get(&attribute.name)?.clone())))
            .collect()
    }
}

/// An item's size in bytes, near enough to DynamoDB's own count.
pub fn size(item: &Item) -> usize {
    item.iter().map(|(name, value)| name.len() + value_size(value)).sum()
}

fn value_size(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(values) => 3 + values.iter().map(value_size).sum::<usize>(),
        // The type's letter costs nothing.
        Value::Object(members) => members.values().map(value_size).sum(),
        _ => 1,
    }
}

fn key_text(item: &Item, attribute: &KeyAttribute) -> Result<String, Refusal> {
    let name = &attribute.name;
    let value = item.get(name).and_then(Value::as_object).ok_or_else(|| {
        invalid(format!(
            "One or more parameter values were invalid: Missing the key {name} in the item"
        ))
    })?;
    let Some(text) = value.get(&attribute.kind).and_then(Value::as_str) else {
        let actual = value.keys().next().map(String::as_str).unwrap_or_default();
        return Err(invalid(format!(
            "One or more parameter values were invalid: Type mismatch for key {name} expected: {} actual: {actual}",
            attribute.kind
        )));
    };
    if text.is_empty() {
        return Err(invalid(format!(
            "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an \
             empty string value. Key: {name}"
        )));
    }
    Ok(text.to_owned())
}

fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

fn in_use(text: String) -> Refusal {
    Refusal::new("ResourceInUseException", text)
}

fn not_found(text: String) -> Refusal {
    Refusal::new("ResourceNotFoundException", text)
}

fn invalid(text: impl Into<String>) -> Refusal {
    Refusal::new("ValidationException", text)
}
