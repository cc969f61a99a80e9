//! CloudWatch: alarms and metrics. Source of names: botocore's model of cloudwatch, 2010-08-01, which has AWS JSON 1.0 among
//! its protocols.

use aws_config::SdkConfig;
use aws_smithy_types::DateTime;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::clients::Mode;
use crate::wire::members::{as_seconds, or_default, time};
use crate::wire::{Called, Client, Json, Service};

const SERVICE: Service = Service {
    id: "CloudWatch",
    signing_name: "monitoring",
    host: "monitoring",
};
const PROTOCOL: Json = Json {
    version: "1.0",
    target: "GraniteServiceVersion20100801",
    was_query: true,
};

#[derive(Debug, Clone)]
pub struct CloudWatch(Client);

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DescribeAlarmsAnswer {
    #[serde(default, deserialize_with = "or_default")]
    metric_alarms: Vec<MetricAlarm>,
}

/// An alarm with its state.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct MetricAlarm {
    #[serde(flatten)]
    pub settings: AlarmSettings,
    pub state_value: Option<String>,
    #[serde(default, deserialize_with = "time")]
    pub state_updated_timestamp: Option<DateTime>,
}

/// What PutMetricAlarm takes, all of it: it replaces the whole alarm.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct AlarmSettings {
    #[serde(deserialize_with = "or_default")]
    pub alarm_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alarm_description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actions_enabled: Option<bool>,
    #[serde(rename = "OKActions", deserialize_with = "or_default")]
    pub ok_actions: Vec<String>,
    #[serde(deserialize_with = "or_default")]
    pub alarm_actions: Vec<String>,
    #[serde(deserialize_with = "or_default")]
    pub insufficient_data_actions: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statistic: Option<String>,
    #[serde(deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub dimensions: Vec<Dimension>,
    /// Seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub period: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evaluation_periods: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comparison_operator: Option<String>,
    /// What only an alarm that somebody changed by hand has.
    #[serde(flatten)]
    pub seldom: SeldomSettings,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct SeldomSettings {
    #[serde(skip_serializing_if = "Option::is_none")]
    datapoints_to_alarm: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    treat_missing_data: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    extended_statistic: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    evaluate_low_sample_count_percentile: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metrics: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    threshold_metric_id: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    evaluation_criteria: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    evaluation_interval: Option<Value>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Dimension {
    pub name: String,
    pub value: String,
}

/// What GetMetricStatistics is asked.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetMetricStatistics<'a> {
    pub namespace: Option<&'a str>,
    pub metric_name: Option<&'a str>,
    pub dimensions: &'a [Dimension],
    pub statistics: Vec<&'a str>,
    /// Seconds.
    pub period: i32,
    #[serde(serialize_with = "as_seconds")]
    pub start_time: DateTime,
    #[serde(serialize_with = "as_seconds")]
    pub end_time: DateTime,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetMetricStatisticsAnswer {
    #[serde(default, deserialize_with = "or_default")]
    datapoints: Vec<Datapoint>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Datapoint {
    #[serde(default, deserialize_with = "time")]
    pub timestamp: Option<DateTime>,
    pub average: Option<f64>,
    pub sum: Option<f64>,
}

impl CloudWatch {
    pub fn new(config: &SdkConfig, region: &str, mode: Mode) -> Self {
        Self(Client::new(config, SERVICE, region, mode))
    }

    /// The alarms of these names, at most 100; without any CloudWatch would give all of the account.
    ///
    /// # Errors
    /// What the SDK's own clients give.
    pub async fn describe_alarms(&self, names: &[&str]) -> Called<Vec<MetricAlarm>> {
        let answer: Called<DescribeAlarmsAnswer> = PROTOCOL
            .call(&self.0, "DescribeAlarms", &json!({"AlarmNames": names}))
            .await;
        Ok(answer?.metric_alarms)
    }

    /// # Errors
    /// What the SDK's own clients give.
    pub async fn put_metric_alarm(&self, alarm: &AlarmSettings) -> Called<IgnoredAny> {
        PROTOCOL.call(&self.0, "PutMetricAlarm", alarm).await
    }

    /// The points, oldest first: CloudWatch gives them in no order.
    ///
    /// # Errors
    /// What the SDK's own clients give.
    pub async fn get_metric_statistics(&self, asked: &GetMetricStatistics<'_>) -> Called<Vec<Datapoint>> {
        let answer: Called<GetMetricStatisticsAnswer> = PROTOCOL.call(&self.0, "GetMetricStatistics", asked).await;
        let mut points = answer?.datapoints;
        points.sort_by_key(|point| point.timestamp);
        Ok(points)
    }
}
