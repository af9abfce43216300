//! Every refusal is one that the OpenAPI document lists for that very operation.

use axum::http::Method;
use hallmark_core::problem::Code;
use serde_json::Value;

use super::Answer;

/// Addresses that answer and are no operations: they describe the others.
const DESCRIPTIONS: [&str; 2] = ["/openapi.json", "/reference"];

/// Fails unless the document lists this refusal for the operation at this path.
#[track_caller]
pub fn check(document: &Value, method: &Method, path: &str, answer: &Answer) {
    let paths = document["paths"].as_object().unwrap();
    let Some((template, operations)) = paths.iter().find(|(template, _)| fits(template, path))
    else {
        let expected = if DESCRIPTIONS.contains(&path) { Code::Method } else { Code::NotFound };
        assert_eq!(answer.code(), expected, "{method} {path} is not documented");
        return;
    };
    let is_head = method == Method::HEAD;
    let name = if is_head { "get".to_owned() } else { method.as_str().to_lowercase() };
    let Some(operation) = operations.get(&name) else {
        assert_eq!(answer.code(), Code::Method, "{method} {template} is not documented");
        return;
    };
    let listed = operation["responses"][answer.status.as_str()]["description"].as_str();
    let Some(listed) = listed else {
        panic!("{method} {template} does not list the status {}: {answer:?}", answer.status);
    };
    // The answer to HEAD is the one to GET, without its body.
    if !is_head {
        let code = answer.code();
        let is_listed = listed.split('`').skip(1).step_by(2).any(|one| one == code.as_str());
        assert!(is_listed, "{method} {template} does not list {code}: {listed}");
    }
}

/// Whether a path is one of a template: each `{name}` is one segment.
fn fits(template: &str, path: &str) -> bool {
    let (template, path) = (template.split('/'), path.split('/'));
    template.clone().count() == path.clone().count()
        && template.zip(path).all(|(expected, segment)| {
            if expected.starts_with('{') { !segment.is_empty() } else { expected == segment }
        })
}
