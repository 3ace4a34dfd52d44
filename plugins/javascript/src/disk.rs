//! Files for JavaScript: what `fs` in `js/fs.js` is made of.

use alcove_sdk::files::{self, Error, ErrorKind, Kind};
use rquickjs::convert::List;
use rquickjs::{Ctx, Exception, Function, Object, Result, TypedArray, Value};

/// The largest file that is read.
const MAX_FILE_BYTES: usize = 64 << 20;
/// The most entries of a folder.
const MAX_ENTRIES: usize = 10_000;

/// Puts the functions on files into the host's part.
pub(crate) fn offer<'js>(ctx: &Ctx<'js>, host: &Object<'js>) -> Result<()> {
    let set = |name: &str, function: Function<'js>| host.set(name, function);
    set("read", Function::new(ctx.clone(), read)?)?;
    set("write", Function::new(ctx.clone(), write)?)?;
    set("stat", Function::new(ctx.clone(), stat)?)?;
    set("list", Function::new(ctx.clone(), list)?)?;
    set("createFolder", Function::new(ctx.clone(), create_folder)?)?;
    set("removeFile", Function::new(ctx.clone(), remove_file)?)?;
    set("removeFolder", Function::new(ctx.clone(), remove_folder)?)?;
    set("rename", Function::new(ctx.clone(), rename)?)?;
    Ok(())
}

/// The text of a file of code.
pub(crate) fn source(path: &str) -> std::result::Result<String, String> {
    let bytes = files::read(path, MAX_FILE_BYTES).map_err(|error| error.to_string())?;
    String::from_utf8(bytes).map_err(|_| format!("{path} is no text in UTF-8"))
}

/// Whether there is a file.
pub(crate) fn is_file(path: &str) -> bool {
    files::stat(path).is_ok_and(|stat| stat.kind == Kind::File)
}

fn read<'js>(ctx: Ctx<'js>, path: String) -> Result<TypedArray<'js, u8>> {
    let bytes = done(&ctx, files::read(&path, MAX_FILE_BYTES))?;
    TypedArray::new(ctx, bytes)
}

fn write<'js>(
    ctx: Ctx<'js>,
    path: String,
    bytes: TypedArray<'js, u8>,
    is_appended: bool,
) -> Result<()> {
    #[allow(
        unsafe_code,
        reason = "rquickjs has no safe way to read an array of bytes"
    )]
    // SAFETY: no JavaScript runs before the bytes are written, so nothing changes or frees them.
    let bytes = unsafe { bytes.as_bytes() }.unwrap_or_default();
    done(
        &ctx,
        match is_appended {
            true => files::append(&path, bytes),
            false => files::write(&path, bytes),
        },
    )
}

/// `[kind, bytes, modified]`, or null where there is nothing.
fn stat<'js>(ctx: Ctx<'js>, path: String) -> Result<Option<List<(String, f64, f64)>>> {
    match files::stat(&path) {
        Ok(stat) => Ok(Some(List((
            word(stat.kind),
            stat.bytes as f64,
            stat.modified_ms.unwrap_or(0) as f64,
        )))),
        Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
        Err(error) => done(&ctx, Err(error)),
    }
}

fn list<'js>(ctx: Ctx<'js>, path: String) -> Result<Vec<List<(String, String)>>> {
    let entries = done(&ctx, files::list(&path, MAX_ENTRIES))?;
    Ok(entries
        .into_iter()
        .map(|entry| List((entry.name, word(entry.kind))))
        .collect())
}

fn create_folder(ctx: Ctx<'_>, path: String) -> Result<()> {
    done(&ctx, files::create_folder(&path))
}

fn remove_file(ctx: Ctx<'_>, path: String) -> Result<()> {
    done(&ctx, files::remove_file(&path))
}

fn remove_folder(ctx: Ctx<'_>, path: String) -> Result<()> {
    done(&ctx, files::remove_folder(&path))
}

fn rename(ctx: Ctx<'_>, from: String, to: String) -> Result<()> {
    done(&ctx, files::rename(&from, &to))
}

fn word(kind: Kind) -> String {
    match kind {
        Kind::File => "file",
        Kind::Folder => "folder",
        Kind::Other => "other",
    }
    .to_owned()
}

/// An error as Node throws it: with a `code` and the `path`.
fn done<T>(ctx: &Ctx<'_>, result: std::result::Result<T, Error>) -> Result<T> {
    result.or_else(|error| {
        let exception = Exception::from_message(ctx.clone(), &error.to_string())?;
        exception.as_object().set("code", error.kind.code())?;
        exception.as_object().set("path", error.path)?;
        let value: Value<'_> = exception.into_object().into_value();
        Err(ctx.throw(value))
    })
}
