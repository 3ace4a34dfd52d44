//! The languages that the lexer knows.

/// How a language is cut into spans.
pub(crate) struct Language {
    names: &'static [&'static str],
    pub(crate) line_comments: &'static [&'static str],
    pub(crate) block_comment: Option<(&'static str, &'static str)>,
    /// Longer delimiters first.
    pub(crate) strings: &'static [Delimiter],
    keywords: &'static [&'static str],
    pub(crate) constants: &'static [&'static str],
    pub(crate) types: &'static [&'static str],
    /// Keywords in any case.
    any_case: bool,
    /// Capitalised names are types.
    pub(crate) capitals: bool,
    /// `'a` may be a lifetime.
    pub(crate) lifetimes: bool,
    /// `name!(` is a call.
    pub(crate) macros: bool,
    /// `$name` is a variable, and `#` opens a comment only after a space.
    pub(crate) shell: bool,
    /// Names may hold dashes.
    pub(crate) dashes: bool,
    /// `name:` is a key.
    pub(crate) keys_before_colon: bool,
    /// `name =` at the start of a line is a key.
    pub(crate) keys_before_equals: bool,
    /// Tags and attributes.
    pub(crate) markup: bool,
}

impl Language {
    pub(crate) fn is_keyword(&self, word: &str) -> bool {
        if self.any_case {
            self.keywords
                .iter()
                .any(|keyword| keyword.eq_ignore_ascii_case(word))
        } else {
            self.keywords.contains(&word)
        }
    }
}

/// How a string opens and ends.
pub(crate) struct Delimiter {
    pub(crate) open: &'static str,
    pub(crate) close: &'static str,
    pub(crate) many_lines: bool,
    /// A backslash hides the next character.
    pub(crate) escapes: bool,
}

const fn line(mark: &'static str) -> Delimiter {
    Delimiter {
        open: mark,
        close: mark,
        many_lines: false,
        escapes: true,
    }
}

const fn many(mark: &'static str) -> Delimiter {
    Delimiter {
        open: mark,
        close: mark,
        many_lines: true,
        escapes: true,
    }
}

const fn raw(open: &'static str, close: &'static str) -> Delimiter {
    Delimiter {
        open,
        close,
        many_lines: true,
        escapes: false,
    }
}

const PLAIN: Language = Language {
    names: &[],
    line_comments: &[],
    block_comment: None,
    strings: &[],
    keywords: &[],
    constants: &[],
    types: &[],
    any_case: false,
    capitals: false,
    lifetimes: false,
    macros: false,
    shell: false,
    dashes: false,
    keys_before_colon: false,
    keys_before_equals: false,
    markup: false,
};

static LANGUAGES: &[Language] = &[
    Language {
        names: &["python", "py", "python3", "pycon"],
        line_comments: &["#"],
        strings: &[many("\"\"\""), many("'''"), line("\""), line("'")],
        keywords: &[
            "and", "as", "assert", "async", "await", "break", "case", "class", "continue", "def",
            "del", "elif", "else", "except", "finally", "for", "from", "global", "if", "import",
            "in", "is", "lambda", "match", "nonlocal", "not", "or", "pass", "raise", "return",
            "try", "while", "with", "yield",
        ],
        constants: &["None", "True", "False", "self", "cls"],
        types: &[
            "int", "str", "float", "bool", "list", "dict", "set", "tuple", "bytes", "object",
        ],
        capitals: true,
        ..PLAIN
    },
    Language {
        names: &["rust", "rs"],
        line_comments: &["//"],
        block_comment: Some(("/*", "*/")),
        strings: &[
            raw("r##\"", "\"##"),
            raw("r#\"", "\"#"),
            raw("r\"", "\""),
            many("\""),
            line("'"),
        ],
        keywords: &[
            "as", "async", "await", "break", "const", "continue", "crate", "dyn", "else", "enum",
            "extern", "fn", "for", "if", "impl", "in", "let", "loop", "match", "mod", "move",
            "mut", "pub", "ref", "return", "static", "struct", "super", "trait", "type", "union",
            "unsafe", "use", "where", "while",
        ],
        constants: &["true", "false", "self", "Self", "None", "Some", "Ok", "Err"],
        types: &[
            "bool", "char", "f32", "f64", "i8", "i16", "i32", "i64", "i128", "isize", "str", "u8",
            "u16", "u32", "u64", "u128", "usize",
        ],
        capitals: true,
        lifetimes: true,
        macros: true,
        ..PLAIN
    },
    Language {
        names: &["javascript", "js", "jsx", "mjs", "typescript", "ts", "tsx"],
        line_comments: &["//"],
        block_comment: Some(("/*", "*/")),
        strings: &[many("`"), line("\""), line("'")],
        keywords: &[
            "as",
            "async",
            "await",
            "break",
            "case",
            "catch",
            "class",
            "const",
            "continue",
            "debugger",
            "declare",
            "default",
            "delete",
            "do",
            "else",
            "enum",
            "export",
            "extends",
            "finally",
            "for",
            "from",
            "function",
            "if",
            "implements",
            "import",
            "in",
            "instanceof",
            "interface",
            "let",
            "namespace",
            "new",
            "of",
            "private",
            "protected",
            "public",
            "readonly",
            "return",
            "static",
            "super",
            "switch",
            "throw",
            "try",
            "type",
            "typeof",
            "var",
            "void",
            "while",
            "yield",
        ],
        constants: &[
            "true",
            "false",
            "null",
            "undefined",
            "this",
            "NaN",
            "Infinity",
        ],
        types: &[
            "any", "bigint", "boolean", "never", "number", "object", "string", "symbol", "unknown",
        ],
        capitals: true,
        ..PLAIN
    },
    Language {
        names: &["json", "jsonc", "json5"],
        line_comments: &["//"],
        strings: &[line("\"")],
        constants: &["true", "false", "null"],
        keys_before_colon: true,
        ..PLAIN
    },
    Language {
        names: &["bash", "sh", "shell", "zsh", "console"],
        line_comments: &["#"],
        strings: &[many("\""), raw("'", "'")],
        keywords: &[
            "case", "cd", "do", "done", "echo", "elif", "else", "esac", "exit", "export", "fi",
            "for", "function", "if", "in", "local", "return", "set", "source", "sudo", "then",
            "until", "while",
        ],
        constants: &["true", "false"],
        shell: true,
        dashes: true,
        ..PLAIN
    },
    Language {
        names: &["html", "xml", "svg", "vue", "svelte"],
        block_comment: Some(("<!--", "-->")),
        markup: true,
        ..PLAIN
    },
    Language {
        names: &["css", "scss", "less"],
        block_comment: Some(("/*", "*/")),
        strings: &[line("\""), line("'")],
        keywords: &["important"],
        dashes: true,
        keys_before_colon: true,
        ..PLAIN
    },
    Language {
        names: &["sql", "sqlite", "postgresql", "mysql"],
        line_comments: &["--"],
        block_comment: Some(("/*", "*/")),
        strings: &[raw("'", "'"), raw("\"", "\"")],
        keywords: &[
            "add",
            "all",
            "alter",
            "and",
            "as",
            "asc",
            "begin",
            "between",
            "by",
            "case",
            "check",
            "column",
            "commit",
            "constraint",
            "create",
            "cross",
            "default",
            "delete",
            "desc",
            "distinct",
            "drop",
            "else",
            "end",
            "exists",
            "foreign",
            "from",
            "full",
            "group",
            "having",
            "if",
            "in",
            "index",
            "inner",
            "insert",
            "into",
            "is",
            "join",
            "key",
            "left",
            "like",
            "limit",
            "not",
            "offset",
            "on",
            "or",
            "order",
            "outer",
            "partition",
            "primary",
            "references",
            "returning",
            "right",
            "rollback",
            "select",
            "set",
            "table",
            "then",
            "union",
            "unique",
            "update",
            "using",
            "values",
            "view",
            "when",
            "where",
            "with",
        ],
        constants: &["null", "NULL", "true", "TRUE", "false", "FALSE"],
        types: &[
            "integer", "INTEGER", "text", "TEXT", "real", "REAL", "blob", "BLOB",
        ],
        any_case: true,
        ..PLAIN
    },
    Language {
        names: &["toml", "ini", "cfg"],
        line_comments: &["#"],
        strings: &[many("\"\"\""), raw("'''", "'''"), line("\""), raw("'", "'")],
        constants: &["true", "false"],
        dashes: true,
        keys_before_equals: true,
        ..PLAIN
    },
    Language {
        names: &["yaml", "yml"],
        line_comments: &["#"],
        strings: &[line("\""), line("'")],
        constants: &["true", "false", "null"],
        dashes: true,
        keys_before_colon: true,
        ..PLAIN
    },
    Language {
        names: &["c", "h", "cpp", "c++", "java", "go", "csharp", "cs"],
        line_comments: &["//"],
        block_comment: Some(("/*", "*/")),
        strings: &[line("\""), line("'"), raw("`", "`")],
        keywords: &[
            "auto",
            "break",
            "case",
            "catch",
            "class",
            "const",
            "continue",
            "default",
            "defer",
            "delete",
            "do",
            "else",
            "enum",
            "extern",
            "final",
            "for",
            "func",
            "go",
            "goto",
            "if",
            "import",
            "include",
            "interface",
            "map",
            "namespace",
            "new",
            "package",
            "private",
            "protected",
            "public",
            "range",
            "return",
            "sizeof",
            "static",
            "struct",
            "switch",
            "template",
            "throw",
            "try",
            "type",
            "typedef",
            "union",
            "using",
            "var",
            "virtual",
            "volatile",
            "while",
        ],
        constants: &["true", "false", "null", "nullptr", "NULL", "nil", "this"],
        types: &[
            "bool", "boolean", "byte", "char", "double", "error", "float", "int", "long", "short",
            "signed", "size_t", "string", "unsigned", "void",
        ],
        capitals: true,
        ..PLAIN
    },
];

/// The language of that name, as a fence writes it in lower case.
pub(crate) fn find(name: &str) -> Option<&'static Language> {
    LANGUAGES
        .iter()
        .find(|language| language.names.contains(&name))
}
