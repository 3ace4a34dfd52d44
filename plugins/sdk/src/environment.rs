//! What an admin set for this plugin: the variables of `[env]` in its policy, through `wasi:cli`.
//!
//! There are no others: nothing of the host's own environment is among them. Whoever reads the
//! policy reads them, so secrets go into `inject` of an `[[http]]` rule instead.

#[allow(
    missing_docs,
    unreachable_pub,
    unsafe_code,
    clippy::all,
    clippy::allow_attributes_without_reason,
    reason = "generated from wit/deps"
)]
mod bindings {
    wit_bindgen::generate!({
        inline: "
            package alcove:sdk-environment;
            world client { import wasi:cli/environment@0.2.12; }
        ",
        path: [
            "../../wit/deps/io.wit",
            "../../wit/deps/clocks.wit",
            "../../wit/deps/random.wit",
            "../../wit/deps/filesystem.wit",
            "../../wit/deps/sockets.wit",
            "../../wit/deps/cli.wit",
        ],
        world: "alcove:sdk-environment/client",
        generate_all,
    });
}

/// All variables: names and values.
#[must_use]
pub fn variables() -> Vec<(String, String)> {
    bindings::wasi::cli::environment::get_environment()
}
