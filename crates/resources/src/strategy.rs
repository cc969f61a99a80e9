//! The ways in which instances take a version, and what each costs: minutes, vCPUs, and who is served meanwhile.
//! Pure; must know nothing of calls.

use crate::engine::Effect;

/// Beanstalk's deployment policies (the developer guide's using-features.rolling-version-deploy).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strategy {
    AllAtOnce,
    Rolling,
    RollingWithBatch,
    Immutable,
    TrafficSplit,
}

/// What it is deployed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fleet {
    pub instances: u32,
    /// Taken at a time where it goes in batches.
    pub batch: u32,
    /// Of one instance, where it is known.
    pub vcpus: Option<u32>,
    /// Behind a load balancer.
    pub balanced: bool,
}

/// What a deployment costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Price {
    minutes: u32,
    /// Instances that run beside the others for a while.
    more: u32,
    /// Instances that do not serve meanwhile.
    fewer: u32,
}

/// How long things take on AWS, in minutes. Events of three instances in October 2025: one by one 2.6 to 2.8 a batch, all at once
/// 1.4, immutable 18; with one instance immutable takes 10 to 15 (meteor-up/mup-aws-beanstalk#63), and with an additional batch
/// it is 15 to 20 (#78). With enhanced health a batch has to pass twelve checks in two minutes, so that none is quicker.
const BATCH: f64 = 2.8;
const AT_ONCE: u32 = 2;
/// Launching the additional batch, and ending it.
const ADDITIONAL: f64 = 8.0;
const IMMUTABLE_OF_ONE: u32 = 12;
const IMMUTABLE: u32 = 18;
/// The default of EvaluationTime (command-options-general, aws:elasticbeanstalk:trafficsplitting).
const EVALUATION: u32 = 5;

impl Strategy {
    pub const ALL: [Self; 5] = [
        Self::AllAtOnce,
        Self::Rolling,
        Self::RollingWithBatch,
        Self::Immutable,
        Self::TrafficSplit,
    ];

    /// The value of the option DeploymentPolicy.
    pub fn policy(self) -> &'static str {
        match self {
            Self::AllAtOnce => "AllAtOnce",
            Self::Rolling => "Rolling",
            Self::RollingWithBatch => "RollingWithAdditionalBatch",
            Self::Immutable => "Immutable",
            Self::TrafficSplit => "TrafficSplitting",
        }
    }

    /// The word by which users name it.
    pub fn word(self) -> &'static str {
        match self {
            Self::AllAtOnce => "all-at-once",
            Self::Rolling => "rolling",
            Self::RollingWithBatch => "rolling-with-batch",
            Self::Immutable => "immutable",
            Self::TrafficSplit => "traffic-split",
        }
    }

    pub(crate) fn of_policy(policy: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|strategy| strategy.policy() == policy)
    }

    /// Why it cannot be, where it cannot: a single instance has no batches, and nothing that splits its traffic.
    pub(crate) fn does_not_fit(self, balanced: bool) -> Option<String> {
        let fits = balanced || matches!(self, Self::AllAtOnce | Self::Immutable);
        (!fits).then(|| {
            format!(
                "a single instance without a load balancer cannot be deployed to by {}",
                self.word()
            )
        })
    }

    /// What it does to the running site.
    pub(crate) fn effect(self, fleet: Fleet) -> Effect {
        match self {
            Self::Immutable | Self::TrafficSplit => Effect::ReplaceInstances,
            Self::RollingWithBatch => Effect::Restart,
            Self::AllAtOnce => Effect::Interrupt,
            Self::Rolling if fleet.instances > fleet.batch => Effect::Restart,
            Self::Rolling => Effect::Interrupt,
        }
    }

    fn price(self, fleet: Fleet) -> Price {
        let of_batches = |before: f64| (before + BATCH * f64::from(fleet.batches())).ceil() as u32;
        let immutable = match fleet.instances {
            0 | 1 => IMMUTABLE_OF_ONE,
            _ => IMMUTABLE,
        };
        let (minutes, more, fewer) = match self {
            Self::AllAtOnce => (AT_ONCE, 0, fleet.instances),
            Self::Rolling => (of_batches(0.0), 0, fleet.batch.min(fleet.instances)),
            Self::RollingWithBatch => (of_batches(ADDITIONAL), fleet.batch, 0),
            Self::Immutable => (immutable, fleet.instances, 0),
            Self::TrafficSplit => (immutable + EVALUATION, fleet.instances, 0),
        };
        Price { minutes, more, fewer }
    }

    /// What it costs with this fleet, for a line of text.
    pub(crate) fn told(self, fleet: Fleet) -> String {
        let price = self.price(fleet);
        let batches = match self {
            Self::Rolling | Self::RollingWithBatch => {
                format!("{} of {}, ", plural(fleet.batches(), "batch", "batches"), fleet.batch)
            }
            _ => String::new(),
        };
        let more = match (price.more, fleet.vcpus) {
            (0, _) => "no more vCPUs".to_owned(),
            (more, Some(vcpus)) => format!("{} vCPUs more", more * vcpus),
            (more, None) => format!("{} more", plural(more, "instance", "instances")),
        };
        let serving = match price.fewer {
            0 => "all serve".to_owned(),
            all if all >= fleet.instances => "nobody is served for a while".to_owned(),
            fewer => format!("{} fewer at a time", plural(fewer, "instance", "instances")),
        };
        format!(
            "{} ({batches}about {} minutes, {more}, {serving})",
            self.word(),
            price.minutes
        )
    }
}

impl Fleet {
    fn batches(self) -> u32 {
        self.instances.div_ceil(self.batch.max(1))
    }

    /// What the ways that could be chosen instead cost.
    pub(crate) fn others(self, chosen: Strategy) -> impl Iterator<Item = String> {
        let fit = Strategy::ALL.into_iter();
        let fit = fit.filter(move |one| *one != chosen && one.does_not_fit(self.balanced).is_none());
        fit.map(move |one| one.told(self))
    }
}

fn plural(count: u32, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    const THREE: Fleet = Fleet {
        instances: 3,
        batch: 1,
        vcpus: Some(2),
        balanced: true,
    };

    #[test]
    fn each_way_tells_its_minutes_its_vcpus_and_who_is_served() {
        let told = |strategy: Strategy| strategy.told(THREE);
        assert_eq!(
            told(Strategy::Rolling),
            "rolling (3 batches of 1, about 9 minutes, no more vCPUs, 1 instance fewer at a time)"
        );
        assert_eq!(
            told(Strategy::AllAtOnce),
            "all-at-once (about 2 minutes, no more vCPUs, nobody is served for a while)"
        );
        assert_eq!(
            told(Strategy::Immutable),
            "immutable (about 18 minutes, 6 vCPUs more, all serve)"
        );
        assert!(told(Strategy::RollingWithBatch).contains("2 vCPUs more, all serve"));
        assert!(told(Strategy::TrafficSplit).contains("about 23 minutes, 6 vCPUs more"));
    }

    #[test]
    fn one_batch_of_all_interrupts_however_it_is_called() {
        let all = Fleet { batch: 3, ..THREE };
        assert_eq!(Strategy::Rolling.effect(all), Effect::Interrupt);
        assert_eq!(Strategy::Rolling.effect(THREE), Effect::Restart);
        assert!(Strategy::Rolling.told(all).contains("nobody is served for a while"));
    }

    #[test]
    fn a_single_instance_is_offered_what_it_can_have() {
        let single = Fleet {
            instances: 1,
            batch: 1,
            vcpus: None,
            balanced: false,
        };
        let others: Vec<_> = single.others(Strategy::AllAtOnce).collect();
        assert_eq!(others, ["immutable (about 12 minutes, 1 instance more, all serve)"]);
        assert!(Strategy::TrafficSplit.does_not_fit(false).is_some());
    }
}
