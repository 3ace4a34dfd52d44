//! Small servers that do one thing, resolvers that answer as they are told, and requests.

use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use alcove_egress::{
    Body, Egress, EgressConfig, EgressError, Limits, Resolver, Resolving, ResponseBody, Roots,
    Scope, empty_body,
};
use http::{Request, Response};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What a server does with a connection once the request's head is read.
#[derive(Clone)]
pub(crate) enum Act {
    /// Writes this and closes.
    Answer(Vec<u8>),
    /// Writes these, with a pause after each.
    Slowly(Vec<Vec<u8>>, Duration),
    /// Says nothing and keeps the connection.
    Silence,
}

pub(crate) struct Server {
    pub(crate) port: u16,
    connections: Arc<AtomicUsize>,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub(crate) async fn new(act: Act) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Server {
            port: listener.local_addr().unwrap().port(),
            connections: Arc::default(),
            requests: Arc::default(),
        };
        let (connections, requests) = (
            Arc::clone(&server.connections),
            Arc::clone(&server.requests),
        );
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(stream, act.clone(), Arc::clone(&requests)));
            }
        });
        server
    }

    pub(crate) async fn answer(text: &str) -> Server {
        Server::new(Act::Answer(text.as_bytes().to_vec())).await
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

async fn serve(mut stream: TcpStream, act: Act, requests: Arc<Mutex<Vec<String>>>) {
    let mut head = Vec::new();
    let mut buffer = [0; 4096];
    while !head.windows(4).any(|window| window == b"\r\n\r\n") {
        match stream.read(&mut buffer).await {
            Ok(read) if read > 0 => head.extend_from_slice(&buffer[..read]),
            _ => break,
        }
    }
    requests
        .lock()
        .unwrap()
        .push(String::from_utf8_lossy(&head).into_owned());
    match act {
        Act::Answer(bytes) => {
            let _ = stream.write_all(&bytes).await;
        }
        Act::Slowly(pieces, pause) => {
            for piece in pieces {
                if stream.write_all(&piece).await.is_err() {
                    return;
                }
                tokio::time::sleep(pause).await;
            }
        }
        Act::Silence => tokio::time::sleep(Duration::from_secs(60)).await,
    }
}

/// Answers each question with the next list, and then with the last one again.
pub(crate) struct Scripted {
    answers: Vec<Vec<IpAddr>>,
    asked: AtomicUsize,
}

impl Scripted {
    pub(crate) fn new(answers: &[&[&str]]) -> Arc<Scripted> {
        Arc::new(Scripted {
            answers: answers
                .iter()
                .map(|answer| answer.iter().map(|ip| ip.parse().unwrap()).collect())
                .collect(),
            asked: AtomicUsize::new(0),
        })
    }

    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Resolver for Scripted {
    fn resolve<'a>(&'a self, _name: &'a str) -> Resolving<'a> {
        let asked = self.asked.fetch_add(1, Ordering::SeqCst);
        let answer = self.answers[asked.min(self.answers.len() - 1)].clone();
        Box::pin(async move { Ok(answer) })
    }
}

pub(crate) fn egress() -> Egress {
    Egress::new(EgressConfig::default()).unwrap()
}

pub(crate) fn resolving(resolver: Arc<Scripted>) -> Egress {
    Egress::new(EgressConfig {
        resolver,
        roots: Roots::System,
    })
    .unwrap()
}

/// Loopback, opened for tests.
pub(crate) fn loopback() -> Scope {
    Scope::Listed(vec!["127.0.0.0/8".parse().unwrap()])
}

pub(crate) fn limits() -> Limits {
    Limits {
        connect: Duration::from_secs(5),
        first_byte: Duration::from_secs(2),
        idle: Duration::from_secs(2),
        total: Duration::from_secs(5),
        header_bytes: 16 << 10,
        headers: 64,
        request_bytes: 1000,
        response_bytes: 10_000,
    }
}

pub(crate) fn request(url: &str) -> Request<Body> {
    Request::get(url).body(empty_body()).unwrap()
}

pub(crate) async fn get(url: &str) -> Result<Response<ResponseBody>, EgressError> {
    egress().send(request(url), &loopback(), &limits()).await
}

/// The body, or why it did not come.
pub(crate) async fn body(url: &str) -> Result<String, EgressError> {
    let bytes = get(url).await?.into_body().read_all().await?;
    Ok(String::from_utf8(bytes).unwrap())
}
