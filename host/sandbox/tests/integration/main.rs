//! The sandbox as a whole: real engine, real policies, real components.

mod support;

mod cache;
mod flow;
mod guests;
mod hostile;
mod hostile_corpus;
mod hostile_http;
mod javascript_repl;
mod keys;
mod keys_env;
mod keys_files;
mod keys_http;
mod keys_limits;
mod keys_secrets;
mod probe;
mod python;
mod python_repl;
mod replay;
mod sessions;
mod stopping;
mod typed;
mod web_fetch;
mod web_search;
