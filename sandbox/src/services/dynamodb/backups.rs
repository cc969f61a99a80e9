//! The reading side of backups: those that DynamoDB makes of deleted tables by itself are the only ones here.

use std::sync::Arc;

use winterbaume_dynamodb::model::*;
use winterbaume_dynamodb::wire;

use super::seconds;
use crate::protocols::call::{Answer, Call};
use crate::world::table_backups::Backup;
use crate::world::tables::Billing;
use crate::world::{Refusal, World};

pub(super) fn list(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: ListBackupsInput = call.json()?;
    let now = world.clock.now();
    // "USER (The default setting if no other backup types are specified)": who does not ask for the others sees none.
    let system = matches!(request.backup_type.as_deref(), Some("SYSTEM" | "ALL"));
    let of_table = |backup: &&Backup| {
        let name = request.table_name.as_deref();
        name.is_none_or(|name| name == backup.table.name || name == backup.table.arn)
    };
    let mut state = world.lock();
    let backups = state.region(&call.region).tables.backups(now);
    let wanted = backups.filter(|_| system).filter(of_table);
    let summaries = wanted.map(|backup| BackupSummary {
        table_name: Some(backup.table.name.clone()),
        table_id: Some(backup.table.id.clone()),
        table_arn: Some(backup.table.arn.clone()),
        backup_arn: Some(backup.arn.clone()),
        backup_name: Some(backup.name.clone()),
        backup_creation_date_time: Some(seconds(backup.created)),
        backup_expiry_date_time: Some(seconds(backup.expires)),
        backup_status: Some("AVAILABLE".to_owned()),
        backup_type: Some("SYSTEM".to_owned()),
        backup_size_bytes: Some(backup.table.bytes()),
    });
    let output = ListBackupsOutput {
        backup_summaries: Some(summaries.collect()),
        last_evaluated_backup_arn: None,
    };
    Ok(wire::serialize_list_backups_response(&output).into())
}

pub(super) fn describe(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: DescribeBackupInput = call.json()?;
    let now = world.clock.now();
    let mut state = world.lock();
    let mut backups = state.region(&call.region).tables.backups(now);
    let missing = || {
        Refusal::new(
            "BackupNotFoundException",
            format!("Backup not found: {}", request.backup_arn),
        )
    };
    let backup = backups.find(|it| it.arn == request.backup_arn).ok_or_else(missing)?;
    let output = DescribeBackupOutput {
        backup_description: Some(BackupDescription {
            backup_details: Some(BackupDetails {
                backup_arn: Some(backup.arn.clone()),
                backup_name: Some(backup.name.clone()),
                backup_creation_date_time: Some(seconds(backup.created)),
                backup_expiry_date_time: Some(seconds(backup.expires)),
                backup_status: Some("AVAILABLE".to_owned()),
                backup_type: Some("SYSTEM".to_owned()),
                backup_size_bytes: Some(backup.table.bytes()),
            }),
            source_table_details: Some(source(backup)),
            source_table_feature_details: Some(SourceTableFeatureDetails::default()),
        }),
    };
    Ok(wire::serialize_describe_backup_response(&output).into())
}

fn source(backup: &Backup) -> SourceTableDetails {
    let table = &backup.table;
    let attributes = [Some(&table.partition), table.sort.as_ref()];
    let schema = attributes.into_iter().flatten().zip(["HASH", "RANGE"]);
    let (mode, read, write) = match table.billing {
        Billing::PayPerRequest => ("PAY_PER_REQUEST", 0, 0),
        Billing::Provisioned(read, write) => ("PROVISIONED", read, write),
    };
    SourceTableDetails {
        table_name: Some(table.name.clone()),
        table_id: Some(table.id.clone()),
        table_arn: Some(table.arn.clone()),
        table_creation_date_time: Some(seconds(table.created)),
        table_size_bytes: Some(table.bytes()),
        item_count: Some(table.count()),
        key_schema: Some(
            schema
                .map(|(attribute, kind)| KeySchemaElement {
                    attribute_name: attribute.name.clone(),
                    key_type: kind.to_owned(),
                })
                .collect(),
        ),
        billing_mode: Some(mode.to_owned()),
        provisioned_throughput: Some(ProvisionedThroughput {
            read_capacity_units: read,
            write_capacity_units: write,
        }),
        ..SourceTableDetails::default()
    }
}
