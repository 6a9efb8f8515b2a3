//! The OpenAPI document, made of the list of calls and of the types that they take and give.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use counterpart_core::precedence::{Mark, Precedence};
use counterpart_core::record::codes::{Code as Reason, Instrument, LineState, Mode, OnSilence};
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::Api;
use super::call::{Call, Gives, Shape};
use super::calls::calls;
use super::fault::{Code, ErrorBody};
use super::form::SPECS;
use crate::words::Words;

/// Where schemas of types stand.
const SCHEMAS: &str = "/components/schemas";

/// `GET /api/v1/openapi.json`.
pub(super) async fn document(State(api): State<Api>) -> impl IntoResponse {
    let written = api.document.get_or_init(|| {
        // It is plain text: it always has a JSON form.
        Bytes::from(serde_json::to_vec_pretty(&made(&calls(), &api.words)).unwrap_or_default())
    });
    ([(CONTENT_TYPE, "application/json")], written.clone())
}

/// The schemas of what is sent and of what is answered: an absent field of a form may be left out, one of a view is there.
struct Schemas {
    sent: SchemaGenerator,
    answered: SchemaGenerator,
}

impl Schemas {
    fn new() -> Schemas {
        let settings = || {
            SchemaSettings::draft2020_12().with(|settings| {
                settings.definitions_path = SCHEMAS.into();
                settings.meta_schema = None;
            })
        };
        Schemas {
            sent: settings().for_deserialize().into_generator(),
            answered: settings().for_serialize().into_generator(),
        }
    }
}

/// The document of these calls.
fn made(calls: &[Call], words: &Words) -> Value {
    let mut schemas = Schemas::new();
    let error = schemas.answered.subschema_for::<ErrorBody>();
    let mut paths: Map<String, Value> = Map::new();
    for call in calls {
        let operation = operation(call, &mut schemas, words);
        let path = paths.entry(call.path).or_insert_with(|| json!({}));
        if let Some(path) = path.as_object_mut() {
            path.insert(call.method.into(), operation);
        }
    }
    let mut defined = schemas.answered.take_definitions(true);
    for (name, schema) in schemas.sent.take_definitions(true) {
        defined.insert(name, schema);
    }
    if let Some(form) = defined.get_mut("ActForm") {
        *form = acts(form, words);
    }
    let codes = Code::ALL
        .iter()
        .map(|code| json!({ "code": code.word(), "fault": code.whose(), "status": code.status().as_u16() }));
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Counterpart",
            "version": env!("CARGO_PKG_VERSION"),
            "description": words.say("document-is", &[]),
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/api/v1" }],
        "security": [{ "token": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
            "responses": { "error": {
                "description": words.say("document-error", &[]),
                "content": { "application/json": { "schema": error } },
            } },
            "schemas": defined,
        },
        "x-codes": codes.collect::<Vec<_>>(),
    })
}

fn operation(call: &Call, schemas: &mut Schemas, words: &Words) -> Value {
    let roles: Option<Vec<&str>> = call.needs.map(|needs| needs.roles().iter().map(|role| role.word()).collect());
    let answer = match &call.gives {
        Gives::View(shape) => json!({ "application/json": { "schema": shape(&mut schemas.answered) } }),
        Gives::Text(media) => json!({ *media: { "schema": { "type": "string" } } }),
    };
    let mut operation = json!({
        "operationId": call.name(),
        "summary": words.say(call.says, &[]),
        "parameters": parameters(call, schemas),
        "responses": {
            "200": { "description": words.say("document-done", &[]), "content": answer },
            "default": { "$ref": "#/components/responses/error" },
        },
    });
    if let Some(fields) = operation.as_object_mut() {
        match roles {
            // Anybody.
            None => fields.insert("security".into(), json!([])),
            Some(roles) => fields.insert("x-roles".into(), json!(roles)),
        };
        if let Some(shape) = call.takes {
            let media = if call.takes_lines { "application/x-ndjson" } else { "application/json" };
            let schema = shape(&mut schemas.sent);
            fields
                .insert("requestBody".into(), json!({ "required": true, "content": { media: { "schema": schema } } }));
        }
    }
    operation
}

/// What stands in the address of a call: names in its path, and its query.
fn parameters(call: &Call, schemas: &mut Schemas) -> Vec<Value> {
    let inside = call.path.split('{').skip(1).filter_map(|rest| rest.split('}').next());
    let text = json!({ "type": "string", "minLength": 1 });
    let mut all: Vec<Value> =
        inside.map(|name| json!({ "name": name, "in": "path", "required": true, "schema": text })).collect();
    let asked = call.asks.map(|shape| resolved(shape, &mut schemas.sent)).unwrap_or_default();
    for (name, schema) in asked.get("properties").and_then(Value::as_object).into_iter().flatten() {
        all.push(json!({ "name": name, "in": "query", "required": false, "schema": present(schema) }));
    }
    all
}

/// A field that may be absent, as it is when it is there: no address says null.
fn present(schema: &Value) -> Value {
    let mut schema = schema.clone();
    if let Some(kinds) = schema.get_mut("type")
        && let Some(kind) = kinds.as_array().and_then(|kinds| kinds.iter().find(|kind| *kind != "null").cloned())
    {
        *kinds = kind;
    }
    schema
}

/// The schema of a type itself; it stands among no others.
fn resolved(shape: Shape, schemas: &mut SchemaGenerator) -> Value {
    let schema = shape(schemas);
    let named = schema.get("$ref").and_then(Value::as_str).and_then(|path| path.rsplit('/').next().map(str::to_owned));
    named.and_then(|name| schemas.definitions_mut().remove(&name)).unwrap_or_else(|| schema.to_value())
}

/// The form of every act: one alternative for each, with the fields that it needs and takes and no others.
fn acts(form: &Value, words: &Words) -> Value {
    let fields = form.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
    let one = |spec: &super::form::Spec| {
        let named = ["line", "token"].iter().chain(spec.needs).chain(spec.takes);
        let mut properties: Map<String, Value> =
            named.filter_map(|name| Some(((*name).to_owned(), field(name, fields.get(*name)?)))).collect();
        properties.insert("act".into(), json!({ "const": spec.act }));
        let required: Vec<&str> = ["act"].iter().chain(spec.needs).copied().collect();
        json!({
            "type": "object",
            "title": spec.act,
            "properties": properties,
            "required": required,
            "additionalProperties": false,
        })
    };
    let all: Vec<Value> = SPECS.iter().map(one).collect();
    json!({ "description": words.say("document-acts", &[]), "oneOf": all })
}

/// A field of an act; if its words are a closed list, with them.
fn field(name: &str, schema: &Value) -> Value {
    let words = match name {
        "precedence" => Precedence::ALL.map(Precedence::word).to_vec(),
        "mark" => Mark::ALL.map(Mark::word).to_vec(),
        "mode" => Mode::ALL.iter().map(|mode| mode.word()).collect(),
        "code" => Reason::ALL.iter().map(|code| code.word()).collect(),
        "on_silence" => OnSilence::ALL.iter().map(|silence| silence.word()).collect(),
        "instrument" => Instrument::ALL.iter().map(|instrument| instrument.word()).collect(),
        "state" => LineState::ALL.iter().map(|state| state.word()).collect(),
        _ => return present(schema),
    };
    let mut schema = present(schema);
    if let Some(fields) = schema.as_object_mut() {
        fields.insert("enum".into(), json!(words));
    }
    schema
}

#[cfg(test)]
mod tests {
    use counterpart_core::act::Act;

    use super::*;

    fn document() -> Value {
        made(&calls(), &Words::english())
    }

    /// Every reference in a document.
    fn references(value: &Value) -> Vec<&str> {
        match value {
            Value::Object(fields) => {
                let own = fields.get("$ref").and_then(Value::as_str);
                own.into_iter().chain(fields.values().flat_map(references)).collect()
            }
            Value::Array(items) => items.iter().flat_map(references).collect(),
            _ => Vec::new(),
        }
    }

    #[test]
    fn every_reference_of_the_document_leads_to_a_part_of_it() {
        let document = document();

        let references = references(&document);
        assert!(references.len() > 50, "{}", references.len());
        for reference in references {
            let path = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(path).is_some(), "{reference}");
        }
    }

    #[test]
    fn the_document_names_every_act_with_its_fields() {
        let document = document();

        let acts = document.pointer("/components/schemas/ActForm/oneOf").and_then(Value::as_array).unwrap();
        let words: Vec<&str> = acts.iter().filter_map(|act| act.pointer("/properties/act/const")?.as_str()).collect();
        assert_eq!(words, SPECS.map(|spec| spec.act));
        assert_eq!(words.len(), Act::WORDS.len());
        let offer = acts.iter().find(|act| act["title"] == "offer").unwrap();
        assert_eq!(offer["required"], json!(["act", "on", "windows", "answer_by"]));
        assert_eq!(offer["properties"]["on_silence"]["enum"], json!(["lapses", "stands"]));
        assert_eq!(offer["properties"].as_object().unwrap().len(), 3 + 3 + 3, "act, line, token; needed; taken");
    }

    #[test]
    fn no_address_of_the_api_is_routed_past_the_list() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/api");
        let mut routing = Vec::new();
        for file in std::fs::read_dir(folder).unwrap().flatten().filter(|file| file.path().is_file()) {
            let text = std::fs::read_to_string(file.path()).unwrap();
            let shipped = text.split("#[cfg(test)]").next().unwrap_or_default();
            if shipped.contains(".route(") || shipped.contains(".route_service(") {
                routing.push(file.file_name().into_string().unwrap());
            }
        }

        assert_eq!(routing, ["call.rs"]);
        let listed = include_str!("calls.rs").matches("Call::").count();
        let document = document();
        let paths = document["paths"].as_object().unwrap().values();
        assert_eq!(paths.map(|path| path.as_object().unwrap().len()).sum::<usize>(), listed);
    }

    #[test]
    fn no_two_calls_have_one_name_or_one_place() {
        let all = calls();
        let mut names: Vec<&str> = all.iter().map(Call::name).collect();
        let mut places: Vec<(&str, &str)> = all.iter().map(|call| (call.path, call.method)).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all.len());
        places.sort_unstable();
        places.dedup();
        assert_eq!(places.len(), all.len());
    }
}
