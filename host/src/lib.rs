//! The Alcove server: gateway, runs, inference, tools, store, and the command line.

pub mod accounts;
pub mod app;
pub mod assets;
pub mod checkpoints;
pub mod cli;
pub mod config;
pub mod gateway;
pub mod inference;
pub mod ledger;
pub mod mcp;
pub mod mcp_stdio;
pub mod models;
pub mod runs;
pub mod secrets;
pub mod store;
pub mod telemetry;
pub mod tools;
pub mod vault;
pub mod workspaces;
