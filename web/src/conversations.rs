//! The conversation list.

use alcove_api_types::ConversationSummary;
use alcove_web_text::format::DateGroup;
use leptos::prelude::*;

use crate::api;
use crate::browser;

/// The list, newest first.
#[derive(Clone, Copy)]
pub(crate) struct Conversations {
    pub(crate) rows: RwSignal<Vec<ConversationSummary>>,
    next_cursor: RwSignal<Option<String>>,
    /// Why the list could not be had.
    pub(crate) problem: RwSignal<Option<String>>,
}

impl Conversations {
    pub(crate) fn new() -> Conversations {
        Conversations {
            rows: RwSignal::new(Vec::new()),
            next_cursor: RwSignal::new(None),
            problem: RwSignal::new(None),
        }
    }

    /// Forgets everything: somebody else may sign in.
    pub(crate) fn clear(self) {
        self.rows.set(Vec::new());
        self.next_cursor.set(None);
        self.problem.set(None);
    }

    pub(crate) fn has_more(self) -> bool {
        self.next_cursor.with(Option::is_some)
    }

    /// The first page again; rows of later pages stay.
    pub(crate) async fn refresh(self) -> api::Result<()> {
        match api::conversations(None).await {
            Ok(page) => {
                let first_time = self.rows.with_untracked(Vec::is_empty);
                if first_time {
                    self.next_cursor.set(page.next_cursor);
                }
                self.merge(page.conversations);
                self.problem.set(None);
                Ok(())
            }
            Err(error) => {
                self.problem.set(Some(error.message()));
                Err(error)
            }
        }
    }

    /// The next page.
    pub(crate) async fn more(self) -> api::Result<()> {
        let cursor = self.next_cursor.get_untracked();
        let page = api::conversations(cursor.as_deref()).await?;
        self.next_cursor.set(page.next_cursor);
        self.merge(page.conversations);
        Ok(())
    }

    /// Adds or replaces rows.
    pub(crate) fn merge(self, new: Vec<ConversationSummary>) {
        self.rows.update(|rows| {
            rows.retain(|row| !new.iter().any(|other| other.id == row.id));
            rows.extend(new);
            rows.sort_by_key(|row| std::cmp::Reverse(row.updated_at_ms));
        });
    }

    pub(crate) fn title(self, id: &str) -> Option<String> {
        self.rows.with(|rows| {
            rows.iter()
                .find(|row| row.id == id)
                .map(|row| row.title.clone())
        })
    }

    pub(crate) async fn rename(self, id: &str, title: &str) -> api::Result<()> {
        api::rename(id, title).await?;
        self.rows.update(|rows| {
            if let Some(row) = rows.iter_mut().find(|row| row.id == id) {
                title.clone_into(&mut row.title);
            }
        });
        Ok(())
    }

    pub(crate) async fn delete(self, id: &str) -> api::Result<()> {
        match api::delete_conversation(id).await {
            // Gone already is as good.
            Err(error) if !error.is_not_found() => return Err(error),
            _ => {}
        }
        self.rows.update(|rows| rows.retain(|row| row.id != id));
        Ok(())
    }

    /// The rows under their date headings.
    pub(crate) fn grouped(self) -> Vec<(DateGroup, Vec<ConversationSummary>)> {
        let (midnight, before) = browser::midnights_ms();
        let rows = self.rows.get();
        DateGroup::ALL
            .into_iter()
            .map(|group| {
                let of_group = |row: &&ConversationSummary| {
                    DateGroup::of(row.updated_at_ms as f64, midnight, before) == group
                };
                (group, rows.iter().filter(of_group).cloned().collect())
            })
            .filter(|(_, rows): &(_, Vec<_>)| !rows.is_empty())
            .collect()
    }
}
