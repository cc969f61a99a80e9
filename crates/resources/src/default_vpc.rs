//! The network: the region's default VPC, or one that the profile names. Must know nothing of who moves in.
//! It is account-wide: used where it is fit, made where there is none, removed only where we made it and nobody lives in it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aws_sdk_ec2::types::{Filter, LocationType, RouteTable, Subnet, SubnetState, Vpc};

use super::network_removal;
use super::outputs::{NETWORK, Network};
use super::ownership::{TagStep, change_tags, ec2_form, from_ec2, tag_steps};
use super::stack::Stack;
use crate::aws::Aws;
use crate::aws::errors::{Explain, polled};
use crate::aws::eventual_consistency::settled;
use crate::aws::paging::{self, Page};
use crate::aws::tags::{self, settled_from};
use crate::engine::{
    Error, Failure, FieldChange, Kind, Limits, Notice, Observed, Owner, Plan, Poll, ReadCx, Resource, ResourceId, Step,
    Values, Wait, WriteCx,
};
use crate::profile::Profile;

const ID: ResourceId = "default-vpc";
pub(super) const LIMITS: Limits = Limits::minutes(2, 10);

pub(super) struct DefaultVpc {
    stack: Arc<Stack>,
}

/// A VPC, and whether it is fit.
#[derive(Clone)]
pub(super) struct LiveNetwork {
    pub(super) vpc_id: String,
    /// What the stack would use.
    ///
    /// The error says why it cannot be used.
    fit: Result<Network, String>,
    /// A default VPC that lacks what AWS makes with it: not all there yet, or half removed.
    incomplete: bool,
    tags: BTreeMap<String, String>,
    /// A former run was about to make one, and nothing tells whether it was this one.
    unproven: bool,
}

/// What can be changed of a network of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum VpcStep {
    Tag(TagStep),
    /// Default subnets do not come back one by one with their routes: what a removal left is removed, then made anew.
    Remake {
        why: String,
    },
}

impl Step for VpcStep {
    fn shown(&self) -> FieldChange {
        match self {
            Self::Tag(tag) => tag.shown(),
            Self::Remake { why } => FieldChange::new("subnets and routes", why.clone(), "as new".to_owned()),
        }
    }
}

/// A subnet, as far as it decides whether the stack can be in it.
#[derive(Clone, Debug, PartialEq)]
struct Place {
    subnet: String,
    zone: String,
    available: bool,
    /// Gives instances a public address.
    public_address: bool,
    /// Has a route to an internet gateway.
    internet: bool,
}

pub(super) fn filter(name: &str, value: &str) -> Filter {
    Filter::builder().name(name).values(value).build()
}

impl DefaultVpc {
    pub(super) fn new(stack: Arc<Stack>) -> Self {
        Self { stack }
    }

    async fn find(&self, aws: &Aws) -> Result<Option<Vpc>, Error> {
        let find = match &self.stack.profile.network.vpc {
            Some(id) => aws.ec2.describe_vpcs().vpc_ids(id),
            None => aws.ec2.describe_vpcs().filters(filter("is-default", "true")),
        };
        let answer = find
            .send()
            .await
            .or_absent(&["InvalidVpcID.NotFound"], "find the VPC")?;
        Ok(answer.and_then(|answer| answer.vpcs().first().cloned()))
    }

    async fn tags(&self, aws: &Aws) -> Result<BTreeMap<String, String>, Error> {
        let vpc = self.find(aws).await?;
        Ok(vpc.map(|vpc| from_ec2(vpc.tags())).unwrap_or_default())
    }

    async fn live(&self, aws: &Aws, vpc_id: &str) -> Result<LiveNetwork, Error> {
        let (subnets, routes, offered) = tokio::try_join!(
            subnets(aws, vpc_id),
            route_tables(aws, vpc_id),
            zones_with(aws, self.instance_type())
        )?;
        let is_default = self.stack.profile.network.vpc.is_none();
        let considered = subnets
            .iter()
            .filter(|subnet| !is_default || subnet.default_for_az() == Some(true));
        let places: Vec<Place> = considered.map(|subnet| place(subnet, &routes)).collect();
        let fit = match is_default {
            true => self.choose(vpc_id, &places, &offered),
            false => self.check_given(vpc_id, &places, &offered),
        };
        Ok(LiveNetwork {
            vpc_id: vpc_id.to_owned(),
            incomplete: is_default && is_incomplete(&places, &offered),
            fit,
            tags: BTreeMap::new(),
            unproven: false,
        })
    }

    fn instance_type(&self) -> &str {
        self.stack
            .profile
            .instance
            .types
            .first()
            .map_or("t3.micro", String::as_str)
    }

    /// The default VPC's subnets to use: one a zone, in the order of the zones' names, so that every run chooses alike.
    fn choose(&self, vpc_id: &str, places: &[Place], offered: &BTreeSet<String>) -> Result<Network, String> {
        let wants_address = self.stack.profile.network.public_ip;
        let usable = places.iter().filter(|place| {
            place.available
                && place.internet
                && (place.public_address || !wants_address)
                && offered.contains(&place.zone)
        });
        let by_zone: BTreeMap<&str, &str> = usable
            .map(|place| (place.zone.as_str(), place.subnet.as_str()))
            .collect();
        let (found, fewest) = (by_zone.len(), if self.stack.profile.is_load_balanced() { 2 } else { 1 });
        if found < fewest {
            return Err(format!(
                "{found} of its {} default subnets can be used, {fewest} needed: available, with public addresses and a \
                 route to an internet gateway, in a zone that offers {}",
                places.len(),
                self.instance_type()
            ));
        }
        let chosen = by_zone
            .into_values()
            .take(zones_needed(&self.stack.profile))
            .map(str::to_owned);
        let subnets: Vec<String> = chosen.collect();
        Ok(Network {
            vpc_id: vpc_id.to_owned(),
            lb_subnets: subnets.clone(),
            subnets,
        })
    }

    /// A VPC of the user's own is used as the profile says, if it can work at all; how its routes go is the user's business.
    fn check_given(&self, vpc_id: &str, places: &[Place], offered: &BTreeSet<String>) -> Result<Network, String> {
        let wanted = &self.stack.profile.network;
        if wanted.subnets.is_empty() {
            return Err("network.subnets is empty".to_owned());
        }
        let lb_subnets = match wanted.lb_subnets.is_empty() {
            true => &wanted.subnets,
            false => &wanted.lb_subnets,
        };
        let place_of = |subnet: &String| {
            let place = places.iter().find(|place| place.subnet == *subnet);
            place.ok_or_else(|| format!("it has no subnet {subnet}"))
        };
        for subnet in &wanted.subnets {
            let place = place_of(subnet)?;
            if !offered.contains(&place.zone) {
                return Err(format!(
                    "subnet {subnet} is in {}, which does not offer {}",
                    place.zone,
                    self.instance_type()
                ));
            }
        }
        let zones: BTreeSet<&str> = lb_subnets
            .iter()
            .map(|subnet| Ok(place_of(subnet)?.zone.as_str()))
            .collect::<Result<_, String>>()?;
        if self.stack.profile.is_load_balanced() && zones.len() < 2 {
            return Err("a load balancer needs subnets in two availability zones".to_owned());
        }
        Ok(Network {
            vpc_id: vpc_id.to_owned(),
            subnets: wanted.subnets.clone(),
            lb_subnets: lb_subnets.clone(),
        })
    }

    /// CreateDefaultVpc takes no tags: what was made is tagged at once after it.
    async fn make(&self, cx: &WriteCx<Aws>) -> Result<LiveNetwork, Failure> {
        cx.intend(tags::CREATED, "default-vpc").await?;
        cx.check()?;
        let made = cx.aws().ec2.create_default_vpc().send().await;
        let made = made.or_absent(&["DefaultVpcAlreadyExists"], "create the default VPC");
        let made = made.map_err(|error| match error.kind {
            // Organizations like to forbid it.
            Kind::Denied => error.hint("use a VPC that there is: --set network.vpc=ID --set network.subnets=ID,ID"),
            _ => error,
        })?;
        let ours = made.and_then(|made| made.vpc).and_then(|vpc| vpc.vpc_id);
        if let Some(vpc_id) = &ours {
            self.tag(cx, vec![vpc_id.clone()])
                .await
                .map_err(|error| left(error, vpc_id))?;
        }
        let live = self.wait_fit(cx, ours.is_some()).await.map_err(|error| match &ours {
            Some(vpc_id) => left(error, vpc_id),
            None => Failure::from(error),
        })?;
        match &ours {
            Some(vpc_id) => {
                let parts = self.parts(cx.read().aws(), vpc_id).await?;
                self.tag(cx, parts).await.map_err(|error| left(error, vpc_id))?;
            }
            None => cx.settings().events.notice(unproven(&live.vpc_id), None),
        }
        Ok(live)
    }

    /// Waits for all of a VPC that was made just now; one of somebody else's only has to be fit.
    async fn wait_fit(&self, cx: &WriteCx<Aws>, made: bool) -> Result<LiveNetwork, Error> {
        let aws = cx.read().aws();
        let wait = Wait::new("the default VPC with its subnets", 3, LIMITS).good_reads(3);
        let live = cx.wait(&wait, || async {
            polled(self.look(aws).await.map(|live| match live {
                Some(live) if !live.incomplete || (!made && live.fit.is_ok()) => Poll::Ready(live),
                _ => Poll::NotYet("its subnets and routes do not show yet".to_owned()),
            }))
        });
        let live = live.await?;
        match &live.fit {
            Ok(_) => Ok(live),
            Err(why) => Err(
                Error::refused(format!("the default VPC {} cannot be used: {why}", live.vpc_id))
                    .hint("name another type with --set instance.types=TYPE, or a VPC with --set network.vpc=ID"),
            ),
        }
    }

    async fn look(&self, aws: &Aws) -> Result<Option<LiveNetwork>, Error> {
        let Some(vpc) = self.find(aws).await? else {
            return Ok(None);
        };
        let live = self.live(aws, vpc.vpc_id().unwrap_or_default()).await?;
        Ok(Some(LiveNetwork {
            tags: from_ec2(vpc.tags()),
            ..live
        }))
    }

    /// What came with the VPC and takes tags of its own. Subnets that others made in it since are theirs.
    async fn parts(&self, aws: &Aws, vpc_id: &str) -> Result<Vec<String>, Error> {
        let subnets = subnets(aws, vpc_id).await?.into_iter();
        let came_with_it = subnets.filter(|subnet| subnet.default_for_az() == Some(true));
        let mut parts: Vec<String> = came_with_it.filter_map(|subnet| subnet.subnet_id).collect();
        parts.extend(network_removal::internet_gateways(aws, vpc_id).await?);
        Ok(parts)
    }

    async fn tag(&self, cx: &WriteCx<Aws>, ids: Vec<String>) -> Result<(), Error> {
        let tags = ec2_form(self.stack.ownership.tags(ID));
        let tag = cx.aws().ec2.create_tags().set_resources(Some(ids)).set_tags(Some(tags));
        // No check(), and to the end: a VPC that we made must not stay without tags because of a Ctrl-C.
        let wait = Wait::new("the default VPC to take its tags", 2, Limits::minutes(1, 2)).to_the_end();
        cx.wait(&wait, || async {
            match tag.clone().send().await.explain("tag the default VPC") {
                Ok(_) => Poll::Ready(()),
                Err(error) if error.kind == Kind::Missing => Poll::NotYet("not visible yet".to_owned()),
                Err(error) if error.kind == Kind::Unreachable => Poll::Unknown(error),
                Err(error) => Poll::Failed(error),
            }
        })
        .await
    }

    /// The tags of the VPC, and of what came with it.
    async fn change_tags(&self, cx: &WriteCx<Aws>, vpc_id: &str, steps: &[TagStep]) -> Result<(), Error> {
        let (aws, ec2, doing) = (cx.read().aws(), &cx.aws().ec2, "tag the default VPC");
        let mut ids = vec![vpc_id.to_owned()];
        ids.extend(self.parts(aws, vpc_id).await?);
        let ids = &ids;
        // By its value too: EC2 leaves it where somebody gave a part another one (botocore: ec2, DeleteTagsRequest).
        let untag = |tags| async move {
            let untag = ec2
                .delete_tags()
                .set_resources(Some(ids.clone()))
                .set_tags(Some(ec2_form(tags)));
            untag.send().await.explain(doing).map(drop)
        };
        let tag = |tags| async move {
            let tag = ec2
                .create_tags()
                .set_resources(Some(ids.clone()))
                .set_tags(Some(ec2_form(tags)));
            tag.send().await.explain(doing).map(drop)
        };
        change_tags(cx, ("default VPC", "default-vpc"), steps, untag, tag, || self.tags(aws)).await
    }
}

/// How many zones a stack is spread over where there are as many: an application load balancer takes two at least.
pub(super) fn zones_needed(profile: &Profile) -> usize {
    let wanted = profile.network.azs.max(1) as usize;
    match profile.is_load_balanced() {
        true => wanted.max(2),
        false => wanted,
    }
}

fn unproven(vpc_id: &str) -> String {
    format!(
        "the default VPC {vpc_id} may have been made by an interrupted run, which cannot be proven: it is used, and teardown \
         will leave it"
    )
}

fn left(error: Error, vpc_id: &str) -> Failure {
    Failure::from(error).leaving(format!("default VPC {vpc_id}"), false)
}

pub(super) async fn subnets(aws: &Aws, vpc_id: &str) -> Result<Vec<Subnet>, Error> {
    let subnets = paging::all(async |token: Option<String>| {
        let list = aws.ec2.describe_subnets().filters(filter("vpc-id", vpc_id));
        let page = list
            .set_next_token(token)
            .send()
            .await
            .explain("list the VPC's subnets")?;
        Ok(Page::new(page.subnets.unwrap_or_default(), page.next_token))
    });
    subnets.await
}

pub(super) async fn route_tables(aws: &Aws, vpc_id: &str) -> Result<Vec<RouteTable>, Error> {
    let tables = paging::all(async |token: Option<String>| {
        let list = aws.ec2.describe_route_tables().filters(filter("vpc-id", vpc_id));
        let page = list.set_next_token(token).send().await;
        let page = page.explain("list the VPC's route tables")?;
        Ok(Page::new(page.route_tables.unwrap_or_default(), page.next_token))
    });
    tables.await
}

async fn zones_with(aws: &Aws, instance_type: &str) -> Result<BTreeSet<String>, Error> {
    let doing = format!("see which zones offer {instance_type}");
    let offerings = paging::all(async |token: Option<String>| {
        let list = aws.ec2.describe_instance_type_offerings();
        let list = list.location_type(LocationType::AvailabilityZone);
        let list = list.filters(filter("instance-type", instance_type));
        let page = list.set_next_token(token).send().await.explain(&doing)?;
        Ok(Page::new(
            page.instance_type_offerings.unwrap_or_default(),
            page.next_token,
        ))
    });
    Ok(offerings
        .await?
        .into_iter()
        .filter_map(|offering| offering.location)
        .collect())
}

/// AWS makes a default VPC with a subnet in every zone and a route to the internet.
fn is_incomplete(places: &[Place], zones: &BTreeSet<String>) -> bool {
    let has = |zone: &String| places.iter().any(|place| place.zone == *zone && place.internet);
    !zones.iter().all(has) || places.is_empty()
}

fn place(subnet: &Subnet, tables: &[RouteTable]) -> Place {
    let id = subnet.subnet_id().unwrap_or_default();
    let of_its_own = |table: &&RouteTable| table.associations().iter().any(|a| a.subnet_id() == Some(id));
    let main = |table: &&RouteTable| table.associations().iter().any(|a| a.main() == Some(true));
    let table = tables.iter().find(of_its_own).or_else(|| tables.iter().find(main));
    let internet = table.is_some_and(|table| {
        table.routes().iter().any(|route| {
            route.destination_cidr_block() == Some("0.0.0.0/0")
                && route.gateway_id().is_some_and(|gateway| gateway.starts_with("igw-"))
        })
    });
    Place {
        subnet: id.to_owned(),
        zone: subnet.availability_zone().unwrap_or_default().to_owned(),
        available: subnet.state() == Some(&SubnetState::Available),
        public_address: subnet.map_public_ip_on_launch() == Some(true),
        internet,
    }
}

impl Resource for DefaultVpc {
    type Live = LiveNetwork;
    type Place = ();
    type Step = VpcStep;
    type Clients = Aws;

    fn id(&self) -> ResourceId {
        ID
    }

    fn name(&self) -> String {
        self.stack.profile.network.vpc.clone().unwrap_or_default()
    }

    fn title(&self) -> String {
        match &self.stack.profile.network.vpc {
            Some(id) => format!("VPC {id}"),
            None => "default VPC".to_owned(),
        }
    }

    fn needs(&self) -> Vec<&'static str> {
        vec![]
    }

    fn gives(&self) -> Vec<&'static str> {
        vec![NETWORK.name]
    }

    fn limits(&self) -> Limits {
        LIMITS
    }

    async fn observe(&self, cx: &ReadCx<Aws>) -> Result<Observed<LiveNetwork>, Error> {
        let aws = cx.aws();
        let Some(mut live) = settled(cx, ID, "default-vpc", || self.look(aws)).await? else {
            return Ok(Observed::Absent(()));
        };
        let (ownership, first) = (&self.stack.ownership, live.tags.clone());
        let tagged = settled_from(cx, ownership, ID, "default-vpc", first, || self.tags(aws)).await?;
        live.tags = tagged.tags;
        let owner = match (&self.stack.profile.network.vpc, tagged.owner) {
            // The default one that was made, now named by its id.
            (_, Owner::Ours) => Owner::Ours,
            (Some(_), _) => Owner::Nobody,
            (None, owner) => {
                live.unproven = owner == Owner::Nobody && !cx.intents(ID, tags::CREATED).is_empty();
                owner
            }
        };
        Ok(Observed::Present { live, owner })
    }

    fn plan(&self, seen: &Observed<LiveNetwork>, _: &Values) -> Plan<VpcStep> {
        let given = self.stack.profile.network.vpc.as_ref();
        let Some((live, owner)) = seen.live() else {
            return match given {
                Some(id) => Plan::blocked(
                    format!("there is no VPC {id} in {}", self.stack.region),
                    "name another with --set network.vpc=ID",
                ),
                None if self.stack.profile.network.create_default_vpc => Plan::Create,
                None => Plan::blocked(
                    "the account has no default VPC in this region, and network.create_default_vpc is false",
                    "name a VPC with --set network.vpc=ID, or make one with --set network.create_default_vpc=true",
                ),
            };
        };
        match (&live.fit, owner) {
            (Ok(_), Owner::Ours) => {
                let tags = tag_steps(&self.stack, ID, &live.tags).into_iter();
                Plan::of(tags.map(VpcStep::Tag).collect())
            }
            // Another stack's is used too: its teardown leaves it while we live in it.
            (Ok(_), _) => Plan::Use,
            (Err(why), Owner::Ours) if live.incomplete => Plan::Update(vec![VpcStep::Remake { why: why.clone() }]),
            (Err(why), _) => Plan::blocked(
                format!("{} cannot be used: {why}", live.vpc_id),
                "name another with --set network.vpc=ID and --set network.subnets=ID,ID",
            ),
        }
    }

    fn notices(&self, seen: &Observed<LiveNetwork>) -> Vec<Notice> {
        let unproven_one = seen.live().filter(|(live, _)| live.unproven);
        let notice = unproven_one.map(|(live, _)| Notice::new(unproven(&live.vpc_id)));
        notice.into_iter().collect()
    }

    fn publish(&self, live: &LiveNetwork, values: &mut Values) {
        if let Ok(network) = &live.fit {
            values.set(&NETWORK, network.clone());
        }
    }

    async fn create(&self, cx: &WriteCx<Aws>, (): ()) -> Result<LiveNetwork, Failure> {
        self.make(cx).await
    }

    async fn update(&self, cx: &WriteCx<Aws>, live: LiveNetwork, steps: Vec<VpcStep>) -> Result<LiveNetwork, Failure> {
        let remade = steps.iter().any(|step| matches!(step, VpcStep::Remake { .. }));
        if remade {
            network_removal::remove(cx, &live.vpc_id).await?;
            return self.make(cx).await;
        }
        let tags = steps.into_iter().filter_map(|step| match step {
            VpcStep::Tag(tag) => Some(tag),
            VpcStep::Remake { .. } => None,
        });
        self.change_tags(cx, &live.vpc_id, &tags.collect::<Vec<_>>()).await?;
        Ok(live)
    }

    async fn delete(&self, cx: &WriteCx<Aws>, live: LiveNetwork) -> Result<(), Failure> {
        network_removal::remove(cx, &live.vpc_id).await
    }
}

#[cfg(test)]
#[path = "default_vpc_tests.rs"]
mod tests;
