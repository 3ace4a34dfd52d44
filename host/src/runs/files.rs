//! Tools that work on files are offered where there are such files.

use std::collections::HashSet;

use alcove_core::item::{Item, Payload};
use alcove_core::turn::Choice;
use alcove_policies::manifest::is_file_for;

use super::{Runs, preselect::is_forced};
use crate::tools::OfferedTool;
use crate::workspaces::Place;

impl Runs {
    /// The tools without those that have no file to work on. Who asks for one by name gets it.
    pub(super) async fn with_files(
        &self,
        mut tools: Vec<OfferedTool>,
        choice: &Choice,
        place: Option<Place>,
        items: &[Item],
    ) -> Vec<OfferedTool> {
        let needs = |tool: &OfferedTool| {
            !tool.has_folder && !tool.manifest.files.is_empty() && !is_forced(choice, tool)
        };
        let mut ends: Vec<String> = tools
            .iter()
            .filter(|tool| needs(tool))
            .flat_map(|tool| tool.manifest.files.iter().cloned())
            .collect();
        ends.sort_unstable();
        ends.dedup();
        if ends.is_empty() {
            return tools;
        }
        let mut found: HashSet<String> = HashSet::new();
        for name in given(items) {
            found.extend(ends.iter().filter(|end| is_file_for(end, name)).cloned());
        }
        ends.retain(|end| !found.contains(end));
        if let Some(place) = place
            && !ends.is_empty()
        {
            found.extend(self.inner.toolbox.has_file(place, ends).await);
        }
        tools.retain(|tool| {
            !needs(tool) || tool.manifest.files.iter().any(|end| found.contains(end))
        });
        tools
    }
}

/// What the assets are called that calls gave back.
fn given(items: &[Item]) -> impl Iterator<Item = &str> {
    let calls = items.iter().filter_map(|item| match &item.payload {
        Payload::ToolCall(call) => Some(call),
        Payload::Message { .. } => None,
    });
    let parts = calls.flat_map(|call| &call.output);
    parts
        .filter(|part| part.kind == "asset")
        .filter_map(|part| part.title.as_deref())
}
