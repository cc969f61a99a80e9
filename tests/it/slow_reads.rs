//! An account that shows every change late: nothing is taken for missing, and nothing for gone, that is not.

use serde_json::Value;

use crate::support::User;

/// A little less than the minute of AWS's time for which anything is waited for that does not show.
fn slow() -> User {
    User::new()
        .with("CONFCTL_SANDBOX_TIME_SCALE", "40")
        .with("CONFCTL_SANDBOX_TAG_DELAY", "50")
}

fn told_of(requests: &[Value], operation: &str, error: &str) -> bool {
    requests
        .iter()
        .any(|request| request["operation"] == operation && request["error"] == error)
}

#[test]
fn the_article_comes_and_goes_where_everything_shows_late() {
    let user = slow();
    let empty = user.inventory_of_a_fresh_sandbox();
    user.confctl(&["up", "--sandbox", "--yes"]).exits(0);
    let asked = user.requests();
    // It was late indeed, and that was no end of it.
    for (operation, error) in [
        ("DescribeTable", "ResourceNotFoundException"),
        ("CreateTags", "InvalidVpcID.NotFound"),
        ("AttachRolePolicy", "NoSuchEntity"),
        ("GetDistribution", "NoSuchDistribution"),
    ] {
        assert!(
            told_of(&asked, operation, error),
            "nobody was told {error} by {operation}"
        );
    }
    let again = user.confctl(&["up", "--sandbox", "--yes"]).exits(0);
    assert!(again.stdout.contains("Nothing to do"), "{}", again.stdout);

    user.confctl(&["teardown", "--sandbox", "--yes", "--delete-data"])
        .exits(0);
    assert_eq!(user.inventory(), empty);
    still_shown_after_it_was_deleted(&user.requests());
    let nothing = user.confctl(&["teardown", "--sandbox", "--yes"]).exits(0);
    assert!(nothing.stdout.contains("Nothing to remove"), "{}", nothing.stdout);
}

/// The look back at the end saw a web ACL that was gone, and was not misled.
fn still_shown_after_it_was_deleted(requests: &[Value]) {
    let answered = |operation: &str| {
        let done = move |request: &&Value| request["operation"] == operation && request["status"] == 200;
        requests
            .iter()
            .filter(done)
            .filter_map(|request| request["at_ms"].as_i64())
            .max()
    };
    assert!(
        answered("GetWebACL") > answered("DeleteWebACL"),
        "no read showed the web ACL after it was deleted"
    );
}
