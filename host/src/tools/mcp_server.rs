//! An MCP server as a plugin.
//!
//! What speaks to the server is a component that comes with the program: it is given the server's
//! address and the tools that the server listed, installed like any other, and runs in the sandbox
//! under a policy that names the server's origin. So its calls are limited, recorded, approved and
//! revoked like all calls; the server's descriptions are part of the plugin's digest, and one that
//! describes itself differently is a new version, which a grant does not follow by itself.

mod component;
mod convert;

use std::collections::BTreeMap;
use std::sync::Arc;

use alcove_api_types::{AddMcpServer, AddedMcpServer, LeftOut};
use alcove_policies::manifest::{CONTRACT, Manifest, Tool};
use alcove_policies::{HttpDecision, Policy};
use alcove_sandbox::{Call, Content, Grant, Invocation, Outcome};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::mcp_stdio;

use super::outcome::translate;
use super::upgrades::Strictness;
use super::{Tools, ToolsError};

use component::Configuration;

/// Who publishes what a server offers.
pub(super) const MCP_PUBLISHER: &str = "mcp";
/// The tool with which the component lists what the server offers.
const DISCOVER: &str = "discover";
/// As long as a plugin's name may be.
const MAX_NAME_BYTES: usize = 64;

/// What the component answers when it is asked what the server offers.
#[derive(Deserialize)]
struct Found {
    version: String,
    tools: Vec<Value>,
}

impl Tools {
    /// Asks a server what it offers, and installs that. Nothing is granted. Adding the same server
    /// again looks what has changed.
    pub async fn add_mcp(&self, add: AddMcpServer) -> Result<AddedMcpServer, ToolsError> {
        let url = server_url(&add.url)?;
        self.add_mcp_as(MCP_PUBLISHER, url, add).await
    }

    /// Asks each server of the configuration file what it offers, which starts it, and installs
    /// that. One that does not answer keeps no other back; what it offered before stays.
    pub async fn find_stdio_servers(&self) {
        for name in self.inner.mcp_stdio.names() {
            let add = AddMcpServer {
                url: mcp_stdio::url_of(name),
                name: Some(name.to_owned()),
                policy: None,
                addresses: Vec::new(),
            };
            let added = match server_url(&add.url) {
                Ok(url) => self.add_mcp_as(mcp_stdio::PUBLISHER, url, add).await,
                Err(error) => Err(error),
            };
            match added {
                Ok(added) => {
                    for left in added.left_out {
                        tracing::warn!(
                            name,
                            tool = left.name,
                            reason = left.reason,
                            "a tool of an MCP server is left out"
                        );
                    }
                }
                Err(error) => {
                    tracing::error!(name, %error, "an MCP server of the configuration file can't be used");
                }
            }
        }
    }

    async fn add_mcp_as(
        &self,
        publisher: &'static str,
        url: Url,
        add: AddMcpServer,
    ) -> Result<AddedMcpServer, ToolsError> {
        let name = match &add.name {
            Some(name) => name.clone(),
            None => name_of(&url),
        };
        let id = format!("{publisher}/{name}");
        let policy = policy_of(&id, &url, &add)?;
        let found = self.discover(&id, &url, &policy).await?;
        let (tools, names, left_out) = convert_all(&found.tools);
        if tools.is_empty() {
            return Err(invalid(
                "url",
                format!(
                    "{url} offers no tool that can be used here{}",
                    left_out
                        .first()
                        .map(|left| format!(": `{}` {}", left.name, left.reason))
                        .unwrap_or_default()
                ),
            ));
        }
        let manifest = manifest(&id, &policy, tools)?;
        let configuration = Configuration {
            url: url.as_str(),
            version: Some(&found.version),
            tools: names,
        };
        let bytes = component::make(&configuration, &manifest)?;
        let (components, source) = (self.inner.components.clone(), url.to_string());
        let installed = self
            .blocking(move || components.install_from(&bytes, publisher, &source))
            .await??;
        tracing::info!(plugin = installed.id, digest = installed.digest, %url, "an MCP server is added");
        self.move_bindings(&installed, Strictness::SameDescription)
            .await?;
        Ok(AddedMcpServer {
            plugin: self.describe(&installed).await?,
            left_out,
        })
    }

    /// Runs the component once, under the policy that the plugin will ask for.
    async fn discover(&self, id: &str, url: &Url, policy: &Policy) -> Result<Found, ToolsError> {
        let configuration = Configuration {
            url: url.as_str(),
            version: None,
            tools: BTreeMap::new(),
        };
        let manifest = manifest(id, policy, vec![discover_tool()])?;
        let bytes = component::make(&configuration, &manifest)?;
        let sandbox = &self.inner.sandbox;
        let broken = |error: String| ToolsError::Components(error);
        let (folder, digest) = self
            .blocking(move || component::write(&bytes))
            .await?
            .map_err(|error| broken(error.to_string()))?;
        let loaded = sandbox.load(&folder.path().join(&digest), &digest).await;
        let loaded = loaded.map_err(|error| broken(error.to_string()))?;
        let secrets = self
            .secret_values(&self.inner.local, policy.secrets())
            .await
            .map_err(|why| invalid("url", why))?;
        let call = Call {
            invocation: Invocation {
                local: self.inner.mcp_stdio.of(id),
                ..Invocation::new(DISCOVER, "{}")
            },
            grant: Grant {
                plugin: id.to_owned(),
                policy: Arc::new(policy.clone().into()),
                mounts: Vec::new(),
                secrets,
                lease: CancellationToken::new(),
            },
        };
        let report = sandbox.call(&loaded, call).await;
        let parts = match report.outcome {
            Outcome::Ok(parts) => parts,
            other => {
                let (outcome, _) = translate(other, |_| None);
                let why = crate::mcp::describe(&outcome).unwrap_or_default();
                return Err(invalid("url", format!("{url} could not be asked: {why}")));
            }
        };
        let text = parts.iter().find_map(|part| match &part.content {
            Content::Json(text) => Some(text),
            _ => None,
        });
        text.and_then(|text| serde_json::from_str(text).ok())
            .ok_or_else(|| invalid("url", format!("{url} is no MCP server")))
    }
}

fn discover_tool() -> Tool {
    Tool {
        name: DISCOVER.to_owned(),
        title: "Discover".to_owned(),
        description: "Lists what the server offers.".to_owned(),
        input: json!({"type": "object", "additionalProperties": false}),
        output: None,
        effects: Vec::new(),
        files: Vec::new(),
        examples: Vec::new(),
        code: None,
    }
}

fn manifest(id: &str, policy: &Policy, tools: Vec<Tool>) -> Result<Manifest, ToolsError> {
    let manifest = json!({
        "id": id,
        "version": "0.0.0",
        "contract": CONTRACT.to_string(),
        "requests": policy.text(),
        "tools": tools,
    });
    Manifest::parse(manifest.to_string().as_bytes())
        .map_err(|error| invalid("url", error.to_string()))
}

type Converted = (Vec<Tool>, BTreeMap<String, String>, Vec<LeftOut>);

/// What can be offered here, what each tool is called there, and what cannot.
fn convert_all(listed: &[Value]) -> Converted {
    let (mut tools, mut names, mut left_out) = (Vec::new(), BTreeMap::new(), Vec::new());
    for listed in listed {
        let there = listed["name"].as_str().unwrap_or_default();
        let converted = convert::tool(listed).and_then(|tool| {
            if names.contains_key(&tool.name) {
                return Err(format!("would have the name `{}` a second time", tool.name));
            }
            Ok(tool)
        });
        match converted {
            Ok(tool) => {
                names.insert(tool.name.clone(), there.to_owned());
                tools.push(tool);
            }
            Err(reason) => left_out.push(LeftOut {
                name: there.chars().take(MAX_NAME_BYTES).collect(),
                reason,
            }),
        }
    }
    (tools, names, left_out)
}

fn server_url(text: &str) -> Result<Url, ToolsError> {
    let url = Url::parse(text).map_err(|error| invalid("url", format!("{text}: {error}")))?;
    let is_plain = matches!(url.scheme(), "http" | "https")
        && url.has_host()
        && url.username().is_empty()
        && url.password().is_none()
        && url.fragment().is_none();
    match is_plain {
        true => Ok(url),
        false => Err(invalid(
            "url",
            "an MCP server is an http or https URL without a user name; a credential goes into the policy".to_owned(),
        )),
    }
}

/// `mcp.example.com` is called `mcp-example-com`.
fn name_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let plain: String = host
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .take(MAX_NAME_BYTES)
        .collect();
    match plain.trim_matches('-') {
        "" => "server".to_owned(),
        name => name.to_lowercase(),
    }
}

/// The policy that the plugin asks for: the server's endpoint and nothing else, or what was given.
fn policy_of(id: &str, url: &Url, add: &AddMcpServer) -> Result<Policy, ToolsError> {
    let text = match &add.policy {
        Some(text) => text.clone(),
        None => {
            let mut text = format!(
                "version = 1\nplugin = \"{id}\"\n\n[[http]]\norigin = \"{}\"\nmethods = [\"POST\", \"DELETE\"]\npaths = [{}]\n",
                url.origin().ascii_serialization(),
                json!(url.path()),
            );
            if id.starts_with(mcp_stdio::PUBLISHER) {
                // What a process of this machine has read, nobody can know.
                text.push_str("\n[labels]\noutput = \"private\"\n");
            }
            if !add.addresses.is_empty() {
                text.push_str(&format!("addresses = {}\n", json!(add.addresses)));
            }
            text
        }
    };
    let policy = Policy::parse(&text).map_err(|error| invalid("policy", error.to_string()))?;
    if policy.plugin() != id {
        return Err(invalid(
            "policy",
            format!("the policy is for {}, not for {id}", policy.plugin()),
        ));
    }
    match policy.http("POST", url) {
        HttpDecision::Allow { .. } => Ok(policy),
        HttpDecision::Deny(denial) => Err(invalid(
            "policy",
            format!(
                "the policy does not let it reach its server: {}",
                denial.detail
            ),
        )),
    }
}

fn invalid(param: &'static str, message: String) -> ToolsError {
    ToolsError::Invalid { param, message }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_gets_a_policy_for_its_endpoint_alone() {
        let add = |url: &str| AddMcpServer {
            url: url.to_owned(),
            name: None,
            policy: None,
            addresses: vec!["127.0.0.1/32".to_owned()],
        };
        let url = server_url("http://127.0.0.1:9000/mcp?x=1").unwrap();
        assert_eq!(name_of(&url), "127-0-0-1");
        let policy = policy_of("mcp/x", &url, &add(url.as_str())).unwrap();
        let decide = |method: &str, text: &str| policy.http(method, &Url::parse(text).unwrap());
        assert!(matches!(
            decide("POST", "http://127.0.0.1:9000/mcp?x=1"),
            HttpDecision::Allow { .. }
        ));
        for (method, other) in [
            ("GET", "http://127.0.0.1:9000/mcp"),
            ("POST", "http://127.0.0.1:9000/other"),
            ("POST", "http://127.0.0.1:9001/mcp"),
        ] {
            assert!(
                matches!(decide(method, other), HttpDecision::Deny(_)),
                "{other}"
            );
        }
        for bad in [
            "ftp://a.example/",
            "http://a:b@a.example/",
            "http://a.example/#x",
            "a",
            "file:///x",
        ] {
            assert!(server_url(bad).is_err(), "{bad}");
        }
    }
}
