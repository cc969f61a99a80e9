//! Figures that AWS publishes, each with its place, and guesses where it publishes none.
//! Knows no stack.

/// Of a new table on demand, at once (DynamoDB guide, warm-throughput).
pub const WARM_WRITES: f64 = 4_000.0;
/// Of one distribution (CloudFront guide, cloudfront-limits).
pub const CLOUDFRONT_REQUESTS: f64 = 250_000.0;
/// Bits a second of one distribution (same).
pub(crate) const CLOUDFRONT_BITS: f64 = 150e9;
/// Running On-Demand Standard instances, L-1216C47A, of a new account; others have more.
pub const NEW_ACCOUNT_VCPUS: f64 = 5.0;
/// Requests a second that a load balancer takes before it has grown. AWS publishes none; it grows by twice in five minutes.
pub(crate) const BALANCER_REQUESTS: f64 = 5_000.0;
/// Bits a second of an instance for as long as its credits for the network last, at least five minutes (EC2 guide,
/// ec2-instance-network-bandwidth).
pub(crate) const BURST_BITS: f64 = 5e9;
pub(crate) const BURST_SECONDS: f64 = 300.0;
/// Bytes of an answer to a registration with its headers.
pub(crate) const ANSWER_BYTES: f64 = 8_000.0;
/// Requests that a person makes: a page, three assets, and the form.
pub(crate) const REQUESTS: f64 = 5.0;
/// How full a machine may be that people wait for: beyond, the queue grows faster than the crowd.
pub(crate) const FULL: f64 = 0.7;
/// Dollars an hour of a hundred reserved capacity units, the fewest there are.
pub(crate) const RESERVED_HOUR: f64 = 0.80;

/// What is known of an instance type.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Machine {
    pub name: &'static str,
    pub vcpus: u32,
    /// Bits a second that it always has (DescribeInstanceTypes, BaselineBandwidthInGbps).
    pub baseline_bits: f64,
}

const MACHINES: &[Machine] = &[
    Machine {
        name: "t3.nano",
        vcpus: 2,
        baseline_bits: 32e6,
    },
    Machine {
        name: "t3.micro",
        vcpus: 2,
        baseline_bits: 64e6,
    },
    Machine {
        name: "t3.small",
        vcpus: 2,
        baseline_bits: 128e6,
    },
    Machine {
        name: "t3.medium",
        vcpus: 2,
        baseline_bits: 256e6,
    },
    Machine {
        name: "t3.large",
        vcpus: 2,
        baseline_bits: 512e6,
    },
    Machine {
        name: "t4g.micro",
        vcpus: 2,
        baseline_bits: 64e6,
    },
    Machine {
        name: "t4g.small",
        vcpus: 2,
        baseline_bits: 128e6,
    },
];

/// `None` for one of which nothing is known here.
pub fn machine(name: &str) -> Option<Machine> {
    MACHINES.iter().find(|machine| machine.name == name).copied()
}
