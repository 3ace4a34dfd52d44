//! Generating: usage, stop strings, cancelling, sharing, limits.

use std::time::{Duration, Instant};

use alcove_runtime::{
    ChatMessage, ChatRole, Event, Finish, LoadOptions, Prompt, Runtime, Sampling, SubmitError,
    limits,
};
use tokio_util::sync::CancellationToken;

use crate::common::{alone, ask, greedy, model_path, run, small};

#[tokio::test]
async fn answers_a_question_and_counts_its_tokens() {
    let runtime = small();
    let prompt = ask(
        &runtime,
        "What is the capital of France? Answer in one word.",
    );
    let tokens = runtime.count_prompt_tokens(&prompt) as u32;
    let answer = run(&runtime, greedy(prompt, 32)).await;
    assert!(answer.text.contains("Paris"), "{answer:?}");
    assert_eq!(answer.finish, Finish::Stop);
    assert_eq!(answer.usage.prompt, tokens);
    // The end of the turn is a token too, and no text.
    assert_eq!(
        answer.usage.generated as usize,
        runtime.count_tokens(&answer.text) + 1
    );
}

#[tokio::test]
async fn the_token_limit_ends_with_length() {
    let answer = run(&small(), greedy("Once upon a time", 7)).await;
    assert_eq!((answer.finish, answer.usage.generated), (Finish::Length, 7));
}

#[tokio::test]
async fn a_stop_string_ends_before_itself_and_never_leaks() {
    let runtime = small();
    let whole = run(&runtime, greedy("Count: 1, 2, 3,", 24)).await;
    let stop = " 6,";
    let at = whole.text.find(stop).unwrap_or_else(|| panic!("{whole:?}"));
    let mut request = greedy("Count: 1, 2, 3,", 24);
    request.stop = vec![stop.into()];
    let answer = run(&runtime, request).await;
    assert_eq!(
        (answer.text.as_str(), answer.finish),
        (&whole.text[..at], Finish::Stop)
    );
    assert!(
        answer.pieces.iter().all(|piece| !piece.ends_with(" 6")),
        "{answer:?}"
    );
}

#[tokio::test]
async fn the_next_turn_finds_the_last_one_in_the_cache() {
    let _alone = alone().await;
    let runtime = small();
    let mut messages = vec![ChatMessage::new(
        ChatRole::User,
        "Name three colours of the rainbow, please. ".repeat(8),
    )];
    let first = run(
        &runtime,
        greedy(runtime.render_chat(&messages, true).unwrap(), 20),
    )
    .await;
    messages.push(ChatMessage::new(ChatRole::Assistant, first.text.clone()));
    messages.push(ChatMessage::new(ChatRole::User, "And a fourth?"));
    let prompt = runtime.render_chat(&messages, true).unwrap();
    let second = run(&runtime, greedy(prompt.clone(), 8)).await;
    let block = limits::BLOCK_TOKENS as u32;
    assert!(
        second.usage.cached + 2 * block >= first.usage.prompt,
        "{:?} {:?}",
        first.usage,
        second.usage
    );
    // What comes out does not depend on what was cached.
    let fresh = Runtime::load(&model_path("smollm2-135m"), LoadOptions::default()).unwrap();
    let uncached = run(&fresh, greedy(prompt, 8)).await;
    assert_eq!((uncached.usage.cached, &uncached.text), (0, &second.text));
}

#[tokio::test]
async fn sequences_that_decode_together_give_what_each_gives_alone() {
    let runtime = small();
    let prompts = [
        "The sea is",
        "fn main() {",
        "In 1989, the",
        "Dear Sir or Madam,",
        "The three laws of",
    ];
    let mut alone = Vec::new();
    for prompt in prompts {
        alone.push(run(&runtime, greedy(prompt, 24)).await.text);
    }
    let together = prompts.map(|prompt| {
        let runtime = runtime.clone();
        tokio::spawn(async move { run(&runtime, greedy(prompt, 24)).await.text })
    });
    for (task, alone) in together.into_iter().zip(alone) {
        assert_eq!(task.await.unwrap(), alone);
    }
}

#[tokio::test]
async fn equal_seeds_give_equal_texts() {
    let runtime = small();
    let sample = |seed| {
        let mut request = greedy("My favourite animal is", 24);
        request.sampling = Sampling::TopP {
            temperature: 1.0,
            top_p: 0.95,
            seed,
        };
        run(&runtime, request)
    };
    let (one, again, other) = (sample(1).await, sample(1).await, sample(2).await);
    assert_eq!(one.text, again.text);
    assert_ne!(one.text, other.text);
}

#[tokio::test]
async fn cancelling_stops_while_the_prompt_is_read_and_while_decoding() {
    let _alone = alone().await;
    let runtime = small();
    let long = "The quick brown fox jumps over the lazy dog. ".repeat(600);
    for (prompt, wait) in [
        (long.as_str(), Duration::from_millis(100)),
        ("Once upon a time", Duration::from_millis(300)),
    ] {
        let cancel = CancellationToken::new();
        let request = greedy(
            prompt,
            4000.min(8192 - runtime.count_tokens(prompt) as u32 - 1),
        );
        let mut generation = runtime.generate(request, cancel.clone()).await.unwrap();
        tokio::time::sleep(wait).await;
        cancel.cancel();
        let stopped = Instant::now();
        let last = loop {
            match generation.next().await.unwrap().unwrap() {
                Event::Text(_) => {}
                Event::Done { finish, .. } => break finish,
            }
        };
        assert_eq!(last, Finish::Cancelled);
        assert!(
            stopped.elapsed() < Duration::from_secs(2),
            "{:?}",
            stopped.elapsed()
        );
    }
}

#[tokio::test]
async fn dropping_the_generation_frees_the_model() {
    let _alone = alone().await;
    let runtime = small();
    for _ in 0..2 * limits::MAX_WAITING {
        let generation = runtime
            .generate(greedy("Once upon a time", 4000), CancellationToken::new())
            .await;
        drop(generation.unwrap());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let before = Instant::now();
    run(&runtime, greedy("Hello", 2)).await;
    assert!(before.elapsed() < Duration::from_secs(20));
}

#[tokio::test]
async fn requests_out_of_range_are_refused() {
    let runtime = Runtime::load(
        &model_path("smollm2-135m"),
        LoadOptions {
            context_tokens: Some(64),
            ..LoadOptions::default()
        },
    )
    .unwrap();
    let submit = async |request| {
        runtime
            .generate(request, CancellationToken::new())
            .await
            .unwrap_err()
    };
    assert_eq!(
        submit(greedy(Prompt::default(), 4)).await,
        SubmitError::EmptyPrompt
    );
    let long = "word ".repeat(100);
    let error = submit(greedy(long.as_str(), 4)).await;
    assert!(
        matches!(error, SubmitError::ContextExceeded { context_tokens: 64, prompt_tokens } if prompt_tokens >= 100)
    );
    assert!(matches!(
        submit(greedy("a", 0)).await,
        SubmitError::OutOfRange {
            parameter: "max_tokens",
            ..
        }
    ));
    let mut request = greedy("a", 4);
    request.sampling = Sampling::TopP {
        temperature: f32::NAN,
        top_p: 1.0,
        seed: 0,
    };
    assert!(matches!(
        submit(request).await,
        SubmitError::OutOfRange {
            parameter: "temperature",
            ..
        }
    ));
    let mut request = greedy("a", 4);
    request.stop = vec![String::new()];
    assert!(matches!(
        submit(request).await,
        SubmitError::OutOfRange {
            parameter: "stop",
            ..
        }
    ));
    // The context clamps the answer.
    let answer = run(&runtime, greedy("Once upon a time", 4000)).await;
    assert_eq!(answer.finish, Finish::Length);
    assert_eq!(answer.usage.prompt + answer.usage.generated, 64);
}

#[tokio::test]
async fn a_full_queue_refuses_and_recovers() {
    let _alone = alone().await;
    let runtime = Runtime::load(
        &model_path("smollm2-135m"),
        LoadOptions {
            deterministic: true,
            ..LoadOptions::default()
        },
    )
    .unwrap();
    let mut running = Vec::new();
    let refused = loop {
        match runtime
            .generate(greedy("Once upon a time", 2000), CancellationToken::new())
            .await
        {
            Ok(generation) => running.push(generation),
            Err(error) => break error,
        }
        assert!(running.len() <= limits::MAX_WAITING + limits::MAX_RUNNING);
    };
    assert_eq!(
        refused,
        SubmitError::QueueFull {
            waiting: limits::MAX_WAITING
        }
    );
    drop(running);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(run(&runtime, greedy("Hello", 3)).await.usage.generated, 3);
}
