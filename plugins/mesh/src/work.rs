//! What the tools do: a file in, words and a file out.

use alcove_sdk::{Failure, Outcome, Part, assets, session};

use crate::deviation::deviation;
use crate::formats::{self, Format, Read};
use crate::measure::Measures;
use crate::mesh::Mesh;
use crate::{ConvertArguments, MeasureArguments, RepairArguments, SimplifyArguments};

/// A file has at most so many bytes.
const MAX_FILE_BYTES: usize = 64 << 20;
const HOLE_EDGES: u32 = 100;

pub(crate) fn measure(arguments: &MeasureArguments) -> Outcome {
    let (_, read) = open(&arguments.file)?;
    let measures = crate::measure::measure(&read.mesh);
    let mut text = describe(&measures, &read.mesh);
    if !measures.is_watertight() || measures.volume < 0.0 {
        text.push_str("\nmesh_repair fills holes and turns triangles around.");
    }
    Ok(vec![Part::text(text)])
}

pub(crate) fn simplify(arguments: &SimplifyArguments) -> Outcome {
    let (name, read) = open(&arguments.file)?;
    let before = read.mesh.faces.len();
    let target = target(arguments.keep, before);
    if target >= before {
        return Err(Failure::invalid_input(format!(
            "the mesh has {before} triangles already, no more than the {target} to keep"
        )));
    }
    let made = crate::simplify::simplify(&read.mesh, target, &mut |part| {
        session::progress(Some((part * 900.0) as u32), "simplifying");
    });
    session::progress(Some(900), "measuring the difference");
    let error = deviation(&read.mesh, &made);
    let size = read.mesh.bounds().diagonal().max(f64::MIN_POSITIVE);
    let mut text = format!("{before} triangles became {}. ", made.faces.len());
    // What is left is rounding.
    if error.largest < size * 1e-6 {
        text.push_str("The surface is where it was.");
    } else {
        text.push_str(&format!(
            "The surface moved by {} at most and {} on average, {} % and {} % of its diagonal.",
            number(error.largest),
            number(error.mean),
            number(error.largest / size * 100.0),
            number(error.mean / size * 100.0),
        ));
    }
    if made.faces.len() > target + target / 50 + 2 {
        text.push_str(" No more could go without breaking its borders, seams or shape.");
    }
    add_notes(&mut text, &read);
    give(text, &made, &name, "simplified", arguments.to.as_deref())
}

pub(crate) fn repair(arguments: &RepairArguments) -> Outcome {
    let (name, read) = open(&arguments.file)?;
    let hole_edges = arguments.hole_edges.unwrap_or(HOLE_EDGES) as usize;
    session::progress(None, "repairing");
    let (made, repaired) = crate::repair::repair(&read.mesh, hole_edges);
    let mut text = format!(
        "Joined {} vertices, dropped {} needless triangles, turned {} around, filled {} holes with {} triangles.",
        repaired.joined, repaired.dropped, repaired.turned, repaired.holes, repaired.filled
    );
    if repaired.left > 0 {
        text.push_str(&format!(
            " {} holes are left: they have more than {hole_edges} edges or no simple border.",
            repaired.left
        ));
    }
    text.push('\n');
    text.push_str(&describe(&crate::measure::measure(&made), &made));
    add_notes(&mut text, &read);
    give(text, &made, &name, "repaired", arguments.to.as_deref())
}

pub(crate) fn convert(arguments: &ConvertArguments) -> Outcome {
    let (name, read) = open(&arguments.file)?;
    let mut text = format!("{} triangles.", read.mesh.faces.len());
    if arguments.to == Format::Stl.extension()
        && (read.mesh.uvs.is_some() || read.mesh.colors.is_some())
    {
        text.push_str(" An STL has neither texture coordinates nor colours: they are not in it.");
    }
    add_notes(&mut text, &read);
    give(text, &read.mesh, &name, "", Some(&arguments.to))
}

/// How many triangles `keep` asks for, of so many: a number of them, or below 1 a share.
fn target(keep: f64, of: usize) -> usize {
    let target = if keep < 1.0 { of as f64 * keep } else { keep };
    // A surface has a triangle at least.
    (target as usize).max(1)
}

/// The mesh of a file, and what the file is called.
fn open(file: &str) -> Result<(String, Read), Failure> {
    let reader = assets::open(file)?;
    let name = reader.describe().name.unwrap_or_else(|| file.to_owned());
    session::progress(None, "reading");
    let bytes = reader.read_to_end(MAX_FILE_BYTES)?;
    let read = formats::read(&name, &bytes)?;
    Ok((name, read))
}

/// Words and the mesh as a file that is called after the one it came from.
fn give(text: String, mesh: &Mesh, name: &str, what: &str, to: Option<&str>) -> Outcome {
    let format = to.and_then(Format::named).unwrap_or(Format::Glb);
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let dash = if what.is_empty() { "" } else { "-" };
    let name = format!("{stem}{dash}{what}.{}", format.extension());
    session::progress(Some(950), "writing");
    let mut writer = assets::create(format.media_type(), Some(&name))?;
    writer.write(&formats::write(mesh, format))?;
    Ok(vec![Part::text(text), writer.finish()?])
}

fn add_notes(text: &mut String, read: &Read) {
    for note in &read.notes {
        text.push_str(&format!("\nOf the file, {note}."));
    }
}

fn describe(measures: &Measures, mesh: &Mesh) -> String {
    let [x, y, z] = measures.bounds.size().map(number);
    let [low_x, low_y, low_z] = measures.bounds.low.map(number);
    let mut text = format!(
        "{} triangles, {} vertices, {} {}\nSize: {x} x {y} x {z} in the file's units, from ({low_x}, {low_y}, {low_z})\nSurface: {}\n",
        measures.faces,
        measures.vertices,
        measures.parts,
        if measures.parts == 1 { "part" } else { "parts" },
        number(measures.area),
    );
    if measures.is_watertight() {
        text.push_str(&format!(
            "Watertight: yes\nVolume: {}",
            number(measures.volume)
        ));
        if measures.volume < 0.0 {
            text.push_str(" (negative: it is inside out)");
        }
    } else {
        text.push_str(&format!(
            "Watertight: no: {} open edges, {} edges with more than two triangles, {} where neighbours face different ways.",
            measures.open_edges, measures.crowded_edges, measures.flipped_edges
        ));
    }
    text.push_str(match (&mesh.uvs, &mesh.colors) {
        (None, None) => "",
        (Some(_), None) => "\nIt has texture coordinates.",
        (None, Some(_)) => "\nIt has colours.",
        (Some(_), Some(_)) => "\nIt has texture coordinates and colours.",
    });
    text
}

/// A number with four digits that count.
fn number(x: f64) -> String {
    if x == 0.0 || !x.is_finite() {
        return "0".to_owned();
    }
    let whole = x.abs().log10().floor() as i32;
    if !(-4..9).contains(&whole) {
        return format!("{x:.3e}");
    }
    let digits = usize::try_from(3 - whole).unwrap_or(0);
    let text = format!("{x:.digits$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::{number, target};

    #[test]
    fn what_is_kept_is_a_number_or_a_share() {
        for (keep, expected) in [(2_000.0, 2_000), (0.1, 500), (0.0, 1), (1.0, 1), (1.7, 1)] {
            assert_eq!(target(keep, 5_000), expected, "{keep}");
        }
    }

    #[test]
    fn numbers_have_four_digits_that_count() {
        for (x, expected) in [
            (0.0, "0"),
            (12.0, "12"),
            (1.234_56, "1.235"),
            (-0.001_234_5, "-0.001234"),
            (123_456.7, "123457"),
            (1e-9, "1.000e-9"),
            (2.5e12, "2.500e12"),
        ] {
            assert_eq!(number(x), expected);
        }
    }
}
