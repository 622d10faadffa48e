//! A host's own OpenAPI description, as the judge over both sides: what is asked, and what is answered.
//!
//! Stricter than the description: a parameter or a top-level field that it does not know is a violation, too. An error
//! that an operation does not list is let pass (hosts list few), its shape is not.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use jsonschema::Validator;
use serde_json::{Value, json};

use super::http::{Answer, Request};
use super::schema::close;
use crate::error::{Doing, LabResult};

/// The description of a host's API: OpenAPI 3.0 or Swagger 2.0, as JSON.
pub struct Description {
    text: Value,
    operations: Vec<Operation>,
    /// Compiled schemas, by operation and place.
    compiled: Mutex<HashMap<String, Arc<Validator>>>,
}

impl std::fmt::Debug for Description {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Description of {} operations", self.operations.len())
    }
}

#[derive(Debug)]
struct Operation {
    method: String,
    template: String,
    segments: Vec<Segment>,
    parameters: Vec<Parameter>,
    body: Option<Body>,
    responses: Vec<(String, Option<Value>)>,
}

#[derive(Debug, PartialEq, Eq)]
enum Segment {
    Is(String),
    Any,
}

#[derive(Debug)]
struct Parameter {
    name: String,
    required: bool,
    schema: Value,
}

#[derive(Debug)]
struct Body {
    required: bool,
    schema: Value,
}

impl Description {
    /// Reads one.
    ///
    /// # Errors
    /// When the file is no JSON.
    pub fn read(path: &Path) -> LabResult<Self> {
        let what = || format!("read the description `{}`", path.display());
        let text = std::fs::read(path).doing(what)?;
        Ok(Self::new(serde_json::from_slice(&text).doing(what)?))
    }

    /// Takes one that was read.
    #[must_use]
    pub fn new(text: Value) -> Self {
        let mut operations = Vec::new();
        for (template, methods) in text["paths"].as_object().into_iter().flatten() {
            for method in ["get", "post", "put", "patch", "delete"] {
                if let Some(operation) = methods.get(method) {
                    operations.push(read_operation(&text, template, method, methods, operation));
                }
            }
        }
        Self { text, operations, compiled: Mutex::default() }
    }

    /// What is wrong with a request of the API. `path` is the request's own, below the API's root.
    #[must_use]
    pub fn judge_request(&self, path: &str, request: &Request) -> Vec<String> {
        let Some(operation) = self.operation(&request.method, path) else {
            return vec![format!("{} {path} is no operation of the API", request.method)];
        };
        let place = operation.name();
        let mut wrong = Vec::new();
        for (name, value) in &request.query {
            // `a[]=1` is how lists are written.
            let plain = name.trim_end_matches("[]");
            let known = operation
                .parameters
                .iter()
                .find(|parameter| parameter.name == *name || parameter.name.trim_end_matches("[]") == plain);
            let Some(known) = known else {
                wrong.push(format!("{place} has no parameter `{name}`"));
                continue;
            };
            let key = format!("{place} ?{name}");
            if guesses(value).iter().all(|value| !self.faults(&key, &known.schema, value).is_empty()) {
                wrong.push(format!("{place}: `{name}={value}` is not what the parameter takes"));
            }
        }
        for parameter in operation.parameters.iter().filter(|parameter| parameter.required) {
            if request.query(&parameter.name).is_none() {
                wrong.push(format!("{place} needs the parameter `{}`", parameter.name));
            }
        }
        match (&operation.body, request.body.is_empty()) {
            (None, false) if request.json() != json!({}) && !request.json().is_null() => {
                wrong.push(format!("{place} takes no body"));
            }
            (Some(body), true) if body.required => wrong.push(format!("{place} needs a body")),
            (Some(body), false) => {
                let value = request.json();
                if value.is_null() && request.body != b"null" {
                    wrong.push(format!("{place}: the body is no JSON"));
                }
                let key = format!("{place} body");
                wrong.extend(self.faults(&key, &body.schema, &value).iter().map(|fault| format!("{key}: {fault}")));
                for name in value.as_object().into_iter().flatten().map(|(name, _)| name) {
                    if fields(&self.text, &body.schema).is_some_and(|known| !known.contains(name)) {
                        wrong.push(format!("{key}: there is no field `{name}`"));
                    }
                }
            }
            _ => {}
        }
        wrong
    }

    /// What is wrong with the answer to a request.
    #[must_use]
    pub fn judge_answer(&self, path: &str, request: &Request, answer: &Answer) -> Vec<String> {
        let Some(operation) = self.operation(&request.method, path) else { return Vec::new() };
        let place = format!("the answer {} to {}", answer.status, operation.name());
        // Every GET may be asked on condition.
        if answer.status == 304 && request.header("if-none-match").is_some() {
            return Vec::new();
        }
        let listed = operation.responses.iter().find(|(status, _)| *status == answer.status.to_string());
        let Some((_, schema)) = listed else {
            let wrong = answer.is_success() || answer.status == 304;
            return if wrong { vec![format!("{place} is none that it gives")] } else { Vec::new() };
        };
        let Some(schema) = schema else {
            let wrong = answer.is_success() && !answer.body.is_empty();
            return if wrong { vec![format!("{place} has a body and shall have none")] } else { Vec::new() };
        };
        let Ok(body) = serde_json::from_slice::<Value>(&answer.body) else {
            return vec![format!("{place} is no JSON")];
        };
        self.faults(&place, schema, &body).into_iter().map(|fault| format!("{place}: {fault}")).collect()
    }

    /// Says which operation a request is, as the description writes its path; for counting.
    #[must_use]
    pub fn name_of(&self, method: &str, path: &str) -> Option<String> {
        self.operation(method, path).map(Operation::name)
    }

    fn operation(&self, method: &str, path: &str) -> Option<&Operation> {
        let segments: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let fits = |operation: &&Operation| {
            operation.method.eq_ignore_ascii_case(method)
                && operation.segments.len() == segments.len()
                && operation.segments.iter().zip(&segments).all(|(known, part)| match known {
                    Segment::Is(text) => text == part,
                    Segment::Any => true,
                })
        };
        // `/user/{id}` and `/user/keys`: the more is said, the better it fits.
        let said = |operation: &&Operation| operation.segments.iter().filter(|part| **part != Segment::Any).count();
        self.operations.iter().filter(fits).max_by_key(said)
    }

    fn faults(&self, key: &str, schema: &Value, value: &Value) -> Vec<String> {
        let known = self.compiled.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned();
        let validator = match known {
            Some(validator) => validator,
            None => {
                let document = close(schema, &self.text);
                let built = jsonschema::options()
                    .with_draft(jsonschema::Draft::Draft202012)
                    .should_validate_formats(true)
                    .build(&document);
                match built {
                    Ok(validator) => {
                        let validator = Arc::new(validator);
                        let mut compiled = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
                        compiled.insert(key.to_owned(), Arc::clone(&validator));
                        validator
                    }
                    Err(error) => return vec![format!("the description's own schema is broken: {error}")],
                }
            }
        };
        let say = |error: jsonschema::ValidationError<'_>| {
            let mut text = error.to_string();
            if let Some((end, _)) = text.char_indices().nth(400) {
                text.truncate(end);
            }
            format!("at `{}`: {text}", error.instance_path())
        };
        validator.iter_errors(value).take(5).map(say).collect()
    }
}

impl Operation {
    fn name(&self) -> String {
        format!("{} {}", self.method.to_uppercase(), self.template)
    }
}

fn read_operation(text: &Value, template: &str, method: &str, methods: &Value, operation: &Value) -> Operation {
    let segment = |part: &str| if part.starts_with('{') { Segment::Any } else { Segment::Is(part.to_owned()) };
    let own = operation["parameters"].as_array().into_iter().flatten();
    let shared = methods["parameters"].as_array().into_iter().flatten();
    let (mut parameters, mut body, mut form) = (Vec::new(), None, serde_json::Map::new());
    let mut form_needs = Vec::new();
    for parameter in own.chain(shared).map(|parameter| resolve(text, parameter)) {
        let name = parameter["name"].as_str().unwrap_or_default().to_owned();
        let required = parameter["required"] == true;
        // Swagger 2.0 writes the type beside the name.
        let schema = parameter.get("schema").unwrap_or(parameter).clone();
        match parameter["in"].as_str() {
            Some("query") => parameters.push(Parameter { name, required, schema }),
            Some("body") => body = Some(Body { required, schema }),
            Some("formData") => {
                if required {
                    form_needs.push(name.clone());
                }
                form.insert(name, plain(&schema));
            }
            _ => {}
        }
    }
    if !form.is_empty() {
        let schema = json!({"type": "object", "properties": form, "required": form_needs});
        body = Some(Body { required: !form_needs.is_empty(), schema });
    }
    if let Some(described) = operation.get("requestBody").map(|described| resolve(text, described)) {
        let schema = described["content"]["application/json"]["schema"].clone();
        let schema = if schema.is_null() { json!({}) } else { schema };
        body = Some(Body { required: described["required"] == true, schema });
    }
    let responses = operation["responses"].as_object().into_iter().flatten().map(|(status, response)| {
        let response = resolve(text, response);
        let content = &response["content"];
        let json = content.as_object().into_iter().flatten().find(|(name, _)| name.contains("json"));
        let schema = json.map(|(_, content)| &content["schema"]).or_else(|| response.get("schema"));
        (status.clone(), schema.cloned())
    });
    Operation {
        method: method.to_owned(),
        template: template.to_owned(),
        segments: template.split('/').filter(|part| !part.is_empty()).map(segment).collect(),
        parameters,
        body,
        responses: responses.collect(),
    }
}

/// A parameter of Swagger 2.0 without what is no schema.
fn plain(parameter: &Value) -> Value {
    let mut schema = parameter.clone();
    if let Some(object) = schema.as_object_mut() {
        for key in ["in", "name", "required", "collectionFormat"] {
            object.remove(key);
        }
    }
    schema
}

fn resolve<'a>(text: &'a Value, value: &'a Value) -> &'a Value {
    let target = value.get("$ref").and_then(Value::as_str);
    target.and_then(|target| text.pointer(target.trim_start_matches('#'))).unwrap_or(value)
}

/// The fields that an object may have, when the schema says so plainly.
fn fields(text: &Value, schema: &Value) -> Option<Vec<String>> {
    let schema = resolve(text, schema);
    let plain = ["allOf", "anyOf", "oneOf"].iter().all(|word| schema.get(*word).is_none());
    let open = schema.get("additionalProperties").is_some_and(|value| *value != Value::Bool(false));
    let known = schema.get("properties").and_then(Value::as_object).filter(|_| plain && !open)?;
    Some(known.keys().cloned().collect())
}

/// What a parameter's text may stand for.
fn guesses(text: &str) -> Vec<Value> {
    let mut values = vec![json!(text)];
    values.extend(text.parse::<i64>().map(|number| json!(number)));
    values.extend(text.parse::<bool>().map(|flag| json!(flag)));
    values.push(json!([text]));
    values.push(text.split(',').collect());
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    fn description() -> Description {
        Description::new(json!({"paths": {
            "/things/{id}": {"get": {
                "parameters": [{"$ref": "#/components/parameters/size"}],
                "responses": {"200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/thing"}}}}},
            }},
            "/things": {"post": {
                "requestBody": {"required": true, "content": {"application/json": {"schema":
                    {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}}}},
                "responses": {"201": {}, "404": {}},
            }},
        }, "components": {
            "parameters": {"size": {"name": "size", "in": "query", "schema": {"type": "integer", "maximum": 10}}},
            "schemas": {"thing": {"type": "object", "properties": {"name": {"type": "string", "nullable": true}}}},
        }}))
    }

    fn request(method: &str, query: &[(&str, &str)], body: &Value) -> Request {
        Request {
            method: method.to_owned(),
            path: String::new(),
            query: query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            headers: Vec::new(),
            body: if body.is_null() { Vec::new() } else { body.to_string().into_bytes() },
        }
    }

    #[test]
    fn a_request_is_judged_by_its_parameters_and_its_body() {
        let description = description();
        let judge = |path: &str, request: &Request| description.judge_request(path, request).join("; ");
        assert_eq!(judge("/things/1", &request("GET", &[("size", "5")], &Value::Null)), "");
        assert!(judge("/things/1", &request("GET", &[("size", "11")], &Value::Null)).contains("`size=11`"));
        assert!(judge("/things/1", &request("GET", &[("page", "1")], &Value::Null)).contains("no parameter `page`"));
        assert!(judge("/thing", &request("GET", &[], &Value::Null)).contains("no operation"));
        assert_eq!(judge("/things", &request("POST", &[], &json!({"name": "a"}))), "");
        assert!(judge("/things", &request("POST", &[], &json!({"name": 1}))).contains("at `/name`"));
        assert!(judge("/things", &request("POST", &[], &json!({"name": "a", "do": 1}))).contains("no field `do`"));
        assert!(judge("/things", &request("POST", &[], &Value::Null)).contains("needs a body"));
    }

    #[test]
    fn an_answer_is_judged_by_its_status_and_its_body() {
        let description = description();
        let get = request("GET", &[], &Value::Null);
        let judge = |answer: &Answer| description.judge_answer("/things/1", &get, answer).join("; ");
        assert_eq!(judge(&Answer::json(200, &json!({"name": null}))), "");
        assert!(judge(&Answer::json(200, &json!({"name": 1}))).contains("at `/name`"));
        assert!(judge(&Answer::json(201, &json!({}))).contains("none that it gives"));
        assert_eq!(judge(&Answer::json(404, &json!({}))), "");
    }
}
