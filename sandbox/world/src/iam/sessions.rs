//! Sessions of roles: who may have one, and for how long.
//! Must know nothing of how one is asked for.

use jiff::{SignedDuration, Timestamp};

use super::credentials::TemporaryCredentials;
use super::policy::{Document, request_context};
use crate::{Refusal, State};

/// Seconds: AWS's shortest and default session.
const SHORTEST: i32 = 900;
const DEFAULT: i32 = 3600;

/// What AssumeRole gives.
pub struct Session {
    pub credentials: TemporaryCredentials,
    /// Real time, as that of signatures.
    pub expires: Timestamp,
    /// The role's id and the session's name.
    pub id: String,
    pub arn: String,
}

impl State {
    /// As AssumeRole: the way to an identity that may less than the account's own user. `now` is the world's.
    ///
    /// # Errors
    /// `AccessDenied` where the role does not trust the caller; who asks for one that is not there is told no more.
    pub fn assume_role(
        &mut self,
        now: Timestamp,
        (caller, region): (&str, &str),
        role_arn: &str,
        session: &str,
        seconds: Option<i32>,
    ) -> Result<Session, Refusal> {
        let denied = || {
            let text = format!("User: {caller} is not authorized to perform: sts:AssumeRole on resource: {role_arn}");
            Refusal::with_status(403, "AccessDenied", text)
        };
        let account = self.account.clone();
        let seen = self.iam.seen(self.as_of(now));
        let role = seen.role(role_arn).filter(|role| role.arn == role_arn);
        let role = role.ok_or_else(denied)?;
        let trust = Document::parse(&role.trust).map_err(|_| denied())?;
        let context = request_context(caller, &account, region);
        if !trust.trusts(caller, &account, &context) {
            return Err(denied());
        }
        let seconds = seconds.unwrap_or(DEFAULT);
        if !(SHORTEST..=role.max_session_duration).contains(&seconds) {
            let text = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.";
            return Err(Refusal::new("ValidationError", text));
        }
        let expires = Timestamp::now() + SignedDuration::from_secs(seconds.into());
        let arn = format!("arn:aws:sts::{account}:assumed-role/{}/{session}", role.name);
        let id = format!("{}:{session}", role.id);
        let keys = &mut self.iam.credentials;
        let credentials = keys.assume(&account, role_arn, session, Some(expires));
        Ok(Session {
            credentials,
            expires,
            id,
            arn,
        })
    }
}
