//! The report as one HTML page: no script, nothing loaded, light and dark by the reader's choice, fit to be printed.
//! Must know nothing of what is reported.

use std::fmt::Write;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::chart::{Chart, GRID, Hue, INK};
use super::{Figure, Report, ReportError, Table};

const STYLE: &str = include_str!("report.css");

pub(super) fn page(report: &Report) -> Result<String, ReportError> {
    let figures = report.figures.iter().map(figure).collect::<Result<Vec<_>, _>>()?;
    let style = format!("{STYLE}{}", palette());
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                // Else a browser asks the server for one, where the page is served by one.
                link rel="icon" href="data:,";
                title { (report.title) }
                style { (PreEscaped(style)) }
            }
            body {
                main {
                    h1 { (report.title) }
                    p class=(if report.verdict.good { "verdict good" } else { "verdict bad" }) { (report.verdict.text) }
                    dl {
                        @for (name, value) in &report.facts {
                            div { dt { (name) } dd { (value) } }
                        }
                    }
                    @for figure in &figures { (figure) }
                    @for table in &report.tables { (rows(table)) }
                    @if !report.notes.is_empty() {
                        section {
                            h2 { "How to read it" }
                            ul { @for note in &report.notes { li { (note) } } }
                        }
                    }
                }
                footer { "confctl " (env!("CARGO_PKG_VERSION")) }
            }
        }
    };
    Ok(page.into_string())
}

fn figure(figure: &Figure) -> Result<Markup, ReportError> {
    Ok(match figure {
        Figure::Chart(chart) => drawn(&chart.title, &chart.unit, &chart.svg()?, &legend(chart)),
        Figure::TimeLine(line) => drawn(&line.title, "", &line.svg()?, &html! {}),
    })
}

fn drawn(title: &str, unit: &str, svg: &str, legend: &Markup) -> Markup {
    html! {
        figure role="group" aria-label=(title) {
            figcaption {
                h2 { (title) @if !unit.is_empty() { " " span class="unit" { "(" (unit) ")" } } }
                (legend)
            }
            (PreEscaped(svg))
        }
    }
}

fn legend(chart: &Chart) -> Markup {
    let mut bands: Vec<(&str, Hue)> = Vec::new();
    for band in &chart.bands {
        if !bands.iter().any(|(name, _)| *name == band.name) {
            bands.push((&band.name, band.hue));
        }
    }
    html! {
        p class="legend" {
            @for series in &chart.series { span class=(format!("key {}", series.hue.name())) { (series.name) } }
            @for (name, hue) in bands { span class=(format!("key band {}", hue.name())) { (name) } }
            @for threshold in &chart.thresholds { span class="key dashed alarm" { (threshold.name) } }
        }
    }
}

fn rows(table: &Table) -> Markup {
    html! {
        section {
            h2 { (table.title) }
            table {
                thead { tr { @for cell in &table.head { th scope="col" { (cell) } } } }
                tbody {
                    @for row in &table.rows {
                        tr { @for cell in row { td { (cell) } } }
                    }
                }
            }
        }
    }
}

/// The drawings' placeholders become the page's colours.
fn palette() -> String {
    let mut rules = String::new();
    let plain = |colour: plotters::style::RGBColor| format!("#{:02X}{:02X}{:02X}", colour.0, colour.1, colour.2);
    let hues = Hue::ALL.iter().map(|(hue, name)| (hue.placeholder(), *name));
    for (placeholder, name) in hues.chain([(plain(INK), "ink"), (plain(GRID), "grid")]) {
        // Writing to a string does not fail.
        let _ = write!(
            rules,
            "svg [fill=\"{placeholder}\"]{{fill:var(--{name})}}svg [stroke=\"{placeholder}\"]{{stroke:var(--{name})}}"
        );
    }
    rules
}

#[cfg(test)]
mod tests {
    use super::super::{Series, Shape, Verdict};
    use super::*;

    #[test]
    fn a_report_needs_nothing_else_and_shows_texts_as_texts() {
        let report = Report {
            title: "Load <b>".into(),
            verdict: Verdict {
                good: true,
                text: "all of them".into(),
            },
            facts: vec![("from".into(), "\"><script>alert(1)</script>".into())],
            figures: vec![Figure::Chart(Chart {
                title: "Throughput".into(),
                unit: "a second".into(),
                seconds: 60.0,
                top: 0.0,
                series: vec![Series {
                    name: "accepted".into(),
                    hue: Hue::First,
                    shape: Shape::Area,
                    points: vec![(0.0, 1.0), (1.0, 2.0)],
                }],
                thresholds: Vec::new(),
                bands: Vec::new(),
            })],
            tables: Vec::new(),
            notes: Vec::new(),
        };
        let page = page(&report).unwrap();
        assert!(page.contains("<svg") && page.contains("prefers-color-scheme: dark") && page.contains("@media print"));
        assert!(!page.contains("<script"), "{page}");
        let links = page.replace("http://www.w3.org/2000/svg", "");
        assert!(
            !links.contains("http:") && !links.contains("https:") && !links.contains("url("),
            "{links}"
        );
    }
}
