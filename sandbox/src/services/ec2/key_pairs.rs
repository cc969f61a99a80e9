//! Key pairs.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::json;

use super::answer::{answer, list};
use super::requests::{Filter, TagSpecification, named, specified};
use super::{filters, not_found, tag_list};
use crate::protocols::call::{Answer, Call};
use crate::world::clock::text;
use crate::world::compute::key_pairs::KeyPair;
use crate::world::{Refusal, World};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateKeyPair {
    key_name: String,
    key_type: Option<String>,
    key_format: Option<String>,
    #[serde(default)]
    tag_specification: Vec<TagSpecification>,
}

pub(super) fn create(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: CreateKeyPair = call.query()?;
    if request.key_format.as_ref().is_some_and(|format| format != "pem") {
        return Err(super::super::not_implemented("KeyFormat ppk of CreateKeyPair"));
    }
    let kind = request.key_type.unwrap_or_else(|| "rsa".to_owned());
    let tags = specified(request.tag_specification);
    let now = world.clock.now();
    let mut state = world.lock();
    let compute = &mut state.region(&call.region).compute;
    let (pair, material) = compute.create_key_pair(&request.key_name, &kind, now, tags)?;
    let made = json!({
        "keyFingerprint": pair.fingerprint,
        "keyMaterial": material,
        "keyName": pair.name,
        "keyPairId": pair.id,
        "tagSet": tag_list(&pair.tags),
    });
    Ok(answer(call, &made))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ImportKeyPair {
    key_name: String,
    public_key_material: String,
    #[serde(default)]
    tag_specification: Vec<TagSpecification>,
}

pub(super) fn import(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: ImportKeyPair = call.query()?;
    let invalid = || Refusal::new("InvalidKey.Format", "Key is not in valid OpenSSH public key format");
    // A blob travels as base64.
    let material = STANDARD
        .decode(request.public_key_material.trim())
        .map_err(|_| invalid())?;
    let material = String::from_utf8(material).map_err(|_| invalid())?;
    let tags = specified(request.tag_specification);
    let now = world.clock.now();
    let mut state = world.lock();
    let pair = state
        .region(&call.region)
        .compute
        .import_key_pair(&request.key_name, &material, now, tags)?;
    let made = json!({
        "keyFingerprint": pair.fingerprint,
        "keyName": pair.name,
        "keyPairId": pair.id,
        "tagSet": tag_list(&pair.tags),
    });
    Ok(answer(call, &made))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DeleteKeyPair {
    key_name: Option<String>,
    key_pair_id: Option<String>,
}

/// A key pair that is not there is deleted all the same.
pub(super) fn delete(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: DeleteKeyPair = call.query()?;
    let mut state = world.lock();
    let pairs = &mut state.region(&call.region).compute.key_pairs;
    let meant = |pair: &KeyPair| {
        Some(&pair.name) == request.key_name.as_ref() || Some(&pair.id) == request.key_pair_id.as_ref()
    };
    let name = pairs.values().find(|pair| meant(pair)).map(|pair| pair.name.clone());
    let removed = name.and_then(|name| pairs.remove(&name));
    Ok(answer(
        call,
        &json!({ "keyPairId": removed.map(|pair| pair.id), "return": true }),
    ))
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct DescribeKeyPairs {
    key_name: Vec<String>,
    key_pair_id: Vec<String>,
    include_public_key: bool,
    filter: Vec<Filter>,
}

const FILTERS: &[&str] = &["key-name", "key-pair-id", "fingerprint"];

pub(super) fn describe(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: DescribeKeyPairs = call.query()?;
    let with_key = request.include_public_key;
    let mut state = world.lock();
    let as_of = state.as_of(world.clock.now());
    let pairs = state.region(&call.region).compute.key_pairs.seen(as_of);
    let refuse = |name: &str| not_found("InvalidKeyPair.NotFound", "key pair", name);
    let all = named(pairs.values().collect(), &request.key_name, |it| &it.name, refuse)?;
    let all = named(all, &request.key_pair_id, |it| &it.id, refuse)?;
    let values = |pair: &&KeyPair, name: &str| {
        vec![match name {
            "key-name" => pair.name.clone(),
            "key-pair-id" => pair.id.clone(),
            _ => pair.fingerprint.clone(),
        }]
    };
    let chosen = filters::select(all, request.filter, FILTERS, values, |pair| pair.tags.clone())?;
    let view = |pair: &KeyPair| {
        json!({
            "createTime": text(pair.created),
            "keyFingerprint": pair.fingerprint,
            "keyName": pair.name,
            "keyPairId": pair.id,
            "keyType": pair.kind,
            "publicKey": with_key.then_some(&pair.public_key),
            "tagSet": tag_list(&pair.tags),
        })
    };
    Ok(list(call, "keySet", (chosen, None), view))
}
