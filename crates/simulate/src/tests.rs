//! Events of several sizes: who gets in, how long it takes, and what a policy changes about it.

use proptest::prelude::*;

use super::*;
use crate::group::{Change, Group};
use crate::instance::{Instance, State};

/// Two processors that do a thousand registrations a second.
fn site() -> Site {
    Site {
        processors: 2,
        registration: 0.002,
        page: 0.001,
        turning_away: 0.45,
        in_flight: 1024,
        distance: 0.040,
        has_edge: true,
        write: 0.006,
        writes: 4_000.0,
    }
}

/// The article's trigger.
fn article() -> Policy {
    Policy {
        name: "article".to_owned(),
        least: 2,
        most: 4,
        period: 300.0,
        evaluations: 1,
        delay: 60.0,
        upper: 50.0,
        lower: 25.0,
        increment: 1,
        cooldown: 360.0,
        launch: 180.0,
    }
}

fn people(people: u32, within: f64) -> Scenario {
    Scenario {
        people,
        within,
        burst: 1.0,
        think: 3.0,
        patience: None,
        site: site(),
        policy: article(),
        seed: 1,
    }
}

#[test]
fn the_same_seed_is_the_same_event_and_another_one_another() {
    let scenario = people(5_000, 30.0);
    assert_eq!(run(&scenario), run(&scenario));
    assert_ne!(run(&scenario), run(&Scenario { seed: 2, ..scenario }));
}

#[test]
fn where_there_is_room_everybody_gets_in_as_fast_as_it_goes() {
    let outcome = run(&people(10_000, 60.0));
    assert_eq!((outcome.accepted, outcome.gave_up, outcome.shed), (10_000, 0, 0));
    // There and back, a processor, and a write.
    assert!((0.040..0.060).contains(&outcome.p50), "{outcome:?}");
    assert!(outcome.p99 < 0.2, "{outcome:?}");
    assert_eq!(outcome.by_second.iter().sum::<u32>(), 10_000);
    assert_eq!(outcome.instances, [(0.0, 2)]);
}

#[test]
fn a_rush_is_over_before_the_articles_trigger_has_done_anything() {
    let rush = people(100_000, 30.0);
    let outcome = run(&rush);
    assert!(outcome.shed > 10_000 && outcome.first_shed < Some(30.0), "{outcome:?}");
    assert!(outcome.over < 300.0 && outcome.most_instances() == 2, "{outcome:?}");
    let prepared = Policy {
        least: 6,
        most: 6,
        ..article()
    };
    let prepared = run(&Scenario {
        policy: prepared,
        ..rush
    });
    assert_eq!(prepared.gave_up, 0, "{prepared:?}");
    assert!(
        prepared.p95 < outcome.p95 && prepared.shed < outcome.shed,
        "{prepared:?}"
    );
}

#[test]
fn a_load_that_lasts_is_met_by_the_alarm_and_sooner_by_one_of_a_minute() {
    // 1,400 a second for 40 minutes, of 2,000 that two can do.
    let lasting = Scenario {
        people: 1_400 * 2_400,
        within: 2_400.0,
        ..people(0, 0.0)
    };
    let lasting = Scenario {
        people: lasting.people / 100,
        site: Site {
            registration: 0.2,
            ..site()
        },
        ..lasting
    };
    let slow = run(&lasting);
    let quick = Policy {
        period: 60.0,
        cooldown: 60.0,
        ..article()
    };
    let quick = run(&Scenario {
        policy: quick,
        ..lasting
    });
    let third = |outcome: &Outcome| {
        outcome
            .instances
            .iter()
            .find(|(_, count)| *count == 3)
            .map(|(at, _)| *at)
    };
    let (slow, quick) = (third(&slow).unwrap(), third(&quick).unwrap());
    // A period, what it takes to be seen, and a launch.
    assert!((540.0..=841.0).contains(&slow), "{slow}");
    assert!((300.0..=361.0).contains(&quick), "{quick}");
}

#[test]
fn a_crowd_that_is_told_to_come_is_densest_at_first() {
    let told = Scenario {
        burst: 3.0,
        think: 0.0,
        site: Site {
            registration: 0.000_1,
            ..site()
        },
        ..people(30_000, 60.0)
    };
    let by_second = run(&told).by_second;
    let in_the_first = |seconds: usize| by_second[..seconds].iter().sum::<u32>();
    // 500 a second on average: 1,500 at first, and seven tenths of all in the first third.
    assert!((1_300..1_550).contains(&by_second[1]), "{by_second:?}");
    assert!((20_500..21_800).contains(&in_the_first(20)), "{}", in_the_first(20));
}

#[test]
fn a_table_that_is_too_small_turns_people_away_whatever_the_instances_can_do() {
    let small = Scenario {
        site: Site { writes: 50.0, ..site() },
        ..people(10_000, 60.0)
    };
    let outcome = run(&small);
    assert!(outcome.shed > 1_000 && outcome.gave_up > 0, "{outcome:?}");
    let at_most = outcome.by_second.iter().max().unwrap();
    assert!(*at_most <= 110, "{at_most}");
}

#[test]
fn who_does_not_like_to_wait_leaves_and_makes_room_for_others() {
    let small = Scenario {
        site: Site { writes: 50.0, ..site() },
        ..people(10_000, 60.0)
    };
    let hasty = run(&Scenario {
        patience: Some(5.0),
        ..small.clone()
    });
    let patient = run(&small);
    assert!(hasty.abandoned > 1_000 && patient.abandoned == 0, "{hasty:?}");
    assert!(hasty.shed < patient.shed && hasty.slowest < 7.5 + 1.0, "{hasty:?}");
}

#[test]
fn an_hours_event_with_a_hundred_thousand_people_is_a_second() {
    let outcome = run(&people(100_000, 3_600.0));
    assert_eq!(outcome.accepted, 100_000);
}

#[test]
fn who_is_no_longer_needed_leaves_and_never_the_last() {
    let policy = Policy {
        least: 1,
        most: 3,
        ..article()
    };
    let mut group = Group::new(&policy, &site());
    for _ in 0..2 {
        group.instances.push(Instance::new(&site(), State::Serving));
    }
    let mut now = 0.0;
    for serving in [2, 1, 1] {
        now += 1_000.0;
        let average = group.average(now);
        let left = group.look(now, average, &site()) == Change::Leave;
        assert_eq!((group.serving(), left), (serving, now < 3_000.0));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn everybody_is_accounted_for(
        people in 1_u32..3_000,
        within in 0.0..60.0_f64,
        writes in 1.0..2_000.0_f64,
        patience in proptest::option::of(0.0..20.0_f64),
        seed in any::<u64>(),
    ) {
        let mut scenario = self::people(people, within);
        scenario.site.writes = writes;
        scenario.seed = seed;
        scenario.patience = patience;
        let outcome = run(&scenario);
        prop_assert_eq!(outcome.accepted + outcome.gave_up + outcome.abandoned, people);
        prop_assert_eq!(outcome.by_second.iter().sum::<u32>(), outcome.accepted);
        prop_assert!(outcome.p50 <= outcome.p95 && outcome.p95 <= outcome.p99 && outcome.p99 <= outcome.slowest);
    }
}
