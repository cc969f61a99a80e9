//! What DynamoDB keeps of a deleted table whose point-in-time recovery was on: every item, for 35 days (botocore: dynamodb,
//! BackupExpiryDateTime). Backups on demand are not made here, and none is restored.
//! Must know nothing of how backups are listed.

use jiff::{SignedDuration, Timestamp};

use super::tables::Table;
use super::{Item, Tags, ids};

/// "If you delete a table with point-in-time recovery enabled, a SYSTEM backup is automatically created and is retained for
/// 35 days (at no additional cost)" (BackupDetails, BackupType).
const KEPT: SignedDuration = SignedDuration::from_hours(35 * 24);

/// A backup of type SYSTEM.
#[derive(Debug, Clone)]
pub struct Backup {
    pub arn: String,
    pub name: String,
    pub created: Timestamp,
    pub expires: Timestamp,
    /// The table as it was.
    pub table: Table,
}

impl Backup {
    /// Of a table that is deleted now; `None` where it was not protected by recovery.
    pub(super) fn of_deleted(table: &Table, now: Timestamp) -> Option<Self> {
        table.recovery_days?;
        let id = format!("{:014}-{}", now.as_millisecond(), &ids::uuid()[..8]);
        Some(Self {
            arn: format!("{}/backup/{id}", table.arn),
            name: format!("{}$DeletedTableBackup", table.name),
            created: now,
            expires: now + KEPT,
            table: table.clone(),
        })
    }

    pub(super) fn item(&self, region: &str) -> Item {
        Item {
            service: "dynamodb",
            kind: "backup",
            region: region.to_owned(),
            id: self.arn.clone(),
            name: self.name.clone(),
            tags: Tags::new(),
        }
    }
}
