//! Key pairs.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use winterbaume_ec2_generated::{model as m, wire};

use super::{all_known, filters, not_found, specified, tag_list};
use crate::gateway::call::{Answer, Call};
use crate::world::clock::text;
use crate::world::compute::key_pairs::KeyPair;
use crate::world::{Refusal, World};

pub(super) fn create(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::CreateKeyPairRequest = call.query()?;
    if request.key_format.as_ref().is_some_and(|format| format != "pem") {
        return Err(super::super::not_implemented("KeyFormat ppk of CreateKeyPair"));
    }
    let kind = request.key_type.unwrap_or_else(|| "rsa".to_owned());
    let tags = specified(request.tag_specifications);
    let now = world.clock.now();
    let mut state = world.lock();
    let compute = &mut state.region(&call.region).compute;
    let (pair, material) = compute.create_key_pair(&request.key_name, &kind, now, tags)?;
    let result = m::KeyPair {
        key_fingerprint: Some(pair.fingerprint),
        key_material: Some(material),
        key_name: Some(pair.name),
        key_pair_id: Some(pair.id),
        tags: Some(tag_list(&pair.tags)),
    };
    Ok(wire::serialize_create_key_pair_response(&result).into())
}

pub(super) fn import(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::ImportKeyPairRequest = call.query()?;
    let invalid = || Refusal::new("InvalidKey.Format", "Key is not in valid OpenSSH public key format");
    // A blob travels as base64.
    let material = STANDARD
        .decode(request.public_key_material.trim())
        .map_err(|_| invalid())?;
    let material = String::from_utf8(material).map_err(|_| invalid())?;
    let tags = specified(request.tag_specifications);
    let now = world.clock.now();
    let mut state = world.lock();
    let pair = state
        .region(&call.region)
        .compute
        .import_key_pair(&request.key_name, &material, now, tags)?;
    let result = m::ImportKeyPairResult {
        key_fingerprint: Some(pair.fingerprint),
        key_name: Some(pair.name),
        key_pair_id: Some(pair.id),
        tags: Some(tag_list(&pair.tags)),
    };
    Ok(wire::serialize_import_key_pair_response(&result).into())
}

/// A key pair that is not there is deleted all the same.
pub(super) fn delete(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::DeleteKeyPairRequest = call.query()?;
    let mut state = world.lock();
    let pairs = &mut state.region(&call.region).compute.key_pairs;
    let meant = |pair: &KeyPair| {
        Some(&pair.name) == request.key_name.as_ref() || Some(&pair.id) == request.key_pair_id.as_ref()
    };
    let name = pairs.values().find(|pair| meant(pair)).map(|pair| pair.name.clone());
    let removed = name.and_then(|name| pairs.remove(&name));
    let result = m::DeleteKeyPairResult {
        key_pair_id: removed.map(|pair| pair.id),
        r#return: Some(true),
    };
    Ok(wire::serialize_delete_key_pair_response(&result).into())
}

pub(super) fn describe(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::DescribeKeyPairsRequest = call.query()?;
    let names = request.key_names.map(|list| list.items);
    let ids = request.key_pair_ids.map(|list| list.items);
    let with_key = request.include_public_key == Some(true);
    let mut state = world.lock();
    let as_of = state.as_of(world.clock.now());
    let pairs = state.region(&call.region).compute.key_pairs.seen(as_of);
    let refuse = |name: &str| not_found("InvalidKeyPair.NotFound", "key pair", name);
    all_known(names.as_ref(), |name| pairs.contains_key(name), refuse)?;
    all_known(ids.as_ref(), |id| pairs.values().any(|it| it.id == id), refuse)?;
    let wanted = |pair: &&KeyPair| {
        names.as_ref().is_none_or(|names| names.contains(&pair.name))
            && ids.as_ref().is_none_or(|ids| ids.contains(&pair.id))
    };
    let all: Vec<_> = pairs.values().filter(wanted).collect();
    let by = |pair: &&KeyPair, name: &str| {
        vec![match name {
            "key-name" => pair.name.clone(),
            "key-pair-id" => pair.id.clone(),
            _ => pair.fingerprint.clone(),
        }]
    };
    let chosen = filters::select(
        all,
        request.filters,
        &["key-name", "key-pair-id", "fingerprint"],
        by,
        |pair| pair.tags.clone(),
    )?;
    let view = |pair: &KeyPair| m::KeyPairInfo {
        create_time: Some(text(pair.created)),
        key_fingerprint: Some(pair.fingerprint.clone()),
        key_name: Some(pair.name.clone()),
        key_pair_id: Some(pair.id.clone()),
        key_type: Some(pair.kind.to_owned()),
        public_key: with_key.then(|| pair.public_key.clone()),
        tags: Some(tag_list(&pair.tags)),
    };
    let result = m::DescribeKeyPairsResult {
        key_pairs: Some(chosen.into_iter().map(view).collect()),
    };
    Ok(wire::serialize_describe_key_pairs_response(&result).into())
}
