//! What a role's temporary credentials may do: the app on an instance is denied here what IAM would deny it.
//! Must know nothing of operations but the names of their permissions. The account's own user may do everything.

use crate::gateway::call::{Call, Protocol};
use crate::world::Refusal;
use crate::world::iam::Iam;
use crate::world::iam::linked_roles::not_authorized;

/// # Errors
/// `AccessDenied` in the service's own words.
pub(crate) fn authorize(iam: &Iam, account: &str, call: &Call) -> Result<(), Refusal> {
    let action = permission(call);
    if action == "sts:GetCallerIdentity" {
        return Ok(());
    }
    let resource = resource(call, account);
    if iam.caller_can(&call.caller, &call.region, &action, &resource) {
        return Ok(());
    }
    let (status, code) = match call.protocol {
        Protocol::Json | Protocol::Cbor => (400, "AccessDeniedException"),
        Protocol::Ec2Query => (403, "UnauthorizedOperation"),
        _ => (403, "AccessDenied"),
    };
    let message = not_authorized(&call.caller, &action, &resource);
    Err(Refusal::with_status(status, code, message))
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
        "iam" => {
            let parameters = call.parameters();
            let named = [("RoleName", "role"), ("InstanceProfileName", "instance-profile")];
            let named = named
                .iter()
                .find_map(|(member, kind)| Some((kind, parameters.get(*member)?)));
            named.map_or("*".to_owned(), |(kind, name)| {
                format!("arn:aws:iam::{account}:{kind}/{name}")
            })
        }
        "sts" => call.parameters().remove("RoleArn").unwrap_or_else(|| "*".to_owned()),
        "s3" => {
            let path = percent_encoding::percent_decode_str(call.uri.path()).decode_utf8_lossy();
            format!("arn:aws:s3:::{}", path.trim_matches('/'))
        }
        _ => "*".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, Method, Uri};
    use jiff::Timestamp;

    use super::*;
    use crate::world::iam::NewRole;

    const ACCOUNT: &str = "123456789012";

    fn put_item(caller: &str) -> Call {
        Call {
            request_id: "r".to_owned(),
            service: "dynamodb".to_owned(),
            region: "us-east-1".to_owned(),
            protocol: Protocol::Json,
            operation: "PutItem".to_owned(),
            caller: caller.to_owned(),
            method: Method::POST,
            uri: Uri::from_static("/"),
            headers: HeaderMap::new(),
            body: Bytes::from_static(br#"{"TableName":"users"}"#),
        }
    }

    #[test]
    fn an_app_may_write_to_its_table_once_its_role_allows_it() {
        let mut iam = Iam::default();
        let new = NewRole {
            name: "app".to_owned(),
            trust: r#"{"Statement":[]}"#.to_owned(),
            ..NewRole::default()
        };
        iam.create_role(ACCOUNT, Timestamp::UNIX_EPOCH, new).unwrap();
        let issued = iam.credentials.issue(ACCOUNT, "arn:aws:iam::123456789012:role/app");
        let caller = iam.credentials.holder(&issued.access_key_id).unwrap().arn.clone();
        let call = put_item(&caller);
        let refusal = authorize(&iam, ACCOUNT, &call).unwrap_err();
        assert_eq!((refusal.code.as_str(), refusal.status), ("AccessDeniedException", 400));
        iam.attach("app", "arn:aws:iam::aws:policy/AmazonDynamoDBFullAccess")
            .unwrap();
        assert_eq!(authorize(&iam, ACCOUNT, &call), Ok(()));
        let user = put_item("arn:aws:iam::123456789012:user/sandbox");
        assert_eq!(authorize(&iam, ACCOUNT, &user), Ok(()));
    }
}
