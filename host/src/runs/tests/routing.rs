//! Who answers: by words, by request, and where the model for programs is not there.

use std::sync::Arc;

use alcove_api_types::{CreateResponse, Response, ServerTools, Specialist};

use super::{Bench, ScriptedModel, StartError, Step, text_of};
use crate::config::ModelChoice;
use crate::inference::{Inference, InferenceConfig};
use crate::runs::Found;

const PROGRAM: &str = "Write a Python function that sorts names.";

fn said(texts: &[&'static str]) -> Vec<Step> {
    texts.iter().copied().map(Step::Say).collect()
}

fn says(text: &str) -> CreateResponse {
    CreateResponse {
        server_tools: Some(ServerTools::All(false)),
        ..super::says(text)
    }
}

async fn two_models(general: &[&'static str], code: &[&'static str]) -> Bench {
    let code = ScriptedModel::named("coder", said(code));
    Bench::with_code_model(said(general), Inference::with_model(Arc::new(code))).await
}

fn route(response: &Response) -> (Specialist, &str, &str) {
    let route = response.route.as_ref().expect("a route");
    (route.specialist, &response.model, &route.reason)
}

#[tokio::test]
async fn words_choose_the_model_and_a_message_that_goes_on_keeps_it() {
    let bench = two_models(
        &["Hello!", "You're welcome!"],
        &["def f(): …", "\"\"\"Sorts.\"\"\""],
    )
    .await;
    let (general, _) = bench.finish(says("Hi")).await;
    let why = "nothing in the message asks for a specialist";
    assert_eq!(route(&general), (Specialist::General, "scripted", why));

    let (code, _) = bench.finish(says(PROGRAM)).await;
    let why = "the message speaks of `function` and `python`";
    assert_eq!(route(&code), (Specialist::Code, "coder", why));
    assert_eq!(text_of(&code), "def f(): …");

    let on = |text| CreateResponse {
        conversation: code.conversation.clone(),
        ..says(text)
    };
    let (further, _) = bench.finish(on("And now with a docstring.")).await;
    let why = "the message before speaks of `function` and `python`";
    assert_eq!(route(&further), (Specialist::Code, "coder", why));
    let (thanks, _) = bench.finish(on("Thanks!")).await;
    assert_eq!(route(&thanks).1, "scripted");
    assert_eq!(text_of(&thanks), "You're welcome!");
}

#[tokio::test]
async fn a_request_overrides_the_words_and_the_store_keeps_the_route() {
    let bench = two_models(&["A function."], &["Hello!", "Hi!"]).await;
    let asks = |specialist, text| CreateResponse {
        specialist: Some(specialist),
        ..says(text)
    };
    let (code, _) = bench.finish(asks(Specialist::Code, "Hi")).await;
    assert_eq!(
        route(&code),
        (Specialist::Code, "coder", "the request asks for it")
    );
    let (general, _) = bench.finish(asks(Specialist::General, PROGRAM)).await;
    assert_eq!(route(&general).1, "scripted");
    let named = CreateResponse {
        model: Some("coder".into()),
        ..says("Hi")
    };
    let (named, _) = bench.finish(named).await;
    assert_eq!(
        route(&named),
        (Specialist::Code, "coder", "the request names the model")
    );

    let bench = bench.restarted([]).await;
    let found = bench
        .runs
        .find(&bench.principal, named.id.parse().unwrap())
        .await;
    let Ok(Found::Finished(stored)) = found else {
        panic!("it is stored")
    };
    assert_eq!(stored.route, named.route);
    assert_eq!(stored.model, "coder");
}

#[tokio::test]
async fn a_model_and_a_specialist_that_contradict_each_other_are_refused() {
    let bench = two_models(&[], &[]).await;
    let request = CreateResponse {
        model: Some("coder".into()),
        specialist: Some(Specialist::General),
        ..says("Hi")
    };
    let StartError::Invalid(error) = bench.try_start(request).await.unwrap_err() else {
        panic!("not invalid")
    };
    assert_eq!(error.param, "alcove:specialist");
}

#[tokio::test]
async fn one_model_answers_for_every_specialist() {
    let bench = Bench::new([Step::Say("def f(): …")]).await;
    let request = CreateResponse {
        model: Some("scripted".into()),
        specialist: Some(Specialist::Code),
        ..says("Hi")
    };
    let (response, _) = bench.finish(request).await;
    assert_eq!(route(&response).0, Specialist::Code);
    assert_eq!(route(&response).1, "scripted");
}

#[tokio::test]
async fn without_its_model_words_lead_to_the_general_one_and_a_request_to_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let missing = Inference::start(InferenceConfig {
        model: Some(ModelChoice::File(folder.path().join("coder.gguf"))),
        models_dir: folder.path().to_owned(),
        threads: Some(1),
        context_tokens: 2048,
    });
    let bench = Bench::with_code_model([Step::Say("def f(): …")], missing).await;
    let (response, _) = bench.finish(says(PROGRAM)).await;
    let why =
        "the message speaks of `function` and `python`, but the model for programs is not ready";
    assert_eq!(route(&response), (Specialist::General, "scripted", why));

    let request = CreateResponse {
        specialist: Some(Specialist::Code),
        ..says("Hi")
    };
    let error = bench.try_start(request).await.unwrap_err();
    assert!(error.to_string().contains("coder.gguf"), "{error}");
}
