//! The time as QuickJS asks for it; it also seeds `Math.random` with it.

#[allow(unsafe_code, reason = "the name that rquickjs's C code calls")]
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub(crate) extern "C" fn __rquickjs_host_now_us() -> f64 {
    alcove_sdk::clock::now().as_secs_f64() * 1e6
}
