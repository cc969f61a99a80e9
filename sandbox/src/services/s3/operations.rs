//! What of S3's API is here: the table of operations, which of them a request is, and what it holds.
//! Must know nothing of how objects are kept.

use http::{HeaderMap, Method, Uri};
use serde_json::{Map, Value};

use super::target;
use crate::protocols::call::Call;
use crate::protocols::{document, xml};
use crate::services::Operation;

pub(crate) const TITLE: &str = "S3";

/// One backend runs all of them.
const fn operation(name: &'static str, honoured: &'static [&'static str]) -> Operation {
    Operation { name, honoured }
}

/// How a body's checksum may be made; each is checked before S3 sees the body.
const SUMS: &str = "x-amz-checksum-crc32,x-amz-checksum-crc32c,x-amz-checksum-crc64nvme,x-amz-checksum-sha1,\
     x-amz-checksum-sha256";
/// Of the whole object, where that is put together here: kept by nobody.
const WHOLE_SUMS: &str =
    "x-amz-checksum-crc32~,x-amz-checksum-crc32c~,x-amz-checksum-crc64nvme~,x-amz-checksum-sha256~";
/// What is the default of every bucket.
const DEFAULTS: &str = "x-amz-storage-class=STANDARD,x-amz-acl=private|bucket-owner-full-control,\
     x-amz-server-side-encryption=AES256,content-encoding=aws-chunked";
const CONDITIONS: &str = "if-match,if-none-match,if-modified-since,if-unmodified-since";

/// The operations that the sandbox has, and the headers, queries and elements of bodies that it honours; the backend knows
/// more, without effect.
pub(crate) const OPERATIONS: &[Operation] = &[
    operation("AbortMultipartUpload", &["uploadId"]),
    operation(
        "CompleteMultipartUpload",
        &[
            "uploadId",
            "if-match,if-none-match",
            WHOLE_SUMS,
            "x-amz-checksum-type~",
            "x-amz-mp-object-size~",
            "CompleteMultipartUpload{Part{ETag,PartNumber,ChecksumCRC32~,ChecksumCRC32C~,ChecksumCRC64NVME~,\
             ChecksumSHA1~,ChecksumSHA256~}}",
        ],
    ),
    operation(
        "CopyObject",
        &[
            "x-amz-copy-source",
            "x-amz-copy-source-if-match,x-amz-copy-source-if-none-match",
            "x-amz-copy-source-if-modified-since,x-amz-copy-source-if-unmodified-since",
            "if-match,if-none-match",
            "x-amz-metadata-directive=COPY",
            "x-amz-checksum-algorithm~",
            DEFAULTS,
        ],
    ),
    operation(
        "CreateBucket",
        &[
            "CreateBucketConfiguration{LocationConstraint}",
            "x-amz-acl=private",
            "x-amz-object-ownership=BucketOwnerEnforced",
        ],
    ),
    operation(
        "CreateMultipartUpload",
        &[
            "content-type",
            "x-amz-meta-{*}",
            "x-amz-checksum-algorithm~",
            "x-amz-checksum-type~",
            DEFAULTS,
        ],
    ),
    operation("DeleteBucket", &[]),
    operation("DeleteBucketPolicy", &[]),
    operation(
        "DeleteObject",
        &[
            "versionId",
            "if-match",
            "x-amz-if-match-last-modified-time,x-amz-if-match-size",
        ],
    ),
    operation("DeleteObjectTagging", &[]),
    operation(
        "DeleteObjects",
        &["Delete{Object{Key,VersionId},Quiet}", "content-md5~", SUMS],
    ),
    operation("GetBucketLocation", &[]),
    operation("GetBucketPolicy", &[]),
    operation("GetBucketTagging", &[]),
    operation("GetBucketVersioning", &[]),
    operation("GetObject", &["versionId", "range", CONDITIONS, "x-amz-checksum-mode~"]),
    operation("GetObjectTagging", &[]),
    operation("HeadBucket", &[]),
    operation(
        "HeadObject",
        &["versionId", "range", CONDITIONS, "x-amz-checksum-mode~"],
    ),
    operation("ListBuckets", &[]),
    operation("ListMultipartUploads", &["prefix", "encoding-type~"]),
    operation(
        "ListObjectVersions",
        &["prefix", "delimiter", "max-keys", "encoding-type~"],
    ),
    operation(
        "ListObjects",
        &["prefix", "delimiter", "max-keys", "marker", "encoding-type~"],
    ),
    operation(
        "ListObjectsV2",
        &[
            "prefix",
            "delimiter",
            "max-keys",
            "continuation-token",
            "start-after",
            "fetch-owner=false",
            "encoding-type~",
        ],
    ),
    operation("ListParts", &["uploadId"]),
    operation("PutBucketPolicy", &["content-md5~", SUMS]),
    operation(
        "PutBucketTagging",
        &["Tagging{TagSet{Key,Value}}", "content-md5~", SUMS],
    ),
    operation(
        "PutBucketVersioning",
        &["VersioningConfiguration{Status}", "content-md5~", SUMS],
    ),
    operation(
        "PutObject",
        &[
            "content-type",
            "x-amz-meta-{*}",
            "x-amz-tagging",
            "if-match,if-none-match",
            "content-md5~",
            SUMS,
            DEFAULTS,
        ],
    ),
    operation(
        "PutObjectTagging",
        &["Tagging{TagSet{Key,Value}}", "content-md5~", SUMS],
    ),
    operation("UploadPart", &["partNumber", "uploadId", "content-md5~", SUMS]),
];

/// Headers that are members of requests, besides those of S3's own.
const ENTITY: &[&str] = &[
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-md5",
    "expires",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-unmodified-since",
    "range",
];

/// Headers and queries that all requests may have: of the signature, of the framing, and the owner, who is always checked.
const COMMON: &[&str] = &[
    "x-amz-algorithm",
    "x-amz-content-sha256",
    "x-amz-credential",
    "x-amz-date",
    "x-amz-decoded-content-length",
    "x-amz-expected-bucket-owner",
    "x-amz-expires",
    "x-amz-sdk-checksum-algorithm",
    "x-amz-security-token",
    "x-amz-signature",
    "x-amz-signedheaders",
    "x-amz-trailer",
    "x-amz-user-agent",
    // Names of operations that routing goes by.
    "delete",
    "list-type",
    "uploads",
    "versions",
    "x-id",
];

/// Prefix of the user's own metadata.
const METADATA: &str = "x-amz-meta-";

/// What a request of `operation` holds: headers and queries by their names, and the elements of its body.
pub(super) fn members(call: &Call, operation: &Operation) -> Value {
    let Value::Object(mut members) = document::of(call) else {
        return Value::Null;
    };
    let of_s3 = |name: &str| name.starts_with("x-amz-") || ENTITY.contains(&name);
    let has_content = matches!(operation.name, "PutObject" | "CopyObject" | "CreateMultipartUpload");
    let named = |name| (of_s3(name) || has_content && name == "content-type").then_some(name);
    members.extend(document::headers(&call.headers, named));
    members.retain(|name, _| {
        let name = name.to_ascii_lowercase();
        !COMMON.contains(&name.as_str()) && !SUBRESOURCES.iter().any(|(subresource, ..)| *subresource == name)
    });
    let (metadata, mut members): (Map<_, _>, Map<_, _>) =
        members.into_iter().partition(|(name, _)| name.starts_with(METADATA));
    if !metadata.is_empty() {
        members.insert(METADATA.to_owned(), metadata.into());
    }
    if operation
        .honoured
        .iter()
        .any(|member| member.starts_with(char::is_uppercase))
    {
        members.extend(xml::members(&call.body));
    }
    Value::Object(members)
}

/// Query parameters that choose an operation, and the noun of its name for a bucket and for an object.
const SUBRESOURCES: &[(&str, &str, &str)] = &[
    ("abac", "BucketAbac", ""),
    ("accelerate", "BucketAccelerateConfiguration", ""),
    ("acl", "BucketAcl", "ObjectAcl"),
    ("analytics", "BucketAnalyticsConfiguration", ""),
    ("attributes", "", "ObjectAttributes"),
    ("cors", "BucketCors", ""),
    ("encryption", "BucketEncryption", "ObjectEncryption"),
    ("intelligent-tiering", "BucketIntelligentTieringConfiguration", ""),
    ("inventory", "BucketInventoryConfiguration", ""),
    ("legal-hold", "", "ObjectLegalHold"),
    ("lifecycle", "BucketLifecycleConfiguration", ""),
    ("location", "BucketLocation", ""),
    ("logging", "BucketLogging", ""),
    ("metadataConfiguration", "BucketMetadataConfiguration", ""),
    (
        "metadataInventoryTable",
        "BucketMetadataInventoryTableConfiguration",
        "",
    ),
    ("metadataJournalTable", "BucketMetadataJournalTableConfiguration", ""),
    ("metadataTable", "BucketMetadataTableConfiguration", ""),
    ("metrics", "BucketMetricsConfiguration", ""),
    ("notification", "BucketNotificationConfiguration", ""),
    ("object-lock", "ObjectLockConfiguration", ""),
    ("ownershipControls", "BucketOwnershipControls", ""),
    ("policy", "BucketPolicy", ""),
    ("policyStatus", "BucketPolicyStatus", ""),
    ("publicAccessBlock", "PublicAccessBlock", ""),
    ("renameObject", "", "RenameObject"),
    ("replication", "BucketReplication", ""),
    ("requestPayment", "BucketRequestPayment", ""),
    ("restore", "", "RestoreObject"),
    ("retention", "", "ObjectRetention"),
    ("select", "", "SelectObjectContent"),
    ("session", "CreateSession", ""),
    ("tagging", "BucketTagging", "ObjectTagging"),
    ("torrent", "", "ObjectTorrent"),
    ("versioning", "BucketVersioning", ""),
    ("website", "BucketWebsite", ""),
];

/// Configurations of which a bucket has several, by their ids.
const SEVERAL: &[&str] = &["analytics", "intelligent-tiering", "inventory", "metrics"];

/// The name of an operation on a subresource.
fn of_subresource(method: &Method, subresource: &str, noun: &str, has_id: bool) -> String {
    let verb = match (method.as_str(), noun) {
        // Names that have their verb, or none of the usual ones.
        (_, "RenameObject" | "RestoreObject" | "SelectObjectContent" | "CreateSession") => "",
        ("DELETE", "BucketLifecycleConfiguration") => return "DeleteBucketLifecycle".to_owned(),
        ("PUT", "ObjectEncryption") => "Update",
        ("PUT", _) if matches!(subresource, "metadataInventoryTable" | "metadataJournalTable") => "Update",
        ("GET", _) if SEVERAL.contains(&subresource) && !has_id => return format!("List{noun}s"),
        ("GET", _) => "Get",
        ("PUT", _) => "Put",
        ("POST", _) => "Create",
        ("DELETE", _) => "Delete",
        (other, _) => other,
    };
    format!("{verb}{noun}")
}

/// The operation that a request stands for, by AWS's name.
pub(crate) fn operation_name(method: &Method, uri: &Uri, headers: &HeaderMap) -> String {
    let (bucket, key) = target(uri);
    let query = uri.query().unwrap_or_default();
    let has = |name: &str| query.split('&').any(|pair| pair.split('=').next() == Some(name));
    if let Some((subresource, of_bucket, of_object)) = SUBRESOURCES.iter().find(|(name, ..)| has(name)) {
        let noun = if key.is_empty() { of_bucket } else { of_object };
        return of_subresource(method, subresource, noun, has("id"));
    }
    let copied = headers.contains_key("x-amz-copy-source");
    let name = match (method.as_str(), bucket.is_empty(), key.is_empty()) {
        ("GET", true, _) => "ListBuckets",
        ("GET", _, true) if has("uploads") => "ListMultipartUploads",
        ("GET", _, true) if has("versions") => "ListObjectVersions",
        ("GET", _, true) if has("list-type") => "ListObjectsV2",
        ("GET", _, true) => "ListObjects",
        ("HEAD", _, true) => "HeadBucket",
        ("PUT", _, true) => "CreateBucket",
        ("DELETE", _, true) => "DeleteBucket",
        ("POST", _, true) if has("delete") => "DeleteObjects",
        ("GET", _, _) if has("uploadId") => "ListParts",
        ("GET", _, _) => "GetObject",
        ("HEAD", _, _) => "HeadObject",
        ("PUT", _, _) if has("partNumber") && copied => "UploadPartCopy",
        ("PUT", _, _) if has("partNumber") => "UploadPart",
        ("PUT", _, _) if copied => "CopyObject",
        ("PUT", _, _) => "PutObject",
        ("DELETE", _, _) if has("uploadId") => "AbortMultipartUpload",
        ("DELETE", _, _) => "DeleteObject",
        ("POST", _, _) if has("uploads") => "CreateMultipartUpload",
        ("POST", _, _) if has("uploadId") => "CompleteMultipartUpload",
        _ => "OtherOperation",
    };
    name.to_owned()
}
