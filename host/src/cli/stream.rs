//! The events of one response, over as many connections as it takes.

use std::collections::VecDeque;

use alcove_api_types::{CreateResponse, EventBody, StreamEvent};
use alcove_egress::ResponseBody;
use anyhow::bail;
use http::Method;

use super::client::{Client, segment};
use super::sse::{self, Parser};

/// How often a stream that was cut is taken up again.
const MAX_RESUMES: u32 = 5;

/// A response as it is produced.
pub(super) struct EventStream {
    client: Client,
    body: ResponseBody,
    parser: Parser,
    waiting: VecDeque<StreamEvent>,
    response: Option<String>,
    last: Option<u64>,
    is_over: bool,
    resumes: u32,
}

impl EventStream {
    /// Asks for a response.
    pub(super) async fn open(client: &Client, request: &CreateResponse) -> anyhow::Result<Self> {
        let text = serde_json::to_vec(request)?;
        let body = client
            .stream(Method::POST, "/v1/responses", Some(text))
            .await?;
        Ok(EventStream {
            client: client.clone(),
            body,
            parser: Parser::default(),
            waiting: VecDeque::new(),
            response: None,
            last: None,
            is_over: false,
            resumes: 0,
        })
    }

    /// The response's id, once it is known.
    pub(super) fn response(&self) -> Option<&str> {
        self.response.as_deref()
    }

    /// The next event; nothing after the last. Dropping the future loses nothing.
    pub(super) async fn next(&mut self) -> anyhow::Result<Option<StreamEvent>> {
        loop {
            while let Some(event) = self.waiting.pop_front() {
                // What came before a cut can come again.
                if self.last.is_none_or(|last| event.sequence_number > last) {
                    self.last = Some(event.sequence_number);
                    if let EventBody::Created { response } = &event.body {
                        self.response = Some(response.id.clone());
                    }
                    self.is_over = event.body.is_final();
                    return Ok(Some(event));
                }
            }
            if self.is_over {
                return Ok(None);
            }
            match self.body.next().await {
                Some(Ok(bytes)) => {
                    for data in self.parser.push(&bytes)? {
                        self.waiting.extend(sse::event(&data)?);
                    }
                }
                // The server goes on with the response; so does whoever comes back for it.
                Some(Err(_)) | None => self.resume().await?,
            }
        }
    }

    async fn resume(&mut self) -> anyhow::Result<()> {
        let (Some(response), Some(last)) = (&self.response, self.last) else {
            bail!("the server closed the stream before the response began");
        };
        if self.resumes == MAX_RESUMES {
            bail!("the stream of {response} was cut {MAX_RESUMES} times");
        }
        self.resumes += 1;
        let path = format!(
            "/v1/responses/{}?stream=true&starting_after={last}",
            segment(response)
        );
        self.body = self.client.stream(Method::GET, &path, None).await?;
        self.parser = Parser::default();
        Ok(())
    }
}
