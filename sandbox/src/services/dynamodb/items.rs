//! The operations on items. Conditions, filters, updates and projections are winterbaume's expression engine's.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use winterbaume_dynamodb::expr;
use winterbaume_dynamodb::types::{AttributeValue, Item as Typed, PathSegment};

use super::{expressions, invalid};
use crate::protocols::call::{Answer, Call};
use crate::world::tables::{Item, Table, size};
use crate::world::{Refusal, World};

/// The most bytes of an item: 400 KB with its names.
const LARGEST_ITEM: usize = 400 * 1024;
/// The most bytes that one Scan or Query reads.
const LARGEST_PAGE: usize = 1024 * 1024;

pub(super) const PUT: &[&str] = &[
    "TableName",
    "Item{*}",
    "ConditionExpression",
    "ExpressionAttributeNames{*}",
    "ExpressionAttributeValues{*}",
    "ReturnValues",
    "ReturnConsumedCapacity",
    "ReturnValuesOnConditionCheckFailure",
];
pub(super) const DELETE: &[&str] = &[
    "TableName",
    "Key{*}",
    "ConditionExpression",
    "ExpressionAttributeNames{*}",
    "ExpressionAttributeValues{*}",
    "ReturnValues",
    "ReturnConsumedCapacity",
    "ReturnValuesOnConditionCheckFailure",
];
pub(super) const UPDATE: &[&str] = &[
    "TableName",
    "Key{*}",
    "UpdateExpression",
    "ConditionExpression",
    "ExpressionAttributeNames{*}",
    "ExpressionAttributeValues{*}",
    "ReturnValues",
    "ReturnConsumedCapacity",
    "ReturnValuesOnConditionCheckFailure",
];
pub(super) const GET: &[&str] = &[
    "TableName",
    "Key{*}",
    "ConsistentRead",
    "ProjectionExpression",
    "ExpressionAttributeNames{*}",
    "ReturnConsumedCapacity",
];
pub(super) const SCAN: &[&str] = &[
    "TableName",
    "Limit",
    "Select",
    "ConsistentRead",
    "ExclusiveStartKey{*}",
    "FilterExpression",
    "ProjectionExpression",
    "ExpressionAttributeNames{*}",
    "ExpressionAttributeValues{*}",
    "ReturnConsumedCapacity",
];
pub(super) const QUERY: &[&str] = &[
    "TableName",
    "Limit",
    "Select",
    "ConsistentRead",
    "ExclusiveStartKey{*}",
    "KeyConditionExpression",
    "ScanIndexForward",
    "FilterExpression",
    "ProjectionExpression",
    "ExpressionAttributeNames{*}",
    "ExpressionAttributeValues{*}",
    "ReturnConsumedCapacity",
];

/// The members of all of these, as they come.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Request {
    table_name: String,
    item: Option<Item>,
    key: Option<Item>,
    condition_expression: Option<String>,
    update_expression: Option<String>,
    key_condition_expression: Option<String>,
    filter_expression: Option<String>,
    projection_expression: Option<String>,
    expression_attribute_names: HashMap<String, String>,
    expression_attribute_values: HashMap<String, AttributeValue>,
    return_values: Option<String>,
    return_consumed_capacity: Option<String>,
    return_values_on_condition_check_failure: Option<String>,
    consistent_read: bool,
    limit: Option<usize>,
    select: Option<String>,
    exclusive_start_key: Option<Item>,
    scan_index_forward: Option<bool>,
}

impl Request {
    /// `expressions`: those that the operation has.
    fn read(call: &Call, expressions: &[&'static str]) -> Result<Self, Refusal> {
        let request: Self = call.json()?;
        for item in [&request.item, &request.key].into_iter().flatten() {
            typed(item)?;
            if size(item) > LARGEST_ITEM {
                return Err(invalid("Item size has exceeded the maximum allowed size"));
            }
        }
        request.check_expressions(expressions)?;
        Ok(request)
    }

    fn check_expressions(&self, kinds: &[&'static str]) -> Result<(), Refusal> {
        let of = |kind| {
            let text = match kind {
                "ConditionExpression" => &self.condition_expression,
                "FilterExpression" => &self.filter_expression,
                "KeyConditionExpression" => &self.key_condition_expression,
                "ProjectionExpression" => &self.projection_expression,
                _ => &self.update_expression,
            };
            (kind, text.as_deref())
        };
        let all: Vec<_> = kinds.iter().map(|kind| of(*kind)).collect();
        let (names, values) = (&self.expression_attribute_names, &self.expression_attribute_values);
        expressions::check(&all, names.keys(), values.keys())
    }

    /// Only an update has more to return.
    fn check_return_values(&self) -> Result<(), Refusal> {
        match self.return_values.as_deref() {
            None | Some("NONE" | "ALL_OLD") => Ok(()),
            Some(_) => Err(invalid("ReturnValues can only be ALL_OLD or NONE")),
        }
    }

    fn item(&self) -> Result<&Item, Refusal> {
        self.item.as_ref().ok_or_else(|| missing("item"))
    }

    fn key(&self) -> Result<&Item, Refusal> {
        self.key.as_ref().ok_or_else(|| missing("key"))
    }

    /// An expression of this request.
    fn expression(&self, kind: &str, text: Option<&String>) -> Result<Option<expr::Expr>, Refusal> {
        let Some(text) = text else {
            return Ok(None);
        };
        expr::parse_expression(
            text,
            &self.expression_attribute_names,
            &self.expression_attribute_values,
        )
        .map(Some)
        .map_err(|error| invalid(format!("Invalid {kind}: {error}")))
    }

    /// Whether the condition holds for what is there; where it does not, the answer that says so.
    fn condition(&self, old: Option<&Item>) -> Result<Option<Answer>, Refusal> {
        let Some(condition) = self.expression("ConditionExpression", self.condition_expression.as_ref())? else {
            return Ok(None);
        };
        let item = old.map(typed).transpose()?.unwrap_or_default();
        if expr::evaluate(&condition, &item) {
            return Ok(None);
        }
        let mut body = json!({ "__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException" });
        let wants_it = self.return_values_on_condition_check_failure.as_deref() == Some("ALL_OLD");
        // With an item AWS writes the message with a capital letter, so that clients do not take it for a member beside the item
        // (getmoto/moto, moto/dynamodb/exceptions.py, whose tests were run on AWS: getmoto/moto#6950).
        let message = match old.filter(|_| wants_it) {
            Some(old) => {
                body["Item"] = Value::Object(old.clone());
                "Message"
            }
            None => "message",
        };
        body[message] = "The conditional request failed".into();
        Ok(Some(answer(StatusCode::BAD_REQUEST, &body)))
    }

    fn project(&self, item: &Item) -> Result<Item, Refusal> {
        let paths =
            expr::parse_projection_expression(self.projection_expression.as_deref(), &self.expression_attribute_names)
                .map_err(|error| invalid(format!("Invalid ProjectionExpression: {error}")))?;
        match paths {
            Some(paths) => untyped(&expr::apply_projection(&typed(item)?, &paths)),
            None => Ok(item.clone()),
        }
    }

    /// Adds ConsumedCapacity where it is asked for.
    fn consumed(&self, body: &mut Map<String, Value>, table: &Table, units: f64) {
        let mut consumed = json!({ "TableName": table.name, "CapacityUnits": units });
        match self.return_consumed_capacity.as_deref() {
            Some("TOTAL") => {}
            Some("INDEXES") => consumed["Table"] = json!({ "CapacityUnits": units }),
            _ => return,
        }
        body.insert("ConsumedCapacity".to_owned(), consumed);
    }

    fn read_units(&self, bytes: usize) -> f64 {
        let units = bytes.div_ceil(4096).max(1) as f64;
        if self.consistent_read { units } else { units / 2.0 }
    }
}

/// What is done with a table that takes requests.
type Act = fn(&mut Table, &Request) -> Result<Answer, Refusal>;

fn on_table(world: &World, call: &Call, expressions: &[&'static str], act: Act) -> Result<Answer, Refusal> {
    let request = Request::read(call, expressions)?;
    let mut state = world.lock();
    act(state.region(&call.region).tables.open(&request.table_name)?, &request)
}

pub(super) fn put_item(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    on_table(world, call, &["ConditionExpression"], put)
}

pub(super) fn delete_item(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    on_table(world, call, &["ConditionExpression"], delete)
}

pub(super) fn update_item(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    on_table(world, call, &["UpdateExpression", "ConditionExpression"], update)
}

pub(super) fn get_item(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    on_table(world, call, &["ProjectionExpression"], get)
}

pub(super) fn query_table(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let expressions = ["ProjectionExpression", "FilterExpression", "KeyConditionExpression"];
    on_table(world, call, &expressions, query)
}

pub(super) fn scan_table(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    on_table(world, call, &["ProjectionExpression", "FilterExpression"], scan)
}

fn put(table: &mut Table, request: &Request) -> Result<Answer, Refusal> {
    request.check_return_values()?;
    let item = request.item()?;
    let place = table.place(item)?;
    if let Some(failed) = request.condition(table.item(&place))? {
        return Ok(failed);
    }
    let old = table.put(place, item.clone());
    let mut body = Map::new();
    let bytes = size(item).max(old.as_ref().map_or(0, size));
    request.consumed(&mut body, table, write_units(bytes));
    give_old(&mut body, request, old);
    Ok(success(body))
}

fn delete(table: &mut Table, request: &Request) -> Result<Answer, Refusal> {
    request.check_return_values()?;
    let place = table.place_of_key(request.key()?)?;
    if let Some(failed) = request.condition(table.item(&place))? {
        return Ok(failed);
    }
    let old = table.remove(&place);
    let mut body = Map::new();
    request.consumed(&mut body, table, write_units(old.as_ref().map_or(0, size)));
    give_old(&mut body, request, old);
    Ok(success(body))
}

fn update(table: &mut Table, request: &Request) -> Result<Answer, Refusal> {
    let key = request.key()?;
    let place = table.place_of_key(key)?;
    let old = table.item(&place).cloned();
    if let Some(failed) = request.condition(old.as_ref())? {
        return Ok(failed);
    }
    let mut item = typed(old.as_ref().unwrap_or(key))?;
    let mut touched = Vec::new();
    if let Some(text) = &request.update_expression {
        let names = &request.expression_attribute_names;
        let actions = expr::parse_update_expression(text, names, &request.expression_attribute_values)
            .map_err(|error| invalid(format!("Invalid UpdateExpression: {error}")))?;
        touched = actions.iter().filter_map(target).collect();
        if touched.iter().any(|name| key.contains_key(name)) {
            return Err(invalid(
                "One or more parameter values were invalid: Cannot update attribute that is part of the key",
            ));
        }
        expr::apply_update_actions(&mut item, &actions).map_err(invalid)?;
    }
    let new = untyped(&item)?;
    if size(&new) > LARGEST_ITEM {
        return Err(invalid("Item size to update has exceeded the maximum allowed size"));
    }
    let mut body = Map::new();
    let bytes = size(&new).max(old.as_ref().map_or(0, size));
    request.consumed(&mut body, table, write_units(bytes));
    let only = |item: &Item| -> Item {
        let kept = item.iter().filter(|(name, _)| touched.contains(name));
        kept.map(|(name, value)| (name.clone(), value.clone())).collect()
    };
    let attributes = match request.return_values.as_deref() {
        Some("ALL_OLD") => old,
        Some("UPDATED_OLD") => old.as_ref().map(only),
        Some("ALL_NEW") => Some(new.clone()),
        Some("UPDATED_NEW") => Some(only(&new)),
        _ => None,
    };
    if let Some(attributes) = attributes {
        body.insert("Attributes".to_owned(), Value::Object(attributes));
    }
    table.put(place, new);
    Ok(success(body))
}

/// The attribute at the top that an update action touches.
fn target(action: &winterbaume_dynamodb::types::UpdateAction) -> Option<String> {
    use winterbaume_dynamodb::types::UpdateAction;
    match action {
        UpdateAction::Set { path, .. } | UpdateAction::Remove(path) => {
            path.first().and_then(PathSegment::as_attr).map(str::to_owned)
        }
        UpdateAction::Add(name, _) | UpdateAction::Delete(name, _) => Some(name.clone()),
    }
}

fn get(table: &mut Table, request: &Request) -> Result<Answer, Refusal> {
    let place = table.place_of_key(request.key()?)?;
    let mut body = Map::new();
    let found = table.item(&place);
    request.consumed(&mut body, table, request.read_units(found.map_or(0, size)));
    if let Some(item) = found {
        body.insert("Item".to_owned(), Value::Object(request.project(item)?));
    }
    Ok(success(body))
}

fn scan(table: &mut Table, request: &Request) -> Result<Answer, Refusal> {
    let after = request
        .exclusive_start_key
        .as_ref()
        .map(|key| table.place_of_key(key))
        .transpose()?;
    let items: Vec<&Item> = table.scan(after).collect();
    page(table, request, items)
}

fn query(table: &mut Table, request: &Request) -> Result<Answer, Refusal> {
    let condition = request
        .expression("KeyConditionExpression", request.key_condition_expression.as_ref())?
        .ok_or_else(|| {
            invalid("Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.")
        })?;
    if !fixes(&condition, &table.partition.name) {
        return Err(invalid(format!(
            "Query condition missed key schema element: {}",
            table.partition.name
        )));
    }
    let mut items = Vec::new();
    for item in table.scan(None) {
        if expr::evaluate(&condition, &typed(item)?) {
            items.push(item);
        }
    }
    if let Some(sort) = &table.sort {
        items.sort_by(|left, right| compare(left.get(&sort.name), right.get(&sort.name)));
    }
    if request.scan_index_forward == Some(false) {
        items.reverse();
    }
    if let Some(start) = &request.exclusive_start_key {
        let start = table.place_of_key(start)?;
        let position = items
            .iter()
            .position(|item| table.place(item).is_ok_and(|place| place == start));
        items.drain(..position.map_or(0, |position| position + 1));
    }
    page(table, request, items)
}

/// Whether the condition says which value the attribute has.
fn fixes(condition: &expr::Expr, attribute: &str) -> bool {
    let names = |operand: &expr::Operand| {
        matches!(operand, expr::Operand::Path(path)
            if path.len() == 1 && path[0].as_attr() == Some(attribute))
    };
    match condition {
        expr::Expr::And(left, right) => fixes(left, attribute) || fixes(right, attribute),
        expr::Expr::Comparison(left, expr::CompOp::Eq, right) => names(left) || names(right),
        _ => false,
    }
}

fn compare(left: Option<&Value>, right: Option<&Value>) -> std::cmp::Ordering {
    let number = |value: Option<&Value>| value?.get("N")?.as_str()?.parse::<f64>().ok();
    let text = |value: Option<&Value>| {
        value
            .and_then(Value::as_object)?
            .values()
            .next()?
            .as_str()
            .map(str::to_owned)
    };
    match (number(left), number(right)) {
        (Some(left), Some(right)) => left.total_cmp(&right),
        _ => text(left).cmp(&text(right)),
    }
}

/// What one Scan or Query answers: at most `Limit` items or 1 MB *before* the filter.
fn page(table: &Table, request: &Request, items: Vec<&Item>) -> Result<Answer, Refusal> {
    let filter = request.expression("FilterExpression", request.filter_expression.as_ref())?;
    let limit = request.limit.unwrap_or(usize::MAX);
    if limit == 0 {
        return Err(invalid(
            "1 validation error detected: Value '0' at 'limit' failed to satisfy constraint: Member must have value \
             greater than or equal to 1",
        ));
    }
    let counts_only = request.select.as_deref() == Some("COUNT");
    let (mut found, mut scanned, mut count, mut bytes) = (Vec::new(), 0, 0, 0);
    let mut last = None;
    for item in &items {
        if scanned == limit || bytes >= LARGEST_PAGE {
            break;
        }
        scanned += 1;
        bytes += size(item);
        last = Some(*item);
        let passes = match &filter {
            Some(filter) => expr::evaluate(filter, &typed(item)?),
            None => true,
        };
        if passes {
            count += 1;
            if !counts_only {
                found.push(Value::Object(request.project(item)?));
            }
        }
    }
    let mut body = Map::new();
    body.insert("Count".to_owned(), count.into());
    body.insert("ScannedCount".to_owned(), scanned.into());
    if !counts_only {
        body.insert("Items".to_owned(), Value::Array(found));
    }
    // A page that was cut short by its limit names its last item, even if nothing comes after it.
    if let Some(last) = last
        && (scanned < items.len() || scanned == limit)
    {
        body.insert("LastEvaluatedKey".to_owned(), Value::Object(table.key_of(last)));
    }
    request.consumed(&mut body, table, request.read_units(bytes));
    Ok(success(body))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Batch {
    request_items: HashMap<String, Vec<Write>>,
    return_consumed_capacity: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Write {
    put_request: Option<PutWrite>,
    delete_request: Option<DeleteWrite>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PutWrite {
    item: Item,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DeleteWrite {
    key: Item,
}

pub(super) fn batch_write(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let batch: Batch = call.json()?;
    let writes: usize = batch.request_items.values().map(Vec::len).sum();
    if !(1..=25).contains(&writes) {
        return Err(invalid("Too many items requested for the BatchWriteItem call"));
    }
    let mut state = world.lock();
    let tables = &mut state.region(&call.region).tables;
    // All are checked before the first is done.
    for (name, writes) in &batch.request_items {
        let table = tables.open(name)?;
        let mut places = HashSet::new();
        for write in writes {
            if !places.insert(place_of(table, write)?) {
                return Err(invalid("Provided list of item keys contains duplicates"));
            }
        }
    }
    let mut consumed = Vec::new();
    for (name, writes) in batch.request_items {
        let table = tables.open(&name)?;
        let mut units = 0.0;
        for write in writes {
            let place = place_of(table, &write)?;
            units += match write.put_request {
                Some(put) => {
                    let units = write_units(size(&put.item));
                    table.put(place, put.item);
                    units
                }
                None => write_units(table.remove(&place).as_ref().map_or(0, size)),
            };
        }
        consumed.push(json!({ "TableName": table.name, "CapacityUnits": units }));
    }
    let mut body = Map::new();
    body.insert("UnprocessedItems".to_owned(), json!({}));
    if batch.return_consumed_capacity.is_some_and(|wanted| wanted != "NONE") {
        body.insert("ConsumedCapacity".to_owned(), Value::Array(consumed));
    }
    Ok(success(body))
}

fn place_of(table: &Table, write: &Write) -> Result<String, Refusal> {
    match (&write.put_request, &write.delete_request) {
        (Some(put), None) => {
            typed(&put.item)?;
            table.place(&put.item)
        }
        (None, Some(delete)) => table.place_of_key(&delete.key),
        _ => Err(invalid(
            "Supplied AttributeValue has more than one datatypes set, must contain exactly one",
        )),
    }
}

fn give_old(body: &mut Map<String, Value>, request: &Request, old: Option<Item>) {
    if request.return_values.as_deref() == Some("ALL_OLD")
        && let Some(old) = old
    {
        body.insert("Attributes".to_owned(), Value::Object(old));
    }
}

fn write_units(bytes: usize) -> f64 {
    bytes.div_ceil(1024).max(1) as f64
}

/// The item as the expression engine takes it.
fn typed(item: &Item) -> Result<Typed, Refusal> {
    serde_json::from_value(Value::Object(item.clone())).map_err(|error| {
        Refusal::new(
            "SerializationException",
            format!("An attribute value is not one of DynamoDB's: {error}"),
        )
    })
}

fn untyped(item: &Typed) -> Result<Item, Refusal> {
    match serde_json::to_value(item) {
        Ok(Value::Object(members)) => Ok(members),
        _ => Err(Refusal::with_status(
            500,
            "InternalServerError",
            "an item cannot be written",
        )),
    }
}

fn missing(member: &str) -> Refusal {
    invalid(format!(
        "1 validation error detected: Value null at '{member}' failed to satisfy constraint: Member must not be null"
    ))
}

fn success(body: Map<String, Value>) -> Answer {
    answer(StatusCode::OK, &Value::Object(body))
}

fn answer(status: StatusCode, body: &Value) -> Answer {
    let mut headers = HeaderMap::new();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/x-amz-json-1.0"),
    );
    Answer {
        status,
        headers,
        body: Bytes::from(body.to_string()),
    }
}
