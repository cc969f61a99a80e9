//! The protocol AWS Query: a form that names action and version, an XML document back.
//! Must know nothing of services.
//!
//! Source: Smithy's page on awsQuery.

use std::fmt;

use aws_runtime::auth::SigningOptions;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::body::SdkBody;
use percent_encoding::utf8_percent_encode;
use serde::de::DeserializeOwned;

use super::client::{Call, Called, Client};
use super::{ESCAPED, xml};

/// A request as it is filled in.
#[derive(Debug)]
pub struct Form {
    action: &'static str,
    body: String,
}

impl Form {
    /// Of an operation, in the version of its service's API.
    pub fn new(action: &'static str, version: &str) -> Self {
        Self {
            action,
            body: format!("Action={action}&Version={version}"),
        }
    }

    pub fn text(mut self, name: &str, value: &str) -> Self {
        self.body
            .push_str(&format!("&{name}={}", utf8_percent_encode(value, ESCAPED)));
        self
    }

    /// A list, counted from 1.
    pub fn list<'a>(self, name: &str, values: impl IntoIterator<Item = &'a str>) -> Self {
        let numbered = values.into_iter().zip(1..);
        numbered.fold(self, |form, (value, number)| {
            form.text(&format!("{name}.member.{number}"), value)
        })
    }

    /// Calls the operation. `T` is the whole document, the `…Response` element.
    ///
    /// # Errors
    /// What the SDK's own clients give.
    pub async fn call<T>(self, client: &Client) -> Called<T>
    where
        T: DeserializeOwned + fmt::Debug + Send + Sync + 'static,
    {
        let request = http::Request::post("/")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(SdkBody::from(self.body));
        let call = Call {
            operation: self.action,
            endpoint: None,
            request: request.map_err(SdkError::construction_failure)?,
            signing: SigningOptions::default(),
            body_hash: None,
            patience: None,
        };
        client
            .call(call, |response: &HttpResponse| xml::read(response), xml::fault)
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_encoded_as_aws_counts_and_escapes() {
        let form = Form::new("DescribeLoadBalancers", "2015-12-01")
            .list("LoadBalancerArns", ["arn:aws:a/b", "ü"])
            .text("Marker", "a b+c");
        assert_eq!(
            form.body,
            "Action=DescribeLoadBalancers&Version=2015-12-01&LoadBalancerArns.member.1=arn%3Aaws%3Aa%2Fb\
             &LoadBalancerArns.member.2=%C3%BC&Marker=a%20b%2Bc"
        );
    }
}
