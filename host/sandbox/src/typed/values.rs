//! JSON to component values and back, by the table of `alcove_policies::typed`.
//!
//! Arguments were checked against the schema before, but the schema cannot say everything (exactly
//! one case of a variant), so nothing is taken for granted here. Types nest at most as deep as the
//! component says, so neither direction recurses without end.

use serde_json::{Map, Number, Value};
use wasmtime::component::{Type, Val};

/// The value of a member that may be absent where its type is an `option`.
pub(super) fn member(
    members: &Map<String, Value>,
    name: &str,
    ty: &Type,
    path: &str,
) -> Result<Val, String> {
    let at = format!("{path}/{name}");
    match (ty, members.get(name)) {
        (Type::Option(option), Some(value)) => {
            let inner = of(value, &option.ty(), &at)?;
            Ok(Val::Option(Some(Box::new(inner))))
        }
        (Type::Option(_), None) => Ok(Val::Option(None)),
        (ty, Some(value)) => of(value, ty, &at),
        (_, None) => Err(format!("{at}: is needed")),
    }
}

/// A value of a type.
fn of(value: &Value, ty: &Type, path: &str) -> Result<Val, String> {
    let must = |what: &str| format!("{path}: must be {what}");
    Ok(match ty {
        Type::Bool => Val::Bool(value.as_bool().ok_or_else(|| must("true or false"))?),
        Type::S8 => Val::S8(signed(value).ok_or_else(|| must("a whole number of 8 bits"))?),
        Type::S16 => Val::S16(signed(value).ok_or_else(|| must("a whole number of 16 bits"))?),
        Type::S32 => Val::S32(signed(value).ok_or_else(|| must("a whole number of 32 bits"))?),
        Type::S64 => Val::S64(signed(value).ok_or_else(|| must("a whole number of 64 bits"))?),
        Type::U8 => Val::U8(unsigned(value).ok_or_else(|| must("from 0 to 255"))?),
        Type::U16 => Val::U16(unsigned(value).ok_or_else(|| must("from 0 to 65535"))?),
        Type::U32 => Val::U32(unsigned(value).ok_or_else(|| must("from 0 to 4294967295"))?),
        Type::U64 => Val::U64(unsigned(value).ok_or_else(|| must("a natural number"))?),
        Type::Float32 => {
            let float = value.as_f64().ok_or_else(|| must("a number"))? as f32;
            // A double that is too large for a float would become infinite.
            Val::Float32(
                Some(float)
                    .filter(|f| f.is_finite())
                    .ok_or_else(|| must("smaller"))?,
            )
        }
        Type::Float64 => Val::Float64(value.as_f64().ok_or_else(|| must("a number"))?),
        Type::Char => {
            let mut chars = value.as_str().unwrap_or_default().chars();
            match (chars.next(), chars.next()) {
                (Some(only), None) => Val::Char(only),
                _ => return Err(must("one character")),
            }
        }
        Type::String => Val::String(value.as_str().ok_or_else(|| must("text"))?.to_owned()),
        Type::List(list) => Val::List(items(value, &list.ty(), path)?),
        Type::FixedLengthList(list) => Val::FixedLengthList(items(value, &list.ty(), path)?),
        Type::Record(record) => {
            let members = object(value, path)?;
            let fields = record.fields().map(|field| {
                let value = member(members, field.name, &field.ty, path)?;
                Ok((field.name.to_owned(), value))
            });
            Val::Record(fields.collect::<Result<_, String>>()?)
        }
        Type::Tuple(tuple) => {
            let members = object(value, path)?;
            let values = tuple
                .types()
                .enumerate()
                .map(|(at, ty)| member(members, &at.to_string(), &ty, path));
            Val::Tuple(values.collect::<Result<_, _>>()?)
        }
        Type::Enum(names) => {
            let name = value.as_str().unwrap_or_default();
            let known = names.names().find(|known| *known == name);
            Val::Enum(known.ok_or_else(|| must("one of its names"))?.to_owned())
        }
        Type::Flags(flags) => {
            let members = object(value, path)?;
            let set = flags
                .names()
                .filter(|name| members.get(*name) == Some(&Value::Bool(true)));
            Val::Flags(set.map(str::to_owned).collect())
        }
        Type::Variant(variant) => {
            let (name, payload) = only(value, path)?;
            let case = variant.cases().find(|case| case.name == name);
            let case = case.ok_or_else(|| format!("{path}: has no case `{name}`"))?;
            let payload = payload_of(payload, case.ty.as_ref(), &format!("{path}/{name}"))?;
            Val::Variant(name.to_owned(), payload)
        }
        Type::Result(result) => {
            let (name, payload) = only(value, path)?;
            let at = format!("{path}/{name}");
            match name {
                "ok" => Val::Result(Ok(payload_of(payload, result.ok().as_ref(), &at)?)),
                "err" => Val::Result(Err(payload_of(payload, result.err().as_ref(), &at)?)),
                _ => return Err(must("an object with `ok` or `err`")),
            }
        }
        Type::Option(option) => match object(value, path)?.get("some") {
            Some(some) => Val::Option(Some(Box::new(of(some, &option.ty(), path)?))),
            None => Val::Option(None),
        },
        Type::Map(_)
        | Type::Own(_)
        | Type::Borrow(_)
        | Type::Future(_)
        | Type::Stream(_)
        | Type::ErrorContext => return Err(format!("{path}: has a type that JSON cannot give")),
    })
}

fn items(value: &Value, ty: &Type, path: &str) -> Result<Vec<Val>, String> {
    let items = value
        .as_array()
        .ok_or_else(|| format!("{path}: must be a list"))?;
    items
        .iter()
        .enumerate()
        .map(|(at, item)| of(item, ty, &format!("{path}/{at}")))
        .collect()
}

fn object<'a>(value: &'a Value, path: &str) -> Result<&'a Map<String, Value>, String> {
    value
        .as_object()
        .ok_or_else(|| format!("{path}: must be an object"))
}

/// The one member of an object.
fn only<'a>(value: &'a Value, path: &str) -> Result<(&'a str, &'a Value), String> {
    let members = object(value, path)?;
    match (members.iter().next(), members.len()) {
        (Some((name, value)), 1) => Ok((name, value)),
        _ => Err(format!("{path}: must have exactly one member")),
    }
}

fn payload_of(value: &Value, ty: Option<&Type>, path: &str) -> Result<Option<Box<Val>>, String> {
    match ty {
        Some(ty) => Ok(Some(Box::new(of(value, ty, path)?))),
        None if value.as_object().is_some_and(Map::is_empty) => Ok(None),
        None => Err(format!("{path}: carries nothing, so it must be {{}}")),
    }
}

fn signed<T: TryFrom<i64>>(value: &Value) -> Option<T> {
    value.as_i64().and_then(|number| T::try_from(number).ok())
}

fn unsigned<T: TryFrom<u64>>(value: &Value) -> Option<T> {
    value.as_u64().and_then(|number| T::try_from(number).ok())
}

/// Puts a value into an object; an `option` without one is left out.
pub(super) fn put(members: &mut Map<String, Value>, name: &str, value: &Val) -> Result<(), String> {
    let value = match value {
        Val::Option(None) => return Ok(()),
        Val::Option(Some(value)) => json(value)?,
        value => json(value)?,
    };
    members.insert(name.to_owned(), value);
    Ok(())
}

/// A value as JSON.
pub(super) fn json(value: &Val) -> Result<Value, String> {
    Ok(match value {
        Val::Bool(value) => Value::Bool(*value),
        Val::S8(number) => Value::from(*number),
        Val::S16(number) => Value::from(*number),
        Val::S32(number) => Value::from(*number),
        Val::S64(number) => Value::from(*number),
        Val::U8(number) => Value::from(*number),
        Val::U16(number) => Value::from(*number),
        Val::U32(number) => Value::from(*number),
        Val::U64(number) => Value::from(*number),
        // By way of its decimal form: 0.1 is to stay 0.1.
        Val::Float32(number) => float(number.to_string().parse().unwrap_or(f64::NAN))?,
        Val::Float64(number) => float(*number)?,
        Val::Char(char) => Value::String(char.to_string()),
        Val::String(text) | Val::Enum(text) => Value::String(text.clone()),
        Val::List(items) | Val::FixedLengthList(items) => {
            Value::Array(items.iter().map(json).collect::<Result<_, _>>()?)
        }
        Val::Record(fields) => {
            let mut members = Map::new();
            for (name, value) in fields {
                put(&mut members, name, value)?;
            }
            Value::Object(members)
        }
        Val::Tuple(values) => {
            let mut members = Map::new();
            for (at, value) in values.iter().enumerate() {
                put(&mut members, &at.to_string(), value)?;
            }
            Value::Object(members)
        }
        Val::Flags(set) => {
            let set = set.iter().map(|name| (name.clone(), Value::Bool(true)));
            Value::Object(set.collect())
        }
        Val::Variant(name, payload) => case(name, payload.as_deref())?,
        Val::Result(Ok(payload)) => case("ok", payload.as_deref())?,
        Val::Result(Err(payload)) => case("err", payload.as_deref())?,
        Val::Option(some) => {
            let mut members = Map::new();
            if let Some(value) = some {
                members.insert("some".to_owned(), json(value)?);
            }
            Value::Object(members)
        }
        Val::Map(_) | Val::Resource(_) | Val::Future(_) | Val::Stream(_) | Val::ErrorContext(_) => {
            return Err("the function returned what no JSON can say".to_owned());
        }
    })
}

fn case(name: &str, payload: Option<&Val>) -> Result<Value, String> {
    let payload = match payload {
        Some(value) => json(value)?,
        None => Value::Object(Map::new()),
    };
    Ok(Value::Object(Map::from_iter([(name.to_owned(), payload)])))
}

fn float(number: f64) -> Result<Value, String> {
    Number::from_f64(number)
        .map(Value::Number)
        .ok_or_else(|| format!("the function returned {number}, which JSON has no word for"))
}
