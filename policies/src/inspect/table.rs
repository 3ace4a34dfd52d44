//! The closed table of imports.

use super::without_version;

/// What it means that a component has an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Gives no power over anything: types, streams, clocks, random numbers. Recorded for replay.
    Inert,
    /// Linked to functions that say "access denied" where nothing is granted: language runtimes
    /// import these whatever they run.
    Deniable,
    /// Power over something outside: the manifest must request it.
    Authority,
}

/// An interface that the host knows: name, class, capability.
struct Row(&'static str, Class, &'static str);

/// Every import that a component may have. What is not here is refused.
///
/// `wasi:http/types` is inert: it holds the shapes of requests, and `outgoing-handler` sends them.
const TABLE: &[Row] = &[
    Row("alcove:tool/session", Class::Inert, "session"),
    Row("alcove:tool/types", Class::Inert, "session"),
    Row("wasi:io/error", Class::Inert, "io"),
    Row("wasi:io/poll", Class::Inert, "io"),
    Row("wasi:io/streams", Class::Inert, "io"),
    Row("wasi:clocks/monotonic-clock", Class::Inert, "clocks"),
    Row("wasi:clocks/wall-clock", Class::Inert, "clocks"),
    Row("wasi:random/insecure", Class::Inert, "random"),
    Row("wasi:random/insecure-seed", Class::Inert, "random"),
    Row("wasi:random/random", Class::Inert, "random"),
    Row("wasi:http/types", Class::Inert, "http"),
    Row("wasi:cli/environment", Class::Deniable, "environment"),
    Row("wasi:cli/exit", Class::Deniable, "environment"),
    Row("wasi:cli/stderr", Class::Deniable, "environment"),
    Row("wasi:cli/stdin", Class::Deniable, "environment"),
    Row("wasi:cli/stdout", Class::Deniable, "environment"),
    Row("wasi:cli/terminal-input", Class::Deniable, "environment"),
    Row("wasi:cli/terminal-output", Class::Deniable, "environment"),
    Row("wasi:cli/terminal-stderr", Class::Deniable, "environment"),
    Row("wasi:cli/terminal-stdin", Class::Deniable, "environment"),
    Row("wasi:cli/terminal-stdout", Class::Deniable, "environment"),
    Row("wasi:filesystem/preopens", Class::Deniable, "files"),
    Row("wasi:filesystem/types", Class::Deniable, "files"),
    Row("wasi:sockets/instance-network", Class::Deniable, "sockets"),
    Row("wasi:sockets/ip-name-lookup", Class::Deniable, "sockets"),
    Row("wasi:sockets/network", Class::Deniable, "sockets"),
    Row("wasi:sockets/tcp", Class::Deniable, "sockets"),
    Row("wasi:sockets/tcp-create-socket", Class::Deniable, "sockets"),
    Row("wasi:sockets/udp", Class::Deniable, "sockets"),
    Row("wasi:sockets/udp-create-socket", Class::Deniable, "sockets"),
    Row("wasi:http/outgoing-handler", Class::Authority, "http"),
    Row("alcove:assets/blobs", Class::Authority, "assets"),
    Row("alcove:delegate/tools", Class::Authority, "delegate"),
    Row("alcove:inference/text", Class::Authority, "inference"),
    Row("alcove:state/store", Class::Authority, "state"),
];

/// Capabilities of ours that are named but that no policy of this version can grant: every
/// interface of these packages is authority.
const RESERVED: &[&str] = &["alcove:images", "alcove:memory", "alcove:shapes"];

/// The class of an import by its full name, such as `wasi:io/poll@0.2.9`; nothing for one that is
/// not in the table or is of another version than the host links.
#[must_use]
pub fn classify(name: &str) -> Option<Class> {
    let (interface, version) = name.split_once('@')?;
    let version: semver::Version = version.parse().ok()?;
    let package = interface.split_once('/')?.0;
    if RESERVED.contains(&package) {
        return Some(Class::Authority);
    }
    let known_version = match package {
        // The component model links versions that are equal up to the first number that is not 0.
        package if package.starts_with("alcove:") => version.major == 0 && version.minor == 1,
        _ => version.major == 0 && version.minor == 2 && version.pre.is_empty(),
    };
    if !known_version {
        return None;
    }
    row(interface).map(|Row(_, class, _)| *class)
}

/// Which capability an import belongs to: `http`, `files`, `sockets`, `environment`, `clocks`,
/// `random`, `io`, `session`, or the name of one of ours such as `state`.
#[must_use]
pub fn capability(name: &str) -> Option<&str> {
    let interface = without_version(name);
    if let Some(Row(_, _, capability)) = row(interface) {
        return Some(capability);
    }
    let package = interface.split_once('/')?.0;
    RESERVED
        .contains(&package)
        .then(|| package.trim_start_matches("alcove:"))
}

fn row(interface: &str) -> Option<&'static Row> {
    TABLE.iter().find(|Row(name, _, _)| *name == interface)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_closed() {
        assert_eq!(classify("wasi:io/poll@0.2.0"), Some(Class::Inert));
        assert_eq!(classify("wasi:sockets/tcp@0.2.12"), Some(Class::Deniable));
        assert_eq!(
            classify("wasi:http/outgoing-handler@0.2.3"),
            Some(Class::Authority)
        );
        assert_eq!(classify("alcove:tool/session@0.1.0"), Some(Class::Inert));
        assert_eq!(classify("alcove:state/store@0.1.0"), Some(Class::Authority));
        for unknown in [
            "wasi:io/poll",
            "wasi:io/poll@0.3.0",
            "wasi:io/poll@0.2.0-rc-1",
            "wasi:io/other@0.2.0",
            "wasi:http/incoming-handler@0.2.0",
            "wasi:keyvalue/store@0.2.0",
            "alcove:tool/session@0.2.0",
            "alcove:secret/all@0.1.0",
            "alcove:state/other@0.1.0",
            "alcove:state/store@0.2.0",
            "env",
            "",
        ] {
            assert_eq!(classify(unknown), None, "{unknown}");
        }
    }
}
