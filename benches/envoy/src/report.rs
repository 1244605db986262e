//! What came out: a row for each variant, and a row for each target.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::measure::Measured;
use crate::statistics::{median, quartiles};
use crate::variants;

/// The variants beside those that have no filter.
pub(crate) struct Report {
    pub(crate) rows: Vec<Row>,
    pub(crate) targets: Vec<Target>,
    /// What this run could not do, and why.
    pub(crate) missing: Vec<String>,
}

/// One variant.
pub(crate) struct Row {
    measured: Measured,
    /// Microseconds of CPU time per request that the filters add to Envoy's worker, for each round.
    added: Vec<f64>,
    /// Microseconds that they add to the 99th percentile, for each round.
    added_p99: Vec<f64>,
}

/// A bound, and what was measured of it.
pub(crate) struct Target {
    name: String,
    measured: Option<f64>,
    /// The most that it may be.
    bound: f64,
}

impl Row {
    fn new(measured: &Measured, base: &Measured) -> Self {
        let differences = |ours: &[f64], theirs: &[f64]| ours.iter().zip(theirs).map(|(a, b)| a - b).collect();
        Self {
            added: differences(&measured.worker, &base.worker),
            added_p99: differences(&measured.p99, &base.p99),
            measured: measured.clone(),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.measured.name
    }

    /// Median of the microseconds that the filters add, those of the authorization service included.
    pub(crate) fn added(&self) -> f64 {
        median(&self.added) + median(&self.measured.service)
    }

    fn line(&self) -> String {
        let [low, added, high] = quartiles(&self.added);
        let service = match median(&self.measured.service) {
            micros if micros > 0.0 => format!("{micros:.2}"),
            _ => String::new(),
        };
        format!(
            "{:<38} {:>9.2} {added:>9.2} {low:>9.2} - {high:<9.2} {service:>9} {:>9.0} {:>9.0} {:>9.0}",
            self.name(),
            median(&self.measured.worker),
            self.measured.rate,
            median(&self.measured.p50),
            median(&self.measured.p99),
        )
    }

    fn json(&self) -> Value {
        json!({
            "name": self.name(),
            "median": median(&self.measured.worker),
            "spread": [quartiles(&self.measured.worker)[0], quartiles(&self.measured.worker)[2]],
            "added": median(&self.added),
            "added_spread": [quartiles(&self.added)[0], quartiles(&self.added)[2]],
            "service": median(&self.measured.service),
            "rate": self.measured.rate,
            "p50": median(&self.measured.p50),
            "p99": median(&self.measured.p99),
        })
    }
}

impl Target {
    /// Not measured is not met.
    fn holds(&self) -> bool {
        self.measured.is_some_and(|measured| measured <= self.bound)
    }

    fn line(&self) -> String {
        let Self { name, measured, bound } = self;
        let verdict = match measured {
            None => "not measured",
            Some(_) if self.holds() => "holds",
            Some(_) => "MISSED",
        };
        let measured = measured.map_or_else(|| "-".to_owned(), |measured| format!("{measured:.3}"));
        format!("{name:<76} {measured:>9} <= {bound:<5} {verdict}")
    }

    fn json(&self) -> Value {
        let Self { name, measured, bound } = self;
        json!({"name": name, "measured": measured, "target": format!("<= {bound}"), "holds": self.holds()})
    }
}

impl Report {
    /// `memory` is what a worker more needs with 10,000 policies beyond what it needs with the SDK's no-op filter, in MiB.
    pub(crate) fn new(measured: &[Measured], memory: Option<f64>, missing: Vec<String>) -> Self {
        let base = |tools: bool| measured.iter().find(|one| one.tools == tools);
        let rows: Vec<_> = (measured.iter()).filter_map(|one| Some(Row::new(one, base(one.tools)?))).collect();
        let targets = targets(&rows, memory);
        Self { rows, targets, missing }
    }

    pub(crate) fn text(&self) -> String {
        let mut text = format!(
            "{:<38} {:>9} {:>9} {:>21} {:>9} {:>9} {:>9} {:>9}\n",
            "", "CPU us", "added us", "quartiles of added", "service", "rate /s", "p50 us", "p99 us"
        );
        for row in &self.rows {
            let _ = writeln!(text, "{}", row.line());
        }
        text.push('\n');
        for target in &self.targets {
            let _ = writeln!(text, "{}", target.line());
        }
        for missing in &self.missing {
            let _ = writeln!(text, "not measured: {missing}");
        }
        text
    }

    pub(crate) fn json(&self) -> Value {
        json!({
            "variants": self.rows.iter().map(Row::json).collect::<Vec<_>>(),
            "targets": self.targets.iter().map(Target::json).collect::<Vec<_>>(),
            "not_measured": self.missing,
        })
    }
}

fn targets(rows: &[Row], memory: Option<f64>) -> Vec<Target> {
    use crate::workshop::Signature::{Es256, Rs256};
    let find = |name: &str| rows.iter().find(|row| row.name() == name);
    // Of the worker alone: what Envoy saves by asking somebody else is not held against us.
    let worker = |name: &str| find(name).map(|row| median(&row.added));
    let total = |name: &str| find(name).map(Row::added);
    let ratio = |ours: Option<f64>, theirs: Option<f64>| Some(ours? / theirs.filter(|theirs| *theirs > 0.0)?);
    let p99 = |name: &str| find(name).map(|row| median(&row.added_p99));
    let warm = |policies| worker(&variants::palisade(policies));
    let mut targets = Vec::new();
    let mut push = |name: &str, measured: Option<f64>, bound: f64| {
        targets.push(Target { name: name.to_owned(), measured, bound });
    };
    push("added CPU, 1,000 policies: the SDK's no-op filter", ratio(warm(1000), worker(variants::NOOP_SDK)), 1.0);
    push("the bare filter that reads the headers", ratio(warm(1000), worker(variants::HEADERS_ABI)), 2.0);
    push("jwt_authn and rbac, 10 policies", ratio(warm(10), worker(&variants::rbac(10))), 1.0);
    push("jwt_authn and rbac, 1,000 policies", ratio(warm(1000), worker(&variants::rbac(1000))), 0.2);
    push("palisade with 10 policies: with 10,000", ratio(warm(10_000), warm(10)), 1.1);
    push("ext_authz with 10 policies, Envoy's part alone", ratio(warm(10), worker(&variants::ext_authz(10))), 0.1);
    push(
        "ext_authz with 10 policies, the service's part as well",
        ratio(warm(10), total(&variants::ext_authz(10))),
        0.1,
    );
    push("cedar-policy in wasm, 1,000 policies", ratio(warm(1000), worker(&variants::embedded(1000))), 0.01);
    for signature in [Es256, Rs256] {
        let (ours, theirs) = (variants::palisade_cold(signature), variants::jwt_authn_cold(signature));
        let name = format!("new {signature:?} tokens: jwt_authn without cache").replace("s256", "S256");
        push(&name, ratio(worker(&ours), worker(&theirs)), 1.0);
    }
    let p99 = ratio(p99(&variants::palisade(1000)), p99(variants::NOOP_SDK));
    push("added p99 at half of saturation: the SDK's no-op filter", p99, 1.5);
    push("memory per worker, 10,000 policies, over the SDK's no-op filter, in MiB", memory, 8.0);
    let tools = worker(variants::TOOLS_PALISADE);
    push("tool call: the SDK's filter that reads the body", ratio(tools, worker(variants::BUFFER_SDK)), 1.3);
    push("tool call: the bare filter that reads the body", ratio(tools, worker(variants::BUFFER_ABI)), 1.3);
    push("tool call: mcp and rbac", ratio(tools, worker(variants::MCP_RBAC)), 1.0);
    targets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_measured_does_not_hold() {
        let target = |measured| Target { name: String::new(), measured, bound: 1.0 };
        assert!(!target(None).holds());
        assert!(!target(Some(f64::NAN)).holds());
        assert!(!target(Some(1.01)).holds());
        assert!(target(Some(1.0)).holds());
    }

    #[test]
    fn a_ratio_is_of_what_is_added() {
        let one = |name: &str, worker: f64| Measured {
            name: name.to_owned(),
            worker: vec![worker; 3],
            service: vec![0.0; 3],
            ..Measured::default()
        };
        let measured = [one(variants::NONE, 10.0), one(variants::NOOP_SDK, 14.0), one(&variants::palisade(1000), 16.0)];
        let report = Report::new(&measured, None, Vec::new());
        let first = report.targets.first().unwrap();
        assert_eq!((first.measured, first.holds()), (Some(1.5), false));
        assert!(report.targets.iter().skip(1).all(|target| target.measured.is_none() && !target.holds()));
    }
}
