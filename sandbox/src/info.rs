//! What a running sandbox says of itself: where it is and who may use it.
//! Only data.

use serde::{Deserialize, Serialize};

/// What `sandbox.json` says of a running sandbox. The file is readable by its owner only.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Info {
    pub pid: u32,
    /// When the process started, in the kernel's clock ticks: a pid is used again.
    pub process_start: u64,
    pub port: u16,
    /// Twelve digits.
    pub account: String,
    /// What to use where a client has no region of its own.
    pub region: String,
    pub access_key_id: String,
    pub secret_access_key: String,
    /// For the sandbox's own endpoints, `/_sandbox/…`, in the header `x-sandbox-token`.
    pub token: String,
    pub time_scale: f64,
    /// Of the program that runs it.
    pub version: String,
    /// Real time, RFC 3339.
    pub started: String,
}

impl Info {
    /// Where the API is. An address and no name: clients take path-style S3 by themselves then.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}
