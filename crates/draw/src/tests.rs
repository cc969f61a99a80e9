//! The story of a draw, by a round that drand published: committed to before, decided by it, repeated by a script that knows none
//! of this code, and told from one that somebody meddled with.

use std::path::Path;
use std::process::{Command, Output};

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::beacon::{self, Beacon, BeaconError};
use super::*;

/// Round 657413 of quicknet (randa-mu/python-drand-verify, README).
const ROUND: u64 = 657_413;
const SIGNATURE: &str =
    "b713718a38ae728dfd477991af2822e08d2f305e47718cef9f7848ce4050e7be41076862b98fad56e91a6b85b89cd97b";
const RANDOMNESS: &str = "fc1873a13f3545aeade8401532ef5519920652eee6b0d2b19ca12643b87b3587";
/// Round 123 (noislabs/drand-verify, `G2PubkeyRfc`).
const ANOTHER: &str =
    "b75c69d0b72a5d906e854e808ba7e2accb1542ac355ae486d591aa9d43765482e26cd02df835d3546d23c4b13e0dfc92";

fn published() -> Beacon {
    let json = format!(r#"{{"round":{ROUND},"randomness":"{RANDOMNESS}","signature":"{SIGNATURE}"}}"#);
    Beacon::read(json.as_bytes()).unwrap()
}

/// An hour before the round.
fn before() -> Timestamp {
    beacon::time_of(ROUND) - SignedDuration::from_hours(1)
}

fn after() -> Timestamp {
    beacon::time_of(ROUND) + SignedDuration::from_mins(5)
}

/// Tickets as a crowd would have them, by a generator of our own: tests must not differ.
fn tickets(people: u64) -> Tickets {
    let one = |person: u64| Ticket::from_random(sha256(&person.to_be_bytes())[..16].try_into().unwrap());
    Tickets::new((0..people).map(one).collect()).unwrap()
}

fn vouchers() -> Vec<Prize> {
    let written = ["4 Cloud Practitioner", "3 Solutions Architect", "3 Developer"];
    Prize::all(&written.map(str::to_owned), Some(10)).unwrap()
}

fn draft(tickets: &Tickets) -> Draft<'_> {
    Draft {
        stack: "tcb-conference",
        closed_at: before() - SignedDuration::from_mins(10),
        tickets,
        prizes: vouchers(),
        excluded: 2,
        seed: None,
    }
}

fn committed(tickets: &Tickets) -> Commitment {
    Commitment::new(draft(tickets), before()).unwrap()
}

fn drawn(people: u64) -> Record {
    let tickets = tickets(people);
    draw(&committed(&tickets), &tickets, Some(published()), after()).unwrap()
}

#[test]
fn the_hour_and_the_number_of_a_round_belong_together() {
    // docs.drand.love's own example.
    assert_eq!(beacon::round_from("2026-04-20T00:00:00Z".parse().unwrap()), 27_946_612);
    for round in [1, 2, ROUND, 27_946_612] {
        let at = beacon::time_of(round);
        assert_eq!(beacon::round_from(at), round);
        assert_eq!(beacon::round_from(at + SignedDuration::from_nanos(1)), round + 1);
    }
}

#[test]
fn what_drand_published_is_taken_and_what_it_did_not_is_refused() {
    assert_eq!(hex::encode(published().randomness().unwrap()), RANDOMNESS);
    let of = |round, signature: &str| Beacon {
        round,
        signature: signature.to_owned(),
        randomness: None,
    };
    assert!(of(123, ANOTHER).randomness().is_ok());
    assert_eq!(of(ROUND, ANOTHER).randomness(), Err(BeaconError::NotSigned(ROUND)));
    assert_eq!(
        of(ROUND + 1, SIGNATURE).randomness(),
        Err(BeaconError::NotSigned(ROUND + 1))
    );
    assert_eq!(of(ROUND, &SIGNATURE[2..]).randomness(), Err(BeaconError::OtherChain));
    let altered = Beacon {
        randomness: Some(RANDOMNESS.replace('f', "0")),
        ..published()
    };
    assert_eq!(altered.randomness(), Err(BeaconError::OtherRandomness));
    assert!(Beacon::read(b"<html>502 Bad Gateway</html>").is_err());
}

#[test]
fn ten_vouchers_are_drawn_in_two_steps() {
    let tickets = tickets(1000);
    let now = before();
    assert_eq!(next(Kept::default(), None, false, now), Ok(Next::Commit));
    let commitment = committed(&tickets);
    let kept = || Kept {
        commitment: Some(commitment.clone()),
        copy: Some(commitment.clone()),
        mark: Some(commitment.sha256()),
        drawn: false,
    };
    let waiting = next(kept(), None, false, now).unwrap();
    let Next::Wait { round, at, .. } = waiting else {
        panic!("{waiting:?}")
    };
    assert_eq!((round, at), (ROUND, beacon::time_of(ROUND)));
    // Nobody can have it yet, and nobody can choose another.
    assert_eq!(
        next(kept(), Some(published()), false, now),
        Err(DrawError::NotYet(ROUND))
    );
    let other = Beacon {
        round: 123,
        signature: ANOTHER.to_owned(),
        randomness: None,
    };
    let refused = DrawError::OtherRound {
        given: 123,
        wanted: ROUND,
    };
    assert_eq!(next(kept(), Some(other), false, after()), Err(refused));
    assert_eq!(next(kept(), None, true, after()), Err(DrawError::Seeded(ROUND)));
    assert!(matches!(
        next(kept(), None, false, after()),
        Ok(Next::Fetch { round: ROUND, .. })
    ));

    let decided = next(kept(), Some(published()), false, after()).unwrap();
    let Next::Draw { commitment, beacon } = decided else {
        panic!("{decided:?}")
    };
    let record = draw(&commitment, &tickets, beacon, after()).unwrap();
    assert_eq!(record.winners.len(), 10);
    let prizes: Vec<_> = record.winners.iter().map(|winner| winner.prize.as_str()).collect();
    assert_eq!(
        prizes[..5],
        [
            "Cloud Practitioner",
            "Cloud Practitioner",
            "Cloud Practitioner",
            "Cloud Practitioner",
            "Solutions Architect"
        ]
    );
    let checked = record.check().unwrap();
    assert_eq!(checked.order.len(), 1000);
    assert_eq!(checked.order[0].to_string(), record.winners[0].ticket);
    // A second one is none, and one that was interrupted comes to the same.
    assert_eq!(
        draw(&commitment, &tickets, Some(published()), after()).unwrap().winners,
        record.winners
    );
    let again = Kept { drawn: true, ..kept() };
    assert!(matches!(next(again, None, false, after()), Ok(Next::Drawn { .. })));
}

#[test]
fn a_draw_survives_one_of_its_two_copies_and_not_both() {
    let tickets = tickets(20);
    let commitment = committed(&tickets);
    let hash = commitment.sha256();
    let goes_on = |kept| matches!(next(kept, None, false, before()), Ok(Next::Wait { .. }));
    let one = |of: bool| of.then(|| commitment.clone());
    for (first, copy, mark) in [(true, false, true), (false, true, true), (true, false, false)] {
        let kept = Kept {
            commitment: one(first),
            copy: one(copy),
            mark: mark.then(|| hash.clone()),
            drawn: false,
        };
        assert!(goes_on(kept), "{first} {copy} {mark}");
    }
    let gone = Kept {
        mark: Some(hash.clone()),
        ..Kept::default()
    };
    assert_eq!(next(gone, None, false, after()), Err(DrawError::Gone(hash.clone())));
    // Another list was put in its place.
    let other = committed(&self::tickets(21));
    let put_there = Kept {
        commitment: Some(other.clone()),
        copy: Some(other.clone()),
        mark: Some(hash.clone()),
        drawn: false,
    };
    assert_eq!(
        next(put_there, None, false, after()),
        Err(DrawError::Gone(hash.clone()))
    );
    let half = Kept {
        commitment: Some(other.clone()),
        copy: one(true),
        mark: Some(hash),
        drawn: false,
    };
    assert!(goes_on(half));
    let unmarked = Kept {
        commitment: Some(other),
        copy: one(true),
        ..Kept::default()
    };
    assert_eq!(next(unmarked, None, false, after()), Err(DrawError::Differ));
    assert_eq!(
        next(Kept::default(), Some(published()), false, after()),
        Err(DrawError::NotCommitted)
    );
}

/// A record that was meddled with.
type Meddle = fn(&mut Record);

#[test]
fn whatever_is_changed_in_a_record_is_found() {
    let changes: [(&str, Meddle); 8] = [
        ("one was changed, added", |record| {
            record.tickets[500] = record.tickets[500].replace(char::is_numeric, "a")
        }),
        ("one was changed, added", |record| drop(record.tickets.remove(7))),
        ("not sorted", |record| record.tickets.swap(0, 1)),
        ("winners are not those", |record| record.winners.swap(0, 1)),
        ("winners are not those", |record| {
            record.winners[9].prize = "Cloud Practitioner".to_owned()
        }),
        ("its commitment is not the one", |record| {
            record.commitment = record.commitment.replace("\"excluded\":2", "\"excluded\":3")
        }),
        ("round 657413 was committed to", |record| {
            record.beacon = Some(Beacon {
                round: 123,
                signature: ANOTHER.to_owned(),
                randomness: None,
            })
        }),
        ("no round of the beacon", |record| record.beacon = None),
    ];
    let record = drawn(1000);
    record.check().unwrap();
    for (told, change) in changes {
        let mut changed = record.clone();
        change(&mut changed);
        let problem = changed.check().unwrap_err().to_string();
        let found = problem.contains(told) || problem.contains("not sorted");
        assert!(found, "{told}: {problem}");
    }
}

#[test]
fn who_commits_when_the_round_is_near_is_told_from_who_committed_before() {
    let tickets = tickets(20);
    let late = committed(&tickets)
        .document()
        .replace(&before().to_string(), &after().to_string());
    let late = Commitment::read(&late).unwrap();
    let problem = draw(&late, &tickets, Some(published()), after()).unwrap_err();
    assert!(matches!(problem, Problem::TooEarly { round: ROUND }), "{problem}");
}

#[test]
fn with_a_seed_it_is_drawn_at_once_and_says_what_decided() {
    let tickets = tickets(20);
    let seeded = Draft {
        seed: Some("at the office".to_owned()),
        ..draft(&tickets)
    };
    let commitment = Commitment::new(seeded, before()).unwrap();
    let kept = Kept {
        commitment: Some(commitment.clone()),
        ..Kept::default()
    };
    assert!(matches!(
        next(kept, None, true, before()),
        Ok(Next::Draw { beacon: None, .. })
    ));
    let record = draw(&commitment, &tickets, None, before()).unwrap();
    let checked = record.check().unwrap();
    assert_eq!(checked.terms.randomness, Source::Seed("at the office".to_owned()));
}

#[test]
fn fewer_people_than_prizes_all_win() {
    assert_eq!(drawn(3).winners.len(), 3);
    let nobody = Tickets::new(Vec::new()).unwrap();
    assert!(matches!(
        Commitment::new(draft(&nobody), before()),
        Err(CommitmentError::Nobody)
    ));
}

#[test]
fn two_people_with_one_ticket_are_not_made_one() {
    let ticket = Ticket::from_random([7; 16]);
    assert_eq!(Tickets::new(vec![ticket, ticket]), Err(TicketsError::Twice(ticket)));
}

#[test]
fn prizes_are_counted_and_held_against_the_winners() {
    let written = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let both = written(&["4 Cloud Practitioner", "6 Solutions Architect"]);
    assert_eq!(Prize::all(&both, None).unwrap(), Prize::all(&both, Some(10)).unwrap());
    assert_eq!(
        Prize::all(&both, Some(9)),
        Err(PrizeError::OtherNumber { winners: 9, prizes: 10 })
    );
    assert_eq!(Prize::all(&[], Some(3)).unwrap()[0].count, 3);
    assert_eq!(Prize::all(&[], None), Err(PrizeError::None));
    for wrong in ["voucher", "0 voucher", "-1 voucher", "10", "10  "] {
        assert!(Prize::all(&written(&[wrong]), None).is_err(), "{wrong}");
    }
}

/// The script of docs/draw.md, as somebody would save it.
fn script() -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/draw.md");
    let page = std::fs::read_to_string(page).unwrap();
    let (_, rest) = page.split_once("```python\n").expect("docs/draw.md has no script");
    rest.split_once("```").unwrap().0.to_owned()
}

fn repeated(record: &Record) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let (program, file) = (folder.path().join("repeat.py"), folder.path().join("record.json"));
    std::fs::write(&program, script()).unwrap();
    std::fs::write(&file, serde_json::to_vec_pretty(record).unwrap()).unwrap();
    Command::new("python3").arg(program).arg(file).output().unwrap()
}

#[test]
fn a_script_that_knows_none_of_this_code_comes_to_the_same() {
    let record = drawn(1000);
    let ran = repeated(&record);
    let told = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    assert!(told.contains(&record.commitment_sha256), "{told}");
    assert!(told.contains(&record.winners[9].ticket), "{told}");
    assert!(script().lines().filter(|line| !line.is_empty()).count() <= 20);

    let mut changed = record.clone();
    changed.tickets[0] = "0".repeat(32);
    assert!(!repeated(&changed).status.success());
    let mut swapped = record;
    swapped.winners.swap(2, 3);
    assert!(!repeated(&swapped).status.success());
}

proptest! {
    #[test]
    fn who_is_left_out_moves_nobody_else(people in 3_u64..60, out in 0_usize..3) {
        let (key, all) = ([7; 32], tickets(people));
        let mut rest = all.as_slice().to_vec();
        let left_out = rest.remove(out);
        let rest = Tickets::new(rest).unwrap();
        let mut expected = order(&all, &key, &key);
        expected.retain(|ticket| *ticket != left_out);
        prop_assert_eq!(order(&rest, &key, &key), expected);
    }

    #[test]
    fn a_list_comes_back_as_it_was_written(people in 0_u64..60) {
        let list = tickets(people);
        prop_assert_eq!(Tickets::read(&list.text()), Ok(list));
    }

    #[test]
    fn no_bytes_make_reading_panic(bytes in any::<Vec<u8>>(), text in any::<String>()) {
        let _ = Beacon::read(&bytes);
        let _ = Record::read(&bytes).map(|record| record.check().is_ok());
        let _ = (Commitment::read(&text), Tickets::read(&text), text.parse::<Ticket>(), text.parse::<Prize>());
    }
}
