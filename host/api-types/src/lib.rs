//! Wire types that host, CLI and web client share.
