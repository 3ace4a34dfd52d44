//! The runtime on real model files.

mod common;
mod embed;
mod files;
mod generate;
mod grammar;
mod tokens;
