//! Headers in a record.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::record::Headers;

/// Headers as a record holds them: their bytes as Latin-1, from which they can be had again.
pub(super) fn written(headers: &HeaderMap) -> Headers {
    let mut list = Headers::new();
    for (name, value) in headers {
        let value = value.as_bytes().iter().map(|byte| char::from(*byte));
        list.push((name.as_str().to_owned(), value.collect()));
    }
    list
}

pub(super) fn read(headers: &Headers) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let bytes: Vec<u8> = value
            .chars()
            .filter_map(|c| u8::try_from(u32::from(c)).ok())
            .collect();
        let name = HeaderName::from_bytes(name.as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(&bytes)) {
            map.append(name, value);
        }
    }
    map
}

pub(super) fn size(headers: &Headers) -> usize {
    let sizes = headers.iter().map(|(name, value)| name.len() + value.len());
    sizes.sum()
}
