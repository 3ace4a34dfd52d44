//! The way out, against real servers on loopback and a resolver that lies.

mod servers;

mod bodies;
mod follow;
mod hostile;
mod tls;
