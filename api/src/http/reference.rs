//! The reference page: the OpenAPI document as one HTML page, made once, without scripts.

use std::fmt::Write;

use data_encoding::BASE64;
use hallmark_core::{hash::Sha256, json::Value, problem::Code};

const STYLE: &str = include_str!("../../web/reference.css");

/// The page and the policy it needs (CSP): its own style, nothing else.
pub(super) fn page(document: &Value) -> (String, String) {
    let mut body = String::new();
    section(&mut body, document);
    let title = text(&document["info"]["title"]);
    let page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>{STYLE}</style>\n<main>\n{body}</main>\n</html>\n"
    );
    let style = BASE64.encode(Sha256::of(STYLE.as_bytes()).as_bytes());
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'"
    );
    (page, policy)
}

fn section(out: &mut String, document: &Value) {
    let info = &document["info"];
    write(
        out,
        &format!("<h1>{}</h1>\n<p>{}</p>\n", text(&info["title"]), text(&info["description"])),
    );
    write(out, "<p>The same for programs: <a href=\"/openapi.json\">/openapi.json</a></p>\n");
    let signature = &document["components"]["securitySchemes"]["signature"];
    let words = code_spans(&text(&signature["description"]));
    write(out, &format!("<h2 id=\"signing\">Signing requests</h2>\n<p>{words}</p>\n"));
    write(out, "<h2 id=\"operations\">Operations</h2>\n");
    write(out, &contents(document));
    for (path, methods) in fields(&document["paths"]) {
        for (method, operation) in fields(methods) {
            write(out, &one_operation(path, method, operation));
        }
    }
    write(out, &refusals());
    write(out, "<h2 id=\"types\">Types</h2>\n");
    for (name, schema) in fields(&document["components"]["schemas"]) {
        let schema = serde_json::to_string_pretty(schema).unwrap_or_default();
        let schema = escape(&schema);
        write(
            out,
            &format!(
                "<details id=\"{name}\"><summary><code>{name}</code></summary>\
                 <pre>{schema}</pre></details>\n"
            ),
        );
    }
}

/// A line for each operation, to find it by.
fn contents(document: &Value) -> String {
    let mut out = "<ul>\n".to_owned();
    for (path, methods) in fields(&document["paths"]) {
        for (method, operation) in fields(methods) {
            let (id, summary) = (text(&operation["operationId"]), text(&operation["summary"]));
            let (method, path) = (method.to_ascii_uppercase(), escape(path));
            let line =
                format!("<li><a href=\"#{id}\">{method} <code>{path}</code></a> {summary}</li>\n");
            write(&mut out, &line);
        }
    }
    write(&mut out, "</ul>\n");
    out
}

/// What each code of a refusal stands for.
fn refusals() -> String {
    let mut out = "<h2 id=\"refusals\">Refusals</h2>\n<p>A refusal is a <a href=\"#Problem\">\
                   Problem</a> (RFC 9457). Programs go by the end of its <code>type</code>:</p>\n\
                   <table>\n"
        .to_owned();
    for code in Code::ALL {
        let (status, title) = (code.status(), escape(code.title()));
        let row = format!(
            "<tr id=\"{code}\"><th>{status}</th><td><code>{code}</code></td><td>{title}</td></tr>\n"
        );
        write(&mut out, &row);
    }
    write(&mut out, "</table>\n");
    out
}

fn one_operation(path: &str, method: &str, operation: &Value) -> String {
    let mut out = String::new();
    let id = text(&operation["operationId"]);
    write(
        &mut out,
        &format!(
            "<article id=\"{id}\"><h3><span>{}</span> <code>{}</code></h3>\n<p>{}</p>\n",
            method.to_ascii_uppercase(),
            escape(path),
            text(&operation["summary"])
        ),
    );
    let description = text(&operation["description"]);
    if !description.is_empty() {
        write(&mut out, &format!("<p>{description}</p>\n"));
    }
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        let (name, words) = (text(&parameter["name"]), text(&parameter["description"]));
        let optional = if parameter["required"] == true { "" } else { " May be left out." };
        write(&mut out, &format!("<p><code>{name}</code> {words}{optional}</p>\n"));
    }
    let body = named(&operation["requestBody"]["content"]);
    if !body.is_empty() {
        write(&mut out, &format!("<p>Body: {body}</p>\n"));
    }
    let (done, refused): (Vec<_>, Vec<_>) =
        fields(&operation["responses"]).partition(|(status, _)| status.starts_with('2'));
    write(&mut out, "<table>\n");
    for (status, answer) in done {
        let words = code_spans(&text(&answer["description"]));
        let kind = named(&answer["content"]);
        write(&mut out, &format!("<tr><th>{status}</th><td>{words}</td><td>{kind}</td></tr>\n"));
    }
    write(&mut out, "</table>\n<details><summary>Refusals</summary><table>\n");
    for (status, answer) in refused {
        let codes = linked_codes(answer["description"].as_str().unwrap_or_default());
        write(&mut out, &format!("<tr><th>{status}</th><td>{codes}</td></tr>\n"));
    }
    write(&mut out, "</table></details></article>\n");
    out
}

/// The codes of a refusal's description, each linked to what it stands for.
fn linked_codes(description: &str) -> String {
    let codes = description.split('`').skip(1).step_by(2).map(escape);
    let links = codes.map(|code| format!("<a href=\"#{code}\"><code>{code}</code></a>"));
    links.collect::<Vec<_>>().join(", ")
}

/// A link to the schema of a body, or its media type.
fn named(content: &Value) -> String {
    let Some((media_type, body)) = fields(content).next() else { return String::new() };
    match body["schema"]["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
        Some(name) => format!("<a href=\"#{name}\">{name}</a>", name = escape(name)),
        None => format!("<code>{}</code>", escape(media_type)),
    }
}

fn fields(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

/// A text of the document, safe in HTML.
fn text(value: &Value) -> String {
    escape(value.as_str().unwrap_or_default())
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// What stands between backquotes, as code.
fn code_spans(escaped: &str) -> String {
    let mut out = String::new();
    for (at, part) in escaped.split('`').enumerate() {
        let part = if at % 2 == 1 { format!("<code>{part}</code>") } else { part.to_owned() };
        out.push_str(&part);
    }
    out
}

fn write(out: &mut String, text: &str) {
    // Writing to a string cannot fail.
    let _ = out.write_str(text);
}
