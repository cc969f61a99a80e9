//! How much to burn, so that the trigger is crossed and one step is taken, not two or none; and the script that burns it.
//! Calls nobody.

use std::time::Duration;

/// Points of a phase. A whole second: long beside a scheduler's slices, short beside a metric's period.
const PHASE: u32 = 100;

/// What decides the size. Percentages are of an instance's whole CPU.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Trigger {
    /// Above it, strictly, instances are added.
    pub upper: f64,
    /// How many.
    pub step: u32,
}

/// The group as it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Size {
    pub instances: u32,
    /// Those that can be reached, and so burn.
    pub burning: u32,
    /// What the site itself takes now.
    pub idle: f64,
}

/// What each burning instance is to burn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Dose {
    /// Percent of its whole CPU.
    pub percent: f64,
    /// The group's average that comes of it, before and after the step.
    pub before: f64,
    pub after: f64,
}

/// Why no dose does it.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub(crate) enum Unreachable {
    #[error("the site itself is over the threshold already ({idle:.0} % of {upper:.0} %)")]
    BusyAlready { idle: f64, upper: f64 },
    #[error(
        "even at 100 % on {burning} of {instances} instances the average stays at {average:.0} %, not above {upper:.0} %"
    )]
    TooFew {
        burning: u32,
        instances: u32,
        average: f64,
        upper: f64,
    },
}

/// The middle of what crosses the threshold and no longer does once the step is taken. One of two instances at 100 % is an
/// average of 50 %, which is not above 50; both at 100 % are 67 % with a third one, and a fourth follows.
pub(crate) fn dose(trigger: Trigger, size: Size) -> Result<Dose, Unreachable> {
    let Trigger { upper, step } = trigger;
    let Size {
        instances,
        burning,
        idle,
    } = size;
    let (count, more) = (f64::from(instances), f64::from(instances + step));
    let gap = upper - idle;
    if gap <= 0.0 {
        return Err(Unreachable::BusyAlready { idle, upper });
    }
    // Averages over the present group that the burn alone makes: between these two, the new instances being idle.
    let (least, most) = (gap, gap * more / count);
    let possible = (100.0 - idle).max(0.0) * f64::from(burning) / count;
    // A little above the threshold is needed, since the site's own part varies.
    if possible < least + 2.0 {
        return Err(Unreachable::TooFew {
            burning,
            instances,
            average: idle + possible,
            upper,
        });
    }
    let average = f64::midpoint(least, most).min(possible);
    Ok(Dose {
        percent: average * count / f64::from(burning),
        before: idle + average,
        after: idle + average * count / more,
    })
}

/// The script for one instance of so many virtual CPUs. Every process in it is bounded by `timeout` on the instance itself, so
/// that a lost client leaves nothing burning. Low priority: the site goes first.
pub(crate) fn sized(dose: Dose, processors: u32, bound: Duration) -> String {
    let loops = dose.percent / 100.0 * f64::from(processors);
    let whole = loops.floor();
    let part = ((loops - whole) * f64::from(PHASE)).round() as u32;
    let bounded = format!("timeout {} nice -n 10 sh -c", bound.as_secs().max(1));
    let mut script = String::new();
    for _ in 0..whole as u32 {
        script.push_str(&format!("{bounded} 'while :; do :; done' &\n"));
    }
    if part > 0 {
        script.push_str(&format!("{bounded} '{}' &\n", part_time(part)));
    }
    script.push_str("wait\n:\n");
    script
}

/// A loop that burns so many hundredths of each second and sleeps for the rest. The time comes from /proc/uptime, which costs no
/// process; the `1` in front keeps its leading zeros from being read as octal.
fn part_time(hundredths: u32) -> String {
    format!(
        "while read -r up rest </proc/uptime; do \
         now=$((1${{up%.*}}${{up#*.}} % {PHASE})); \
         if [ $now -lt {hundredths} ]; then i=0; while [ $i -lt 500 ]; do i=$((i+1)); done; \
         else left=$(({PHASE} - now)); if [ $left -lt 10 ]; then left=0$left; fi; sleep 0.$left; fi; \
         done"
    )
}

/// As the article did it by hand: four workers on one instance, with `stress` where it is installed.
pub(crate) fn like_article(bound: Duration) -> String {
    let seconds = bound.as_secs().max(1);
    format!(
        "if command -v stress >/dev/null 2>&1; then\n\
         echo 'stress -c 4'\n\
         timeout {seconds} stress -c 4\n\
         else\n\
         echo 'four shell loops: stress is not installed'\n\
         for i in 1 2 3 4; do timeout {seconds} sh -c 'while :; do :; done' & done\n\
         wait\n\
         fi\n:\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARTICLE: Trigger = Trigger { upper: 50.0, step: 1 };

    fn size(instances: u32, idle: f64) -> Size {
        Size {
            instances,
            burning: instances,
            idle,
        }
    }

    #[test]
    fn the_articles_two_instances_burn_about_two_thirds_each_and_get_one_more() {
        let dose = dose(ARTICLE, size(2, 0.0)).unwrap();
        assert!((60.0..66.0).contains(&dose.percent), "{dose:?}");
        assert!(dose.before > 50.0 && dose.after < 50.0, "{dose:?}");
    }

    #[test]
    fn whatever_the_size_one_step_is_taken_and_no_second_one() {
        for instances in 1..=20 {
            for idle in [0.0, 10.0, 30.0] {
                for step in [1, 2] {
                    let trigger = Trigger { upper: 50.0, step };
                    let dose = dose(trigger, size(instances, idle)).unwrap();
                    assert!(
                        dose.before > 50.0 && dose.after < 50.0,
                        "{instances} at {idle}: {dose:?}"
                    );
                    assert!(dose.percent <= 100.0);
                }
            }
        }
    }

    #[test]
    fn one_of_two_instances_alone_cannot_cross_the_articles_threshold() {
        let alone = Size {
            burning: 1,
            ..size(2, 0.0)
        };
        let refused = dose(ARTICLE, alone).unwrap_err();
        assert!(
            refused.to_string().contains("stays at 50 %, not above 50 %"),
            "{refused}"
        );
    }

    #[test]
    fn what_is_busy_already_needs_no_burn() {
        assert!(matches!(
            dose(ARTICLE, size(2, 60.0)),
            Err(Unreachable::BusyAlready { .. })
        ));
    }

    #[test]
    fn every_process_of_the_script_is_bounded() {
        let dose = Dose {
            percent: 65.0,
            before: 65.0,
            after: 43.0,
        };
        let script = sized(dose, 2, Duration::from_secs(900));
        let started = script.lines().filter(|line| line.ends_with('&'));
        assert!(
            started.clone().count() == 2 && started.into_iter().all(|line| line.starts_with("timeout 900 ")),
            "{script}"
        );
        assert!(like_article(Duration::from_secs(900)).matches("timeout 900 ").count() == 2);
    }

    /// What the loop does at a moment, by this machine's own shell; a busy machine would blur what a clock could tell.
    fn does_at(uptime: &str, hundredths: u32) -> String {
        let clock = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(clock.path(), format!("{uptime} 99.99\n")).unwrap();
        let script = part_time(hundredths)
            .replace("/proc/uptime", &clock.path().display().to_string())
            .replace("i=0; while [ $i -lt 500 ]; do i=$((i+1)); done", "echo burn; exit")
            .replace("sleep 0.$left", "echo sleep 0.$left; exit");
        let output = std::process::Command::new("sh").arg("-c").arg(script).output().unwrap();
        assert!(output.stderr.is_empty(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    #[test]
    fn the_part_time_loop_burns_its_part_of_each_second_and_sleeps_for_the_rest() {
        for (uptime, wanted) in [
            ("4711.00", "burn"),
            ("4711.08", "burn"),
            ("4711.29", "burn"),
            ("4711.30", "sleep 0.70"),
            ("4711.89", "sleep 0.11"),
            ("4711.95", "sleep 0.05"),
        ] {
            assert_eq!(does_at(uptime, 30), wanted, "at {uptime}");
        }
    }

    #[test]
    fn the_script_ends_by_its_bound() {
        let dose = Dose {
            percent: 130.0,
            before: 0.0,
            after: 0.0,
        };
        let began = std::time::Instant::now();
        let script = sized(dose, 1, Duration::from_secs(2));
        let output = std::process::Command::new("sh").arg("-c").arg(script).output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
        assert!(began.elapsed() >= Duration::from_secs(2));
    }
}
