//! The models of a server: the one that answers, and one for programs where it is configured.

use alcove_core::route::Specialist;

use super::Inference;

/// The models that answer; cheap to clone.
#[derive(Debug, Clone)]
pub struct Models {
    general: Inference,
    code: Option<Inference>,
}

impl Models {
    /// One that answers everything, or leaves questions about programs to another.
    pub fn new(general: Inference, code: Option<Inference>) -> Models {
        Models { general, code }
    }

    /// The one that answers where nobody else is asked.
    pub fn general(&self) -> &Inference {
        &self.general
    }

    /// That of a specialist. One without a model of its own is answered for by the general one.
    pub fn of(&self, specialist: Specialist) -> &Inference {
        match (specialist, &self.code) {
            (Specialist::Code, Some(code)) => code,
            _ => &self.general,
        }
    }

    /// The one with that id, and whose it is.
    pub fn named(&self, id: &str) -> Option<(Specialist, &Inference)> {
        let mut all = self.all();
        all.find(|(_, inference)| inference.model_id() == id)
    }

    /// All of them, the general one first.
    pub fn all(&self) -> impl Iterator<Item = (Specialist, &Inference)> {
        let code = self.code.iter().map(|code| (Specialist::Code, code));
        std::iter::once((Specialist::General, &self.general)).chain(code)
    }
}
