//! The web client: cargo, then wasm-bindgen as a library, then files with their digest in the name.

use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};

use crate::toolchain::{TARGET, Toolchain};
use crate::{paths, shell, stamp};

/// Builds what has changed into `web/dist`.
pub(crate) fn build(toolchain: &Toolchain) -> Result<()> {
    let dist = paths::root().join("web/dist");
    // The stamp lies beside the folder: all that is in it goes into the program.
    let sources = [
        "web/Cargo.toml",
        "web/Cargo.lock",
        "web/src",
        "web/text",
        "web/static",
        "web/style",
        "web/fonts",
        "host/api-types",
        "xtask/src/build/web.rs",
    ];
    stamp::unless_fresh(
        &paths::root().join("web/dist.stamp"),
        &sources,
        &[dist.join("index.html")],
        || {
            shell::say("building the web client");
            shell::run(&mut toolchain.cargo_build("web"))?;
            if dist.exists() {
                std::fs::remove_dir_all(&dist)?;
            }
            std::fs::create_dir_all(&dist)?;
            assemble(&dist)
        },
    )
}

/// Lays out the folder. A file that others name carries its digest in its own name, so that browsers
/// may keep it for ever; `{{name}}` in a text stands for that longer name.
fn assemble(dist: &Path) -> Result<()> {
    let module = paths::wasm_target()
        .join(TARGET)
        .join("release/alcove-web.wasm");
    let bindings = paths::target().join("web-bindings");
    let mut bindgen = wasm_bindgen_cli_support::Bindgen::new();
    bindgen
        .input_path(&module)
        .web(true)?
        .typescript(false)
        .out_name("app");
    bindgen
        .remove_name_section(true)
        .remove_producers_section(true);
    bindgen.generate(&bindings).context("wasm-bindgen")?;

    let web = paths::root().join("web");
    let mut names = Vec::new();
    // What is named comes before what names it.
    let parts = [
        ("app_bg.wasm", std::fs::read(bindings.join("app_bg.wasm"))?),
        ("app.js", std::fs::read(bindings.join("app.js"))?),
        ("style.css", styles(&web.join("style"))?),
        ("theme.js", std::fs::read(web.join("static/theme.js"))?),
        ("boot.js", std::fs::read(web.join("static/boot.js"))?),
    ];
    for (name, bytes) in parts {
        let bytes = if name == "boot.js" {
            named(bytes, &names)?
        } else {
            bytes
        };
        let (stem, extension) = name
            .split_once('.')
            .context("a name without an extension")?;
        let digest = hex::encode(&Sha256::digest(&bytes)[..8]);
        let long = format!("{stem}-{digest}.{extension}");
        place(dist, &long, &bytes)?;
        names.push((format!("{{{{{name}}}}}"), long));
    }
    let index = named(std::fs::read(web.join("static/index.html"))?, &names)?;
    place(dist, "index.html", &index)?;
    place(
        dist,
        "favicon.svg",
        &std::fs::read(web.join("static/favicon.svg"))?,
    )?;
    for font in ["inter.woff2", "jetbrains-mono.woff2"] {
        place(
            dist,
            &format!("fonts/{font}"),
            &std::fs::read(web.join("fonts").join(font))?,
        )?;
    }
    Ok(())
}

/// All style sheets as one, in the order of their names.
fn styles(folder: &Path) -> Result<Vec<u8>> {
    let mut files: Vec<_> = std::fs::read_dir(folder)?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_>>()?;
    files.sort();
    let mut all = Vec::new();
    for file in files {
        all.extend(std::fs::read(&file)?);
        all.push(b'\n');
    }
    Ok(all)
}

/// Fills in the long names.
fn named(bytes: Vec<u8>, names: &[(String, String)]) -> Result<Vec<u8>> {
    let mut text = String::from_utf8(bytes).context("not text")?;
    for (short, long) in names {
        text = text.replace(short, long);
    }
    anyhow::ensure!(!text.contains("{{"), "a name in braces that no file has");
    Ok(text.into_bytes())
}

/// Writes a file, and its gzip beside it where that is smaller.
fn place(dist: &Path, name: &str, bytes: &[u8]) -> Result<()> {
    let path = dist.join(name);
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes)?;
    let small = encoder.finish()?;
    if small.len() < bytes.len() * 9 / 10 {
        std::fs::write(dist.join(format!("{name}.gz")), small)?;
    }
    Ok(())
}
