//! `alcove config`.

use std::process::ExitCode;

use crate::config::{Config, KEYS};

use super::arguments::{ConfigCommand, Global};
use super::output;

pub(super) fn run(global: &Global, command: &ConfigCommand) -> anyhow::Result<ExitCode> {
    let config = global.config(Vec::new())?;
    let ConfigCommand::Explain { key } = command;
    match key {
        Some(key) => one(&config, key)?,
        None => all(&config)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn one(config: &Config, key: &str) -> anyhow::Result<()> {
    let explanation = config.explain(key)?;
    output::line(&format!("{} = {}", explanation.key.name, explanation.value))?;
    output::line(&format!("  from {}", explanation.place))?;
    for (value, place) in &explanation.overridden {
        output::line(&format!("  overrides {value} from {place}"))?;
    }
    output::line(&format!("  {}", explanation.key.meaning))?;
    Ok(())
}

fn all(config: &Config) -> anyhow::Result<()> {
    let mut rows = Vec::new();
    for key in KEYS {
        let explanation = config.explain(key.name)?;
        rows.push(vec![
            key.name.to_owned(),
            explanation.value,
            explanation.place.to_string(),
        ]);
    }
    output::table(&rows)?;
    Ok(())
}
