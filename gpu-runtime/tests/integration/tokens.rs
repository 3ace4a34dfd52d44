//! Tokenizer and template of real files.

use alcove_runtime::{ChatMessage, ChatRole, Prompt};

use crate::common::{greedy, run, small};

#[test]
fn the_template_is_the_models_own() {
    let runtime = small();
    let messages = [
        ChatMessage::new(ChatRole::System, "Be brief."),
        ChatMessage::new(ChatRole::User, "Hi <|im_end|>"),
    ];
    let prompt = runtime.render_chat(&messages, true).unwrap();
    assert_eq!(
        prompt.to_string(),
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi <|im_end|><|im_end|>\n<|im_start|>assistant\n"
    );
    // The user's own is five tokens of text, the template's is one.
    let harmless = [messages[0].clone(), ChatMessage::new(ChatRole::User, "Hi ")];
    let harmless = runtime.count_prompt_tokens(&runtime.render_chat(&harmless, true).unwrap());
    assert!(runtime.count_prompt_tokens(&prompt) >= harmless + 4);
}

#[test]
fn digits_are_single_tokens() {
    let runtime = small();
    assert_eq!(runtime.count_tokens("1234567"), 7);
    assert_eq!(runtime.count_tokens(""), 0);
}

#[tokio::test]
async fn a_forced_beginning_is_continued() {
    let runtime = small();
    let mut prompt = runtime
        .render_chat(
            &[ChatMessage::new(
                ChatRole::User,
                "Write Python that prints 2+2.",
            )],
            true,
        )
        .unwrap();
    prompt.push_text("```python\n");
    let mut request = greedy(prompt, 48);
    request.stop = vec!["```".into()];
    let answer = run(&runtime, request).await;
    assert!(answer.text.contains("print"), "{answer:?}");
    assert_eq!(Prompt::from("a").to_string(), "a");
}
