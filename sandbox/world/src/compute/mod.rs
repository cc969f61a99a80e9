//! EC2 instances, launch templates and key pairs.
//! Must know nothing of who launches; processes are the data plane's.

pub mod agents;
pub mod credits;
pub mod images;
pub mod key_pairs;
pub mod sessions;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::settling::Settling;
use super::{Item, Refusal, Region, State, Tags, World, ids, network};
use key_pairs::KeyPair;

/// An instance that has ended is listed this long.
pub(crate) const VISIBLE_AFTER_END: SignedDuration = SignedDuration::from_hours(1);
/// Sandbox seconds from `pending` to `running`.
const BOOT: u64 = 15;

#[derive(Debug, Default)]
pub struct Compute {
    /// By id.
    pub instances: BTreeMap<String, Instance>,
    /// By name.
    pub key_pairs: Settling<BTreeMap<String, KeyPair>>,
    /// By id.
    pub launch_templates: BTreeMap<String, LaunchTemplate>,
    pub agents: agents::Agents,
    /// By instance id, where somebody has set it.
    pub credits: BTreeMap<String, credits::CreditMode>,
}

#[derive(Debug, Clone)]
pub struct Instance {
    pub id: String,
    pub state: InstanceState,
    pub image_id: String,
    pub instance_type: String,
    pub zone: String,
    pub subnet_id: String,
    pub vpc_id: String,
    pub security_groups: Vec<String>,
    pub key_name: Option<String>,
    pub profile_arn: Option<String>,
    pub private_ip: String,
    pub public_ip: Option<String>,
    pub launched: Timestamp,
    /// When it was told to end.
    pub stopped: Option<Timestamp>,
    pub ended: Option<Timestamp>,
    pub reservation_id: String,
    /// A metric a minute instead of one in five.
    pub detailed_monitoring: bool,
    /// Instance metadata only with session tokens.
    pub requires_imds_v2: bool,
    /// EC2's status checks fail: it runs, but nothing is heard of it.
    pub is_impaired: bool,
    pub tags: Tags,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InstanceState {
    Pending,
    Running,
    ShuttingDown,
    Terminated,
}

impl InstanceState {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::ShuttingDown => "shutting-down",
            Self::Terminated => "terminated",
        }
    }

    /// EC2's number of it.
    pub fn code(self) -> i32 {
        match self {
            Self::Pending => 0,
            Self::Running => 16,
            Self::ShuttingDown => 32,
            Self::Terminated => 48,
        }
    }
}

impl Instance {
    /// Nothing of it is left but its record.
    pub fn is_gone(&self) -> bool {
        self.state == InstanceState::Terminated
    }

    /// It runs or will run.
    pub fn is_alive(&self) -> bool {
        matches!(self.state, InstanceState::Pending | InstanceState::Running)
    }

    /// It is told to end, if it was not told before.
    pub fn stop(&mut self, now: Timestamp) {
        if self.is_alive() {
            self.state = InstanceState::ShuttingDown;
            self.stopped = Some(now);
        }
    }
}

/// How to launch an instance; what a launch template or launch configuration holds.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct InstanceSpec {
    pub image_id: String,
    pub instance_type: String,
    pub key_name: Option<String>,
    /// ARN of the instance profile.
    pub profile_arn: Option<String>,
    pub security_groups: Vec<String>,
    /// `None`: as the subnet says.
    pub public_ip: Option<bool>,
    pub volume_type: Option<String>,
    /// Instance metadata only with session tokens.
    pub requires_imds_v2: bool,
    /// `monitoring`: a point a minute instead of one in five.
    pub detailed_monitoring: bool,
}

#[derive(Debug, Clone)]
pub struct LaunchTemplate {
    pub id: String,
    pub name: String,
    pub created: Timestamp,
    pub created_by: String,
    /// Version 1 first.
    pub versions: Vec<InstanceSpec>,
    pub tags: Tags,
}

impl Compute {
    pub(crate) fn create_launch_template(
        &mut self,
        name: &str,
        created: Timestamp,
        created_by: &str,
        spec: InstanceSpec,
        tags: Tags,
    ) -> String {
        let id = ids::ec2("lt");
        self.launch_templates.insert(
            id.clone(),
            LaunchTemplate {
                id: id.clone(),
                name: name.to_owned(),
                created,
                created_by: created_by.to_owned(),
                versions: vec![spec],
                tags,
            },
        );
        id
    }

    /// Those that AWS still lists at `now`.
    pub fn listed(&self, now: Timestamp) -> impl Iterator<Item = &Instance> {
        self.instances.values().filter(move |instance| {
            instance
                .ended
                .is_none_or(|ended| now.duration_since(ended) < VISIBLE_AFTER_END)
        })
    }

    pub fn tags_mut(&mut self, id: &str) -> Option<&mut Tags> {
        None.or_else(|| self.instances.get_mut(id).map(|it| &mut it.tags))
            .or_else(|| self.launch_templates.get_mut(id).map(|it| &mut it.tags))
            .or_else(|| {
                self.key_pairs
                    .values_mut()
                    .find(|pair| pair.id == id)
                    .map(|it| &mut it.tags)
            })
    }

    pub fn inventory(&self, region: &str) -> Vec<Item> {
        let item = Item::of("ec2", region);
        let running = self.instances.values().filter(|instance| !instance.is_gone());
        let mut items: Vec<_> = running.map(|it| item("instance", &it.id, "", &it.tags)).collect();
        items.extend(
            self.key_pairs
                .values()
                .map(|it| item("key-pair", &it.id, &it.name, &it.tags)),
        );
        items.extend(
            self.launch_templates
                .values()
                .map(|it| item("launch-template", &it.id, &it.name, &it.tags)),
        );
        items
    }
}

/// Launches an instance in a subnet: `pending` at once, `running` a little later.
///
/// # Errors
/// As RunInstances: an unknown subnet, group or key pair, or a type that the zone does not offer.
pub fn launch(
    world: &Arc<World>,
    state: &mut State,
    region: &str,
    spec: &InstanceSpec,
    subnet_id: &str,
    tags: Tags,
) -> Result<String, Refusal> {
    let now = world.clock.now();
    state.gates.check_launch(&spec.instance_type)?;
    let here = state.region(region);
    check(here, spec, subnet_id)?;
    let id = ids::ec2("i");
    let instance = make(here, &id, spec, subnet_id, now, tags);
    here.compute.instances.insert(id.clone(), instance);
    world.plane.launch(&id, network::zones::processors(&spec.instance_type));
    let (world_then, region_then, id_then) = (Arc::clone(world), region.to_owned(), id.clone());
    world.spawn(async move {
        world_then.clock.sleep_seconds(BOOT).await;
        let mut state = world_then.lock();
        if let Some(instance) = state.region(&region_then).compute.instances.get_mut(&id_then)
            && instance.state == InstanceState::Pending
        {
            instance.state = InstanceState::Running;
        }
    });
    Ok(id)
}

fn check(here: &Region, spec: &InstanceSpec, subnet_id: &str) -> Result<(), Refusal> {
    let missing = |code: &str, what: &str, id: &str| Refusal::new(code, format!("The {what} '{id}' does not exist"));
    let subnet = here
        .network
        .subnets
        .get(subnet_id)
        .ok_or_else(|| missing("InvalidSubnetID.NotFound", "subnet ID", subnet_id))?;
    if let Some(group) = spec
        .security_groups
        .iter()
        .find(|id| !here.network.security_groups.contains_key(*id))
    {
        return Err(missing("InvalidGroup.NotFound", "security group", group));
    }
    if let Some(name) = &spec.key_name
        && !here.compute.key_pairs.contains_key(name)
    {
        return Err(missing("InvalidKeyPair.NotFound", "key pair", name));
    }
    if !network::zones::offers(&subnet.zone, &spec.instance_type) {
        let refusal = Refusal::new(
            "Unsupported",
            format!(
                "Your requested instance type ({}) is not supported in your requested Availability Zone ({}).",
                spec.instance_type, subnet.zone
            ),
        );
        return Err(network::zones::of_type(&spec.instance_type, refusal));
    }
    check_architecture(spec)?;
    check_vcpus(here, &spec.instance_type)
}

/// As RunInstances words it (skypilot-org/skypilot#6315).
fn check_architecture(spec: &InstanceSpec) -> Result<(), Refusal> {
    let image = images::find(&spec.image_id).ok_or_else(|| {
        let text = format!("The image id '[{}]' does not exist", spec.image_id);
        Refusal::new("InvalidAMIID.NotFound", text)
    })?;
    let architecture = network::zones::architecture(&spec.instance_type);
    if architecture == image.architecture {
        return Ok(());
    }
    Err(Refusal::new(
        "InvalidParameterValue",
        format!(
            "The architecture '{architecture}' of the specified instance type does not match the architecture '{}' of the \
             specified AMI. Specify an instance type and an AMI that have matching architectures, and try again. You can \
             use 'describe-instance-types' or 'describe-images' to discover the architecture of the instance type or AMI.",
            image.architecture
        ),
    ))
}

/// Standard instances (A, C, D, H, I, M, R, T, Z) share one quota; the sandbox has no others.
fn check_vcpus(here: &Region, instance_type: &str) -> Result<(), Refusal> {
    let vcpus = |wanted: &str| {
        let known = network::zones::INSTANCE_TYPES.iter();
        known
            .clone()
            .find(|(name, ..)| *name == wanted)
            .map_or(0, |(_, vcpus, ..)| *vcpus)
    };
    let running = here.compute.instances.values().filter(|instance| instance.is_alive());
    let used: i32 = running.map(|instance| vcpus(&instance.instance_type)).sum();
    let limit = here.quotas.standard_vcpus;
    if f64::from(used + vcpus(instance_type)) <= limit {
        return Ok(());
    }
    Err(Refusal::new(
        "VcpuLimitExceeded",
        format!(
            "You have requested more vCPU capacity than your current vCPU limit of {limit} allows for the instance bucket \
             that the specified instance type belongs to. Please visit http://aws.amazon.com/contact-us/ec2-request to \
             request an adjustment to this limit."
        ),
    ))
}

fn make(here: &Region, id: &str, spec: &InstanceSpec, subnet_id: &str, now: Timestamp, tags: Tags) -> Instance {
    let subnet = here.network.subnets.get(subnet_id);
    let public = spec
        .public_ip
        .unwrap_or(subnet.is_some_and(|subnet| subnet.map_public_ip_on_launch));
    Instance {
        id: id.to_owned(),
        state: InstanceState::Pending,
        image_id: spec.image_id.clone(),
        instance_type: spec.instance_type.clone(),
        zone: subnet.map(|subnet| subnet.zone.clone()).unwrap_or_default(),
        subnet_id: subnet_id.to_owned(),
        vpc_id: subnet.map(|subnet| subnet.vpc_id.clone()).unwrap_or_default(),
        security_groups: spec.security_groups.clone(),
        key_name: spec.key_name.clone(),
        profile_arn: spec.profile_arn.clone(),
        private_ip: private_ip(here, subnet.map_or("172.31.0.0/20", |subnet| &subnet.cidr)),
        public_ip: public.then(network::public_ip),
        launched: now,
        stopped: None,
        ended: None,
        reservation_id: ids::ec2("r"),
        detailed_monitoring: spec.detailed_monitoring,
        requires_imds_v2: spec.requires_imds_v2,
        is_impaired: false,
        tags,
    }
}

/// The first address of the range that no living instance has; the first four belong to AWS.
fn private_ip(here: &Region, cidr: &str) -> String {
    let base = cidr
        .split('/')
        .next()
        .and_then(|text| text.parse::<std::net::Ipv4Addr>().ok());
    let base = u32::from(base.unwrap_or(std::net::Ipv4Addr::new(172, 31, 0, 0)));
    let free = |ip: &String| {
        !here
            .compute
            .instances
            .values()
            .any(|other| !other.is_gone() && other.private_ip == *ip)
    };
    (4..4091)
        .map(|host| std::net::Ipv4Addr::from(base + host).to_string())
        .find(free)
        .unwrap_or_else(|| "172.31.255.254".to_owned())
}

/// Ends an instance: `shutting-down` at once, `terminated` when its processes are gone. Resolves then.
pub async fn terminate(world: &Arc<World>, region: &str, id: &str) {
    {
        let mut state = world.lock();
        let Some(instance) = state.region(region).compute.instances.get_mut(id) else {
            return;
        };
        if instance.is_gone() {
            return;
        }
        instance.stop(world.clock.now());
    }
    world.plane.terminate(id).await;
    let now = world.clock.now();
    let mut state = world.lock();
    let here = state.region(region);
    for address in here.network.addresses.values_mut() {
        if address.instance_id.as_deref() == Some(id) {
            address.instance_id = None;
            address.association_id = None;
        }
    }
    if let Some(instance) = here.compute.instances.get_mut(id) {
        instance.state = InstanceState::Terminated;
        instance.public_ip = None;
        instance.ended = Some(now);
    }
}
