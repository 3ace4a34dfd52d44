//! What an author wrote into the WIT, as `wit-component` and `wit-docs-inject` keep it in the
//! custom section `package-docs`: a version byte, then JSON.

use std::collections::HashMap;

use serde::Deserialize;

use super::Function;

/// More than this is not read.
const MAX_BYTES: usize = 1 << 20;
/// Descriptions are cut to this.
const MAX_CHARS: usize = 4_000;

/// The documentation of a component; empty where there is none, or none that can be read.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Docs {
    worlds: HashMap<String, World>,
    interfaces: HashMap<String, Interface>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct World {
    funcs: HashMap<String, Doc>,
    func_exports: HashMap<String, Doc>,
    interfaces: HashMap<String, Interface>,
    interface_exports: HashMap<String, Interface>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Interface {
    funcs: HashMap<String, Doc>,
}

/// The first version of the format has the text alone.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Doc {
    Text(String),
    Entry {
        #[serde(default)]
        docs: Option<String>,
    },
}

impl Doc {
    fn text(&self) -> Option<&str> {
        match self {
            Doc::Text(text) => Some(text),
            Doc::Entry { docs } => docs.as_deref(),
        }
    }
}

impl Docs {
    pub(super) fn parse(section: Option<&[u8]>) -> Docs {
        let json = match section {
            Some([0 | 1, json @ ..]) if json.len() <= MAX_BYTES => json,
            _ => return Docs::default(),
        };
        serde_json::from_slice(json).unwrap_or_default()
    }

    /// A description of a function; one that says so where its author wrote none.
    pub(super) fn of(&self, function: &Function) -> String {
        let written = self.find(function).map(tidy).unwrap_or_default();
        if written.is_empty() {
            return format!(
                "Calls the function `{function}` of a component whose author wrote no description."
            );
        }
        written
    }

    fn find(&self, function: &Function) -> Option<&str> {
        let name = &function.name;
        let Some(interface) = &function.interface else {
            let mut worlds = self.worlds.values();
            return worlds
                .find_map(|world| {
                    world
                        .func_exports
                        .get(name)
                        .or_else(|| world.funcs.get(name))
                })?
                .text();
        };
        let path = interface
            .split_once('@')
            .map_or(&**interface, |(path, _)| path);
        let last = path.rsplit('/').next().unwrap_or(path);
        let inline = self.worlds.values().find_map(|world| {
            let exports = world.interface_exports.get(last);
            exports.or_else(|| world.interfaces.get(last))
        });
        inline
            .or_else(|| self.interfaces.get(last))?
            .funcs
            .get(name)?
            .text()
    }
}

/// Without what only a terminal needs, and not endless.
fn tidy(text: &str) -> String {
    let text = text.replace('\t', " ").replace('\r', "");
    text.trim().chars().take(MAX_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions_are_read_and_noise_is_not() {
        let fetch = Function::new(None, "fetch");
        let area = Function::new(Some("a:b/area@1.0.0"), "of-circle");
        let first = b"\0{\"worlds\":{\"w\":{\"funcs\":{\"fetch\":\"Gets a page.\"}}}}";
        assert_eq!(Docs::parse(Some(first)).of(&fetch), "Gets a page.");
        let second = b"\x01{\"docs\":\"all\",\"interfaces\":{\"area\":{\"funcs\":{\"of-circle\":{\"docs\":\"Its\\tarea.\",\"stability\":{}}}}}}";
        assert_eq!(Docs::parse(Some(second)).of(&area), "Its area.");
        for noise in [
            &b""[..],
            b"\x07{}",
            b"\x01{",
            b"\x01[]",
            b"\x01{\"worlds\":3}",
        ] {
            let text = Docs::parse(Some(noise)).of(&fetch);
            assert!(text.contains("wrote no description"), "{text}");
        }
    }
}
