//! Which function is which tool.

use std::collections::HashMap;
use std::fmt;

/// As long as a tool's name may be.
const MAX_NAME_BYTES: usize = 64;

/// An exported function.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Function {
    /// The exported interface that it stands in, such as `acme:shapes/area@1.0.0`.
    pub interface: Option<String>,
    /// Its own name, such as `of-circle`.
    pub name: String,
}

impl Function {
    /// One of an interface, or of the component itself.
    #[must_use]
    pub fn new(interface: Option<&str>, name: &str) -> Function {
        Function {
            interface: interface.map(str::to_owned),
            name: name.to_owned(),
        }
    }

    /// `area_of_circle`: the interface's own name and the function's.
    fn short(&self) -> String {
        match self.interface.as_deref() {
            None => word(&self.name),
            Some(interface) => {
                let path = unversioned(interface);
                let last = path.rsplit('/').next().unwrap_or(path);
                format!("{}_{}", word(last), word(&self.name))
            }
        }
    }

    /// `acme_shapes_area_of_circle`.
    fn long(&self) -> String {
        match self.interface.as_deref() {
            None => word(&self.name),
            Some(interface) => format!("{}_{}", word(unversioned(interface)), word(&self.name)),
        }
    }
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.interface {
            Some(interface) => write!(f, "{interface}#{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

/// The tool's name of each function, in their order; none for a function that can have none. Who
/// makes the manifest and who calls the function both ask here, and the order does not matter.
#[must_use]
pub fn tool_names(functions: &[Function]) -> Vec<Option<String>> {
    let mut short: HashMap<String, usize> = HashMap::new();
    for function in functions {
        *short.entry(function.short()).or_default() += 1;
    }
    let names: Vec<String> = functions
        .iter()
        .map(|function| match function.short() {
            name if short[&name] == 1 => name,
            _ => function.long(),
        })
        .collect();
    names
        .iter()
        .map(|name| {
            let is_only = names.iter().filter(|other| *other == name).count() == 1;
            (is_only && is_tool_name(name)).then(|| name.clone())
        })
        .collect()
}

fn unversioned(interface: &str) -> &str {
    interface
        .split_once('@')
        .map_or(interface, |(name, _)| name)
}

/// Lower case, with underscores for what stands between words. What belongs to a resource
/// (`[method]file.read`) keeps its bracket, and with it is no name.
fn word(text: &str) -> String {
    text.to_ascii_lowercase().replace(['-', ':', '/', '.'], "_")
}

fn is_tool_name(text: &str) -> bool {
    text.len() <= MAX_NAME_BYTES
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_as_short_as_it_can_be() {
        let functions = [
            Function::new(None, "fetch"),
            Function::new(Some("acme:shapes/area@1.0.0"), "of-circle"),
            Function::new(Some("ops"), "parse-XML"),
            Function::new(Some("a:one/time"), "now"),
            Function::new(Some("b:one/time"), "now"),
            Function::new(Some("a:one/files"), "[method]file.read"),
            Function::new(Some("a:one/files"), &"x".repeat(70)),
            Function::new(Some("a:one/twice@1.0.0"), "f"),
            Function::new(Some("a:one/twice@2.0.0"), "f"),
        ];
        let expected = [
            Some("fetch"),
            Some("area_of_circle"),
            Some("ops_parse_xml"),
            Some("a_one_time_now"),
            Some("b_one_time_now"),
            None,
            None,
            None,
            None,
        ];
        let names = tool_names(&functions);
        let names: Vec<_> = names.iter().map(Option::as_deref).collect();
        assert_eq!(names, expected);
        let reversed: Vec<_> = functions.iter().rev().cloned().collect();
        let mut again = tool_names(&reversed);
        again.reverse();
        assert_eq!(
            again.iter().map(Option::as_deref).collect::<Vec<_>>(),
            expected
        );
    }
}
