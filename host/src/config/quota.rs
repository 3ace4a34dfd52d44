//! `[quota]`: what may be used in a day.

use std::time::Duration;

use super::{ConfigError, RawConfig};

/// What one person and one organisation may use in a day (UTC).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Quota {
    /// Tokens of models, read and written.
    pub tokens: Daily,
    /// Processor time of tools, in milliseconds.
    pub tool_cpu_ms: Daily,
    /// Bytes of tools' requests and of their results.
    pub tool_bytes: Daily,
}

/// The most of a day; as much as there is where absent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Daily {
    /// Of one person.
    pub user: Option<u64>,
    /// Of one organisation.
    pub organisation: Option<u64>,
}

impl Quota {
    pub(super) fn resolve(raw: &RawConfig) -> Result<Quota, ConfigError> {
        const MOST_TOKENS: u64 = 1 << 50;
        const MOST_BYTES: u64 = 1 << 50;
        const MOST_CPU: Duration = Duration::from_secs(100_000 * 3600);
        let limit = |amount: u64| (amount > 0).then_some(amount);
        let tokens = |key| raw.integer(key, 0, MOST_TOKENS).map(limit);
        let bytes = |key| raw.bytes(key, 0, MOST_BYTES).map(limit);
        let cpu_ms = |key| {
            let time = raw.duration(key, MOST_CPU)?;
            Ok(limit(u64::try_from(time.as_millis()).unwrap_or(u64::MAX)))
        };
        Ok(Quota {
            tokens: Daily {
                user: tokens("quota.tokens_per_user")?,
                organisation: tokens("quota.tokens_per_organisation")?,
            },
            tool_cpu_ms: Daily {
                user: cpu_ms("quota.tool_cpu_per_user")?,
                organisation: cpu_ms("quota.tool_cpu_per_organisation")?,
            },
            tool_bytes: Daily {
                user: bytes("quota.tool_bytes_per_user")?,
                organisation: bytes("quota.tool_bytes_per_organisation")?,
            },
        })
    }
}
