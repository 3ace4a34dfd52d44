//! What stands for each person, kept in memory: what is in force, and the tools that it offers.
//!
//! A call must not ask the database what it may do. What this server changes is heard of at once:
//! whoever changes a row says [`Standing::changed`] before it cancels leases. What another server
//! on the same database changes is heard of within [`HEARD_WITHIN`]: nothing older is used, and a
//! call that runs looks again that often.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use alcove_core::ids::{ApiKeyId, OrganisationId, UserId};

use super::in_force::{InForce, in_force};
use super::{OfferedTool, Tools, ToolsError};
use crate::accounts::Principal;
use crate::store::{BindingRow, CeilingRow, now_ms};

/// How soon a change of grants by another server on the same database holds here.
pub(super) const HEARD_WITHIN: Duration = Duration::from_secs(1);
/// The most people whose grants are kept; with more, all are read again.
const MAX_PEOPLE: usize = 1024;

/// Who: grants go to everyone, to groups and to users.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Who {
    organisation: OrganisationId,
    user: UserId,
    groups: Vec<String>,
    /// The API key that narrows what is in force.
    key: Option<ApiKeyId>,
}

/// What is in force for one person.
pub(super) struct Person {
    /// One entry a plugin, ordered by its name.
    pub(super) in_force: Vec<Arc<InForce>>,
    /// The tools of these, once all of them could be read.
    pub(super) offered: OnceLock<Arc<[OfferedTool]>>,
    rows: Vec<BindingRow>,
    ceiling: Option<CeilingRow>,
    /// When the first of the grants expires.
    until_ms: Option<i64>,
}

impl Person {
    /// What is in force of a plugin.
    pub(super) fn of(&self, plugin: &str) -> Option<&Arc<InForce>> {
        self.in_force.iter().find(|found| found.plugin == plugin)
    }
}

/// A person as they were read.
struct Read {
    person: Arc<Person>,
    at: Instant,
    /// How many changes there had been before.
    changes: u64,
}

/// What stands for whom.
#[derive(Default)]
pub(super) struct Standing {
    changes: AtomicU64,
    people: Mutex<HashMap<Who, Read>>,
    reading: tokio::sync::Mutex<()>,
}

impl Standing {
    /// Says that rows of grants or ceilings were changed. What was read before is not used again.
    pub(super) fn changed(&self) {
        self.changes.fetch_add(1, Ordering::SeqCst);
    }

    fn changes(&self) -> u64 {
        self.changes.load(Ordering::SeqCst)
    }

    /// What was read and is still good, with the count of changes that it is good for.
    fn known(&self, who: &Who) -> Option<(Arc<Person>, u64)> {
        let changes = self.changes();
        let people = self.lock();
        let read = people.get(who)?;
        let is_good = read.changes == changes
            && read.at.elapsed() < HEARD_WITHIN
            && read.person.until_ms.is_none_or(|at| now_ms() < at);
        is_good.then(|| (Arc::clone(&read.person), changes))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Who, Read>> {
        self.people.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tools {
    /// What stands for a person, with the count of changes that it is good for.
    pub(super) async fn standing(
        &self,
        principal: &Principal,
    ) -> Result<(Arc<Person>, u64), ToolsError> {
        let standing = &self.inner.standing;
        let who = Who {
            organisation: principal.organisation,
            user: principal.user,
            groups: principal.groups.clone(),
            key: principal.within.as_ref().map(|within| within.key()),
        };
        if let Some(person) = standing.known(&who) {
            return Ok(person);
        }
        // A thousand calls that find nothing good any more read the rows once.
        let _one_reads = standing.reading.lock().await;
        if let Some(person) = standing.known(&who) {
            return Ok(person);
        }
        let at = Instant::now();
        // Counted before rows are read: a change in between makes what was read useless.
        let changes = standing.changes();
        let before = standing
            .lock()
            .get(&who)
            .map(|read| Arc::clone(&read.person));
        let person = self.read_person(principal, before).await?;
        let read = Read {
            person: Arc::clone(&person),
            at,
            changes,
        };
        let mut people = standing.lock();
        if people.len() >= MAX_PEOPLE && !people.contains_key(&who) {
            people.clear();
        }
        people.insert(who, read);
        Ok((person, changes))
    }

    /// Whether nothing was changed since.
    pub(super) fn still_stands(&self, changes: u64) -> bool {
        self.inner.standing.changes() == changes
    }

    /// Reads a person's grants; where the rows are as they were, so is what is made of them.
    async fn read_person(
        &self,
        principal: &Principal,
        before: Option<Arc<Person>>,
    ) -> Result<Arc<Person>, ToolsError> {
        let store = &self.inner.store;
        let now = now_ms();
        let mut rows = store
            .bindings_for(principal.organisation, principal.user, &principal.groups)
            .await?;
        rows.retain(|row| row.expires_at_ms.is_none_or(|at| at > now));
        let ceiling = store.ceiling(principal.organisation).await?;
        if let Some(before) = before
            && before.rows == rows
            && before.ceiling == ceiling
        {
            return Ok(before);
        }
        let in_force = in_force(&rows, ceiling.as_ref(), principal.within.as_deref())?;
        Ok(Arc::new(Person {
            in_force,
            offered: OnceLock::new(),
            until_ms: rows.iter().filter_map(|row| row.expires_at_ms).min(),
            rows,
            ceiling,
        }))
    }
}
