//! Invalidations: which kept responses the edge must forget, and from when.
//! Must know nothing of the edge's store. Source: CloudFront guide, Invalidation.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::Distribution;
use crate::{Refusal, ids};

/// From the creation of an invalidation until every edge has obeyed it.
const DURATION: SignedDuration = SignedDuration::from_secs(20);

/// Paths that may be invalidated at one time: all, and those with a wildcard.
const MOST_PATHS: usize = 3_000;
const MOST_WILDCARDS: usize = 15;

/// The longest path, in characters.
const LONGEST_PATH: usize = 4_000;

#[derive(Debug, Clone)]
pub struct Invalidation {
    pub id: String,
    pub caller_reference: String,
    pub paths: Vec<String>,
    pub created: Timestamp,
}

impl Invalidation {
    /// `InProgress` or `Completed`.
    pub fn status(&self, now: Timestamp) -> &'static str {
        if now >= self.completed() {
            "Completed"
        } else {
            "InProgress"
        }
    }

    /// From then on no edge serves what it kept before. Until then each may: who does not wait may see old pages, as on AWS.
    pub fn completed(&self) -> Timestamp {
        self.created + DURATION
    }

    /// Whether it names `path`, with the query as it is in the cache key. Case counts; a last `*` stands for anything.
    pub fn names(&self, path: &str) -> bool {
        self.paths.iter().any(|one| match one.strip_suffix('*') {
            Some(begin) => path.starts_with(begin),
            None => path == one,
        })
    }
}

impl Distribution {
    /// Creates an invalidation; the same reference with the same paths gives the one that there is.
    ///
    /// # Errors
    /// `InvalidArgument` for a wrong path or a reference that was used for other ones; `BatchTooLarge` and
    /// `TooManyInvalidationsInProgress` for too many paths.
    pub fn invalidate(
        &mut self,
        caller_reference: String,
        paths: Vec<String>,
        now: Timestamp,
    ) -> Result<Invalidation, Refusal> {
        let same = |one: &&Invalidation| one.caller_reference == caller_reference;
        match self.invalidations.iter().find(same) {
            Some(used) if used.paths == paths => return Ok(used.clone()),
            Some(_) => {
                let text = "Your request contains a caller reference that was used for a previous invalidation batch for \
                            the same distribution.";
                return Err(Refusal::new("InvalidArgument", text));
            }
            None => {}
        }
        self.check_paths(&paths, now)?;
        let made = Invalidation {
            id: format!("I{}", ids::capitals(25)),
            caller_reference,
            paths,
            created: now,
        };
        Arc::make_mut(&mut self.invalidations).push(made.clone());
        Ok(made)
    }

    fn check_paths(&self, paths: &[String], now: Timestamp) -> Result<(), Refusal> {
        let is_wrong = |path: &String| {
            let wildcard = path.find('*').is_some_and(|at| at + 1 < path.len());
            !path.starts_with('/') || wildcard || path.chars().count() > LONGEST_PATH
        };
        if paths.is_empty() || paths.iter().any(is_wrong) {
            let text = "Your request contains one or more invalid invalidation paths.";
            return Err(Refusal::new("InvalidArgument", text));
        }
        if paths.len() > MOST_PATHS {
            let text = "Invalidation batch specified is too large.";
            return Err(Refusal::with_status(413, "BatchTooLarge", text));
        }
        let running = self.invalidations.iter().filter(|one| now < one.completed());
        let all: Vec<&String> = running.flat_map(|one| &one.paths).chain(paths).collect();
        let wildcards = all.iter().filter(|path| path.ends_with('*')).count();
        if all.len() > MOST_PATHS || wildcards > MOST_WILDCARDS {
            let text = "Processing your request will cause you to exceed the maximum number of in-progress wildcard \
                        invalidations.";
            return Err(Refusal::new("TooManyInvalidationsInProgress", text));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn naming(path: &str) -> Invalidation {
        Invalidation {
            id: "I1".to_owned(),
            caller_reference: "1".to_owned(),
            paths: vec![path.to_owned()],
            created: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_path_names_one_file_and_a_last_star_all_that_begin_so() {
        assert!(naming("/images/a.jpg").names("/images/a.jpg"));
        assert!(!naming("/images/a.jpg").names("/images/a.jpg?size=1"));
        assert!(naming("/images/a.jpg*").names("/images/a.jpg?size=1"));
        assert!(naming("/*").names("/"));
        assert!(!naming("/Images/*").names("/images/a.jpg"));
    }
}
