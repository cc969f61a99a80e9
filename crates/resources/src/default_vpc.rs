//! The network: the region's default VPC, or one that the profile names. Must know nothing of who moves in.
//! It is account-wide: used where it is fit, made where there is none, removed only where we made it and nobody lives in it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aws_sdk_ec2::types::Vpc;

use super::network_parts::{Gateway, Part, Place, filter, gateways, loose, place, route_tables, subnets};
use super::network_repair::{VpcStep, make_good, missing, tag_steps_of, take_tags};
use super::outputs::{NETWORK, Network};
use super::ownership::{ec2_form, from_ec2};
use super::stack::Stack;
use super::{network_parts, network_removal};
use crate::aws::Aws;
use crate::aws::errors::{Explain, polled};
use crate::aws::eventual_consistency::settled;
use crate::aws::own_work::{self, Made};
use crate::aws::tags::{self, settled_from};
use crate::engine::{
    Command, Error, Failure, Hint, Intent, Intents, Kind, Limits, Notice, Observed, Owner, Plan, Poll, ReadCx, Removal,
    Resource, ResourceId, Stays, Values, Wait, WriteCx, default_removal,
};
use crate::profile::Profile;

pub(super) const ID: ResourceId = "default-vpc";
pub(super) const LIMITS: Limits = Limits::minutes(2, 10);
/// What the journal calls it: there is one in an account's region.
const NAME: &str = "default-vpc";
/// The journal's word for one that a run may have made, once its tags would have shown.
const UNPROVEN: &str = "unproven";

/// A VPC, whether it is fit, and what there is of it.
#[derive(Clone)]
pub(super) struct LiveNetwork {
    /// `None`: it is gone, and a gateway of ours is left of it.
    vpc_id: Option<String>,
    /// Whose the VPC itself is.
    owner: Owner,
    /// What the stack would use.
    ///
    /// The error says why it cannot be used.
    fit: Result<Network, String>,
    tags: BTreeMap<String, String>,
    /// What came with one of ours and carries tags of its own. Subnets that others made in it since are theirs.
    parts: Vec<Part>,
    /// What AWS makes with a default VPC and one of ours lacks: not all there yet, or half removed.
    missing: Vec<VpcStep>,
    /// Gateways of ours that are attached to nothing.
    loose: Vec<String>,
    /// A former run was about to make one, and nothing tells whether it was this one.
    unproven: bool,
}

impl LiveNetwork {
    /// What a removal left that had got as far as the VPC.
    fn gone(loose: Vec<String>) -> Self {
        Self {
            vpc_id: None,
            owner: Owner::Ours,
            fit: Err("it is gone".to_owned()),
            tags: BTreeMap::new(),
            parts: Vec::new(),
            missing: Vec::new(),
            loose,
            unproven: false,
        }
    }

    /// The VPC with its parts, as far as they are ours.
    fn tagged(&self) -> Vec<Part> {
        let vpc = self.vpc_id.iter().map(|id| Part {
            id: id.clone(),
            tags: self.tags.clone(),
        });
        vpc.chain(self.parts.iter().cloned()).collect()
    }

    /// The loose gateways that are not attached again.
    fn spare(&self) -> impl Iterator<Item = &String> {
        let again = |gateway: &&String| {
            let attached =
                |step: &VpcStep| matches!(step, VpcStep::Attach { gateway: Some(again) } if again == *gateway);
            self.missing.iter().any(attached)
        };
        self.loose.iter().filter(move |gateway| !again(gateway))
    }
}

pub(super) struct DefaultVpc {
    stack: Arc<Stack>,
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

    /// What is to be known of a VPC with these tags. What it lacks counts where it is ours.
    async fn live(&self, aws: &Aws, vpc: &Vpc, owner: Owner) -> Result<LiveNetwork, Error> {
        let (vpc_id, ours) = (vpc.vpc_id().unwrap_or_default(), owner == Owner::Ours);
        let (subnets, routes, offered, gateways, zones) = tokio::try_join!(
            subnets(aws, vpc_id),
            route_tables(aws, vpc_id),
            network_parts::zones_with(aws, self.instance_type()),
            gateways(aws),
            async {
                match ours {
                    true => network_parts::zones(aws).await,
                    false => Ok(BTreeSet::new()),
                }
            },
        )?;
        let is_default = self.stack.profile.network.vpc.is_none();
        let (of_aws, of_others): (Vec<_>, Vec<_>) =
            subnets.iter().partition(|subnet| subnet.default_for_az() == Some(true));
        let places = |subnets: &[&_]| -> Vec<Place> { subnets.iter().map(|subnet| place(subnet, &routes)).collect() };
        let default_places = places(&of_aws);
        let fit = match is_default {
            true => self.choose(vpc_id, &default_places, &offered),
            false => self.check_given(vpc_id, &[default_places.clone(), places(&of_others)].concat(), &offered),
        };
        let attached: Vec<&Gateway> = gateways
            .iter()
            .filter(|gateway| gateway.vpc_id.as_deref() == Some(vpc_id))
            .collect();
        let loose = loose(&self.stack.ownership, &gateways);
        let of_aws = of_aws.iter().filter_map(|subnet| {
            Some(Part {
                id: subnet.subnet_id.clone()?,
                tags: from_ec2(subnet.tags()),
            })
        });
        let parts = of_aws.chain(attached.iter().map(|gateway| gateway.part.clone()));
        let of_others = |part: &Part| matches!(self.stack.ownership.owner_by(&part.tags), Owner::OtherStack(_));
        Ok(LiveNetwork {
            vpc_id: Some(vpc_id.to_owned()),
            owner,
            fit,
            tags: from_ec2(vpc.tags()),
            parts: parts.filter(|part| ours && !of_others(part)).collect(),
            missing: match ours && is_default {
                true => missing((!attached.is_empty(), &loose), &routes, &default_places, &zones),
                false => Vec::new(),
            },
            loose,
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
        let call = async {
            let made = cx.aws().ec2.create_default_vpc().send().await;
            made.explain("create the default VPC")
        };
        // Of one that is there nothing tells whether a first try made it, whose answer was lost.
        let made = own_work::create(cx, NAME, call, async |_| Ok(Owner::Nobody)).await;
        let made = made.map_err(|error| match error.kind {
            // Organizations like to forbid it.
            Kind::Denied => error.hint("use a VPC that there is: --set network.vpc=ID --set network.subnets=ID,ID"),
            _ => error,
        })?;
        let vpc_id = match made {
            Made::Answered(made) => made.vpc.and_then(|vpc| vpc.vpc_id),
            Made::Before | Made::ByOthers(_) => None,
        };
        let Some(vpc_id) = vpc_id else {
            let live = self.wait_fit(cx, Owner::Nobody).await?;
            let notice = unproven(live.vpc_id.as_deref().unwrap_or_default());
            cx.settings().events.notice(notice.text, notice.hint);
            return Ok(live);
        };
        if let Err(error) = self.tag(cx, &vpc_id).await {
            return Err(self.unmake(cx, &vpc_id, error).await);
        }
        let whole = async {
            let live = self.wait_fit(cx, Owner::Ours).await?;
            take_tags(cx, &tag_steps_of(&self.stack, ID, &live.tagged())).await?;
            Ok(live)
        };
        whole.await.map_err(|error| left(error, &vpc_id))
    }

    /// Takes away again what EC2 made just now and cannot be tagged: later nothing would prove that it is ours.
    async fn unmake(&self, cx: &WriteCx<Aws>, vpc_id: &str, error: Error) -> Failure {
        match network_removal::remove(cx, &self.stack.ownership, vpc_id).await {
            Ok(()) => {
                cx.not_made();
                error.because("so the default VPC was deleted again").into()
            }
            Err(_) => left(error, vpc_id),
        }
    }

    /// Waits for all of a VPC of ours; one of somebody else's only has to be fit.
    async fn wait_fit(&self, cx: &WriteCx<Aws>, owner: Owner) -> Result<LiveNetwork, Error> {
        let (aws, owner) = (cx.read().aws(), &owner);
        let wait = Wait::new("the default VPC with its subnets", 3, LIMITS).good_reads(3);
        let live = cx.wait(&wait, || async {
            polled(self.look(aws, owner.clone()).await.map(|live| match live {
                Some(live) if live.is_whole() => Poll::Ready(live),
                _ => Poll::NotYet("its subnets and routes do not show yet".to_owned()),
            }))
        });
        let live = live.await?;
        match &live.fit {
            Ok(_) => Ok(live),
            Err(why) => Err(Error::refused(format!(
                "the default VPC {} cannot be used: {why}",
                live.vpc_id.as_deref().unwrap_or_default()
            ))
            .hint("name another type with --set instance.types=TYPE, or a VPC with --set network.vpc=ID")),
        }
    }

    async fn look(&self, aws: &Aws, owner: Owner) -> Result<Option<LiveNetwork>, Error> {
        match self.find(aws).await? {
            None => Ok(None),
            Some(vpc) => self.live(aws, &vpc, owner).await.map(Some),
        }
    }

    async fn tag(&self, cx: &WriteCx<Aws>, vpc_id: &str) -> Result<(), Error> {
        let tags = ec2_form(self.stack.ownership.tags(ID));
        let tag = cx.aws().ec2.create_tags().resources(vpc_id).set_tags(Some(tags));
        // No check(), and to the end: a VPC that we made must not stay without tags because of a Ctrl-C.
        let wait = Wait::new("the default VPC to take its tags", 2, Limits::minutes(1, 2)).to_the_end();
        cx.wait(&wait, || async {
            match tag.clone().send().await.explain("tag the default VPC") {
                Ok(_) => Poll::Ready(()),
                Err(error) if error.kind == Kind::Missing => Poll::NotYet("not visible yet".to_owned()),
                Err(error) => polled(Err(error)),
            }
        })
        .await
    }

    /// What is to be done where there is none.
    fn plan_absent(&self) -> Plan<VpcStep> {
        match &self.stack.profile.network.vpc {
            Some(id) => Plan::blocked(
                format!("there is no VPC {id} in {}", self.stack.region),
                "name another with --set network.vpc=ID",
            ),
            None if self.stack.profile.network.create_default_vpc => Plan::Create,
            None => Plan::blocked(
                "the account has no default VPC in this region, and network.create_default_vpc is false",
                "name a VPC with --set network.vpc=ID, or make one with --set network.create_default_vpc=true",
            ),
        }
    }
}

impl LiveNetwork {
    /// Whether all of it shows: of somebody else's, what is needed.
    fn is_whole(&self) -> bool {
        match self.owner {
            Owner::Ours => self.missing.is_empty() && self.spare().next().is_none(),
            _ => self.fit.is_ok(),
        }
    }
}

/// What is to be kept of the journal while nobody knows whether a run of ours made this default VPC; `None` where that is known,
/// or nobody was about to make one.
pub fn unproven_intent(intents: &Intents, owner: Option<&Owner>) -> Option<Intent> {
    let begun = [tags::CREATED, UNPROVEN]
        .iter()
        .any(|what| !intents.of(ID, what).is_empty());
    (begun && owner == Some(&Owner::Nobody)).then(|| Intent {
        resource: ID.to_owned(),
        what: UNPROVEN.to_owned(),
        value: NAME.to_owned(),
    })
}

/// How many zones a stack is spread over where there are as many: an application load balancer takes two at least.
pub(super) fn zones_needed(profile: &Profile) -> usize {
    let wanted = profile.network.azs.max(1) as usize;
    match profile.is_load_balanced() {
        true => wanted.max(2),
        false => wanted,
    }
}

/// Why nothing but the user's word makes it ours: it carries no tag, and the journal proves nothing.
const UNPROVABLE: &str = "an interrupted run of this stack may have made it, which nothing proves";

fn unproven(vpc_id: &str) -> Notice {
    Notice::new(format!(
        "of the default VPC {vpc_id}: {UNPROVABLE}; it is used, and teardown will leave it"
    ))
    .hint(Hint::from("if nobody else made it: ").and_run(Command::confctl("up --adopt").arg(ID)))
}

fn left(error: Error, vpc_id: &str) -> Failure {
    Failure::from(error).leaving(format!("default VPC {vpc_id}"), false)
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

    fn title_of(&self, seen: &Observed<LiveNetwork>) -> String {
        match seen.live() {
            Some((live, _)) if live.vpc_id.is_none() || live.owner != Owner::Ours => match live.loose.as_slice() {
                [] => self.title(),
                gateways => format!("internet gateway {} of a VPC that is gone", gateways.join(", ")),
            },
            _ => self.title(),
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
        let (aws, ownership) = (cx.aws(), &self.stack.ownership);
        let Some(vpc) = settled(cx, ID, NAME, || self.find(aws)).await? else {
            let loose = loose(ownership, &gateways(aws).await?);
            return Ok(match loose.is_empty() {
                true => Observed::Absent(()),
                false => Observed::Present {
                    live: LiveNetwork::gone(loose),
                    owner: Owner::Ours,
                },
            });
        };
        let read = || async {
            Ok(self
                .find(aws)
                .await?
                .map(|vpc| from_ec2(vpc.tags()))
                .unwrap_or_default())
        };
        let tagged = settled_from(cx, ownership, ID, NAME, from_ec2(vpc.tags()), read).await?;
        let given = self.stack.profile.network.vpc.is_some();
        let in_doubt = !given && unproven_intent(&cx.settings().intents, Some(&tagged.owner)).is_some();
        let owner = match tagged.owner {
            // The default one that was made may be named by its id now.
            Owner::Ours => Owner::Ours,
            // On the user's word: the record's alone is anybody's who may write there.
            _ if in_doubt && self.stack.takes_over(ID) => Owner::Ours,
            _ if given => Owner::Nobody,
            owner => owner,
        };
        let mut live = self.live(aws, &vpc, owner.clone()).await?;
        (live.tags, live.unproven) = (tagged.tags, in_doubt && owner != Owner::Ours);
        let owner = match live.loose.is_empty() {
            true => owner,
            false => Owner::Ours,
        };
        Ok(Observed::Present { live, owner })
    }

    fn plan(&self, seen: &Observed<LiveNetwork>, _: &Values) -> Plan<VpcStep> {
        let Some((live, _)) = seen.live() else {
            return self.plan_absent();
        };
        let spare = live.spare().map(|gateway| VpcStep::Discard {
            gateway: gateway.clone(),
        });
        let mut steps: Vec<_> = spare.collect();
        let Some(vpc_id) = &live.vpc_id else {
            return match self.plan_absent() {
                Plan::Create => {
                    steps.push(VpcStep::MakeAnew);
                    Plan::Update(steps)
                }
                blocked => blocked,
            };
        };
        match (&live.fit, &live.owner) {
            (Err(why), owner) if *owner != Owner::Ours || live.missing.is_empty() => Plan::blocked(
                format!("{vpc_id} cannot be used: {why}"),
                "name another with --set network.vpc=ID and --set network.subnets=ID,ID",
            ),
            (_, Owner::Ours) => {
                steps.extend(live.missing.iter().cloned());
                steps.extend(tag_steps_of(&self.stack, ID, &live.tagged()));
                Plan::of(steps)
            }
            // Another stack's is used too: its teardown leaves it while we live in it.
            _ if steps.is_empty() => Plan::Use,
            _ => Plan::Update(steps),
        }
    }

    fn notices(&self, seen: &Observed<LiveNetwork>) -> Vec<Notice> {
        let unproven_one = seen.live().filter(|(live, _)| live.unproven);
        let notice = unproven_one.and_then(|(live, _)| live.vpc_id.as_deref().map(unproven));
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
        for step in &steps {
            if let VpcStep::Discard { gateway } = step {
                network_removal::discard(cx, gateway).await?;
            }
        }
        let Some(vpc_id) = live.vpc_id.as_deref().filter(|_| !steps.contains(&VpcStep::MakeAnew)) else {
            return self.make(cx).await;
        };
        take_tags(cx, &steps).await?;
        if steps.iter().all(|step| matches!(step, VpcStep::Tag { .. })) {
            return Ok(live);
        }
        make_good(cx, &self.stack, vpc_id, &steps).await?;
        let now = self.wait_fit(cx, live.owner.clone()).await?;
        // CreateDefaultSubnet takes no tags either.
        let new = now
            .parts
            .iter()
            .filter(|part| live.parts.iter().all(|old| old.id != part.id));
        take_tags(cx, &tag_steps_of(&self.stack, ID, new)).await?;
        Ok(now)
    }

    fn plan_removal(&self, seen: &Observed<LiveNetwork>) -> Removal {
        match seen.live() {
            Some((live, Owner::Nobody)) if live.unproven => Removal::Leave {
                stays: Stays::Unproven,
                reason: format!("{UNPROVABLE}; with --adopt {ID} it is taken for ours"),
            },
            _ => default_removal(seen),
        }
    }

    async fn delete(&self, cx: &WriteCx<Aws>, live: LiveNetwork) -> Result<(), Failure> {
        if let Some(vpc_id) = live.vpc_id.as_deref().filter(|_| live.owner == Owner::Ours) {
            network_removal::remove(cx, &self.stack.ownership, vpc_id).await?;
        }
        for gateway in &live.loose {
            network_removal::discard(cx, gateway).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "default_vpc_tests.rs"]
mod tests;
