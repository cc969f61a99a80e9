//! The stack's environment for what looks at it, in whatever state it is: a site in trouble is what one looks at most.
//! Must know nothing of what is looked at.

use super::{Session, not_up};
use crate::engine::{Error, Hint, Observed, Owner};
use crate::resources::looking::{Looked, find, none_is_there};

impl Session {
    /// The environment, if it is there. Nothing else of the stack is read.
    ///
    /// # Errors
    /// Where it is not this stack's own, or nobody says.
    pub(crate) async fn looked_at(&self, command: &str) -> Result<Option<Looked>, Error> {
        let nodes = self.graph.nodes();
        let Some(node) = nodes.iter().find(|node| node.id() == "environment") else {
            return Ok(None);
        };
        let observed = super::unless_stopped(&self.settings.stop, node.observe(&self.read_cx())).await?;
        match observed {
            Observed::Absent(_) => return Ok(None),
            Observed::Unknown(error) => return Err(error),
            Observed::Present { owner: Owner::Ours, .. } | Observed::Settling { owner: Owner::Ours, .. } => {}
            Observed::Present { .. } | Observed::Settling { .. } => {
                let text = format!("the environment does not carry this stack's tag: {command} leaves it alone");
                return Err(Error::refused(text).hint(Hint::run("status")));
            }
        }
        find(&self.read, &self.stack).await
    }

    /// As [`Session::looked_at`], for what makes no sense without.
    ///
    /// # Errors
    /// As there, and where there is none.
    pub(crate) async fn needs_environment(&self, command: &str) -> Result<Looked, Error> {
        self.looked_at(command).await?.ok_or_else(|| not_up(&self.stack.name))
    }

    /// Why there is nothing to do it to, where no environment shows: there is none, or the caller may not look.
    pub(crate) async fn none_shows(&self) -> Error {
        let proven = none_is_there(&self.read).await;
        proven.err().unwrap_or_else(|| not_up(&self.stack.name))
    }
}
