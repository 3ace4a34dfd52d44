//! Where components come from and go to: the content-addressed store.
