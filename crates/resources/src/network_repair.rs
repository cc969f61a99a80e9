//! What a default VPC of ours lacks of what AWS makes with one, and how it is made good in place.
//! Must know nothing of whose a VPC is, or of which of its subnets a stack uses.

use std::collections::BTreeSet;

use aws_sdk_ec2::types::{ResourceType, RouteTable, TagSpecification};

use super::default_vpc::LIMITS;
use super::network_parts::{self, EVERYWHERE, Part, Place, WayOut, tags_of};
use super::ownership::{TagStep, are_set, change_tags, ec2_form, tag_steps};
use super::stack::Stack;
use crate::aws::Aws;
use crate::aws::errors::{Explain, polled};
use crate::engine::{Error, FieldChange, Kind, Poll, ResourceId, Step, Wait, WriteCx};

/// What can be changed of a network of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum VpcStep {
    Tag {
        tag: TagStep,
        /// The ids of what it is set on, the VPC's first where that is among them.
        of: Vec<String>,
    },
    /// The VPC has no gateway: this one of ours, which leads nowhere, or a new one.
    Attach { gateway: Option<String> },
    /// Its main route table does not lead to the internet.
    Route {
        table: String,
        /// The gateway that its present route leads to, and that is not there.
        dead_end: Option<String>,
    },
    /// A zone without its default subnet.
    Subnet { zone: String },
    /// A gateway of ours that leads nowhere, and that nobody needs.
    Discard { gateway: String },
    /// The VPC is gone.
    MakeAnew,
}

impl Step for VpcStep {
    fn shown(&self) -> FieldChange {
        let change = |field: String, from: Option<&str>, to: &str| {
            FieldChange::new(field, from.map(str::to_owned), to.to_owned())
        };
        match self {
            Self::Tag { tag, of } if of.first().is_some_and(|id| id.starts_with("vpc-")) => tag.shown(),
            Self::Tag { tag, of } => {
                let mut shown = tag.shown();
                shown.field = format!("{} of {}", shown.field, told(of));
                shown
            }
            Self::Attach { gateway: Some(gateway) } => {
                change(format!("internet gateway {gateway}"), Some("detached"), "attached")
            }
            Self::Attach { gateway: None } => change("internet gateway".to_owned(), None, "made and attached"),
            Self::Route { table, dead_end } => {
                let dead_end = dead_end
                    .as_ref()
                    .map(|gateway| format!("{gateway}, which is not attached"));
                let field = format!("route {EVERYWHERE} in {table}");
                change(field, dead_end.as_deref(), "the internet gateway")
            }
            Self::Subnet { zone } => change(format!("default subnet in {zone}"), None, "made"),
            Self::Discard { gateway } => {
                let field = format!("internet gateway {gateway}");
                change(field, Some("left of a removal, attached to nothing"), "deleted")
            }
            Self::MakeAnew => change("VPC".to_owned(), None, "made"),
        }
    }
}

/// These parts, in words.
fn told(ids: &[String]) -> String {
    let (subnets, others): (Vec<_>, Vec<_>) = ids.iter().partition(|id| id.starts_with("subnet-"));
    let subnets = match subnets.as_slice() {
        [] => None,
        [one] => Some((*one).clone()),
        more => Some(format!("{} subnets", more.len())),
    };
    let all: Vec<_> = subnets.into_iter().chain(others.into_iter().cloned()).collect();
    all.join(", ")
}

/// What AWS makes with a default VPC and this one lacks: a gateway, a way to it, and a subnet in each zone.
/// `attached`: it has a gateway. `loose`: gateways of ours that lead nowhere.
pub(super) fn missing(
    (attached, loose): (bool, &[String]),
    tables: &[RouteTable],
    places: &[Place],
    zones: &BTreeSet<String>,
) -> Vec<VpcStep> {
    let mut steps = Vec::new();
    let again = loose.first().filter(|_| !attached);
    if !attached {
        steps.push(VpcStep::Attach {
            gateway: again.cloned(),
        });
    }
    if let Some(table) = network_parts::main_table(tables) {
        let dead_end = match network_parts::way_out(table) {
            WayOut::Gateway | WayOut::Other => None,
            // Opens again with its gateway.
            WayOut::DeadEnd(gateway) if again == Some(&gateway) => None,
            WayOut::DeadEnd(gateway) => Some(Some(gateway)),
            WayOut::Nowhere => Some(None),
        };
        steps.extend(dead_end.map(|dead_end| VpcStep::Route {
            table: table.route_table_id().unwrap_or_default().to_owned(),
            dead_end,
        }));
    }
    let has = |zone: &&String| places.iter().any(|place| place.zone == **zone);
    let bare = zones.iter().filter(|zone| !has(zone));
    steps.extend(bare.map(|zone| VpcStep::Subnet { zone: zone.clone() }));
    steps
}

/// What the tags of these lack; alike on several it is one step.
pub(super) fn tag_steps_of<'a>(
    stack: &Stack,
    id: ResourceId,
    parts: impl IntoIterator<Item = &'a Part>,
) -> Vec<VpcStep> {
    let mut steps: Vec<(TagStep, Vec<String>)> = Vec::new();
    for part in parts {
        for step in tag_steps(stack, id, &part.tags) {
            match steps.iter_mut().find(|(known, _)| *known == step) {
                Some((_, of)) => of.push(part.id.clone()),
                None => steps.push((step, vec![part.id.clone()])),
            }
        }
    }
    let steps = steps.into_iter();
    steps.map(|(tag, of)| VpcStep::Tag { tag, of }).collect()
}

/// Changes tags by those of these steps that do, and waits until they show.
///
/// # Errors
/// Where EC2 refuses, or the run was stopped.
pub(super) async fn take_tags(cx: &WriteCx<Aws>, steps: &[VpcStep]) -> Result<(), Error> {
    let mut alike: Vec<(&[String], Vec<TagStep>)> = Vec::new();
    for step in steps {
        let VpcStep::Tag { tag, of } = step else { continue };
        match alike.iter_mut().find(|(ids, _)| ids == of) {
            Some((_, tags)) => tags.push(tag.clone()),
            None => alike.push((of, vec![tag.clone()])),
        }
    }
    for (of, tags) in &alike {
        let (aws, ec2, doing) = (cx.read().aws(), &cx.aws().ec2, "tag the default VPC and its parts");
        // By its value too: EC2 leaves it where somebody gave it another one (botocore: ec2, DeleteTagsRequest).
        let untag = |tags| async move {
            let untag = ec2.delete_tags().set_resources(Some(of.to_vec()));
            untag
                .set_tags(Some(ec2_form(tags)))
                .send()
                .await
                .explain(doing)
                .map(drop)
        };
        let tag = |tags| async move {
            let tag = ec2.create_tags().set_resources(Some(of.to_vec()));
            tag.set_tags(Some(ec2_form(tags))).send().await.explain(doing).map(drop)
        };
        // Those of the part that is behind.
        let read = || async {
            let mut all = tags_of(aws, of).await?;
            let behind = all.iter().position(|of_one| !are_set(tags, of_one));
            Ok(all.swap_remove(behind.unwrap_or_default()))
        };
        change_tags(cx, ("default VPC", "default-vpc"), tags, untag, tag, read).await?;
    }
    Ok(())
}

/// Makes good what these steps say is missing.
///
/// # Errors
/// Where EC2 refuses, or the run was stopped.
pub(super) async fn make_good(cx: &WriteCx<Aws>, stack: &Stack, vpc_id: &str, steps: &[VpcStep]) -> Result<(), Error> {
    for step in steps {
        match step {
            VpcStep::Attach { gateway } => attach(cx, stack, vpc_id, gateway.clone()).await?,
            VpcStep::Route { table, dead_end } => lead_out(cx, vpc_id, table, dead_end.is_some()).await?,
            VpcStep::Subnet { zone } => make_subnet(cx, zone).await?,
            VpcStep::Tag { .. } | VpcStep::Discard { .. } | VpcStep::MakeAnew => {}
        }
    }
    Ok(())
}

/// Attaches a gateway. A new one is tagged at birth: should the run end here, the next one finds it by that.
async fn attach(cx: &WriteCx<Aws>, stack: &Stack, vpc_id: &str, gateway: Option<String>) -> Result<(), Error> {
    let ec2 = &cx.aws().ec2;
    cx.check()?;
    let id = match gateway {
        Some(id) => id,
        None => {
            let tags = TagSpecification::builder()
                .resource_type(ResourceType::InternetGateway)
                .set_tags(Some(ec2_form(stack.ownership.tags(super::default_vpc::ID))));
            let made = ec2.create_internet_gateway().tag_specifications(tags.build()).send();
            let made = made.await.explain("make an internet gateway")?.internet_gateway;
            let id = made.and_then(|gateway| gateway.internet_gateway_id);
            id.ok_or_else(|| Error::failed("EC2 made an internet gateway and did not say which"))?
        }
    };
    let doing = &format!("attach the internet gateway {id}");
    visibly(cx, doing, || async {
        let attach = ec2.attach_internet_gateway().internet_gateway_id(&id);
        let attached = attach.vpc_id(vpc_id).send().await;
        // The first of two tries, its answer lost, may have been ours.
        attached.or_absent(&["Resource.AlreadyAssociated"], doing).map(drop)
    })
    .await
}

/// Sends what leaves the VPC through its gateway.
async fn lead_out(cx: &WriteCx<Aws>, vpc_id: &str, table: &str, replaces: bool) -> Result<(), Error> {
    let (aws, ec2) = (cx.read().aws(), &cx.aws().ec2);
    let wait = Wait::new("the VPC's internet gateway to show", 2, LIMITS);
    let gateway = cx.wait(&wait, || async {
        polled(network_parts::gateways(aws).await.map(|gateways| {
            let attached = gateways.into_iter();
            let mut attached = attached.filter(|gateway| gateway.vpc_id.as_deref() == Some(vpc_id));
            match attached.next() {
                Some(gateway) => Poll::Ready(gateway.part.id),
                None => Poll::NotYet("it does not show yet".to_owned()),
            }
        }))
    });
    let gateway = gateway.await?;
    let doing = &format!("lead the route table {table} to the internet gateway {gateway}");
    if replaces {
        cx.check()?;
        let delete = ec2.delete_route().route_table_id(table);
        let deleted = delete.destination_cidr_block(EVERYWHERE).send().await;
        deleted.or_absent(&["InvalidRoute.NotFound"], doing)?;
    }
    visibly(cx, doing, || async {
        let create = ec2.create_route().route_table_id(table).gateway_id(&gateway);
        let created = create.destination_cidr_block(EVERYWHERE).send().await;
        created.or_absent(&["RouteAlreadyExists"], doing).map(drop)
    })
    .await
}

/// AWS gives it a free range and the routes of the main table (VPC guide, "Create a default subnet").
async fn make_subnet(cx: &WriteCx<Aws>, zone: &str) -> Result<(), Error> {
    cx.check()?;
    let make = cx.aws().ec2.create_default_subnet().availability_zone(zone);
    // EC2 guide, errors-overview: one a zone.
    let there = &["DefaultSubnetAlreadyExistsInAvailabilityZone"];
    let made = make
        .send()
        .await
        .or_absent(there, &format!("make the default subnet in {zone}"));
    made.map(drop).map_err(|error| match error.kind {
        Kind::Failed => {
            error.hint("make room for it in the VPC, or go without: --set network.vpc=ID --set network.subnets=ID,ID")
        }
        _ => error,
    })
}

/// Makes a change that names what may not show yet.
async fn visibly<F>(cx: &WriteCx<Aws>, doing: &str, mut change: impl FnMut() -> F) -> Result<(), Error>
where
    F: Future<Output = Result<(), Error>> + Send,
{
    cx.check()?;
    cx.wait(&Wait::new(format!("EC2 to {doing}"), 2, LIMITS), || {
        let attempt = change();
        async {
            match attempt.await {
                Ok(()) => Poll::Ready(()),
                Err(error) if error.kind == Kind::Missing => Poll::NotYet("not visible yet".to_owned()),
                Err(error) => polled(Err(error)),
            }
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::types::{Route, RouteState, RouteTableAssociation};

    use super::*;

    fn zones() -> BTreeSet<String> {
        ["us-east-1a", "us-east-1b"].map(str::to_owned).into()
    }

    fn main_table(route: Option<(&str, RouteState)>) -> Vec<RouteTable> {
        let route = route.map(|(gateway, state)| {
            let route = Route::builder().destination_cidr_block(EVERYWHERE);
            route.gateway_id(gateway).state(state).build()
        });
        let main = RouteTableAssociation::builder().main(true).build();
        let table = RouteTable::builder().route_table_id("rtb-1").associations(main);
        vec![table.set_routes(Some(route.into_iter().collect())).build()]
    }

    fn route(dead_end: Option<&str>) -> VpcStep {
        VpcStep::Route {
            table: "rtb-1".to_owned(),
            dead_end: dead_end.map(str::to_owned),
        }
    }

    #[test]
    fn a_default_vpc_that_lost_subnets_to_an_interrupted_teardown_gets_them_again() {
        let tables = main_table(Some(("igw-1", RouteState::Active)));
        let whole = [Place::in_zone("us-east-1a"), Place::in_zone("us-east-1b")];
        assert!(missing((true, &[]), &tables, &whole, &zones()).is_empty());
        let bare = |zone: &str| VpcStep::Subnet { zone: zone.to_owned() };
        assert_eq!(
            missing((true, &[]), &tables, &whole[..1], &zones()),
            [bare("us-east-1b")]
        );
        let both = [bare("us-east-1a"), bare("us-east-1b")];
        assert_eq!(missing((true, &[]), &tables, &[], &zones()), both);
    }

    #[test]
    fn a_gateway_that_was_detached_is_attached_again_and_its_route_opens_with_it() {
        let whole = [Place::in_zone("us-east-1a"), Place::in_zone("us-east-1b")];
        let dead = main_table(Some(("igw-1", RouteState::Blackhole)));
        let loose = ["igw-1".to_owned()];
        let again = VpcStep::Attach {
            gateway: Some("igw-1".to_owned()),
        };
        let new = VpcStep::Attach { gateway: None };
        assert_eq!(missing((false, &loose), &dead, &whole, &zones()), [again]);
        // It was deleted, too.
        assert_eq!(
            missing((false, &[]), &dead, &whole, &zones()),
            [new.clone(), route(Some("igw-1"))]
        );
        assert_eq!(
            missing((false, &[]), &main_table(None), &whole, &zones()),
            [new, route(None)]
        );
        // A run that made a new gateway ended before it changed the route.
        assert_eq!(missing((true, &[]), &dead, &whole, &zones()), [route(Some("igw-1"))]);
    }
}
