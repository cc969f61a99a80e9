//! Charts as SVG. Colours are placeholders that the page's style sheet replaces, so that one drawing does for light, dark and
//! print. Must know nothing of what is drawn.

use plotters::coord::Shift;
use plotters::prelude::*;

use super::ReportError;

const SIZE: (u32, u32) = (860, 240);
const ROW: u32 = 26;

/// A series' place in the page's palette.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hue {
    First,
    Second,
    Third,
    Fourth,
    /// What should not be.
    Alarm,
    /// What only frames the rest.
    Quiet,
}

impl Hue {
    pub(super) const ALL: [(Self, &'static str); 6] = [
        (Self::First, "first"),
        (Self::Second, "second"),
        (Self::Third, "third"),
        (Self::Fourth, "fourth"),
        (Self::Alarm, "alarm"),
        (Self::Quiet, "quiet"),
    ];

    /// The placeholder, as it is found again in the drawing.
    const fn colour(self) -> RGBColor {
        RGBColor(1, 1, 16 + self as u8)
    }

    pub(super) fn name(self) -> &'static str {
        Self::ALL[self as usize].1
    }

    /// The placeholder as the SVG has it.
    pub(super) fn placeholder(self) -> String {
        let RGBColor(red, green, blue) = self.colour();
        format!("#{red:02X}{green:02X}{blue:02X}")
    }
}

pub(super) const INK: RGBColor = RGBColor(1, 1, 1);
pub(super) const GRID: RGBColor = RGBColor(1, 1, 2);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    Line,
    /// A value that holds until the next one.
    Steps,
    Area,
}

/// One curve. Points are seconds and values; a value that is not a number is a gap.
pub struct Series {
    pub name: String,
    pub hue: Hue,
    pub shape: Shape,
    pub points: Vec<(f64, f64)>,
}

/// A horizontal line.
pub struct Threshold {
    pub name: String,
    pub value: f64,
}

/// A time in which something held.
pub struct Band {
    pub name: String,
    pub hue: Hue,
    pub from: f64,
    pub to: f64,
}

/// Curves over seconds.
pub struct Chart {
    pub title: String,
    pub unit: String,
    pub seconds: f64,
    /// The value at full height at least.
    pub top: f64,
    pub series: Vec<Series>,
    pub thresholds: Vec<Threshold>,
    pub bands: Vec<Band>,
}

/// What took how long.
pub struct Span {
    pub name: String,
    pub hue: Hue,
    pub from: f64,
    pub to: f64,
}

/// Spans below each other, over seconds.
pub struct TimeLine {
    pub title: String,
    pub seconds: f64,
    pub spans: Vec<Span>,
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn = Result<(), DrawingAreaErrorKind<std::io::Error>>;

fn drawing(size: (u32, u32), draw: impl FnOnce(&Area<'_>) -> Drawn) -> Result<String, ReportError> {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        draw(&area)
            .and_then(|()| area.present())
            .map_err(|error| ReportError::Chart(error.to_string()))?;
    }
    Ok(svg)
}

/// `75.4` as `1:15`.
pub fn clock(seconds: f64) -> String {
    let seconds = seconds.round().max(0.0) as u64;
    if seconds >= 3600 {
        format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
    } else {
        format!("{}:{:02}", seconds / 60, seconds % 60)
    }
}

/// Seconds of the time axis's unit: labels are round numbers of it.
fn time_unit(seconds: f64) -> f64 {
    if seconds > 7200.0 {
        3600.0
    } else if seconds > 120.0 {
        60.0
    } else {
        1.0
    }
}

fn number(value: f64) -> String {
    if value >= 10_000.0 {
        format!("{:.0}k", value / 1000.0)
    } else if value.fract().abs() < 1e-9 {
        format!("{value:.0}")
    } else {
        format!("{value:.1}")
    }
}

impl Chart {
    pub(super) fn svg(&self) -> Result<String, ReportError> {
        drawing(SIZE, |area| self.draw(area))
    }

    fn highest(&self) -> f64 {
        let values = self
            .series
            .iter()
            .flat_map(|series| series.points.iter().map(|(_, value)| *value));
        let thresholds = self.thresholds.iter().map(|threshold| threshold.value);
        let highest = values
            .chain(thresholds)
            .filter(|value| value.is_finite())
            .fold(self.top, f64::max);
        if highest > 0.0 { highest * 1.05 } else { 1.0 }
    }

    fn draw(&self, area: &Area<'_>) -> Drawn {
        let top = self.highest();
        let seconds = self.seconds.max(1.0);
        let unit = time_unit(seconds);
        let mut plot = ChartBuilder::on(area)
            .margin(6)
            .margin_right(24)
            .x_label_area_size(24)
            .y_label_area_size(54)
            .build_cartesian_2d(0.0..seconds / unit, 0.0..top)?;
        plot.configure_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(GRID)
            .axis_style(GRID)
            .label_style(("sans-serif", 12).into_font().color(&INK))
            .x_labels(10)
            .y_labels(5)
            .x_label_formatter(&|time| clock(*time * unit))
            .y_label_formatter(&|value| number(*value))
            .draw()?;
        for band in &self.bands {
            let corners = [(band.from.max(0.0) / unit, 0.0), (band.to.min(seconds) / unit, top)];
            plot.draw_series(std::iter::once(Rectangle::new(
                corners,
                band.hue.colour().mix(0.18).filled(),
            )))?;
        }
        for series in &self.series {
            for piece in pieces(series, unit) {
                let colour = series.hue.colour();
                if series.shape == Shape::Area {
                    plot.draw_series(
                        AreaSeries::new(piece, 0.0, colour.mix(0.3)).border_style(colour.stroke_width(1)),
                    )?;
                } else {
                    plot.draw_series(LineSeries::new(piece, colour.stroke_width(2)))?;
                }
            }
        }
        for threshold in &self.thresholds {
            let ends = [(0.0, threshold.value), (seconds / unit, threshold.value)];
            let style = Hue::Alarm.colour().stroke_width(1);
            plot.draw_series(DashedLineSeries::new(ends, 6, 4, style))?;
        }
        Ok(())
    }
}

/// A curve without its gaps, its time in `unit` seconds; steps get their corners.
fn pieces(series: &Series, unit: f64) -> Vec<Vec<(f64, f64)>> {
    let mut pieces = vec![Vec::new()];
    for (at, value) in &series.points {
        let at = at / unit;
        let last = pieces.len() - 1;
        if !value.is_finite() {
            if !pieces[last].is_empty() {
                pieces.push(Vec::new());
            }
            continue;
        }
        let before = pieces[last].last().map(|(_, value): &(f64, f64)| *value);
        if let (Shape::Steps, Some(before)) = (series.shape, before) {
            pieces[last].push((at, before));
        }
        pieces[last].push((at, *value));
    }
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

impl TimeLine {
    pub(super) fn svg(&self) -> Result<String, ReportError> {
        let rows = u32::try_from(self.spans.len()).unwrap_or(u32::MAX).clamp(1, 200);
        drawing((SIZE.0, rows * ROW + 40), |area| self.draw(area, rows))
    }

    fn draw(&self, area: &Area<'_>, rows: u32) -> Drawn {
        let seconds = self.seconds.max(1.0);
        let unit = time_unit(seconds);
        let mut plot = ChartBuilder::on(area)
            .margin(6)
            .margin_left(60)
            .margin_right(24)
            .x_label_area_size(24)
            .build_cartesian_2d(0.0..seconds / unit, 0.0..f64::from(rows))?;
        plot.configure_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(GRID)
            .axis_style(GRID)
            .label_style(("sans-serif", 12).into_font().color(&INK))
            .x_labels(10)
            .y_labels(0)
            .disable_y_mesh()
            .x_label_formatter(&|time| clock(*time * unit))
            .draw()?;
        for (span, row) in self.spans.iter().zip(0..rows) {
            let bottom = f64::from(rows - row) - 0.8;
            // What took no time is still to be seen.
            let to = span.to.max(span.from + seconds / 200.0).min(seconds);
            let corners = [(span.from / unit, bottom), (to / unit, bottom + 0.6)];
            plot.draw_series(std::iter::once(Rectangle::new(
                corners,
                span.hue.colour().mix(0.45).filled(),
            )))?;
            let style = ("sans-serif", 12).into_font().color(&INK);
            // In the right half the text would run out of the picture.
            let text = if span.from < seconds * 0.5 {
                Text::new(
                    span.name.clone(),
                    ((span.from + seconds / 200.0) / unit, bottom + 0.5),
                    style,
                )
            } else {
                let right = plotters::style::text_anchor::Pos::new(
                    plotters::style::text_anchor::HPos::Right,
                    plotters::style::text_anchor::VPos::Top,
                );
                Text::new(span.name.clone(), (to / unit, bottom + 0.5), style.pos(right))
            };
            plot.draw_series(std::iter::once(text))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(points: Vec<(f64, f64)>) -> Chart {
        Chart {
            title: "CPU".into(),
            unit: "%".into(),
            seconds: 100.0,
            top: 100.0,
            series: vec![Series {
                name: "average".into(),
                hue: Hue::First,
                shape: Shape::Line,
                points,
            }],
            thresholds: vec![Threshold {
                name: "upper".into(),
                value: 50.0,
            }],
            bands: vec![Band {
                name: "ALARM".into(),
                hue: Hue::Alarm,
                from: 10.0,
                to: 20.0,
            }],
        }
    }

    #[test]
    fn a_chart_has_its_curve_in_a_colour_that_the_page_decides() {
        let svg = chart(vec![(0.0, 5.0), (50.0, 70.0)]).svg().unwrap();
        assert!(
            svg.contains(&format!("stroke=\"{}\"", Hue::First.placeholder())),
            "{svg}"
        );
        assert!(svg.contains(&format!("fill=\"{}\"", Hue::Alarm.placeholder())), "{svg}");
    }

    #[test]
    fn nothing_measured_is_an_empty_chart_and_no_failure() {
        assert!(chart(Vec::new()).svg().is_ok());
        assert!(chart(vec![(0.0, f64::NAN), (1.0, f64::NAN)]).svg().is_ok());
        let line = TimeLine {
            title: "none".into(),
            seconds: 0.0,
            spans: Vec::new(),
        };
        assert!(line.svg().is_ok());
    }

    #[test]
    fn a_gap_parts_a_curve_and_steps_have_corners() {
        let mut series = chart(vec![(0.0, 1.0), (1.0, f64::NAN), (2.0, 3.0), (4.0, 5.0)])
            .series
            .remove(0);
        assert_eq!(pieces(&series, 1.0), [vec![(0.0, 1.0)], vec![(2.0, 3.0), (4.0, 5.0)]]);
        series.shape = Shape::Steps;
        assert_eq!(pieces(&series, 1.0)[1], [(2.0, 3.0), (4.0, 3.0), (4.0, 5.0)]);
    }

    #[test]
    fn seconds_are_read_as_a_clock() {
        assert_eq!(clock(75.4), "1:15");
        assert_eq!(clock(3_605.0), "1:00:05");
    }
}
