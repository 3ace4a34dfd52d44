//! `mesh_*`: files of the conversation as meshes, through assets alone.

use super::*;

const MESH: &str = "alcove/mesh";

/// Python that leaves a finely divided box of 20 by 10 by 5 as an STL of text, one of it with a
/// hole, and files that are no meshes.
const FILES: &str = r#"
def face(a, b, c):
    return 'facet normal 0 0 0\nouter loop\n' + ''.join('vertex %g %g %g\n' % p for p in (a, b, c)) + 'endloop\nendfacet\n'
size, many, faces = (20, 10, 5), 12, []
for axis in range(3):
    u, v = (axis + 1) % 3, (axis + 2) % 3
    for side in (0, 1):
        def at(i, j):
            p = [0, 0, 0]
            p[axis], p[u], p[v] = side * size[axis], i * size[u] / many, j * size[v] / many
            return tuple(p)
        for i in range(many):
            for j in range(many):
                a, b, c, d = at(i, j), at(i + 1, j), at(i + 1, j + 1), at(i, j + 1)
                faces += [(a, b, c), (a, c, d)] if side else [(a, c, b), (a, d, c)]
whole = 'solid box\n' + ''.join(face(*f) for f in faces) + 'endsolid box\n'
open('box.stl', 'w').write(whole)
open('hole.stl', 'w').write('solid box\n' + ''.join(face(*f) for f in faces[2:]) + 'endsolid box\n')
open('notes.txt', 'w').write('no mesh')
open('cut.glb', 'wb').write(b'glTF\x02\x00\x00\x00')
"#;

struct Meshes {
    path: Path,
}

impl Meshes {
    async fn call(&self, tool: &str, arguments: Value) -> ToolResult {
        let offered = self.path.app.tools.offered(&self.path.who).await.unwrap();
        let tool = offered.iter().find(|one| one.tool == tool).cloned();
        self.path.call_with(tool.unwrap(), arguments).await
    }

    /// What the tool said, and the asset that it gave.
    async fn made(&self, tool: &str, arguments: Value) -> (String, String, String) {
        let result = self.call(tool, arguments).await;
        assert_eq!(result.outcome, ToolOutcome::Ok, "{tool}");
        let [said, asset] = result.output.as_slice() else {
            panic!("{:?}", result.output)
        };
        assert_eq!(asset.kind, "asset");
        let name = asset.title.clone().unwrap();
        (said.value.clone(), asset.value.clone(), name)
    }

    async fn refusal(&self, tool: &str, arguments: Value) -> (String, String) {
        match self.call(tool, arguments).await.outcome {
            ToolOutcome::Failed { failure, message } => (failure, message),
            other => panic!("not failed: {other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn meshes_are_measured_simplified_repaired_and_converted() {
    let app = TestApp::start().await;
    let mut path = Path::new(&app).await;
    assert_eq!(path.python(FILES).await.outcome, ToolOutcome::Ok);
    let on = Meshes { path };

    let measured = on
        .call("mesh_measure", json!({"file": "/workspace/box.stl"}))
        .await;
    assert_eq!(
        measured.label,
        Some(Label::Private),
        "it is the person's own"
    );
    assert_eq!(measured.outcome, ToolOutcome::Ok);
    let text = printed(&measured);
    assert!(
        text.contains("1728 triangles, 866 vertices, 1 part")
            && text.contains("Size: 20 x 10 x 5")
            && text.contains("Watertight: yes\nVolume: 1000"),
        "{text}"
    );

    let simplify = json!({"file": "/workspace/box.stl", "keep": 100});
    let (said, asset, name) = on.made("mesh_simplify", simplify).await;
    assert!(said.starts_with("1728 triangles became "), "{said}");
    assert!(said.ends_with("The surface is where it was."), "{said}");
    assert_eq!(name, "box-simplified.glb");
    let reply = app.local().get(&format!("/api/assets/{asset}")).await;
    assert_eq!(reply.headers["content-type"], "model/gltf-binary");
    assert!(reply.body.starts_with(b"glTF"));

    // What one call made, the next one reads by its id.
    let (said, asset, name) = on
        .made("mesh_convert", json!({"file": asset, "to": "obj"}))
        .await;
    assert!(said.ends_with(" triangles."), "{said}");
    assert_eq!(name, "box-simplified.obj");
    let again = printed(&on.call("mesh_measure", json!({"file": asset})).await);
    assert!(again.contains("Volume: 1000"), "{again}");

    let open = printed(&on.call("mesh_measure", json!({"file": "hole.stl"})).await);
    assert!(open.contains("Watertight: no: 4 open edges"), "{open}");
    let repair = json!({"file": "hole.stl", "to": "stl"});
    let (said, _, name) = on.made("mesh_repair", repair).await;
    assert!(
        said.contains("filled 1 holes with 2 triangles") && said.contains("Watertight: yes"),
        "{said}"
    );
    assert_eq!(name, "hole-repaired.stl");

    // What cannot be done says why.
    for (tool, arguments, kind, why) in [
        (
            "mesh_measure",
            json!({"file": "gone.stl"}),
            "not-found",
            "gone.stl",
        ),
        (
            "mesh_measure",
            json!({"file": "/etc/passwd"}),
            "not-found",
            "may read",
        ),
        (
            "mesh_measure",
            json!({"file": "notes.txt"}),
            "invalid-input",
            "none of glTF",
        ),
        (
            "mesh_measure",
            json!({"file": "cut.glb"}),
            "invalid-input",
            "ends too early",
        ),
        (
            "mesh_simplify",
            json!({"file": "box.stl", "keep": 5000}),
            "invalid-input",
            "1728 triangles already",
        ),
    ] {
        let (found, message) = on.refusal(tool, arguments).await;
        assert_eq!(found, kind, "{message}");
        assert!(message.contains(why), "{message}");
    }

    // Without the workspace in its policy no file is one, whatever the arguments name.
    let policy = format!("version = 1\nplugin = \"{MESH}\"\n[assets]\nquota = \"1 MiB\"\n");
    on.path.app.tools.revoke(MESH, &on.path.who).await.unwrap();
    on.path.grant(MESH, &policy).await;
    let (kind, _) = on.refusal("mesh_measure", json!({"file": "box.stl"})).await;
    assert_eq!(kind, "not-found");
    let read = printed(&on.call("mesh_measure", json!({"file": asset})).await);
    assert!(read.contains("Volume: 1000"), "{read}");
}
