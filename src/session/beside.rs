//! A stack's second environment, for every command: which of the two is meant, and that the other one is there.
//! Must know nothing of what is done to either.

use super::profile_bundle;
use crate::aws::Aws;
use crate::engine::{Error, Hint};
use crate::profile::{Names, Profile, StackName};
use crate::resources::found::Found;
use crate::resources::{self, Side, Stack, Tried};
use crate::ui::Ui;

/// Has the stack mean the environment that visitors are sent to, and says which one stands beside it.
pub(super) async fn place(aws: &Aws, stack: &mut Stack, found: &mut Found, ui: &Ui) -> Result<(), Error> {
    let finishes = !stack.keeps_beside() && !stack.is_removed;
    if finishes {
        // Nothing goes but the one beside, whatever else is found.
        *found = Found::default();
    }
    if !stack.profile.has_own_load_balancer() {
        return Ok(());
    }
    resources::place(aws, stack).await?;
    if stack.turning.is_some() {
        return Ok(());
    }
    if let Some(beside) = &stack.beside {
        match stack.keeps_beside() {
            true => tell(beside, stack.tried.as_ref(), ui),
            // Whether the index of tags shows it already or not.
            false => drop(found.parts.insert(("environment", beside.name.clone()))),
        }
    }
    Ok(())
}

/// The names of a stack of which only the profile is known, with the environment that visitors are sent to.
///
/// # Errors
/// Where AWS does not say.
pub(crate) async fn names(aws: &Aws, name: &StackName, profile: &Profile, ui: &Ui) -> Result<Names, Error> {
    let mut stack = Stack::new(
        name.clone(),
        &aws.region,
        profile.clone(),
        profile_bundle::labelled(None),
    );
    place(aws, &mut stack, &mut Found::default(), ui).await?;
    Ok(stack.names)
}

fn tell(beside: &Side, tried: Option<&Tried>, ui: &Ui) {
    if let Some(tried) = tried {
        let text = format!("a canary is under way: {}", tried.told());
        let ways = Hint::from("the command that began it goes on; ").and_run("deploy --rollback");
        return ui.notice(&text, Some(ways.and(" sends all of them back")));
    }
    let text = format!(
        "{} stands beside the one that visitors are sent to, and costs as much",
        beside.told()
    );
    let ways = Hint::run("deploy --finish").and(" takes it away");
    ui.notice(&text, Some(ways));
}
