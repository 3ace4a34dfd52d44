//! Reading TOML tables with the line of every key, so that an error can point at it.

use toml::de::{DeTable, DeValue};

use crate::PolicyError;
use crate::language;
use crate::suggest::nearest;

/// Turns byte offsets into line numbers.
pub(crate) struct Lines<'a>(&'a str);

impl<'a> Lines<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self(text)
    }

    /// The line of a byte offset, from 1.
    pub(crate) fn at(&self, offset: usize) -> u32 {
        let end = offset.min(self.0.len());
        let newlines = self.0.as_bytes()[..end]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count();
        u32::try_from(newlines + 1).unwrap_or(u32::MAX)
    }
}

/// A table, its name as the author wrote it (`[limits]`, `[[http]]`), and where it begins.
pub(crate) struct Section<'a> {
    name: &'static str,
    line: u32,
    table: &'a DeTable<'a>,
    lines: &'a Lines<'a>,
}

impl<'a> Section<'a> {
    pub(crate) fn root(table: &'a DeTable<'a>, lines: &'a Lines<'a>) -> Self {
        Self::top(language::ROOT, table, lines)
    }

    /// The whole of another file.
    pub(crate) fn top(name: &'static str, table: &'a DeTable<'a>, lines: &'a Lines<'a>) -> Self {
        Self {
            name,
            line: 1,
            table,
            lines,
        }
    }

    /// The line on which the section begins.
    pub(crate) fn line(&self) -> u32 {
        self.line
    }

    /// Refuses the first key that the language does not have in this table.
    pub(crate) fn only_known(&self) -> Result<(), PolicyError> {
        self.only(&language::known(self.name))
    }

    /// Refuses the first key that is not among `known`.
    pub(crate) fn only(&self, known: &[&str]) -> Result<(), PolicyError> {
        let unknown = self
            .table
            .keys()
            .filter(|key| !known.contains(&key.get_ref().as_ref()))
            .min_by_key(|key| key.span().start);
        let Some(key) = unknown else { return Ok(()) };
        let word: &str = key.get_ref().as_ref();
        let help = match nearest(word, known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known keys: {}", known.join(", ")),
        };
        let line = self.lines.at(key.span().start);
        let message = format!(
            "unknown key `{}` in {}; {help}",
            word.escape_debug(),
            self.name
        );
        Err(PolicyError::new(line, message))
    }

    /// The entry under `key`, where there is one.
    pub(crate) fn get(&self, key: &'static str) -> Option<Entry<'a>> {
        let (spanned, value) = self.table.get_key_value(key)?;
        Some(Entry {
            key,
            line: self.lines.at(spanned.span().start),
            value: value.get_ref(),
            lines: self.lines,
        })
    }

    /// All entries, in the order of their lines, where the author chooses the keys; at most `max`.
    pub(crate) fn entries(&self, max: usize) -> Result<Vec<Entry<'a>>, PolicyError> {
        if self.table.len() > max {
            let message = format!("{} has more than {max} keys", self.name);
            return Err(PolicyError::new(self.line, message));
        }
        let mut entries: Vec<(usize, Entry<'a>)> = self
            .table
            .iter()
            .map(|(spanned, value)| {
                let start = spanned.span().start;
                let entry = Entry {
                    key: spanned.get_ref().as_ref(),
                    line: self.lines.at(start),
                    value: value.get_ref(),
                    lines: self.lines,
                };
                (start, entry)
            })
            .collect();
        entries.sort_by_key(|(start, _)| *start);
        Ok(entries.into_iter().map(|(_, entry)| entry).collect())
    }

    /// The entry under `key`, or an error that names it.
    pub(crate) fn require(&self, key: &'static str) -> Result<Entry<'a>, PolicyError> {
        self.get(key).ok_or_else(|| {
            PolicyError::new(self.line, format!("{} needs the key `{key}`", self.name))
        })
    }
}

/// One key with its value and line.
pub(crate) struct Entry<'a> {
    key: &'a str,
    line: u32,
    value: &'a DeValue<'a>,
    lines: &'a Lines<'a>,
}

impl<'a> Entry<'a> {
    /// An error at this key.
    pub(crate) fn error(&self, message: impl AsRef<str>) -> PolicyError {
        let key = self.key.escape_debug();
        PolicyError::new(self.line, format!("`{key}` {}", message.as_ref()))
    }

    pub(crate) fn key(&self) -> &'a str {
        self.key
    }

    pub(crate) fn line(&self) -> u32 {
        self.line
    }

    fn wants(&self, what: &str) -> PolicyError {
        self.error(format!("must be {what}, not {}", article(self.value)))
    }

    pub(crate) fn text(&self) -> Result<&'a str, PolicyError> {
        self.value.as_str().ok_or_else(|| self.wants("a string"))
    }

    /// An integer from `min` to `max`.
    pub(crate) fn integer(&self, min: u32, max: u32) -> Result<u32, PolicyError> {
        let integer = self
            .value
            .as_integer()
            .ok_or_else(|| self.wants("an integer"))?;
        u32::from_str_radix(integer.as_str(), integer.radix())
            .ok()
            .filter(|number| (min..=max).contains(number))
            .ok_or_else(|| self.error(format!("must be from {min} to {max}")))
    }

    /// A list of strings with at least one and at most `max` of them.
    pub(crate) fn texts(&self, max: usize) -> Result<Vec<&'a str>, PolicyError> {
        let array = self
            .value
            .as_array()
            .ok_or_else(|| self.wants("a list of strings"))?;
        if array.is_empty() {
            return Err(self.error("is an empty list, which grants nothing: remove the rule"));
        }
        if array.len() > max {
            return Err(self.error(format!("has more than {max} values")));
        }
        array
            .iter()
            .map(|value| {
                value
                    .get_ref()
                    .as_str()
                    .ok_or_else(|| self.wants("a list of strings"))
            })
            .collect()
    }

    /// The table under a `[name]` header.
    pub(crate) fn table(&self, name: &'static str) -> Result<Section<'a>, PolicyError> {
        let table = self
            .value
            .as_table()
            .ok_or_else(|| self.error(format!("must be a table, written as {name}")))?;
        Ok(Section {
            name,
            line: self.line,
            table,
            lines: self.lines,
        })
    }

    /// The tables under `[[name]]` headers.
    pub(crate) fn tables(
        &self,
        name: &'static str,
        max: usize,
    ) -> Result<Vec<Section<'a>>, PolicyError> {
        let wrong = || self.error(format!("must be a list of tables, written as {name}"));
        let array = self.value.as_array().ok_or_else(wrong)?;
        if array.len() > max {
            return Err(self.error(format!("has more than {max} rules")));
        }
        array
            .iter()
            .map(|value| {
                let table = value.get_ref().as_table().ok_or_else(wrong)?;
                Ok(Section {
                    name,
                    line: self.lines.at(value.span().start),
                    table,
                    lines: self.lines,
                })
            })
            .collect()
    }
}

fn article(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
