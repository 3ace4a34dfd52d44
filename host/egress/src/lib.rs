//! The only way to a URL that a guest, a model or a user named.
