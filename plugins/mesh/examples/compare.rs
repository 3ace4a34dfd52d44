//! What `cargo xtask prove mesh` measures, outside the sandbox:
//! `compare strip IN OUT.ply` leaves positions and triangles alone and prints how many there are,
//! `compare simplify IN FACES OUT` prints how many are left and the milliseconds that took,
//! `compare deviation ONE OTHER` prints largest and mean distance, in parts of the first's diagonal.

use std::time::Instant;

use alcove_mesh::measured::{Format, Mesh, deviation, read, simplify, write};

type Failed = Box<dyn std::error::Error>;

const ROUNDS: usize = 5;

fn main() -> Result<(), Failed> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["strip", from, to] => {
            let mut mesh = open(from)?;
            (mesh.uvs, mesh.colors) = (None, None);
            mesh.join_same();
            std::fs::write(to, write(&mesh, Format::Ply))?;
            say(format_args!("{}", mesh.faces.len()))
        }
        ["simplify", from, faces, to] => {
            let mesh = open(from)?;
            let target = faces.parse()?;
            let mut times = Vec::new();
            let mut made = Mesh::default();
            for _ in 0..ROUNDS {
                let begun = Instant::now();
                made = simplify(&mesh, target, &mut |_| {});
                times.push(begun.elapsed().as_secs_f64() * 1_000.0);
            }
            times.sort_by(f64::total_cmp);
            let format = Format::named(to).ok_or("no format")?;
            std::fs::write(to, write(&made, format))?;
            say(format_args!("{} {}", made.faces.len(), times[ROUNDS / 2]))
        }
        ["deviation", one, other] => {
            let (one, other) = (open(one)?, open(other)?);
            let found = deviation(&one, &other);
            let size = one.bounds().diagonal();
            say(format_args!(
                "{} {}",
                found.largest / size,
                found.mean / size
            ))
        }
        _ => Err("usage: compare strip|simplify|deviation …".into()),
    }
}

fn open(path: &str) -> Result<Mesh, Failed> {
    let read = read(path, &std::fs::read(path)?);
    Ok(read.map_err(|failure| failure.message)?.mesh)
}

fn say(what: std::fmt::Arguments<'_>) -> Result<(), Failed> {
    use std::io::Write as _;
    Ok(writeln!(std::io::stdout(), "{what}")?)
}
