//! Who agrees to steps that the plan did not show, when a run comes upon them: the user, or `--yes` where nobody feels them.
//! Must know nothing of any resource.

use futures_util::future::BoxFuture;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use super::Session;
use crate::engine::{Error, FieldChange, Gate, Hint, Kind, is_felt};
use crate::ui::Ui;

pub(crate) struct Asking {
    ui: Ui,
    stop: CancellationToken,
    /// The user said `--yes` to the plan.
    yes: bool,
    /// One question at a time.
    turn: Mutex<()>,
}

impl Asking {
    pub(crate) fn new(session: &Session, yes: bool) -> Self {
        Self {
            ui: session.ui.clone(),
            stop: session.settings.stop.clone(),
            yes,
            turn: Mutex::new(()),
        }
    }

    async fn ask(&self, title: &str, unseen: &[FieldChange]) -> Result<(), Error> {
        if self.yes {
            return match is_felt(unseen) {
                false => Ok(()),
                true => Err(not_shown(title, unseen)),
            };
        }
        let _turn = self.turn.lock().await;
        let question = format!("Do this too, which the plan did not show, with {title}?");
        let answer = self.ui.confirm(&question, &self.stop).await;
        answer.map_err(|error| match error.kind {
            Kind::Refused => not_shown(title, unseen),
            _ => error,
        })
    }
}

impl Gate for Asking {
    fn agree<'a>(&'a self, title: &'a str, unseen: &'a [FieldChange]) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(self.ask(title, unseen))
    }
}

fn not_shown(title: &str, unseen: &[FieldChange]) -> Error {
    let fields: Vec<_> = unseen.iter().map(|field| field.field.as_str()).collect();
    Error::new(Kind::Unforeseen, format!("{title} needs more than the plan showed"))
        .because(format!("not shown, and not done: {}", fields.join(", ")))
        .hint(Hint::run("plan"))
}
