//! The Alcove server and command line.
