//! Sending a file: its body goes as it lies on the person's disk, with progress, and can be stopped.

use std::cell::RefCell;
use std::rc::Rc;

use js_sys::Promise;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use wasm_bindgen_futures::JsFuture;
use web_sys::{File, ProgressEvent, XmlHttpRequest};

use crate::api::{self, ApiError};

/// Stops the upload that holds the other half.
#[derive(Clone, Default)]
pub(crate) struct Stop(Rc<RefCell<Option<XmlHttpRequest>>>);

impl Stop {
    pub(crate) fn stop(&self) {
        if let Some(request) = self.0.borrow_mut().take() {
            // Fails only where it has ended.
            let _ = request.abort();
        }
    }
}

/// `PUT`s a file, and tells how many thousandths of it are there. One that was stopped ends as
/// `Unreachable`: whoever stopped it knows.
pub(crate) async fn put(
    path: &str,
    file: &File,
    stop: &Stop,
    tell: impl Fn(u32) + 'static,
) -> api::Result<()> {
    let request = XmlHttpRequest::new().map_err(|_| ApiError::Unreachable)?;
    let progress = Closure::<dyn Fn(ProgressEvent)>::new(move |event: ProgressEvent| {
        if event.total() > 0.0 {
            tell((event.loaded() * 1_000.0 / event.total()) as u32);
        }
    });
    if let Ok(upload) = request.upload() {
        upload.set_onprogress(Some(progress.as_ref().unchecked_ref()));
    }
    let ended = Promise::new(&mut |done, _| request.set_onloadend(Some(&done)));
    let sent = request
        .open("PUT", path)
        .and_then(|()| request.send_with_opt_blob(Some(file)));
    sent.map_err(|_| ApiError::Unreachable)?;
    *stop.0.borrow_mut() = Some(request.clone());
    let _ = JsFuture::from(ended).await;
    *stop.0.borrow_mut() = None;
    match request.status().unwrap_or(0) {
        0 => Err(ApiError::Unreachable),
        401 => Err(ApiError::SignedOut),
        status => {
            let text = request.response_text().ok().flatten().unwrap_or_default();
            api::accept(status, &text)
        }
    }
}
