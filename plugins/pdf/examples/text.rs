//! The text of a PDF file, to look at: `cargo run --example text FILE`.
#![allow(clippy::print_stdout, reason = "a program that prints")]

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("which file?")?;
    let document = alcove_pdf::read(std::fs::read(path)?)?;
    println!(
        "{} by {}, {} pages\n\n{}",
        document.title, document.author, document.pages, document.markdown
    );
    Ok(())
}
