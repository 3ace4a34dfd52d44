//! Host functions with authority: called and written down, or served from a record.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Recorder;
use crate::record::{HostCall, MAX_HOST_CALLS};

/// What a number, a name or a bracket counts for in a record's size.
const VALUE_BYTES: usize = 8;

/// The error that ends a guest which does something else than its record says.
#[derive(Debug, thiserror::Error)]
#[error("the replay left its record")]
pub(crate) struct Diverged;

/// What is to be done with a call of a host function.
enum Next {
    /// This is what it answered.
    Served(Value),
    /// It runs; its answer belongs in this place of the record, if there is one.
    Runs(Option<usize>),
}

impl Recorder {
    /// A call of the host function `function` with `input`, whose answer `run` finds out. In a live
    /// call it runs, and both are written down. In a replay the input has to be what the record says,
    /// `run` is dropped, and the recorded answer is given.
    ///
    /// Whatever may be otherwise another time belongs inside of `run`, what the policy says included:
    /// a refusal that is remembered there ([`Recorder::refuse`]) is remembered in a replay too.
    ///
    /// # Errors
    ///
    /// One that ends the guest, where a replay is asked for something else than its record has.
    pub(crate) async fn through<I, O>(
        &self,
        function: &'static str,
        input: &I,
        run: impl Future<Output = O>,
    ) -> wasmtime::Result<O>
    where
        I: Serialize + ?Sized,
        O: Serialize + DeserializeOwned,
    {
        let place = match self.next(function, serde_json::to_value(input)?)? {
            Next::Served(output) => return Ok(serde_json::from_value(output)?),
            Next::Runs(place) => place,
        };
        let output = run.await;
        if let Some(place) = place {
            self.ended(place, serde_json::to_value(&output)?);
        }
        Ok(output)
    }

    /// The same for a function that does not wait.
    pub(crate) fn through_now<I, O>(
        &self,
        function: &'static str,
        input: &I,
        run: impl FnOnce() -> O,
    ) -> wasmtime::Result<O>
    where
        I: Serialize + ?Sized,
        O: Serialize + DeserializeOwned,
    {
        let place = match self.next(function, serde_json::to_value(input)?)? {
            Next::Served(output) => return Ok(serde_json::from_value(output)?),
            Next::Runs(place) => place,
        };
        let output = run();
        if let Some(place) = place {
            self.ended(place, serde_json::to_value(&output)?);
        }
        Ok(output)
    }

    fn next(&self, function: &'static str, input: Value) -> wasmtime::Result<Next> {
        let mut inner = self.lock();
        let Some(replay) = &mut inner.replay else {
            let at_us = inner.elapsed_us();
            let fits = inner.record.calls.len() < MAX_HOST_CALLS;
            inner.record.truncated |= !fits;
            if !fits || !inner.take_room(function.len() + size(&input)) {
                return Ok(Next::Runs(None));
            }
            inner.record.calls.push(HostCall {
                function: function.to_owned(),
                input,
                output: None,
                at_us,
                took_us: 0,
                refusal: None,
            });
            return Ok(Next::Runs(Some(inner.record.calls.len() - 1)));
        };
        let place = replay.calls;
        replay.calls += 1;
        let Some(recorded) = replay.record.calls.get_mut(place) else {
            let recorded = inner.nothing_more();
            inner.diverged(function, recorded, input.to_string());
            return Err(Diverged.into());
        };
        if recorded.function != function || recorded.input != input {
            let recorded = if recorded.function == function {
                recorded.input.to_string()
            } else {
                format!("{} {}", recorded.function, recorded.input)
            };
            inner.diverged(function, recorded, input.to_string());
            return Err(Diverged.into());
        }
        let refusal = recorded.refusal.clone();
        let Some(output) = recorded.output.take() else {
            let recorded = "no answer: the call was ended while it waited for it".to_owned();
            inner.diverged(function, recorded, input.to_string());
            return Err(Diverged.into());
        };
        inner.refusal = refusal;
        Ok(Next::Served(output))
    }

    fn ended(&self, place: usize, output: Value) {
        let mut inner = self.lock();
        let now = inner.elapsed_us();
        let refusal = inner.refusal.clone();
        let fits = inner.take_room(size(&output));
        let Some(call) = inner.record.calls.get_mut(place) else {
            return;
        };
        call.took_us = now.saturating_sub(call.at_us);
        call.refusal = refusal;
        // Without its answer the call is where a replay ends, and the record says why.
        call.output = fits.then_some(output);
    }
}

/// About how many bytes a value takes in a record.
fn size(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len() + VALUE_BYTES,
        Value::Array(values) => values.iter().map(size).sum::<usize>() + VALUE_BYTES,
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| name.len() + size(value));
            fields.sum::<usize>() + VALUE_BYTES
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => VALUE_BYTES,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{HostRecord, MAX_RECORD_BYTES};
    use crate::refusal::Refusal;

    type Got = Result<Option<String>, String>;

    async fn get(recorder: &Recorder, key: &str, answer: Got) -> wasmtime::Result<Got> {
        recorder
            .through("test:state/get", key, async { answer })
            .await
    }

    async fn recorded() -> HostRecord {
        let recorder = Recorder::new();
        recorder.begin(None, "en", None);
        let one = get(&recorder, "one", Ok(Some("1".into()))).await.unwrap();
        assert_eq!(one, Ok(Some("1".into())));
        let refusal = Refusal::HttpRate("1/min".into());
        let two = recorder.through("test:state/get", "two", async {
            recorder.refuse(refusal);
            Got::Err("refused".into())
        });
        two.await.unwrap().unwrap_err();
        recorder.take().0
    }

    #[tokio::test]
    async fn a_replay_is_served_what_was_written_down() {
        let record = recorded().await;
        assert_eq!(record.calls.len(), 2);
        assert_eq!(record.calls[0].input, "one");
        let text = serde_json::to_string(&record).unwrap();
        let record: HostRecord = serde_json::from_str(&text).unwrap();

        let again = Recorder::new();
        again.begin(Some(record), "en", None);
        let other: Got = Ok(Some("not this".into()));
        assert_eq!(
            get(&again, "one", other.clone()).await.unwrap(),
            Ok(Some("1".into()))
        );
        assert_eq!(again.refusal(), None);
        assert_eq!(
            get(&again, "two", other.clone()).await.unwrap(),
            Err("refused".into())
        );
        assert_eq!(again.refusal(), Some(Refusal::HttpRate("1/min".into())));
        let error = get(&again, "three", other).await.unwrap_err();
        assert!(error.is::<Diverged>());
        let divergence = again.take().1.unwrap();
        assert_eq!(divergence.recorded, "nothing more");
        assert_eq!(divergence.now, "\"three\"");
    }

    #[tokio::test]
    async fn a_replay_that_asks_for_something_else_ends_there() {
        let again = Recorder::new();
        again.begin(Some(recorded().await), "en", None);
        get(&again, "uno", Ok(None)).await.unwrap_err();
        let divergence = again.take().1.unwrap();
        assert_eq!(divergence.function, "test:state/get");
        assert_eq!(divergence.recorded, "\"one\"");
        assert_eq!(divergence.now, "\"uno\"");
    }

    #[tokio::test]
    async fn what_is_too_much_is_left_out_and_that_is_said() {
        let recorder = Recorder::new();
        recorder.begin(None, "en", None);
        let large = "x".repeat(MAX_RECORD_BYTES);
        get(&recorder, "one", Ok(Some(large)))
            .await
            .unwrap()
            .unwrap();
        let (record, _) = recorder.take();
        assert!(record.truncated);
        assert_eq!(record.calls[0].output, None);
        let again = Recorder::new();
        again.begin(Some(record), "en", None);
        get(&again, "one", Ok(None)).await.unwrap_err();
        assert!(again.take().1.is_some());
    }
}
