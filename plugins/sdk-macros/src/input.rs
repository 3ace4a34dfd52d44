//! `#[derive(Input)]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::meta::ParseNestedMeta;
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Error, ExprArray, Field, Fields, LitStr, Result, Type};

use crate::docs;

pub(crate) fn expand(item: &DeriveInput) -> Result<TokenStream> {
    let Data::Struct(data) = &item.data else {
        return Err(Error::new(item.span(), "arguments are a struct"));
    };
    let fields = match &data.fields {
        Fields::Named(fields) => fields.named.iter().collect::<Vec<_>>(),
        Fields::Unit => Vec::new(),
        Fields::Unnamed(_) => {
            return Err(Error::new(item.span(), "arguments have names"));
        }
    };
    if !item.generics.params.is_empty() {
        return Err(Error::new(
            item.generics.span(),
            "arguments have no type parameters",
        ));
    }

    let mut parts = vec![quote!("\"type\":\"object\",\"properties\":{")];
    let mut required = Vec::new();
    for (index, field) in fields.iter().enumerate() {
        let name = name(field);
        let comma = if index == 0 { "" } else { "," };
        let open = format!("{comma}{}:{{", docs::json(&name));
        parts.push(quote!(#open));
        parts.extend(members(field)?);
        if !is_option(&field.ty) {
            required.push(docs::json(&name));
        }
        let description = docs::text(&field.attrs);
        if description.is_empty() {
            return Err(Error::new(
                field.span(),
                "an argument needs a comment: people and models read it",
            ));
        }
        let close = format!(",\"description\":{}}}", docs::json(&description));
        parts.push(quote!(#close));
    }
    let end = format!(
        "}},\"required\":[{}],\"additionalProperties\":false",
        required.join(",")
    );
    parts.push(quote!(#end));

    let ident = &item.ident;
    Ok(quote! {
        impl ::alcove_sdk::input::Input for #ident {
            const MEMBERS: &'static str = {
                const PARTS: &[&str] = &[#(#parts),*];
                const LENGTH: usize = ::alcove_sdk::private::length(PARTS);
                const JOINED: [u8; LENGTH] = ::alcove_sdk::private::join(PARTS);
                ::alcove_sdk::private::text(&JOINED)
            };
        }
    })
}

fn name(field: &Field) -> String {
    field
        .ident
        .as_ref()
        .map(|ident| ident.to_string().trim_start_matches("r#").to_owned())
        .unwrap_or_default()
}

fn is_option(ty: &Type) -> bool {
    matches!(ty, Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == "Option"))
}

/// The type's own members, then those of `#[input(...)]`. A bound replaces the type's own.
fn members(field: &Field) -> Result<Vec<TokenStream>> {
    let mut own = String::new();
    let mut is_number = false;
    for attribute in &field.attrs {
        if !attribute.path().is_ident("input") {
            continue;
        }
        attribute.parse_nested_meta(|meta| {
            let key = meta.path.get_ident().map(ToString::to_string);
            let member = match key.as_deref() {
                Some("min") => number("minimum", &meta)?,
                Some("max") => number("maximum", &meta)?,
                Some("min_length") => number("minLength", &meta)?,
                Some("max_length") => number("maxLength", &meta)?,
                Some("title") => {
                    let text: LitStr = meta.value()?.parse()?;
                    format!(",\"title\":{}", docs::json(&text.value()))
                }
                Some("choices") => choices(&meta)?,
                _ => {
                    return Err(
                        meta.error("known: min, max, min_length, max_length, choices, title")
                    );
                }
            };
            is_number |= matches!(key.as_deref(), Some("min" | "max"));
            own.push_str(&member);
            Ok(())
        })?;
    }
    let ty = &field.ty;
    let base = if is_number {
        // The bounds of the field stand in for those of its type: a key may appear once.
        quote!(::alcove_sdk::input::bare(<#ty as ::alcove_sdk::input::Input>::MEMBERS))
    } else {
        quote!(<#ty as ::alcove_sdk::input::Input>::MEMBERS)
    };
    Ok(vec![base, quote!(#own)])
}

/// `min = -1` as `,"minimum":-1`.
fn number(keyword: &str, meta: &ParseNestedMeta<'_>) -> Result<String> {
    let value: syn::Expr = meta.value()?.parse()?;
    let text = quote!(#value).to_string().replace([' ', '_'], "");
    let parsed: serde_json::Value = serde_json::from_str(&text)
        .map_err(|_| Error::new(value.span(), "a number is wanted here"))?;
    if !parsed.is_number() {
        return Err(Error::new(value.span(), "a number is wanted here"));
    }
    Ok(format!(",\"{keyword}\":{parsed}"))
}

fn choices(meta: &ParseNestedMeta<'_>) -> Result<String> {
    let list: ExprArray = meta.value()?.parse()?;
    let mut choices = Vec::new();
    for choice in &list.elems {
        let text: LitStr = syn::parse2(quote!(#choice))?;
        choices.push(docs::json(&text.value()));
    }
    Ok(format!(",\"enum\":[{}]", choices.join(",")))
}
