//! Curves of one line, for a terminal. Must know nothing of what they show.

/// Eighths of a line's height.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// The newest `width` values as bars between zero and `top` (or the largest of them). What is not a number is a gap.
pub(super) fn sparkline(values: &[f64], width: usize, top: Option<f64>) -> String {
    let shown = &values[values.len().saturating_sub(width)..];
    let largest = shown
        .iter()
        .copied()
        .filter(|value| value.is_finite())
        .fold(0.0, f64::max);
    let top = top.unwrap_or(largest).max(f64::MIN_POSITIVE);
    shown.iter().map(|value| bar(*value, top)).collect()
}

fn bar(value: f64, top: f64) -> char {
    if !value.is_finite() {
        return ' ';
    }
    let height = (value / top).clamp(0.0, 1.0) * (BARS.len() - 1) as f64;
    BARS[height.round() as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_values_fit_the_line_and_gaps_stay_gaps() {
        assert_eq!(sparkline(&[9.0, 0.0, 50.0, f64::NAN, 100.0], 4, Some(100.0)), "▁▅ █");
        assert_eq!(sparkline(&[0.0, 0.0], 10, None), "▁▁");
        assert_eq!(sparkline(&[1.0, 2.0, 200.0], 3, Some(100.0)), "▁▁█");
        assert_eq!(sparkline(&[], 3, None), "");
    }
}
