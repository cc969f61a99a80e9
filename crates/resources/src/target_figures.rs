//! What CloudWatch counts of the requests that a load balancer forwards to a target group. Reads only. Must know nothing of what is
//! made of it.

use aws_smithy_types::DateTime;

use super::canary::Figures;
use crate::aws::Aws;
use crate::aws::errors::Explain;
use crate::aws::services::cloudwatch::{Dimension, GetMetricStatistics};
use crate::engine::Error;

/// ELB "measures and sends its metrics in 60-second intervals" (ELB guide, load-balancer-cloudwatch-metrics).
const PERIOD: i32 = 60;

/// Requests to a target group between two moments of AWS's time, of the minutes that CloudWatch has by now. Where nobody came there are
/// none, and where no target answered with 5xx there is no such metric.
pub(super) async fn figures(
    aws: &Aws,
    (load_balancer, target_group): (&str, &str),
    (since, until): (f64, f64),
) -> Result<Figures, Error> {
    let dimension = |name: &str, value: &str| Dimension {
        name: name.to_owned(),
        value: value.to_owned(),
    };
    let dimensions = [
        dimension("TargetGroup", end_of(target_group, ":targetgroup/", ":")),
        dimension(
            "LoadBalancer",
            end_of(load_balancer, ":loadbalancer/", ":loadbalancer/"),
        ),
    ];
    let sum = async |metric: &str| {
        let asked = GetMetricStatistics {
            namespace: Some("AWS/ApplicationELB"),
            metric_name: Some(metric),
            dimensions: &dimensions,
            statistics: vec!["Sum"],
            period: PERIOD,
            start_time: DateTime::from_secs_f64(since),
            end_time: DateTime::from_secs_f64(until),
        };
        let points = aws.cloudwatch.get_metric_statistics(&asked).await;
        let points = points.explain("read how the environments answered")?;
        Ok::<f64, Error>(points.iter().filter_map(|point| point.sum).sum())
    };
    let (requests, errors) = tokio::try_join!(sum("RequestCount"), sum("HTTPCode_Target_5XX_Count"))?;
    Ok(Figures { requests, errors })
}

/// The end of an ARN by which CloudWatch knows what it is of: `targetgroup/NAME/ID`, `app/NAME/ID`.
fn end_of<'a>(arn: &'a str, at: &str, after: &str) -> &'a str {
    arn.find(at).map_or(arn, |place| &arn[place + after.len()..])
}
