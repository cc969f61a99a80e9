//! The Resource Groups Tagging API, as far as it reads: what of a region carries which tags.
//! The answers are written here: they are small, and no types are generated for them. AWS's words for what it refuses are
//! not public; its codes are those of botocore's model.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};

use super::order::in_no_order;
use super::page::page;
use super::{Entry, Service, operation};
use crate::protocols::call::{Answer, Call};
use crate::world::tagging::{Hit, TagFilter};
use crate::world::{Refusal, World};

const OPERATIONS: &[Entry] = &[
    operation(
        "GetResources",
        &[
            "PaginationToken",
            "TagFilters{Key,Values}",
            "ResourcesPerPage",
            "TagsPerPage",
            "ResourceTypeFilters",
            "IncludeComplianceDetails=false",
            "ExcludeCompliantResources=false",
            "ResourceARNList",
        ],
        get_resources,
    ),
    operation("GetTagKeys", &["PaginationToken"], get_tag_keys),
    operation("GetTagValues", &["PaginationToken", "Key"], get_tag_values),
];

pub(crate) const SERVICE: Service = Service {
    scope: "tagging",
    title: "Resource Groups Tagging API",
    operations: OPERATIONS,
    refuses: None,
};

/// In a page where the request does not say. AWS does not either: clients have to turn pages.
const RESOURCES: i32 = 50;
const KEYS: i32 = 50;

/// A token is good for that long (API reference, PaginationTokenExpiredException).
const TOKENS_LIVE: SignedDuration = SignedDuration::from_mins(15);

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Request {
    pagination_token: Option<String>,
    tag_filters: Option<Vec<Filter>>,
    resources_per_page: Option<i32>,
    tags_per_page: Option<i32>,
    resource_type_filters: Option<Vec<String>>,
    #[serde(rename = "ResourceARNList")]
    arns: Option<Vec<String>>,
    key: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Filter {
    key: String,
    values: Option<Vec<String>>,
}

fn get_resources(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: Request = call.json()?;
    check(&request)?;
    let now = world.clock.now();
    let state = world.lock();
    let (index, as_of) = state.tagging_as_of(now);
    if let Some(arns) = request.arns.filter(|arns| !arns.is_empty()) {
        let named = index
            .seen(&call.region, as_of)
            .filter(|(arn, _)| arns.iter().any(|it| it == arn));
        return Ok(answer(&json!({
            "PaginationToken": "",
            "ResourceTagMappingList": named.map(mapping).collect::<Vec<_>>(),
        })));
    }
    let filters = request.tag_filters.unwrap_or_default().into_iter();
    let filters: Vec<_> = filters
        .map(|it| TagFilter {
            key: it.key,
            values: it.values.unwrap_or_default(),
        })
        .collect();
    let types = request.resource_type_filters.unwrap_or_default();
    let found = index.find(&call.region, &filters, &types, as_of);
    let found = in_no_order(found, |(arn, _)| (*arn).to_owned());
    let limits = (request.resources_per_page, request.tags_per_page);
    let (found, next) = page_of_resources(found, limits, request.pagination_token.as_deref(), now)?;
    Ok(answer(&json!({
        "PaginationToken": next,
        "ResourceTagMappingList": found.into_iter().map(mapping).collect::<Vec<_>>(),
    })))
}

fn get_tag_keys(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: Request = call.json()?;
    let now = world.clock.now();
    let state = world.lock();
    let (index, as_of) = state.tagging_as_of(now);
    let all = index.seen(&call.region, as_of);
    let keys: BTreeSet<&String> = all.flat_map(|(_, tags)| tags.keys()).collect();
    list("TagKeys", keys, request.pagination_token.as_deref(), now)
}

fn get_tag_values(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: Request = call.json()?;
    let key = request.key.filter(|key| !key.is_empty());
    let key = key.ok_or_else(|| invalid("Key is required"))?;
    let now = world.clock.now();
    let state = world.lock();
    let (index, as_of) = state.tagging_as_of(now);
    let all = index.seen(&call.region, as_of);
    let values: BTreeSet<&String> = all.filter_map(|(_, tags)| tags.get(&key)).collect();
    list("TagValues", values, request.pagination_token.as_deref(), now)
}

/// Limits as the API reference gives them.
fn check(request: &Request) -> Result<(), Refusal> {
    let filters = request.tag_filters.as_deref().unwrap_or_default();
    let types = request.resource_type_filters.as_deref().unwrap_or_default();
    let arns = request.arns.as_deref().unwrap_or_default();
    let out_of = |value: Option<i32>, least, most| value.is_some_and(|value| value < least || value > most);
    let paged = request.resources_per_page.is_some()
        || request.tags_per_page.is_some()
        || request
            .pagination_token
            .as_deref()
            .is_some_and(|token| !token.is_empty());
    let wrong = if !arns.is_empty() && (!filters.is_empty() || !types.is_empty() || paged) {
        "ResourceARNList cannot be given together with TagFilters, ResourceTypeFilters or a page"
    } else if arns.len() > 100 {
        "ResourceARNList has more than 100 ARNs"
    } else if filters.len() > 50 {
        "TagFilters has more than 50 keys"
    } else if filters.iter().any(|filter| filter.key.is_empty()) {
        "A tag filter has no Key"
    } else if filters
        .iter()
        .any(|filter| filter.values.as_ref().is_some_and(|it| it.len() > 20))
    {
        "A tag filter has more than 20 values"
    } else if types.len() > 100 {
        "ResourceTypeFilters has more than 100 types"
    } else if out_of(request.resources_per_page, 1, 100) {
        "ResourcesPerPage is not between 1 and 100"
    } else if out_of(request.tags_per_page, 100, 500) {
        "TagsPerPage is not between 100 and 500"
    } else {
        return Ok(());
    };
    Err(invalid(wrong))
}

fn invalid(text: &str) -> Refusal {
    Refusal::new("InvalidParameterException", text)
}

/// The resources of a page, and the token of the next; an empty one at the end. A resource's tags are all in one page, and
/// one without any counts as having one (API reference, TagsPerPage).
fn page_of_resources<'a>(
    found: Vec<Hit<'a>>,
    (resources, tags): (Option<i32>, Option<i32>),
    token: Option<&str>,
    now: Timestamp,
) -> Result<(Vec<Hit<'a>>, String), Refusal> {
    let (rest, _) = page(found, None, read_token(token, now)?.as_deref()).map_err(|_| unreadable())?;
    let mut room = tags.and_then(|most| usize::try_from(most).ok());
    let fitting = rest.iter().take_while(|(_, tags)| {
        let needed = tags.len().max(1);
        let fits = room.is_none_or(|room| needed <= room);
        room = room.map(|room| room.saturating_sub(needed));
        fits
    });
    let fitting = i32::try_from(fitting.count()).unwrap_or(i32::MAX);
    // A page with nothing would never end.
    let most = resources.unwrap_or(RESOURCES).min(fitting).max(1);
    let (found, next) = page(rest, Some(most), None).map_err(|_| unreadable())?;
    Ok((found, make_token(next, now)))
}

fn list(member: &str, all: BTreeSet<&String>, token: Option<&str>, now: Timestamp) -> Result<Answer, Refusal> {
    let token = read_token(token, now)?;
    let (some, next) = page(all.into_iter().collect(), Some(KEYS), token.as_deref()).map_err(|_| unreadable())?;
    Ok(answer(
        &json!({ "PaginationToken": make_token(next, now), member: some }),
    ))
}

fn unreadable() -> Refusal {
    invalid("PaginationToken is none that an answer gave")
}

/// With the time that it was made at. Empty at the end of a list, where the reference has null (recorded in 2024:
/// github.com/localstack/localstack, `test_rgsa.snapshot.json`).
fn make_token(next: Option<String>, now: Timestamp) -> String {
    next.map(|next| BASE64.encode(format!("{} {next}", now.as_second())))
        .unwrap_or_default()
}

/// The token within a token.
fn read_token(token: Option<&str>, now: Timestamp) -> Result<Option<String>, Refusal> {
    let Some(token) = token.filter(|token| !token.is_empty()) else {
        return Ok(None);
    };
    let text = BASE64
        .decode(token)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok());
    let (made, inner) = text
        .as_deref()
        .and_then(|text| text.split_once(' '))
        .and_then(|(made, inner)| Some((Timestamp::from_second(made.parse().ok()?).ok()?, inner.to_owned())))
        .ok_or_else(unreadable)?;
    match now.duration_since(made) > TOKENS_LIVE {
        true => Err(Refusal::new(
            "PaginationTokenExpiredException",
            "PaginationToken is older than 15 minutes",
        )),
        false => Ok(Some(inner)),
    }
}

fn mapping((arn, tags): Hit<'_>) -> Value {
    let tags: Vec<_> = tags
        .iter()
        .map(|(key, value)| json!({ "Key": key, "Value": value }))
        .collect();
    json!({ "ResourceARN": arn, "Tags": tags })
}

fn answer(body: &Value) -> Answer {
    let mut headers = HeaderMap::new();
    let json = HeaderValue::from_static("application/x-amz-json-1.1");
    headers.insert(header::CONTENT_TYPE, json);
    Answer {
        status: StatusCode::OK,
        headers,
        body: body.to_string().into(),
    }
}
