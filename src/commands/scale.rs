//! `scale`: more instances for a while, now or at an hour, and back by themselves, and reserved capacity of the load balancer; by plan,
//! confirm, lock, plan again, apply.

use std::ops::RangeInclusive;

use clap::{Args, ValueEnum};
use confctl_capacity::limits;
use jiff::{SignedDuration, Timestamp};

use crate::aws::{aws_time, instance_types, quotas};
use crate::cli::Global;
use crate::engine::{Error, Hint, Kind};
use crate::profile::{self, Profile};
use crate::resources::outputs::SCALED;
use crate::resources::{Bounds, CreditMode, Prescale, Scaling, UNITS, is_burstable, reserved_hour, room};
use crate::session::asking::Asking;
use crate::session::confirmed::do_confirmed;
use crate::session::event::{MEASURED, Measured, crowd, stack};
use crate::session::hours::{Hours, zone_of};
use crate::session::{Look, Purpose, Session, cost, scale_value, unless_stopped, unlock};
use crate::ui::{Summary, Ui};

#[derive(Debug, Clone, Args)]
pub(crate) struct ScaleArgs {
    /// At least so many instances [default: what `capacity` reckons for the event]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub min: Option<u32>,

    /// At most so many [default: scaling.max, or --min where that is more]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub max: Option<u32>,

    /// From when on: 18:55, tomorrow 18:55, 2026-12-10T18:55[Europe/Berlin], +20m
    #[arg(long, value_name = "TIME")]
    pub from: Option<String>,

    /// Until when, written as --from; then it goes back by itself
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,

    /// Capacity units to reserve for the load balancer, at once
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(units_range()))]
    pub capacity_units: Option<u32>,

    /// How the burstable instances that run spend CPU credits
    #[arg(long, value_enum, value_name = "MODE")]
    pub credits: Option<Credits>,

    /// Back to the profile's sizes, at once
    #[arg(long, conflicts_with_all = ["min", "max", "from", "until", "capacity_units", "credits"])]
    pub back: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Credits {
    /// At their baseline, once those are spent
    Standard,
    /// Beyond that, and charged for it
    Unlimited,
}

impl From<Credits> for CreditMode {
    fn from(typed: Credits) -> Self {
        match typed {
            Credits::Standard => Self::Standard,
            Credits::Unlimited => Self::Unlimited,
        }
    }
}

fn units_range() -> RangeInclusive<i64> {
    i64::from(*UNITS.start())..=i64::from(*UNITS.end())
}

impl ScaleArgs {
    /// Whether the group's size is asked for, by itself or by the event.
    fn scales(&self) -> bool {
        let typed = self.min.or(self.max).or(self.capacity_units).is_some();
        typed || self.from.is_some() || self.until.is_some() || self.credits.is_none()
    }

    /// Whether size and hours are the event's. Who asks for nothing but the load balancer's capacity, of a profile without an event, wants
    /// the group as it is.
    fn is_by_event(&self, profile: &Profile) -> bool {
        self.min.is_none() && (self.capacity_units.is_none() || profile.event.people.is_some())
    }
}

/// Before the event's hour, where nothing else is said: a scheduled action may run two minutes late, an instance serves some minutes
/// after its launch, and one that does not come can still be asked about.
const LEAD: SignedDuration = SignedDuration::from_mins(10);

/// After the last have come, where nobody said when registration closes.
const AFTER: SignedDuration = SignedDuration::from_mins(30);

pub(super) async fn run(global: &Global, args: &ScaleArgs, ui: &Ui) -> Result<Summary, Error> {
    let looking = Session::open(global, ui, Purpose::to_scale()).await?;
    let look = looking.look().await?;
    if look.is_blocked() {
        return Err(look.blocked());
    }
    let stop = looking.settings.stop.clone();
    let (scaling, facts) = unless_stopped(&stop, asked(&looking, &look, args)).await?;
    let credits = args.credits.map(CreditMode::from);
    let session = looking.scaling(scaling.clone(), credits)?;
    let look = session.look().await?;
    if let (Scaling::To(wish), true) = (&scaling, look.is_pending()) {
        facts.tell(&session, wish)?;
    }
    if look.is_pending() && scaling != Scaling::Back {
        tell_credits(&session, credits);
    }
    ui.plan(&session.heading(), &look.planned, &[], None);
    if look.is_blocked() {
        return Err(look.blocked());
    }
    if !look.is_pending() {
        return Ok(told(&session, &look, "Nothing to do: "));
    }
    if !global.yes {
        ui.confirm("Do this?", &session.settings.stop).await?;
    }
    let lock = session.lock().await?;
    let summary = apply(&session, &look, Asking::new(&session, global.yes)).await;
    unlock(lock, summary).await
}

/// With the lock held.
async fn apply(session: &Session, confirmed: &Look, gate: Asking) -> Result<Summary, Error> {
    let changed = Error::refused("the group changed between the plan and now")
        .hint(Hint::from("run the same command again: it shows the new plan"));
    let well = async { session.look().await.map(|look| told(session, &look, "Done: ")) };
    do_confirmed(session, confirmed, gate, changed, well).await
}

fn told(session: &Session, look: &Look, before: &str) -> Summary {
    let mut summary = Summary::done();
    summary.stack = Some(session.stack.name.to_string());
    let scaled = session.values(look).get(&SCALED);
    let is = match (&scaled, session.stack.credits) {
        (Some(scaled), _) => scaled.told.clone(),
        (None, Some(credits)) => format!("CPU credits of the instances that run are {credits}"),
        (None, None) => {
            "no pre-scale; what is above the profile's sizes the alarm takes away when it is idle".to_owned()
        }
    };
    let summary = summary.say(format!("{before}{is}."));
    summary.output("scale", scaled.as_ref().map(scale_value))
}

/// What a plan's reader should know before he agrees.
#[derive(Default)]
struct Facts {
    /// vCPUs of one instance, of the account, and of what others run; or why that is not known.
    room: Option<Result<(f64, f64, f64), Error>>,
    /// Capacity units that the account may reserve in the region, where some are asked for; or why that is not known.
    reservable: Option<Result<f64, Error>>,
}

async fn asked(session: &Session, look: &Look, args: &ScaleArgs) -> Result<(Scaling, Facts), Error> {
    if args.back {
        return Ok((Scaling::Back, Facts::default()));
    }
    if !args.scales() {
        return Ok((Scaling::AsItIs, Facts::default()));
    }
    let no_site = || Error::failed("there is no environment to scale").hint(Hint::run("up"));
    let environment = session.environment_in(look).ok_or_else(no_site)?;
    let (profile, aws) = (&session.stack.profile, &session.read);
    let now = aws_time::now(aws, &environment.id).await?;
    let now = Timestamp::from_duration(SignedDuration::from_secs_f64(now)).unwrap_or_default();
    let room = vcpus(session).await;
    let min = match args.min {
        Some(min) => min,
        None if !args.is_by_event(profile) => profile.instance_range().0,
        None => {
            let quota = room.as_ref().ok().map(|(_, quota, others)| quota - others);
            reckoned(session, quota).await?
        }
    };
    let bounds = bounds(profile, min, args.max)?;
    let (from, until) = hours(args, profile, now)?;
    let reservable = match args.capacity_units {
        Some(_) => Some(quotas::RESERVED_UNITS.value(aws).await),
        None => None,
    };
    let facts = Facts {
        room: Some(room),
        reservable,
    };
    let wish = Prescale {
        bounds,
        from,
        until,
        units: args.capacity_units,
    };
    Ok((Scaling::To(wish), facts))
}

/// As `capacity` reckons it, by what `load` has measured on this stack.
async fn reckoned(session: &Session, quota: Option<f64>) -> Result<u32, Error> {
    let profile = &session.stack.profile;
    let crowd = crowd(profile).ok_or_else(|| {
        Error::new(
            Kind::Usage,
            "how many instances? the profile has no `event.people` to reckon with",
        )
        .hint(Hint::run("scale --min 6 --until +2h").and(", or set `event.people` and `event.at`"))
    })?;
    let measured = session.record.read(&session.read, MEASURED).await?;
    let measured = measured.and_then(|text| serde_json::from_slice::<Measured>(&text).ok());
    let rate = measured.and_then(|measured| measured.figure());
    let all = limits(&crowd, &stack(profile, rate, quota));
    let sets = all
        .iter()
        .filter_map(|limit| limit.way.as_ref())
        .flat_map(|way| &way.sets);
    let instances = sets
        .filter(|(key, _)| *key == "scaling.min")
        .filter_map(|(_, value)| value.parse().ok());
    let (least, _) = profile.instance_range();
    Ok(instances.max().unwrap_or(least).max(least))
}

fn bounds(profile: &Profile, min: u32, max: Option<u32>) -> Result<Bounds, Error> {
    let (least, most) = profile.instance_range();
    let max = max.unwrap_or(most.max(min));
    if min > max {
        return Err(Error::new(Kind::Usage, format!("--min {min} is above --max {max}")));
    }
    if min < least {
        let error = Error::new(
            Kind::Usage,
            format!("--min {min} is below the profile's scaling.min, which is {least}"),
        );
        return Err(
            error.hint("a pre-scale adds instances; `scaling.min` of the profile is what there are without one")
        );
    }
    let size = |size: u32| i32::try_from(size).unwrap_or(i32::MAX);
    Ok(Bounds {
        min: size(min),
        max: size(max),
    })
}

/// From when, and until when: as typed, else, where no size is typed either, by the profile's event.
fn hours(args: &ScaleArgs, profile: &Profile, now: Timestamp) -> Result<(Option<Timestamp>, Option<Timestamp>), Error> {
    let event = &profile.event;
    let hours = Hours {
        now,
        zone: event.at.as_deref().and_then(zone_of),
    };
    let typed = |text: &str, after| {
        hours
            .moment(text, after)
            .map_err(|error| Error::new(Kind::Usage, error))
    };
    let by_event = args.is_by_event(profile);
    let at = event.at.as_deref().and_then(profile::time).filter(|_| by_event);
    if by_event && at.is_none() && args.until.is_none() {
        return Err(
            Error::new(Kind::Usage, "at which hour? the profile has no `event.at`").hint(Hint::run(
                "scale --from 18:50[Europe/Berlin] --until 19:30[Europe/Berlin]",
            )),
        );
    }
    let from = match args.from.as_deref() {
        Some(text) => Some(typed(text, now)?),
        // What is due already is due at once.
        None => at.map(|at| at - LEAD).filter(|from| *from > now),
    };
    if from.is_some_and(|from| from <= now) {
        return Err(Error::new(Kind::Usage, "--from is past").hint("without --from it begins at once"));
    }
    let closes = event.closes_at.as_deref().and_then(profile::time);
    let until = match args.until.as_deref() {
        Some(text) => Some(typed(text, from.unwrap_or(now))?),
        None => at.map(|at| closes.unwrap_or(at + SignedDuration::from_secs(event.within.into()) + AFTER)),
    };
    if until.is_some_and(|until| until <= from.unwrap_or(now)) {
        return Err(Error::new(Kind::Usage, "it would be over before it begins")
            .hint("--until is to be after --from, and to come"));
    }
    Ok((from, until))
}

/// vCPUs of one instance, of the account, and of what others run.
async fn vcpus(session: &Session) -> Result<(f64, f64, f64), Error> {
    let (aws, stack) = (&session.read, &session.stack);
    tokio::try_join!(
        room::vcpus(aws, &stack.profile),
        quotas::STANDARD_VCPUS.value(aws),
        instance_types::standard_running(aws, &stack.names.environment),
    )
}

impl Facts {
    /// Price and quota.
    ///
    /// # Errors
    /// Where the account may not run as many as are to be there.
    fn tell(&self, session: &Session, wish: &Prescale) -> Result<(), Error> {
        let (ui, profile) = (&session.ui, &session.stack.profile);
        let (least, _) = profile.instance_range();
        let more = f64::from(wish.bounds.min) - f64::from(least);
        if more > 0.0 || wish.units.is_none() {
            ui.notice(&price(profile, wish, more), None);
        }
        self.tell_units(session, wish)?;
        if wish.until.is_none() {
            let back = Hint::run("scale --back").and(" takes it back; with --until it goes by itself");
            ui.notice("nothing takes it back by itself", Some(back));
        }
        let (each, quota, others) = match &self.room {
            Some(Ok(room)) => *room,
            Some(Err(error)) => {
                let text = format!("the quota of vCPUs was not looked at: {}", error.in_a_line());
                ui.notice(&text, error.hint.clone());
                return Ok(());
            }
            None => return Ok(()),
        };
        let takes = |instances: i32| f64::from(instances) * each;
        let (min, max) = (takes(wish.bounds.min), takes(wish.bounds.max));
        let told = format!("vCPUs: up to {max} of the account's {quota}, of which others run {others}");
        let ask = |vcpus: f64| {
            Hint::from("ask for more, days before: ").and_run(quotas::STANDARD_VCPUS.ask_for(others + vcpus))
        };
        if others + min > quota {
            let error = Error::refused("the account may not run as many instances").because(told);
            return Err(error.hint(ask(max)));
        }
        let lacks = others + max > quota;
        ui.notice(&told, lacks.then(|| ask(max)));
        Ok(())
    }

    /// Of what is reserved for the load balancer. AWS takes it by no schedule, neither there nor back.
    fn tell_units(&self, session: &Session, wish: &Prescale) -> Result<(), Error> {
        let (Some(units), ui) = (wish.units, &session.ui) else {
            return Ok(());
        };
        let hour = reserved_hour(units);
        let text = format!(
            "{units} capacity units of the load balancer: about ${hour:.2} an hour, at list prices of us-east-1; reserved at once, as AWS has no \
             schedule for it, and costing until it is taken back"
        );
        let back = Hint::run("scale --back")
            .and(", or ")
            .and_run("up")
            .and(" after the end, takes it back");
        ui.notice(&text, Some(back));
        match &self.reservable {
            Some(Ok(quota)) if f64::from(units) > *quota => {
                let error = Error::refused("the account may not reserve as many capacity units");
                let error = error.because(format!("its quota {} is {quota}", quotas::RESERVED_UNITS.name));
                let ask = quotas::RESERVED_UNITS.ask_for(f64::from(units));
                Err(error.hint(Hint::from("ask for more, days before: ").and_run(ask)))
            }
            Some(Err(error)) => {
                let text = format!("the quota of capacity units was not looked at: {}", error.in_a_line());
                ui.notice(&text, error.hint.clone());
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

/// Dollars of a vCPU-hour beyond the credits that an instance earns, Linux, in all regions (AWS's pricing page of EC2, T3).
const SURPLUS_HOUR: f64 = 0.05;

/// Of which the group's template says nothing: Beanstalk has no option for it.
fn tell_credits(session: &Session, asked: Option<CreditMode>) {
    let profile = &session.stack.profile;
    let Some(kind) = profile.instance.types.first().filter(|kind| is_burstable(kind)) else {
        return;
    };
    let text = match asked {
        Some(CreditMode::Standard) => {
            format!("a {kind} that has spent its CPU credits goes on at its baseline, in the middle of an event too")
        }
        _ => format!(
            "a {kind} in unlimited mode, which all but T2 have unless the account says otherwise, is charged ${SURPLUS_HOUR:.2} for each vCPU-hour \
             beyond the credits that it earns, at its end"
        ),
    };
    let again = "instances that are launched later have what the account has for their family: ";
    let hint = Hint::from(again)
        .and_run("scale --credits standard")
        .and(" sets those that run then");
    session.ui.notice(&text, asked.map(|_| hint));
}

/// What the instances cost that the profile alone would not have.
fn price(profile: &Profile, wish: &Prescale, more: f64) -> String {
    let kind = profile.instance.types.first().map_or("instances", String::as_str);
    let Some(hour) = cost::of_instance(profile) else {
        return format!("{more} × {kind} more: no price is known for it");
    };
    let hour = hour * more;
    let whole = wish.until.zip(wish.from);
    let whole = whole.map(|(until, from)| hour * until.duration_since(from).as_secs_f64() / 3600.0);
    let whole = whole
        .map(|whole| format!(", ${whole:.2} for the whole time"))
        .unwrap_or_default();
    format!("{more} × {kind} more: about ${hour:.2} an hour{whole}, at list prices of us-east-1")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2026-12-10T12:00:00Z";

    fn args(min: Option<u32>, from: Option<&str>, until: Option<&str>) -> ScaleArgs {
        ScaleArgs {
            min,
            max: None,
            from: from.map(str::to_owned),
            until: until.map(str::to_owned),
            capacity_units: None,
            credits: None,
            back: false,
        }
    }

    fn event() -> Profile {
        let mut profile = Profile::default();
        profile.event.people = Some(10_000);
        profile.event.at = Some("2026-12-10T19:00[Europe/Berlin]".to_owned());
        profile
    }

    fn told(args: &ScaleArgs, profile: &Profile, now: &str) -> (String, String) {
        let (from, until) = hours(args, profile, now.parse().unwrap()).unwrap();
        let text = |moment: Option<Timestamp>| moment.map_or_else(|| "-".to_owned(), |moment| moment.to_string());
        (text(from), text(until))
    }

    #[test]
    fn without_a_word_the_event_says_from_when_until_when() {
        let mut profile = event();
        let nothing = args(None, None, None);
        let pair = |from: &str, until: &str| (from.to_owned(), until.to_owned());
        assert_eq!(
            told(&nothing, &profile, NOW),
            pair("2026-12-10T17:50:00Z", "2026-12-10T18:31:00Z")
        );
        profile.event.closes_at = Some("2026-12-10T19:30[Europe/Berlin]".to_owned());
        assert_eq!(
            told(&nothing, &profile, NOW),
            pair("2026-12-10T17:50:00Z", "2026-12-10T18:30:00Z")
        );
        // Ten minutes before it is at once.
        assert_eq!(
            told(&nothing, &profile, "2026-12-10T17:55:00Z"),
            pair("-", "2026-12-10T18:30:00Z")
        );
        let over = hours(&nothing, &profile, "2026-12-10T18:30:00Z".parse().unwrap());
        assert!(over.unwrap_err().message.contains("over before it begins"));
    }

    #[test]
    fn what_is_typed_holds_in_the_events_zone() {
        let profile = event();
        let pair = |from: &str, until: &str| (from.to_owned(), until.to_owned());
        let both = args(Some(6), Some("18:55"), Some("19:30"));
        assert_eq!(
            told(&both, &profile, NOW),
            pair("2026-12-10T17:55:00Z", "2026-12-10T18:30:00Z")
        );
        assert_eq!(told(&args(Some(6), None, None), &profile, NOW), pair("-", "-"));
        assert_eq!(
            told(&args(Some(6), None, Some("+2h")), &profile, NOW),
            pair("-", "2026-12-10T14:00:00Z")
        );
        // An hour that is past today is tomorrow's, and until is after from.
        let late = args(Some(6), Some("12:00"), Some("11:00"));
        assert_eq!(
            told(&late, &profile, NOW),
            pair("2026-12-11T11:00:00Z", "2026-12-12T10:00:00Z")
        );
        let past = args(Some(6), Some("2026-12-10T10:00Z"), None);
        assert!(
            hours(&past, &profile, NOW.parse().unwrap())
                .unwrap_err()
                .message
                .contains("past")
        );
    }

    #[test]
    fn who_asks_for_the_load_balancers_capacity_alone_wants_the_group_as_it_is() {
        let mut alone = args(None, None, None);
        alone.capacity_units = Some(500);
        let without_event = Profile::default();
        assert!(!alone.is_by_event(&without_event));
        assert_eq!(told(&alone, &without_event, NOW), ("-".to_owned(), "-".to_owned()));
        // Where there is an event its size and its hours are meant, as without a word.
        let profile = event();
        assert_eq!(
            told(&alone, &profile, NOW),
            told(&args(None, None, None), &profile, NOW)
        );
    }

    #[test]
    fn who_asks_for_credits_alone_scales_nothing() {
        let mut alone = args(None, None, None);
        assert!(alone.scales(), "by the event");
        alone.credits = Some(Credits::Standard);
        assert!(!alone.scales());
        alone.until = Some("+2h".to_owned());
        assert!(alone.scales());
    }

    #[test]
    fn a_pre_scale_adds_instances() {
        let profile = Profile::default();
        assert_eq!(bounds(&profile, 6, None).unwrap(), Bounds { min: 6, max: 6 });
        assert_eq!(bounds(&profile, 3, None).unwrap(), Bounds { min: 3, max: 4 });
        assert_eq!(bounds(&profile, 6, Some(9)).unwrap(), Bounds { min: 6, max: 9 });
        assert!(bounds(&profile, 6, Some(5)).is_err());
        assert!(bounds(&profile, 1, None).unwrap_err().message.contains("scaling.min"));
    }

    #[test]
    fn what_it_costs_is_told_for_its_time() {
        let wish = Prescale {
            bounds: Bounds { min: 6, max: 6 },
            from: Some("2026-12-10T17:00:00Z".parse().unwrap()),
            until: Some("2026-12-10T19:00:00Z".parse().unwrap()),
            units: None,
        };
        let told = price(&Profile::default(), &wish, 4.0);
        assert!(
            told.starts_with("4 × t3.micro more: about $0.07 an hour, $0.13 for the whole time"),
            "{told}"
        );
    }
}
