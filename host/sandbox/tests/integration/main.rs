//! The sandbox as a whole: real engine, real policies, real components.

mod support;

mod cache;
mod flow;
mod guests;
mod hostile;
mod keys;
mod keys_env;
mod keys_files;
mod keys_http;
mod keys_limits;
mod probe;
mod python;
mod python_repl;
mod replay;
mod sessions;
mod stopping;
mod web_fetch;
