//! `/openapi.json`: an OpenAPI 3.1 description, made from the route tables themselves.
//!
//! What a route table cannot say (the documents that go in and come out, and the statuses) has a
//! row for each operation. A test fails if an operation has no row. Rejected: a file written by
//! hand (it would be right for a week), and a crate of attributes (there are no handlers to put
//! them on).

mod examples;
mod operations;
mod schemas;

use super::error::{self, DONE};
use super::route::{self, Resource};
use operations::Operation;
use serde_json::{Map, Value, json};

/// The description of the resources that a host serves.
#[derive(Debug)]
pub struct Description {
    paths: Map<String, Value>,
}

impl Description {
    /// Describes the contract's own resources.
    pub fn of_the_contract() -> Description {
        let paths = Map::new();
        Description { paths }.with(route::TABLE).with(route::BY_KEY)
    }

    /// Describes the resources of `table` too.
    #[must_use]
    pub fn with<R>(mut self, table: &[Resource<R>]) -> Description {
        for resource in table {
            let path = self.paths.entry(resource.path).or_insert_with(|| json!({}));
            for (method, _) in resource.methods {
                path[method.to_lowercase()] = operation(resource.path, method);
            }
        }
        self
    }

    /// The description as JSON, for a host that serves the resources below `prefix`; an empty one
    /// is the root.
    pub fn text(self, prefix: &str) -> String {
        let mut description = self.document();
        if !prefix.is_empty() {
            description["servers"] = json!([{ "url": prefix }]);
        }
        description.to_string()
    }

    fn document(self) -> Value {
        json!({
            "openapi": "3.1.0",
            "info": {
                "title": "switchboard: the MindLink REST API",
                "version": env!("CARGO_PKG_VERSION"),
                "description": "Log in with POST /Authentication/v1/Tokens and send `Authorization: FCF <token>` with \
                                every other request. Ids in paths are percent-encoded, slashes included. Every answer \
                                other than a success is an Error, in the format that was asked for; a client that did \
                                not come this way may hear 405. All documents are also spoken in XML, to `Accept` or \
                                `Content-Type: application/xml`; this description has the JSON.",
            },
            "security": [{ "token": [] }],
            "paths": self.paths,
            "components": {
                "securitySchemes": { "token": {
                    "type": "apiKey", "in": "header", "name": "Authorization",
                    "description": "FCF, a blank, and the token",
                } },
                "schemas": schemas::all(),
            },
        })
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
    let mut response = json!({ "description": error::reason(status) });
    let schema = if error::is_failure(status) {
        "Error"
    } else {
        answer
    };
    if (status == DONE && !answer.is_empty()) || error::is_failure(status) {
        response["content"] = json!({ "application/json": { "schema": schemas::schema(schema) } });
    }
    let number = |least: u8| json!({ "type": "integer", "minimum": least });
    if error::is_temporary(status) && path != "/readyz" {
        response["headers"] = json!({ "Retry-After": {
            "description": "seconds until it is worth coming again", "required": true, "schema": number(1),
        } });
    }
    if status == DONE && path == "/Collaboration/v1/Events" {
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
pub(crate) use operations::TABLE as OPERATIONS;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reference_leads_somewhere() {
        let description = Description::of_the_contract().document();
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
