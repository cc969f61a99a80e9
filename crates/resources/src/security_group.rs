//! The security group of a load balancer of the stack's own: CloudFront's edge locations at the port that they come to, and nobody else.
//! Must know nothing of the load balancer.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_sdk_ec2::types::{
    IpPermission, PrefixListId, SecurityGroup as LiveEc2, SecurityGroupRuleRequest, SecurityGroupRuleUpdate,
    TagSpecification,
};

use super::front_door::{self, Entrance};
use super::network_parts::filter;
use super::outputs::{NETWORK, SECURITY_GROUP};
use super::ownership::{TagStep, block_unless_ours_with, change_tags, ec2_form, from_ec2, tag_steps};
use super::stack::Stack;
use crate::aws::Aws;
use crate::aws::errors::{Explain, polled};
use crate::aws::eventual_consistency::settled;
use crate::aws::own_work::{self, Made};
use crate::aws::tags::settled_from;
use crate::engine::{
    Error, Failure, FieldChange, Hint, Kind, Limits, Observed, Owner, Plan, Poll, ReadCx, Resource, ResourceId, Step,
    Values, Wait, WriteCx,
};

const ID: ResourceId = "security-group";
const LIMITS: Limits = Limits::minutes(1, 3);
/// The network interfaces of a load balancer stay for minutes after it, and hold its groups (hashicorp/terraform-provider-aws#1671).
const RELEASE: Limits = Limits::minutes(5, 15);

/// AWS's list of the addresses from which CloudFront asks origins (CloudFront guide, LocationsOfEdgeServers).
const EDGE: &str = "com.amazonaws.global.cloudfront.origin-facing";

pub(super) struct SecurityGroup {
    stack: Arc<Stack>,
}

#[derive(Clone)]
pub(super) struct LiveGroup {
    id: String,
    vpc_id: String,
    ingress: Vec<IpPermission>,
    /// The id of [`EDGE`] in this region.
    edge: String,
    /// The port that CloudFront is to come to.
    port: u16,
    tags: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum GroupStep {
    Tag(TagStep),
    /// CloudFront is let in.
    Open(u16),
    /// CloudFront is let in at this port, too.
    Widen(u16),
    /// Somebody else is let in no longer.
    Close(IpPermission),
}

impl Step for GroupStep {
    fn shown(&self) -> FieldChange {
        match self {
            Self::Tag(tag) => tag.shown(),
            Self::Open(port) => FieldChange::new(INGRESS, None, format!("{port} from CloudFront")),
            Self::Widen(port) => {
                let from = other_port(*port);
                FieldChange::new(
                    INGRESS,
                    format!("{from} from CloudFront"),
                    "80-443 from CloudFront".to_owned(),
                )
            }
            Self::Close(permission) => FieldChange::new(INGRESS, told(permission), None),
        }
    }
}

/// What is shown of CloudFront's rule where its ports change.
pub(super) const INGRESS: &str = "ingress";

/// Both ports, and those between them, at which nobody listens: there is no room for two rules of CloudFront's list.
const BOTH: (i32, i32) = (80, 443);

/// The port that CloudFront comes to where it does not come to this one.
fn other_port(port: u16) -> u16 {
    [Entrance::Http, Entrance::Https]
        .into_iter()
        .find(|entrance| entrance.port() == port)
        .map_or(port, |entrance| entrance.other().port())
}

/// `22 from 203.0.113.7/32`
fn told(permission: &IpPermission) -> String {
    let ports = match (permission.from_port(), permission.to_port()) {
        (Some(from), Some(to)) if from == to => from.to_string(),
        (Some(from), Some(to)) => format!("{from}-{to}"),
        _ => "all ports".to_owned(),
    };
    let ranges = permission.ip_ranges().iter().filter_map(|range| range.cidr_ip());
    let ranges = ranges.chain(permission.ipv6_ranges().iter().filter_map(|range| range.cidr_ipv6()));
    let groups = permission
        .user_id_group_pairs()
        .iter()
        .filter_map(|pair| pair.group_id());
    let lists = permission
        .prefix_list_ids()
        .iter()
        .filter_map(|list| list.prefix_list_id());
    let sources: Vec<&str> = ranges.chain(groups).chain(lists).collect();
    format!("{ports} from {}", sources.join(", "))
}

/// What lets CloudFront in, and nobody else. One port: the list counts for 55 of the 60 rules that a group may have.
fn from_the_edge(list: &str, port: u16) -> IpPermission {
    IpPermission::builder()
        .ip_protocol("tcp")
        .from_port(port.into())
        .to_port(port.into())
        .prefix_list_ids(PrefixListId::builder().prefix_list_id(list).build())
        .build()
}

impl LiveGroup {
    /// Whether this rule lets CloudFront in at its ports, and nobody beside.
    fn is_of_the_edge(&self, permission: &IpPermission) -> bool {
        let mut lists = permission
            .prefix_list_ids()
            .iter()
            .filter_map(|list| list.prefix_list_id());
        let nobody_else = permission.ip_ranges().is_empty()
            && permission.ipv6_ranges().is_empty()
            && permission.user_id_group_pairs().is_empty();
        nobody_else
            && permission.ip_protocol() == Some("tcp")
            && ports(permission).is_some_and(|ports| [(80, 80), (443, 443), BOTH].contains(&ports))
            && lists.next() == Some(self.edge.as_str())
            && lists.next().is_none()
    }

    /// CloudFront's rule: there is room for one.
    fn of_the_edge(&self) -> Option<&IpPermission> {
        let mut all = self.ingress.iter();
        all.find(|permission| self.is_of_the_edge(permission))
    }

    fn lets_cloudfront_in(&self) -> bool {
        let port = i32::from(self.port);
        let mut ports = self.of_the_edge().and_then(ports).into_iter();
        ports.any(|(from, to)| from <= port && port <= to)
    }

    /// At more than the one port is let in only while CloudFront moves from one to the other, whose end another resource sees.
    fn steps(&self, stack: &Stack) -> Vec<GroupStep> {
        let tags = tag_steps(stack, ID, &self.tags).into_iter();
        let mut steps: Vec<_> = tags.map(GroupStep::Tag).collect();
        // First nobody else, then CloudFront: there is no room for both.
        let wrong = self
            .ingress
            .iter()
            .filter(|permission| !self.is_of_the_edge(permission));
        steps.extend(wrong.cloned().map(GroupStep::Close));
        match self.of_the_edge() {
            None => steps.push(GroupStep::Open(self.port)),
            Some(_) if !self.lets_cloudfront_in() => steps.push(GroupStep::Widen(self.port)),
            Some(_) => {}
        }
        steps
    }
}

fn ports(permission: &IpPermission) -> Option<(i32, i32)> {
    permission.from_port().zip(permission.to_port())
}

/// The stack's group where it lets CloudFront in at both ports; with its id and the list's.
pub(super) struct Wide {
    id: String,
    edge: String,
}

/// Looks whether the group lets CloudFront in at the port of a former time, too.
///
/// # Errors
/// Where it cannot be read.
pub(super) async fn wide(aws: &Aws, stack: &Arc<Stack>) -> Result<Option<Wide>, Error> {
    let group = SecurityGroup::new(stack.clone());
    let Some(found) = group.find(aws).await? else {
        return Ok(None);
    };
    let live = group.live(found, edge_list(aws).await?);
    let is_wide = stack.ownership.owner_by(&live.tags) == Owner::Ours
        && live.of_the_edge().and_then(ports).is_some_and(|ports| ports == BOTH);
    Ok(is_wide.then_some(Wide {
        id: live.id,
        edge: live.edge,
    }))
}

/// Lets CloudFront in at its port only.
///
/// # Errors
/// Where EC2 refuses.
pub(super) async fn narrow(cx: &WriteCx<Aws>, stack: &Arc<Stack>, wide: &Wide) -> Result<(), Error> {
    let group = SecurityGroup::new(stack.clone());
    let port = group.port().into();
    group.set_ports(cx, &wide.id, &wide.edge, (port, port)).await
}

impl SecurityGroup {
    pub(super) fn new(stack: Arc<Stack>) -> Self {
        Self { stack }
    }

    fn name(&self) -> &str {
        &self.stack.names.load_balancer
    }

    fn port(&self) -> u16 {
        Entrance::of(&self.stack.profile).port()
    }

    /// Ours before somebody else's: in another VPC there may be one of the same name.
    async fn find(&self, aws: &Aws) -> Result<Option<LiveEc2>, Error> {
        let describe = aws
            .ec2
            .describe_security_groups()
            .filters(filter("group-name", self.name()));
        let answer = describe.send().await;
        let answer = answer.explain(&format!("look for the security group {}", self.name()))?;
        let mut groups = answer.security_groups.unwrap_or_default();
        groups.sort_by_key(|group| self.stack.ownership.owner_by(&from_ec2(group.tags())) != Owner::Ours);
        Ok(groups.into_iter().next())
    }

    async fn tags(&self, aws: &Aws) -> Result<BTreeMap<String, String>, Error> {
        let found = self.find(aws).await?;
        Ok(found.map(|group| from_ec2(group.tags())).unwrap_or_default())
    }

    fn live(&self, found: LiveEc2, edge: String) -> LiveGroup {
        LiveGroup {
            port: self.port(),
            tags: from_ec2(found.tags()),
            id: found.group_id.unwrap_or_default(),
            vpc_id: found.vpc_id.unwrap_or_default(),
            ingress: found.ip_permissions.unwrap_or_default(),
            edge,
        }
    }

    async fn make(&self, cx: &WriteCx<Aws>) -> Result<String, Error> {
        let doing = format!("create the security group {}", self.name());
        let tags = TagSpecification::builder()
            .resource_type("security-group".into())
            .set_tags(Some(ec2_form(self.stack.ownership.tags(ID))))
            .build();
        let create = cx
            .aws()
            .ec2
            .create_security_group()
            .group_name(self.name())
            .description("Lets CloudFront reach the load balancer, and nobody else")
            .vpc_id(cx.need(&NETWORK)?.vpc_id)
            .tag_specifications(tags);
        let call = async { create.send().await.explain(&doing) };
        let whose = async |_| {
            let tags = || self.tags(cx.read().aws());
            own_work::by_tags(cx, &self.stack.ownership, ID, self.name(), tags).await
        };
        let made = own_work::create(cx, self.name(), call, whose).await?;
        let made = match made {
            Made::Answered(answer) => answer.group_id,
            made => {
                made.ours(&self.title())?;
                self.find(cx.read().aws()).await?.and_then(|group| group.group_id)
            }
        };
        made.ok_or_else(|| Error::failed(format!("the security group {} is gone", self.name())))
    }

    /// Lets CloudFront in. What an earlier try did is done.
    async fn open(&self, cx: &WriteCx<Aws>, id: &str, edge: &str) -> Result<(), Error> {
        let doing = &format!("let CloudFront into the security group {}", self.name());
        cx.check()?;
        let wait = Wait::new(format!("EC2 to {doing}"), 2, LIMITS);
        cx.wait(&wait, || async move {
            let open = cx.aws().ec2.authorize_security_group_ingress().group_id(id);
            let rule = from_the_edge(edge, self.port());
            let opened = open.ip_permissions(rule).send().await.explain(doing);
            match opened {
                Ok(_) => Poll::Ready(()),
                Err(error) if error.is_code("InvalidPermission.Duplicate") => Poll::Ready(()),
                Err(error) if error.is_code("InvalidGroup.NotFound") => Poll::NotYet("not visible yet".to_owned()),
                Err(error) => polled(Err(error)),
            }
        })
        .await
    }

    /// Changes the ports of CloudFront's rule in place: taken away and made anew it would keep everybody out for a moment.
    async fn set_ports(&self, cx: &WriteCx<Aws>, id: &str, edge: &str, (from, to): (i32, i32)) -> Result<(), Error> {
        let doing = &format!("change the ports of the security group {}", self.name());
        let rules = cx.read().aws().ec2.describe_security_group_rules();
        let rules = rules.filters(filter("group-id", id)).send().await.explain(doing)?;
        let mut rules = rules.security_group_rules.unwrap_or_default().into_iter();
        let own = rules.find(|rule| rule.prefix_list_id() == Some(edge) && rule.is_egress() != Some(true));
        let own = own.and_then(|rule| rule.security_group_rule_id);
        let own = own.ok_or_else(|| Error::failed(format!("could not {doing}")).because("its rule is gone"))?;
        let rule = SecurityGroupRuleRequest::builder()
            .ip_protocol("tcp")
            .from_port(from)
            .to_port(to)
            .prefix_list_id(edge)
            .build();
        let update = SecurityGroupRuleUpdate::builder()
            .security_group_rule_id(own)
            .security_group_rule(rule)
            .build();
        cx.check()?;
        let modify = cx.aws().ec2.modify_security_group_rules().group_id(id);
        let modified = modify.security_group_rules(update).send().await;
        modified.explain(doing).map(drop)
    }

    async fn close(&self, cx: &WriteCx<Aws>, id: &str, permission: IpPermission) -> Result<(), Error> {
        cx.check()?;
        let close = cx.aws().ec2.revoke_security_group_ingress().group_id(id);
        let closed = close.ip_permissions(permission).send().await;
        let doing = format!("close the security group {} to others", self.name());
        closed.or_absent(&["InvalidPermission.NotFound"], &doing).map(drop)
    }

    async fn change_tags(&self, cx: &WriteCx<Aws>, live: &LiveGroup, steps: &[TagStep]) -> Result<(), Error> {
        let (ec2, id, doing) = (
            &cx.aws().ec2,
            &live.id,
            &format!("tag the security group {}", self.name()),
        );
        let untag = |tags| async move {
            let untag = ec2.delete_tags().resources(id).set_tags(Some(ec2_form(tags)));
            untag.send().await.explain(doing).map(drop)
        };
        let tag = |tags| async move {
            let tag = ec2.create_tags().resources(id).set_tags(Some(ec2_form(tags)));
            tag.send().await.explain(doing).map(drop)
        };
        let read = || self.tags(cx.read().aws());
        change_tags(cx, (&self.title(), self.name()), steps, untag, tag, read).await
    }

    async fn read_again(&self, cx: &WriteCx<Aws>, edge: &str) -> Result<LiveGroup, Error> {
        let wait = Wait::new(format!("the security group {} to show", self.name()), 2, LIMITS);
        cx.wait(&wait, || async {
            polled(self.find(cx.read().aws()).await.map(|found| {
                let live = found.map(|found| self.live(found, edge.to_owned()));
                match live.filter(LiveGroup::lets_cloudfront_in) {
                    Some(live) => Poll::Ready(live),
                    None => Poll::NotYet("its rule does not show yet".to_owned()),
                }
            }))
        })
        .await
    }
}

/// The id of AWS's list of CloudFront's addresses in this region.
async fn edge_list(aws: &Aws) -> Result<String, Error> {
    let describe = aws.ec2.describe_managed_prefix_lists();
    let answer = describe.filters(filter("prefix-list-name", EDGE)).send().await;
    let answer = answer.explain("look for CloudFront's list of addresses")?;
    let mut lists = answer.prefix_lists.unwrap_or_default().into_iter();
    lists.find_map(|list| list.prefix_list_id).ok_or_else(|| {
        Error::refused(format!("this region has no prefix list {EDGE}"))
            .hint("take another region, or --set load_balancer.mode=dedicated")
    })
}

impl Resource for SecurityGroup {
    type Live = LiveGroup;
    type Place = ();
    type Step = GroupStep;
    type Clients = Aws;

    fn id(&self) -> ResourceId {
        ID
    }

    fn name(&self) -> String {
        self.stack.names.load_balancer.clone()
    }

    fn title(&self) -> String {
        format!("security group {}", self.name())
    }

    fn needs(&self) -> Vec<&'static str> {
        vec![NETWORK.name]
    }

    fn gives(&self) -> Vec<&'static str> {
        vec![SECURITY_GROUP.name]
    }

    fn limits(&self) -> Limits {
        LIMITS
    }

    async fn observe(&self, cx: &ReadCx<Aws>) -> Result<Observed<LiveGroup>, Error> {
        let aws = cx.aws();
        let Some(found) = settled(cx, ID, self.name(), || self.find(aws)).await? else {
            return Ok(Observed::Absent(()));
        };
        let mut live = self.live(found, edge_list(aws).await?);
        let told = std::mem::take(&mut live.tags);
        let tagged = settled_from(cx, &self.stack.ownership, ID, self.name(), told, || self.tags(aws)).await?;
        live.tags = tagged.tags;
        Ok(Observed::Present {
            live,
            owner: tagged.owner,
        })
    }

    fn plan(&self, seen: &Observed<LiveGroup>, known: &Values) -> Plan<GroupStep> {
        let Some((live, owner)) = seen.live() else {
            return Plan::Create;
        };
        if let Some(blocked) = block_unless_ours_with(&self.stack, ID, owner, front_door::WAY_AROUND) {
            return blocked;
        }
        match known.get(&NETWORK) {
            Some(network) if network.vpc_id != live.vpc_id => Plan::blocked(
                format!(
                    "it is in the VPC {}, the stack is to be in {}",
                    live.vpc_id, network.vpc_id
                ),
                Hint::run("teardown --keep users-table").then("up"),
            ),
            _ => Plan::of(live.steps(&self.stack)),
        }
    }

    fn publish(&self, live: &LiveGroup, values: &mut Values) {
        values.set(&SECURITY_GROUP, live.id.clone());
    }

    async fn create(&self, cx: &WriteCx<Aws>, (): ()) -> Result<LiveGroup, Failure> {
        let edge = edge_list(cx.read().aws()).await?;
        let id = self.make(cx).await?;
        self.open(cx, &id, &edge).await?;
        Ok(self.read_again(cx, &edge).await?)
    }

    async fn update(&self, cx: &WriteCx<Aws>, live: LiveGroup, steps: Vec<GroupStep>) -> Result<LiveGroup, Failure> {
        let mut tags = Vec::new();
        for step in steps {
            match step {
                GroupStep::Tag(tag) => tags.push(tag),
                GroupStep::Close(permission) => self.close(cx, &live.id, permission).await?,
                GroupStep::Open(_) => self.open(cx, &live.id, &live.edge).await?,
                GroupStep::Widen(_) => self.set_ports(cx, &live.id, &live.edge, BOTH).await?,
            }
        }
        self.change_tags(cx, &live, &tags).await?;
        Ok(self.read_again(cx, &live.edge).await?)
    }

    async fn delete(&self, cx: &WriteCx<Aws>, live: LiveGroup) -> Result<(), Failure> {
        let doing = &format!("delete the security group {}", self.name());
        cx.check()?;
        let wait = Wait::new(format!("EC2 to {doing}"), 5, RELEASE);
        let id = &live.id;
        let deleted = cx.wait(&wait, || async move {
            let deleted = cx.aws().ec2.delete_security_group().group_id(id).send().await;
            match deleted.or_absent(&["InvalidGroup.NotFound"], doing) {
                Ok(_) => Poll::Ready(()),
                Err(error) if error.is_code("DependencyViolation") => {
                    Poll::NotYet("the load balancer's network interfaces are there still".to_owned())
                }
                Err(error) if error.kind == Kind::Unreachable => Poll::Unknown(error),
                Err(error) => Poll::Failed(error),
            }
        });
        let leftover = format!("security group {} ({id})", self.name());
        let left = |error: Error| Failure::from(error).leaving(leftover.clone(), false);
        deleted.await.map_err(left)?;
        // Where it still shows, its VPC would be taken for one that is used.
        let wait = Wait::new(format!("the security group {} to be gone", self.name()), 2, LIMITS).good_reads(2);
        let gone = cx.wait(&wait, || async {
            polled(self.find(cx.read().aws()).await.map(|found| match found {
                Some(found) if found.group_id() == Some(id) => Poll::NotYet("deleted, and still visible".to_owned()),
                _ => Poll::Ready(()),
            }))
        });
        gone.await.map_err(left)
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::types::IpRange;

    use super::*;

    fn group(port: u16, ingress: Vec<IpPermission>) -> Observed<LiveGroup> {
        let live = LiveGroup {
            port,
            id: "sg-1".to_owned(),
            vpc_id: "vpc-1".to_owned(),
            ingress,
            edge: LIST.to_owned(),
            tags: Stack::for_test(|_| {}).ownership.tags(ID),
        };
        Observed::Present {
            live,
            owner: Owner::Ours,
        }
    }

    fn anybody(port: i32) -> IpPermission {
        IpPermission::builder()
            .ip_protocol("tcp")
            .from_port(port)
            .to_port(port)
            .ip_ranges(IpRange::builder().cidr_ip("0.0.0.0/0").build())
            .build()
    }

    const LIST: &str = "pl-3b927c52";

    fn shown(ingress: Vec<IpPermission>) -> Vec<(Option<String>, Option<String>)> {
        shown_at(80, ingress)
    }

    fn shown_at(port: u16, ingress: Vec<IpPermission>) -> Vec<(Option<String>, Option<String>)> {
        let group_of = SecurityGroup::new(Stack::for_test(|_| {}));
        match group_of.plan(&group(port, ingress), &Values::default()) {
            Plan::Update(steps) => steps.iter().map(Step::shown).map(|it| (it.from, it.to)).collect(),
            plan => {
                assert_eq!(plan, Plan::Keep);
                Vec::new()
            }
        }
    }

    #[test]
    fn a_group_that_lets_cloudfront_in_and_nobody_else_is_kept() {
        assert_eq!(shown(vec![from_the_edge(LIST, 80)]), []);
    }

    fn both() -> IpPermission {
        IpPermission::builder()
            .ip_protocol("tcp")
            .from_port(80)
            .to_port(443)
            .prefix_list_ids(PrefixListId::builder().prefix_list_id(LIST).build())
            .build()
    }

    #[test]
    fn where_cloudfront_moves_to_another_port_the_former_one_stays_open_until_somebody_sees_it_there() {
        let widened = |from: &str| {
            let (from, to) = (format!("{from} from CloudFront"), "80-443 from CloudFront".to_owned());
            [(Some(from), Some(to))]
        };
        assert_eq!(shown_at(443, vec![from_the_edge(LIST, 80)]), widened("80"));
        assert_eq!(shown_at(80, vec![from_the_edge(LIST, 443)]), widened("443"));
        for port in [80, 443] {
            assert_eq!(shown_at(port, vec![both()]), []);
        }
        // Nobody else is let in by that.
        assert_eq!(shown_at(443, vec![both(), anybody(443)]).len(), 1);
    }

    #[test]
    fn whoever_else_was_let_in_is_closed_out_and_cloudfront_let_in_again() {
        let opened = shown(vec![from_the_edge(LIST, 80), anybody(22)]);
        assert_eq!(opened, [(Some("22 from 0.0.0.0/0".to_owned()), None)]);
        let replaced = shown(vec![anybody(80)]);
        assert_eq!(replaced[0], (Some("80 from 0.0.0.0/0".to_owned()), None));
        assert_eq!(replaced[1], (None, Some("80 from CloudFront".to_owned())));
        // Another's list is not CloudFront's.
        assert_eq!(shown(vec![from_the_edge("pl-00000000", 80)]).len(), 2);
    }
}
