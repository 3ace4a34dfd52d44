//! `[env]`: the environment variables that a plugin sees. There are no others.

use crate::PolicyError;
use crate::section::Section;

/// One variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvVariable {
    /// Its name.
    pub name: String,
    /// Its value. No secret: whoever reads the policy reads it, and so does the plugin.
    pub value: String,
    /// The line of the policy that sets it.
    pub line: u32,
}

const MAX_VARIABLES: usize = 64;
const MAX_NAME_BYTES: usize = 128;
const MAX_VALUE_BYTES: usize = 4 << 10;

pub(crate) fn read(section: &Section<'_>) -> Result<Vec<EnvVariable>, PolicyError> {
    section
        .entries(MAX_VARIABLES)?
        .into_iter()
        .map(|entry| {
            let name = entry.key();
            if !is_name(name) {
                return Err(entry.error(
                    "is no variable's name: letters, digits and `_`, no digit at its start",
                ));
            }
            let value = entry.text()?;
            if value.len() > MAX_VALUE_BYTES || value.contains('\0') {
                return Err(entry.error(format!(
                    "must be at most {MAX_VALUE_BYTES} bytes without a NUL"
                )));
            }
            if value.contains("{secret:") {
                return Err(entry
                    .error("would show a secret to the plugin; use `inject` of an [[http]] rule"));
            }
            Ok(EnvVariable {
                name: name.to_owned(),
                value: value.to_owned(),
                line: entry.line(),
            })
        })
        .collect()
}

fn is_name(name: &str) -> bool {
    (1..=MAX_NAME_BYTES).contains(&name.len())
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
