//! CloudFront's cache, origin request and response headers policies: AWS's managed ones and the account's own.
//! Must know nothing of requests; the edge applies the rules.

mod managed;
mod rules;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::{Refusal, State, ids};
pub use rules::{
    CacheRules, ContentSecurityPolicy, Cors, Header, OriginRequestRules, ResponseHeadersRules, Security, Selection,
    StrictTransportSecurity, XssProtection,
};

/// All policies of the account.
#[derive(Debug)]
pub struct EdgePolicies {
    pub cache: Policies<CacheRules>,
    pub origin_request: Policies<OriginRequestRules>,
    pub response_headers: Policies<ResponseHeadersRules>,
}

impl Default for EdgePolicies {
    fn default() -> Self {
        Self {
            cache: Policies::managed(managed::cache()),
            origin_request: Policies::managed(managed::origin_request()),
            response_headers: Policies::managed(managed::response_headers()),
        }
    }
}

/// A policy with what its kind rules.
#[derive(Debug, Clone)]
pub struct Policy<R> {
    pub id: String,
    pub name: String,
    pub comment: String,
    /// AWS's: the same in every account, and unchangeable.
    pub managed: bool,
    pub etag: String,
    pub modified: Timestamp,
    pub rules: Arc<R>,
}

/// What a client sends of a policy.
#[derive(Debug)]
pub struct Draft<R> {
    pub name: String,
    pub comment: String,
    pub rules: R,
}

/// A kind of policy: its name in CloudFront's errors, and where its policies are.
pub trait Kind: Clone {
    /// `CachePolicy`.
    const NAME: &'static str;
    /// `cache policy`.
    const WORDS: &'static str;

    fn of(policies: &EdgePolicies) -> &Policies<Self>;
    fn of_mut(policies: &mut EdgePolicies) -> &mut Policies<Self>;

    /// Refuses rules that contradict themselves.
    ///
    /// # Errors
    /// `InvalidArgument`.
    fn check(&self) -> Result<(), Refusal>;
}

/// The policies of one kind, by id.
#[derive(Debug)]
pub struct Policies<R>(BTreeMap<String, Policy<R>>);

impl<R> Policies<R> {
    /// `all`: id, name, rules.
    fn managed(all: Vec<(&str, &str, R)>) -> Self {
        let policy = |(id, name, rules): (&str, &str, R)| {
            let policy = Policy {
                id: id.to_owned(),
                name: name.to_owned(),
                comment: String::new(),
                managed: true,
                etag: "E23ZP02F085DFQ".to_owned(),
                modified: Timestamp::UNIX_EPOCH,
                rules: Arc::new(rules),
            };
            (id.to_owned(), policy)
        };
        Self(all.into_iter().map(policy).collect())
    }

    /// The rules of the policy with that id.
    pub fn rules(&self, id: &str) -> Option<Arc<R>> {
        self.0.get(id).map(|policy| policy.rules.clone())
    }

    pub fn all(&self) -> impl Iterator<Item = &Policy<R>> {
        self.0.values()
    }
}

impl<R: Kind> Policies<R> {
    /// The policy with that id.
    ///
    /// # Errors
    /// `NoSuch…Policy`, 404.
    pub fn get(&self, id: &str) -> Result<&Policy<R>, Refusal> {
        self.0.get(id).ok_or_else(|| {
            let (code, text) = (
                format!("NoSuch{}", R::NAME),
                format!("The {} does not exist.", R::WORDS),
            );
            Refusal::with_status(404, &code, text)
        })
    }

    /// Makes a policy of the account's own.
    ///
    /// # Errors
    /// `…PolicyAlreadyExists` for a name that is taken, `InvalidArgument`.
    pub fn create(&mut self, draft: Draft<R>, now: Timestamp) -> Result<Policy<R>, Refusal> {
        self.check(&draft, None)?;
        Ok(self.put(ids::uuid(), draft, now))
    }

    /// Under a new ETag.
    fn put(&mut self, id: String, draft: Draft<R>, now: Timestamp) -> Policy<R> {
        let policy = Policy {
            id: id.clone(),
            name: draft.name,
            comment: draft.comment,
            managed: false,
            etag: format!("E{}", ids::capitals(13)),
            modified: now,
            rules: Arc::new(draft.rules),
        };
        self.0.insert(id, policy.clone());
        policy
    }

    /// Replaces all of a policy. The edge obeys at once; AWS's takes as long as a distribution's deployment.
    ///
    /// # Errors
    /// `NoSuch…Policy`, `IllegalUpdate` for a managed one, `PreconditionFailed`, and what a creation refuses.
    pub fn update(
        &mut self,
        id: &str,
        if_match: Option<&str>,
        draft: Draft<R>,
        now: Timestamp,
    ) -> Result<Policy<R>, Refusal> {
        let present = self.get(id)?;
        if present.managed {
            return Err(Refusal::new(
                "IllegalUpdate",
                "The update contains modifications that are not allowed.",
            ));
        }
        check_version(&present.etag, if_match)?;
        self.check(&draft, Some(id))?;
        Ok(self.put(id.to_owned(), draft, now))
    }

    fn delete(&mut self, id: &str, if_match: Option<&str>, in_use: bool) -> Result<(), Refusal> {
        let present = self.get(id)?;
        if present.managed {
            return Err(Refusal::with_status(
                409,
                "IllegalDelete",
                "You cannot delete a managed policy.",
            ));
        }
        check_version(&present.etag, if_match)?;
        if in_use {
            let text = format!(
                "Cannot delete the {} because it is attached to one or more cache behaviors.",
                R::WORDS
            );
            return Err(Refusal::with_status(409, &format!("{}InUse", R::NAME), text));
        }
        self.0.remove(id);
        Ok(())
    }

    fn check(&self, draft: &Draft<R>, id: Option<&str>) -> Result<(), Refusal> {
        let named = |policy: &&Policy<R>| policy.name == draft.name && Some(policy.id.as_str()) != id;
        if self.0.values().find(named).is_some() {
            let text = format!("A {} with this name already exists.", R::WORDS);
            return Err(Refusal::with_status(409, &format!("{}AlreadyExists", R::NAME), text));
        }
        if draft.name.is_empty() || draft.name.len() > 128 || draft.comment.len() > 128 {
            return Err(Refusal::new(
                "InvalidArgument",
                "The parameter Name or Comment is not valid.",
            ));
        }
        draft.rules.check()
    }
}

impl State {
    /// Deletes a policy that no distribution refers to.
    ///
    /// # Errors
    /// `NoSuch…Policy`, `IllegalDelete` for a managed one, `…PolicyInUse`, `PreconditionFailed`.
    pub fn delete_edge_policy<R: Kind>(&mut self, id: &str, if_match: Option<&str>) -> Result<(), Refusal> {
        let in_use = self.distributions.by_policy(id).next().is_some();
        R::of_mut(&mut self.edge_policies).delete(id, if_match, in_use)
    }
}

/// Refuses a change that was not made from what there is (CloudFront API, If-Match).
pub(super) fn check_version(etag: &str, if_match: Option<&str>) -> Result<(), Refusal> {
    match if_match {
        None | Some("") => Err(Refusal::new(
            "InvalidIfMatchVersion",
            "The If-Match version is missing or not valid for the resource.",
        )),
        Some(sent) if sent != etag => Err(Refusal::with_status(
            412,
            "PreconditionFailed",
            "The request failed because it didn't meet the preconditions in one or more request-header fields.",
        )),
        Some(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(name: &str, max_ttl: i64) -> Draft<CacheRules> {
        let mut rules = CacheRules::new(0, 0, max_ttl);
        rules.gzip = max_ttl > 0;
        Draft {
            name: name.to_owned(),
            comment: String::new(),
            rules,
        }
    }

    #[test]
    fn a_policy_of_ones_own_has_a_name_of_its_own_and_is_changed_by_its_etag() {
        let mut policies = EdgePolicies::default().cache;
        let now = Timestamp::UNIX_EPOCH;
        let made = policies.create(draft("mine", 60), now).unwrap();
        let again = policies.create(draft("mine", 60), now).unwrap_err();
        assert_eq!((again.code.as_str(), again.status), ("CachePolicyAlreadyExists", 409));
        let stale = policies
            .update(&made.id, Some("E0"), draft("mine", 90), now)
            .unwrap_err();
        assert_eq!(stale.status, 412);
        let changed = policies
            .update(&made.id, Some(&made.etag), draft("mine", 90), now)
            .unwrap();
        assert_eq!(policies.rules(&made.id).unwrap().max_ttl, 90);
        policies.delete(&made.id, Some(&changed.etag), false).unwrap();
        assert_eq!(policies.get(&made.id).unwrap_err().code, "NoSuchCachePolicy");
    }

    #[test]
    fn managed_policies_stay_as_they_are() {
        let mut policies = EdgePolicies::default().cache;
        let id = "658327ea-f89d-4fab-a63d-7e88639e58f6";
        let etag = policies.get(id).unwrap().etag.clone();
        assert_eq!(
            policies.delete(id, Some(&etag), false).unwrap_err().code,
            "IllegalDelete"
        );
        let refused = policies.update(id, Some(&etag), draft("x", 1), Timestamp::UNIX_EPOCH);
        assert_eq!(refused.unwrap_err().code, "IllegalUpdate");
    }

    #[test]
    fn without_caching_there_is_nothing_to_put_into_a_key() {
        let mut policies = EdgePolicies::default().cache;
        let mut wrong = draft("mine", 0);
        wrong.rules.gzip = true;
        let refused = policies.create(wrong, Timestamp::UNIX_EPOCH).unwrap_err();
        assert_eq!(refused.code, "InvalidArgument");
        policies.create(draft("mine", 0), Timestamp::UNIX_EPOCH).unwrap();
    }
}
