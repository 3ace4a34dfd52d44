//! `import` and `require`: what is built in, and files of the conversation.

use std::cell::RefCell;

use rquickjs::loader::{ImportAttributes, Loader, Resolver};
use rquickjs::module::Declared;
use rquickjs::{Ctx, Error, Exception, Function, Module, Object, Result, Runtime};

use crate::{cell, disk};

/// Where the conversation's files are, if the policy mounts them.
const WORKSPACE: &str = "/workspace";
/// Modules that are there without a file, by the names that Node and its test runners give them.
const BUILT_IN: &[(&str, &str)] = &[
    ("assert", "assert"),
    ("assert/strict", "assert"),
    ("fs", "fs"),
    ("fs/promises", "promises"),
    ("path", "path"),
    ("test", "test"),
    ("util", "util"),
    ("vitest", "test"),
    ("@jest/globals", "test"),
];
/// What a path may leave out.
const ENDINGS: &[&str] = &[
    "",
    ".ts",
    ".js",
    ".mjs",
    ".mts",
    ".cjs",
    ".json",
    "/index.ts",
    "/index.js",
];
/// The global that holds what is built in; user code can reach it, and change its own copy of it.
const KEPT: &str = "__alcove";

/// The module that stands for code under test.
const CODE: &str = "/code";

thread_local! {
    static PROVIDED: RefCell<Option<String>> = const { RefCell::new(None) };
}

pub(crate) fn install(runtime: &Runtime) {
    runtime.set_loader(Files, Files);
}

/// What `require` needs.
pub(crate) fn offer<'js>(ctx: &Ctx<'js>, host: &Object<'js>) -> Result<()> {
    let resolve = |ctx: Ctx<'js>, base: String, name: String| {
        find(&base, &name).map_err(|why| Exception::throw_message(&ctx, &why))
    };
    host.set("resolve", Function::new(ctx.clone(), resolve)?)?;
    let provide = |source: String| PROVIDED.set(Some(source));
    host.set("provide", Function::new(ctx.clone(), provide)?)?;
    let script = |ctx: Ctx<'js>, path: String| {
        let source = disk::source(&path).and_then(|source| match path.ends_with(".json") {
            true => Ok(source),
            false => cell::module(&source, &path),
        });
        source.map_err(|why| Exception::throw_message(&ctx, &why))
    };
    host.set("script", Function::new(ctx.clone(), script)?)
}

/// Keeps what is built in where modules find it.
pub(crate) fn keep<'js>(ctx: &Ctx<'js>, alcove: &Object<'js>) -> Result<()> {
    let hide: Function<'_> =
        ctx.eval("(name, value) => Object.defineProperty(globalThis, name, {value})")?;
    hide.call((KEPT, alcove.clone()))
}

#[derive(Debug, Clone, Copy)]
struct Files;

impl Resolver for Files {
    fn resolve<'js>(
        &mut self,
        _: &Ctx<'js>,
        base: &str,
        name: &str,
        _: Option<ImportAttributes<'js>>,
    ) -> Result<String> {
        find(base, name).map_err(|why| Error::new_resolving_message(base, name, why))
    }
}

impl Loader for Files {
    fn load<'js>(
        &mut self,
        ctx: &Ctx<'js>,
        name: &str,
        _: Option<ImportAttributes<'js>>,
    ) -> Result<Module<'js, Declared>> {
        let source = match name.strip_prefix("node:") {
            Some(part) => built_in(ctx, part)?,
            None => file(name).map_err(|why| Exception::throw_syntax(ctx, &why))?,
        };
        Module::declare(ctx.clone(), name, source)
    }
}

fn file(path: &str) -> std::result::Result<String, String> {
    if path == CODE {
        return Ok(PROVIDED.with_borrow(|source| source.clone().unwrap_or_default()));
    }
    let source = disk::source(path)?;
    match path.ends_with(".json") {
        true => Ok(format!("export default {source};")),
        false => cell::module(&source, path),
    }
}

/// A module that gives out what the prelude has made.
fn built_in(ctx: &Ctx<'_>, part: &str) -> Result<String> {
    let module: Object<'_> = ctx.globals().get::<_, Object<'_>>(KEPT)?.get(part)?;
    let mut source = format!("const $ = {KEPT}.{part};\nexport default $.default ?? $;\n");
    for name in module.keys::<String>() {
        let name = name?;
        if name != "default" {
            source.push_str(&format!("export const {name} = $.{name};\n"));
        }
    }
    Ok(source)
}

/// What a name means; under any name that nothing has, tests find the code under test.
fn find(base: &str, name: &str) -> std::result::Result<String, String> {
    match known(base, name) {
        Err(_) if PROVIDED.with_borrow(Option::is_some) => Ok(CODE.to_owned()),
        found => found,
    }
}

/// What a name means in a file or a cell: a path, or `node:` and a part of the prelude.
fn known(base: &str, name: &str) -> std::result::Result<String, String> {
    let bare = name.strip_prefix("node:").unwrap_or(name);
    if let Some((_, part)) = BUILT_IN.iter().find(|(known, _)| *known == bare) {
        return Ok(format!("node:{part}"));
    }
    let path = match name {
        name if name.starts_with('/') => name.to_owned(),
        name if name.starts_with("./")
            || name.starts_with("../")
            || name == "."
            || name == ".." =>
        {
            let folder = match base.starts_with('/') {
                true => base.rsplit_once('/').map_or("", |(folder, _)| folder),
                false => WORKSPACE,
            };
            format!("{folder}/{name}")
        }
        name => {
            return Err(format!(
                "there is no module `{name}`: packages cannot be installed. Write it without; \
                 there are fs, path, assert, util, test, and files such as ./name.js"
            ));
        }
    };
    let path = plain(&path);
    // TypeScript names the file that would be compiled.
    let typed = path.strip_suffix(".js").map(|stem| format!("{stem}.ts"));
    ENDINGS
        .iter()
        .map(|ending| format!("{path}{ending}"))
        .chain(typed)
        .find(|path| disk::is_file(path))
        .ok_or_else(|| format!("there is no file {path}"))
}

/// A path without `.` and `..`.
fn plain(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found() {
        assert_eq!(find("<cell 1>", "node:fs").unwrap(), "node:fs");
        assert_eq!(find("/workspace/a.js", "vitest").unwrap(), "node:test");
        let missing = find("<cell 1>", "lodash").unwrap_err();
        assert!(missing.contains("no module `lodash`"), "{missing}");
        assert_eq!(plain("/workspace/a/../b/./c.js"), "/workspace/b/c.js");
        assert_eq!(plain("/../../etc"), "/etc");
    }
}
