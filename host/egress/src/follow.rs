//! Following redirects, for the host's own downloads.

use http::header::{AUTHORIZATION, COOKIE, HeaderMap, LOCATION};
use http::{Method, Request, Response};
use url::Url;

use crate::Egress;
use crate::address::Scope;
use crate::body::{ResponseBody, empty_body};
use crate::error::EgressError;
use crate::limits::Limits;
use crate::target::Target;

/// The most redirects of one request.
const MAX_REDIRECTS: u32 = 8;

impl Egress {
    /// Gets `url` with `headers`, following redirects. Every hop is parsed, resolved and checked as
    /// if it had been asked for; none goes from `https` to `http`, and none carries credentials to
    /// another origin. The limits hold for each hop. Answers with the URL that gave the response.
    ///
    /// # Errors
    ///
    /// As for [`Egress::send`], and a redirect that cannot be followed.
    pub async fn get_following(
        &self,
        url: &Url,
        headers: &HeaderMap,
        scope: &Scope,
        limits: &Limits,
    ) -> Result<(Url, Response<ResponseBody>), EgressError> {
        let mut url = url.clone();
        let mut headers = headers.clone();
        for _ in 0..=MAX_REDIRECTS {
            let target = Target::from_url(&url)?;
            let mut request = Request::new(empty_body());
            *request.method_mut() = Method::GET;
            *request.headers_mut() = headers.clone();
            let response = self.send_to(&target, request, scope, limits).await?;
            if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
                return Ok((url, response));
            }
            let next = response
                .headers()
                .get(LOCATION)
                .and_then(|value| value.to_str().ok())
                .and_then(|value| url.join(value).ok())
                .ok_or(EgressError::Redirect("it names no URL"))?;
            if url.scheme() == "https" && next.scheme() != "https" {
                return Err(EgressError::Redirect("it leads from https to http"));
            }
            if next.origin() != url.origin() {
                headers.remove(AUTHORIZATION);
                headers.remove(COOKIE);
            }
            url = next;
        }
        Err(EgressError::Redirect("there are too many in a row"))
    }
}
