//! What of a plan would not fit into the account's quotas: blocked before anything is made.
//! Must know nothing of the quotas themselves.

use super::{Look, Session, unless_stopped};
use crate::engine::{Change, Error};
use crate::resources::room;

/// Asks only where something is to be created. What cannot be told is said, and blocks nothing.
pub(crate) async fn fit(session: &Session, look: &mut Look) -> Result<(), Error> {
    let created = look.planned.iter().filter(|step| step.change == Change::Create);
    let created: Vec<_> = created.map(|step| step.resource).collect();
    if created.is_empty() || look.is_blocked() {
        return Ok(());
    }
    let figures = async { Ok(room::figures(&session.read, &session.stack, &created).await) };
    for figure in unless_stopped(&session.settings.stop, figures).await? {
        if let Err(error) = &figure.room {
            let text = format!(
                "the quota {} was not looked at: {}",
                figure.quota.name,
                error.in_a_line()
            );
            session.ui.notice(&text, error.hint.clone());
            continue;
        }
        let step = look.planned.iter_mut().find(|step| step.resource == figure.resource);
        if let (false, Some(step), Some(told)) = (figure.fits(), step, figure.told()) {
            step.change = Change::Blocked {
                reason: format!("it does not fit into the account: {told}"),
                hint: figure.way_out(),
            };
        }
    }
    Ok(())
}
