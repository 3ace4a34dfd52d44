//! Typed identifiers: a UUIDv7 each, written as a prefix and 32 hex digits.
//!
//! A UUIDv7 begins with its time, so ids made one after the other sort in that order.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

/// A text that is not an identifier of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is not an id of this kind: it must be `{prefix}` and 32 hex digits")]
pub struct IdError {
    /// What an id of this kind begins with, such as `conv_`.
    pub prefix: &'static str,
    /// What was given, cut to 64 characters.
    pub given: String,
}

/// How much of a wrong id an error repeats.
const SHOWN_CHARACTERS: usize = 64;

/// Reads what stands after the prefix. Only the form that `Display` writes is an id, so that
/// comparing the texts of two ids is the same as comparing the ids.
fn parse(prefix: &'static str, text: &str) -> Result<Uuid, IdError> {
    let error = || IdError {
        prefix,
        given: text.chars().take(SHOWN_CHARACTERS).collect(),
    };
    let digits = text.strip_prefix(prefix).ok_or_else(error)?;
    let is_plain = digits.len() == 32
        && digits
            .bytes()
            .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    if !is_plain {
        return Err(error());
    }
    Uuid::try_parse(digits).map_err(|_| error())
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// What every id of this kind begins with.
            pub const PREFIX: &'static str = $prefix;

            /// A new id, made from the clock and the system's random numbers.
            pub fn generate() -> Self {
                Self(Uuid::now_v7())
            }

            /// An id from a UUID that is known.
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The bare UUID.
            pub const fn as_uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}{}", $prefix, self.0.simple())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                parse($prefix, text).map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

ids! {
    /// An organisation.
    OrganisationId = "org_";
    /// A group of users within an organisation.
    GroupId = "group_";
    /// A user.
    UserId = "user_";
    /// A conversation.
    ConversationId = "conv_";
    /// A branch of a conversation: a named head.
    BranchId = "branch_";
    /// An item of a conversation.
    ItemId = "item_";
    /// A response: one run of the turn.
    ResponseId = "resp_";
    /// A binding: who may use which plugin under which policy.
    BindingId = "bind_";
    /// A question to a person: may this call run, or what does its tool need?
    ApprovalId = "ask_";
    /// A checkpoint: a named moment of a conversation.
    CheckpointId = "ckpt_";
    /// An asset: a file that a tool made.
    AssetId = "asset_";
    /// The sealed bytes of assets.
    BlobId = "blob_";
    /// An amount that the ledger holds for work under way.
    ReservationId = "hold_";
    /// An API key.
    ApiKeyId = "key_";
    /// Whoever writes a hash chain of the audit log: one server's data folder.
    WriterId = "writer_";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_what_it_writes() {
        let id = ConversationId::generate();
        let text = id.to_string();
        assert_eq!(text.len(), "conv_".len() + 32);
        assert_eq!(text.parse::<ConversationId>(), Ok(id));
        let json = serde_json::to_string(&id).unwrap();
        assert_eq!(json, format!("\"{text}\""));
        assert_eq!(serde_json::from_str::<ConversationId>(&json).unwrap(), id);
    }

    #[test]
    fn an_id_of_another_kind_is_refused() {
        let text = ItemId::generate().to_string();
        let error = text.parse::<ConversationId>().unwrap_err();
        assert_eq!(error.prefix, "conv_");
        assert_eq!(error.given, text);
    }

    #[test]
    fn only_one_spelling_is_an_id() {
        let id = UserId::generate();
        let upper = format!("user_{}", id.as_uuid().simple()).to_uppercase();
        let hyphens = format!("user_{}", id.as_uuid().hyphenated());
        let braces = format!("user_{}", id.as_uuid().braced());
        for text in [&upper, &hyphens, &braces, "user_", "", "user_é"] {
            assert!(text.parse::<UserId>().is_err(), "{text}");
        }
    }

    #[test]
    fn later_ids_sort_after_earlier_ones() {
        let ids: Vec<ItemId> = (0..1000).map(|_| ItemId::generate()).collect();
        assert!(ids.is_sorted());
    }
}
