//! Where and how much to burn, from what the group is and whom Systems Manager reaches. Reads only.

use std::time::Duration;

use crate::aws::{Aws, managed_instances};
use crate::burn::{self, Dose, Size, Trigger};
use crate::engine::Error;
use crate::group::{self, Group};

/// No burn is bounded to less of this machine's time: processes do not start faster where AWS's clock does.
const SHORTEST_BURN: f64 = 15.0;

/// How the load comes about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// As much as crosses the trigger once.
    Sized,
    /// Four workers on one instance.
    LikeArticle,
    /// Somebody else burns.
    Elsewhere,
}

/// What is wanted.
#[derive(Debug, Clone, Copy)]
pub struct Wish {
    pub how: How,
    /// How many times faster than this machine's clock AWS's runs.
    pub speed: f64,
    /// Seconds between an instance's own measurements.
    pub monitoring_period: u32,
}

/// What is going to be run where.
pub struct Burn {
    pub script: String,
    pub instances: Vec<String>,
    /// As people read it.
    pub text: String,
    /// Seconds of AWS's time.
    pub bound: f64,
}

/// Why there is nothing that could be run.
pub enum NoBurn {
    /// Systems Manager reaches none of the instances: on each of them this would have to be run by hand.
    Unreachable {
        script: String,
    },
    Failed(Error),
}

impl From<Error> for NoBurn {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// Where and how much to burn. `idle`: percent that the site itself takes.
///
/// # Errors
/// Where no burn is right, or none can be started.
pub async fn plan(aws: &Aws, wish: Wish, group: &Group, idle: f64) -> Result<Burn, NoBurn> {
    let reachable = managed_instances::reachable(aws, &group.instances).await?;
    let processors = group::processors(aws, &group.instances).await?;
    let bound = bound(wish, group);
    let here = Duration::from_secs_f64(bound / wish.speed);
    let count = group.instances.len();
    if wish.how == How::LikeArticle {
        let burn = Burn {
            script: burn::like_article(here),
            instances: reachable.into_iter().take(1).collect(),
            text: format!("`stress -c 4`, or four shell loops, on one of {count} instances"),
            bound,
        };
        return match burn.instances.is_empty() {
            true => Err(NoBurn::Unreachable { script: burn.script }),
            false => Ok(burn),
        };
    }
    let burns = wish.how == How::Sized;
    let burning = match burns && !reachable.is_empty() {
        true => reachable.len(),
        false => count,
    };
    let size = Size {
        instances: u32::try_from(count).unwrap_or(u32::MAX),
        burning: u32::try_from(burning).unwrap_or(u32::MAX),
        idle,
    };
    let trigger = Trigger {
        upper: group.out.threshold(),
        step: group.out.step.unsigned_abs(),
    };
    let dose = burn::dose(trigger, size)
        .map_err(|error| Error::refused("no burn is right for this group").caused_by(error))?;
    let script = burn::sized(dose, processors, here);
    if burns && reachable.is_empty() {
        return Err(NoBurn::Unreachable { script });
    }
    Ok(Burn {
        script,
        text: match burns {
            true => told(dose, size, processors),
            false => "by somebody else".to_owned(),
        },
        instances: reachable,
        bound,
    })
}

/// Two whole periods, so that one of them is hot from end to end; its way through CloudWatch; and a launch.
fn bound(wish: Wish, group: &Group) -> f64 {
    let slowest = group.out.takes().max(u64::from(wish.monitoring_period));
    (2.0 * slowest as f64 + 600.0).max(SHORTEST_BURN * wish.speed).ceil()
}

fn told(dose: Dose, size: Size, processors: u32) -> String {
    format!(
        "{:.0} % of {processors} virtual CPUs on each of {} instances: an average of {:.0} %, and of {:.0} % with one more",
        dose.percent, size.burning, dose.before, dose.after
    )
}
