//! Calling a component with typed exports and no world of ours.
//!
//! Which tool is which function follows from the names of the exports, by the rule with which the
//! manifest was made; how JSON becomes values is in [`values`].

mod values;

use std::collections::HashMap;
use std::sync::Arc;

use alcove_policies::typed::{Function, tool_names};
use serde_json::{Map, Value};
use wasmtime::component::types::{Component, ComponentFunc, ComponentItem};
use wasmtime::component::{ComponentExportIndex, Instance, InstancePre, Val};
use wasmtime::{Engine, Store};

use crate::bindings::types;
use crate::call::Invocation;
use crate::outcome::Returned;
use crate::state::GuestState;

/// More functions than a plugin has tools are not looked at.
const MAX_FUNCTIONS: usize = 1_000;

/// A tool's function.
struct Export {
    index: ComponentExportIndex,
    ty: ComponentFunc,
}

type Exports = HashMap<String, Export>;

/// A linked component, and its functions by the names of their tools.
pub(crate) struct TypedPre {
    pre: InstancePre<GuestState>,
    exports: Arc<Exports>,
}

/// An instance of one.
pub(crate) struct Typed {
    instance: Instance,
    exports: Arc<Exports>,
}

impl TypedPre {
    /// `None` for a component that exports no function.
    pub(crate) fn new(engine: &Engine, pre: InstancePre<GuestState>) -> Option<TypedPre> {
        let component = pre.component();
        let found = functions(engine, &component.component_type());
        let names: Vec<Function> = found.iter().map(|(function, _)| function.clone()).collect();
        let mut exports = Exports::new();
        for ((function, ty), name) in found.into_iter().zip(tool_names(&names)) {
            let interface = match &function.interface {
                Some(interface) => Some(component.get_export_index(None, interface)?),
                None => None,
            };
            let index = component.get_export_index(interface.as_ref(), &function.name)?;
            if let Some(name) = name {
                exports.insert(name, Export { index, ty });
            }
        }
        (!exports.is_empty()).then(|| TypedPre {
            exports: Arc::new(exports),
            pre,
        })
    }

    pub(crate) async fn instantiate(
        &self,
        store: &mut Store<GuestState>,
    ) -> wasmtime::Result<Typed> {
        Ok(Typed {
            instance: self.pre.instantiate_async(store).await?,
            exports: Arc::clone(&self.exports),
        })
    }
}

fn functions(engine: &Engine, component: &Component) -> Vec<(Function, ComponentFunc)> {
    let mut found = Vec::new();
    for (name, export) in component.exports(engine) {
        match export.ty {
            ComponentItem::ComponentFunc(ty) => found.push((Function::new(None, name), ty)),
            ComponentItem::ComponentInstance(instance) => {
                for (inner, export) in instance.exports(engine) {
                    if let ComponentItem::ComponentFunc(ty) = export.ty {
                        found.push((Function::new(Some(name), inner), ty));
                    }
                }
            }
            _ => {}
        }
    }
    found.truncate(MAX_FUNCTIONS);
    found
}

impl Typed {
    pub(crate) async fn call(
        &self,
        store: &mut Store<GuestState>,
        invocation: &Invocation,
    ) -> Returned {
        let Some(export) = self.exports.get(&invocation.tool) else {
            return Ok(Err(failure(
                "internal",
                format!("the component has no function for `{}`", invocation.tool),
            )));
        };
        let params = match params(&export.ty, &invocation.arguments) {
            Ok(params) => params,
            Err(message) => return Ok(Err(failure("invalid-input", message))),
        };
        let Some(function) = self.instance.get_func(&mut *store, export.index) else {
            return Ok(Err(failure("internal", "the function is gone".to_owned())));
        };
        let mut results = vec![Val::Bool(false); export.ty.results().len()];
        function
            .call_async(&mut *store, &params, &mut results)
            .await?;
        Ok(answer(results))
    }
}

fn params(ty: &ComponentFunc, arguments: &str) -> Result<Vec<Val>, String> {
    let arguments: Map<String, Value> =
        serde_json::from_str(arguments).map_err(|error| error.to_string())?;
    ty.params()
        .map(|(name, ty)| values::member(&arguments, name, &ty, ""))
        .collect()
}

/// The envelope `{"result": …}`, or the error that the function returned.
fn answer(mut results: Vec<Val>) -> Result<Vec<types::Part>, types::Failure> {
    let returned = match results.pop() {
        Some(Val::Result(Err(error))) => return Err(said(error.as_deref())),
        Some(Val::Result(Ok(value))) => value.map(|value| *value),
        returned => returned,
    };
    let mut envelope = Map::new();
    if let Some(value) = returned {
        values::put(&mut envelope, "result", &value)
            .map_err(|message| failure("internal", message))?;
    }
    Ok(vec![types::Part {
        content: types::Content::Json(Value::Object(envelope).to_string()),
        audience: types::Audience::Both,
    }])
}

/// An error in the function's own words: text as it is, anything else as JSON.
fn said(error: Option<&Val>) -> types::Failure {
    let message = match error {
        None => "the function failed without a word".to_owned(),
        Some(Val::String(text)) => text.clone(),
        Some(value) => values::json(value).map_or_else(|message| message, |json| json.to_string()),
    };
    failure("upstream", message)
}

fn failure(kind: &str, message: String) -> types::Failure {
    types::Failure {
        kind: kind.to_owned(),
        message,
        retry_after_ms: None,
    }
}
