//! What was confirmed, done while the lock is held: it is looked at again, done, and told with all that it leaves behind.
//! Must know nothing of what it is.

use super::asking::Asking;
use super::{Look, Session, unfinished, with_left_behind};
use crate::engine::{self, Error};
use crate::ui::Summary;

/// `well` says what has come of it, where it got to its end.
///
/// # Errors
/// `changed`, where something else would be done by now; and what a look or `well` gives.
pub(crate) async fn do_confirmed(
    session: &Session,
    confirmed: &Look,
    gate: Asking,
    changed: Error,
    well: impl Future<Output = Result<Summary, Error>>,
) -> Result<Summary, Error> {
    let look = session.look().await?;
    if !look.is_what_was_confirmed(confirmed) {
        return Err(changed);
    }
    let run = session.run(gate);
    let report = engine::up(&session.graph, &look.seen, &look.planned, &run).await;
    session.took(&report);
    let ended = match unfinished(session, &report) {
        Some(summary) => Ok(summary),
        None => well.await,
    };
    Ok(with_left_behind(session, &report, ended))
}
