//! `/openapi.json`: an OpenAPI 3.1 description, made from the route tables themselves.
//!
//! What a table cannot say (which document goes in, which comes out, which statuses) is said here once per operation,
//! by its method and path; an operation without a row is a test's failure, not a gap in the description. Rejected: a
//! file written by hand (it would be right for a week), and a crate of attributes (there are no handlers to put them on).

mod examples;
mod operations;
mod schemas;

use crate::{control, operator};
use operations::Operation;
use serde_json::{Map, Value, json};
use switchboard::wire::route::{self, Resource};

/// The whole description, as this gateway serves it.
pub(crate) fn description(with_control: bool) -> Value {
    let mut paths = Map::new();
    describe(&mut paths, route::TABLE);
    describe(&mut paths, operator::TABLE);
    if with_control {
        describe(&mut paths, control::TABLE);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "switchboard: the MindLink REST API",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Log in with POST /Authentication/v1/Tokens and send `Authorization: FCF <token>` with every \
                            other request. Ids in paths are percent-encoded, slashes included. Every answer other than a \
                            success is an Error, in the format that was asked for; a client that did not come this way \
                            may hear 405. All documents are also spoken in XML, to `Accept` or `Content-Type: \
                            application/xml`; this description has the JSON.",
        },
        "security": [{ "token": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": { "token": {
                "type": "apiKey", "in": "header", "name": "Authorization", "description": "FCF, a blank, and the token",
            } },
            "schemas": schemas::all(),
        },
    })
}

fn describe<R>(paths: &mut Map<String, Value>, table: &[Resource<R>]) {
    for resource in table {
        let mut path = Map::new();
        for (method, _) in resource.methods {
            path.insert(method.to_lowercase(), operation(resource.path, method));
        }
        paths.insert(resource.path.to_owned(), path.into());
    }
}

fn operation(path: &str, method: &str) -> Value {
    let known = operations::TABLE
        .iter()
        .find(|one| one.method == method && one.path == path);
    let Some(Operation {
        summary,
        query,
        body,
        answer,
        statuses,
        ..
    }) = known
    else {
        return json!({ "summary": "Not described yet.", "responses": { "default": { "description": "Anything" } } });
    };
    let mut parameters: Vec<Value> = variables(path)
        .map(|name| {
            parameter(
                name,
                "path",
                true,
                json!({ "type": "string", "minLength": 1 }),
            )
        })
        .collect();
    parameters.extend(query.iter().map(|(name, required, schema)| {
        let place = if *name == "Idempotency-Key" {
            "header"
        } else {
            "query"
        };
        parameter(name, place, *required, schemas::schema(schema))
    }));
    let mut responses = Map::new();
    for status in statuses.iter().chain(operations::beside(path, body)) {
        responses.insert(status.to_string(), response(path, *status, answer));
    }
    let mut operation =
        json!({ "summary": summary, "parameters": parameters, "responses": responses });
    if !body.is_empty() {
        let kind = if *body == "bytes" {
            "application/octet-stream"
        } else {
            "application/json"
        };
        operation["requestBody"] =
            json!({ "required": true, "content": { kind: { "schema": schemas::schema(body) } } });
    }
    if operations::is_public(path) {
        operation["security"] = json!([]);
    }
    operation
}

fn parameter(name: &str, place: &str, required: bool, schema: Value) -> Value {
    let mut parameter =
        json!({ "name": name, "in": place, "required": required, "schema": schema });
    if let Some(example) = examples::parameter(name) {
        parameter["example"] = example;
    }
    parameter
}

fn response(path: &str, status: u16, answer: &str) -> Value {
    let mut response = json!({ "description": switchboard::wire::error::reason(status) });
    let schema = if status >= 400 { "Error" } else { answer };
    if (status == 200 && !answer.is_empty()) || status >= 400 {
        response["content"] = json!({ "application/json": { "schema": schemas::schema(schema) } });
    }
    let number = |least: u8| json!({ "type": "integer", "minimum": least });
    if matches!(status, 429 | 503) && path != "/readyz" {
        response["headers"] = json!({ "Retry-After": {
            "description": "seconds until it is worth coming again", "required": true, "schema": number(1),
        } });
    }
    if status == 200 && path == "/Collaboration/v1/Events" {
        response["headers"] = json!({
            "Switchboard-Last-Event": { "description": "how far the answer looked", "required": true, "schema": number(0) },
            "Switchboard-Gap": {
                "description": "true: retention dropped something before it was read", "schema": { "type": "boolean" },
            },
        });
    }
    response
}

/// The names of a path's variables.
fn variables(path: &str) -> impl Iterator<Item = &str> {
    path.split('/')
        .filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_of_the_tables_is_described_and_no_other() {
        let description = description(true);
        let mut served = Vec::new();
        for (path, methods) in description["paths"].as_object().expect("paths") {
            for (method, operation) in methods.as_object().expect("methods") {
                assert!(
                    operation["responses"]["200"].is_object()
                        || operation["responses"]["204"].is_object(),
                    "{method} {path}"
                );
                served.push((method.to_uppercase(), path.clone()));
            }
        }
        for one in operations::TABLE {
            assert!(
                served.contains(&(one.method.to_owned(), one.path.to_owned())),
                "{} {}",
                one.method,
                one.path
            );
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let description = description(true);
        let text = description.to_string();
        for part in text.split("#/components/schemas/").skip(1) {
            let name = part.split('"').next().unwrap_or_default();
            assert!(
                description["components"]["schemas"][name].is_object(),
                "{name}"
            );
        }
    }
}
