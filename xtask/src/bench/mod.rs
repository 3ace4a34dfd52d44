//! Measuring: each group writes `docs/results/NAME.json`; `docs/benchmarks.md` is rendered from
//! those files.

mod first_token;
mod idle;
mod inference;
mod mcp;
mod render;
mod repl;
pub(crate) mod result;
mod sandbox;
pub(crate) mod server;
mod statistics;
mod stop;

use anyhow::{Result, bail};

use crate::{build, setup, shell};

/// A group of measurements.
struct Group {
    name: &'static str,
    measure: fn() -> Result<Vec<result::Row>>,
}

const GROUPS: &[Group] = &[
    Group {
        name: "sandbox",
        measure: sandbox::measure,
    },
    Group {
        name: "python",
        measure: repl::python,
    },
    Group {
        name: "javascript",
        measure: repl::javascript,
    },
    Group {
        name: "mcp",
        measure: mcp::measure,
    },
    Group {
        name: "inference",
        measure: inference::measure,
    },
    Group {
        name: "first-token",
        measure: first_token::measure,
    },
    Group {
        name: "stop",
        measure: stop::measure,
    },
    Group {
        name: "idle",
        measure: idle::measure,
    },
];

/// Runs one group, or all of them, and renders the page.
pub(crate) fn run(name: Option<&str>) -> Result<()> {
    let chosen: Vec<_> = GROUPS
        .iter()
        .filter(|group| name.is_none_or(|name| name == group.name))
        .collect();
    if chosen.is_empty() && name != Some("render") {
        let names: Vec<_> = GROUPS.iter().map(|group| group.name).collect();
        bail!(
            "no group of that name; there are {} and `render`",
            names.join(", ")
        );
    }
    if !chosen.is_empty() {
        setup::for_building()?;
        build::everything()?;
    }
    for group in chosen {
        shell::say(&format!("measuring {}", group.name));
        let rows = (group.measure)()?;
        result::write(group.name, &rows)?;
        for row in &rows {
            shell::say(&row.line());
        }
    }
    render::render()
}
