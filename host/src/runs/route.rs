//! Who answers: what the request asks for, or else what its words speak of.

use std::{sync::Arc, time::Duration};

use alcove_core::{
    item::{Item, Payload, Role},
    route::{Route, Specialist, route},
};

use super::{InvalidRequest, Runs, StartError, ValidRequest};
use crate::inference::{Inference, InferenceError, Model};

/// How long a request waits for a model that is being loaded.
const LOAD_WAIT: Duration = Duration::from_secs(60);

impl Runs {
    /// Who answers and with which model, waiting for one that is being loaded. Where a specialist
    /// was chosen by words alone and its model is not to be had, the general one answers.
    pub(super) async fn route(
        &self,
        request: &ValidRequest,
        items: &[Item],
    ) -> Result<(Route, Arc<dyn Model>), StartError> {
        let models = &self.inner.models;
        if let Some(id) = &request.model {
            let Some((specialist, inference)) = models.named(id) else {
                return Err(self.unknown_model(id));
            };
            let asked = request.specialist.filter(|asked| *asked != specialist);
            if let Some(asked) = asked
                && models.of(asked).model_id() != *id
            {
                let message = format!(
                    "`model` names {id:?}, which is not that specialist's: give one of both"
                );
                return Err(InvalidRequest::new("alcove:specialist", message).into());
            }
            let route = Route {
                specialist: asked.unwrap_or(specialist),
                reason: "the request names the model".to_owned(),
            };
            return Ok((route, loaded(inference).await?));
        }
        if let Some(specialist) = request.specialist {
            let route = Route {
                specialist,
                reason: "the request asks for it".to_owned(),
            };
            return Ok((route, loaded(models.of(specialist)).await?));
        }
        let (question, before) = last_two(request, items);
        let mut route = route(question, before);
        let model = match loaded(models.of(route.specialist)).await {
            Err(_) if route.specialist != Specialist::General => {
                route.specialist = Specialist::General;
                route
                    .reason
                    .push_str(", but the model for programs is not ready");
                loaded(models.general()).await?
            }
            model => model?,
        };
        Ok((route, model))
    }

    fn unknown_model(&self, id: &str) -> StartError {
        let known = self.inner.models.all();
        let known: Vec<String> = known
            .map(|(_, inference)| format!("{:?}", inference.model_id()))
            .collect();
        StartError::NotFound {
            param: "model",
            message: format!(
                "there is no model {id:?} here: leave `model` out or use {}",
                known.join(" or ")
            ),
        }
    }
}

async fn loaded(inference: &Inference) -> Result<Arc<dyn Model>, StartError> {
    match tokio::time::timeout(LOAD_WAIT, inference.ready()).await {
        Ok(model) => Ok(model?),
        Err(_) => Err(InferenceError::Loading {
            id: inference.model_id(),
        }
        .into()),
    }
}

/// The question, and what the person said before it.
fn last_two<'a>(request: &'a ValidRequest, items: &'a [Item]) -> (&'a str, Option<&'a str>) {
    let earlier = items.iter().filter_map(|item| match &item.payload {
        Payload::Message {
            role: Role::User,
            text,
            ..
        } => Some(text.as_str()),
        _ => None,
    });
    let now = request.messages.iter();
    let now = now.filter(|message| message.role == alcove_api_types::Role::User);
    let mut said = earlier.chain(now.map(|message| message.text.as_str()));
    let question = said.next_back().unwrap_or_default();
    (question, said.next_back())
}
