//! Types that arguments can have, and the schema each writes into the manifest.

use serde::de::DeserializeOwned;

/// A type of arguments. Derive it for structs, beside `serde::Deserialize`:
///
/// - each field's comment is its description;
/// - an `Option` field may be left out;
/// - `#[input(...)]` on a field adds `min`, `max` (numbers), `min_length`, `max_length` or
///   `choices = ["a", "b"]` (strings) or `title`.
pub trait Input: DeserializeOwned {
    /// The members of the type's JSON Schema, without the braces around them.
    const MEMBERS: &'static str;
}

macro_rules! scalar {
    ($members:literal: $($type:ty),*) => {
        $(impl Input for $type {
            const MEMBERS: &'static str = $members;
        })*
    };
}

scalar!(r#""type":"string""#: String);
scalar!(r#""type":"boolean""#: bool);
scalar!(r#""type":"number""#: f32, f64);
scalar!(r#""type":"integer""#: i64, u64);
scalar!(r#""type":"integer","minimum":-2147483648,"maximum":2147483647"#: i32);
scalar!(r#""type":"integer","minimum":0,"maximum":4294967295"#: u32);

impl<T: Input> Input for Option<T> {
    const MEMBERS: &'static str = T::MEMBERS;
}

/// The type alone, without the bounds that go with it.
#[doc(hidden)]
#[must_use]
pub const fn bare(members: &'static str) -> &'static str {
    let bytes = members.as_bytes();
    let mut end = 0;
    while end < bytes.len() && bytes[end] != b',' {
        end += 1;
    }
    members.split_at(end).0
}
