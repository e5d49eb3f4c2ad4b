//! docs/dashboard.md: what the panels of the dashboard show, as text. Everything below its mark is what a real Prometheus answered.

use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use super::expressions;
use crate::env::console::difference;
use crate::env::prometheus::Prometheus;

const MARK: &str = "<!-- What follows, `make examples` writes. -->\n";
/// Between a series and its value.
const GAP: &str = "   ";

/// What all panels show now; the namespace is called `phones`.
pub async fn answers(dashboard: &Value, prometheus: &Prometheus, namespace: &str) -> String {
    let mut page = String::new();
    for panel in panels(dashboard) {
        let mut rows = Vec::new();
        for (target, expression) in panel["targets"].as_array().unwrap().iter().zip(expressions(panel)) {
            for series in prometheus.query(&expression).await {
                let legend = legend(target["legendFormat"].as_str().unwrap(), &series["metric"]);
                let value = series["value"][1].as_str().unwrap().parse().unwrap();
                rows.push((legend.replace(namespace, "phones"), shown(panel, value)));
            }
        }
        rows.sort();
        let width = rows.iter().map(|(legend, _)| legend.len()).max().unwrap_or_default();
        write!(page, "\n## {}\n\n```text\n", title(panel)).unwrap();
        for (legend, value) in &rows {
            writeln!(page, "{legend:width$}{GAP}{value}").unwrap();
        }
        page += if rows.is_empty() { "No data\n```\n" } else { "```\n" };
    }
    page
}

/// How the page differs from these answers, but for the values that depend on when one looks.
pub fn drift(dashboard: &Value, answers: &str) -> Option<String> {
    let page = fs::read_to_string(page()).unwrap();
    let (_, shown) = page.split_once(MARK).expect("docs/dashboard.md has its mark");
    difference(&lasting(dashboard, shown), &lasting(dashboard, answers))
}

pub fn rewrite(answers: &str) {
    let before = fs::read_to_string(page()).unwrap();
    let (introduction, _) = before.split_once(MARK).expect("docs/dashboard.md has its mark");
    fs::write(page(), format!("{introduction}{MARK}{answers}")).unwrap();
}

fn page() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/dashboard.md"))
}

fn panels(dashboard: &Value) -> &[Value] {
    dashboard["panels"].as_array().unwrap()
}

fn title(panel: &Value) -> &str {
    panel["title"].as_str().unwrap()
}

/// Answers without the values that change by themselves: what is not a word or a count.
fn lasting(dashboard: &Value, answers: &str) -> String {
    let mut text = String::new();
    let mut lasts = false;
    for line in answers.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            let panel = panels(dashboard).iter().find(|panel| title(panel) == heading);
            lasts = panel.is_some_and(|panel| !mappings(panel).is_null() || panel["type"] == "bargauge");
        }
        match line.split_once(GAP) {
            Some((legend, _)) if !lasts => writeln!(text, "{legend}{GAP}[..]"),
            _ => writeln!(text, "{line}"),
        }
        .unwrap();
    }
    text
}

/// As Grafana names a series.
fn legend(format: &str, labels: &Value) -> String {
    let mut legend = format.to_owned();
    for (name, value) in labels.as_object().unwrap() {
        legend = legend.replace(&format!("{{{{{name}}}}}"), value.as_str().unwrap());
    }
    legend
}

/// As Grafana shows a value of this panel.
fn shown(panel: &Value, value: f64) -> String {
    const UNITS: [(f64, &str); 4] = [(86400.0, "days"), (3600.0, "hours"), (60.0, "minutes"), (1.0, "s")];
    if let Some(text) = mappings(panel)[value.to_string()]["text"].as_str() {
        return text.to_owned();
    }
    match panel["fieldConfig"]["defaults"]["unit"].as_str() {
        Some("percentunit") => format!("{:.0} %", value * 100.0),
        Some("s") => match UNITS.iter().find(|(seconds, _)| value.abs() >= *seconds) {
            Some((seconds, unit)) => format!("{:.1} {unit}", value / seconds),
            None => format!("{:.0} ms", value * 1000.0),
        },
        Some(unit) => panic!("what {unit} looks like"),
        None => format!("{value:.1}").trim_end_matches(".0").to_owned(),
    }
}

fn mappings(panel: &Value) -> &Value {
    &panel["fieldConfig"]["defaults"]["mappings"][0]["options"]
}
