//! Files that Python code keeps for the conversation.

use http::Method;

use crate::client::{Client, Reply};

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn files_stay_in_the_conversation_and_reading_one_is_private() {
    let app = TestApp::start().await;
    let mut path = Path::new(&app).await;
    let result = path
        .python("import os, csv\nprint(os.getcwd())\nwith open('a.csv', 'w', newline='') as file:\n    csv.writer(file).writerows([['x', 1], ['y', 2]])\nos.path.getsize('a.csv')")
        .await;
    assert_printed(&result, "/workspace\n10");
    assert_eq!(result.label, Some(Label::Public), "nothing was read");
    let result = path
        .python("rows = list(csv.reader(open('/workspace/a.csv')))\nrows, os.listdir()")
        .await;
    assert_printed(&result, "([['x', '1'], ['y', '2']], ['a.csv'])");
    assert_eq!(result.label, Some(Label::Private));
    let result = path.python("len(rows)").await;
    assert_eq!(
        result.label,
        Some(Label::Private),
        "what was read is still in a variable"
    );

    // A new instance is told what the first one was, and reads no file again.
    path.app.tools.forget_sessions().await;
    assert_printed(&path.python("rows[0]").await, "['x', '1']");

    let result = path.python("open('/etc/passwd')").await;
    assert!(raised(&result).contains("PermissionError"), "{result:?}");
    let mut other = Path::new(&app).await;
    assert_printed(&other.python("import os\nos.listdir()").await, "[]");
}

async fn put(client: &Client, path: &str, text: &str) -> Reply {
    let kind = Some("application/octet-stream");
    client
        .send_text(Method::PUT, path, kind, text.to_owned())
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_person_puts_there_a_tool_reads_and_the_other_way_round() {
    let app = TestApp::start().await;
    let person = app.local();
    let made = person
        .post("/api/conversations", &json!({"title": "Numbers"}))
        .await
        .expect(201);
    let id = made["id"].as_str().unwrap();
    let chat = format!("/api/conversations/{id}");
    let files = format!("{chat}/files");
    assert_eq!(person.get(&files).await.expect(200)["files"], json!([]));
    let table = format!("{files}/in/a%20b.csv");
    put(&person, &table, "x,1\ny,2\n").await.expect(204);

    let mut path = Path::new(&app).await;
    path.conversation = id.parse().unwrap();
    let code = "import pathlib\nrows = open('in/a b.csv').read().split()\npathlib.Path('sum.txt').write_text(str(sum(int(row[2:]) for row in rows)))\nrows";
    assert_printed(&path.python(code).await, "['x,1', 'y,2']");
    let listed = person.get(&files).await.expect(200);
    let paths: Vec<_> = listed["files"].as_array().unwrap().iter().collect();
    assert_eq!(paths.len(), 2);
    assert_eq!(
        (&paths[0]["path"], &paths[0]["bytes"]),
        (&json!("in/a b.csv"), &json!(8))
    );
    assert_eq!(paths[1]["path"], "sum.txt");
    let reply = person.get(&format!("{files}/sum.txt")).await;
    assert_eq!(reply.text(), "3");
    assert_eq!(
        reply.headers["content-disposition"],
        "attachment; filename*=UTF-8''sum.txt"
    );
    assert_eq!(reply.headers["content-type"], "application/octet-stream");
    assert_eq!(
        reply.headers["content-security-policy"],
        "default-src 'none'; sandbox"
    );

    // A tool's link leads nowhere, and no path leads out.
    path.python("import os\nos.symlink('sum.txt', 'link')")
        .await;
    assert_eq!(
        person.get(&files).await.expect(200)["files"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    for bad in [
        "..%2F..%2Falcove.db",
        "a/..%2Fb",
        "%2Fetc%2Fpasswd",
        "a%0Ab",
    ] {
        let path = format!("{files}/{bad}");
        person.get(&path).await.expect(400);
        put(&person, &path, "x").await.expect(400);
    }
    put(&person, &format!("{files}/in"), "a folder")
        .await
        .expect(400);
    person.get(&format!("{files}/in")).await.expect(404);
    let other = app.another_user("eve").await;
    other.get(&files).await.expect(404);
    other.get(&table).await.expect(404);
    put(&other, &table, "mine").await.expect(404);
    other.delete(&table).await.expect(404);

    person.delete(&table).await.expect(204);
    person.get(&table).await.expect(404);
    let folder = app
        .data()
        .join("workspaces")
        .join(path.conversation.to_string());
    assert!(folder.is_dir());
    person.delete(&chat).await.expect(204);
    assert!(!folder.exists(), "it goes with its conversation");
    put(&person, &table, "x").await.expect(404);
}
