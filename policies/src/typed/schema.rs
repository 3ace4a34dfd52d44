//! From types to schemas of the subset. The sandbox turns values by the same rules.

use serde_json::{Map, Value, json};
use wasmparser::PrimitiveValType;
use wasmparser::component_types::{ComponentDefinedType, ComponentFuncType, ComponentValType};
use wasmparser::types::Types;

/// Deeper than the schema subset goes, so that what is refused is refused there.
const MAX_DEPTH: usize = 16;

/// What a function takes: an object with its parameters.
pub(super) fn input(types: &Types, function: &ComponentFuncType) -> Result<Value, String> {
    let params = function.params.iter();
    object(types, params.map(|(name, ty)| (name.to_string(), ty)), 0)
}

/// What a call of it answers: `{"result": …}`, or `{}` where there is nothing to say.
pub(super) fn output(types: &Types, function: &ComponentFuncType) -> Result<Value, String> {
    let returned = match function.result {
        Some(ComponentValType::Type(id)) => match &types[id] {
            // The error is not a result but the way in which the call failed.
            ComponentDefinedType::Result { ok, .. } => *ok,
            _ => function.result,
        },
        returned => returned,
    };
    let returned = returned.as_ref().map(|ty| ("result".to_owned(), ty));
    object(types, returned.into_iter(), 0)
}

fn object<'a>(
    types: &Types,
    members: impl Iterator<Item = (String, &'a ComponentValType)>,
    depth: usize,
) -> Result<Value, String> {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for (name, ty) in members {
        match option(types, ty) {
            // What may be absent is left out.
            Some(inner) => properties.insert(name, value(types, &inner, depth + 1)?),
            None => {
                required.push(json!(name));
                properties.insert(name, value(types, ty, depth + 1)?)
            }
        };
    }
    let mut object = json!({"type": "object", "properties": properties});
    if !required.is_empty() {
        object["required"] = Value::Array(required);
    }
    object["additionalProperties"] = json!(false);
    Ok(object)
}

fn option(types: &Types, ty: &ComponentValType) -> Option<ComponentValType> {
    match ty {
        ComponentValType::Type(id) => match &types[*id] {
            ComponentDefinedType::Option { ty, .. } => Some(*ty),
            _ => None,
        },
        ComponentValType::Primitive(_) => None,
    }
}

fn value(types: &Types, ty: &ComponentValType, depth: usize) -> Result<Value, String> {
    if depth > MAX_DEPTH {
        return Err("has a type that is nested too deeply".to_owned());
    }
    let defined = match ty {
        ComponentValType::Primitive(primitive) => return simple(*primitive),
        ComponentValType::Type(id) => &types[*id],
    };
    match defined {
        ComponentDefinedType::Primitive(primitive) => simple(*primitive),
        ComponentDefinedType::Record(record) => {
            let fields = record.fields.iter();
            object(
                types,
                fields.map(|(name, ty)| (name.to_string(), ty)),
                depth,
            )
        }
        ComponentDefinedType::Tuple(tuple) => {
            let members = tuple.types.iter().enumerate();
            object(types, members.map(|(at, ty)| (at.to_string(), ty)), depth)
        }
        ComponentDefinedType::List { element, .. } => {
            Ok(json!({"type": "array", "items": value(types, element, depth + 1)?}))
        }
        ComponentDefinedType::FixedLengthList {
            element, length, ..
        } => Ok(json!({
            "type": "array",
            "items": value(types, element, depth + 1)?,
            "minItems": length,
            "maxItems": length,
        })),
        ComponentDefinedType::Enum(names) => {
            let names: Vec<_> = names.iter().map(ToString::to_string).collect();
            Ok(json!({"type": "string", "enum": names}))
        }
        ComponentDefinedType::Flags(names) => {
            let flags: Map<_, _> = names
                .iter()
                .map(|name| (name.to_string(), json!({"type": "boolean"})))
                .collect();
            Ok(json!({"type": "object", "properties": flags, "additionalProperties": false}))
        }
        ComponentDefinedType::Variant(variant) => {
            let cases = variant.cases.iter();
            one_of(
                types,
                cases.map(|(name, case)| (name.to_string(), case.ty.as_ref())),
                depth,
            )
        }
        ComponentDefinedType::Result { ok, err, .. } => {
            let cases = [
                ("ok".to_owned(), ok.as_ref()),
                ("err".to_owned(), err.as_ref()),
            ];
            one_of(types, cases.into_iter(), depth)
        }
        ComponentDefinedType::Option { ty, .. } => {
            let mut some = json!({"type": "object", "description": "Empty where there is none."});
            some["properties"] = json!({"some": value(types, ty, depth + 1)?});
            some["additionalProperties"] = json!(false);
            Ok(some)
        }
        ComponentDefinedType::Map { .. } => Err("has a map in its types".to_owned()),
        ComponentDefinedType::Own(_) | ComponentDefinedType::Borrow(_) => {
            Err("takes or returns a resource, which no JSON can name".to_owned())
        }
        ComponentDefinedType::Future { .. } | ComponentDefinedType::Stream { .. } => {
            Err("takes or returns a future or a stream".to_owned())
        }
    }
}

/// An object of which exactly one member is there. The subset has no word for that, so it is said,
/// and whoever makes the value of it checks.
fn one_of<'a>(
    types: &Types,
    cases: impl Iterator<Item = (String, Option<&'a ComponentValType>)>,
    depth: usize,
) -> Result<Value, String> {
    let mut properties = Map::new();
    for (name, payload) in cases {
        let schema = match payload {
            Some(ty) => value(types, ty, depth + 1)?,
            None => json!({"type": "object", "additionalProperties": false}),
        };
        properties.insert(name, schema);
    }
    Ok(json!({
        "type": "object",
        "description": "Exactly one of these members.",
        "properties": properties,
        "additionalProperties": false,
    }))
}

fn simple(primitive: PrimitiveValType) -> Result<Value, String> {
    let integer =
        |low: i64, high: u64| Ok(json!({"type": "integer", "minimum": low, "maximum": high}));
    match primitive {
        PrimitiveValType::Bool => Ok(json!({"type": "boolean"})),
        PrimitiveValType::S8 => integer(i8::MIN.into(), i8::MAX as u64),
        PrimitiveValType::U8 => integer(0, u8::MAX.into()),
        PrimitiveValType::S16 => integer(i16::MIN.into(), i16::MAX as u64),
        PrimitiveValType::U16 => integer(0, u16::MAX.into()),
        PrimitiveValType::S32 => integer(i32::MIN.into(), i32::MAX as u64),
        PrimitiveValType::U32 => integer(0, u32::MAX.into()),
        PrimitiveValType::S64 => integer(i64::MIN, i64::MAX as u64),
        PrimitiveValType::U64 => integer(0, u64::MAX),
        PrimitiveValType::F32 | PrimitiveValType::F64 => Ok(json!({"type": "number"})),
        PrimitiveValType::Char => Ok(json!({"type": "string", "minLength": 1, "maxLength": 1})),
        PrimitiveValType::String => Ok(json!({"type": "string"})),
        PrimitiveValType::ErrorContext => Err("has an error context in its types".to_owned()),
    }
}
