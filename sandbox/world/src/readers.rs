//! What those who read AWS's APIs go on seeing for a while: before a change, the parts of the world that it may touch are kept
//! as they are. Must know nothing of how they are kept; [`settling`](crate::settling) says which services are so, and why.

use jiff::Timestamp;

use crate::{State, World};

impl World {
    /// To be called before an operation of a service, both as AWS names them.
    pub fn keep_for_readers(&self, service: &str, operation: &str, region: &str) {
        if is_read(operation) {
            return;
        }
        let now = self.clock.now();
        self.lock().keep_for_readers(service, region, now);
    }
}

/// Whether an operation changes nothing: AWS's names tell.
fn is_read(operation: &str) -> bool {
    ["Describe", "Get", "List", "Simulate", "Check"]
        .iter()
        .any(|verb| operation.starts_with(verb))
}

impl State {
    fn keep_for_readers(&mut self, service: &str, region: &str, now: Timestamp) {
        let as_of = self.as_of(now);
        match service {
            "iam" => {
                // Other services are told later still.
                let oldest = self.as_of_elsewhere(now);
                self.iam.keep(now, oldest);
            }
            "cloudfront" => self.distributions.keep(now, as_of),
            "acm" => self.region(region).certificates.keep(now, as_of),
            "wafv2" => self.web_acls.keep(now, as_of),
            "ec2" => {
                let here = self.region(region);
                here.network.keep(now, as_of);
                here.compute.key_pairs.keep(now, as_of);
            }
            _ => {}
        }
    }
}
