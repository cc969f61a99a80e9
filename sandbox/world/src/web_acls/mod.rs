//! WAF: web ACLs of scope CLOUDFRONT and what their rules look for.
//! Must know nothing of HTTP; the edge applies the rules.

mod rules;
mod samples;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::quotas::{GLOBAL_REGION, WEB_ACLS};
use super::{Item, Refusal, State, Tags, ids};
pub use rules::{Action, Comparison, Field, Position, Rate, RateKey, Rule, RuleKind, Statement, Transformation};
pub use samples::{Sample, Samples};

#[derive(Debug, Default, Clone)]
pub struct WebAcls {
    /// By id.
    pub all: BTreeMap<String, WebAcl>,
    pub samples: Samples,
}

#[derive(Debug, Clone)]
pub struct WebAcl {
    pub id: String,
    pub arn: String,
    pub name: String,
    pub lock_token: String,
    /// Shared with the edge, which looks at it with every request.
    pub definition: Arc<Definition>,
    pub tags: Tags,
}

/// What CreateWebACL and UpdateWebACL set.
#[derive(Debug, Clone)]
pub struct Definition {
    pub description: Option<String>,
    /// Whether a request that no rule decides is let through.
    pub allows: bool,
    /// In order of priority; those that the edge can apply.
    pub rules: Vec<Rule>,
    /// Web ACL capacity units.
    pub capacity: i64,
    /// Every member as the client sent it, for reading back; opaque to the world.
    pub document: serde_json::Map<String, serde_json::Value>,
}

impl WebAcls {
    pub fn by_arn(&self, arn: &str) -> Option<&WebAcl> {
        self.all.values().find(|acl| acl.arn == arn)
    }

    /// The web ACL with that ARN, to tag it.
    ///
    /// # Errors
    /// `WAFNonexistentItemException`.
    pub fn by_arn_mut(&mut self, arn: &str) -> Result<&mut WebAcl, Refusal> {
        self.all.values_mut().find(|acl| acl.arn == arn).ok_or_else(nonexistent)
    }

    /// The web ACL with that id and name.
    ///
    /// # Errors
    /// `WAFNonexistentItemException`.
    pub fn get(&self, id: &str, name: &str) -> Result<&WebAcl, Refusal> {
        self.all.get(id).filter(|acl| acl.name == name).ok_or_else(nonexistent)
    }

    pub(crate) fn inventory(&self, region: &str) -> Vec<Item> {
        let item = Item::of("wafv2", region);
        self.all
            .values()
            .map(|acl| item("web-acl", &acl.id, &acl.name, &acl.tags))
            .collect()
    }
}

impl State {
    /// Creates a web ACL.
    ///
    /// # Errors
    /// `WAFDuplicateItemException`: names are unique. `WAFLimitsExceededException`.
    pub fn create_web_acl(&mut self, name: &str, definition: Definition, tags: Tags) -> Result<WebAcl, Refusal> {
        if self.web_acls.all.values().any(|acl| acl.name == name) {
            return Err(Refusal::new(
                "WAFDuplicateItemException",
                "AWS WAF couldn’t perform the operation because some resource in your request is a duplicate of an existing one.",
            ));
        }
        let present = self.web_acls.all.len();
        if !self.region(GLOBAL_REGION).quotas.has_room(&WEB_ACLS, present) {
            // botocore's model of wafv2; the text is the exception's own there.
            return Err(Refusal::new(
                "WAFLimitsExceededException",
                "AWS WAF couldn’t perform the operation because you exceeded your resource limit.",
            ));
        }
        let id = ids::uuid();
        let acl = WebAcl {
            arn: format!("arn:aws:wafv2:us-east-1:{}:global/webacl/{name}/{id}", self.account),
            name: name.to_owned(),
            lock_token: ids::uuid(),
            definition: Arc::new(definition),
            tags,
            id: id.clone(),
        };
        self.web_acls.all.insert(id, acl.clone());
        Ok(acl)
    }

    /// Replaces what a web ACL does; the answer is its next lock token.
    ///
    /// # Errors
    /// `WAFNonexistentItemException`, `WAFOptimisticLockException`.
    pub fn update_web_acl(
        &mut self,
        id: &str,
        name: &str,
        lock_token: &str,
        definition: Definition,
    ) -> Result<String, Refusal> {
        check_token(self.web_acls.get(id, name)?, lock_token)?;
        let acl = self.web_acls.all.get_mut(id).ok_or_else(nonexistent)?;
        acl.definition = Arc::new(definition);
        acl.lock_token = ids::uuid();
        Ok(acl.lock_token.clone())
    }

    /// Deletes a web ACL that no distribution uses.
    ///
    /// # Errors
    /// `WAFAssociatedItemException` while one does, and for some seconds after; `WAFOptimisticLockException`.
    pub fn delete_web_acl(&mut self, id: &str, name: &str, lock_token: &str, now: Timestamp) -> Result<(), Refusal> {
        let acl = self.web_acls.get(id, name)?;
        check_token(acl, lock_token)?;
        let as_of = self.as_of(now);
        let held = self.distributions.holds_web_acl(&acl.arn, now);
        if held || self.distributions.seen(as_of).holds_web_acl(&acl.arn, now) {
            return Err(Refusal::new(
                "WAFAssociatedItemException",
                "AWS WAF couldn’t perform the operation because your resource is being used by another resource or it’s \
                 associated with another resource.",
            ));
        }
        let arn = acl.arn.clone();
        self.web_acls.all.remove(id);
        self.web_acls.samples.forget(&arn);
        Ok(())
    }
}

fn check_token(acl: &WebAcl, lock_token: &str) -> Result<(), Refusal> {
    if acl.lock_token == lock_token {
        return Ok(());
    }
    Err(Refusal::new(
        "WAFOptimisticLockException",
        "AWS WAF couldn’t save your changes because someone changed the resource after you started to edit it. Reapply your changes.",
    ))
}

/// A web ACL that is not there.
pub fn nonexistent() -> Refusal {
    Refusal::new(
        "WAFNonexistentItemException",
        "AWS WAF couldn’t perform the operation because your resource doesn’t exist.",
    )
}
