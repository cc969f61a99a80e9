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
    pub behind: Behind,
}

/// What stands before the instances.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Behind {
    Nothing,
    /// A load balancer that Beanstalk made for the environment.
    Its,
    /// One that is the stack's own, or shared.
    Anothers,
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

    /// Why it cannot be, where it cannot: a single instance has no batches, and nothing that splits its traffic. Whether Beanstalk can
    /// split it on a load balancer that is not its own nothing public shows; it would have to change listeners that it says it never
    /// changes (the developer guide's environments-cfg-alb-shared).
    pub(crate) fn does_not_fit(self, behind: Behind) -> Option<String> {
        let word = self.word();
        match (behind, self) {
            (Behind::Its, _) | (_, Self::AllAtOnce | Self::Immutable) => None,
            (Behind::Anothers, Self::TrafficSplit) => Some(format!(
                "behind a load balancer that Beanstalk did not make nothing can be deployed by {word}"
            )),
            (Behind::Anothers, _) => None,
            (Behind::Nothing, _) => Some(format!(
                "a single instance without a load balancer cannot be deployed to by {word}"
            )),
        }
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

    /// What it costs with this fleet, in columns.
    fn row(self, fleet: Fleet) -> [String; 4] {
        let price = self.price(fleet);
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
        [self.word().to_owned(), format!("{} min", price.minutes), more, serving]
    }
}

impl Fleet {
    pub(crate) fn batches(self) -> u32 {
        self.instances.div_ceil(self.batch.max(1))
    }

    /// What the chosen way costs, and with `others` what those cost that could be chosen instead: lines beneath a plan.
    pub(crate) fn prices(self, chosen: Strategy, others: bool) -> Vec<String> {
        let [word, minutes, more, serving] = chosen.row(self);
        let batches = match chosen {
            Strategy::Rolling | Strategy::RollingWithBatch => {
                format!("{} of {}, ", plural(self.batches(), "batch", "batches"), self.batch)
            }
            _ => String::new(),
        };
        let mut lines = vec![format!(
            "by {word}: {batches}about {minutes} of AWS's, {more}, {serving}"
        )];
        let fit = Strategy::ALL.into_iter();
        let fit = fit.filter(|one| *one != chosen && one.does_not_fit(self.behind).is_none());
        let rows: Vec<_> = fit.map(|one| one.row(self)).collect();
        if others && !rows.is_empty() {
            lines.push("or with --strategy".to_owned());
            lines.extend(table(&rows));
        }
        lines
    }
}

/// Cells under each other.
fn table(rows: &[[String; 4]]) -> Vec<String> {
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let line = |row: &[String; 4]| {
        let cells = row.iter().enumerate();
        let cells: Vec<_> = cells
            .map(|(column, cell)| format!("{cell:<0$}", width(column)))
            .collect();
        cells.join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
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
        behind: Behind::Its,
    };

    #[test]
    fn each_way_tells_its_minutes_its_vcpus_and_who_is_served() {
        assert_eq!(
            THREE.prices(Strategy::Rolling, true),
            [
                "by rolling: 3 batches of 1, about 9 min of AWS's, no more vCPUs, 1 instance fewer at a time",
                "or with --strategy",
                "all-at-once         2 min   no more vCPUs  nobody is served for a while",
                "rolling-with-batch  17 min  2 vCPUs more   all serve",
                "immutable           18 min  6 vCPUs more   all serve",
                "traffic-split       23 min  6 vCPUs more   all serve",
            ]
        );
        // Nobody chooses where nobody is asked.
        assert_eq!(THREE.prices(Strategy::Rolling, false).len(), 1);
    }

    #[test]
    fn one_batch_of_all_interrupts_however_it_is_called() {
        let all = Fleet { batch: 3, ..THREE };
        assert_eq!(Strategy::Rolling.effect(all), Effect::Interrupt);
        assert_eq!(Strategy::Rolling.effect(THREE), Effect::Restart);
        assert!(all.prices(Strategy::Rolling, false)[0].contains("nobody is served for a while"));
    }

    #[test]
    fn a_single_instance_is_offered_what_it_can_have() {
        let single = Fleet {
            instances: 1,
            batch: 1,
            vcpus: None,
            behind: Behind::Nothing,
        };
        assert_eq!(
            single.prices(Strategy::AllAtOnce, true)[1..],
            ["or with --strategy", "immutable  12 min  1 instance more  all serve"]
        );
        assert!(Strategy::TrafficSplit.does_not_fit(Behind::Nothing).is_some());
    }

    #[test]
    fn traffic_is_split_by_a_load_balancer_of_the_environments_own_only() {
        let shared = Fleet {
            behind: Behind::Anothers,
            ..THREE
        };
        assert!(Strategy::TrafficSplit.does_not_fit(shared.behind).is_some());
        let offers = |fleet: Fleet| {
            let lines = fleet.prices(Strategy::Rolling, true);
            lines.iter().any(|line| line.starts_with("traffic-split"))
        };
        assert!(!offers(shared) && offers(THREE));
    }
}
