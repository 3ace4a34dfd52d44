//! Text of the web client can be read: WCAG AA, 4.5 to 1, in light and in dark.

use std::collections::HashMap;

use crate::metadata::root;

/// Texts, and what they stand on.
const PAIRS: &[(&[&str], &[&str])] = &[
    (
        &["text", "muted", "accent", "decide", "refuse"],
        &["background", "surface", "sunken", "sidebar", "hover"],
    ),
    (&["text", "muted", "accent"], &["accent-soft"]),
    (&["text", "muted", "decide"], &["decide-soft"]),
    (&["text", "muted", "refuse"], &["refuse-soft"]),
    (&["on-accent"], &["accent", "accent-hover"]),
    (&["on-refuse"], &["refuse"]),
    (
        &[
            "hl-comment",
            "hl-text",
            "hl-number",
            "hl-keyword",
            "hl-constant",
            "hl-function",
            "hl-type",
            "hl-key",
        ],
        &["sunken"],
    ),
];
const LEAST: f64 = 4.5;

/// Each colour: light, dark.
fn colours(css: &str) -> HashMap<&str, [&str; 2]> {
    css.lines()
        .filter_map(|line| {
            let (name, value) = line
                .trim()
                .strip_prefix("--")?
                .split_once(": light-dark(")?;
            let (light, dark) = value.split_once(')')?.0.split_once(", ")?;
            Some((name, [light, dark]))
        })
        .collect()
}

/// Relative luminance as WCAG 2 defines it.
fn luminance(colour: &str) -> f64 {
    let part = |at: usize| {
        let value = u8::from_str_radix(&colour[at..at + 2], 16).unwrap();
        let value = f64::from(value) / 255.0;
        match value <= 0.04045 {
            true => value / 12.92,
            false => ((value + 0.055) / 1.055).powf(2.4),
        }
    };
    0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5)
}

fn contrast(one: &str, other: &str) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

#[test]
fn text_of_the_web_client_can_be_read_in_both_themes() {
    let css = std::fs::read_to_string(root().join("web/style/colours.css")).unwrap();
    let colours = colours(&css);
    let mut faint = Vec::new();
    for (texts, grounds) in PAIRS {
        for (text, ground) in texts
            .iter()
            .flat_map(|t| grounds.iter().map(move |g| (t, g)))
        {
            for (theme, at) in [("light", 0), ("dark", 1)] {
                let ratio = contrast(colours[text][at], colours[ground][at]);
                if ratio < LEAST {
                    faint.push(format!("--{text} on --{ground}, {theme}: {ratio:.2}"));
                }
            }
        }
    }
    assert!(faint.is_empty(), "below {LEAST} to 1: {faint:#?}");
    assert!((contrast("#000000", "#ffffff") - 21.0).abs() < 1e-9);
}

/// `--faint` is below that by design, so nothing is written with it.
#[test]
fn nothing_is_written_in_the_faint_colour() {
    for entry in std::fs::read_dir(root().join("web/style")).unwrap() {
        let path = entry.unwrap().path();
        let css = std::fs::read_to_string(&path).unwrap();
        let writes = |line: &&str| line.trim().starts_with("color:") && line.contains("--faint");
        assert_eq!(css.lines().find(writes), None, "{}", path.display());
    }
}
