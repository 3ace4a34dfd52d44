//! `alcove model`: needs no server.

use std::process::ExitCode;
use std::sync::Arc;

use alcove_egress::{Egress, EgressConfig};
use alcove_runtime::catalogue::EMBEDDING_MODEL;
use tokio_util::sync::CancellationToken;

use crate::config::{Config, ModelChoice};
use crate::models::{ModelFile, Models, ModelsError, human_bytes, is_path};

use super::arguments::{Global, ModelCommand};
use super::output;
use super::progress::FetchProgress;

/// As a shell says of a command that Ctrl-C ended.
pub(super) const INTERRUPTED: u8 = 130;

pub(super) async fn run(global: &Global, command: ModelCommand) -> anyhow::Result<ExitCode> {
    let config = global.config(Vec::new())?;
    let models = Models::new(
        config.models_dir.clone(),
        Egress::new(EgressConfig::default())?,
    );
    match command {
        ModelCommand::List => list(&models, &config),
        ModelCommand::Fetch { id } => fetch(&models, &config, id).await,
        ModelCommand::Verify { id } => verify(&models, id).await,
        ModelCommand::Remove { id } => {
            let freed = models.remove(&id)?;
            output::note(&format!(
                "{id} is removed; {} are free again.",
                human_bytes(freed)
            ))?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// What `alcove serve` would load.
fn chosen(models: &Models, config: &Config) -> String {
    match &config.model {
        Some(ModelChoice::Id(id)) => id.clone(),
        Some(ModelChoice::File(path)) => path.display().to_string(),
        None => models.default_id().to_owned(),
    }
}

fn list(models: &Models, config: &Config) -> anyhow::Result<ExitCode> {
    let chosen = chosen(models, config);
    let mut rows = Vec::new();
    for model in models.list() {
        let state = match &model.state {
            ModelFile::Absent => "-".to_owned(),
            ModelFile::Partial { bytes } => format!("{} so far", human_bytes(*bytes)),
            ModelFile::Present { .. } => "here".to_owned(),
            ModelFile::Altered { .. } => "altered".to_owned(),
        };
        rows.push(vec![
            if model.id == chosen { "*" } else { "" }.to_owned(),
            model.id,
            model.bytes.map_or_else(|| "?".to_owned(), human_bytes),
            state,
            if model.tested { "tested" } else { "not tested" }.to_owned(),
            model.licence,
            model.title,
        ]);
    }
    output::table(&rows)?;
    if is_path(&chosen) {
        output::note(&format!("The server loads a file of your own: {chosen}"))?;
    } else {
        output::note("* is what `alcove serve` loads.")?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn fetch(models: &Models, config: &Config, id: Option<String>) -> anyhow::Result<ExitCode> {
    if let Some(id) = id {
        return fetch_one(models, id).await;
    }
    let code = fetch_one(models, chosen(models, config)).await?;
    // Answers don't need it, so its failure is no failure of the fetch.
    match fetch_one(models, EMBEDDING_MODEL.to_owned()).await {
        Ok(_) => {}
        Err(error) => output::note(&format!(
            "alcove: {error:#}\nWithout {EMBEDDING_MODEL}, `/v1/embeddings` does not answer, and of \
             many granted tools the right ones are found by words only."
        ))?,
    }
    Ok(code)
}

async fn fetch_one(models: &Models, id: String) -> anyhow::Result<ExitCode> {
    if is_path(&id) {
        models.resolve(&id)?;
        output::note(&format!(
            "{id} is a file of your own: there is nothing to fetch."
        ))?;
        return Ok(ExitCode::SUCCESS);
    }
    let cancel = CancellationToken::new();
    let on_interrupt = cancel.clone();
    let listener = tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            on_interrupt.cancel();
        }
    });
    let progress = Arc::new(FetchProgress::new(&id));
    let fetched = models.fetch(&id, progress.clone(), cancel).await;
    listener.abort();
    progress.finish();
    match fetched {
        Ok(path) => {
            output::line(&path.display().to_string())?;
            Ok(ExitCode::SUCCESS)
        }
        Err(error @ ModelsError::Cancelled { .. }) => {
            output::note(&error.to_string())?;
            Ok(ExitCode::from(INTERRUPTED))
        }
        Err(error) => Err(error.into()),
    }
}

async fn verify(models: &Models, id: Option<String>) -> anyhow::Result<ExitCode> {
    let ids: Vec<String> = match id {
        Some(id) => vec![id],
        None => models
            .list()
            .into_iter()
            .filter(|model| {
                matches!(
                    model.state,
                    ModelFile::Present { .. } | ModelFile::Altered { .. }
                )
            })
            .map(|model| model.id)
            .collect(),
    };
    if ids.is_empty() {
        output::note("No model is here yet: `alcove model fetch` brings one.")?;
    }
    let mut code = ExitCode::SUCCESS;
    for id in ids {
        match models.verify(&id).await {
            Ok(path) => output::line(&format!("{id} is right: {}", path.display()))?,
            // The rest are checked all the same.
            Err(error @ ModelsError::Altered { .. }) => {
                output::note(&format!("alcove: {error}"))?;
                code = ExitCode::from(super::FAILED);
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(code)
}
