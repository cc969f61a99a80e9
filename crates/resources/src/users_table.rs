//! The DynamoDB table of registrations. Must know nothing of who writes into it.
//! Its data is never lost by accident: an untagged table of this name is blocked, a full one is kept by `teardown`.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_sdk_dynamodb::operation::update_table::builders::UpdateTableFluentBuilder;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, PointInTimeRecoverySpecification,
    PointInTimeRecoveryStatus, ProvisionedThroughput, ScalarAttributeType, Select, TableDescription, TableStatus, Tag,
    WarmThroughput,
};
use confctl_export::Format;

use super::outputs::TABLE;
use super::ownership::{TagStep, block_unless_ours, change_tags, tag_steps, tags_among};
use super::registrations::Registrations;
use super::stack::Stack;
use crate::aws::errors::{Explain, polled};
use crate::aws::eventual_consistency::settled;
use crate::aws::paging::{self, Page};
use crate::aws::tags::indexed_tags;
use crate::aws::{Aws, own_work};
use crate::engine::{
    Error, Failure, FieldChange, Hint, Limits, Notice, Observed, Owner, Plan, Poll, ReadCx, Removal, Resource,
    ResourceId, Step, Values, Wait, WriteCx, counted, default_removal,
};
use crate::profile;

pub(super) const ID: ResourceId = "users-table";

pub(super) struct UsersTable {
    stack: Arc<Stack>,
}

#[derive(Clone)]
pub(super) struct LiveTable {
    arn: String,
    key: String,
    capacity: Capacity,
    /// Writes a second that it takes at once, or will in a while; `None` where DynamoDB does not tell.
    warm: Option<Warm>,
    deletion_protection: bool,
    point_in_time_recovery: bool,
    /// By a consistent scan; `DescribeTable.ItemCount` is up to six hours old. Looked at only where it may go.
    empty: bool,
    /// Being deleted.
    going: bool,
    tags: BTreeMap<String, String>,
}

/// Reads and writes a second; `None` by the request.
type Capacity = Option<(i64, i64)>;

/// Writes a second that a table takes at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Warm {
    writes: i64,
    /// More are on their way.
    updating: bool,
}

/// What can be changed of a table: its key never.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TableStep {
    Tag(TagStep),
    Capacity { from: Capacity, to: Capacity },
    WarmWrites { from: Option<i64>, to: i64 },
    DeletionProtection { to: bool },
    PointInTimeRecovery { to: bool },
}

impl Step for TableStep {
    fn shown(&self) -> FieldChange {
        let switch = |field: &str, to: bool| FieldChange::new(field, (!to).to_string(), to.to_string());
        match self {
            Self::Tag(tag) => tag.shown(),
            Self::Capacity { from, to } => {
                FieldChange::new("BillingMode", describe_billing(*from), describe_billing(*to))
            }
            Self::WarmWrites { from, to } => {
                let from = from.map(|writes| writes.to_string());
                let to = format!("{to} writes a second: paid once, and never lowered");
                FieldChange::new("WarmThroughput", from, to)
            }
            Self::DeletionProtection { to } => switch("DeletionProtectionEnabled", *to),
            Self::PointInTimeRecovery { to } => switch("PointInTimeRecovery", *to),
        }
    }
}

const LIMITS: Limits = Limits::minutes(2, 15);

impl UsersTable {
    pub(super) fn new(stack: Arc<Stack>) -> Self {
        Self { stack }
    }

    fn name(&self) -> &str {
        &self.stack.names.table
    }

    async fn describe(&self, aws: &Aws) -> Result<Option<TableDescription>, Error> {
        let answer = aws.dynamodb.describe_table().table_name(self.name()).send().await;
        let answer = answer.or_absent(
            &["ResourceNotFoundException"],
            &format!("describe the table {}", self.name()),
        )?;
        Ok(answer.and_then(|answer| answer.table))
    }

    async fn tags(&self, aws: &Aws, arn: &str) -> Result<BTreeMap<String, String>, Error> {
        tags(aws, self.name(), arn).await
    }

    async fn live(&self, aws: &Aws, table: &TableDescription) -> Result<LiveTable, Error> {
        let name = self.name();
        let backups = aws.dynamodb.describe_continuous_backups().table_name(name).send().await;
        let backups = backups.explain(&format!("read the backups of the table {name}"))?;
        let recovery = backups
            .continuous_backups_description()
            .and_then(|backups| backups.point_in_time_recovery_description())
            .and_then(|recovery| recovery.point_in_time_recovery_status());
        Ok(LiveTable {
            arn: table.table_arn().unwrap_or_default().to_owned(),
            key: table
                .key_schema()
                .first()
                .map(|key| key.attribute_name().to_owned())
                .unwrap_or_default(),
            capacity: capacity_of(table),
            warm: warm_of(table),
            deletion_protection: table.deletion_protection_enabled().unwrap_or(false),
            point_in_time_recovery: recovery == Some(&PointInTimeRecoveryStatus::Enabled),
            empty: self.stack.is_removed && self.is_empty(aws).await?,
            going: false,
            tags: BTreeMap::new(),
        })
    }

    async fn is_empty(&self, aws: &Aws) -> Result<bool, Error> {
        let scan = aws
            .dynamodb
            .scan()
            .table_name(self.name())
            .limit(1)
            .consistent_read(true)
            .select(Select::Count);
        let answer = scan
            .send()
            .await
            .explain(&format!("see whether the table {} is empty", self.name()))?;
        Ok(answer.count() == 0)
    }

    async fn wait_active(&self, cx: &WriteCx<Aws>) -> Result<TableDescription, Error> {
        let wait = Wait::new(format!("the table {} to become ACTIVE", self.name()), 2, LIMITS);
        cx.wait(&wait, || async {
            polled(self.describe(cx.read().aws()).await.map(|table| {
                match table {
                    Some(table) if table.table_status() == Some(&TableStatus::Active) => Poll::Ready(table),
                    Some(table) => Poll::NotYet(
                        table
                            .table_status()
                            .map(TableStatus::as_str)
                            .unwrap_or_default()
                            .to_owned(),
                    ),
                    None => Poll::NotYet("not visible yet".to_owned()),
                }
            }))
        })
        .await
    }

    async fn ask_for_creation(&self, cx: &WriteCx<Aws>) -> Result<(), Error> {
        let wanted = &self.stack.profile.table;
        let doing = format!("create the table {}", self.name());
        let invalid = |error: aws_sdk_dynamodb::error::BuildError| {
            Error::failed(format!("could not {doing}")).because(error.to_string())
        };
        let attribute = AttributeDefinition::builder()
            .attribute_name(&wanted.key)
            .attribute_type(ScalarAttributeType::S)
            .build()
            .map_err(invalid)?;
        let key = KeySchemaElement::builder()
            .attribute_name(&wanted.key)
            .key_type(KeyType::Hash)
            .build();
        // BillingMode left out means PROVISIONED, which then wants capacities.
        let create = cx
            .aws()
            .dynamodb
            .create_table()
            .table_name(self.name())
            .attribute_definitions(attribute)
            .key_schema(key.map_err(invalid)?)
            .set_provisioned_throughput(throughput(capacity(wanted))?)
            .billing_mode(billing(capacity(wanted)))
            .set_warm_throughput(wanted.warm_writes.map(|writes| warm(writes.into())))
            .deletion_protection_enabled(wanted.deletion_protection)
            .set_tags(Some(tags_of(self.stack.ownership.tags(ID))?));
        let call = async { create.send().await.explain(&doing) };
        let made = own_work::create(cx, self.name(), call, |_| self.whose(cx)).await?;
        made.ours(&self.title())?;
        // The app writes into it long after it is ACTIVE: nobody need wait for that.
        cx.publish(&TABLE, self.name().to_owned());
        Ok(())
    }

    async fn whose(&self, cx: &WriteCx<Aws>) -> Result<Owner, Error> {
        let aws = cx.read().aws();
        let arn = &aws.table_arn(self.name());
        own_work::by_tags(cx, &self.stack.ownership, ID, self.name(), || self.tags(aws, arn)).await
    }

    /// Once the last writer is gone, and before anything of the table is changed: where it does not come out right, the table stays.
    async fn export(&self, cx: &WriteCx<Aws>) -> Result<(), Failure> {
        let Some(path) = self.stack.export_to.as_ref().map(|to| to.file(self.name())) else {
            return Ok(());
        };
        cx.step(format!("writing its registrations to {}", path.display()));
        let registrations = Registrations::new(&self.stack, cx.read().aws(), cx.aws());
        let format = Format::of(&path).unwrap_or(Format::Csv);
        let written = registrations.export_all(&path, format).await.map_err(|error| {
            Failure::from(error).leaving(format!("table {} with its registrations", self.name()), true)
        })?;
        let text = format!(
            "{} of the table {} written to {}",
            counted(written.rows, "registration"),
            self.name(),
            path.display()
        );
        cx.settings().events.notice(text, None);
        Ok(())
    }

    /// DeleteTable, while DynamoDB refuses it because the table is still changing: after its settings were changed it is
    /// ACTIVE before it can be deleted (hashicorp/terraform-provider-aws, internal/service/dynamodb/table.go).
    async fn ask_for_deletion(&self, cx: &WriteCx<Aws>) -> Result<(), Error> {
        let doing = format!("delete the table {}", self.name());
        let wait = Wait::new(format!("the table {} to be free for deletion", self.name()), 3, LIMITS);
        cx.wait(&wait, || async {
            if let Err(stopped) = cx.check() {
                return Poll::Failed(stopped);
            }
            let delete = cx.aws().dynamodb.delete_table().table_name(self.name()).send().await;
            match delete.or_absent(&["ResourceNotFoundException"], &doing) {
                Err(error) if error.is_code("ResourceInUseException") => {
                    Poll::NotYet("it is still being changed".to_owned())
                }
                answer => polled(answer.map(|_| Poll::Ready(()))),
            }
        })
        .await
    }

    async fn change_tags(&self, cx: &WriteCx<Aws>, live: &LiveTable, steps: &[TagStep]) -> Result<(), Error> {
        let (dynamodb, arn, doing) = (&cx.aws().dynamodb, &live.arn, &format!("tag the table {}", self.name()));
        let untag = |tags: BTreeMap<String, String>| async move {
            let untag = dynamodb.untag_resource().resource_arn(arn);
            let untag = untag.set_tag_keys(Some(tags.into_keys().collect()));
            untag.send().await.explain(doing).map(drop)
        };
        let tag = |tags: BTreeMap<String, String>| async move {
            let tag = dynamodb.tag_resource().resource_arn(arn).set_tags(Some(tags_of(tags)?));
            tag.send().await.explain(doing).map(drop)
        };
        let read = || self.tags(cx.read().aws(), arn);
        change_tags(cx, (&self.title(), self.name()), steps, untag, tag, read).await
    }

    async fn change_capacity(&self, cx: &WriteCx<Aws>, to: Capacity) -> Result<(), Error> {
        let name = self.name();
        let update = cx
            .aws()
            .dynamodb
            .update_table()
            .table_name(name)
            .billing_mode(billing(to));
        let update = update.set_provisioned_throughput(throughput(to)?);
        let doing = format!("change the capacity of the table {name}");
        self.update(cx, update, &doing, |table| capacity_of(table) == to).await
    }

    /// Asked for, and not waited for: how long it takes depends on the table and on how much is asked, and the table serves meanwhile
    /// (DynamoDB guide, warm-throughput).
    async fn warm_up(&self, cx: &WriteCx<Aws>, to: i64) -> Result<(), Error> {
        let update = cx.aws().dynamodb.update_table().table_name(self.name());
        let update = update.warm_throughput(warm(to));
        let doing = format!("warm up the table {}", self.name());
        let is_so = |table: &TableDescription| warm_of(table).is_some_and(|warm| warm.updating || warm.writes >= to);
        self.update(cx, update, &doing, is_so).await
    }

    async fn protect(&self, cx: &WriteCx<Aws>, on: bool) -> Result<(), Error> {
        let update = cx
            .aws()
            .dynamodb
            .update_table()
            .table_name(self.name())
            .deletion_protection_enabled(on);
        let doing = format!("set the deletion protection of the table {}", self.name());
        let is_so = |table: &TableDescription| table.deletion_protection_enabled().unwrap_or(false) == on;
        self.update(cx, update, &doing, is_so).await
    }

    /// UpdateTable, until the table is ACTIVE again.
    async fn update(
        &self,
        cx: &WriteCx<Aws>,
        update: UpdateTableFluentBuilder,
        doing: &str,
        is_so: impl Fn(&TableDescription) -> bool,
    ) -> Result<(), Error> {
        let call = || {
            let update = update.clone();
            async move { update.send().await.explain(doing) }
        };
        let rested = || async { self.wait_active(cx).await.map(|table| is_so(&table)) };
        own_work::change(cx, call, rested).await?;
        self.wait_active(cx).await?;
        Ok(())
    }

    async fn recover(&self, cx: &WriteCx<Aws>, on: bool) -> Result<(), Error> {
        let doing = format!("set the point-in-time recovery of the table {}", self.name());
        let wanted = PointInTimeRecoverySpecification::builder()
            .point_in_time_recovery_enabled(on)
            .build();
        let wanted = wanted.map_err(|error| Error::failed(format!("could not {doing}")).because(error.to_string()))?;
        // For some seconds after the table is ACTIVE its backups are not: ContinuousBackupsUnavailableException.
        let wait = Wait::new(
            format!("the backups of the table {} to be there", self.name()),
            3,
            LIMITS,
        );
        cx.wait(&wait, || async {
            if let Err(stopped) = cx.check() {
                return Poll::Failed(stopped);
            }
            let update = cx.aws().dynamodb.update_continuous_backups().table_name(self.name());
            let answer = update.point_in_time_recovery_specification(wanted.clone()).send().await;
            let answer = answer.or_absent(&["ContinuousBackupsUnavailableException"], &doing);
            polled(answer.map(|answer| match answer {
                Some(_) => Poll::Ready(()),
                None => Poll::NotYet("its backups are not available yet".to_owned()),
            }))
        })
        .await?;
        Ok(())
    }
}

impl Resource for UsersTable {
    type Live = LiveTable;
    type Place = ();
    type Step = TableStep;
    type Clients = Aws;

    fn id(&self) -> ResourceId {
        ID
    }

    fn name(&self) -> String {
        self.stack.names.table.clone()
    }

    fn title(&self) -> String {
        format!("table {}", self.name())
    }

    fn needs(&self) -> Vec<&'static str> {
        vec![]
    }

    fn gives(&self) -> Vec<&'static str> {
        vec![TABLE.name]
    }

    fn holds_data(&self) -> bool {
        true
    }

    /// Provisioned capacity costs by the hour, on-demand by the request.
    fn costs(&self) -> Option<String> {
        capacity(&self.stack.profile.table).map(|_| self.title())
    }

    fn limits(&self) -> Limits {
        LIMITS
    }

    async fn observe(&self, cx: &ReadCx<Aws>) -> Result<Observed<LiveTable>, Error> {
        let aws = cx.aws();
        let Some(table) = settled(cx, self.id(), self.name(), || self.describe(aws)).await? else {
            return Ok(Observed::Absent(()));
        };
        let status = table.table_status().cloned().unwrap_or(TableStatus::Active);
        let arn = table.table_arn().unwrap_or_default().to_owned();
        let tagged = indexed_tags(cx, &self.stack.ownership, ID, self.name(), &arn, || {
            self.tags(aws, &arn)
        })
        .await?;
        let (owner, tags) = (tagged.owner, tagged.tags);
        if status == TableStatus::Active {
            let live = LiveTable {
                tags,
                ..self.live(aws, &table).await?
            };
            return Ok(Observed::Present { live, owner });
        }
        let what = format!("the table is {}", status.as_str());
        if ![TableStatus::Creating, TableStatus::Deleting].contains(&status) {
            // It answers as it was while it changes.
            let live = LiveTable {
                tags,
                ..self.live(aws, &table).await?
            };
            return Ok(Observed::Settling { live, owner, what });
        }
        let live = LiveTable {
            arn,
            key: table
                .key_schema()
                .first()
                .map(|key| key.attribute_name().to_owned())
                .unwrap_or_default(),
            capacity: capacity_of(&table),
            warm: warm_of(&table),
            deletion_protection: table.deletion_protection_enabled().unwrap_or(false),
            point_in_time_recovery: false,
            // Nobody has written into it yet, or what it held is going already.
            empty: true,
            going: status == TableStatus::Deleting,
            tags,
        };
        Ok(Observed::Settling { live, owner, what })
    }

    fn plan(&self, seen: &Observed<LiveTable>, _: &Values) -> Plan<TableStep> {
        let wanted = &self.stack.profile.table;
        let Some((live, owner)) = seen.live() else {
            return Plan::Create;
        };
        if live.key != wanted.key {
            return Plan::blocked(
                format!(
                    "its partition key is '{}', the profile says '{}'; a table's key cannot be changed and its data is not ours to move",
                    live.key, wanted.key
                ),
                "name another table with --set table.name=NAME",
            );
        }
        if let Some(blocked) = block_unless_ours(&self.stack, ID, owner, "table.name") {
            return blocked;
        }
        if live.going {
            return Plan::Create;
        }
        // What is taken over is brought to the profile's settings too: all of it is shown.
        let mut steps: Vec<_> = tag_steps(&self.stack, ID, &live.tags)
            .into_iter()
            .map(TableStep::Tag)
            .collect();
        let (from, to) = (live.capacity, capacity(wanted));
        if from != to {
            steps.push(TableStep::Capacity { from, to });
        }
        if let Some(to) = wanted.warm_writes.map(i64::from)
            && live.warm.is_none_or(|warm| warm.writes < to && !warm.updating)
        {
            let from = live.warm.map(|warm| warm.writes);
            steps.push(TableStep::WarmWrites { from, to });
        }
        if live.deletion_protection != wanted.deletion_protection {
            let to = wanted.deletion_protection;
            steps.push(TableStep::DeletionProtection { to });
        }
        if live.point_in_time_recovery != wanted.point_in_time_recovery {
            let to = wanted.point_in_time_recovery;
            steps.push(TableStep::PointInTimeRecovery { to });
        }
        Plan::of(steps)
    }

    fn notices(&self, seen: &Observed<LiveTable>) -> Vec<Notice> {
        let has = seen.live().and_then(|(live, _)| live.warm).map(|warm| warm.writes);
        let wanted = self.stack.profile.table.warm_writes.map(i64::from);
        let lower = wanted.zip(has).filter(|(wanted, has)| wanted < has);
        let notice = lower.map(|(wanted, has)| {
            Notice::new(format!(
                "table.warm_writes is {wanted}, and the table stays at {has}: DynamoDB never lowers it"
            ))
        });
        notice.into_iter().collect()
    }

    fn publish(&self, _: &LiveTable, values: &mut Values) {
        values.set(&TABLE, self.name().to_owned());
    }

    fn foresee(&self, (): &(), values: &mut Values) {
        values.set(&TABLE, self.name().to_owned());
    }

    async fn create(&self, cx: &WriteCx<Aws>, (): ()) -> Result<LiveTable, Failure> {
        self.ask_for_creation(cx).await?;
        self.wait_active(cx).await?;
        if self.stack.profile.table.point_in_time_recovery {
            self.recover(cx, true).await?;
        }
        let table = self.wait_active(cx).await?;
        Ok(self.live(cx.read().aws(), &table).await?)
    }

    async fn update(&self, cx: &WriteCx<Aws>, live: LiveTable, steps: Vec<TableStep>) -> Result<LiveTable, Failure> {
        let tags = tags_among!(steps, TableStep);
        if !tags.is_empty() {
            self.change_tags(cx, &live, &tags).await?;
        }
        for step in &steps {
            match step {
                TableStep::Tag(_) => {}
                TableStep::Capacity { to, .. } => self.change_capacity(cx, *to).await?,
                TableStep::WarmWrites { to, .. } => self.warm_up(cx, *to).await?,
                TableStep::DeletionProtection { to } => self.protect(cx, *to).await?,
                TableStep::PointInTimeRecovery { to } => self.recover(cx, *to).await?,
            }
        }
        let table = self.wait_active(cx).await?;
        Ok(self.live(cx.read().aws(), &table).await?)
    }

    fn plan_removal(&self, seen: &Observed<LiveTable>) -> Removal {
        match (default_removal(seen), seen.live()) {
            (Removal::Delete { .. }, Some((live, _))) if !live.empty => Removal::Delete {
                loses: Some(match live.point_in_time_recovery {
                    true => format!(
                        "the registrations in the table {}, and what its point-in-time recovery could bring back of 35 days",
                        self.name()
                    ),
                    false => format!("the registrations in the table {}", self.name()),
                }),
            },
            (Removal::Delete { .. }, Some((live, _))) if live.deletion_protection => Removal::Delete {
                loses: Some(format!(
                    "the table {}, which is protected against deletion",
                    self.name()
                )),
            },
            (removal, _) => removal,
        }
    }

    async fn delete(&self, cx: &WriteCx<Aws>, live: LiveTable) -> Result<(), Failure> {
        // Looked at again now that the last writer is gone: it may have filled since the plan was shown.
        if !self.stack.may_lose_data && !self.is_empty(cx.read().aws()).await? {
            let error = Error::refused(format!("the table {} holds registrations", self.name()))
                .hint(Hint::run("teardown --delete-data").and(" removes them"));
            return Err(Failure::from(error).leaving(format!("table {} with its registrations", self.name()), true));
        }
        self.export(cx).await?;
        if live.deletion_protection {
            self.protect(cx, false).await?;
        }
        // With recovery on, DynamoDB keeps a backup with all addresses for 35 days: gone where data is to go, kept otherwise.
        if live.point_in_time_recovery && self.stack.may_lose_data {
            self.recover(cx, false).await?;
        } else if live.point_in_time_recovery {
            let text = format!("DynamoDB keeps a backup of the table {} for 35 days", self.name());
            cx.settings().events.notice(text, None);
        }
        self.ask_for_deletion(cx).await?;
        let wait = Wait::new(format!("the table {} to be gone", self.name()), 2, LIMITS);
        cx.wait(&wait, || async {
            polled(self.describe(cx.read().aws()).await.map(|table| match table {
                None => Poll::Ready(()),
                Some(_) => Poll::NotYet("DELETING".to_owned()),
            }))
        })
        .await?;
        Ok(())
    }
}

/// # Errors
/// Where they cannot be read.
pub(super) async fn tags(aws: &Aws, name: &str, arn: &str) -> Result<BTreeMap<String, String>, Error> {
    let doing = format!("read the tags of the table {name}");
    let tags = paging::all(async |token: Option<String>| {
        let list = aws.dynamodb.list_tags_of_resource().resource_arn(arn);
        let page = list.set_next_token(token).send().await.explain(&doing)?;
        Ok(Page::new(page.tags.unwrap_or_default(), page.next_token))
    });
    Ok(tags.await?.into_iter().map(|tag| (tag.key, tag.value)).collect())
}

fn tags_of(tags: BTreeMap<String, String>) -> Result<Vec<Tag>, Error> {
    let tags = tags.into_iter();
    let tags = tags.map(|(key, value)| Tag::builder().key(key).value(value).build());
    tags.collect::<Result<_, _>>()
        .map_err(|error| Error::failed("could not make the tags").because(error.to_string()))
}

fn billing(capacity: Capacity) -> BillingMode {
    match capacity {
        None => BillingMode::PayPerRequest,
        Some(_) => BillingMode::Provisioned,
    }
}

fn capacity(wanted: &profile::Table) -> Capacity {
    (wanted.billing == profile::BillingMode::Provisioned).then(|| {
        (
            wanted.read_capacity.unwrap_or(5).into(),
            wanted.write_capacity.unwrap_or(5).into(),
        )
    })
}

/// A table that was always provisioned has no summary of its billing mode (botocore: dynamodb, BillingModeSummary).
fn capacity_of(table: &TableDescription) -> Capacity {
    let mode = table.billing_mode_summary().and_then(|summary| summary.billing_mode());
    let throughput = table.provisioned_throughput();
    (mode != Some(&BillingMode::PayPerRequest)).then(|| {
        (
            throughput.and_then(|t| t.read_capacity_units()).unwrap_or(0),
            throughput.and_then(|t| t.write_capacity_units()).unwrap_or(0),
        )
    })
}

fn warm_of(table: &TableDescription) -> Option<Warm> {
    let warm = table.warm_throughput()?;
    Some(Warm {
        writes: warm.write_units_per_second()?,
        updating: warm.status() == Some(&TableStatus::Updating),
    })
}

fn warm(writes: i64) -> WarmThroughput {
    WarmThroughput::builder().write_units_per_second(writes).build()
}

fn throughput(capacity: Capacity) -> Result<Option<ProvisionedThroughput>, Error> {
    let Some((read, write)) = capacity else {
        return Ok(None);
    };
    let throughput = ProvisionedThroughput::builder()
        .read_capacity_units(read)
        .write_capacity_units(write);
    let throughput = throughput.build();
    throughput
        .map(Some)
        .map_err(|error| Error::failed("could not make the table's capacity").because(error.to_string()))
}

fn describe_billing(capacity: Capacity) -> String {
    match capacity {
        None => "PAY_PER_REQUEST".to_owned(),
        Some((read, write)) => format!("PROVISIONED {read} read, {write} write"),
    }
}
