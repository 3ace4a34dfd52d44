//! How well the mesh tools simplify, against meshoptimizer, on real models; and whether what they
//! write is a glTF that Khronos' validator has nothing against.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use super::debian;
use crate::bench::result::{self, Row};
use crate::packages::{self, Package};
use crate::{paths, python, shell};

/// Where the models come from: furniture and cars under CC0 and CC-BY.
const PACKAGE: &str = "sweethome3d-furniture";
const ARCHIVES: &str = "usr/share/sweethome3d/furniture";
/// Models by their archive, solid ones of many triangles: of trees of loose leaves no simplifier
/// keeps the shape.
const MODELS: [(&str, &str); 10] = [
    (
        "KatorLegaz",
        "katorlegaz/concept-sedan-02/concept-sedan-02.obj",
    ),
    ("BlendSwap-CC-0", "blendswap-cc-0/peterbilt/peterbilt.obj"),
    ("BlendSwap-CC-0", "blendswap-cc-0/poolTable/poolTable.obj"),
    (
        "BlendSwap-CC-BY",
        "blendswap-cc-by/chessboard/chessboard.obj",
    ),
    ("BlendSwap-CC-BY", "blendswap-cc-by/fordFocus/fordFocus.obj"),
    (
        "BlendSwap-CC-BY",
        "blendswap-cc-by/kitchenblender/kitchenblender.obj",
    ),
    (
        "BlendSwap-CC-BY",
        "blendswap-cc-by/largeStove/largeStove.obj",
    ),
    ("BlendSwap-CC-BY", "blendswap-cc-by/radio/radio.obj"),
    ("Reallusion", "reallusion/boyStanding/boyStanding.obj"),
    ("Scopia", "scopia/chandelier-lamp/chandelier-lamp.obj"),
];
/// The part of the triangles that is kept.
const SHARE: &str = "0.25";
const REQUIREMENTS: &str = "plugins/mesh/measure/requirements.txt";
const VALIDATOR: &str = "gltf-validator@2.0.0-dev.3.10";
const NODE: [Package; 2] = [
    Package {
        name: "nodejs",
        shown_by: &["node"],
    },
    Package {
        name: "npm",
        shown_by: &["npm"],
    },
];

/// What was measured of one model, ours and theirs.
struct Measured {
    largest: [f64; 2],
    mean: [f64; 2],
    milliseconds: [f64; 2],
}

pub(crate) fn run() -> Result<()> {
    packages::ensure(&NODE)?;
    let out = paths::target().join("prove-mesh");
    std::fs::create_dir_all(&out)?;
    let environment = paths::cache().join("mesh-peer");
    python::environment("what mesh is measured against", REQUIREMENTS, &environment)?;
    let peer = |arguments: &[&str]| -> Result<String> {
        let mut command = shell::command(environment.join("bin/python"));
        command.arg(paths::root().join("plugins/mesh/measure/peer.py"));
        shell::output(command.args(arguments))
    };
    let compare = compare()?;
    let ours = |arguments: &[&str]| shell::output(shell::command(&compare).args(arguments));
    let archives = debian::unpacked(PACKAGE)?.join(ARCHIVES);
    let list = out.join("models.txt");
    let lines = MODELS.map(|(archive, member)| {
        let archive = archives.join(format!("{archive}.sh3f"));
        format!("{}\t{}\t{member}\n", name(member), archive.display())
    });
    std::fs::write(&list, lines.concat())?;
    peer(&["models", text(&list)?, text(&out)?])?;

    let mut all = Vec::new();
    let mut files = Vec::new();
    let mut rows = Vec::new();
    for (_, member) in MODELS {
        let name = name(member);
        let at = |end: &str| out.join(format!("{name}{end}"));
        let (whole, model) = (at(".obj"), at(".ply"));
        let (their, our, glb) = (at("-theirs.ply"), at("-ours.ply"), at("-ours.glb"));
        let faces = ours(&["strip", text(&whole)?, text(&model)?])?;
        let [left, theirs] = numbers(&peer(&["simplify", text(&model)?, SHARE, text(&their)?])?)?;
        // Asked for as many triangles as it kept, so that the errors are those of equals where that
        // is reached; the rows say both numbers.
        let left = left.to_string();
        let [kept, ours_ms] = numbers(&ours(&["simplify", text(&model)?, &left, text(&our)?])?)?;
        let [our_largest, our_mean] = numbers(&ours(&["deviation", text(&model)?, text(&our)?])?)?;
        let [their_largest, their_mean] =
            numbers(&ours(&["deviation", text(&model)?, text(&their)?])?)?;
        // With texture coordinates and colours, as the tool gives it.
        ours(&["simplify", text(&whole)?, &left, text(&glb)?])?;
        files.push(glb);
        let measured = Measured {
            largest: [our_largest, their_largest].map(|part| part * 100.0),
            mean: [our_mean, their_mean].map(|part| part * 100.0),
            milliseconds: [ours_ms, theirs],
        };
        let what = format!(
            "{name}, {} to {kept} triangles (meshoptimizer {left})",
            faces.trim()
        );
        for (of, unit, values) in [
            ("largest distance", "% of the diagonal", measured.largest),
            ("mean distance", "% of the diagonal", measured.mean),
            ("time", "ms", measured.milliseconds),
        ] {
            rows.push(row(
                format!("{what}: {of}"),
                unit,
                values,
                values[0] / values[1],
            )?);
        }
        all.push(measured);
    }
    type Of = fn(&Measured) -> [f64; 2];
    let kinds: [(&str, &str, Of); 3] = [
        ("largest distance", "% of the diagonal", |one| one.largest),
        ("mean distance", "% of the diagonal", |one| one.mean),
        ("time", "ms", |one| one.milliseconds),
    ];
    for (what, unit, of) in kinds {
        let middle = |pick: &dyn Fn(&Measured) -> f64| median(all.iter().map(pick).collect());
        let values = [middle(&|one| of(one)[0]), middle(&|one| of(one)[1])];
        let ratio = middle(&|one| of(one)[0] / of(one)[1]);
        let name = format!("{} models, median: {what}", all.len());
        rows.push(row(name, unit, values, ratio)?);
    }
    let found = validate(&files)?;
    rows.push(row_of_files(files.len(), found)?);
    result::write("prove-mesh", &rows)?;
    if found > 0 {
        bail!("Khronos' validator has {found} errors or warnings");
    }
    Ok(())
}

/// The example that runs what the tools run.
fn compare() -> Result<PathBuf> {
    let target = paths::target().join("plugins-native");
    let mut cargo = shell::command("cargo");
    cargo.args([
        "build",
        "--release",
        "--locked",
        "--quiet",
        "-p",
        "alcove-mesh",
    ]);
    cargo.args(["--config", "profile.release.opt-level=3"]);
    cargo.args(["--example", "compare", "--manifest-path"]);
    cargo.arg(paths::root().join("plugins/Cargo.toml"));
    shell::run(cargo.arg("--target-dir").arg(&target))?;
    Ok(target.join("release/examples/compare"))
}

/// The errors and warnings that Khronos' validator has.
fn validate(files: &[PathBuf]) -> Result<u32> {
    let folder = paths::cache().join("gltf-validator");
    std::fs::create_dir_all(&folder)?;
    if !folder.join("node_modules/gltf-validator").exists() {
        shell::say("installing Khronos' glTF validator");
        let mut npm = shell::command("npm");
        npm.args(["install", "--silent", "--no-save", "--prefix"]);
        shell::run(npm.arg(&folder).arg(VALIDATOR))?;
    }
    let mut node = shell::command("node");
    node.current_dir(&folder);
    node.arg(paths::root().join("plugins/mesh/measure/validate.mjs"));
    let told = shell::output(node.args(files))?;
    let mut found = 0;
    for line in told.lines() {
        let many: u32 = line.split(' ').next().unwrap_or_default().parse()?;
        if many > 0 {
            shell::say(line);
        }
        found += many;
    }
    if told.lines().count() != files.len() {
        bail!("Khronos' validator did not look at all files:\n{told}");
    }
    Ok(found)
}

fn row(name: String, unit: &str, [ours, theirs]: [f64; 2], ratio: f64) -> Result<Row> {
    let row = Row::new("mesh", name, ours, unit)?;
    let mut row = row.against("meshoptimizer", theirs, ratio);
    row.command = "cargo xtask prove mesh".to_owned();
    shell::say(&row.line());
    Ok(row)
}

fn row_of_files(files: usize, found: u32) -> Result<Row> {
    let name = format!("errors and warnings of Khronos' validator in {files} GLB files");
    let mut row = Row::new("mesh", name, f64::from(found), "")?;
    row.command = "cargo xtask prove mesh".to_owned();
    shell::say(&row.line());
    Ok(row)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// `chessboard` of `blendswap/chessboard/chessboard.obj`.
fn name(member: &str) -> &str {
    let file = member.rsplit('/').next().unwrap_or(member);
    file.trim_end_matches(".obj")
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().context("a path that is not UTF-8")
}

fn numbers<const N: usize>(line: &str) -> Result<[f64; N]> {
    let numbers: Result<Vec<f64>, _> = line.split_whitespace().map(str::parse).collect();
    numbers?
        .try_into()
        .map_err(|_| anyhow::anyhow!("{N} numbers were wanted, not {line:?}"))
}
