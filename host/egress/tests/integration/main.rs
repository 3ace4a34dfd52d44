//! The way out, against real servers on loopback and a resolver that lies.

mod corpus;
mod fuzzed;
mod servers;

mod bodies;
mod follow;
mod hostile;
mod hostile_corpus;
mod mutations;
mod tls;
