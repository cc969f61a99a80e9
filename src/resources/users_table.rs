//! The DynamoDB table of registrations. Must know nothing of who writes into it.
//! Its data is never lost by accident: an untagged table of this name is blocked, a full one is kept by `teardown`.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, PointInTimeRecoverySpecification,
    PointInTimeRecoveryStatus, ProvisionedThroughput, ScalarAttributeType, Select, TableDescription, TableStatus, Tag,
};

use super::outputs::TABLE;
use super::ownership::block_unless_ours;
use super::stack::Stack;
use crate::aws::errors::{Explain, polled};
use crate::aws::paging::{self, Page};
use crate::aws::presence::settled;
use crate::aws::tags::settled_owner;
use crate::aws::{Aws, tags};
use crate::engine::{
    Change, Error, Failure, FieldChange, Hint, Limits, Observed, Owner, Poll, ReadCx, Removal, Resource, ResourceId,
    Values, Wait, WriteCx, default_removal,
};
use crate::profile;

pub(super) struct UsersTable {
    stack: Arc<Stack>,
}

#[derive(Clone)]
pub(super) struct LiveTable {
    arn: String,
    key: String,
    on_demand: bool,
    capacity: (i64, i64),
    deletion_protection: bool,
    point_in_time_recovery: bool,
    /// By a consistent scan; `DescribeTable.ItemCount` is up to six hours old.
    empty: bool,
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
        let doing = format!("read the tags of the table {}", self.name());
        let tags = paging::all(async |token: Option<String>| {
            let list = aws.dynamodb.list_tags_of_resource().resource_arn(arn);
            let page = list.set_next_token(token).send().await.explain(&doing)?;
            Ok(Page::new(page.tags.unwrap_or_default(), page.next_token))
        });
        Ok(tags.await?.into_iter().map(|tag| (tag.key, tag.value)).collect())
    }

    async fn live(&self, aws: &Aws, table: &TableDescription) -> Result<LiveTable, Error> {
        let name = self.name();
        let backups = aws.dynamodb.describe_continuous_backups().table_name(name).send().await;
        let backups = backups.explain(&format!("read the backups of the table {name}"))?;
        let recovery = backups
            .continuous_backups_description()
            .and_then(|backups| backups.point_in_time_recovery_description())
            .and_then(|recovery| recovery.point_in_time_recovery_status());
        let throughput = table.provisioned_throughput();
        Ok(LiveTable {
            arn: table.table_arn().unwrap_or_default().to_owned(),
            key: table
                .key_schema()
                .first()
                .map(|key| key.attribute_name().to_owned())
                .unwrap_or_default(),
            on_demand: table.billing_mode_summary().and_then(|summary| summary.billing_mode())
                == Some(&BillingMode::PayPerRequest),
            capacity: (
                throughput.and_then(|t| t.read_capacity_units()).unwrap_or(0),
                throughput.and_then(|t| t.write_capacity_units()).unwrap_or(0),
            ),
            deletion_protection: table.deletion_protection_enabled().unwrap_or(false),
            point_in_time_recovery: recovery == Some(&PointInTimeRecoveryStatus::Enabled),
            empty: self.is_empty(aws).await?,
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

    async fn create(&self, cx: &WriteCx<Aws>) -> Result<(), Error> {
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
        let tags = self.stack.ownership.tags("users-table").into_iter();
        let tags: Result<Vec<_>, _> = tags
            .map(|(key, value)| Tag::builder().key(key).value(value).build())
            .collect();
        // BillingMode left out means PROVISIONED, which then wants capacities.
        let create = cx
            .aws()
            .dynamodb
            .create_table()
            .table_name(self.name())
            .attribute_definitions(attribute)
            .key_schema(key.map_err(invalid)?)
            .set_provisioned_throughput(throughput(wanted).map_err(invalid)?)
            .billing_mode(billing(wanted))
            .deletion_protection_enabled(wanted.deletion_protection)
            .set_tags(Some(tags.map_err(invalid)?));
        cx.intend(tags::CREATED, self.name()).await?;
        cx.check()?;
        // The first of two tries may have been ours, its answer lost.
        let made = create.send().await.or_absent(&["ResourceInUseException"], &doing)?;
        if made.is_none() && !self.is_ours(cx).await? {
            let taken = format!("somebody else made the table {} a moment ago", self.name());
            return Err(Error::refused(taken).hint(Hint::run("up")));
        }
        // The app writes into it long after it is ACTIVE: nobody need wait for that.
        cx.publish(&TABLE, self.name().to_owned());
        Ok(())
    }

    async fn is_ours(&self, cx: &WriteCx<Aws>) -> Result<bool, Error> {
        let aws = cx.read().aws();
        let arn = aws.table_arn(self.name());
        let tags = self.tags(aws, &arn).await?;
        let pairs = tags.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        Ok(self.stack.ownership.owner(pairs) == Owner::Ours)
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

    /// Tags it as ours, and brings each setting that differs to what the profile says.
    async fn update(&self, cx: &WriteCx<Aws>, live: &LiveTable) -> Result<(), Error> {
        let (wanted, name) = (&self.stack.profile.table, self.name());
        let dynamodb = &cx.aws().dynamodb;
        if self.stack.takes_over("users-table") {
            let tags = self.stack.ownership.tags("users-table").into_iter();
            let tags: Result<Vec<_>, _> = tags.map(|(k, v)| Tag::builder().key(k).value(v).build()).collect();
            let tags = tags.map_err(|error| Error::failed("could not tag the table").because(error.to_string()))?;
            cx.intend(tags::CREATED, name).await?;
            cx.check()?;
            let tag = dynamodb
                .tag_resource()
                .resource_arn(&live.arn)
                .set_tags(Some(tags))
                .send()
                .await;
            tag.explain(&format!("tag the table {name}"))?;
        }
        if live.on_demand != is_on_demand(wanted) || (!live.on_demand && live.capacity != capacity(wanted)) {
            let invalid = |error: aws_sdk_dynamodb::error::BuildError| Error::failed(error.to_string());
            let update = dynamodb.update_table().table_name(name).billing_mode(billing(wanted));
            let update = update.set_provisioned_throughput(throughput(wanted).map_err(invalid)?);
            cx.check()?;
            update
                .send()
                .await
                .explain(&format!("change the capacity of the table {name}"))?;
            self.wait_active(cx).await?;
        }
        if live.deletion_protection != wanted.deletion_protection {
            self.protect(cx, wanted.deletion_protection).await?;
        }
        if live.point_in_time_recovery != wanted.point_in_time_recovery {
            self.recover(cx, wanted.point_in_time_recovery).await?;
        }
        Ok(())
    }

    async fn protect(&self, cx: &WriteCx<Aws>, on: bool) -> Result<(), Error> {
        cx.check()?;
        let update = cx
            .aws()
            .dynamodb
            .update_table()
            .table_name(self.name())
            .deletion_protection_enabled(on);
        update
            .send()
            .await
            .explain(&format!("set the deletion protection of the table {}", self.name()))?;
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
    type Clients = Aws;

    fn id(&self) -> ResourceId {
        "users-table"
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
        (!is_on_demand(&self.stack.profile.table)).then(|| self.title())
    }

    fn limits(&self) -> Limits {
        LIMITS
    }

    async fn observe(&self, cx: &ReadCx<Aws>) -> Result<Observed<LiveTable>, Error> {
        let aws = cx.aws();
        let Some(table) = settled(cx, self.id(), self.name(), || self.describe(aws)).await? else {
            return Ok(Observed::Absent);
        };
        let status = table.table_status().cloned().unwrap_or(TableStatus::Active);
        let arn = table.table_arn().unwrap_or_default().to_owned();
        let owner = settled_owner(cx, &self.stack.ownership, "users-table", self.name(), || {
            self.tags(aws, &arn)
        })
        .await?;
        if status == TableStatus::Active {
            return Ok(Observed::Present {
                live: self.live(aws, &table).await?,
                owner,
            });
        }
        let what = format!("the table is {}", status.as_str());
        if ![TableStatus::Creating, TableStatus::Deleting].contains(&status) {
            // It answers as it was while it changes.
            let live = self.live(aws, &table).await?;
            return Ok(Observed::Settling { live, owner, what });
        }
        let live = LiveTable {
            arn,
            key: table
                .key_schema()
                .first()
                .map(|key| key.attribute_name().to_owned())
                .unwrap_or_default(),
            on_demand: true,
            capacity: (0, 0),
            deletion_protection: table.deletion_protection_enabled().unwrap_or(false),
            point_in_time_recovery: false,
            // Nobody has written into it yet, or what it held is going already.
            empty: true,
        };
        Ok(Observed::Settling { live, owner, what })
    }

    fn plan(&self, seen: &Observed<LiveTable>, _: &Values) -> Change {
        let wanted = &self.stack.profile.table;
        let Some((live, owner)) = seen.live() else {
            return Change::Create;
        };
        if live.key != wanted.key {
            return Change::Blocked {
                reason: format!(
                    "its partition key is '{}', the profile says '{}'; a table's key cannot be changed and its data is not ours to move",
                    live.key, wanted.key
                ),
                hint: "name another table with --set table.name=NAME".into(),
            };
        }
        if let Some(blocked) = block_unless_ours(&self.stack, "users-table", owner, "table.name") {
            return blocked;
        }
        // What is taken over is brought to the profile's settings too: all of it is shown.
        let mut fields = Vec::new();
        if *owner == Owner::Nobody {
            fields.push(FieldChange::new(tags::STACK, None, self.stack.name.to_string()));
        }
        let mut differs = |field: &str, from: String, to: String| {
            if from != to {
                fields.push(FieldChange::new(field, from, to));
            }
        };
        differs(
            "BillingMode",
            describe_billing(live.on_demand, live.capacity),
            describe_billing(is_on_demand(wanted), capacity(wanted)),
        );
        differs(
            "DeletionProtectionEnabled",
            live.deletion_protection.to_string(),
            wanted.deletion_protection.to_string(),
        );
        differs(
            "PointInTimeRecovery",
            live.point_in_time_recovery.to_string(),
            wanted.point_in_time_recovery.to_string(),
        );
        if fields.is_empty() {
            Change::Keep
        } else {
            Change::Update { fields }
        }
    }

    fn publish(&self, _: &LiveTable, values: &mut Values) {
        values.set(&TABLE, self.name().to_owned());
    }

    async fn apply(&self, cx: &WriteCx<Aws>, seen: Observed<LiveTable>, _: &Change) -> Result<LiveTable, Failure> {
        match seen.live() {
            None => {
                self.create(cx).await?;
                self.wait_active(cx).await?;
                if self.stack.profile.table.point_in_time_recovery {
                    self.recover(cx, true).await?;
                }
            }
            Some((live, _)) => self.update(cx, live).await?,
        }
        let table = self.wait_active(cx).await?;
        Ok(self.live(cx.read().aws(), &table).await?)
    }

    fn plan_removal(&self, seen: &Observed<LiveTable>) -> Removal {
        match (default_removal(seen), seen.live()) {
            (Removal::Delete { .. }, Some((live, _))) if !live.empty => Removal::Delete {
                loses: Some(format!("the registrations in the table {}", self.name())),
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

fn is_on_demand(wanted: &profile::Table) -> bool {
    wanted.billing == profile::BillingMode::PayPerRequest
}

fn billing(wanted: &profile::Table) -> BillingMode {
    if is_on_demand(wanted) {
        BillingMode::PayPerRequest
    } else {
        BillingMode::Provisioned
    }
}

fn capacity(wanted: &profile::Table) -> (i64, i64) {
    (
        wanted.read_capacity.unwrap_or(5).into(),
        wanted.write_capacity.unwrap_or(5).into(),
    )
}

fn throughput(wanted: &profile::Table) -> Result<Option<ProvisionedThroughput>, aws_sdk_dynamodb::error::BuildError> {
    if is_on_demand(wanted) {
        return Ok(None);
    }
    let (read, write) = capacity(wanted);
    ProvisionedThroughput::builder()
        .read_capacity_units(read)
        .write_capacity_units(write)
        .build()
        .map(Some)
}

fn describe_billing(on_demand: bool, (read, write): (i64, i64)) -> String {
    if on_demand {
        "PAY_PER_REQUEST".to_owned()
    } else {
        format!("PROVISIONED {read} read, {write} write")
    }
}
