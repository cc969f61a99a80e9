//! ACM. Source of names: botocore's model of acm, 2015-12-08.

use aws_config::SdkConfig;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::clients::Mode;
use crate::paging::Page;
use crate::wire::members::or_default;
use crate::wire::{Called, Client, Json, Service};

const SERVICE: Service = Service {
    id: "ACM",
    signing_name: "acm",
    host: "acm",
};
const PROTOCOL: Json = Json {
    version: "1.1",
    target: "CertificateManager",
    was_query: false,
};

/// Of every algorithm: "default filtering returns only RSA_1024 and RSA_2048 certificates" (Filters).
const KEY_TYPES: &[&str] = &[
    "RSA_1024",
    "RSA_2048",
    "RSA_3072",
    "RSA_4096",
    "EC_prime256v1",
    "EC_secp384r1",
    "EC_secp521r1",
];

#[derive(Debug, Clone)]
pub struct Acm(Client);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Tag {
    pub key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// What RequestCertificate is asked; it is validated by DNS.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct RequestCertificate<'a> {
    pub domain_name: &'a str,
    /// At least one where it is sent.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub subject_alternative_names: &'a [&'a str],
    pub idempotency_token: &'a str,
    pub validation_method: &'static str,
    pub tags: Vec<Tag>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RequestCertificateAnswer {
    certificate_arn: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DescribeCertificateAnswer {
    certificate: CertificateDetail,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CertificateDetail {
    pub certificate_arn: String,
    #[serde(default)]
    pub domain_name: String,
    #[serde(default, deserialize_with = "or_default")]
    pub subject_alternative_names: Vec<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub domain_validation_options: Vec<DomainValidation>,
    /// `PENDING_VALIDATION`, `ISSUED`, …
    #[serde(default)]
    pub status: String,
    pub failure_reason: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub in_use_by: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DomainValidation {
    pub domain_name: String,
    /// Some seconds after the request.
    pub resource_record: Option<ResourceRecord>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ResourceRecord {
    pub name: String,
    #[serde(rename = "Type")]
    pub kind: String,
    pub value: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListCertificatesAnswer {
    #[serde(default, deserialize_with = "or_default")]
    certificate_summary_list: Vec<CertificateSummary>,
    next_token: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CertificateSummary {
    pub certificate_arn: String,
    #[serde(default)]
    pub domain_name: String,
    #[serde(default, deserialize_with = "or_default")]
    pub subject_alternative_name_summaries: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListTagsForCertificateAnswer {
    #[serde(default, deserialize_with = "or_default")]
    tags: Vec<Tag>,
}

impl Acm {
    pub fn new(config: &SdkConfig, region: &str, mode: Mode) -> Self {
        Self(Client::new(config, SERVICE, region, mode))
    }

    /// Gives the new certificate's ARN, or that of the one that the same token asked for within the hour.
    ///
    /// # Errors
    /// What the SDK's own clients give.
    pub async fn request_certificate(&self, asked: &RequestCertificate<'_>) -> Called<String> {
        let answer: RequestCertificateAnswer = PROTOCOL.call(&self.0, "RequestCertificate", asked).await?;
        Ok(answer.certificate_arn)
    }

    /// # Errors
    /// `ResourceNotFoundException`, also for seconds after the request; else what the SDK's own clients give.
    pub async fn describe_certificate(&self, arn: &str) -> Called<CertificateDetail> {
        let input = json!({"CertificateArn": arn});
        let answer: DescribeCertificateAnswer = PROTOCOL.call(&self.0, "DescribeCertificate", &input).await?;
        Ok(answer.certificate)
    }

    /// A page of all certificates of the region, whatever their keys.
    ///
    /// # Errors
    /// What the SDK's own clients give.
    pub async fn list_certificates(&self, token: Option<String>) -> Called<Page<CertificateSummary>> {
        let mut input = json!({"Includes": {"keyTypes": KEY_TYPES}});
        if let Some(token) = token {
            input["NextToken"] = token.into();
        }
        let answer: ListCertificatesAnswer = PROTOCOL.call(&self.0, "ListCertificates", &input).await?;
        Ok(Page::new(answer.certificate_summary_list, answer.next_token))
    }

    /// # Errors
    /// What the SDK's own clients give.
    pub async fn list_tags_for_certificate(&self, arn: &str) -> Called<Vec<Tag>> {
        let input = json!({"CertificateArn": arn});
        let answer: ListTagsForCertificateAnswer = PROTOCOL.call(&self.0, "ListTagsForCertificate", &input).await?;
        Ok(answer.tags)
    }

    /// # Errors
    /// What the SDK's own clients give.
    pub async fn add_tags_to_certificate(&self, arn: &str, tags: &[Tag]) -> Called<IgnoredAny> {
        let input = json!({"CertificateArn": arn, "Tags": tags});
        PROTOCOL.call(&self.0, "AddTagsToCertificate", &input).await
    }

    /// Takes tags off; one with a value only where it has that.
    ///
    /// # Errors
    /// What the SDK's own clients give.
    pub async fn remove_tags_from_certificate(&self, arn: &str, tags: &[Tag]) -> Called<IgnoredAny> {
        let input = json!({"CertificateArn": arn, "Tags": tags});
        PROTOCOL.call(&self.0, "RemoveTagsFromCertificate", &input).await
    }

    /// # Errors
    /// `ResourceInUseException` while something has it, `ResourceNotFoundException`; else what the SDK's own clients give.
    pub async fn delete_certificate(&self, arn: &str) -> Called<IgnoredAny> {
        PROTOCOL
            .call(&self.0, "DeleteCertificate", &json!({"CertificateArn": arn}))
            .await
    }
}
