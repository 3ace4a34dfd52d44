//! Addresses within the application.

use leptos::prelude::*;
use wasm_bindgen::JsValue;

/// A page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Route {
    /// `/`, or `/c/{conversation}`.
    Chat(Option<String>),
    /// `/setup#token=…`.
    SetUp,
    /// `/plugins`.
    Plugins,
    /// `/plugins/{publisher}/{name}`.
    Plugin(String),
    /// `/plugins/ceiling`.
    Ceiling,
    /// Everything else.
    Unknown,
}

impl Route {
    /// The page at the browser's current address.
    pub(crate) fn current() -> Route {
        let path = window().location().pathname().unwrap_or_default();
        match path.trim_matches('/').split('/').collect::<Vec<_>>()[..] {
            [""] => Route::Chat(None),
            ["c", id] if !id.is_empty() => Route::Chat(Some(id.to_owned())),
            ["setup"] => Route::SetUp,
            ["plugins"] => Route::Plugins,
            ["plugins", "ceiling"] => Route::Ceiling,
            ["plugins", publisher, name] => Route::Plugin(format!("{publisher}/{name}")),
            _ => Route::Unknown,
        }
    }

    /// Its address.
    pub(crate) fn path(&self) -> String {
        match self {
            Route::Chat(Some(id)) => format!("/c/{id}"),
            Route::SetUp => "/setup".to_owned(),
            Route::Plugins => "/plugins".to_owned(),
            Route::Plugin(id) => format!("/plugins/{id}"),
            Route::Ceiling => "/plugins/ceiling".to_owned(),
            Route::Chat(None) | Route::Unknown => "/".to_owned(),
        }
    }
}

/// Where the person is. Follows the browser's back and forward buttons.
#[derive(Clone, Copy)]
pub(crate) struct Router {
    current: RwSignal<Route>,
}

impl Router {
    pub(crate) fn new() -> Router {
        let current = RwSignal::new(Route::current());
        window_event_listener(leptos::ev::popstate, move |_| current.set(Route::current()));
        Router { current }
    }

    pub(crate) fn get(self) -> Route {
        self.current.get()
    }

    /// Goes to a page, with an entry in the history.
    pub(crate) fn go(self, route: Route) {
        if self.current.get_untracked() != route {
            self.write(&route, false);
            self.current.set(route);
        }
    }

    /// Goes to a page in place of the current one.
    pub(crate) fn replace(self, route: Route) {
        self.write(&route, true);
        self.current.set(route);
    }

    fn write(self, route: &Route, replace: bool) {
        let Ok(history) = window().history() else {
            return;
        };
        let path = route.path();
        // Fails only for addresses of another origin.
        let _ = if replace {
            history.replace_state_with_url(&JsValue::NULL, "", Some(&path))
        } else {
            history.push_state_with_url(&JsValue::NULL, "", Some(&path))
        };
    }
}

/// The setup token in the address: after `#`, so that it is never sent to a server or its log.
pub(crate) fn setup_token() -> Option<String> {
    let hash = window().location().hash().ok()?;
    let token = hash.strip_prefix("#token=")?;
    (!token.is_empty()).then(|| token.to_owned())
}
