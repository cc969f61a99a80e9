//! CPU credits: ModifyInstanceCreditSpecification, DescribeInstanceCreditSpecifications.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::page::page;
use super::answer::{answer, list};
use super::filters;
use super::instances::refuse;
use super::requests::{Listing, named};
use crate::protocols::call::{Answer, Call};
use crate::world::compute::Instance;
use crate::world::compute::credits::{CreditMode, NOT_SUPPORTED};
use crate::world::{Refusal, World};

/// Of those that are named, each with credits; else of all that spend them without limit, as EC2 does.
pub(super) fn describe(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: Listing = call.query()?;
    let now = world.clock.now();
    let mut state = world.lock();
    let compute = &state.region(&call.region).compute;
    let all = named(compute.listed(now).collect(), &request.ids, |it| &it.id, refuse)?;
    let mode = |it: &Instance| compute.credit_mode(it);
    if let Some(without) = all.iter().find(|it| mode(it).is_none() && !request.ids.is_empty()) {
        let text = format!("The instance type of '{}' does not support CPU credits", without.id);
        return Err(Refusal::new(NOT_SUPPORTED, text));
    }
    let is_asked = |it: &&Instance| !request.ids.is_empty() || mode(it) == Some(CreditMode::Unlimited);
    let asked: Vec<_> = all.into_iter().filter(is_asked).collect();
    let by = |it: &&Instance, _: &str| vec![it.id.clone()];
    let chosen = filters::select(asked, request.filter, &["instance-id"], by, filters::no_tags)?;
    let page = page(chosen, request.max_results, request.next_token.as_deref())?;
    let view = |it: &Instance| json!({ "cpuCredits": mode(it).map(CreditMode::as_str), "instanceId": it.id });
    Ok(list(call, "instanceCreditSpecificationSet", page, view))
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Modify {
    instance_credit_specification: Vec<Wish>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Wish {
    instance_id: String,
    cpu_credits: String,
}

/// Each by itself: what cannot be set is said beside what was.
pub(super) fn modify(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: Modify = call.query()?;
    let wishes = request.instance_credit_specification;
    let modes: Vec<_> = wishes.iter().map(|wish| CreditMode::parse(&wish.cpu_credits)).collect();
    let mut state = world.lock();
    let compute = &mut state.region(&call.region).compute;
    let (mut set, mut not_set): (Vec<Value>, Vec<Value>) = (Vec::new(), Vec::new());
    for (wish, mode) in wishes.iter().zip(modes) {
        match compute.set_credit_mode(&wish.instance_id, mode?) {
            Ok(()) => set.push(json!({ "instanceId": wish.instance_id })),
            Err(refusal) => not_set.push(json!({
                "error": { "code": refusal.code, "message": refusal.message },
                "instanceId": wish.instance_id,
            })),
        }
    }
    let members = json!({
        "successfulInstanceCreditSpecificationSet": set,
        "unsuccessfulInstanceCreditSpecificationSet": not_set,
    });
    Ok(answer(call, &members))
}
