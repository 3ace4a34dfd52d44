//! `alcove plugin`.

use std::path::Path;
use std::process::ExitCode;

use alcove_api_types::{
    AddMcpServer, AddedMcpServer, Binding, DeclineRequest, GrantRequest, InstallPlugin, Plugin,
    RequestGrant,
};
use anyhow::Context;

use crate::models::human_bytes;

use super::arguments::{Global, PluginCommand};
use super::client::{Client, segment};
use super::connect::Connection;
use super::grant::upgrade_lines;
use super::output;

/// How much of a digest tells two versions apart for a person.
pub(super) const SHORT_DIGEST: usize = 12;

pub(super) async fn run(global: &Global, command: PluginCommand) -> anyhow::Result<ExitCode> {
    // A path is looked at before a server is bothered with it.
    let command = match command {
        PluginCommand::Install {
            path,
            accept_generated,
        } => PluginCommand::Install {
            path: path
                .canonicalize()
                .with_context(|| format!("cannot find {}", path.display()))?,
            accept_generated,
        },
        command => command,
    };
    let connection = Connection::open(global).await?;
    let done = act(&connection.client, command).await;
    connection.close().await;
    done.map(|()| ExitCode::SUCCESS)
}

async fn act(client: &Client, command: PluginCommand) -> anyhow::Result<()> {
    match command {
        PluginCommand::Install {
            path,
            accept_generated,
        } => install(client, &path, accept_generated).await,
        PluginCommand::AddMcp {
            url,
            name,
            addresses,
            policy,
        } => {
            let policy = policy.as_deref().map(read_policy).transpose()?;
            let add = AddMcpServer {
                url,
                name,
                policy,
                addresses,
            };
            add_mcp(client, &add).await
        }
        PluginCommand::List => {
            let plugins: Vec<Plugin> = client.get("/api/plugins").await?;
            let rows: Vec<Vec<String>> = plugins
                .into_iter()
                .map(|plugin| {
                    let tools: Vec<String> =
                        plugin.tools.into_iter().map(|tool| tool.name).collect();
                    vec![
                        plugin.id,
                        plugin.version,
                        human_bytes(plugin.size_bytes),
                        tools.join(", "),
                    ]
                })
                .collect();
            output::table(&rows)?;
            Ok(())
        }
        PluginCommand::Inspect { plugin } => {
            let plugin: Plugin = client
                .get(&format!("/api/plugins/{}", segment(&plugin)))
                .await?;
            show(&plugin)
        }
        PluginCommand::Request { plugin, reason } => {
            let path = format!("/api/plugins/{}/requests", segment(&plugin));
            let asked: GrantRequest = client.post(&path, &RequestGrant { reason }).await?;
            output::note(&format!(
                "{} is asked for. An admin sees it with `alcove plugin requests`.",
                asked.plugin
            ))?;
            Ok(())
        }
        PluginCommand::Requests => {
            let asked: Vec<GrantRequest> = client.get("/api/requests").await?;
            let rows: Vec<Vec<String>> = asked
                .into_iter()
                .map(|asked| {
                    vec![
                        asked.plugin,
                        format!("user:{}", asked.user),
                        output::date(asked.created_at_ms),
                        match asked.declined {
                            Some(why) => format!("declined: {why}"),
                            None => asked.reason,
                        },
                    ]
                })
                .collect();
            output::table(&rows)?;
            Ok(())
        }
        PluginCommand::Decline {
            plugin,
            user,
            reason,
        } => {
            let path = format!("/api/plugins/{}/requests/decline", segment(&plugin));
            let body = DeclineRequest { user, reason };
            let declined: GrantRequest = client.post(&path, &body).await?;
            output::note(&format!(
                "{} is told that {} is declined.",
                declined.user, declined.plugin
            ))?;
            Ok(())
        }
        PluginCommand::Remove { plugin } => {
            client
                .delete(&format!("/api/plugins/{}", segment(&plugin)))
                .await?;
            output::note(&format!("{plugin} is removed."))?;
            Ok(())
        }
    }
}

fn read_policy(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

async fn add_mcp(client: &Client, add: &AddMcpServer) -> anyhow::Result<()> {
    let added: AddedMcpServer = client.post("/api/mcp-servers", add).await?;
    show(&added.plugin)?;
    for left in &added.left_out {
        let text = format!("\n`{}` is left out: it {}.", left.name, left.reason);
        output::line(&output::clean(&text))?;
    }
    tell_about_grants(client, &added.plugin).await
}

async fn install(client: &Client, path: &Path, accept_generated: bool) -> anyhow::Result<()> {
    let body = InstallPlugin {
        path: path
            .to_str()
            .with_context(|| format!("{} is not UTF-8", path.display()))?
            .to_owned(),
        accept_generated,
    };
    let plugin: Plugin = client.post("/api/plugins", &body).await?;
    show(&plugin)?;
    tell_about_grants(client, &plugin).await
}

/// Who may use what was just installed.
async fn tell_about_grants(client: &Client, plugin: &Plugin) -> anyhow::Result<()> {
    let bindings: Vec<Binding> = client.get("/api/bindings").await?;
    let of_this: Vec<&Binding> = bindings
        .iter()
        .filter(|binding| binding.plugin == plugin.id)
        .collect();
    let id = &plugin.id;
    if of_this.is_empty() {
        output::note(&format!(
            "{id} is installed. Nobody may use it yet: `alcove grant {id}` grants what it asks for, `--policy FILE` what you choose."
        ))?;
    }
    for binding in of_this {
        let Some(upgrade) = &binding.upgrade else {
            continue;
        };
        output::note(&format!(
            "The grant to {} stays on the version before: `alcove grant {id} --to {} --accept-upgrade` accepts this one.",
            binding.principal, binding.principal
        ))?;
        for line in upgrade_lines(upgrade) {
            output::note(&output::clean(&line))?;
        }
    }
    Ok(())
}

fn show(plugin: &Plugin) -> anyhow::Result<()> {
    let say = |text: &str| output::line(&output::clean(text));
    say(&format!(
        "{} {} · {} · sha256 {}",
        plugin.id,
        plugin.version,
        human_bytes(plugin.size_bytes),
        plugin.digest
    ))?;
    for tool in &plugin.tools {
        say(&format!("\n{} ({})", tool.title, tool.name))?;
        say(&indent(&tool.description))?;
    }
    say("\nWhat it can do")?;
    for badge in &plugin.badges {
        say(&indent(&badge.text))?;
    }
    if plugin.is_generated {
        say("\nIt has no manifest of its own: its tools are made from its types.")?;
    } else if plugin.requests.trim().is_empty() {
        say("\nIts author asks for nothing beyond the default limits.")?;
    } else {
        say("\nWhat its author asks for")?;
        say(&indent(plugin.requests.trim_end()))?;
    }
    say("\nImports")?;
    for import in &plugin.imports {
        say(&indent(import))?;
    }
    Ok(())
}

fn indent(text: &str) -> String {
    text.lines()
        .map(|line| format!("  {line}"))
        .collect::<Vec<_>>()
        .join("\n")
}
