//! Which host functions a guest finds: each interface added by name, none wholesale.

use wasmtime::Engine;
use wasmtime::component::{HasData, Linker, ResourceTable};
use wasmtime_wasi::WasiView;
use wasmtime_wasi::cli::{WasiCli, WasiCliView};
use wasmtime_wasi::clocks::{WasiClocks, WasiClocksView};
use wasmtime_wasi::p2::bindings as wasi;
use wasmtime_wasi::sockets::{WasiSockets, WasiSocketsView};

use crate::bindings::{self, SessionView};
use crate::capabilities;
use crate::files::FilesView;
use crate::recorder::Recorder;
use crate::state::GuestState;

struct Session;
impl HasData for Session {
    type Data<'a> = SessionView<'a>;
}

struct Random;
impl HasData for Random {
    type Data<'a> = &'a mut Recorder;
}

struct Table;
impl HasData for Table {
    type Data<'a> = &'a mut ResourceTable;
}

struct Files;
impl HasData for Files {
    type Data<'a> = FilesView<'a>;
}

/// Everything a tool may import. A component that imports anything else does not load.
pub(crate) fn new(engine: &Engine) -> wasmtime::Result<Linker<GuestState>> {
    let mut linker = Linker::new(engine);
    ours(&mut linker)?;
    inert(&mut linker)?;
    deniable(&mut linker)?;
    // Authority: every request and every function of ours goes through the policy, which denies what it does not name.
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    capabilities::add_to_linker(&mut linker)?;
    Ok(linker)
}

fn ours(l: &mut Linker<GuestState>) -> wasmtime::Result<()> {
    bindings::types::add_to_linker::<_, Session>(l, |state| SessionView(&state.shared))?;
    bindings::session::add_to_linker::<_, Session>(l, |state| SessionView(&state.shared))
}

/// Nothing here reaches outside of the call: streams, clocks, random.
fn inert(l: &mut Linker<GuestState>) -> wasmtime::Result<()> {
    wasi::io::error::add_to_linker::<_, Table>(l, |state| state.ctx().table)?;
    wasi::io::poll::add_to_linker::<_, Table>(l, |state| state.ctx().table)?;
    wasi::io::streams::add_to_linker::<_, Table>(l, |state| state.ctx().table)?;
    wasi::clocks::wall_clock::add_to_linker::<_, WasiClocks>(l, GuestState::clocks)?;
    wasi::clocks::monotonic_clock::add_to_linker::<_, WasiClocks>(l, GuestState::clocks)?;
    wasi::random::random::add_to_linker::<_, Random>(l, |state| &mut state.recorder)?;
    wasi::random::insecure::add_to_linker::<_, Random>(l, |state| &mut state.recorder)?;
    wasi::random::insecure_seed::add_to_linker::<_, Random>(l, |state| &mut state.recorder)
}

/// Present, and refusing unless the policy grants files: an empty environment, closed standard
/// streams, no sockets, no names.
fn deniable(l: &mut Linker<GuestState>) -> wasmtime::Result<()> {
    wasi::filesystem::types::add_to_linker::<_, Files>(l, GuestState::files_view)?;
    wasi::filesystem::preopens::add_to_linker::<_, Files>(l, GuestState::files_view)?;

    wasi::cli::environment::add_to_linker::<_, WasiCli>(l, GuestState::cli)?;
    wasi::cli::exit::add_to_linker::<_, WasiCli>(l, GuestState::cli)?;
    wasi::cli::stdin::add_to_linker::<_, WasiCli>(l, GuestState::cli)?;
    wasi::cli::stdout::add_to_linker::<_, WasiCli>(l, GuestState::cli)?;
    wasi::cli::stderr::add_to_linker::<_, WasiCli>(l, GuestState::cli)?;
    wasi::cli::terminal_input::add_to_linker::<_, WasiCli>(l, GuestState::cli)?;
    wasi::cli::terminal_output::add_to_linker::<_, WasiCli>(l, GuestState::cli)?;
    wasi::cli::terminal_stdin::add_to_linker::<_, WasiCli>(l, GuestState::cli)?;
    wasi::cli::terminal_stdout::add_to_linker::<_, WasiCli>(l, GuestState::cli)?;
    wasi::cli::terminal_stderr::add_to_linker::<_, WasiCli>(l, GuestState::cli)?;

    let options = wasi::sockets::network::LinkOptions::default();
    wasi::sockets::network::add_to_linker::<_, WasiSockets>(l, &options, GuestState::sockets)?;
    wasi::sockets::instance_network::add_to_linker::<_, WasiSockets>(l, GuestState::sockets)?;
    wasi::sockets::ip_name_lookup::add_to_linker::<_, WasiSockets>(l, GuestState::sockets)?;
    wasi::sockets::tcp_create_socket::add_to_linker::<_, WasiSockets>(l, GuestState::sockets)?;
    wasi::sockets::tcp::add_to_linker::<_, WasiSockets>(l, GuestState::sockets)?;
    wasi::sockets::udp_create_socket::add_to_linker::<_, WasiSockets>(l, GuestState::sockets)?;
    wasi::sockets::udp::add_to_linker::<_, WasiSockets>(l, GuestState::sockets)
}
