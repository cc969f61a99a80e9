//! Taking a default VPC of ours down again: whole, or not at all, since its subnets do not come back.
//! Must know nothing of how it was made; it is called only for a VPC that carries our tag.

use std::sync::{Mutex, PoisonError};

use super::default_vpc::{ID, LIMITS};
use super::network_parts::{Gateway, filter, gateways, route_tables, subnets};
use super::ownership::ec2_form;
use crate::aws::errors::{Explain, polled};
use crate::aws::{Aws, Ownership, texts};
use crate::engine::{Error, Failure, Kind, Limits, Owner, Poll, Wait, WriteCx};

/// Removes the VPC with its subnets and its gateway, if nobody lives in it.
///
/// # Errors
/// `Kind::Refused` where somebody does; nothing was touched then.
pub(super) async fn remove(cx: &WriteCx<Aws>, ownership: &Ownership, vpc_id: &str) -> Result<(), Failure> {
    let left = |error: Error| Failure::from(error).leaving(format!("default VPC {vpc_id}"), false);
    wait_empty(cx, vpc_id).await.map_err(left)?;
    remove_parts(cx, ownership, vpc_id).await.map_err(left)
}

/// Deletes a gateway of ours that is attached to nothing.
///
/// # Errors
/// Where EC2 refuses.
pub(super) async fn discard(cx: &WriteCx<Aws>, gateway: &str) -> Result<(), Failure> {
    let ec2 = &cx.aws().ec2;
    let what = format!("internet gateway {gateway}");
    let doing = format!("delete the {what}");
    let deleted = patiently(cx, &doing, |doing| async move {
        let delete = ec2.delete_internet_gateway().internet_gateway_id(gateway);
        delete.send().await.explain(&doing).map(drop)
    });
    deleted.await.map_err(|error| Failure::from(error).leaving(what, false))
}

/// What is detached is found again by its tags only: one that was made before they were set, or lost them, gets them first.
async fn mark(cx: &WriteCx<Aws>, ownership: &Ownership, gateway: &Gateway) -> Result<(), Error> {
    if ownership.owner_by(&gateway.part.tags) == Owner::Ours {
        return Ok(());
    }
    cx.check()?;
    let id = &gateway.part.id;
    let tag = cx.aws().ec2.create_tags().resources(id);
    let tagged = tag.set_tags(Some(ec2_form(ownership.tags(ID)))).send().await;
    match tagged.explain(&format!("tag the internet gateway {id}")) {
        // Who may not tag may still remove it.
        Err(error) if error.kind != Kind::Denied && error.kind != Kind::Missing => Err(error),
        _ => Ok(()),
    }
}

async fn remove_parts(cx: &WriteCx<Aws>, ownership: &Ownership, vpc_id: &str) -> Result<(), Error> {
    let (reader, ec2) = (cx.read().aws(), &cx.aws().ec2);
    for subnet in subnets(reader, vpc_id).await? {
        let Some(id) = subnet.subnet_id() else { continue };
        patiently(cx, &format!("delete the subnet {id}"), |doing| async move {
            ec2.delete_subnet().subnet_id(id).send().await.explain(&doing).map(drop)
        })
        .await?;
    }
    let attached = gateways(reader).await?.into_iter();
    for gateway in attached.filter(|gateway| gateway.vpc_id.as_deref() == Some(vpc_id)) {
        mark(cx, ownership, &gateway).await?;
        let id = gateway.part.id.as_str();
        patiently(cx, &format!("detach the internet gateway {id}"), |doing| async move {
            let detach = ec2.detach_internet_gateway().internet_gateway_id(id).vpc_id(vpc_id);
            detach
                .send()
                .await
                .or_absent(&["Gateway.NotAttached"], &doing)
                .map(drop)
        })
        .await?;
        discard(cx, id).await.map_err(|failure| failure.error)?;
    }
    // Takes its default security group, network ACL and main route table with it.
    patiently(cx, &format!("delete the VPC {vpc_id}"), |doing| async move {
        ec2.delete_vpc().vpc_id(vpc_id).send().await.explain(&doing).map(drop)
    })
    .await
}

/// What is in a VPC, and whether it goes by itself.
struct Inhabitant {
    what: String,
    /// A network interface that AWS manages: those of a load balancer outlive it by minutes.
    leaves: bool,
}

/// What stays is believed after this many reads: of a terminated instance, a read may still tell.
const READS_OF_WHO_STAYS: u32 = 3;

/// Waits until nobody is in it.
async fn wait_empty(cx: &WriteCx<Aws>, vpc_id: &str) -> Result<(), Error> {
    let refused = |inhabitants: &[Inhabitant]| {
        let who: Vec<_> = inhabitants.iter().map(|one| one.what.as_str()).collect();
        Error::new(
            Kind::Kept,
            format!("the default VPC {vpc_id} is used by {}", who.join(", ")),
        )
        .hint("remove those, then run the same command again; or keep the VPC, which costs nothing")
    };
    let seen = Mutex::new((0, Vec::new()));
    let wait = Wait::new(
        format!("everything to leave the VPC {vpc_id}"),
        5,
        Limits::minutes(2, 5),
    );
    let waited = cx.wait(&wait, || async {
        polled(inhabitants(cx.read().aws(), vpc_id).await.map(|inhabitants| {
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            let stays = inhabitants.iter().any(|one| !one.leaves);
            let reads = if stays { seen.0 + 1 } else { 0 };
            let answer = match inhabitants.first() {
                None => Poll::Ready(()),
                Some(_) if reads >= READS_OF_WHO_STAYS => Poll::Failed(refused(&inhabitants)),
                Some(first) => Poll::NotYet(format!("still in it: {}", first.what)),
            };
            *seen = (reads, inhabitants);
            answer
        }))
    });
    match waited.await {
        Err(error) if error.kind == Kind::Deadline => {
            Err(refused(&seen.into_inner().unwrap_or_else(PoisonError::into_inner).1))
        }
        answer => answer,
    }
}

async fn inhabitants(aws: &Aws, vpc_id: &str) -> Result<Vec<Inhabitant>, Error> {
    let mut inhabitants = interfaces_and_groups(aws, vpc_id).await?;
    // Empty so far, but somebody's: what AWS makes with a default VPC is its default subnets and one main route table.
    let strange = subnets(aws, vpc_id).await?.into_iter();
    let strange = strange.filter(|subnet| subnet.default_for_az() != Some(true));
    inhabitants.extend(strange.map(|subnet| stays(format!("subnet {}", subnet.subnet_id().unwrap_or_default()))));
    let tables = route_tables(aws, vpc_id).await?.into_iter();
    let strange = tables.filter(|table| !table.associations().iter().any(|link| link.main() == Some(true)));
    inhabitants
        .extend(strange.map(|table| stays(format!("route table {}", table.route_table_id().unwrap_or_default()))));
    // One of the gateway kind has no network interface.
    let endpoints = aws
        .ec2
        .describe_vpc_endpoints()
        .filters(filter("vpc-id", vpc_id))
        .send()
        .await;
    let endpoints = endpoints
        .explain("list the VPC's endpoints")?
        .vpc_endpoints
        .unwrap_or_default();
    inhabitants.extend(
        endpoints
            .iter()
            .map(|endpoint| stays(format!("endpoint {}", endpoint.vpc_endpoint_id().unwrap_or_default()))),
    );
    Ok(inhabitants)
}

fn stays(what: String) -> Inhabitant {
    Inhabitant { what, leaves: false }
}

async fn interfaces_and_groups(aws: &Aws, vpc_id: &str) -> Result<Vec<Inhabitant>, Error> {
    let of_vpc = || filter("vpc-id", vpc_id);
    let interfaces = aws.ec2.describe_network_interfaces().filters(of_vpc()).send().await;
    let interfaces = interfaces.explain("see what is in the VPC")?;
    let interfaces = interfaces.network_interfaces().iter().map(|interface| {
        let id = interface.network_interface_id().unwrap_or_default();
        Inhabitant {
            what: match interface.description().filter(|text| !text.is_empty()) {
                Some(text) => texts::clean(&format!("network interface {id} ({text})")),
                None => format!("network interface {id}"),
            },
            leaves: interface.requester_managed() == Some(true),
        }
    });
    let mut inhabitants: Vec<Inhabitant> = interfaces.collect();
    let groups = aws.ec2.describe_security_groups().filters(of_vpc()).send().await;
    let groups = groups.explain("list the VPC's security groups")?;
    let strange = groups
        .security_groups()
        .iter()
        .filter(|group| group.group_name() != Some("default"));
    inhabitants.extend(strange.map(|group| {
        let (id, name) = (
            group.group_id().unwrap_or_default(),
            group.group_name().unwrap_or_default(),
        );
        stays(format!("security group {id} ({name})"))
    }));
    Ok(inhabitants)
}

/// Makes a removal that may have to wait for another to be seen. What is gone already is done.
async fn patiently<F>(cx: &WriteCx<Aws>, doing: &str, mut removal: impl FnMut(String) -> F) -> Result<(), Error>
where
    F: Future<Output = Result<(), Error>> + Send,
{
    cx.check()?;
    cx.wait(&Wait::new(format!("EC2 to {doing}"), 3, LIMITS), || {
        let attempt = removal(doing.to_owned());
        async {
            match attempt.await {
                Ok(()) => Poll::Ready(()),
                Err(error) if error.kind == Kind::Missing => Poll::Ready(()),
                Err(error) if error.is_code("DependencyViolation") => {
                    Poll::NotYet("something still depends on it".to_owned())
                }
                Err(error) if error.kind == Kind::Unreachable => Poll::Unknown(error),
                Err(error) => Poll::Failed(error),
            }
        }
    })
    .await
}
