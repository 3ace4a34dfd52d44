//! The sites that one call comes to, and whether they let this tool read an address.

use std::time::Duration;

use alcove_sdk::Failure;
use url::{Origin, Url};

use crate::fetch::{self, MAX_REDIRECTS};
use crate::robots::{MAX_BYTES, Robots};

/// How long to wait for a site's `/robots.txt`.
const TIMEOUT: Duration = Duration::from_secs(5);

/// What the sites ask that the call came to so far. Each is asked once.
#[derive(Default)]
pub(crate) struct Sites {
    known: Vec<(Origin, Robots)>,
}

impl Sites {
    /// Refuses an address that its site wants no automatic reader to read.
    pub(crate) fn admit(&mut self, url: &Url) -> Result<(), Failure> {
        let origin = url.origin();
        let known = self.known.iter().position(|(known, _)| *known == origin);
        let place = match known {
            Some(place) => place,
            None => {
                self.known.push((origin, robots(url)?));
                self.known.len() - 1
            }
        };
        if self.known[place].1.allow(url) {
            return Ok(());
        }
        Err(Failure::denied(
            "the site's robots.txt asks automatic readers not to read this address; \
             open it in a browser, or ask the site",
        ))
    }
}

/// What the site of an address asks.
fn robots(url: &Url) -> Result<Robots, Failure> {
    let mut url = url.clone();
    url.set_path("/robots.txt");
    url.set_query(None);
    for _ in 0..=MAX_REDIRECTS {
        let response = match fetch::send(&url, TIMEOUT) {
            Ok(response) => response,
            // The admin said what may be read here, and did not mean this.
            Err(failure) if failure.kind == "denied" => return Ok(Robots::default()),
            Err(failure) => return Err(unreadable(&failure.message)),
        };
        let next = fetch::redirect(&url, response.status, response.header("location"))
            .map_err(|failure| unreadable(&failure.message))?;
        if let Some(next) = next {
            url = next;
            continue;
        }
        if !has_rules(response.status)? {
            return Ok(Robots::default());
        }
        // One more tells whether the last line is whole.
        let body = fetch::as_it_is(&response)
            .and_then(|()| response.body(MAX_BYTES + 1))
            .map_err(|failure| unreadable(&failure.message))?;
        return Ok(Robots::parse(&body.bytes));
    }
    // RFC 9309 counts this as a file that is not there.
    Ok(Robots::default())
}

/// Whether an answer with that status says what the site asks. A site that has nothing to say
/// allows all; one that fails may have wanted to say no.
fn has_rules(status: u16) -> Result<bool, Failure> {
    match status {
        200..=299 => Ok(true),
        500.. => Err(unreadable(&format!("status {status}"))),
        _ => Ok(false),
    }
}

fn unreadable(why: &str) -> Failure {
    Failure::unavailable(format!(
        "the site's robots.txt could not be read ({why}), which counts as a no; try again later"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_allows_and_what_fails_does_not() {
        assert!(has_rules(200).unwrap());
        for status in [304, 401, 403, 404, 410, 429] {
            assert!(!has_rules(status).unwrap(), "{status}");
        }
        let failure = has_rules(503).unwrap_err();
        assert_eq!(failure.kind, "unavailable");
        assert_eq!(
            failure.message,
            "the site's robots.txt could not be read (status 503), which counts as a no; \
             try again later"
        );
    }
}
