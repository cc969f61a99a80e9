//! Service quotas of a region: what the account may have at once.
//! Must know nothing of who counts against them.

/// Service and code of "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances", counted in vCPUs.
pub const STANDARD_VCPUS: (&str, &str) = ("ec2", "L-1216C47A");

#[derive(Debug)]
pub struct Quotas {
    /// vCPUs of running on-demand standard instances.
    pub standard_vcpus: f64,
}

/// One quota as Service Quotas shows it.
#[derive(Debug, PartialEq)]
pub struct Quota {
    pub service_name: &'static str,
    pub name: &'static str,
    pub value: f64,
}

impl Default for Quotas {
    fn default() -> Self {
        Self { standard_vcpus: 64.0 }
    }
}

impl Quotas {
    pub fn get(&self, service: &str, code: &str) -> Option<Quota> {
        ((service, code) == STANDARD_VCPUS).then_some(Quota {
            service_name: "Amazon Elastic Compute Cloud (Amazon EC2)",
            name: "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances",
            value: self.standard_vcpus,
        })
    }
}
