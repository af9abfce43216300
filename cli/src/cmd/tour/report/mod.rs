//! `report.html`: the tour for a person. One page that loads nothing: pictures, sound and style are
//! in it, and its own policy forbids the rest. Every text from the file is escaped.

mod media;

use data_encoding::BASE64;
use hallmark_core::hash::Sha256;
use serde_json::Value;

use super::{
    Evidence, Tour,
    forgeries::{Forged, means},
    people::Seen,
    summary::{Outcome, Step, Summary},
};
use crate::cmd::piece::words;

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");

/// The page.
///
/// # Errors
/// When the provenance file cannot be read again.
pub(super) fn page(tour: &Tour<'_>) -> anyhow::Result<String> {
    let Tour { world, stage, evidence } = tour;
    let summary = Summary { steps: stage.steps() };
    let media = media::of_piece(&world.piece())?;
    let title = media.title.as_deref().unwrap_or("A piece that was not minted");
    let now = world.session.now();
    let count: Vec<String> = Outcome::ALL.iter().map(|o| outcome_entry(*o, &summary)).collect();
    let lead = format!(
        "A studio minted this piece from a folder of files, things happened to it, a buyer verified \
         it offline, and {} spoiled or forged copies were held against it. {} steps were played; \
         what each one checked is at the end of this page.",
        evidence.forged.len(),
        summary.steps.len()
    );
    let hash = BASE64.encode(Sha256::of(STYLE.as_bytes()).as_bytes());
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{hash}'; img-src data:; media-src data:; \
         base-uri 'none'; form-action 'none'"
    );
    let footer = format!(
        "Made by hallmark {} on {} (UTC). The people of this story, their names and their keys were \
         made up for it; the keys are gone.",
        env!("CARGO_PKG_VERSION"),
        now.date()
    );
    Ok(fill(&[
        ("policy", policy),
        ("style", STYLE.to_owned()),
        ("title", escape(title)),
        ("lead", escape(&lead)),
        ("failed", failed(&summary)),
        ("outcomes", count.concat()),
        ("notes", notes(stage.notes())),
        ("verdict", verdict(evidence, &media)),
        ("story", media.story.clone()),
        ("files", files(evidence)),
        ("history", history(evidence)),
        ("copies", copies(evidence)),
        ("steps", steps(stage.chapters())),
        ("footer", escape(&footer)),
    ]))
}

/// The page with each `{{name}}` replaced once; what is put in is not looked at again.
fn fill(values: &[(&str, String)]) -> String {
    let mut out = String::new();
    let mut rest = PAGE;
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, after) = after.split_once("}}").unwrap_or((after, ""));
        out += before;
        out += values.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value);
        rest = after;
    }
    out + rest
}

/// Text that can stand in an element or in a quoted attribute.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            '\'' => out += "&#39;",
            other => out.push(other),
        }
    }
    out
}

fn outcome_entry(outcome: Outcome, summary: &Summary<'_>) -> String {
    let number = summary.steps.iter().filter(|step| step.outcome == outcome).count();
    let says = match outcome {
        Outcome::Ok => "everything that was checked is so",
        Outcome::Refused => "asked for what must not be given, and not given it",
        Outcome::Caught => "changed or forged, and found out for the right reason",
        Outcome::Failed => "something that was checked is not so",
    };
    let name = outcome.name();
    format!("<div class=\"{name}\"><dt>{number} {name}</dt><dd>{says}</dd></div>")
}

fn failed(summary: &Summary<'_>) -> String {
    let failed: Vec<String> = summary
        .steps
        .iter()
        .filter(|step| step.outcome == Outcome::Failed)
        .map(|step| format!("<p>{}: {}</p>", escape(&step.name), escape(&step.checked)))
        .collect();
    if failed.is_empty() {
        return String::new();
    }
    format!(
        "<div class=\"alarm\" role=\"alert\"><p><strong>Not everything came out as it must.\
         </strong></p>{}</div>",
        failed.concat()
    )
}

fn notes(notes: &[String]) -> String {
    if notes.is_empty() {
        return String::new();
    }
    let list: Vec<String> = notes.iter().map(|note| format!("<p>{}</p>", escape(note))).collect();
    format!("<aside class=\"notes\" aria-label=\"Notes\">{}</aside>", list.concat())
}

fn verdict(evidence: &Evidence, media: &media::Media) -> String {
    let Some(seen) = &evidence.verdict else {
        return "<p>The story did not get this far.</p>".to_owned();
    };
    let axis = |title: &str, name: &str, more: String| {
        format!(
            "<div class=\"axis\"><h3>{title}: {}</h3><p>{}</p>{more}</div>",
            escape(seen.text(&format!("/{name}/state"))),
            escape(seen.text(&format!("/{name}/text")))
        )
    };
    let fingerprint = format!(
        "<p class=\"mono\">Fingerprint <code>{}</code></p>",
        escape(seen.text("/signer/fingerprint"))
    );
    let axes = axis("Integrity", "integrity", String::new())
        + &axis("Signer", "signer", fingerprint)
        + &axis("Freshness", "freshness", String::new());
    let price = evidence.price.as_ref().map(|price| {
        format!(
            "<p>Shown by the buyer to one person, with a disclosure: price {}. The price stands \
             nowhere in the file; the disclosure opens a sealed digest in it.</p>",
            escape(price)
        )
    });
    format!(
        "<div class=\"first\">{}<div>{axes}</div></div>{}<h3>Compare on the piece itself</h3>{}\
         <p class=\"small\">{}</p>{}",
        media.first_picture,
        claims(seen),
        compare(seen),
        escape(seen.text("/doesNotProve")),
        price.unwrap_or_default()
    )
}

fn claims(seen: &Seen) -> String {
    let rows = seen.list("/claims").iter().map(|claim| {
        let text = |field: &str| escape(claim[field].as_str().unwrap_or_default());
        let signed = match claim["signedBy"].as_str() {
            Some(name) => format!(", signed by {}", escape(name)),
            None => String::new(),
        };
        vec![
            text("says"),
            text("strength") + &signed,
            text("by"),
            format!("{} <span class=\"date\">({})</span>", text("rule"), text("date")),
        ]
    });
    let head = ["Claim", "How strong", "By", "Rule and date"];
    format!("<h3>Who says what</h3>{}", table("Claims", &head, rows))
}

fn compare(seen: &Seen) -> String {
    let items = seen.list("/compare").iter().map(|item| {
        let text = |field: &str| escape(item[field].as_str().unwrap_or_default());
        format!("<dt>{}</dt><dd>{}</dd>", text("what"), text("shouldBe"))
    });
    format!("<dl class=\"compare\">{}</dl>", items.collect::<String>())
}

fn files(evidence: &Evidence) -> String {
    let rows = evidence.files.iter().map(|file| {
        let said = match file.outcome.as_str() {
            "removed" => list(&file.removed),
            "clean" => "nothing to take out".to_owned(),
            "preserved" => {
                "kept as it is: a change would break the signature it carries".to_owned()
            }
            _ => "kept as it is: this program cannot read all of it".to_owned(),
        };
        let reveals = list(&file.reveals);
        vec![escape(&file.name), format!("<code>{}</code>", escape(&file.path)), said, reveals]
    });
    let reveals = evidence.files.iter().any(|file| !file.reveals.is_empty());
    let head = ["The studio's file", "In the provenance file", "Taken out", "Still reveals"];
    let kept = if reveals { 4 } else { 3 };
    let rows = rows.map(|mut row: Vec<String>| {
        row.truncate(kept);
        row
    });
    table("Files", &head[..kept], rows)
}

fn list(items: &[String]) -> String {
    if items.is_empty() {
        return String::new();
    }
    let items: String = items.iter().map(|item| format!("<li>{}</li>", escape(item))).collect();
    format!("<ul class=\"plain\">{items}</ul>")
}

fn history(evidence: &Evidence) -> String {
    let Some(seen) = &evidence.verdict else { return String::new() };
    let events = seen.list("/events").iter().map(|event| {
        let text = |value: &Value| escape(value.as_str().unwrap_or_default());
        let signers = event["signers"].as_array().map_or(&[][..], Vec::as_slice);
        let signers: Vec<String> = signers
            .iter()
            .map(|signer| match signer["pinnedAs"].as_str() {
                Some(name) => format!("{} ({})", text(&signer["role"]), escape(name)),
                None => text(&signer["role"]),
            })
            .collect();
        let date = event["occurred"].as_str().or(event["signed"].as_str()).unwrap_or_default();
        format!(
            "<li><p><strong>{}</strong> <span class=\"date\">{}</span></p><p>{}</p><p class=\"small\">Signed by {}</p></li>",
            escape(&capital(words(event["kind"].as_str().unwrap_or_default()))),
            escape(date.get(..10).unwrap_or(date)),
            text(&event["note"]),
            signers.join(" and ")
        )
    });
    format!("<ol class=\"history\">{}</ol>", events.collect::<String>())
}

/// The text with a capital first letter.
fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn copies(evidence: &Evidence) -> String {
    let copies = evidence.forged.iter().map(|forged| {
        let Forged { name, file, more, exit, outcome, said } = forged;
        let said: String = said.iter().map(|said| format!("<p>{}</p>", escape(said))).collect();
        let file = file.as_ref().map(|file| {
            let more = if more.is_empty() { String::new() } else { format!(", with {more}") };
            format!("<code>refused/{}</code>{}: ", escape(file), escape(&more))
        });
        format!(
            "<li><p><span class=\"chip {0}\">{0}</span></p><h3>{1}</h3>{said}\
             <p class=\"exit\">{2}exit code {exit}, {3}</p></li>",
            outcome.name(),
            escape(name),
            file.unwrap_or_default(),
            means(*exit)
        )
    });
    format!("<ul class=\"copies\">{}</ul>", copies.collect::<String>())
}

fn steps<'a>(chapters: impl Iterator<Item = (&'static str, &'a [Step])>) -> String {
    let mut body = String::new();
    for (title, steps) in chapters {
        body += &format!(
            "<tr class=\"chapter\"><th colspan=\"4\" scope=\"rowgroup\">{}</th></tr>",
            escape(title)
        );
        for step in steps {
            body += &format!(
                "<tr><td><span class=\"chip {0}\">{0}</span></td><th scope=\"row\">{1}</th>\
                 <td>{2}</td><td class=\"n\" data-l=\"took\">{3}&#8239;ms</td></tr>",
                step.outcome.name(),
                escape(&step.name),
                escape(&step.checked),
                step.ms
            );
        }
    }
    format!(
        "<div class=\"table\"><table class=\"stack\"><thead><tr><th scope=\"col\">Outcome</th>\
         <th scope=\"col\">Step</th><th scope=\"col\">What was checked</th>\
         <th scope=\"col\" class=\"n\">Took</th></tr></thead><tbody>{body}</tbody></table></div>"
    )
}

/// A table that stacks on a narrow screen; cells are HTML, the first names its row.
fn table(label: &str, head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let heads: String = head.iter().map(|h| format!("<th scope=\"col\">{h}</th>")).collect();
    let body: String = rows
        .map(|cells| {
            let cells = cells.iter().zip(head).enumerate().map(|(at, (cell, head))| match at {
                0 => format!("<th scope=\"row\">{cell}</th>"),
                _ => format!("<td data-l=\"{head}\">{cell}</td>"),
            });
            format!("<tr>{}</tr>", cells.collect::<String>())
        })
        .collect();
    format!(
        "<div class=\"table\"><table class=\"stack\" aria-label=\"{label}\"><thead><tr>{heads}</tr>\
         </thead><tbody>{body}</tbody></table></div>"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_a_file_becomes_markup() {
        assert_eq!(
            escape("<img src=\"x\" onerror='y'>&"),
            "&lt;img src=&quot;x&quot; onerror=&#39;y&#39;&gt;&amp;"
        );
    }

    #[test]
    fn what_is_put_in_is_not_looked_at_again() {
        let page = fill(&[("title", "{{style}}".to_owned()), ("style", "body{}".to_owned())]);
        assert!(page.contains("<h1>{{style}}</h1>") && page.contains("<style>body{}</style>"));
    }

    #[test]
    fn the_page_names_nothing_outside_itself() {
        for text in [PAGE, STYLE] {
            assert!(!text.contains("http://") && !text.contains("https://"));
            assert!(!text.contains("url(") && !text.contains("<script"));
        }
    }
}
