//! CloudWatch's API: metrics. Of AWS, EC2 publishes here; clients publish their own.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use winterbaume_cloudwatch::model as m;

use super::super::order::in_no_order;
use super::super::page::page;
use super::dimensions;
use crate::protocols::call::{Answer, Call};
use crate::protocols::cloudwatch::{decode, encode};
use crate::world::monitoring::alarms::STATISTICS;
use crate::world::monitoring::metrics::{Metric, Point};
use crate::world::{Refusal, World};

pub(super) const GET_STATISTICS: &[&str] = &[
    "Namespace",
    "MetricName",
    "Dimensions{Name,Value}",
    "StartTime",
    "EndTime",
    "Period",
    "Statistics",
    "Unit",
];

pub(super) const GET_DATA: &[&str] = &[
    "MetricDataQueries{Id,Label,ReturnData,\
     MetricStat{Metric{Namespace,MetricName,Dimensions{Name,Value}},Period,Stat,Unit}}",
    "StartTime",
    "EndTime",
    "ScanBy",
    "MaxDatapoints",
];

/// Several values are several samples; how often each came would be `Counts`.
pub(super) const PUT: &[&str] = &[
    "Namespace",
    "MetricData{MetricName,Dimensions{Name,Value},Timestamp,Value,Values,Unit,StorageResolution=60}",
];

pub(super) const LIST: &[&str] = &[
    "Namespace",
    "MetricName",
    "Dimensions{Name,Value}",
    "RecentlyActive",
    "NextToken",
];

/// GetMetricStatistics returns no more.
const MOST_POINTS: usize = 1440;

/// Metrics in one answer of ListMetrics.
const PAGE: i32 = 500;

/// What `RecentlyActive` means: three hours.
const RECENT: i64 = 3 * 3600;

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new("InvalidParameterValue", message)
}

/// A span of time that is one, in seconds since the epoch.
fn span(start: f64, end: f64) -> Result<(Timestamp, Timestamp), Refusal> {
    let time = |seconds: f64| {
        Timestamp::from_millisecond((seconds * 1000.0) as i64).map_err(|_| invalid("The time is out of range."))
    };
    let (start, end) = (time(start)?, time(end)?);
    if start < end {
        Ok((start, end))
    } else {
        Err(Refusal::new(
            "InvalidParameterCombination",
            "The parameter StartTime must be less than the parameter EndTime.",
        ))
    }
}

fn period(seconds: i32) -> Result<i64, Refusal> {
    if seconds >= 60 && seconds % 60 == 0 {
        return Ok(seconds.into());
    }
    Err(invalid(
        "The parameter Period must be a multiple of 60; the sandbox has no metrics of high resolution.",
    ))
}

pub(super) fn get_statistics(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::GetMetricStatisticsInput = decode(call)?;
    let statistics = request.statistics.unwrap_or_default();
    if statistics.is_empty() || statistics.iter().any(|name| !STATISTICS.contains(&name.as_str())) {
        return Err(invalid(format!(
            "The parameter Statistics must hold some of {STATISTICS:?}."
        )));
    }
    let span = span(request.start_time, request.end_time)?;
    let metric = Metric {
        namespace: request.namespace,
        name: request.metric_name.clone(),
        dimensions: dimensions(request.dimensions),
    };
    let now = world.clock.now();
    let mut state = world.lock();
    let metrics = &state.region(&call.region).monitoring.metrics;
    let points = metrics.points(&metric, span, period(request.period)?, request.unit.as_deref(), now);
    if points.len() > MOST_POINTS {
        return Err(Refusal::new(
            "InvalidParameterCombination",
            format!(
                "You have requested up to {} datapoints, which exceeds the limit of {MOST_POINTS}. You may reduce the \
                 datapoints requested by increasing Period, or decreasing the time range.",
                points.len()
            ),
        ));
    }
    let view = |point: &Point| {
        let value = |name: &str| {
            let wanted = statistics.iter().any(|wanted| wanted == name);
            point.statistic(name).filter(|_| wanted)
        };
        m::Datapoint {
            average: value("Average"),
            maximum: value("Maximum"),
            minimum: value("Minimum"),
            sample_count: value("SampleCount"),
            sum: value("Sum"),
            timestamp: super::seconds(point.time),
            unit: Some(point.unit.to_owned()),
            ..m::Datapoint::default()
        }
    };
    let points = in_no_order(points.iter(), |point| point.time);
    let result = m::GetMetricStatisticsOutput {
        datapoints: Some(points.into_iter().map(view).collect()),
        label: Some(request.metric_name),
    };
    encode(call, &result, "GetMetricStatistics")
}

pub(super) fn put_data(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::PutMetricDataInput = decode(call)?;
    let namespace = request.namespace;
    if namespace.is_empty() || namespace.starts_with("AWS/") {
        return Err(invalid("The value AWS/ for parameter Namespace is invalid."));
    }
    let now = world.clock.now();
    let mut state = world.lock();
    let metrics = &mut state.region(&call.region).monitoring.metrics;
    for datum in request.metric_data.unwrap_or_default() {
        let values = match (datum.value, datum.values) {
            (Some(value), None) => vec![value],
            (None, Some(values)) if !values.is_empty() => values,
            _ => {
                let text = "Each of MetricData needs either a Value or Values.";
                return Err(Refusal::new("InvalidParameterCombination", text));
            }
        };
        let time = datum
            .timestamp
            .map(|seconds| Timestamp::from_millisecond((seconds * 1000.0) as i64));
        let time = time.transpose().map_err(|_| invalid("The time is out of range."))?;
        let metric = Metric {
            namespace: namespace.clone(),
            name: datum.metric_name,
            dimensions: dimensions(datum.dimensions),
        };
        metrics.put(&metric, &values, datum.unit.as_deref(), time.unwrap_or(now), now)?;
    }
    encode(call, &serde_json::Map::new(), "PutMetricData")
}

/// Metrics as they are; no metric math.
pub(super) fn get_data(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::GetMetricDataInput = decode(call)?;
    let span = span(request.start_time, request.end_time)?;
    let newest_first = request.scan_by.as_deref() != Some("TimestampAscending");
    let limit = request.max_datapoints.and_then(|limit| usize::try_from(limit).ok());
    let now = world.clock.now();
    let mut state = world.lock();
    let metrics = &state.region(&call.region).monitoring.metrics;
    let mut results = Vec::new();
    for query in request.metric_data_queries {
        let Some(wanted) = query.metric_stat else {
            return Err(invalid("Each query needs a MetricStat."));
        };
        if !STATISTICS.contains(&wanted.stat.as_str()) {
            return Err(super::super::not_implemented(format!(
                "the statistic '{}'",
                wanted.stat
            )));
        }
        let name = wanted.metric.metric_name.unwrap_or_default();
        let metric = Metric {
            namespace: wanted.metric.namespace.unwrap_or_default(),
            name: name.clone(),
            dimensions: dimensions(wanted.metric.dimensions),
        };
        let mut points = metrics.points(&metric, span, period(wanted.period)?, wanted.unit.as_deref(), now);
        if newest_first {
            points.reverse();
        }
        let is_cut = limit.is_some_and(|limit| points.len() > limit);
        points.truncate(limit.unwrap_or(usize::MAX));
        if query.return_data == Some(false) {
            continue;
        }
        results.push(m::MetricDataResult {
            id: Some(query.id),
            label: Some(query.label.unwrap_or(name)),
            status_code: Some(if is_cut { "PartialData" } else { "Complete" }.to_owned()),
            timestamps: Some(points.iter().filter_map(|point| super::seconds(point.time)).collect()),
            values: Some(
                points
                    .iter()
                    .filter_map(|point| point.statistic(&wanted.stat))
                    .collect(),
            ),
            ..m::MetricDataResult::default()
        });
    }
    let result = m::GetMetricDataOutput {
        messages: Some(Vec::new()),
        metric_data_results: Some(results),
        next_token: None,
    };
    encode(call, &result, "GetMetricData")
}

pub(super) fn list(world: &Arc<World>, call: &Call) -> Result<Answer, Refusal> {
    let request: m::ListMetricsInput = decode(call)?;
    let recently = match request.recently_active.as_deref() {
        None => None,
        Some("PT3H") => Some(RECENT),
        Some(_) => return Err(invalid("The parameter RecentlyActive must be PT3H.")),
    };
    let filters: Vec<(String, Option<String>)> = request
        .dimensions
        .unwrap_or_default()
        .into_iter()
        .map(|filter| (filter.name, filter.value))
        .collect();
    let passes = |dimensions: &BTreeMap<String, String>| {
        filters.iter().all(|(name, value)| {
            let found = dimensions.get(name);
            found.is_some_and(|found| value.as_ref().is_none_or(|value| value == found))
        })
    };
    let now = world.clock.now();
    let mut state = world.lock();
    let metrics = state.region(&call.region).monitoring.metrics.list();
    let wanted = metrics.filter(|(metric, newest)| {
        request.namespace.as_ref().is_none_or(|name| *name == metric.namespace)
            && request.metric_name.as_ref().is_none_or(|name| *name == metric.name)
            && passes(&metric.dimensions)
            && recently.is_none_or(|seconds| now.as_second() - newest.as_second() <= seconds)
    });
    let view = |(metric, _): (&Metric, Timestamp)| m::Metric {
        dimensions: Some(
            metric
                .dimensions
                .iter()
                .map(|(name, value)| m::Dimension {
                    name: name.clone(),
                    value: value.clone(),
                })
                .collect(),
        ),
        metric_name: Some(metric.name.clone()),
        namespace: Some(metric.namespace.clone()),
    };
    let (metrics, next_token) = page(wanted.map(view).collect(), Some(PAGE), request.next_token.as_deref())?;
    let result = m::ListMetricsOutput {
        metrics: Some(metrics),
        next_token,
        ..m::ListMetricsOutput::default()
    };
    encode(call, &result, "ListMetrics")
}
