//! Registrations of the table into a file, and the count against which that is held.
//! Must know nothing of how a file is written.

use std::path::Path;

use aws_sdk_dynamodb::types::{AttributeValue, Select};
use aws_smithy_types::base64;
use confctl_export::{Export, ExportError, Format, Plan, Row, Written};
use serde_json::{Number, Value};

use crate::aws::errors::Explain;
use crate::engine::{Error, Hint, Kind};
use crate::load::addresses::is_generated;
use crate::registrations::{self, Registrations};

/// What the app keeps of a person, beside the address.
const COLUMNS: [&str; 2] = ["registered_at", "ticket"];

impl Registrations<'_> {
    /// Writes all registrations into a file, or goes on where an interrupted export was. `tell` hears how many there are so far.
    ///
    /// # Errors
    /// Where the table cannot be read, or the file cannot be written.
    pub async fn export(&self, path: &Path, format: Format, mut tell: impl FnMut(u64)) -> Result<Written, Error> {
        let plan = Plan {
            path: path.to_owned(),
            format,
            source: self.read.table_arn(self.table()),
            key: self.key().to_owned(),
            columns: COLUMNS.map(str::to_owned).into(),
            leaves_out: is_generated,
        };
        let mut export = Export::open(plan).map_err(unwritten)?;
        if export.resumed() {
            tell(export.rows());
        }
        let from = export.next().map(|key| self.row_of(key));
        let key = self.key();
        let page = |rows: Vec<registrations::Row>, next: Option<&registrations::Row>| -> Result<(), Error> {
            let next = next.and_then(|row| row.get(key)).and_then(|key| key.as_s().ok());
            let written = export.page(rows.into_iter().map(row), next.map(String::as_str));
            written.map_err(unwritten)?;
            tell(export.rows());
            Ok(())
        };
        self.pages(from, page).await?;
        export.finish().map_err(unwritten)
    }

    fn row_of(&self, key: &str) -> registrations::Row {
        [(self.key().to_owned(), AttributeValue::S(key.to_owned()))].into()
    }

    /// How many rows the table has, made-up ones too, by consistent reads: `DescribeTable` tells a number that is up to six hours old
    /// (API reference, TableDescription).
    ///
    /// # Errors
    /// Where DynamoDB does not say.
    pub async fn count(&self) -> Result<u64, Error> {
        let doing = format!("count the registrations in the table {}", self.table());
        let (mut count, mut from) = (0, None);
        loop {
            let scan = self.read.dynamodb.scan().table_name(self.table()).consistent_read(true);
            let scan = scan.select(Select::Count).set_exclusive_start_key(from);
            let page = scan.send().await.explain(&doing)?;
            count += u64::from(page.count.unsigned_abs());
            from = page.last_evaluated_key.filter(|key| !key.is_empty());
            if from.is_none() {
                return Ok(count);
            }
        }
    }

    /// Writes all registrations into a file and counts again: what came in meanwhile would go with the table.
    ///
    /// # Errors
    /// Where it cannot be written, or the table has another number of rows than were read.
    pub async fn export_all(&self, path: &Path, format: Format) -> Result<Written, Error> {
        let written = self.export(path, format, |_| {}).await?;
        let (read, there) = (written.rows + written.left_out, self.count().await?);
        if read == there {
            return Ok(written);
        }
        Err(Error::refused(format!(
            "{read} registrations were written to {}, and the table {} has {there}",
            path.display(),
            self.table()
        ))
        .because("somebody writes into it still")
        .hint(Hint::run("teardown --delete-data").and(" with `--export` and another file, when nobody does")))
    }
}

fn unwritten(error: ExportError) -> Error {
    let hint = match &error {
        ExportError::Taken(_) => "name another file, or move that one away",
        ExportError::Busy(_) => "wait until it is done, or name another file",
        ExportError::OfAnother(_) => "name another file, or delete it and its .json",
        ExportError::Unwritable { .. } => {
            "make room, or name a file in another folder; the same command goes on from where it was"
        }
    };
    Error::new(Kind::Failed, "the registrations were not exported")
        .caused_by(error)
        .hint(hint)
}

fn row(row: registrations::Row) -> Row {
    row.into_iter().map(|(name, value)| (name, json(value))).collect()
}

/// A value as JSON has it. Numbers that JSON's readers would round stay text.
fn json(value: AttributeValue) -> Value {
    let texts = |list: Vec<String>| -> Value { list.into_iter().map(Value::String).collect() };
    match value {
        AttributeValue::S(text) => Value::String(text),
        AttributeValue::N(number) => match number.parse::<i64>() {
            Ok(whole) => Value::Number(Number::from(whole)),
            Err(_) => Value::String(number),
        },
        AttributeValue::Bool(is_so) => Value::Bool(is_so),
        AttributeValue::B(bytes) => Value::String(base64::encode(bytes)),
        AttributeValue::Ss(list) | AttributeValue::Ns(list) => texts(list),
        AttributeValue::Bs(list) => texts(list.into_iter().map(base64::encode).collect()),
        AttributeValue::L(list) => list.into_iter().map(json).collect(),
        AttributeValue::M(map) => Value::Object(row(map)),
        _ => Value::Null,
    }
}
