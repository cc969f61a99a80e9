//! How a distribution comes to its origin: in clear, or by HTTPS and under the visitor's host; and what goes with that in the rest of its
//! configuration. Calls nobody, and knows nothing of the origin but its certificate's names.

use aws_sdk_cloudfront::types::{
    CustomErrorResponse, CustomErrorResponses, CustomOriginConfig, DefaultCacheBehavior, DistributionConfig,
    OriginProtocolPolicy, OriginSslProtocols, SslProtocol,
};

use super::distribution_config::{invalid, origin_policy};
use super::front_door::Entrance;
use crate::engine::Error;

/// Managed-HostHeaderOnly, and Managed-AllViewer, which has the host as well.
/// Source: CloudFront developer guide, using-managed-origin-request-policies.
const HOST_HEADER_ONLY: &str = "bf0718e1-ba1e-49d1-88b1-f726733018ae";
pub(super) const ALL_VIEWER: &str = "216adef6-5c7f-47e4-b989-5492eafa07d3";

/// What CloudFront answers where the origin's certificate is not good for the host that it forwards (same guide, http-502-bad-gateway).
const NOT_ITS_NAME: i32 = 502;

/// How a distribution comes to its origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OriginWay {
    pub(super) entrance: Entrance,
    /// It came by HTTPS once: what went with that is ours to take back.
    pub(super) was_https: bool,
}

impl OriginWay {
    pub(super) fn is_https(self) -> bool {
        self.entrance == Entrance::Https
    }

    /// Whether a live distribution is to come by HTTPS and does not yet.
    pub(super) fn moves(self, live: &DistributionConfig) -> bool {
        self.is_https() && origin_policy(live) != self.entrance.policy()
    }

    /// The visitor's host goes along, as a load balancer's own name has no certificate: one has to be for the origin's name, or for the
    /// host that the origin is asked for (CloudFront guide, http-502-bad-gateway).
    pub(super) fn amend_behavior(self, behavior: &mut DefaultCacheBehavior) {
        let policy = behavior.origin_request_policy_id.as_deref();
        let forwards_host = [HOST_HEADER_ONLY, ALL_VIEWER].map(Some).contains(&policy);
        if self.is_https() && !forwards_host {
            behavior.origin_request_policy_id = Some(HOST_HEADER_ONLY.to_owned());
        } else if !self.is_https() && self.was_https && policy == Some(HOST_HEADER_ONLY) {
            behavior.origin_request_policy_id = None;
        }
    }

    pub(super) fn amend_origin(self, custom: &mut CustomOriginConfig) -> Result<(), Error> {
        custom.origin_protocol_policy = OriginProtocolPolicy::from(self.entrance.policy());
        if self.is_https() {
            let newest = OriginSslProtocols::builder().quantity(1).items(SslProtocol::TlSv12);
            custom.origin_ssl_protocols = Some(newest.build().map_err(invalid)?);
        }
        Ok(())
    }

    /// Whoever asks by CloudFront's own name gets a 502. The host is not in the cache key, so that one who is refused so every ten seconds,
    /// which is how long an error is kept by default, would keep everybody out.
    pub(super) fn amend_errors(self, config: &mut DistributionConfig) -> Result<(), Error> {
        let mut responses = error_responses(config).to_vec();
        let has_one = responses.iter().any(|one| one.error_code == NOT_ITS_NAME);
        if self.is_https() && !has_one {
            let unkept = CustomErrorResponse::builder()
                .error_code(NOT_ITS_NAME)
                .response_page_path("")
                .response_code("")
                .error_caching_min_ttl(0);
            responses.push(unkept.build().map_err(invalid)?);
        } else if !self.is_https() && self.was_https && has_one {
            responses.retain(|one| !is_unkept(one));
        } else {
            return Ok(());
        }
        let quantity = i32::try_from(responses.len()).unwrap_or(i32::MAX);
        let items = Some(responses).filter(|responses| !responses.is_empty());
        let list = CustomErrorResponses::builder().quantity(quantity).set_items(items);
        config.custom_error_responses = Some(list.build().map_err(invalid)?);
        Ok(())
    }
}

pub(super) fn error_responses(config: &DistributionConfig) -> &[CustomErrorResponse] {
    let list = config.custom_error_responses.as_ref();
    list.map_or(&[], CustomErrorResponses::items)
}

/// Whether it is ours: the error as it is, and kept for no time.
pub(super) fn is_unkept(one: &CustomErrorResponse) -> bool {
    let has_no_page = one.response_page_path().is_none_or(str::is_empty);
    one.error_code == NOT_ITS_NAME && has_no_page && one.error_caching_min_ttl == Some(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distribution_config::Wanted;
    use crate::distribution_config::tests::{IN_CLEAR, wanted};
    use crate::profile::Cdn;

    const BY_HTTPS: OriginWay = OriginWay {
        entrance: Entrance::Https,
        was_https: false,
    };

    #[test]
    fn by_https_the_visitors_host_goes_along_and_no_error_about_it_is_kept_for_others() {
        let cdn = Cdn::default();
        let in_clear = wanted(&cdn).config("confctl-1").unwrap();
        let by_https = |was_https| Wanted {
            way: OriginWay { was_https, ..BY_HTTPS },
            ..wanted(&cdn)
        };
        let changes = by_https(false).differences(&in_clear).unwrap();
        let changes: Vec<_> = changes.iter().map(|it| (it.field.as_str(), it.to.as_deref())).collect();
        assert_eq!(
            changes,
            [
                ("OriginProtocolPolicy", Some("https-only")),
                ("OriginSslProtocols", Some("TLSv1.2")),
                ("OriginRequestPolicyId", Some(HOST_HEADER_ONLY)),
                ("ErrorCachingMinTTL 502", Some("0")),
            ]
        );
        let config = by_https(false).config("confctl-1").unwrap();
        assert_eq!(by_https(true).differences(&config).unwrap(), []);

        // What forwards more than the host stays, and so does somebody's own page for that error.
        let mut theirs = config.clone();
        let behavior = theirs.default_cache_behavior.as_mut().unwrap();
        behavior.origin_request_policy_id = Some(ALL_VIEWER.to_owned());
        let page = CustomErrorResponse::builder()
            .error_code(502)
            .response_page_path("/sorry.html")
            .response_code("502");
        let list = CustomErrorResponses::builder().quantity(1).items(page.build().unwrap());
        theirs.custom_error_responses = Some(list.build().unwrap());
        assert_eq!(by_https(true).differences(&theirs).unwrap(), []);

        // Back it goes where it is known that it was ours.
        let back = Wanted {
            way: OriginWay {
                was_https: true,
                ..IN_CLEAR
            },
            ..wanted(&cdn)
        };
        let mut again = config.clone();
        back.amend(&mut again).unwrap();
        let behavior = again.default_cache_behavior.as_ref().unwrap();
        assert_eq!(behavior.origin_request_policy_id, None);
        let left = again.custom_error_responses.as_ref().unwrap();
        assert_eq!((left.quantity, &left.items), (0, &None));
        assert_eq!(back.differences(&again).unwrap(), []);
        let mut kept = config;
        wanted(&cdn).amend(&mut kept).unwrap();
        assert_eq!(error_responses(&kept).len(), 1, "nobody remembers whose it is");
    }
}
