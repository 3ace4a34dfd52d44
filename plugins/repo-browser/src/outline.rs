//! What a file defines, by tree-sitter's grammars: functions, types, rules, elements.

use std::ops::Range;

use alcove_sdk::Failure;
use tree_sitter::{Language, Node, Parser, TreeCursor};

/// A definition is named by its first line, cut here.
const MAX_TEXT_CHARS: usize = 120;
/// Definitions of one file, at most.
const MAX_SYMBOLS: usize = 5_000;
/// An outline goes so deep.
const MAX_DEPTH: usize = 20;

/// A language, and the kinds of its nodes that define something.
pub(crate) struct Grammar {
    language: fn() -> Language,
    kinds: &'static [&'static str],
}

/// Something that a file defines.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Symbol {
    /// As the source names it; a rule's selectors, an element's id.
    pub(crate) name: String,
    /// How many others it lies within.
    pub(crate) depth: usize,
    /// The first line and the last, from 1.
    pub(crate) lines: (usize, usize),
    /// Its first line.
    pub(crate) text: String,
}

const PYTHON: Grammar = Grammar {
    language: || tree_sitter_python::LANGUAGE.into(),
    kinds: &["class_definition", "function_definition"],
};

const RUST: Grammar = Grammar {
    language: || tree_sitter_rust::LANGUAGE.into(),
    kinds: &[
        "const_item",
        "enum_item",
        "function_item",
        "function_signature_item",
        "impl_item",
        "macro_definition",
        "mod_item",
        "static_item",
        "struct_item",
        "trait_item",
        "type_item",
        "union_item",
    ],
};

const SCRIPT_KINDS: &[&str] = &[
    "abstract_class_declaration",
    "abstract_method_signature",
    "class_declaration",
    "enum_declaration",
    "function_declaration",
    "function_signature",
    "generator_function_declaration",
    "interface_declaration",
    "internal_module",
    "method_definition",
    "method_signature",
    "module",
    "type_alias_declaration",
    "variable_declarator",
];

const TYPESCRIPT: Grammar = Grammar {
    language: || tree_sitter_typescript::LANGUAGE_TYPESCRIPT.into(),
    kinds: SCRIPT_KINDS,
};

/// JavaScript too, of which it is a superset as far as definitions go.
const TSX: Grammar = Grammar {
    language: || tree_sitter_typescript::LANGUAGE_TSX.into(),
    kinds: SCRIPT_KINDS,
};

const HTML: Grammar = Grammar {
    language: || tree_sitter_html::LANGUAGE.into(),
    kinds: &["element", "script_element", "style_element"],
};

const CSS: Grammar = Grammar {
    language: || tree_sitter_css::LANGUAGE.into(),
    kinds: &["keyframes_statement", "media_statement", "rule_set"],
};

/// The grammar for a file of that name, where there is one.
pub(crate) fn grammar(path: &str) -> Option<Grammar> {
    let (_, extension) = path.rsplit_once('.')?;
    Some(match extension.to_ascii_lowercase().as_str() {
        "py" | "pyi" => PYTHON,
        "rs" => RUST,
        "ts" | "mts" | "cts" => TYPESCRIPT,
        "tsx" | "js" | "jsx" | "mjs" | "cjs" => TSX,
        "html" | "htm" => HTML,
        "css" => CSS,
        _ => return None,
    })
}

/// What a source defines, in its order. What cannot be parsed is passed over.
pub(crate) fn outline(grammar: &Grammar, source: &[u8]) -> Result<Vec<Symbol>, Failure> {
    let broken = || Failure::unavailable("the file could not be parsed");
    let mut parser = Parser::new();
    let language = (grammar.language)();
    parser.set_language(&language).map_err(|_| broken())?;
    let tree = parser.parse(source, None).ok_or_else(broken)?;
    let mut symbols = Vec::new();
    // The bytes of the definitions around, the innermost last.
    let mut around: Vec<Range<usize>> = Vec::new();
    let mut cursor = tree.walk();
    while symbols.len() < MAX_SYMBOLS {
        if let Some((name, whole)) = definition(grammar, cursor.node(), source) {
            let range = whole.byte_range();
            while around
                .last()
                .is_some_and(|outer| outer.end < range.end || outer.start >= range.start)
            {
                around.pop();
            }
            symbols.push(Symbol {
                name,
                depth: around.len().min(MAX_DEPTH),
                lines: (whole.start_position().row + 1, whole.end_position().row + 1),
                text: first_line(&source[range.clone()]),
            });
            around.push(range);
        }
        if !step(&mut cursor) {
            break;
        }
    }
    Ok(symbols)
}

/// To the next node in the source's order; false after the last.
fn step(cursor: &mut TreeCursor<'_>) -> bool {
    if cursor.goto_first_child() {
        return true;
    }
    while !cursor.goto_next_sibling() {
        if !cursor.goto_parent() {
            return false;
        }
    }
    true
}

/// The name of what a node defines, and the node that is all of it.
fn definition<'t>(grammar: &Grammar, node: Node<'t>, source: &[u8]) -> Option<(String, Node<'t>)> {
    if !node.is_named() || !grammar.kinds.contains(&node.kind()) {
        return None;
    }
    let name = name(&node, source)?;
    let whole = match node.kind() {
        "variable_declarator" => node.parent()?,
        _ => node,
    };
    Some((name, whole))
}

fn first_line(source: &[u8]) -> String {
    let line = source.split(|&b| b == b'\n').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    line.trim_end().chars().take(MAX_TEXT_CHARS).collect()
}

/// What it is called; none for what is no definition after all.
fn name(node: &Node<'_>, source: &[u8]) -> Option<String> {
    let named = match node.kind() {
        "element" | "script_element" | "style_element" => return id(node, source),
        "rule_set" | "media_statement" | "keyframes_statement" => {
            let head = source[node.byte_range()].split(|&b| b == b'{').next()?;
            return Some(String::from_utf8_lossy(head).trim().to_owned());
        }
        "impl_item" => node.child_by_field_name("type"),
        "variable_declarator" => {
            let value = node.child_by_field_name("value")?.kind();
            let is_code = ["arrow_function", "function_expression", "class"].contains(&value);
            let above = node.parent()?.parent()?.kind();
            if !is_code && !["program", "export_statement"].contains(&above) {
                return None;
            }
            node.child_by_field_name("name")
        }
        _ => node.child_by_field_name("name"),
    };
    let text = source.get(named?.byte_range())?;
    Some(String::from_utf8_lossy(text).into_owned())
}

/// The id of an element.
fn id(element: &Node<'_>, source: &[u8]) -> Option<String> {
    let mut cursor = element.walk();
    let tag = element.named_child(0)?;
    let attributes = tag.named_children(&mut cursor);
    let mut ids = attributes.filter_map(|attribute| {
        let text = String::from_utf8_lossy(source.get(attribute.byte_range())?).into_owned();
        let (name, value) = text.split_once('=')?;
        let value = value.trim().trim_matches(['"', '\'']).to_owned();
        name.trim().eq_ignore_ascii_case("id").then_some(value)
    });
    ids.next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, source: &str, expected: &[&str]) {
        let symbols = outline(&grammar(path).unwrap(), source.as_bytes()).unwrap();
        let shown: Vec<String> = symbols
            .iter()
            .map(|one| {
                format!(
                    "{}{} {}-{}",
                    "  ".repeat(one.depth),
                    one.name,
                    one.lines.0,
                    one.lines.1
                )
            })
            .collect();
        assert_eq!(shown, expected, "{path}");
    }

    #[test]
    fn each_language_has_its_definitions() {
        let python = "import os\nclass A(B):\n    @property\n    def b(self):\n        def inner(): ...\n\nasync def c(): pass\n";
        check(
            "a.py",
            python,
            &["A 2-5", "  b 4-5", "    inner 5-5", "c 7-7"],
        );
        let rust = "mod m;\npub struct S<T>(T);\nimpl<T> S<T> {\n    const N: u8 = 1;\n    fn f(&self) {}\n}\nmacro_rules! m { () => {} }\n";
        let expected = ["m 1-1", "S 2-2", "S<T> 3-6", "  N 4-4", "  f 5-5", "m 7-7"];
        check("a.rs", rust, &expected);
        let script = "export const N = 1;\nexport const f = (x) => {\n  const y = 2;\n  const g = () => y;\n};\nclass C {\n  m() {}\n}\nfunction* h() {}\n";
        let expected = ["N 1-1", "f 2-5", "  g 4-4", "C 6-8", "  m 7-7", "h 9-9"];
        check("a.mjs", script, &expected);
        let typed = "interface I { m(): void }\ntype T = <A>(a: A) => A;\nenum E { A }\nconst x = <T>y;\nabstract class C<T> { abstract f(): T; g(a: T): T { return a } }\nnamespace N { export function f(): void {} }\n";
        let expected = [
            "I 1-1", "  m 1-1", "T 2-2", "E 3-3", "x 4-4", "C 5-5", "  f 5-5", "  g 5-5", "N 6-6",
            "  f 6-6",
        ];
        check("a.ts", typed, &expected);
        check(
            "a.tsx",
            "export const App = () => <div id=\"a\" />;\n",
            &["App 1-1"],
        );
        let page = "<html><body id=top>\n<div class=x><p ID='para'>a</p></div>\n<script id=s>let x</script></body></html>";
        check("a.html", page, &["top 1-3", "  para 2-2", "  s 3-3"]);
        let style =
            "a, b > c { x: y }\n@media print {\n  d { x: y }\n}\n@keyframes k { from { x: y } }\n";
        check(
            "a.css",
            style,
            &[
                "a, b > c 1-1",
                "@media print 2-4",
                "  d 3-3",
                "@keyframes k 5-5",
            ],
        );
        assert!(grammar("Makefile").is_none() && grammar("a.toml").is_none());
    }

    #[test]
    fn what_is_no_program_gives_what_there_is() {
        check("a.py", "def f(:\n\0\u{1}\nclass ((((\n", &[]);
        let deep = format!("{}1{}", "(".repeat(50_000), ")".repeat(50_000));
        check("a.js", &deep, &[]);
        let many = "def f(): pass\n".repeat(2 * MAX_SYMBOLS);
        let symbols = outline(&PYTHON, many.as_bytes()).unwrap();
        assert_eq!(symbols.len(), MAX_SYMBOLS);
    }
}
