//! The secrets that a policy puts into requests, read for one call.

use alcove_sandbox::Secrets;

use super::Tools;
use crate::accounts::Principal;

impl Tools {
    /// Those of `names` that are set for this person or their organisation; or why they can't be
    /// used, in words for people.
    pub(super) async fn secret_values<'n>(
        &self,
        principal: &Principal,
        names: impl Iterator<Item = &'n str>,
    ) -> Result<Secrets, String> {
        let mut names: Vec<&str> = names.collect();
        names.sort_unstable();
        names.dedup();
        let values = self.inner.secrets.values(principal, &names).await;
        let values = values.map_err(|error| {
            tracing::error!(%error, "secrets could not be read");
            "the policy's secrets could not be read: see the server's log".to_owned()
        })?;
        let values = values
            .into_iter()
            .map(|(name, value)| (name, value.expose().to_owned()));
        Secrets::new(values).map_err(|error| error.to_string())
    }
}
