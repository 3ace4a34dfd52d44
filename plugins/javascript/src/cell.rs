//! What people write, as what QuickJS runs: types are taken away, and a cell's declarations are made
//! such that the next cell sees them and may declare them again.

use oxc_allocator::Allocator;
use oxc_ast::ast::{
    Declaration, ExportDefaultDeclarationKind, ImportDeclaration, ImportDeclarationSpecifier,
    ImportOrExportKind, Program, Statement, VariableDeclarationKind,
};
use oxc_ast_visit::Visit as _;
use oxc_parser::Parser;
use oxc_span::{GetSpan as _, SourceType, Span};

use crate::edits::Edits;
use crate::lines;
use crate::types::Types;

/// A cell of a REPL.
///
/// # Errors
/// What is wrong with its syntax, and where.
pub(crate) fn cell(source: &str, name: &str) -> Result<String, String> {
    // Code that is one object in braces is meant as that, not as a block with labels.
    let trimmed = source.trim();
    if trimmed.starts_with('{') {
        let value = format!("({})", trimmed.trim_end_matches(';'));
        let allocator = Allocator::default();
        if parsed(&allocator, &value, SourceType::mjs()).is_ok() {
            return Ok(value);
        }
    }
    translate(source, name, true)
}

/// A file that is imported.
///
/// # Errors
/// As [`cell`].
pub(crate) fn module(source: &str, name: &str) -> Result<String, String> {
    translate(source, name, false)
}

fn translate(source: &str, name: &str, is_cell: bool) -> Result<String, String> {
    let allocator = Allocator::default();
    if let Ok(program) = parsed(&allocator, source, SourceType::mjs()) {
        let mut edits = Edits::default();
        if is_cell {
            keep(&program, &mut edits)
                .map_err(|(at, what)| lines::problem(source, name, at, &what))?;
        }
        return Ok(edits.apply(source));
    }
    let program = parsed(&allocator, source, SourceType::ts())
        .map_err(|(at, what)| lines::problem(source, name, at, &what))?;
    let mut edits = Edits::default();
    if is_cell {
        keep(&program, &mut edits).map_err(|(at, what)| lines::problem(source, name, at, &what))?;
    }
    let mut types = Types::new(source, edits);
    types.visit_program(&program);
    match types.refused {
        Some((at, what)) => {
            let what = format!("types are only taken away here, so there is no {what}");
            Err(lines::problem(source, name, at, &what))
        }
        None => Ok(types.edits.apply(source)),
    }
}

fn parsed<'a>(
    allocator: &'a Allocator,
    source: &'a str,
    source_type: SourceType,
) -> Result<Program<'a>, (u32, String)> {
    let result = Parser::new(allocator, source, source_type).parse();
    match result.diagnostics.first() {
        None => Ok(result.program),
        Some(error) => {
            let at = error.labels.first().map_or(0, |label| label.offset());
            Err((at, error.message.to_string()))
        }
    }
}

/// Makes a cell's declarations stay: `let`, `const` and `class` become `var`, as in a browser's
/// console; imports wait for their module.
fn keep(program: &Program<'_>, edits: &mut Edits) -> Result<(), (u32, String)> {
    for statement in &program.body {
        match statement {
            Statement::ImportDeclaration(it) => import(it, edits),
            Statement::ExportDeclaration(it) => {
                let inner = it.declaration.span();
                edits.blank(Span::new(it.span.start, inner.start));
                declaration(&it.declaration, edits);
            }
            Statement::ExportDefaultDeclaration(it) => {
                let inner = it.declaration.span();
                let head = Span::new(it.span.start, inner.start);
                let is_named = match &it.declaration {
                    ExportDefaultDeclarationKind::FunctionDeclaration(it) => it.id.is_some(),
                    ExportDefaultDeclarationKind::ClassDeclaration(it) => it.id.is_some(),
                    ExportDefaultDeclarationKind::TSInterfaceDeclaration(_) => true,
                    _ => false,
                };
                match is_named {
                    true => edits.blank(head),
                    false => edits.replace(head, "_default ="),
                }
            }
            Statement::ExportNamedDeclaration(it) => edits.replace(it.span, ";"),
            Statement::ExportFromDeclaration(_) | Statement::ExportAllDeclaration(_) => {
                let what = "a cell has nobody to export to: import what you need instead";
                return Err((statement.span().start, what.to_owned()));
            }
            other => {
                if let Some(it) = other.as_declaration() {
                    declaration(it, edits);
                }
            }
        }
    }
    Ok(())
}

fn declaration(it: &Declaration<'_>, edits: &mut Edits) {
    match it {
        Declaration::VariableDeclaration(it) if !it.declare => {
            let length = match it.kind {
                VariableDeclarationKind::Let => 3,
                VariableDeclarationKind::Const => 5,
                _ => return,
            };
            edits.replace(Span::new(it.span.start, it.span.start + length), "var");
        }
        Declaration::ClassDeclaration(it) if !it.declare => {
            if let Some(id) = &it.id {
                edits.insert(it.span.start, format!("var {} = ", id.name));
            }
        }
        _ => {}
    }
}

fn import(it: &ImportDeclaration<'_>, edits: &mut Edits) {
    if it.import_kind == ImportOrExportKind::Type {
        return;
    }
    let module = format!("{:?}", it.source.value.as_str());
    let mut whole = String::new();
    let mut names = Vec::new();
    for specifier in it.specifiers.iter().flatten() {
        match specifier {
            ImportDeclarationSpecifier::ImportSpecifier(one) => {
                if one.import_kind != ImportOrExportKind::Type {
                    let imported = one.imported.name();
                    names.push(format!("{:?}: {}", imported.as_str(), one.local.name));
                }
            }
            ImportDeclarationSpecifier::ImportDefaultSpecifier(one) => {
                names.push(format!("\"default\": {}", one.local.name));
            }
            ImportDeclarationSpecifier::ImportNamespaceSpecifier(one) => {
                whole = format!("var {} = await import({module});", one.local.name);
            }
        }
    }
    let mut text = whole;
    if !names.is_empty() {
        text.push_str(&format!(
            "var {{{}}} = await import({module});",
            names.join(", ")
        ));
    }
    if text.is_empty() {
        text = format!("await import({module});");
    }
    edits.replace(it.span, text);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn js(source: &str) -> String {
        let text = cell(source, "<cell 1>").unwrap();
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    fn file(source: &str) -> String {
        let text = module(source, "a.ts").unwrap();
        assert_eq!(
            text.matches('\n').count(),
            source.matches('\n').count(),
            "{text}"
        );
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn declarations_stay_for_the_next_cell() {
        assert_eq!(js("let a = 1; const b = a"), "var a = 1; var b = a");
        assert_eq!(js("class A {}\nnew A()"), "var A = class A {} new A()");
        assert_eq!(js("for (let i = 0;;) {}"), "for (let i = 0;;) {}");
        assert_eq!(js("{ a: 1, b: [2] };"), "({ a: 1, b: [2] })");
        assert_eq!(js("{ let x = 1; f(x) }"), "{ let x = 1; f(x) }");
        assert_eq!(
            js("import fs, { readFileSync as read } from 'fs'"),
            "var {\"default\": fs, \"readFileSync\": read} = await import(\"fs\");"
        );
        assert_eq!(js("export const x = 1"), "var x = 1");
        assert_eq!(js("export default function f() {}"), "function f() {}");
    }

    #[test]
    fn types_are_taken_away() {
        for (typescript, javascript) in [
            ("let x: number = 1", "let x = 1"),
            ("let x!: string", "let x"),
            ("interface A { b: string }\nf()", "; f()"),
            ("type A<T> = T | null; f()", "; f()"),
            (
                "function f<T>(a: T, b?: number, ...c: T[]): T { return a as T }",
                "function f (a , b , ...c ) { return a }",
            ),
            ("function f(this: A, a: B) {}", "function f( a ) {}"),
            (
                "const f = <T,>(a: T): a is T => !!a!",
                "const f = (a ) => !!a",
            ),
            ("f<number>(x satisfies Y)", "f (x )"),
            (
                "declare const a: number; export declare function g(): void; f()",
                "; ; f()",
            ),
            (
                "function g(a: string): void; function g(a: any) {}",
                "; function g(a ) {}",
            ),
            (
                "abstract class A<T> extends B<T> implements C, D<T> { abstract f(): void; [k: string]: any }",
                "class A extends B { ; ; }",
            ),
            (
                "class A { private readonly x: number = 1; static y?: string; public get z(): number { return 1 } declare w: string; v!: number }",
                "class A { x = 1; static y ; get z() { return 1 } ; v }",
            ),
            (
                "import { type A, b } from './b'\nimport type C from './c'\nf(b)",
                "import { b } from './b' ; f(b)",
            ),
            (
                "try { f() } catch (e: unknown) { g(<any>e) }",
                "try { f() } catch (e ) { g( e) }",
            ),
        ] {
            assert_eq!(file(typescript), javascript);
        }
    }

    #[test]
    fn what_runs_is_made_to_run() {
        assert_eq!(
            file("class P { constructor(private x: number, public y = 2) {} }"),
            "class P { constructor( x , y = 2) {;this.x = x;this.y = y;} }"
        );
        assert!(
            file("class P extends Q { constructor(readonly x: number) { super(); f() } }")
                .contains("super();;this.x = x; f()")
        );
        let text = file("enum E {\n  A,\n  B = 5,\n  C,\n  D = 'd',\n}");
        assert!(text.starts_with("var E = (($) => { const A = 0;"), "{text}");
        assert!(
            text.contains("const C = B + 1;") && text.contains("const D = 'd';"),
            "{text}"
        );
    }

    #[test]
    fn problems_are_shown_where_they_are() {
        let problem = cell("let a = 1\nlet b = = 2", "<cell 3>").unwrap_err();
        assert!(problem.starts_with("SyntaxError: "), "{problem}");
        assert!(
            problem.contains("at <cell 3>:2:9\n    let b = = 2\n            ^"),
            "{problem}"
        );
        let problem = cell("namespace N { export const a = 1 }", "<cell 1>").unwrap_err();
        assert!(problem.contains("`namespace`"), "{problem}");
    }
}
