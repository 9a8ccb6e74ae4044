//! What Prometheus and VictoriaMetrics answer (Prometheus, HTTP API: format overview, range vectors, instant vectors). Nothing
//! of an answer is trusted: what isn't a number is left out, and what isn't an answer is an error.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// The most series of one query that are kept.
const MOST_SERIES: usize = 2_000;
/// The longest text of an answer that is repeated, in characters.
const QUOTED: usize = 120;

/// What came of a query.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Answer {
    /// The series with at least one number.
    pub series: Vec<Series>,
    /// Why it isn't all, if so.
    pub incomplete: Vec<String>,
}

/// A series as the server names it.
#[derive(Debug, PartialEq)]
pub(super) struct Series {
    pub labels: BTreeMap<String, String>,
    /// `(unix seconds, value)`, oldest first.
    pub values: Vec<(f64, f64)>,
}

#[derive(Deserialize)]
struct Body<'a> {
    status: String,
    #[serde(borrow, default)]
    data: Option<Data<'a>>,
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    warnings: Option<Vec<String>>,
    #[serde(default)]
    infos: Option<Vec<String>>,
    /// VictoriaMetrics' cluster: a storage node didn't answer.
    #[serde(default, rename = "isPartial")]
    is_partial: bool,
}

#[derive(Deserialize)]
struct Data<'a> {
    #[serde(rename = "resultType")]
    result_type: String,
    #[serde(borrow)]
    result: &'a RawValue,
}

#[derive(Deserialize)]
struct Raw {
    #[serde(default)]
    metric: BTreeMap<String, Scalar>,
    #[serde(default)]
    values: Vec<Sample>,
    #[serde(default)]
    value: Option<Sample>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Sample {
    Pair(f64, Scalar),
    Other(IgnoredAny),
}

/// A text, where the API promises one; a label's value, or a number as text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Scalar {
    Text(String),
    Number(f64),
    Other(IgnoredAny),
}

impl Sample {
    /// The sample, if it is one: `NaN` and `±Inf`, which the API gives as texts, say nothing.
    fn read(self) -> Option<(f64, f64)> {
        let (at, value) = match self {
            Self::Pair(at, Scalar::Text(text)) => (at, text.parse().ok()?),
            Self::Pair(at, Scalar::Number(value)) => (at, value),
            Self::Pair(_, Scalar::Other(_)) | Self::Other(_) => return None,
        };
        Some((at, value)).filter(|(at, value): &(f64, f64)| at.is_finite() && value.is_finite())
    }
}

/// Reads an answer. `expected` is `matrix` or `vector`.
///
/// # Errors
/// Why it can't be read, or what the server says went wrong.
pub(super) fn read(body: &[u8], expected: &str) -> Result<Answer, String> {
    let body: Body<'_> = serde_json::from_slice(body).map_err(|_| "the answer is not that of a metrics server".to_owned())?;
    if body.status != "success" {
        let error = body.error.unwrap_or_default();
        return Err(format!("the server says: {}", shown(if error.is_empty() { &body.status } else { &error })));
    }
    let data = body.data.ok_or("the answer has no data")?;
    if data.result_type != expected {
        return Err(format!("the answer is a {} and no {expected}", shown(&data.result_type)));
    }
    let raw: Vec<Raw> = serde_json::from_str(data.result.get()).map_err(|_| format!("the answer holds no {expected}"))?;
    let mut incomplete = Vec::new();
    if body.is_partial {
        incomplete.push("the server's answer is partial".to_owned());
    }
    // `PromQL info:` is about the form of a query and not about what it found.
    let infos = body.infos.unwrap_or_default().into_iter().filter(|info| !info.starts_with("PromQL info:"));
    incomplete.extend(body.warnings.unwrap_or_default().iter().map(|text| shown(text)));
    incomplete.extend(infos.map(|text| shown(&text)));
    if raw.len() > MOST_SERIES {
        incomplete.push(format!("only {MOST_SERIES} of {} series were kept", raw.len()));
    }
    let series = raw.into_iter().take(MOST_SERIES).map(read_series).filter(|series| !series.values.is_empty());
    Ok(Answer { series: series.collect(), incomplete })
}

fn read_series(raw: Raw) -> Series {
    let text = |(key, value)| match value {
        Scalar::Text(text) => Some((key, text)),
        Scalar::Number(_) | Scalar::Other(_) => None,
    };
    let labels = raw.metric.into_iter().filter_map(text).collect();
    let mut values: Vec<(f64, f64)> = raw.values.into_iter().chain(raw.value).filter_map(Sample::read).collect();
    values.sort_by(|a, b| a.0.total_cmp(&b.0));
    values.dedup_by(|later, first| later.0 == first.0);
    Series { labels, values }
}

/// A text of the server's, short and on one line.
fn shown(text: &str) -> String {
    text.chars().map(|char| if char.is_control() { ' ' } else { char }).take(QUOTED).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_what_the_servers_give() {
        let body = br#"{"status":"success","data":{"resultType":"matrix","result":[
            {"metric":{"pod":"web-1"},"values":[[1767330354,"251000000"],[1767330384.5,"NaN"],[1767330414,"+Inf"],[1767330444,"2.5e8"]]},
            {"metric":{"pod":"web-2"},"values":[[1767330354,"NaN"]]}]},"stats":{"seriesFetched":"2"}}"#;
        let answer = read(body, "matrix").unwrap();
        assert_eq!(answer.series.len(), 1);
        assert_eq!(answer.series[0].values, [(1_767_330_354.0, 251e6), (1_767_330_444.0, 2.5e8)]);
        let body = br#"{"status":"success","isPartial":false,"data":{"resultType":"vector","result":[{"metric":{},"value":[1.5,"3"]}]}}"#;
        assert_eq!(read(body, "vector").unwrap().series, [Series { labels: BTreeMap::new(), values: vec![(1.5, 3.0)] }]);
        let empty = br#"{"status":"success","data":{"resultType":"vector","result":[]}}"#;
        assert_eq!(read(empty, "vector"), Ok(Answer::default()));
    }

    #[test]
    fn says_what_is_missing() {
        let with = |more: &str| {
            let body = format!(r#"{{"status":"success","data":{{"resultType":"vector","result":[]}},{more}}}"#);
            read(body.as_bytes(), "vector").unwrap().incomplete
        };
        assert_eq!(with(r#""warnings":["store\nis down"]"#), ["store is down"]);
        assert_eq!(with(r#""isPartial":true"#), ["the server's answer is partial"]);
        assert_eq!(with(r#""infos":["PromQL info: metric might not be a counter","results truncated"]"#), ["results truncated"]);
        assert!(with(r#""warnings":null,"infos":null"#).is_empty());
    }

    #[test]
    fn what_is_no_answer_is_an_error() {
        let error = |body: &str| read(body.as_bytes(), "matrix").unwrap_err();
        assert_eq!(error("<html>Sign in</html>"), "the answer is not that of a metrics server");
        assert_eq!(
            error(r#"{"status":"error","errorType":"timeout","error":"query timed out"}"#),
            "the server says: query timed out"
        );
        let scalar = r#"{"status":"success","data":{"resultType":"scalar","result":[1,"2"]}}"#;
        assert_eq!(error(scalar), "the answer is a scalar and no matrix");
        assert_eq!(error(r#"{"status":"success","data":{"resultType":"matrix","result":{}}}"#), "the answer holds no matrix");
        assert_eq!(error(r#"{"status":"success"}"#), "the answer has no data");
        assert!(error(&"[".repeat(100_000)).contains("not that of"));
    }

    #[test]
    fn values_of_other_types_are_read_or_left_out() {
        let body = r#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"a":1,"b":"x"},
            "values":[[3,"x"],[2,7],[1,null],[1],"y",[1,"1",2],[0,"5"],[0,"6"]]},{}]}}"#;
        let answer = read(body.as_bytes(), "matrix").unwrap();
        assert_eq!(answer.series[0].values, [(0.0, 5.0), (2.0, 7.0)]);
        assert_eq!(answer.series[0].labels, BTreeMap::from([("b".to_owned(), "x".to_owned())]));
        assert_eq!(answer.series.len(), 1);
    }

    proptest! {
        #[test]
        fn never_panics(body in proptest::collection::vec(any::<u8>(), 0..200), text in "[\\[\\]{}\",:0-9a-zN+ .eE-]{0,200}") {
            _ = read(&body, "matrix");
            let within = format!(r#"{{"status":"success","data":{{"resultType":"matrix","result":{text}}}}}"#);
            _ = read(within.as_bytes(), "matrix");
        }
    }
}
