//! Access keys: the user's, and the temporary ones of roles.
//! Must know nothing of signatures.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::ids;

/// A holder of a key.
#[derive(Debug, Clone)]
pub struct Principal {
    pub arn: String,
    pub secret_access_key: String,
    /// Temporary keys only work with it.
    pub session_token: Option<String>,
    /// Real time after which the key is worth nothing, as signatures are of real time too.
    pub expires: Option<Timestamp>,
}

/// What an instance's processes are given.
#[derive(Debug, Clone)]
pub struct TemporaryCredentials {
    pub access_key_id: String,
    pub secret_access_key: String,
    pub session_token: String,
}

#[derive(Debug, Default, Clone)]
pub struct Credentials {
    /// By access key id.
    holders: BTreeMap<String, Principal>,
}

impl Credentials {
    pub fn holder(&self, access_key_id: &str) -> Option<&Principal> {
        self.holders.get(access_key_id)
    }

    /// A key of whoever has that ARN, with its holder.
    pub fn key_of(&self, arn: &str) -> Option<(&str, &Principal)> {
        let held = self.holders.iter().find(|(_, principal)| principal.arn == arn);
        held.map(|(key, principal)| (key.as_str(), principal))
    }

    /// The key of a user.
    pub fn add_user(&mut self, arn: &str, access_key_id: &str, secret_access_key: &str) {
        let principal = Principal {
            arn: arn.to_owned(),
            secret_access_key: secret_access_key.to_owned(),
            session_token: None,
            expires: None,
        };
        self.holders.insert(access_key_id.to_owned(), principal);
    }

    /// A temporary key of the role with that ARN, as an instance gets it. It does not expire: nothing renews it.
    pub fn issue(&mut self, account: &str, role_arn: &str) -> TemporaryCredentials {
        self.assume(account, role_arn, &ids::ec2("i"), None)
    }

    /// A temporary key of the role with that ARN, in a session of that name.
    pub fn assume(
        &mut self,
        account: &str,
        role_arn: &str,
        session: &str,
        expires: Option<Timestamp>,
    ) -> TemporaryCredentials {
        let role = role_arn.rsplit('/').next().unwrap_or(role_arn);
        let issued = TemporaryCredentials {
            access_key_id: format!("ASIA{}", ids::capitals(16)),
            secret_access_key: ids::secret(40),
            session_token: ids::secret(64),
        };
        let principal = Principal {
            arn: format!("arn:aws:sts::{account}:assumed-role/{role}/{session}"),
            secret_access_key: issued.secret_access_key.clone(),
            session_token: Some(issued.session_token.clone()),
            expires,
        };
        self.holders.insert(issued.access_key_id.clone(), principal);
        issued
    }

    /// The id that GetCallerIdentity gives for a caller: the same at each call.
    pub fn unique_id(&self, arn: &str) -> String {
        let key = self.key_of(arn).map(|(key, _)| key).unwrap_or_default();
        let rest = key.get(4..).unwrap_or_default();
        match arn
            .split_once(":assumed-role/")
            .and_then(|(_, name)| name.split_once('/'))
        {
            Some((_, session)) => format!("AROA{rest}A:{session}"),
            None => format!("AIDA{rest}A"),
        }
    }
}
