//! Memory of a server that waits.

use anyhow::Result;

use super::result::Row;
use super::server::Server;

const GROUP: &str = "idle";

pub(crate) fn measure() -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for model in ["smollm2-135m", "qwen2.5-coder-0.5b", "qwen2.5-coder-1.5b"] {
        let server = Server::start(model)?;
        let (resident, anonymous) = server.memory_mib()?;
        rows.push(Row::new(
            GROUP,
            format!("{model}: resident"),
            resident,
            "MiB",
        )?);
        rows.push(Row::new(
            GROUP,
            format!("{model}: of that, backed by no file"),
            anonymous,
            "MiB",
        )?);
    }
    Ok(rows)
}
