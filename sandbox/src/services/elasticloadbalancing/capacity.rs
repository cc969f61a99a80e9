//! Reserved capacity: ModifyCapacityReservation, DescribeCapacityReservation.
//! Nothing is decided here but form.

use std::sync::Arc;

use jiff::Timestamp;
use winterbaume_elasticloadbalancingv2::{model as m, wire};

use crate::protocols::call::{Answer, Call};
use crate::world::balancing_capacity::Reservation;
use crate::world::clock::text;
use crate::world::{Refusal, Region, World};

pub(super) fn describe(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::DescribeCapacityReservationInput = call.query()?;
    let now = world.clock.now();
    let mut state = world.lock();
    let region = state.region(&call.region);
    let reservation = region.reservation(&request.load_balancer_arn)?;
    let zones = zones(zones_of(region, &request.load_balancer_arn), &reservation, now);
    let result = m::DescribeCapacityReservationOutput {
        capacity_reservation_state: Some(zones),
        decrease_requests_remaining: i32::try_from(reservation.decreases_left(now)).ok(),
        last_modified_time: last_modified(&reservation),
        minimum_load_balancer_capacity: minimum(&reservation),
    };
    Ok(wire::serialize_describe_capacity_reservation_response(&result).into())
}

pub(super) fn modify(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::ModifyCapacityReservationInput = call.query()?;
    let units = request
        .minimum_load_balancer_capacity
        .and_then(|minimum| minimum.capacity_units);
    let units = match (units, request.reset_capacity_reservation.unwrap_or_default()) {
        (Some(units), false) => Some(units),
        (None, true) => None,
        // "You must include at least one" of the two, says the API reference; of both it says nothing.
        _ => {
            let text = "MinimumLoadBalancerCapacity or ResetCapacityReservation is required, and not both";
            return Err(Refusal::new("InvalidConfigurationRequest", text));
        }
    };
    let now = world.clock.now();
    let mut state = world.lock();
    let region = state.region(&call.region);
    let reservation = region.reserve(&request.load_balancer_arn, units, now)?;
    let zones = zones(zones_of(region, &request.load_balancer_arn), &reservation, now);
    let result = m::ModifyCapacityReservationOutput {
        capacity_reservation_state: Some(zones),
        decrease_requests_remaining: i32::try_from(reservation.decreases_left(now)).ok(),
        last_modified_time: last_modified(&reservation),
        minimum_load_balancer_capacity: minimum(&reservation),
    };
    Ok(wire::serialize_modify_capacity_reservation_response(&result).into())
}

fn zones_of(region: &Region, arn: &str) -> Vec<String> {
    let balancer = region.balancing.load_balancers.get(arn);
    let subnets = balancer.into_iter().flat_map(|balancer| &balancer.subnets);
    subnets.map(|(zone, _)| zone.clone()).collect()
}

/// Evenly over the zones; none where nothing is reserved.
fn zones(zones: Vec<String>, reservation: &Reservation, now: Timestamp) -> m::ZonalCapacityReservationStates {
    let Some(units) = reservation.units else {
        return Vec::new().into();
    };
    let state = reservation.state(now);
    let each = f64::from(units) / zones.len().max(1) as f64;
    let effective = if state == "provisioned" { each } else { 0.0 };
    let zones = zones.into_iter().map(|zone| m::ZonalCapacityReservationState {
        availability_zone: Some(zone),
        effective_capacity_units: Some(effective),
        state: Some(m::CapacityReservationStatus {
            code: Some(state.to_owned()),
            reason: None,
        }),
    });
    zones.collect()
}

fn minimum(reservation: &Reservation) -> Option<m::MinimumLoadBalancerCapacity> {
    let units = reservation.units.and_then(|units| i32::try_from(units).ok())?;
    Some(m::MinimumLoadBalancerCapacity {
        capacity_units: Some(units),
    })
}

/// None where nothing was ever reserved.
fn last_modified(reservation: &Reservation) -> Option<String> {
    (reservation.changed != Timestamp::default()).then(|| text(reservation.changed))
}
