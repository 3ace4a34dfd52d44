//! Converts pages as the tool does: `markdown LIST OUT`, where a line of LIST is a name, a tab, and
//! the path of a page. `cargo xtask prove fetch` measures what comes out.

use std::path::Path;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(list), Some(out)) = (arguments.next(), arguments.next()) else {
        return Err("usage: markdown LIST OUT".into());
    };
    for line in std::fs::read_to_string(list)?.lines() {
        let (name, path) = line.split_once('\t').ok_or("a line without a tab")?;
        let page = std::fs::read(path)?;
        let text = alcove_web_fetch::markdown_of(&String::from_utf8_lossy(&page));
        std::fs::write(Path::new(&out).join(name), text.unwrap_or_default())?;
    }
    Ok(())
}
