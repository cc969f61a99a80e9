//! The cache behaviours of paths of which CloudFront keeps nothing: made from the profile, compared with what is live, changed where they
//! differ. Calls nobody, and knows nothing of the default behaviour but the origin that it fetches from.

use std::collections::BTreeSet;

use aws_sdk_cloudfront::types::{
    AllowedMethods, CacheBehavior, CacheBehaviors, DistributionConfig, LambdaFunctionAssociations, ViewerProtocolPolicy,
};

use super::distribution_config::{cache_policy_id, invalid};
use super::distribution_origin::ALL_VIEWER;
use crate::engine::{Error, FieldChange};
use crate::profile::{CachePolicy, Cdn};

/// Managed-AllViewerExceptHostHeader: everything of the visitor's but the host, which is the origin's name for whoever routes by it.
/// Source: CloudFront developer guide, using-managed-origin-request-policies.
const ALL_VIEWER_EXCEPT_HOST: &str = "b689b0a8-53d0-40ab-baf2-68738e2966ac";

/// What is wanted of them.
pub(super) struct Uncached<'a> {
    pub(super) cdn: &'a Cdn,
    /// Path patterns that former profiles had, and which are ours to take away.
    pub(super) former: &'a BTreeSet<String>,
    pub(super) methods: AllowedMethods,
    /// The origin goes by the host that visitors ask for.
    pub(super) forwards_host: bool,
}

impl Uncached<'_> {
    /// Ours first, in the profile's order, as the first that matches counts; then those of others, in theirs.
    ///
    /// # Errors
    /// Where the SDK does not take them.
    pub(super) fn amend(&self, config: &mut DistributionConfig) -> Result<(), Error> {
        let live = live(config);
        if self.cdn.uncached.is_empty() && !live.iter().any(|one| self.is_former(one)) {
            return Ok(());
        }
        let origin = config.default_cache_behavior.as_ref();
        let origin = origin
            .map(|default| default.target_origin_id.clone())
            .unwrap_or_default();
        let mut behaviors = Vec::new();
        for path in &self.cdn.uncached {
            let there = live.iter().find(|one| one.path_pattern == *path);
            let mut behavior = match there {
                Some(there) => there.clone(),
                None => self.fresh(path, &origin)?,
            };
            self.amend_one(&mut behavior, &origin);
            behaviors.push(behavior);
        }
        let others = live.iter().filter(|one| !self.is_ours(one) && !self.is_former(one));
        behaviors.extend(others.cloned());
        config.cache_behaviors = Some(list(behaviors)?);
        Ok(())
    }

    fn is_ours(&self, behavior: &CacheBehavior) -> bool {
        self.cdn.uncached.contains(&behavior.path_pattern)
    }

    fn is_former(&self, behavior: &CacheBehavior) -> bool {
        !self.is_ours(behavior) && self.former.contains(&behavior.path_pattern)
    }

    /// With what an update wants said that a creation may leave out (CloudFront developer guide,
    /// distribution-overview-required-fields).
    fn fresh(&self, path: &str, origin: &str) -> Result<CacheBehavior, Error> {
        let none = LambdaFunctionAssociations::builder().quantity(0).build();
        let behavior = CacheBehavior::builder()
            .path_pattern(path)
            .target_origin_id(origin)
            .viewer_protocol_policy(ViewerProtocolPolicy::from(self.cdn.viewer_protocol.as_str()))
            .smooth_streaming(false)
            .field_level_encryption_id("")
            .lambda_function_associations(none.map_err(invalid)?);
        behavior.build().map_err(invalid)
    }

    fn amend_one(&self, behavior: &mut CacheBehavior, origin: &str) {
        behavior.target_origin_id = origin.to_owned();
        behavior.viewer_protocol_policy = self.cdn.viewer_protocol.as_str().into();
        behavior.allowed_methods = Some(self.methods.clone());
        behavior.cache_policy_id = Some(cache_policy_id(CachePolicy::CachingDisabled).to_owned());
        let policy = match self.forwards_host {
            true => ALL_VIEWER,
            false => ALL_VIEWER_EXCEPT_HOST,
        };
        behavior.origin_request_policy_id = Some(policy.to_owned());
        // Nothing is compressed where nothing is in the cache key (same guide, ServingCompressedFiles).
        behavior.compress = Some(false);
        forget_legacy_settings(behavior);
    }
}

#[expect(
    deprecated,
    reason = "CloudFront refuses a cache policy beside the settings that it replaced"
)]
fn forget_legacy_settings(behavior: &mut CacheBehavior) {
    behavior.forwarded_values = None;
    (behavior.min_ttl, behavior.default_ttl, behavior.max_ttl) = (None, None, None);
}

fn list(behaviors: Vec<CacheBehavior>) -> Result<CacheBehaviors, Error> {
    let list = CacheBehaviors::builder().quantity(i32::try_from(behaviors.len()).unwrap_or(i32::MAX));
    // None is written without its list: an empty one is not what CloudFront writes itself.
    let items = Some(behaviors).filter(|behaviors| !behaviors.is_empty());
    list.set_items(items).build().map_err(invalid)
}

fn live(config: &DistributionConfig) -> Vec<CacheBehavior> {
    let list = config.cache_behaviors.as_ref();
    list.and_then(|list| list.items.clone()).unwrap_or_default()
}

/// What differs between two configurations, a field for each path, and one for their order.
pub(super) fn differences(is: &DistributionConfig, should: &DistributionConfig) -> Vec<FieldChange> {
    let (is, should) = (live(is), live(should));
    let told = |list: &[CacheBehavior], path: &str| {
        let one = list.iter().find(|one| one.path_pattern == path);
        one.map(describe)
    };
    let mut paths: Vec<&String> = should.iter().map(|one| &one.path_pattern).collect();
    let gone = is.iter().map(|one| &one.path_pattern);
    paths.extend(gone.filter(|path| !should.iter().any(|one| one.path_pattern == **path)));
    let change = |path: &&String| {
        let (from, to) = (told(&is, path), told(&should, path));
        (from != to).then(|| FieldChange::new(format!("CacheBehavior {path}"), from, to))
    };
    let mut changes: Vec<_> = paths.iter().filter_map(change).collect();
    // What is new or gone is told above.
    let order = |one: &[CacheBehavior], other: &[CacheBehavior]| -> Vec<String> {
        let both = one.iter().map(|one| one.path_pattern.clone());
        both.filter(|path| other.iter().any(|one| one.path_pattern == *path))
            .collect()
    };
    let (from, to) = (order(&is, &should), order(&should, &is));
    if from != to {
        changes.push(FieldChange::new("CacheBehaviors", from.join(", "), to.join(", ")));
    }
    changes
}

/// All that we manage of one.
fn describe(behavior: &CacheBehavior) -> String {
    let policy = |id: &Option<String>| id.clone().unwrap_or_else(|| "none".to_owned());
    let cache = policy(&behavior.cache_policy_id);
    let cache = match cache == cache_policy_id(CachePolicy::CachingDisabled) {
        true => "CachingDisabled".to_owned(),
        false => format!("CachePolicyId {cache}"),
    };
    let request = policy(&behavior.origin_request_policy_id);
    let request = match request.as_str() {
        ALL_VIEWER_EXCEPT_HOST => "AllViewerExceptHostHeader".to_owned(),
        ALL_VIEWER => "AllViewer".to_owned(),
        other => format!("OriginRequestPolicyId {other}"),
    };
    let allowed = behavior.allowed_methods.as_ref();
    let mut methods: Vec<&str> = allowed
        .iter()
        .flat_map(|allowed| &allowed.items)
        .map(|method| method.as_str())
        .collect();
    methods.sort_unstable();
    format!(
        "{cache}, {request}, {}, {}, Compress {}, from {}",
        behavior.viewer_protocol_policy,
        methods.join(" "),
        behavior.compress.unwrap_or_default(),
        behavior.target_origin_id,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distribution_config::{Domain, Wanted};
    use crate::distribution_origin::OriginWay;
    use crate::front_door::Entrance;

    fn cdn(uncached: &[&str]) -> Cdn {
        Cdn {
            uncached: uncached.iter().map(|path| (*path).to_owned()).collect(),
            ..Cdn::default()
        }
    }

    fn wanted<'a>(cdn: &'a Cdn, former: &[&str]) -> Wanted<'a> {
        Wanted {
            cdn,
            comment: "confctl tcb-conference us-east-1",
            origin: Some("awseb-1.us-east-1.elb.amazonaws.com"),
            web_acl: Some(""),
            former_uncached: former.iter().map(|path| (*path).to_owned()).collect(),
            secret: Some(""),
            way: OriginWay {
                entrance: Entrance::Http,
                was_https: false,
            },
            domain: Domain {
                names: Vec::new(),
                former: Vec::new(),
                certificate: None,
            },
        }
    }

    fn made(uncached: &[&str]) -> DistributionConfig {
        wanted(&cdn(uncached), &[]).config("confctl-1").unwrap()
    }

    fn paths(config: &DistributionConfig) -> Vec<String> {
        live(config).into_iter().map(|one| one.path_pattern).collect()
    }

    /// The fields that differ, with what they would become.
    fn told(cdn: &Cdn, former: &[&str], config: &DistributionConfig) -> Vec<(String, Option<String>)> {
        let fields = wanted(cdn, former).differences(config).unwrap();
        fields.into_iter().map(|field| (field.field, field.to)).collect()
    }

    #[test]
    fn a_path_that_is_to_be_uncached_is_passed_on_whole_and_kept_nowhere() {
        let config = made(&["/register", "/api/*"]);
        assert_eq!(paths(&config), ["/register", "/api/*"]);
        let all = "DELETE GET HEAD OPTIONS PATCH POST PUT";
        assert_eq!(
            describe(&live(&config)[0]),
            format!("CachingDisabled, AllViewerExceptHostHeader, allow-all, {all}, Compress false, from environment")
        );
        assert_eq!(told(&cdn(&["/register", "/api/*"]), &[], &config), []);
    }

    #[test]
    fn where_the_origin_goes_by_the_visitors_host_they_pass_that_on_too() {
        let cdn = cdn(&["/register"]);
        let by_https = Wanted {
            way: OriginWay {
                entrance: Entrance::Https,
                was_https: false,
            },
            ..wanted(&cdn, &[])
        };
        let config = by_https.config("confctl-1").unwrap();
        assert!(describe(&live(&config)[0]).contains(", AllViewer, "));
        let back = told(&cdn, &[], &config);
        assert!(
            back.iter().any(|(field, to)| field == "CacheBehavior /register"
                && to.as_ref().is_some_and(|to| to.contains("AllViewerExceptHostHeader"))),
            "{back:?}"
        );
    }

    #[test]
    fn without_such_paths_nothing_is_said_of_behaviours() {
        assert!(made(&[]).cache_behaviors.is_none());
    }

    #[test]
    fn a_behaviour_that_caches_again_is_brought_back_and_so_is_one_that_is_gone() {
        let cdn = cdn(&["/register", "/api/*"]);
        let mut config = made(&["/register", "/api/*"]);
        let mut behaviors = live(&config);
        behaviors.truncate(1);
        behaviors[0].cache_policy_id = Some(cache_policy_id(CachePolicy::CachingOptimized).to_owned());
        config.cache_behaviors = Some(list(behaviors).unwrap());
        let fields: Vec<_> = told(&cdn, &[], &config).into_iter().map(|(field, _)| field).collect();
        assert_eq!(fields, ["CacheBehavior /register", "CacheBehavior /api/*"]);
        wanted(&cdn, &[]).amend(&mut config).unwrap();
        assert_eq!(told(&cdn, &[], &config), []);
    }

    #[test]
    fn what_the_profile_no_longer_has_goes_and_what_others_added_stays_behind_ours() {
        let mut config = made(&["/old", "/register"]);
        let mut behaviors = live(&config);
        let mut theirs = behaviors[0].clone();
        theirs.path_pattern = "/static/*".to_owned();
        behaviors.insert(0, theirs);
        config.cache_behaviors = Some(list(behaviors).unwrap());
        let cdn = cdn(&["/register"]);
        assert_eq!(
            told(&cdn, &["/old", "/register"], &config),
            [
                ("CacheBehavior /old".to_owned(), None),
                ("CacheBehaviors".to_owned(), Some("/register, /static/*".to_owned()))
            ]
        );
        wanted(&cdn, &["/old", "/register"]).amend(&mut config).unwrap();
        assert_eq!(paths(&config), ["/register", "/static/*"]);

        // Where nobody remembers that it was ours, it stays.
        let none = Cdn::default();
        wanted(&none, &[]).amend(&mut config).unwrap();
        assert_eq!(paths(&config), ["/register", "/static/*"]);
        wanted(&none, &["/register"]).amend(&mut config).unwrap();
        assert_eq!(paths(&config), ["/static/*"]);
        wanted(&none, &["/static/*"]).amend(&mut config).unwrap();
        let left = config.cache_behaviors.unwrap();
        assert_eq!((left.quantity, left.items), (0, None));
    }
}
