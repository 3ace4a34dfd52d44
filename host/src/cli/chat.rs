//! `alcove chat`.

use std::io::{self, BufRead, IsTerminal};
use std::path::PathBuf;
use std::process::ExitCode;

use alcove_api_types::{
    Answered, Conversation, ConversationRef, CreateResponse, EventBody, Input, Response,
    Specialist, UseCheckpoint, WorkspaceFile,
};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

use super::arguments::{ChatArguments, Global};
use super::ask::{Asking, Step};
use super::attach::attach;
use super::client::{Client, segment};
use super::connect::Connection;
use super::model::INTERRUPTED;
use super::output;
use super::render::Renderer;
use super::stream::EventStream;

/// The answer was cut short.
const INCOMPLETE: u8 = 3;
/// A line that ends so goes on in the next.
const CONTINUED: char = '\\';

const HELP: &str = "\
Type a message and press Enter; a \\ at the end of a line goes on in the next.
Ctrl-C stops an answer; pressed again, or at the prompt, it leaves.
/file PATH puts a file into the conversation, for tools to read.
/new begins another conversation, /exit leaves.";

/// Lines as they are typed.
type Lines = mpsc::Receiver<io::Result<String>>;

/// How a turn ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    Whole,
    Failed,
    CutShort,
    Stopped,
    /// The person wants out.
    Left,
}

impl Ended {
    fn code(self) -> ExitCode {
        match self {
            Ended::Whole => ExitCode::SUCCESS,
            Ended::Failed => ExitCode::from(super::FAILED),
            Ended::CutShort => ExitCode::from(INCOMPLETE),
            Ended::Stopped | Ended::Left => ExitCode::from(INTERRUPTED),
        }
    }
}

pub(super) async fn run(global: &Global, arguments: ChatArguments) -> anyhow::Result<ExitCode> {
    let mut interrupts = signal(SignalKind::interrupt())?;
    let connection = Connection::open(global).await?;
    let chatted = async {
        connection.ready().await?;
        let mut chat = Chat {
            client: connection.client.clone(),
            conversation: arguments.conversation,
            model: arguments.model,
            specialist: arguments.specialist,
            checkpoint: UseCheckpoint {
                load: arguments.load,
                save: arguments.save,
            },
            prints_events: arguments.json,
            attached: Vec::new(),
        };
        if !arguments.files.is_empty() {
            chat.attach(&arguments.files, &mut interrupts).await?;
        }
        match arguments.message {
            Some(message) => {
                // Somebody at a terminal can be asked; a script can't.
                let mut lines = match io::stdin().is_terminal() && !chat.prints_events {
                    true => Some(read_lines()?),
                    false => None,
                };
                let ended = chat.turn(&message, lines.as_mut(), &mut interrupts).await?;
                Ok(ended.code())
            }
            None => chat.interactive(&mut interrupts).await,
        }
    }
    .await;
    connection.close().await;
    chatted
}

struct Chat {
    client: Client,
    conversation: Option<String>,
    model: Option<String>,
    specialist: Option<Specialist>,
    checkpoint: UseCheckpoint,
    prints_events: bool,
    /// What the next message names.
    attached: Vec<WorkspaceFile>,
}

impl Chat {
    async fn interactive(&mut self, interrupts: &mut Signal) -> anyhow::Result<ExitCode> {
        if let Some(id) = &self.conversation {
            let path = format!("/api/conversations/{}", segment(id));
            let conversation: Conversation = self.client.get(&path).await?;
            output::note(&output::clean(&conversation.summary.title))?;
        }
        let is_terminal = io::stdin().is_terminal();
        if is_terminal {
            output::note("/help shows what can be typed.")?;
        }
        let mut lines = read_lines()?;
        loop {
            let Some(message) = next_message(&mut lines, interrupts, is_terminal).await? else {
                break;
            };
            match message.trim() {
                "" => {}
                "/exit" | "/quit" => break,
                "/help" => output::note(HELP)?,
                "/new" => {
                    self.conversation = None;
                    self.attached.clear();
                }
                message if message.starts_with("/file ") => {
                    let path = PathBuf::from(message["/file ".len()..].trim());
                    match self.attach(&[path], interrupts).await {
                        Ok(()) => output::note("The next message names it.")?,
                        Err(error) => output::note(&format!("alcove: {error:#}"))?,
                    }
                }
                message => {
                    // Lines that are piped in are messages, and never a yes to something.
                    let answers = is_terminal.then_some(&mut lines);
                    match self.turn(message, answers, interrupts).await {
                        Ok(Ended::Left) => break,
                        Ok(_) => {}
                        // One turn that failed is no reason to lose the conversation.
                        Err(error) => output::note(&format!("alcove: {error:#}"))?,
                    }
                }
            }
        }
        if let Some(id) = &self.conversation {
            output::note(&format!("Go on with: alcove chat --conversation {id}"))?;
        }
        Ok(ExitCode::SUCCESS)
    }

    async fn attach(&mut self, files: &[PathBuf], interrupts: &mut Signal) -> anyhow::Result<()> {
        let conversation = self.conversation.clone();
        let (conversation, mut attached) = tokio::select! {
            attached = attach(&self.client, conversation, files) => attached?,
            _ = interrupts.recv() => anyhow::bail!("stopped before all was attached"),
        };
        self.conversation = Some(conversation);
        self.attached.append(&mut attached);
        Ok(())
    }

    /// One message and its answer. What its calls ask is answered by `lines`; without them nobody
    /// can be asked, and what needs an answer is denied.
    async fn turn(
        &mut self,
        message: &str,
        mut lines: Option<&mut Lines>,
        interrupts: &mut Signal,
    ) -> anyhow::Result<Ended> {
        let request = CreateResponse {
            model: self.model.clone(),
            specialist: self.specialist,
            checkpoint: Some(self.checkpoint.clone())
                .filter(|used| *used != UseCheckpoint::default()),
            input: Input::Text(WorkspaceFile::name_in(message, &self.attached)),
            stream: true,
            ask: Some(lines.is_some()),
            conversation: self.conversation.clone().map(ConversationRef::Id),
            ..CreateResponse::default()
        };
        let mut stream = tokio::select! {
            opened = EventStream::open(&self.client, &request) => opened?,
            _ = interrupts.recv() => return Ok(Ended::Left),
        };
        self.attached.clear();
        let mut renderer = Renderer::new();
        let mut is_stopping = false;
        let mut asking: Option<Asking> = None;
        loop {
            let event = tokio::select! {
                event = stream.next() => event?,
                line = next_line(&mut lines), if asking.is_some() => {
                    match (line, &mut asking) {
                        (Some(line), Some(asking)) => self.answer(asking, &line?).await?,
                        // The terminal is gone: nobody is left to say yes.
                        (None, _) => {
                            is_stopping = true;
                            asking = None;
                            self.stop(stream.response()).await?;
                        }
                        (Some(_), None) => {}
                    }
                    continue;
                }
                _ = interrupts.recv() => {
                    if is_stopping {
                        renderer.end_line()?;
                        return Ok(Ended::Left);
                    }
                    is_stopping = true;
                    self.stop(stream.response()).await?;
                    continue;
                }
            };
            let Some(event) = event else {
                anyhow::bail!("the stream ended without the response's end");
            };
            if self.prints_events {
                output::line(&serde_json::to_string(&event)?)?;
            } else {
                renderer.show(&event.body)?;
            }
            match &event.body {
                EventBody::ToolAwaiting { awaiting, .. } if lines.is_some() => {
                    renderer.end_line()?;
                    if let Some(call) = renderer.call() {
                        let (question, text) = Asking::new(call, awaiting);
                        output::hint(&text)?;
                        asking = Some(question);
                    }
                }
                EventBody::ToolAnswered { .. } => asking = None,
                _ => {}
            }
            let is_first = matches!(event.body, EventBody::Created { .. });
            if is_first && is_stopping {
                // Ctrl-C came before there was anything to stop.
                self.stop(stream.response()).await?;
            }
            let (response, ended) = match &event.body {
                EventBody::Created { response } => (response, None),
                EventBody::Completed { response } => (response, Some(Ended::Whole)),
                EventBody::Failed { response } => (response, Some(Ended::Failed)),
                EventBody::Incomplete { response } => (response, Some(Ended::CutShort)),
                EventBody::Cancelled { response } => (response, Some(Ended::Stopped)),
                _ => continue,
            };
            if let Some(conversation) = &response.conversation {
                self.conversation = Some(conversation.id().to_owned());
            }
            if let Some(ended) = ended {
                return Ok(ended);
            }
        }
    }

    /// Takes a line for a question. What the server refuses is said, and asked again.
    async fn answer(&self, asking: &mut Asking, line: &str) -> anyhow::Result<()> {
        match asking.take(line) {
            Step::Prompt(text) => output::hint(&text)?,
            Step::Answer(answer) => {
                let path = format!("/api/approvals/{}", segment(asking.id()));
                let sent: anyhow::Result<Answered> = self.client.post(&path, &answer).await;
                if let Err(error) = sent {
                    output::note(&format!("alcove: {error:#}"))?;
                    output::hint(&asking.prompt())?;
                }
            }
        }
        Ok(())
    }

    /// The stream then ends with what there was.
    async fn stop(&self, response: Option<&str>) -> anyhow::Result<()> {
        if let Some(id) = response {
            let path = format!("/v1/responses/{}/cancel", segment(id));
            let _: Response = self.client.post(&path, &serde_json::json!({})).await?;
        }
        Ok(())
    }
}

/// The next line, where there are any.
async fn next_line(lines: &mut Option<&mut Lines>) -> Option<io::Result<String>> {
    match lines {
        Some(lines) => lines.recv().await,
        None => std::future::pending().await,
    }
}

/// Lines of standard input. The thread that reads them ends with the process: a read from a
/// terminal can't be called off.
fn read_lines() -> io::Result<Lines> {
    let (sender, lines) = mpsc::channel(1);
    std::thread::Builder::new()
        .name("stdin".to_owned())
        .spawn(move || {
            for line in io::stdin().lock().lines() {
                if sender.blocking_send(line).is_err() {
                    break;
                }
            }
        })?;
    Ok(lines)
}

/// What the person says next; `None` when they leave.
async fn next_message(
    lines: &mut Lines,
    interrupts: &mut Signal,
    is_terminal: bool,
) -> anyhow::Result<Option<String>> {
    let mut message = String::new();
    loop {
        if is_terminal {
            output::piece(if message.is_empty() { "› " } else { "… " })?;
        }
        let line = tokio::select! {
            line = lines.recv() => line,
            _ = interrupts.recv() => None,
        };
        let Some(line) = line else {
            if is_terminal {
                output::line("")?;
            }
            return Ok((!message.trim().is_empty() && !is_terminal).then_some(message));
        };
        let line = line?;
        match line.strip_suffix(CONTINUED) {
            Some(begun) => {
                message.push_str(begun);
                message.push('\n');
            }
            None => {
                message.push_str(&line);
                return Ok(Some(message));
            }
        }
    }
}
