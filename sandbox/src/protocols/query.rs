//! Reads awsQuery and ec2Query parameters (`Filter.1.Value.2=…`) into request types by serde: generated ones, and EC2's.
//! The generated decoders look for names that no client sends (`Filters.Filter.1…`) and lose lists silently; this one
//! refuses what no member took.

use std::collections::{BTreeMap, HashMap};

use serde::de::{self, DeserializeOwned, DeserializeSeed, IntoDeserializer, MapAccess, SeqAccess, Visitor};

/// Why parameters are no request of an operation.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("the parameter '{0}' is missing")]
    Missing(&'static str),
    #[error("{0}")]
    Invalid(String),
}

impl de::Error for Error {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Self::Invalid(message.to_string())
    }

    fn missing_field(name: &'static str) -> Self {
        Self::Missing(name)
    }
}

/// Reads `parameters`, except `Action` and `Version`, as `T`.
///
/// # Errors
/// Where a value is not of the member's type, or a parameter has no member.
pub(crate) fn from_parameters<T: DeserializeOwned>(parameters: &HashMap<String, String>) -> Result<T, Error> {
    T::deserialize(&tree(parameters))
}

/// The parameters, except `Action` and `Version`, as one value: structures, lists and texts.
pub(crate) fn value(parameters: &HashMap<String, String>) -> serde_json::Value {
    tree(parameters).value()
}

fn tree(parameters: &HashMap<String, String>) -> Node {
    let mut root = Node::default();
    for (name, value) in parameters {
        if name == "Action" || name == "Version" {
            continue;
        }
        let mut node = &mut root;
        for part in name.split('.') {
            node = node.children.entry(part.to_owned()).or_default();
        }
        node.value = Some(value.clone());
    }
    root
}

/// A parameter's value, or the parameters below a dotted name.
#[derive(Default, Debug)]
struct Node {
    value: Option<String>,
    children: BTreeMap<String, Node>,
}

impl Node {
    fn is_list(&self) -> bool {
        !self.children.is_empty() && self.children.keys().all(|name| name.parse::<u32>().is_ok())
    }

    /// Where the numbers are: awsQuery writes lists as `Name.member.N`, ec2Query as `Name.N`; some clients send an empty
    /// list as `Name=`.
    fn list(&self) -> &Self {
        self.children
            .get("member")
            .filter(|_| self.children.len() == 1)
            .unwrap_or(self)
    }

    fn text(&self) -> &str {
        self.value.as_deref().unwrap_or_default()
    }

    fn value(&self) -> serde_json::Value {
        let list = self.list();
        if list.is_list() {
            return list.elements().into_iter().map(Node::value).collect();
        }
        if self.children.is_empty() {
            return self.text().into();
        }
        let members = self.children.iter();
        serde_json::Value::Object(members.map(|(name, node)| (name.clone(), node.value())).collect())
    }

    /// The elements in the order of their numbers.
    fn elements(&self) -> Vec<&Node> {
        let mut numbered: Vec<_> = self
            .children
            .iter()
            .map(|(name, node)| (name.parse::<u32>().unwrap_or(0), node))
            .collect();
        numbered.sort_by_key(|(number, _)| *number);
        numbered.into_iter().map(|(_, node)| node).collect()
    }
}

macro_rules! parsed {
    ($($method:ident as $type:ty),*) => { $(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            let text = self.text();
            let value: $type = text.parse().map_err(|_| de::Error::custom(format!("'{text}' is not a {}", stringify!($type))))?;
            value.into_deserializer().deserialize_any(visitor)
        }
    )* };
}

impl<'de> de::Deserializer<'de> for &Node {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.value {
            Some(text) => visitor.visit_str(text),
            None if self.is_list() => self.deserialize_seq(visitor),
            None => self.deserialize_map(visitor),
        }
    }

    parsed!(deserialize_i32 as i32, deserialize_i64 as i64, deserialize_f32 as f32);

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let text = self.text();
        // The generated types hold CloudWatch's timestamps as seconds; query clients send ISO 8601.
        let seconds = || {
            text.parse::<jiff::Timestamp>()
                .map(|time| time.as_nanosecond() as f64 / 1e9)
        };
        match text.parse::<f64>().or_else(|_| seconds()) {
            Ok(value) => visitor.visit_f64(value),
            Err(_) => Err(de::Error::custom(format!(
                "'{text}' is neither a number nor a timestamp"
            ))),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.text().to_ascii_lowercase().as_str() {
            "true" | "1" => visitor.visit_bool(true),
            "false" | "0" => visitor.visit_bool(false),
            other => Err(de::Error::custom(format!("'{other}' is not a boolean"))),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_seq(Elements(self.list().elements().into_iter()))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let members: Vec<_> = self.children.iter().map(|(name, node)| (name.clone(), node)).collect();
        visitor.visit_map(Members {
            rest: members.into_iter(),
            value: None,
        })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        // A generated list is a struct with one field; on the wire only its numbers are there, or `member` and numbers.
        if let [only] = fields
            && (self.list().is_list() || self.value.as_deref() == Some(""))
        {
            return visitor.visit_map(Members {
                rest: vec![((*only).to_owned(), self)].into_iter(),
                value: None,
            });
        }
        let mut members = Vec::new();
        for (name, node) in &self.children {
            // ec2Query capitalises the first letter of a name; the generated types keep the model's spelling.
            let field = fields
                .iter()
                .find(|field| field.eq_ignore_ascii_case(name))
                .ok_or_else(|| {
                    de::Error::custom(format!("the parameter '{name}' is not one that this operation takes"))
                })?;
            members.push(((*field).to_owned(), node));
        }
        visitor.visit_map(Members {
            rest: members.into_iter(),
            value: None,
        })
    }

    serde::forward_to_deserialize_any! {
        i8 i16 u8 u16 u32 u64 char str string bytes byte_buf unit unit_struct tuple tuple_struct enum identifier
        ignored_any
    }
}

struct Elements<'a>(std::vec::IntoIter<&'a Node>);

impl<'de> SeqAccess<'de> for Elements<'_> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        self.0.next().map(|node| seed.deserialize(node)).transpose()
    }
}

struct Members<'a> {
    rest: std::vec::IntoIter<(String, &'a Node)>,
    value: Option<&'a Node>,
}

impl<'de> MapAccess<'de> for Members<'_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        let Some((name, node)) = self.rest.next() else {
            return Ok(None);
        };
        self.value = Some(node);
        seed.deserialize(name.into_deserializer()).map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Error> {
        let node = self
            .value
            .take()
            .ok_or_else(|| <Error as de::Error>::custom("a value without a name"))?;
        seed.deserialize(node)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::{Deserialize, Serialize};

    use super::*;

    /// In the shapes that the generated types have.
    #[derive(Debug, Default, PartialEq, Clone, Serialize, Deserialize)]
    struct Strings {
        #[serde(rename = "Item", default)]
        items: Vec<String>,
    }

    #[derive(Debug, Default, PartialEq, Clone, Deserialize)]
    struct Filter {
        #[serde(rename = "Name")]
        name: Option<String>,
        #[serde(rename = "Value")]
        values: Option<Strings>,
    }

    #[derive(Debug, Default, PartialEq, Clone, Deserialize)]
    struct Filters {
        #[serde(rename = "Filter", default)]
        items: Vec<Filter>,
    }

    #[derive(Debug, Default, PartialEq, Deserialize)]
    struct Describe {
        #[serde(rename = "Filter")]
        filters: Option<Filters>,
        #[serde(rename = "EnvironmentNames")]
        names: Option<Strings>,
        #[serde(rename = "dryRun")]
        dry_run: Option<bool>,
        #[serde(rename = "MaxRecords")]
        max: Option<i32>,
        #[serde(rename = "StartTime")]
        start: Option<f64>,
    }

    fn read(parameters: &[(&str, &str)]) -> Result<Describe, Error> {
        let owned = parameters
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        from_parameters(&owned.collect())
    }

    #[test]
    fn filters_and_lists_arrive_as_they_were_sent() {
        let describe = read(&[
            ("Action", "DescribeThings"),
            ("Filter.1.Name", "tag:confctl:stack"),
            ("Filter.1.Value.1", "one"),
            ("Filter.1.Value.2", "two"),
            ("Filter.2.Name", "vpc-id"),
            ("EnvironmentNames.member.1", "Tcb-conference-env"),
            ("DryRun", "true"),
            ("MaxRecords", "5"),
            ("StartTime", "1970-01-01T00:01:00Z"),
        ])
        .unwrap();
        let filters = describe.filters.unwrap().items;
        assert_eq!(filters.len(), 2);
        assert_eq!(filters[0].values.as_ref().unwrap().items, ["one", "two"]);
        assert_eq!(filters[1].name.as_deref(), Some("vpc-id"));
        assert_eq!(describe.names.unwrap().items, ["Tcb-conference-env"]);
        assert_eq!(
            (describe.dry_run, describe.max, describe.start),
            (Some(true), Some(5), Some(60.0))
        );
    }

    #[test]
    fn a_parameter_that_nothing_takes_is_an_error() {
        let error = read(&[("Colour", "blue")]).unwrap_err().to_string();
        assert!(error.contains("Colour"), "{error}");
    }

    #[test]
    fn an_empty_list_is_a_list() {
        assert_eq!(
            read(&[("EnvironmentNames", "")]).unwrap().names,
            Some(Strings::default())
        );
    }

    proptest! {
        #[test]
        fn a_list_keeps_its_order_however_it_is_numbered(values in prop::collection::vec(".*", 1..30), member: bool) {
            let infix = if member { "member." } else { "" };
            let parameters = values.iter().enumerate();
            let parameters = parameters.map(|(n, value)| (format!("EnvironmentNames.{infix}{}", n + 1), value.clone()));
            let read: Describe = from_parameters(&parameters.collect()).unwrap();
            prop_assert_eq!(read.names.unwrap().items, values);
        }

        #[test]
        fn nothing_makes_it_panic(parameters: HashMap<String, String>) {
            let _ = from_parameters::<Describe>(&parameters);
        }
    }
}
