//! What a role's temporary credentials may do: the app on an instance is denied here what IAM would deny it.
//! Must know nothing of operations but the names of their permissions. The account's own user may do everything.

use crate::gateway::call::{Call, Protocol};
use crate::world::{Refusal, World};

/// # Errors
/// `AccessDenied` in the service's own words.
pub(crate) fn authorize(world: &World, call: &Call) -> Result<(), Refusal> {
    let Some(role) = assumed_role(&call.caller) else {
        return Ok(());
    };
    let action = permission(call);
    if action == "sts:GetCallerIdentity" {
        return Ok(());
    }
    let state = world.lock();
    let resource = resource(call, &state.account);
    if state.iam.role_can(role, &action, &resource) {
        return Ok(());
    }
    let (status, code) = match call.protocol {
        Protocol::Json | Protocol::Cbor => (400, "AccessDeniedException"),
        Protocol::Ec2Query => (403, "UnauthorizedOperation"),
        _ => (403, "AccessDenied"),
    };
    let message = format!(
        "User: {} is not authorized to perform: {action} on resource: {resource} because no identity-based policy \
         allows the {action} action",
        call.caller
    );
    Err(Refusal::with_status(status, code, message))
}

/// `arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION` → `ROLE`.
fn assumed_role(caller: &str) -> Option<&str> {
    caller.split(":assumed-role/").nth(1)?.split('/').next()
}

fn permission(call: &Call) -> String {
    let service = match call.service.as_str() {
        "monitoring" => "cloudwatch",
        other => other,
    };
    let operation = match (service, call.operation.as_str()) {
        ("s3", "HeadObject") => "GetObject",
        ("s3", "ListObjects" | "ListObjectsV2" | "HeadBucket") => "ListBucket",
        ("s3", "ListBuckets") => "ListAllMyBuckets",
        ("s3", "CreateMultipartUpload" | "UploadPart" | "CompleteMultipartUpload" | "CopyObject") => "PutObject",
        ("s3", "DeleteObjects") => "DeleteObject",
        (_, operation) => operation,
    };
    format!("{service}:{operation}")
}

fn resource(call: &Call, account: &str) -> String {
    match call.service.as_str() {
        "dynamodb" => {
            let body: serde_json::Value = serde_json::from_slice(&call.body).unwrap_or_default();
            match body["TableName"].as_str() {
                Some(name) if name.starts_with("arn:") => name.to_owned(),
                Some(name) => format!("arn:aws:dynamodb:{}:{account}:table/{name}", call.region),
                None => "*".to_owned(),
            }
        }
        "s3" => {
            let path = percent_encoding::percent_decode_str(call.uri.path()).decode_utf8_lossy();
            format!("arn:aws:s3:::{}", path.trim_matches('/'))
        }
        _ => "*".to_owned(),
    }
}
