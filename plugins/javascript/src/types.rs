//! Takes TypeScript's types away and leaves everything else in its place.
//!
//! What has no meaning at run time becomes blank. Enumerations and properties that a constructor's
//! parameters declare become the JavaScript that TypeScript's compiler would make of them;
//! namespaces, `import =` and `export =` are refused.

use oxc_ast::ast::{
    AccessorProperty, Class, ClassElement, Declaration, ExportDefaultDeclarationKind,
    ExportSpecifier, Expression, FormalParameter, Function, ImportOrExportKind, ImportSpecifier,
    MethodDefinition, MethodDefinitionKind, MethodDefinitionType, PropertyDefinition,
    PropertyDefinitionType, Statement, TSAsExpression, TSClassImplements, TSEnumDeclaration,
    TSInstantiationExpression, TSNonNullExpression, TSSatisfiesExpression, TSThisParameter,
    TSTypeAnnotation, TSTypeAssertion, TSTypeParameterDeclaration, TSTypeParameterInstantiation,
    VariableDeclarator,
};
use oxc_ast_visit::{Visit, walk};
use oxc_span::{GetSpan as _, Span};

use crate::edits::Edits;

/// Words before a member's or a parameter's name that only TypeScript knows.
const MODIFIERS: &[&str] = &[
    "public",
    "private",
    "protected",
    "readonly",
    "override",
    "abstract",
    "declare",
];

/// Collects what is to be changed.
pub(crate) struct Types<'s> {
    source: &'s str,
    pub(crate) edits: Edits,
    /// What cannot be taken away, and where.
    pub(crate) refused: Option<(u32, &'static str)>,
}

impl<'s> Types<'s> {
    pub(crate) fn new(source: &'s str, edits: Edits) -> Types<'s> {
        Types {
            source,
            edits,
            refused: None,
        }
    }

    fn text(&self, span: Span) -> &'s str {
        &self.source[span.start as usize..span.end as usize]
    }

    fn refuse(&mut self, at: u32, what: &'static str) {
        self.refused.get_or_insert((at, what));
    }

    /// Blanks a mark such as `?` that follows a name, whatever brackets and spaces are between.
    fn mark(&mut self, after: u32, mark: char) {
        let rest = &self.source[after as usize..];
        let Some(at) = rest.find(|char: char| !char.is_whitespace() && char != ']') else {
            return;
        };
        if rest[at..].starts_with(mark) {
            let at = after + u32::try_from(at).unwrap_or(0);
            self.edits.blank(Span::new(at, at + 1));
        }
    }

    /// Blanks TypeScript's words before a name.
    fn modifiers(&mut self, from: u32, to: u32) {
        let gap = self.text(Span::new(from, to));
        for word in gap.split_whitespace() {
            if MODIFIERS.contains(&word) {
                let at = word.as_ptr() as usize - self.source.as_ptr() as usize;
                let at = u32::try_from(at).unwrap_or(0);
                let length = u32::try_from(word.len()).unwrap_or(0);
                self.edits.blank(Span::new(at, at + length));
            }
        }
    }

    /// Blanks one of a list, and the comma behind it.
    fn listed(&mut self, span: Span) {
        let rest = &self.source[span.end as usize..];
        let comma = rest.len() - rest.trim_start().len();
        let end = match rest[comma..].starts_with(',') {
            true => span.end + u32::try_from(comma).unwrap_or(0) + 1,
            false => span.end,
        };
        self.edits.blank(Span::new(span.start, end));
    }

    /// Where a statement has no meaning at run time, a semicolon keeps its neighbours apart.
    fn nothing(&mut self, span: Span) {
        self.edits.replace(span, ";");
    }

    fn enumeration(&mut self, it: &TSEnumDeclaration<'_>) {
        let mut body = String::new();
        let mut before: Option<String> = None;
        for (index, member) in it.body.members.iter().enumerate() {
            let name = member.id.static_name();
            let quoted = format!("{:?}", name.as_str());
            let is_word = name
                .chars()
                .all(|char| char.is_alphanumeric() || char == '_');
            let constant = match is_word && !name.starts_with(|char: char| char.is_ascii_digit()) {
                true => name.to_string(),
                false => format!("$member{index}"),
            };
            let value = match (&member.initializer, &before) {
                (Some(value), _) => self.text(value.span()).replace(['\n', '\r'], " "),
                (None, None) => "0".to_owned(),
                (None, Some(before)) => format!("{before} + 1"),
            };
            body.push_str(&format!(
                "const {constant} = {value}; $[{quoted}] = {constant}; \
                 if (typeof {constant} == \"number\") $[{constant}] = {quoted}; "
            ));
            before = Some(constant);
        }
        let name = it.id.name.as_str();
        self.edits.replace(
            it.span,
            format!("var {name} = (($) => {{ {body}return $; }})({{}});"),
        );
    }

    /// `constructor(private x: number) {}` sets `this.x`, after `super()` where there is one.
    fn parameter_properties(&mut self, constructor: &Function<'_>) {
        let assigned: String = constructor
            .params
            .items
            .iter()
            .filter(|one| one.accessibility.is_some() || one.readonly || one.r#override)
            .filter_map(|one| one.pattern.get_identifier_name())
            .map(|name| format!("this.{name} = {name};"))
            .collect();
        let Some(body) = constructor.body.as_ref().filter(|_| !assigned.is_empty()) else {
            return;
        };
        let is_super = |statement: &&Statement<'_>| {
            matches!(statement, Statement::ExpressionStatement(it)
                if matches!(&it.expression, Expression::CallExpression(call)
                    if matches!(call.callee, Expression::Super(_))))
        };
        let at = match body.statements.iter().find(is_super) {
            Some(call) => call.span().end,
            None => body.span.start + 1,
        };
        self.edits.insert(at, format!(";{assigned}"));
    }
}

/// Whether a declaration has no meaning at run time.
fn is_type(declaration: &Declaration<'_>) -> bool {
    match declaration {
        Declaration::VariableDeclaration(it) => it.declare,
        Declaration::FunctionDeclaration(it) => it.declare || it.body.is_none(),
        Declaration::ClassDeclaration(it) => it.declare,
        Declaration::TSEnumDeclaration(it) => it.declare,
        Declaration::TSNamespaceDeclaration(it) => it.declare,
        Declaration::TSTypeAliasDeclaration(_)
        | Declaration::TSInterfaceDeclaration(_)
        | Declaration::TSExternalModuleDeclaration(_)
        | Declaration::TSGlobalDeclaration(_) => true,
        Declaration::TSImportEqualsDeclaration(it) => it.import_kind == ImportOrExportKind::Type,
    }
}

impl<'a> Visit<'a> for Types<'_> {
    fn visit_statement(&mut self, it: &Statement<'a>) {
        let is_nothing = match it {
            Statement::ImportDeclaration(it) => it.import_kind == ImportOrExportKind::Type,
            Statement::ExportNamedDeclaration(it) => it.export_kind == ImportOrExportKind::Type,
            Statement::ExportFromDeclaration(it) => it.export_kind == ImportOrExportKind::Type,
            Statement::ExportAllDeclaration(it) => it.export_kind == ImportOrExportKind::Type,
            Statement::ExportDeclaration(it) => is_type(&it.declaration),
            Statement::ExportDefaultDeclaration(it) => match &it.declaration {
                ExportDefaultDeclarationKind::TSInterfaceDeclaration(_) => true,
                ExportDefaultDeclarationKind::FunctionDeclaration(it) => it.body.is_none(),
                _ => false,
            },
            Statement::TSNamespaceExportDeclaration(_) => true,
            Statement::TSExportAssignment(it) => {
                return self.refuse(it.span.start, "`export =`: write `export default`");
            }
            other => other.as_declaration().is_some_and(is_type),
        };
        match is_nothing {
            true => self.nothing(it.span()),
            false => walk::walk_statement(self, it),
        }
    }

    fn visit_declaration(&mut self, it: &Declaration<'a>) {
        match it {
            Declaration::TSEnumDeclaration(it) => self.enumeration(it),
            Declaration::TSNamespaceDeclaration(it) => self.refuse(
                it.span.start,
                "`namespace`: write the functions without one, or as an object",
            ),
            Declaration::TSImportEqualsDeclaration(it) => {
                self.refuse(it.span.start, "`import =`: write `import … from`");
            }
            other => walk::walk_declaration(self, other),
        }
    }

    fn visit_ts_type_annotation(&mut self, it: &TSTypeAnnotation<'a>) {
        self.edits.blank(it.span);
    }

    fn visit_ts_type_parameter_declaration(&mut self, it: &TSTypeParameterDeclaration<'a>) {
        self.edits.blank(it.span);
    }

    fn visit_ts_type_parameter_instantiation(&mut self, it: &TSTypeParameterInstantiation<'a>) {
        self.edits.blank(it.span);
    }

    fn visit_ts_as_expression(&mut self, it: &TSAsExpression<'a>) {
        self.visit_expression(&it.expression);
        self.edits
            .blank(Span::new(it.expression.span().end, it.span.end));
    }

    fn visit_ts_satisfies_expression(&mut self, it: &TSSatisfiesExpression<'a>) {
        self.visit_expression(&it.expression);
        self.edits
            .blank(Span::new(it.expression.span().end, it.span.end));
    }

    fn visit_ts_non_null_expression(&mut self, it: &TSNonNullExpression<'a>) {
        self.visit_expression(&it.expression);
        self.edits
            .blank(Span::new(it.expression.span().end, it.span.end));
    }

    fn visit_ts_instantiation_expression(&mut self, it: &TSInstantiationExpression<'a>) {
        self.visit_expression(&it.expression);
        self.edits
            .blank(Span::new(it.expression.span().end, it.span.end));
    }

    fn visit_ts_type_assertion(&mut self, it: &TSTypeAssertion<'a>) {
        self.edits
            .blank(Span::new(it.span.start, it.expression.span().start));
        self.visit_expression(&it.expression);
    }

    fn visit_ts_this_parameter(&mut self, it: &TSThisParameter<'a>) {
        self.listed(it.span);
    }

    fn visit_import_specifier(&mut self, it: &ImportSpecifier<'a>) {
        if it.import_kind == ImportOrExportKind::Type {
            self.listed(it.span);
        }
    }

    fn visit_export_specifier(&mut self, it: &ExportSpecifier<'a>) {
        if it.export_kind == ImportOrExportKind::Type {
            self.listed(it.span);
        }
    }

    fn visit_formal_parameter(&mut self, it: &FormalParameter<'a>) {
        let name = it.pattern.span();
        self.modifiers(it.span.start, name.start);
        if it.optional {
            self.mark(name.end, '?');
        }
        walk::walk_formal_parameter(self, it);
    }

    fn visit_variable_declarator(&mut self, it: &VariableDeclarator<'a>) {
        if it.definite {
            self.mark(it.id.span().end, '!');
        }
        walk::walk_variable_declarator(self, it);
    }

    fn visit_class(&mut self, it: &Class<'a>) {
        if it.r#abstract {
            self.modifiers(it.span.start, it.body.span.start);
        }
        if let (Some(first), Some(last)) = (it.implements.first(), it.implements.last()) {
            let before = self.text(Span::new(it.span.start, first.span.start));
            if let Some(at) = before.rfind("implements") {
                let start = it.span.start + u32::try_from(at).unwrap_or(0);
                self.edits.blank(Span::new(start, last.span.end));
            }
        }
        walk::walk_class(self, it);
    }

    fn visit_ts_class_implements(&mut self, _: &TSClassImplements<'a>) {}

    fn visit_class_element(&mut self, it: &ClassElement<'a>) {
        let is_nothing = match it {
            ClassElement::TSIndexSignature(_) => true,
            ClassElement::MethodDefinition(it) => {
                it.r#type == MethodDefinitionType::TSAbstractMethodDefinition
                    || it.value.body.is_none()
            }
            ClassElement::PropertyDefinition(it) => {
                it.declare || it.r#type == PropertyDefinitionType::TSAbstractPropertyDefinition
            }
            ClassElement::StaticBlock(_) | ClassElement::AccessorProperty(_) => false,
        };
        match is_nothing {
            true => self.nothing(it.span()),
            false => walk::walk_class_element(self, it),
        }
    }

    fn visit_method_definition(&mut self, it: &MethodDefinition<'a>) {
        self.modifiers(it.span.start, it.key.span().start);
        if it.optional {
            self.mark(it.key.span().end, '?');
        }
        if it.kind == MethodDefinitionKind::Constructor {
            self.parameter_properties(&it.value);
        }
        walk::walk_method_definition(self, it);
    }

    fn visit_property_definition(&mut self, it: &PropertyDefinition<'a>) {
        self.modifiers(it.span.start, it.key.span().start);
        for (is_there, mark) in [(it.optional, '?'), (it.definite, '!')] {
            if is_there {
                self.mark(it.key.span().end, mark);
            }
        }
        walk::walk_property_definition(self, it);
    }

    fn visit_accessor_property(&mut self, it: &AccessorProperty<'a>) {
        self.modifiers(it.span.start, it.key.span().start);
        walk::walk_accessor_property(self, it);
    }
}
