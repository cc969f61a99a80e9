//! The process's environment as confctl and the AWS SDK are to find it: a variable without a value is no variable.
//! Must run before anything reads it; must know nothing of what the variables mean.

use std::env;

/// Pipelines set variables to nothing where a value is missing: `env: AWS_ENDPOINT_URL: ${{ vars.ENDPOINT }}`.
const OURS_AND_AWS: [&str; 2] = ["CONFCTL_", "AWS_"];

/// A guard: taken for unset, it would let through what it was set to stop.
pub const ACCOUNT: &str = "CONFCTL_ACCOUNT";

/// Takes empty variables out of the environment. The AWS CLI and boto3 take them for unset; the SDK for Rust takes some at
/// their word, and an empty AWS_ENDPOINT_URL ends in a panic in aws-smithy-types.
///
/// To be called once, first of all in `main`.
#[expect(unsafe_code, reason = "the environment can be changed in no other way")]
pub fn forget_empty() {
    let empty = env::vars_os().filter(|(name, value)| {
        let name = name.to_string_lossy();
        value.is_empty() && name != ACCOUNT && OURS_AND_AWS.iter().any(|prefix| name.starts_with(prefix))
    });
    for (name, _) in empty.collect::<Vec<_>>() {
        // SAFETY: this is the only thread: `main` has done nothing yet.
        unsafe { env::remove_var(name) };
    }
}
