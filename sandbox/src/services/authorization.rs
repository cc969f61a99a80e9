//! What a role's temporary credentials may do: the app on an instance is denied here what IAM would deny it.
//! Must know nothing of operations but the names of their permissions. The account's own user may do everything.

use crate::protocols::call::{Call, Protocol, header};
use crate::protocols::cloudwatch;
use crate::world::Refusal;
use crate::world::iam::Iam;
use crate::world::iam::linked_roles::not_authorized;
use crate::world::iam::policy::{Context, request_context};

/// # Errors
/// `AccessDenied` in the service's own words.
pub(crate) fn authorize(iam: &Iam, account: &str, call: &Call) -> Result<(), Refusal> {
    let action = permission(call);
    if action == "sts:GetCallerIdentity" {
        return Ok(());
    }
    let acts_on = resources(iam, account, call).into_iter();
    let beside = copied(call).into_iter().chain(tagged(call));
    let mut needs = acts_on.map(|resource| (action.as_str(), resource)).chain(beside);
    let own = keys_of_the_service(call);
    let may =
        |(action, resource): &(&str, String)| iam.caller_can_so(&call.caller, &call.region, action, resource, &own);
    match needs.find(|need| !may(need)) {
        None => Ok(()),
        Some((action, resource)) => {
            let mut refusal = denied(call, action, &resource);
            let context = request_context(&call.caller, account, &call.region);
            if iam.organization_denies(action, &resource, &context) {
                refusal.message = denied_by_organization(&call.caller, action, &resource);
            }
            Err(refusal)
        }
    }
}

/// Condition keys that the service itself gives: what a query or a scan asks for, where it says that (DynamoDB developer guide,
/// specifying-conditions).
fn keys_of_the_service(call: &Call) -> Context {
    let selects = call.service == "dynamodb" && matches!(call.operation.as_str(), "Query" | "Scan");
    let body: serde_json::Value = match selects {
        true => serde_json::from_slice(&call.body).unwrap_or_default(),
        false => serde_json::Value::Null,
    };
    let select = body["Select"].as_str().map(str::to_owned);
    select
        .map(|select| ("dynamodb:select".to_owned(), vec![select]))
        .into_iter()
        .collect()
}

/// Who copies an object reads it, too (S3 API reference, CopyObject: "Permissions").
fn copied(call: &Call) -> Option<(&'static str, String)> {
    let source = header(&call.headers, "x-amz-copy-source").filter(|_| call.service == "s3")?;
    let path = source.split_once('?').map_or(source, |(path, _version)| path);
    let path = percent_encoding::percent_decode_str(path).decode_utf8_lossy();
    Some(("s3:GetObject", format!("arn:aws:s3:::{}", path.trim_start_matches('/'))))
}

/// Who makes something with tags tags it, too.
fn tagged(call: &Call) -> Option<(&'static str, String)> {
    let needs = match call.operation.as_str() {
        "CreateDistributionWithTags" => "cloudfront:TagResource",
        "RequestCertificate" => "acm:AddTagsToCertificate",
        _ => return None,
    };
    Some((needs, "*".to_owned()))
}

/// In the words of IAM (IAM user guide, troubleshoot_access-denied).
fn denied_by_organization(caller: &str, action: &str, resource: &str) -> String {
    format!(
        "User: {caller} is not authorized to perform: {action} on resource: {resource} with an explicit deny in a service \
         control policy"
    )
}

fn denied(call: &Call, action: &str, resource: &str) -> Refusal {
    let (status, code) = match call.protocol {
        Protocol::Json | Protocol::Cbor => (400, "AccessDeniedException"),
        Protocol::Ec2Query => (403, "UnauthorizedOperation"),
        _ => (403, "AccessDenied"),
    };
    Refusal::with_status(status, code, not_authorized(&call.caller, action, resource))
}

/// That an object is not there S3 tells only those who may list its bucket; to others the answer is that of a denial (S3 API:
/// GetObject, HeadObject).
pub(crate) fn may_know_what_is_missing(iam: &Iam, call: &Call) -> Result<(), Refusal> {
    let (bucket, _) = super::s3::target(&call.uri);
    let (action, resource) = ("s3:ListBucket", format!("arn:aws:s3:::{bucket}"));
    match iam.caller_can(&call.caller, &call.region, action, &resource) {
        true => Ok(()),
        false => Err(denied(call, action, &resource)),
    }
}

/// What a caller is told who may not.
pub(crate) fn denial(iam: &Iam, account: &str, call: &Call) -> Refusal {
    let resources = resources(iam, account, call);
    denied(call, &permission(call), resources.first().map_or("*", String::as_str))
}

/// How IAM's actions name the service that signatures name so.
pub(crate) fn permission_prefix(scope: &str) -> &str {
    match scope {
        "monitoring" => "cloudwatch",
        "tagging" => "tag",
        other => other,
    }
}

fn permission(call: &Call) -> String {
    let service = permission_prefix(&call.service);
    let operation = match (service, call.operation.as_str()) {
        ("s3", "HeadObject") => "GetObject",
        ("s3", "ListObjects" | "ListObjectsV2" | "HeadBucket") => "ListBucket",
        ("s3", "ListBuckets") => "ListAllMyBuckets",
        ("s3", "CreateMultipartUpload" | "UploadPart" | "CompleteMultipartUpload" | "CopyObject") => "PutObject",
        ("s3", "DeleteObjects") => "DeleteObject",
        // Its tags ask for cloudfront:TagResource beside (Service Authorization Reference).
        ("cloudfront", "CreateDistributionWithTags") => "CreateDistribution",
        (_, operation) => operation,
    };
    format!("{service}:{operation}")
}

/// What the call acts on, of which each has to be allowed (Service Authorization Reference).
fn resources(iam: &Iam, account: &str, call: &Call) -> Vec<String> {
    let resource = match call.service.as_str() {
        "dynamodb" => return tables(account, call),
        "iam" => identity(iam, account, call),
        "sts" => call.parameters().remove("RoleArn"),
        // By its name; the id before it nobody writes into a policy.
        "autoscaling" => named_group(call).map(|name| {
            let of = format!("arn:aws:autoscaling:{}:{account}:autoScalingGroup", call.region);
            format!("{of}:*:autoScalingGroupName/{name}")
        }),
        "monitoring" if call.operation == "PutMetricAlarm" => alarm(account, call),
        "elasticloadbalancing" => balancing(account, call),
        "s3" => {
            let path = percent_encoding::percent_decode_str(call.uri.path()).decode_utf8_lossy();
            Some(format!("arn:aws:s3:::{}", path.trim_matches('/')))
        }
        _ => None,
    };
    vec![resource.unwrap_or_else(|| "*".to_owned())]
}

/// Tags name their group in each of them; calls here are about one.
fn named_group(call: &Call) -> Option<String> {
    let mut parameters = call.parameters();
    let of_a_tag = parameters.remove("Tags.member.1.ResourceId");
    parameters.remove("AutoScalingGroupName").or(of_a_tag)
}

/// What a call to Elastic Load Balancing names; what is yet to be made by the name that it will have (Service Authorization Reference).
fn balancing(account: &str, call: &Call) -> Option<String> {
    let mut parameters = call.parameters();
    if call.operation == "CreateLoadBalancer" {
        let name = parameters.remove("Name")?;
        let region = &call.region;
        return Some(format!(
            "arn:aws:elasticloadbalancing:{region}:{account}:loadbalancer/app/{name}/*"
        ));
    }
    let named = [
        "ListenerArn",
        "RuleArn",
        "LoadBalancerArn",
        "TargetGroupArn",
        "ResourceArns.member.1",
        "RulePriorities.member.1.RuleArn",
    ];
    // Its reads are allowed for everything or nothing.
    let is_read = call.operation.starts_with("Describe");
    named
        .into_iter()
        .find_map(|name| parameters.remove(name))
        .filter(|_| !is_read)
}

/// The alarm that a call in any of CloudWatch's protocols makes.
fn alarm(account: &str, call: &Call) -> Option<String> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Named {
        alarm_name: String,
    }
    let Named { alarm_name } = cloudwatch::decode(call).ok()?;
    Some(format!(
        "arn:aws:cloudwatch:{}:{account}:alarm:{alarm_name}",
        call.region
    ))
}

/// The tables, and for some operations backups, that a call names.
fn tables(account: &str, call: &Call) -> Vec<String> {
    let body: serde_json::Value = serde_json::from_slice(&call.body).unwrap_or_default();
    let text = |member: &str| body[member].as_str().map(str::to_owned);
    let several = body["RequestItems"]
        .as_object()
        .into_iter()
        .flat_map(|tables| tables.keys().cloned());
    let single = ["TableName", "ResourceArn", "BackupArn"].into_iter().find_map(text);
    let arn = |name: String| match name.starts_with("arn:") {
        true => name,
        false => format!("arn:aws:dynamodb:{}:{account}:table/{name}", call.region),
    };
    let named: Vec<_> = single.into_iter().chain(several).map(arn).collect();
    match named.is_empty() {
        true => vec!["*".to_owned()],
        false => named,
    }
}

/// The ARN of the role or instance profile that a call names. It has the path that it was made with.
fn identity(iam: &Iam, account: &str, call: &Call) -> Option<String> {
    let parameters = call.parameters();
    let made = |kind: &str, name: &str| {
        let path = parameters.get("Path").map_or("/", String::as_str);
        format!("arn:aws:iam::{account}:{kind}{path}{name}")
    };
    // A call that names both, as AddRoleToInstanceProfile, is about the profile.
    if let Some(name) = parameters.get("InstanceProfileName") {
        let known = iam.instance_profile(name).map(|profile| profile.arn.clone());
        return Some(known.unwrap_or_else(|| made("instance-profile", name)));
    }
    let name = parameters.get("RoleName")?;
    let known = iam.role(name).map(|role| role.arn.clone());
    Some(known.unwrap_or_else(|| made("role", name)))
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
        call(caller, "dynamodb", "PutItem", r#"{"TableName":"users"}"#)
    }

    fn call(caller: &str, service: &str, operation: &str, body: &'static str) -> Call {
        Call {
            request_id: "r".to_owned(),
            service: service.to_owned(),
            region: "us-east-1".to_owned(),
            protocol: if service == "iam" {
                Protocol::Query
            } else {
                Protocol::Json
            },
            operation: operation.to_owned(),
            caller: caller.to_owned(),
            method: Method::POST,
            uri: Uri::from_static("/"),
            headers: HeaderMap::new(),
            body: Bytes::from_static(body.as_bytes()),
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

    #[test]
    fn a_search_by_tags_has_a_permission_of_its_own() {
        let mut iam = Iam::default();
        let caller = who_may(&mut iam, "tag:GetResources", "*");
        let may = |operation: &str| authorize(&iam, ACCOUNT, &call(&caller, "tagging", operation, "{}"));
        assert_eq!(may("GetResources"), Ok(()));
        let refusal = may("GetTagKeys").unwrap_err();
        assert_eq!((refusal.code.as_str(), refusal.status), ("AccessDeniedException", 400));
        assert!(refusal.message.contains("tag:GetTagKeys"), "{refusal}");
    }

    #[test]
    fn a_group_and_an_alarm_are_meant_by_their_names() {
        let mut iam = Iam::default();
        let group = "arn:aws:autoscaling:*:*:autoScalingGroup:*:autoScalingGroupName/awseb-e-*";
        let caller = who_may(&mut iam, "autoscaling:*", group);
        let may = |body: &'static str| {
            let mut call = call(&caller, "autoscaling", "UpdateAutoScalingGroup", body);
            call.protocol = Protocol::Query;
            authorize(&iam, ACCOUNT, &call)
        };
        assert_eq!(may("AutoScalingGroupName=awseb-e-1-stack-x"), Ok(()));
        assert!(
            may("AutoScalingGroupName=theirs")
                .unwrap_err()
                .message
                .contains("autoScalingGroupName/theirs")
        );

        let mut iam = Iam::default();
        let caller = who_may(
            &mut iam,
            "cloudwatch:PutMetricAlarm",
            "arn:aws:cloudwatch:*:*:alarm:awseb-*",
        );
        let may = |body: &'static str| authorize(&iam, ACCOUNT, &call(&caller, "monitoring", "PutMetricAlarm", body));
        assert_eq!(may(r#"{"AlarmName":"awseb-high"}"#), Ok(()));
        assert!(
            may(r#"{"AlarmName":"theirs"}"#)
                .unwrap_err()
                .message
                .contains("alarm:theirs")
        );
    }

    /// A role's session that may do `action` on `resource`.
    fn who_may(iam: &mut Iam, action: &str, resource: &str) -> String {
        let new = NewRole {
            name: "app".to_owned(),
            trust: r#"{"Statement":[]}"#.to_owned(),
            ..NewRole::default()
        };
        iam.create_role(ACCOUNT, Timestamp::UNIX_EPOCH, new).unwrap();
        let policy = format!(r#"{{"Statement":{{"Effect":"Allow","Action":"{action}","Resource":"{resource}"}}}}"#);
        iam.put_inline("app", "only", &policy).unwrap();
        "arn:aws:sts::123456789012:assumed-role/app/me".to_owned()
    }

    #[test]
    fn a_role_of_one_table_may_do_with_it_whatever_names_it_and_nothing_with_others() {
        let mut iam = Iam::default();
        let caller = who_may(
            &mut iam,
            "dynamodb:*",
            "arn:aws:dynamodb:us-east-1:123456789012:table/users",
        );
        let may =
            |operation: &str, body: &'static str| authorize(&iam, ACCOUNT, &call(&caller, "dynamodb", operation, body));
        assert_eq!(may("BatchWriteItem", r#"{"RequestItems":{"users":[]}}"#), Ok(()));
        let arn = r#"{"ResourceArn":"arn:aws:dynamodb:us-east-1:123456789012:table/users"}"#;
        assert_eq!(may("TagResource", arn), Ok(()));
        assert_eq!(may("ListTagsOfResource", arn), Ok(()));
        let both = may("BatchWriteItem", r#"{"RequestItems":{"users":[],"others":[]}}"#);
        assert!(both.unwrap_err().message.contains("table/others"));
        let denied = may("ListTables", "{}").unwrap_err();
        assert!(
            denied.message.contains("to perform: dynamodb:ListTables"),
            "{}",
            denied.message
        );
    }

    #[test]
    fn who_may_only_count_may_not_read() {
        let mut iam = Iam::default();
        let caller = who_may(&mut iam, "dynamodb:PutItem", "*");
        let counts = r#"{"Statement":{"Effect":"Allow","Action":"dynamodb:Scan","Resource":"*",
            "Condition":{"StringEquals":{"dynamodb:Select":"COUNT"}}}}"#;
        iam.put_inline("app", "counts", counts).unwrap();
        let may = |body: &'static str| authorize(&iam, ACCOUNT, &call(&caller, "dynamodb", "Scan", body)).is_ok();
        assert!(may(r#"{"TableName":"users","Select":"COUNT"}"#));
        assert!(!may(r#"{"TableName":"users","Select":"ALL_ATTRIBUTES"}"#));
        assert!(!may(r#"{"TableName":"users"}"#));
    }

    #[test]
    fn a_role_is_meant_with_the_path_that_it_has_or_is_to_have() {
        let mut iam = Iam::default();
        let caller = who_may(&mut iam, "iam:*", "arn:aws:iam::123456789012:role/ours/*");
        let may =
            |operation: &str, body: &'static str| authorize(&iam, ACCOUNT, &call(&caller, "iam", operation, body));
        assert_eq!(
            may("CreateRole", "Action=CreateRole&RoleName=x&Path=%2Fours%2F"),
            Ok(())
        );
        let denied = may("CreateRole", "Action=CreateRole&RoleName=x").unwrap_err();
        assert!(
            denied.message.contains("arn:aws:iam::123456789012:role/x"),
            "{}",
            denied.message
        );
        let new = NewRole {
            name: "theirs".to_owned(),
            path: Some("/ours/".to_owned()),
            trust: r#"{"Statement":[]}"#.to_owned(),
            ..NewRole::default()
        };
        iam.create_role(ACCOUNT, Timestamp::UNIX_EPOCH, new).unwrap();
        let read = call(&caller, "iam", "GetRole", "Action=GetRole&RoleName=theirs");
        assert_eq!(authorize(&iam, ACCOUNT, &read), Ok(()));
    }

    #[test]
    fn who_copies_an_object_must_be_allowed_to_read_it() {
        let mut iam = Iam::default();
        let caller = who_may(&mut iam, "s3:*", "arn:aws:s3:::bucket/mine/*");
        let copy = |source: &'static str| {
            let mut copy = call(&caller, "s3", "CopyObject", "");
            copy.uri = Uri::from_static("/bucket/mine/copy");
            copy.protocol = Protocol::S3;
            copy.headers.insert("x-amz-copy-source", source.parse().unwrap());
            authorize(&iam, ACCOUNT, &copy)
        };
        assert_eq!(copy("/bucket/mine/x"), Ok(()));
        assert_eq!(copy("bucket/mine/x?versionId=1"), Ok(()));
        for secret in ["/bucket/secret/x", "bucket%2Fsecret/x"] {
            let denied = copy(secret).unwrap_err();
            assert!(
                denied
                    .message
                    .contains("s3:GetObject on resource: arn:aws:s3:::bucket/secret/x"),
                "{denied}"
            );
        }
    }
}
