//! Members of JSON answers that AWS gives in more than one way.
//! Must know nothing of services.

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serializer};

/// `null` is taken for absent.
///
/// # Errors
/// Where it is something else.
pub fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// A time in seconds since 1970, as the JSON protocols give it.
///
/// # Errors
/// Where it is no time.
pub fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<DateTime>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Time {
        Seconds(f64),
        Text(String),
    }
    match Option::deserialize(deserializer)? {
        None => Ok(None),
        Some(Time::Seconds(seconds)) => Ok(Some(DateTime::from_secs_f64(seconds))),
        Some(Time::Text(text)) => DateTime::from_str(&text, Format::DateTimeWithOffset)
            .map(Some)
            .map_err(D::Error::custom),
    }
}

/// # Errors
/// Never.
pub(crate) fn as_seconds<S: Serializer>(time: &DateTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(time.as_secs_f64())
}
