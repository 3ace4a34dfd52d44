//! Processes that end together.

/// A process and all that it started, unless they left its group.
pub(super) struct Group(Option<libc::pid_t>);

impl Group {
    /// Of a process that was started as the leader of a group.
    pub(super) fn of(leader: Option<u32>) -> Group {
        let leader = leader.and_then(|leader| libc::pid_t::try_from(leader).ok());
        Group(leader.filter(|leader| *leader > 1))
    }

    /// Ends all of them at once.
    pub(super) fn kill(&self) {
        if let Some(leader) = self.0 {
            #[expect(unsafe_code, reason = "kill takes two numbers and touches no memory")]
            // SAFETY: the number is that of a group that this process made, and not 0 or 1.
            let status = unsafe { libc::kill(-leader, libc::SIGKILL) };
            // Where none is left there is nothing to end.
            if status != 0 {
                tracing::trace!(leader, "no process of the group is left");
            }
        }
    }
}
