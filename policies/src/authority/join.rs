//! How several policies become one authority.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::{Authority, Count, Source};
use crate::Ceiling;
use crate::approval::Label;
use crate::capabilities::{DelegateGrant, InferenceGrant};
use crate::environment::EnvVariable;
use crate::files::FileGrant;
use crate::granted::Granted;

impl Authority {
    pub(super) fn build(
        plugin: String,
        sources: Vec<Source>,
        ceiling: Option<Arc<Ceiling>>,
    ) -> Self {
        let all = || sources.iter().map(|source| source.policy.as_ref());
        let open = |capability: &str| {
            ceiling
                .as_ref()
                .is_none_or(|own| own.denies_capability(capability).is_none())
        };
        let limits = all()
            .map(|policy| policy.limits().clone())
            .reduce(|one, other| one.or(&other))
            .unwrap_or_default();
        let limits = match &ceiling {
            Some(own) => own.lower(&limits),
            None => limits,
        };
        let mut files: Vec<FileGrant> = Vec::new();
        for grant in all().flat_map(|policy| policy.files()) {
            let denied = ceiling
                .as_ref()
                .is_some_and(|own| own.denies_source(&grant.source).is_some());
            if denied || !open("files") {
                continue;
            }
            match files.iter_mut().find(|own| own.mount == grant.mount) {
                // Of two folders for one place, the more specific binding's is there.
                Some(own) if own.source == grant.source => own.or(grant),
                Some(_) => {}
                None => files.push(grant.clone()),
            }
        }
        let mut env: Vec<EnvVariable> = Vec::new();
        for variable in all().flat_map(|policy| policy.env()) {
            if !env.iter().any(|own| own.name == variable.name) {
                env.push(variable.clone());
            }
        }
        let when = |is_open: bool| is_open.then_some(());
        let state = when(open("state")).and_then(|()| {
            all()
                .filter_map(|policy| policy.state())
                .max_by_key(|grant| grant.quota_bytes)
                .cloned()
        });
        let assets = when(open("assets")).and_then(|()| {
            all()
                .filter_map(|policy| policy.assets())
                .max_by_key(|grant| grant.quota_bytes)
                .cloned()
        });
        let inference = when(open("inference")).and_then(|()| {
            all()
                .filter_map(|policy| policy.inference())
                .cloned()
                .reduce(InferenceGrant::or)
        });
        let delegate = when(open("delegate")).and_then(|()| {
            all()
                .filter_map(|policy| policy.delegate())
                .cloned()
                .reduce(DelegateGrant::or)
        });
        let labels = all()
            .filter_map(|policy| policy.labels())
            .max_by_key(|labels| labels.output)
            .copied()
            // A grant that says `public` says so of what it opens, not of what another one does.
            .filter(|labels| {
                labels.output == Label::Private
                    || all().all(|policy| {
                        policy.labels().is_some() || policy.private_sources().is_empty()
                    })
            });
        let mut hash = Sha256::new();
        for source in &sources {
            hash.update(source.policy.text().as_bytes());
            hash.update([0]);
        }
        if let Some(own) = &ceiling {
            hash.update(own.text().as_bytes());
        }
        Self {
            plugin,
            count: Count {
                identity: hash.finalize().into(),
                limits: limits.clone(),
            },
            granted: Granted {
                limits,
                files,
                state,
                assets,
                inference,
                delegate,
                env,
                labels,
            },
            narrowers: Vec::new(),
            sources,
            ceiling,
        }
    }
}
