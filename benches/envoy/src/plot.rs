//! The CPU time that each variant adds, as a picture: a bar each, on a logarithmic scale.

use std::fmt::Write as _;

use crate::report::Row;

/// Widths and heights, in pixels.
const LABELS: f64 = 300.0;
const BARS: f64 = 560.0;
const LINE: f64 = 22.0;
const MARGIN: f64 = 40.0;

/// The scale's ends, in microseconds.
const SCALE: [f64; 2] = [1.0, 10_000.0];

/// The picture as SVG.
pub(crate) fn svg(rows: &[Row]) -> String {
    // Those that the others are compared with add nothing.
    let rows: Vec<_> = rows.iter().filter(|row| !row.name().ends_with("no filter")).collect();
    let height = MARGIN * 2.0 + LINE * rows.len() as f64;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{:.0}\" height=\"{height:.0}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"10\" y=\"22\" font-size=\"14\">CPU time added to a request, in microseconds</text>\n",
        LABELS + BARS + 80.0
    );
    let mut mark = 1.0;
    while mark <= SCALE[1] {
        let x = LABELS + width(mark);
        let bottom = height - MARGIN;
        let _ = writeln!(
            svg,
            "<line x1=\"{x:.1}\" y1=\"{MARGIN}\" x2=\"{x:.1}\" y2=\"{bottom:.1}\" stroke=\"#ddd\"/>\
             <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"#666\">{mark}</text>",
            bottom + 16.0
        );
        mark *= 10.0;
    }
    for (number, row) in rows.iter().enumerate() {
        let (name, added) = (row.name(), row.added());
        let y = MARGIN + LINE * number as f64;
        let colour = if name.contains("palisade") { "#2a6f4e" } else { "#9aa5b1" };
        let (width, middle) = (width(added), y + LINE * 0.65);
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{middle:.1}\" text-anchor=\"end\">{name}</text>\
             <rect x=\"{LABELS}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"{:.1}\" fill=\"{colour}\"/>\
             <text x=\"{:.1}\" y=\"{middle:.1}\">{added:.1}</text>",
            LABELS - 8.0,
            y + 3.0,
            LINE - 6.0,
            LABELS + width + 6.0,
        );
    }
    svg.push_str("</svg>\n");
    svg
}

/// How long the bar of so many microseconds is.
fn width(micros: f64) -> f64 {
    let [low, high] = SCALE.map(f64::log10);
    let share = (micros.max(SCALE[0]).log10() - low) / (high - low);
    BARS * share.clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::width;

    #[test]
    fn a_bar_is_as_long_as_its_logarithm() {
        assert_eq!(width(1.0), 0.0);
        assert!((width(100.0) - width(10.0) - width(10.0)).abs() < 1e-9);
        assert_eq!(width(-3.0), 0.0);
        assert_eq!(width(1e9), super::BARS);
    }
}
