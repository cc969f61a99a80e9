//! DynamoDB: the operations on tables; those on items and on backups have files of their own.

mod backups;
mod expressions;
mod items;

use std::sync::Arc;

use winterbaume_dynamodb::model::*;
use winterbaume_dynamodb::wire;

use super::{Entry, Service, operation};
use crate::protocols::call::{Answer, Call};
use crate::world::tables::{self, Billing, KeyAttribute, NewTable, Table, TableChange};
use crate::world::{Refusal, Tags, World};

const OPERATIONS: &[Entry] = &[
    operation(
        "BatchWriteItem",
        &["RequestItems{*}", "ReturnConsumedCapacity"],
        items::batch_write,
    ),
    operation(
        "CreateTable",
        &[
            "TableName",
            "AttributeDefinitions{AttributeName,AttributeType}",
            "KeySchema{AttributeName,KeyType}",
            "BillingMode",
            "ProvisionedThroughput{ReadCapacityUnits,WriteCapacityUnits}",
            "DeletionProtectionEnabled",
            "TableClass",
            "WarmThroughput{ReadUnitsPerSecond,WriteUnitsPerSecond}",
            "Tags{Key,Value}",
        ],
        create_table,
    ),
    operation("DeleteItem", items::DELETE, items::delete_item),
    operation("DeleteTable", &["TableName"], delete_table),
    operation("DescribeBackup", &["BackupArn"], backups::describe),
    operation("DescribeContinuousBackups", &["TableName"], describe_continuous_backups),
    operation("DescribeTable", &["TableName"], describe_table),
    operation("DescribeTimeToLive", &["TableName"], describe_time_to_live),
    operation("GetItem", items::GET, items::get_item),
    operation("ListBackups", &["TableName", "BackupType"], backups::list),
    operation("ListTables", &["ExclusiveStartTableName", "Limit"], list_tables),
    operation("ListTagsOfResource", &["ResourceArn"], list_tags),
    operation("PutItem", items::PUT, items::put_item),
    operation("Query", items::QUERY, items::query_table),
    operation("Scan", items::SCAN, items::scan_table),
    operation("TagResource", &["ResourceArn", "Tags{Key,Value}"], tag),
    operation("UntagResource", &["ResourceArn", "TagKeys"], untag),
    operation(
        "UpdateContinuousBackups",
        &[
            "TableName",
            "PointInTimeRecoverySpecification{PointInTimeRecoveryEnabled,RecoveryPeriodInDays}",
        ],
        update_continuous_backups,
    ),
    operation("UpdateItem", items::UPDATE, items::update_item),
    operation(
        "UpdateTimeToLive",
        &["TableName", "TimeToLiveSpecification{Enabled,AttributeName}"],
        update_time_to_live,
    ),
    operation(
        "UpdateTable",
        &[
            "TableName",
            "BillingMode",
            "ProvisionedThroughput{ReadCapacityUnits,WriteCapacityUnits}",
            "DeletionProtectionEnabled",
            "TableClass",
            "WarmThroughput{ReadUnitsPerSecond,WriteUnitsPerSecond}",
            // They matter to indexes only, of which there are none.
            "AttributeDefinitions{AttributeName~,AttributeType~}",
        ],
        update_table,
    ),
];

pub(crate) const SERVICE: Service = Service {
    scope: "dynamodb",
    title: "DynamoDB",
    operations: OPERATIONS,
    refuses: None,
};

fn warm(wanted: Option<WarmThroughput>) -> [Option<i64>; 2] {
    let wanted = wanted.unwrap_or_default();
    [wanted.read_units_per_second, wanted.write_units_per_second]
}

fn create_table(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: CreateTableInput = call.json()?;
    check_table_name(&request.table_name)?;
    let definitions = request.attribute_definitions.unwrap_or_default();
    let schema = request.key_schema.unwrap_or_default();
    let kind_of = |name: &str| {
        let definition = definitions.iter().find(|definition| definition.attribute_name == name);
        let definition = definition.ok_or_else(|| {
            invalid(format!(
                "One or more parameter values were invalid: Some index key attributes are not defined in \
                 AttributeDefinitions. Keys: [{name}]"
            ))
        })?;
        Ok(KeyAttribute {
            name: name.to_owned(),
            kind: definition.attribute_type.clone(),
        })
    };
    let key = |kind: &str| schema.iter().find(|element| element.key_type == kind);
    let partition =
        key("HASH").ok_or_else(|| invalid("Invalid KeySchema: The first KeySchemaElement is not a HASH key type"))?;
    if definitions.len() != schema.len() {
        return Err(invalid(
            "One or more parameter values were invalid: Number of attributes in KeySchema does not exactly match \
             number of attributes defined in AttributeDefinitions",
        ));
    }
    let new = NewTable {
        name: request.table_name,
        partition: kind_of(&partition.attribute_name)?,
        sort: key("RANGE")
            .map(|element| kind_of(&element.attribute_name))
            .transpose()?,
        billing: billing(request.billing_mode.as_deref(), request.provisioned_throughput.as_ref())?,
        class: request.table_class,
        deletion_protection: request.deletion_protection_enabled.unwrap_or(false),
        warm: warm(request.warm_throughput),
        tags: tags_in(request.tags),
    };
    let mut table = tables::create(world, &call.region, new)?;
    let mut description = describe(&mut table, world.clock.now());
    if let Some(billing) = &mut description.billing_mode_summary {
        // Told by DescribeTable only.
        billing.last_update_to_pay_per_request_date_time = None;
    }
    Ok(wire::serialize_create_table_response(&CreateTableOutput {
        table_description: Some(description),
    })
    .into())
}

fn delete_table(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: DeleteTableInput = call.json()?;
    let mut table = tables::delete(world, &call.region, &request.table_name)?;
    Ok(wire::serialize_delete_table_response(&DeleteTableOutput {
        // Of what goes, neither keys nor age nor throughput are told.
        table_description: Some(TableDescription {
            attribute_definitions: None,
            creation_date_time: None,
            key_schema: None,
            warm_throughput: None,
            ..describe(&mut table, world.clock.now())
        }),
    })
    .into())
}

fn describe_table(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: DescribeTableInput = call.json()?;
    let now = world.clock.now();
    let mut state = world.lock();
    let as_of = state.as_of(now);
    let table = state.region(&call.region).tables.get_seen(&request.table_name, as_of)?;
    Ok(wire::serialize_describe_table_response(&DescribeTableOutput {
        table: Some(describe(table, now)),
    })
    .into())
}

fn update_table(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: UpdateTableInput = call.json()?;
    let throughput = request.provisioned_throughput.as_ref();
    let new_billing = match (request.billing_mode.as_deref(), throughput) {
        (None, None) => None,
        (mode, throughput) => Some(billing(mode, throughput)?),
    };
    let change = TableChange {
        billing: new_billing,
        class: request.table_class,
        protection: request.deletion_protection_enabled,
        warm: warm(request.warm_throughput),
    };
    let mut table = tables::update(world, &call.region, &request.table_name, change)?;
    Ok(wire::serialize_update_table_response(&UpdateTableOutput {
        table_description: Some(describe(&mut table, world.clock.now())),
    })
    .into())
}

fn list_tables(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: ListTablesInput = call.json()?;
    let limit = request.limit.unwrap_or(100).clamp(1, 100) as usize;
    let after = request.exclusive_start_table_name.unwrap_or_default();
    let mut state = world.lock();
    let as_of = state.as_of(world.clock.now());
    let names = state.region(&call.region).tables.names_seen(as_of);
    let mut names: Vec<String> = names.filter(|name| **name > after).take(limit + 1).cloned().collect();
    let more = names.len() > limit;
    names.truncate(limit);
    Ok(wire::serialize_list_tables_response(&ListTablesOutput {
        last_evaluated_table_name: names.last().filter(|_| more).cloned(),
        table_names: Some(names),
    })
    .into())
}

fn describe_time_to_live(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: DescribeTimeToLiveInput = call.json()?;
    let now = world.clock.now();
    let mut state = world.lock();
    let table = state.region(&call.region).tables.get_mut(&request.table_name)?;
    let (status, attribute) = table.time_to_live(now);
    let output = DescribeTimeToLiveOutput {
        time_to_live_description: Some(TimeToLiveDescription {
            time_to_live_status: Some(status.to_owned()),
            attribute_name: attribute,
        }),
    };
    Ok(wire::serialize_describe_time_to_live_response(&output).into())
}

fn update_time_to_live(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: UpdateTimeToLiveInput = call.json()?;
    let wanted = request.time_to_live_specification;
    let now = world.clock.now();
    let mut state = world.lock();
    let table = state.region(&call.region).tables.get_mut(&request.table_name)?;
    table.set_time_to_live(now, wanted.enabled, &wanted.attribute_name)?;
    let output = UpdateTimeToLiveOutput {
        time_to_live_specification: Some(wanted),
    };
    Ok(wire::serialize_update_time_to_live_response(&output).into())
}

fn describe_continuous_backups(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: DescribeContinuousBackupsInput = call.json()?;
    let mut state = world.lock();
    let table = table_or_not_found(&mut state.region(&call.region).tables, &request.table_name)?;
    let output = DescribeContinuousBackupsOutput {
        continuous_backups_description: Some(describe_backups(table, world.clock.now())),
    };
    Ok(wire::serialize_describe_continuous_backups_response(&output).into())
}

fn update_continuous_backups(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: UpdateContinuousBackupsInput = call.json()?;
    let wanted = request.point_in_time_recovery_specification;
    let now = world.clock.now();
    let mut state = world.lock();
    let table = table_or_not_found(&mut state.region(&call.region).tables, &request.table_name)?;
    table.set_recovery(
        now,
        wanted.point_in_time_recovery_enabled,
        wanted.recovery_period_in_days,
    )?;
    let output = UpdateContinuousBackupsOutput {
        continuous_backups_description: Some(describe_backups(table, now)),
    };
    Ok(wire::serialize_update_continuous_backups_response(&output).into())
}

/// These two operations have a code of their own for a table that is not there.
fn table_or_not_found<'a>(tables: &'a mut tables::Tables, name: &str) -> Result<&'a mut Table, Refusal> {
    tables
        .get_mut(name)
        .map_err(|_| Refusal::new("TableNotFoundException", format!("Table not found: {name}")))
}

fn describe_backups(table: &Table, now: jiff::Timestamp) -> ContinuousBackupsDescription {
    let recoverable = table.recoverable(now);
    let status = if recoverable.is_some() { "ENABLED" } else { "DISABLED" };
    ContinuousBackupsDescription {
        continuous_backups_status: Some("ENABLED".to_owned()),
        point_in_time_recovery_description: Some(PointInTimeRecoveryDescription {
            point_in_time_recovery_status: Some(status.to_owned()),
            recovery_period_in_days: table.recovery_days,
            earliest_restorable_date_time: recoverable.map(|(earliest, _)| seconds(earliest)),
            latest_restorable_date_time: recoverable.map(|(_, latest)| seconds(latest)),
        }),
    }
}

/// Changes the tags of the table with that ARN.
fn change_tags(world: &World, call: &Call, arn: &str, change: impl FnOnce(&mut Tags)) -> Result<(), Refusal> {
    let now = world.clock.now();
    let mut state = world.lock();
    let as_of = state.as_of(now);
    let table = state.region(&call.region).tables.get_mut(arn)?;
    table.tags.keep(now, as_of);
    change(&mut table.tags);
    Ok(())
}

fn tag(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: TagResourceInput = call.json()?;
    let added = tags_in(Some(request.tags));
    change_tags(world, call, &request.resource_arn, |tags| tags.extend(added))?;
    Ok(wire::serialize_tag_resource_response().into())
}

fn untag(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: UntagResourceInput = call.json()?;
    let goes = |key: &String| request.tag_keys.contains(key);
    change_tags(world, call, &request.resource_arn, |tags| {
        tags.retain(|key, _| !goes(key))
    })?;
    Ok(wire::serialize_untag_resource_response().into())
}

fn list_tags(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: ListTagsOfResourceInput = call.json()?;
    let mut state = world.lock();
    let as_of = state.as_of(world.clock.now());
    let table = state.region(&call.region).tables.get_mut(&request.resource_arn)?;
    let tags = table.tags.seen(as_of).iter().map(|(key, value)| Tag {
        key: key.clone(),
        value: value.clone(),
    });
    let output = ListTagsOfResourceOutput {
        tags: Some(tags.collect()),
        next_token: None,
    };
    Ok(wire::serialize_list_tags_of_resource_response(&output).into())
}

fn describe(table: &mut Table, now: jiff::Timestamp) -> TableDescription {
    let (items, bytes) = table.counts(now);
    let attributes: Vec<&KeyAttribute> = [Some(&table.partition), table.sort.as_ref()]
        .into_iter()
        .flatten()
        .collect();
    let definitions = attributes.iter().map(|attribute| AttributeDefinition {
        attribute_name: attribute.name.clone(),
        attribute_type: attribute.kind.clone(),
    });
    let schema = attributes
        .iter()
        .zip(["HASH", "RANGE"])
        .map(|(attribute, kind)| KeySchemaElement {
            attribute_name: attribute.name.clone(),
            key_type: kind.to_owned(),
        });
    let (read, write) = match table.billing {
        Billing::PayPerRequest => (0, 0),
        Billing::Provisioned(read, write) => (read, write),
    };
    let on_demand = table.billing == Billing::PayPerRequest;
    let [reads, writes] = table.warm();
    TableDescription {
        table_name: Some(table.name.clone()),
        table_arn: Some(table.arn.clone()),
        table_id: Some(table.id.clone()),
        table_status: Some(table.status.as_str().to_owned()),
        creation_date_time: Some(seconds(table.created)),
        attribute_definitions: Some(definitions.collect()),
        key_schema: Some(schema.collect()),
        item_count: Some(items),
        table_size_bytes: Some(bytes),
        provisioned_throughput: Some(ProvisionedThroughputDescription {
            number_of_decreases_today: Some(0),
            read_capacity_units: Some(read),
            write_capacity_units: Some(write),
            ..ProvisionedThroughputDescription::default()
        }),
        billing_mode_summary: on_demand.then(|| BillingModeSummary {
            billing_mode: Some("PAY_PER_REQUEST".to_owned()),
            last_update_to_pay_per_request_date_time: Some(seconds(table.created)),
        }),
        // Only where a class was asked for.
        table_class_summary: table.class.clone().map(|class| TableClassSummary {
            table_class: Some(class),
            ..TableClassSummary::default()
        }),
        warm_throughput: Some(TableWarmThroughputDescription {
            read_units_per_second: Some(reads),
            status: Some(table.status.as_str().to_owned()),
            write_units_per_second: Some(writes),
        }),
        deletion_protection_enabled: Some(table.deletion_protection),
        ..TableDescription::default()
    }
}

fn billing(mode: Option<&str>, throughput: Option<&ProvisionedThroughput>) -> Result<Billing, Refusal> {
    match (mode, throughput) {
        (Some("PAY_PER_REQUEST"), None) => Ok(Billing::PayPerRequest),
        (Some("PAY_PER_REQUEST"), Some(_)) => Err(invalid(
            "One or more parameter values were invalid: Neither ReadCapacityUnits nor WriteCapacityUnits can be \
             specified when BillingMode is PAY_PER_REQUEST",
        )),
        // An unset mode is PROVISIONED, whatever the console makes of it.
        (None | Some("PROVISIONED"), Some(throughput)) => Ok(Billing::Provisioned(
            throughput.read_capacity_units,
            throughput.write_capacity_units,
        )),
        (None | Some("PROVISIONED"), None) => Err(invalid(
            "One or more parameter values were invalid: ReadCapacityUnits and WriteCapacityUnits must both be \
             specified when BillingMode is PROVISIONED",
        )),
        (Some(other), _) => Err(invalid(format!("'{other}' is no BillingMode"))),
    }
}

fn check_table_name(name: &str) -> Result<(), Refusal> {
    let allowed = |character: char| character.is_ascii_alphanumeric() || "_.-".contains(character);
    if (3..=255).contains(&name.len()) && name.chars().all(allowed) {
        return Ok(());
    }
    Err(invalid(
        "TableName must be at least 3 characters long and at most 255 characters long, of a-z, A-Z, 0-9, _, -, .",
    ))
}

fn tags_in(tags: Option<Vec<Tag>>) -> Tags {
    tags.unwrap_or_default()
        .into_iter()
        .map(|tag| (tag.key, tag.value))
        .collect()
}

fn seconds(time: jiff::Timestamp) -> f64 {
    time.as_millisecond() as f64 / 1000.0
}

fn invalid(text: impl Into<String>) -> Refusal {
    Refusal::new("ValidationException", text)
}
