//! `read_document`: files of the conversation as text with passages.

use super::*;

const DOCUMENTS: &str = "alcove/documents";

/// Python that leaves a folder of documents, each written with nothing but the standard library.
const FOLDER: &str = r#"
import os, zipfile
os.makedirs('papers/old')
open('papers/tides.md', 'w').write('# Tides\n\nHigh water comes twice a day.\n\n## Springs\n\n' + 'The sea is wide. ' * 500 + '\n\n## Neaps\n\nA neap tide is the smallest.\n')
open('papers/old/latin.txt', 'wb').write('caf\xe9 of the harbour'.encode('latin-1'))
open('papers/noise.bin', 'wb').write(bytes(range(256)) * 10)
open('papers/empty.txt', 'w').close()
with zipfile.ZipFile('papers/offer.docx', 'w', zipfile.ZIP_DEFLATED) as file:
    paragraph = '<w:p><w:pPr><w:pStyle w:val="{}"/></w:pPr><w:r><w:t>{}</w:t></w:r></w:p>'
    body = paragraph.format('Heading1', 'Offer') + paragraph.format('Normal', 'The boat costs 4200 crowns.')
    file.writestr('word/document.xml', f'<w:document><w:body>{body}</w:body></w:document>')
content = b'BT /F 20 Tf 72 700 Td (Harbour rules) Tj ET BT /F 11 Tf 72 650 Td (Moor at berth nine, and pay the har-) Tj 0 -13 Td (bour master.) Tj ET'
objects = [b'<</Type/Catalog/Pages 2 0 R>>', b'<</Type/Pages/Kids[3 0 R]/Count 1>>',
    b'<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>',
    b'<</Length %d>>stream\n%s\nendstream' % (len(content), content), b'<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>']
text, table = b'%PDF-1.4\n', b'xref\n0 6\n0000000000 65535 f \n'
for at, one in enumerate(objects, 1):
    table += b'%010d 00000 n \n' % len(text)
    text += b'%d 0 obj%sendobj\n' % (at, one)
open('papers/rules.pdf', 'wb').write(text + table + b'trailer<</Size 6/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n' % len(text))
open('papers/cut.pdf', 'wb').write(text[:60])
"#;

async fn read(path: &Path, arguments: Value) -> ToolResult {
    let cancel = CancellationToken::new();
    path.call_of(DOCUMENTS, arguments, cancel).await.2
}

#[track_caller]
fn texts(result: &ToolResult) -> String {
    assert_eq!(result.outcome, ToolOutcome::Ok);
    let parts = result.output.iter().filter(|part| part.kind == "text");
    parts
        .map(|part| part.value.as_str())
        .collect::<Vec<_>>()
        .join("\n")
}

#[track_caller]
fn failed(result: &ToolResult) -> (&str, &str) {
    match &result.outcome {
        ToolOutcome::Failed { failure, message } => (failure, message),
        other => panic!("not failed: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_become_passages_whatever_they_were_written_with() {
    let app = TestApp::start().await;
    let mut path = Path::new(&app).await;
    assert_eq!(path.python(FOLDER).await.outcome, ToolOutcome::Ok);

    let pdf = read(&path, json!({"path": "/workspace/papers/rules.pdf"})).await;
    let text = texts(&pdf);
    assert!(
        text.contains("[1 pages]")
            && text.contains("## Harbour rules")
            && text.contains("Moor at berth nine, and pay the harbour master."),
        "{text}"
    );
    assert_eq!(pdf.label, Some(Label::Private), "it is the person's own");
    let passages = pdf.output.iter().filter_map(|part| part.passage.as_ref());
    let titles: Vec<&str> = passages.map(|passage| passage.title.as_str()).collect();
    assert!(
        !titles.is_empty() && titles.iter().all(|title| *title == "rules.pdf"),
        "{titles:?}"
    );

    let word = texts(&read(&path, json!({"path": "papers/offer.docx"})).await);
    assert_eq!(word, "# Offer\n\nThe boat costs 4200 crowns.");
    let latin = texts(&read(&path, json!({"path": "papers/old/latin.txt"})).await);
    assert_eq!(latin, "café of the harbour");

    // A long one in parts, or what fits some words.
    let first = texts(&read(&path, json!({"path": "papers/tides.md"})).await);
    assert!(
        first.contains("[Part 1 of 3.") && first.contains("Neaps"),
        "{first}"
    );
    let found = read(
        &path,
        json!({"path": "papers/tides.md", "find": "smallest tides"}),
    )
    .await;
    let text = texts(&found);
    assert!(
        text.contains("A neap tide is the smallest.") && text.len() < 4_000,
        "{text}"
    );
    assert!(found.output.iter().any(|part| part.passage.is_some()));

    // A folder: what is in it, and what of all its files fits.
    let listed = texts(&read(&path, json!({"path": "papers"})).await);
    for file in [
        "papers/rules.pdf (",
        "papers/old/latin.txt (19 bytes)",
        "papers/noise.bin",
    ] {
        assert!(listed.contains(file), "{file}: {listed}");
    }
    let searched = texts(&read(&path, json!({"path": "papers", "find": "Where to moor?"})).await);
    assert!(
        searched.contains("/workspace/papers/rules.pdf:\n")
            && searched.contains("[2 files could not be read.]"),
        "{searched}"
    );

    // What cannot be read says why.
    let (kind, why) = (
        &read(&path, json!({"path": "papers/nothing.pdf"})).await,
        "There are: ",
    );
    assert!(
        failed(kind).0 == "not-found" && failed(kind).1.contains(why),
        "{kind:?}"
    );
    let cut = read(&path, json!({"path": "papers/cut.pdf"})).await;
    assert_eq!(failed(&cut).0, "unavailable");
    let noise = read(&path, json!({"path": "papers/noise.bin"})).await;
    assert!(failed(&noise).1.contains("none of PDF, Word"), "{noise:?}");
    let outside = read(&path, json!({"path": "/workspace/../../etc/passwd"})).await;
    assert_eq!(failed(&outside).0, "denied", "{outside:?}");
    let empty = texts(&read(&path, json!({"path": "papers/empty.txt"})).await);
    assert!(empty.contains("no text in it"), "{empty}");
}
