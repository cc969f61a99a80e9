//! From the first reading to the last: where the test stands, what it waits for and why that takes as long as it does.
//! Calls nobody: it is told readings, and tells a stage.

use std::collections::HashSet;

use crate::engine::counted_are;
use crate::group::Group;
use crate::readings::{End, Reading, Step};
use crate::report::stress::Course;
use crate::run_command::State;

/// Seconds from a data point until CloudWatch shows it, and until Auto Scaling acts on an alarm.
const LAG: f64 = 180.0;
/// Seconds that a launch may take: boot, the version, the load balancer's checks.
const LAUNCH: f64 = 900.0;
/// Seconds for draining and termination.
const LEAVING: f64 = 600.0;

/// Where the test stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Until the alarm makes the group grow.
    Out,
    /// Until the new instance serves.
    Launch,
    /// Until the group is as small as it was.
    Back,
    Done,
}

/// A test that goes on.
pub struct Test {
    pub stage: Stage,
    pub course: Course,
    group: Group,
    /// Instances at the start.
    start: u32,
    /// AWS's time of the start, in seconds since 1970.
    zero: f64,
    /// Seconds that the burn is bounded to.
    bound: f64,
    /// Activities from before.
    former: HashSet<String>,
    /// When the present stage began, in seconds since the start.
    since: f64,
    alarm_is_on: bool,
}

impl Test {
    /// `first`: a reading from before the burn.
    pub fn new(course: Course, group: Group, first: &Reading, zero: f64, bound: f64) -> Self {
        Self {
            stage: Stage::Out,
            start: first.in_service,
            former: first.activities.iter().map(|step| step.id.clone()).collect(),
            course,
            group,
            zero,
            bound,
            since: 0.0,
            alarm_is_on: false,
        }
    }

    /// Takes a reading of `now`, in seconds since the start. Gives why the test failed, where it did.
    pub fn take(&mut self, reading: &Reading, now: f64) -> Result<(), String> {
        self.note(reading, now);
        let steps: Vec<&Step> = reading
            .activities
            .iter()
            .filter(|step| !self.former.contains(&step.id))
            .collect();
        let before = self.stage;
        match self.stage {
            Stage::Out => self.out(reading, &steps, now)?,
            Stage::Launch => self.launch(reading, &steps, now)?,
            Stage::Back => self.back(reading, &steps, now)?,
            Stage::Done => {}
        }
        if self.stage != before {
            self.since = now;
        }
        Ok(())
    }

    fn note(&mut self, reading: &Reading, now: f64) {
        let zero = self.zero;
        let course = &mut self.course;
        course.seconds = now;
        course.cpu = averages(&reading.cpu, zero, f64::from(self.group.out.period()));
        if course
            .instances
            .last()
            .is_none_or(|(_, count)| *count as u32 != reading.in_service)
        {
            course.instances.push((now, f64::from(reading.in_service)));
        }
        if let Some(health) = &reading.health
            && course.health.last().is_none_or(|(_, word)| word != health)
        {
            course.health.push((now, health.clone()));
        }
        let since = (reading.high.since - zero).clamp(0.0, now);
        match (reading.high.is_on(), self.alarm_is_on) {
            (true, false) => course.alarm.push((since, now)),
            (true, true) => course.alarm.iter_mut().rev().take(1).for_each(|band| band.1 = now),
            (false, true) => course
                .alarm
                .iter_mut()
                .rev()
                .take(1)
                .for_each(|band| band.1 = since.max(band.0)),
            (false, false) => {}
        }
        self.alarm_is_on = reading.high.is_on();
        let new = reading.activities.iter().filter(|step| !self.former.contains(&step.id));
        course.activities = new
            .map(|step| {
                let mut shown = step.shown.clone();
                shown.from = (shown.from - zero).max(0.0);
                shown.to = shown.to.map(|to| to - zero);
                shown
            })
            .rev()
            .collect();
        if matches!(reading.burn, None | Some(State::Running | State::Waiting)) && self.stage == Stage::Out {
            course.burned = now;
        }
    }

    fn out(&mut self, reading: &Reading, steps: &[&Step], now: f64) -> Result<(), String> {
        if let Some(State::Failed(reason)) = &reading.burn {
            return Err(format!("the burn did not run: {reason}"));
        }
        let mine = self.group.out.alarm_name();
        if let Some(step) = steps
            .iter()
            .find(|step| step.shown.adds && step.alarm.as_deref() == Some(mine))
        {
            return self.began(step);
        }
        // Its last point may be filed and seen only after the burn's end.
        if now > self.bound + self.group.out.takes() as f64 + LAG + LEAVING {
            return Err(self.why_not(reading, steps));
        }
        Ok(())
    }

    fn began(&mut self, step: &Step) -> Result<(), String> {
        if let End::Failed(reason) = &step.end {
            return Err(format!(
                "the alarm made the group grow, but the launch failed: {reason}"
            ));
        }
        self.stage = Stage::Launch;
        Ok(())
    }

    /// Why the group did not grow, as far as the readings tell.
    fn why_not(&self, reading: &Reading, steps: &[&Step]) -> String {
        let rule = &self.group.out;
        let highest = self
            .course
            .cpu
            .iter()
            .map(|(_, percent)| *percent)
            .fold(f64::NAN, f64::max);
        if let Some(step) = steps.iter().find(|step| step.shown.adds) {
            return format!("an instance was added, but not by the alarm: {}", step.shown.cause);
        }
        if !self.course.alarm.is_empty() {
            let suspended = self
                .group
                .suspended
                .iter()
                .find(|process| *process == "AlarmNotification" || *process == "Launch");
            return match suspended {
                Some(process) => format!("the alarm went off, but the group's process {process} is suspended"),
                None => format!(
                    "the alarm went off, but no activity followed; the group wants {} instances",
                    reading.desired
                ),
            };
        }
        if highest.is_nan() {
            return "CloudWatch showed no CPU of the group at all".to_owned();
        }
        format!(
            "the average CPU reached {highest:.1} %, and the alarm wants more than {} % for {} s",
            rule.threshold(),
            rule.takes()
        )
    }

    fn launch(&mut self, reading: &Reading, steps: &[&Step], now: f64) -> Result<(), String> {
        let mine = self.group.out.alarm_name();
        let step = steps
            .iter()
            .find(|step| step.shown.adds && step.alarm.as_deref() == Some(mine));
        if let Some(End::Failed(reason)) = step.map(|step| &step.end) {
            return Err(format!(
                "the alarm made the group grow, but the launch failed: {reason}"
            ));
        }
        let launched = step.is_some_and(|step| step.end == End::Successful);
        if launched && reading.in_service > self.start {
            self.course.scaled_out = true;
            self.stage = Stage::Back;
        } else if now - self.since > LAUNCH {
            return Err(format!(
                "the new instance did not come into service within {LAUNCH:.0} s"
            ));
        }
        Ok(())
    }

    fn back(&mut self, reading: &Reading, steps: &[&Step], now: f64) -> Result<(), String> {
        let low = self.group.back.as_ref();
        let mine = low.map(crate::group::Rule::alarm_name);
        let left = steps
            .iter()
            .find(|step| !step.shown.adds && step.alarm.is_some() && step.alarm.as_deref() == mine);
        let is_open = steps.iter().any(|step| step.end == End::Open);
        if reading.in_service <= self.start && !is_open {
            match left {
                Some(_) => {
                    self.course.scaled_in = true;
                    self.stage = Stage::Done;
                    return Ok(());
                }
                None if steps.iter().any(|step| !step.shown.adds) => {
                    let other = steps
                        .iter()
                        .find(|step| !step.shown.adds)
                        .map(|step| step.shown.cause.clone());
                    return Err(format!(
                        "an instance left, but not by the alarm: {}",
                        other.unwrap_or_default()
                    ));
                }
                None => {}
            }
        }
        let takes = low.map_or(0.0, |rule| rule.takes() as f64);
        // One after the other, where the alarm stayed on long enough for a second one.
        let most = self
            .course
            .instances
            .iter()
            .map(|(_, count)| *count)
            .fold(0.0, f64::max);
        let leaving = (most - f64::from(self.start)).max(1.0);
        let each = takes + f64::from(self.group.cooldown);
        if now - self.since > self.bound + (1.0 + leaving) * each + LAG + leaving * LEAVING {
            return Err(match (low, &reading.low) {
                (None, _) => "the group has no alarm that takes instances away".to_owned(),
                (Some(rule), Some(alarm)) if !alarm.is_on() => format!(
                    "it did not shrink again: the low alarm is {}, and the newest average is {} (it wants less than {} %)",
                    alarm.state,
                    newest(&self.course),
                    rule.threshold()
                ),
                _ => format!(
                    "it did not shrink again: {} in service",
                    counted_are(reading.in_service.into(), "instance")
                ),
            });
        }
        Ok(())
    }

    /// What is waited for, and why it takes its time.
    pub fn waits_for(&self, reading: &Reading) -> String {
        let newest = newest(&self.course);
        let out = &self.group.out;
        match self.stage {
            Stage::Out if reading.high.is_on() => format!(
                "average CPU {newest}: the alarm is on, and Auto Scaling acts on it within a minute, or when its cooldown of {} s is over",
                self.group.cooldown
            ),
            Stage::Out => format!(
                "average CPU {newest}: the alarm wants {} s above {} %, and CloudWatch shows a period of {} s only after it is over",
                out.takes(),
                out.threshold(),
                out.period()
            ),
            Stage::Launch => format!(
                "{} in service: the new instance boots, gets the application and must pass the load balancer's checks",
                reading.in_service
            ),
            Stage::Back if reading.in_service > reading.desired => {
                format!(
                    "{} in service: an instance leaves, its connections are drained first",
                    reading.in_service
                )
            }
            Stage::Back => {
                let (takes, below) = self
                    .group
                    .back
                    .as_ref()
                    .map_or((0, 0.0), |rule| (rule.takes(), rule.threshold()));
                format!(
                    "{} in service, average CPU {newest}: the low alarm wants {takes} s below {below} %, and the group rests for {} s after a launch",
                    reading.in_service, self.group.cooldown
                )
            }
            Stage::Done => format!("{} in service", reading.in_service),
        }
    }
}

/// The averages of the periods that ended after `zero`, in seconds since then: each holds from its period's start, which is when
/// CloudWatch files it, to its end.
fn averages(points: &[(f64, f64)], zero: f64, period: f64) -> Vec<(f64, f64)> {
    let mut held: Vec<(f64, f64)> = Vec::new();
    for (at, percent) in points {
        let end = at + period - zero;
        if end > 0.0 {
            held.push(((at - zero).max(0.0), *percent));
            held.push((end, *percent));
        }
    }
    held
}

fn newest(course: &Course) -> String {
    course
        .cpu
        .last()
        .map_or_else(|| "not known yet".to_owned(), |(_, percent)| format!("{percent:.0} %"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::services::cloudwatch::{AlarmSettings, MetricAlarm};
    use crate::group::Rule;
    use crate::readings::Alarm;
    use crate::report::stress::Activity;

    fn rule(name: &str, step: i32, threshold: f64) -> Rule {
        let settings = AlarmSettings {
            alarm_name: name.to_owned(),
            threshold: Some(threshold),
            period: Some(300),
            evaluation_periods: Some(1),
            ..AlarmSettings::default()
        };
        Rule {
            step,
            alarm: MetricAlarm {
                settings,
                ..MetricAlarm::default()
            },
        }
    }

    fn group() -> Group {
        Group {
            name: "group".into(),
            min: 2,
            max: 4,
            cooldown: 360,
            instances: vec!["i-1".into(), "i-2".into()],
            suspended: Vec::new(),
            out: rule("high", 1, 50.0),
            back: Some(rule("low", -1, 25.0)),
        }
    }

    fn step(id: &str, adds: bool, alarm: Option<&str>, end: End) -> Step {
        Step {
            id: id.into(),
            alarm: alarm.map(str::to_owned),
            end,
            shown: Activity {
                description: String::new(),
                cause: "the cause".into(),
                status: String::new(),
                from: 1_100.0,
                to: None,
                adds,
            },
        }
    }

    fn reading(in_service: u32, activities: Vec<Step>) -> Reading {
        Reading {
            cpu: vec![(1_000.0, 48.0)],
            high: Alarm {
                state: "OK".into(),
                since: 0.0,
            },
            low: Some(Alarm {
                state: "OK".into(),
                since: 0.0,
            }),
            in_service,
            desired: in_service,
            activities,
            health: None,
            burn: Some(State::Running),
        }
    }

    fn test() -> Test {
        let before = reading(2, vec![step("former", true, Some("high"), End::Successful)]);
        Test::new(Course::default(), group(), &before, 1_000.0, 1_200.0)
    }

    #[test]
    fn out_by_the_high_alarm_and_back_by_the_low_one_is_the_whole_way() {
        let mut test = test();
        test.take(
            &reading(2, vec![step("former", true, Some("high"), End::Successful)]),
            10.0,
        )
        .unwrap();
        assert_eq!(test.stage, Stage::Out, "a former activity is no proof");
        test.take(&reading(2, vec![step("out", true, Some("high"), End::Open)]), 400.0)
            .unwrap();
        assert_eq!(test.stage, Stage::Launch);
        let out = || step("out", true, Some("high"), End::Successful);
        test.take(&reading(3, vec![out()]), 500.0).unwrap();
        assert_eq!(test.stage, Stage::Back);
        test.take(
            &reading(2, vec![step("back", false, Some("low"), End::Open), out()]),
            900.0,
        )
        .unwrap();
        assert_eq!(test.stage, Stage::Back, "it is still leaving");
        test.take(
            &reading(2, vec![step("back", false, Some("low"), End::Successful), out()]),
            950.0,
        )
        .unwrap();
        assert_eq!(test.stage, Stage::Done);
        assert!(test.course.scaled_out && test.course.scaled_in);
    }

    #[test]
    fn a_second_instance_by_the_same_alarm_is_waited_for_until_both_have_left() {
        let mut test = test();
        let out = |id: &str, end: End| step(id, true, Some("high"), end);
        test.take(&reading(2, vec![out("one", End::Open)]), 400.0).unwrap();
        let both = || vec![out("two", End::Successful), out("one", End::Successful)];
        test.take(&reading(4, both()), 900.0).unwrap();
        assert_eq!(test.stage, Stage::Back);
        let back = |id: &str| step(id, false, Some("low"), End::Successful);
        let one_left = || [vec![back("first")], both()].concat();
        // Longer than one scale-in may take, as two follow each other.
        let late = 900.0 + 1_200.0 + 2.0 * (300.0 + 360.0) + 180.0 + 600.0 + 60.0;
        test.take(&reading(3, one_left()), late).unwrap();
        assert_eq!(test.stage, Stage::Back);
        test.take(&reading(2, [vec![back("second")], one_left()].concat()), late + 60.0)
            .unwrap();
        assert_eq!(test.stage, Stage::Done);
    }

    #[test]
    fn what_somebody_did_by_hand_is_no_proof() {
        let mut test = test();
        let by_hand = || reading(3, vec![step("hand", true, None, End::Successful)]);
        test.take(&by_hand(), 100.0).unwrap();
        let reason = test.take(&by_hand(), 10_000.0).unwrap_err();
        assert!(reason.contains("not by the alarm: the cause"), "{reason}");
    }

    #[test]
    fn a_burn_that_was_too_small_ends_with_what_it_reached() {
        let reason = test().take(&reading(2, Vec::new()), 10_000.0).unwrap_err();
        assert_eq!(
            reason,
            "the average CPU reached 48.0 %, and the alarm wants more than 50 % for 300 s"
        );
    }

    #[test]
    fn a_launch_that_failed_says_why_in_awss_words() {
        let failed = End::Failed("You have requested more vCPU capacity than your current vCPU limit".into());
        let reason = test()
            .take(&reading(2, vec![step("out", true, Some("high"), failed)]), 400.0)
            .unwrap_err();
        assert!(reason.contains("vCPU limit"), "{reason}");
    }

    #[test]
    fn a_period_that_began_before_the_burn_counts_from_the_burn() {
        let points = [(100.0, 4.0), (400.0, 65.0), (700.0, 20.0)];
        let held = averages(&points, 500.0, 300.0);
        assert_eq!(held, [(0.0, 65.0), (200.0, 65.0), (200.0, 20.0), (500.0, 20.0)]);
    }
}
