//! Parts of the world that readers see as they were some time ago, as AWS's own readers may: what was made is not there
//! yet, what was deleted still is. Must know nothing of what the parts are.
//!
//! Off by default (`State::settling` is zero). Which parts are so follows what AWS says of each service:
//! - IAM: "changes that you make in IAM … take time to become visible from all possible endpoints" (IAM guide,
//!   troubleshoot_general); other services are told later still (github.com/hashicorp/terraform/issues/15341).
//! - EC2: "if you run a command to modify or describe the resource that you just created, its ID might not have propagated
//!   throughout the system, and you will get an error responding that the resource does not exist" (EC2 developer guide,
//!   eventual-consistency).
//! - DynamoDB: DescribeTable "uses an eventually consistent query, and the metadata for your table might not be available at
//!   that moment" (API reference); tags may read as before (TagResource).
//! - ACM: "you might have to wait several seconds" from RequestCertificate until a certificate can be described (API reference).
//! - CloudFront: a read straight after a write may be stale (guide, distribution-web-values-specify).
//! - WAF: changes take "a few seconds to a number of minutes" to spread (API reference, AssociateWebACL).
//! - Elastic Beanstalk: no word of AWS's; tags, which other services store, and the listing of new environments.

use std::collections::VecDeque;
use std::ops::{Deref, DerefMut};

use jiff::Timestamp;

/// Something with its past: used directly it is as it is, by [`Settling::seen`] as readers see it.
#[derive(Debug, Clone, Default)]
pub struct Settling<T> {
    is: T,
    /// Oldest first: when it was changed, and what it was until then.
    was: VecDeque<(Timestamp, T)>,
}

impl<T: Clone> Settling<T> {
    /// Made at that time: before it there was `nothing`.
    pub(crate) fn made(is: T, nothing: T, at: Timestamp) -> Self {
        Self {
            is,
            was: VecDeque::from([(at, nothing)]),
        }
    }

    /// Keeps what it is, for readers, before it is changed at that time. Forgets what nobody sees any more.
    pub fn keep(&mut self, now: Timestamp, as_of: Timestamp) {
        while self.was.front().is_some_and(|(changed, _)| *changed <= as_of) {
            self.was.pop_front();
        }
        if as_of < now {
            self.was.push_back((now, self.is.clone()));
        }
    }

    /// What it was at that time.
    pub fn seen(&self, as_of: Timestamp) -> &T {
        let later = self.was.iter().find(|(changed, _)| *changed > as_of);
        later.map_or(&self.is, |(_, was)| was)
    }
}

impl<T> Deref for Settling<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.is
    }
}

impl<T> DerefMut for Settling<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.is
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn readers_see_each_change_late_and_in_its_order() {
        let mut number = Settling::made(1, 0, second(10));
        number.keep(second(20), second(0));
        *number = 2;
        let at = |time| *number.seen(second(time));
        assert_eq!([at(5), at(10), at(19), at(20)], [0, 1, 1, 2]);
        assert_eq!(*number, 2);
    }

    #[test]
    fn nothing_is_kept_where_readers_see_everything_at_once() {
        let mut number = Settling::<i32>::default();
        number.keep(second(20), second(20));
        *number = 2;
        assert_eq!(*number.seen(second(20)), 2);
        assert!(number.was.is_empty());
    }
}
