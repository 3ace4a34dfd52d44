//! The sandbox: runs WebAssembly components under limits; the only crate that knows wasmtime.
