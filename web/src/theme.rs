//! Light or dark: the system's choice, or the person's.

use leptos::prelude::*;

use crate::browser;

/// Also read by `theme.js`, which sets the attribute before anything is drawn.
const KEY: &str = "alcove.theme";

/// The person's choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Theme {
    System,
    Light,
    Dark,
}

impl Theme {
    pub(crate) const ALL: [Theme; 3] = [Theme::System, Theme::Light, Theme::Dark];

    pub(crate) fn title(self) -> &'static str {
        match self {
            Theme::System => "System",
            Theme::Light => "Light",
            Theme::Dark => "Dark",
        }
    }

    fn value(self) -> Option<&'static str> {
        match self {
            Theme::System => None,
            Theme::Light => Some("light"),
            Theme::Dark => Some("dark"),
        }
    }

    pub(crate) fn stored() -> Theme {
        match browser::stored(KEY).as_deref() {
            Some("light") => Theme::Light,
            Some("dark") => Theme::Dark,
            _ => Theme::System,
        }
    }

    /// Shows and keeps it.
    pub(crate) fn choose(self) {
        browser::store(KEY, self.value());
        if let Some(root) = document().document_element() {
            let _ = match self.value() {
                Some(value) => root.set_attribute("data-theme", value),
                None => root.remove_attribute("data-theme"),
            };
        }
    }
}
