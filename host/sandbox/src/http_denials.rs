//! What a call is told whose request is not sent although a rule of its policy fits.

use alcove_egress::EgressError;
use alcove_policies::Denial;
use url::Url;

use crate::http_send::Permit;
use crate::refusal::Refusal;
use crate::secrets::Missing;

/// The policy's rule fits the URL, but something private is around.
pub(crate) fn flow_denial(method: &str, url: &Url, why: &str) -> Denial {
    Denial {
        capability: "flow",
        detail: format!(
            "{method} {url} was not sent: the conversation holds private items, and {why}"
        ),
        grant: format!(
            "[[http]]\norigin = \"{}\"\n",
            url.origin().ascii_serialization()
        ),
    }
}

/// The guest knows what it must not.
pub(crate) fn leaked(name: &str) -> Refusal {
    Refusal::Denied(Denial {
        capability: "http",
        detail: format!(
            "the plugin's own request holds the secret `{name}`, which no plugin may know: it was \
             not sent. Somebody has let it out; make a new one and set it with `alcove secret set \
             {name}`"
        ),
        grant: String::new(),
    })
}

/// The rule injects what nobody has set.
pub(crate) fn missing_denial(permit: &Permit, missing: &Missing) -> Denial {
    let name = &missing.0;
    Denial {
        capability: "http",
        detail: format!(
            "the rule in line {} puts the secret `{name}` into the request, and it is not set: set \
             it with `alcove secret set {name}`, or `alcove secret set {name} --user` for yourself",
            permit.line
        ),
        grant: String::new(),
    }
}

/// The policy's rule fits the URL, but not where its name leads.
pub(crate) fn address_denial(permit: &Permit, error: &EgressError) -> Denial {
    let grant = match error {
        EgressError::Address {
            address,
            refusal: alcove_egress::Refusal::NotPublic | alcove_egress::Refusal::NotListed,
            ..
        } => format!(
            "[[http]]\norigin = \"{}\"\naddresses = [\"{}\"]\n",
            permit.url.origin().ascii_serialization(),
            single_address(*address),
        ),
        _ => String::new(),
    };
    Denial {
        capability: "http",
        detail: format!("{error} (the rule in line {} allows the URL)", permit.line),
        grant,
    }
}

/// An address as a network that holds nothing else.
fn single_address(address: std::net::IpAddr) -> String {
    let address = address.to_canonical();
    let bits = if address.is_ipv4() { 32 } else { 128 };
    format!("{address}/{bits}")
}
