//! An account that was opened lately: its gates are told as such, with the way round them or to support.

use crate::support::User;

#[test]
fn a_new_account_is_told_what_it_cannot_do_yet_and_what_it_can() {
    let user = User::new().with("CONFCTL_SANDBOX_GATES", "new");
    // Before anything is made, and again in words when it was tried.
    let doctor = user.confctl(&["doctor", "--sandbox"]).exits(1);
    assert!(doctor.stdout.contains("5 vCPUs, but 8 are needed"), "{}", doctor.stdout);
    let empty = user.inventory();
    let failed = user.confctl(&["up", "--sandbox", "--yes"]).exits(1);
    for text in [
        "does not support creating load balancers",
        "open a case with AWS support",
        "until then: `confctl up --sandbox -p dev`",
        "goes on costing money",
    ] {
        assert!(failed.stderr.contains(text), "not told '{text}': {}", failed.stderr);
    }
    user.confctl(&["teardown", "--sandbox", "--yes"]).exits(0);

    // The way round that the hint names works: no load balancer, no distribution.
    user.confctl(&["up", "--sandbox", "--yes", "-p", "dev"]).exits(0);
    user.confctl(&["teardown", "--sandbox", "--yes", "--delete-data"])
        .exits(0);
    let left = user.inventory().into_iter();
    // What services made for themselves stays with the account, on AWS as here.
    let left: Vec<_> = left.filter(|item| !item.contains("/aws-service-role/")).collect();
    assert_eq!(left, empty);
}

#[test]
fn an_account_that_is_not_verified_or_on_the_free_plan_is_told_what_to_do() {
    for (gate, more, texts) in [
        (
            "verification",
            vec![],
            ["is being validated", "run the same command again"],
        ),
        (
            "free-plan",
            vec!["--set", "instance.types=t3.medium"],
            ["not eligible for Free Tier", "--set instance.types=t3.micro"],
        ),
    ] {
        let user = User::new().with("CONFCTL_SANDBOX_GATES", gate);
        let up = [&["up", "--sandbox", "--yes", "-p", "dev"], &more[..]].concat();
        let failed = user.confctl(&up).exits(1);
        for text in texts {
            assert!(
                failed.stderr.contains(text),
                "{gate}: not told '{text}': {}",
                failed.stderr
            );
        }
        user.confctl(&["teardown", "--sandbox", "--yes"]).exits(0);
    }
}
