//! The colours, each once, light and dark: the only place that knows one. Text colours keep WCAG AA (4.5 : 1) against
//! every ground they stand on, marks 3 : 1; the tests compute it.

/// (CSS custom property, in light, in dark).
const COLOURS: [(&str, &str, &str); 27] = [
    // grounds
    ("ground", "#ffffff", "#0f1217"),
    ("raised", "#f6f7f9", "#171b22"),
    ("sunken", "#eef0f3", "#1e232c"),
    // text
    ("ink", "#14171f", "#e9ecf2"),
    ("ink-2", "#454c5c", "#b4bccb"),
    ("ink-3", "#626a7b", "#949db0"),
    ("link", "#2450c4", "#8fb1ff"),
    // lines
    ("line", "#e2e5ea", "#2a303b"),
    ("line-2", "#c3c9d3", "#434b5a"),
    ("focus", "#2f5fd0", "#8fb1ff"),
    // verdicts: text and its ground
    ("good", "#0b6b4f", "#5fd6a8"),
    ("good-ground", "#eaf7f1", "#10291f"),
    ("bad", "#b3201f", "#ff8f87"),
    ("bad-ground", "#fdeeed", "#331617"),
    ("warn", "#8a5300", "#f0b95b"),
    ("warn-ground", "#fdf4e3", "#2e2411"),
    ("calm", "#2450c4", "#8fb1ff"),
    ("calm-ground", "#eef3fe", "#152140"),
    // series of a chart
    ("series-1", "#2f5fd0", "#7ea4ff"),
    ("series-2", "#c2540a", "#ff9f5a"),
    ("series-3", "#0b7a69", "#4fd1b8"),
    ("series-4", "#8d36a6", "#d694ea"),
    ("series-5", "#806200", "#e0be4a"),
    ("series-6", "#b3245c", "#ff8aaf"),
    // the quiet half of a pair (a validation interval, a histogram's fill) and a heat map at its hottest
    ("soft", "#a9c0f5", "#3a548f"),
    ("heat", "#7d9df0", "#3a57a3"),
    ("selection", "#d5e1fc", "#2b4275"),
];

/// The custom properties: light, dark where the reader's system is, or where `data-theme` on the root element says so.
/// Paper is always light.
#[must_use]
pub fn css() -> String {
    let list = |dark: bool| {
        COLOURS
            .iter()
            .map(|(name, light, night)| format!("--{name}:{}", if dark { night } else { light }))
            .collect::<Vec<_>>()
            .join(";")
    };
    let (light, dark) = (list(false), list(true));
    format!(
        ":root{{color-scheme:light;{light}}}\n\
         @media screen and (prefers-color-scheme:dark){{:root:not([data-theme=light]){{color-scheme:dark;{dark}}}}}\n\
         @media screen{{:root[data-theme=dark]{{color-scheme:dark;{dark}}}}}\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn colour(name: &str, dark: bool) -> [f64; 3] {
        let (_, light, night) = COLOURS.iter().find(|(known, ..)| *known == name).expect(name);
        let hex = if dark { night } else { light };
        [1, 3, 5].map(|at| f64::from(u8::from_str_radix(&hex[at..at + 2], 16).unwrap()) / 255.0)
    }

    /// WCAG 2.2, "relative luminance".
    fn luminance(colour: [f64; 3]) -> f64 {
        let [r, g, b] = colour.map(|c| if c <= 0.040_45 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) });
        0.2126 * r + 0.7152 * g + 0.0722 * b
    }

    fn contrast(one: &str, other: &str, dark: bool) -> f64 {
        let (a, b) = (luminance(colour(one, dark)), luminance(colour(other, dark)));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    fn at_least(ratio: f64, pairs: &[(&str, &str)]) {
        for (one, other) in pairs {
            for dark in [false, true] {
                let found = contrast(one, other, dark);
                assert!(found >= ratio, "{one} on {other}, dark {dark}: {found:.2}");
            }
        }
    }

    #[test]
    fn text_keeps_wcag_aa() {
        for ground in ["ground", "raised", "sunken"] {
            for text in ["ink", "ink-2", "ink-3", "link", "good", "bad", "warn"] {
                at_least(4.5, &[(text, ground)]);
            }
        }
        for tone in ["good", "bad", "warn", "calm"] {
            let ground = format!("{tone}-ground");
            at_least(
                4.5,
                &[(tone, &ground), ("ink", &ground), ("ink-2", &ground), ("ink-3", &ground), ("link", &ground)],
            );
        }
        at_least(4.5, &[("ink", "heat"), ("ink", "selection")]);
    }

    #[test]
    fn marks_stand_out() {
        for series in 1..=6 {
            let name = format!("series-{series}");
            at_least(3.0, &[(&name, "ground"), (&name, "raised")]);
        }
        at_least(3.0, &[("focus", "ground"), ("focus", "raised")]);
    }
}
