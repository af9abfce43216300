//! Pictures, sound and notes of a provenance file, as HTML that carries them along.

use std::path::Path;

use data_encoding::BASE64;
use hallmark_vault::provenance::part::Part;

use super::{super::container::Original, escape};

/// Bytes of parts that one page carries at most, before base64 makes a third more of them.
const PAGE_BYTES: u64 = 4_200_000;
/// The longest note that is shown, bytes.
const NOTE_BYTES: u64 = 64 * 1024;

/// What a page shows of a piece.
#[derive(Default)]
pub(super) struct Media {
    /// What the piece is called; nothing where there is none.
    pub(super) title: Option<String>,
    /// The first picture, as HTML.
    pub(super) first_picture: String,
    /// The story in its order, as HTML.
    pub(super) story: String,
}

/// Reads the piece's parts.
///
/// # Errors
/// When the file is there and cannot be read.
pub(super) fn of_piece(path: &Path) -> anyhow::Result<Media> {
    if !path.exists() {
        return Ok(Media::default());
    }
    let original = Original::open(path)?;
    let mut left = PAGE_BYTES;
    let piece = original.file.piece();
    let parts: Vec<&Part> = original.file.parts().collect();
    let first = parts.iter().find(|part| is_picture(part));
    let first_picture = match first {
        Some(part) => figure("div", part, shown(&original, part, &mut left)?),
        None => String::new(),
    };
    let told = piece.story.iter().filter_map(|path| parts.iter().find(|part| part.path == *path));
    // Certificates are no part of the story; they come behind it.
    let untold = parts.iter().filter(|part| !piece.story.contains(&part.path));
    let mut items = Vec::new();
    for part in told.chain(untold) {
        // The first picture is shown above already.
        if first.is_none_or(|first| first.path != part.path) {
            items.push(figure("li", part, shown(&original, part, &mut left)?));
        }
    }
    Ok(Media {
        title: Some(piece.title.to_string()),
        first_picture,
        story: match items.as_slice() {
            [] => "<p>The picture above is all there is.</p>".to_owned(),
            items => format!(
                "<p>In the order the studio gave it, after the picture above. What you see and hear was \
                 unpacked from the signed file.</p>\n<ol class=\"story\">{}</ol>",
                items.concat()
            ),
        },
    })
}

fn is_picture(part: &Part) -> bool {
    matches!(part.media_type.as_str(), "image/jpeg" | "image/png" | "image/webp" | "image/avif")
}

fn title(part: &Part) -> String {
    let name = part.title.as_ref().map_or_else(|| part.path.to_string(), ToString::to_string);
    escape(&name)
}

/// A part with its caption, in an element of that name.
fn figure(element: &str, part: &Part, content: Option<String>) -> String {
    let path = escape(part.path.as_str());
    let place = if part.title.is_some() { format!("{path}, ") } else { String::new() };
    let caption = format!(
        "<figcaption>{} <span class=\"small\">({place}{})</span></figcaption>",
        title(part),
        size(part.size)
    );
    let content = content.unwrap_or_else(|| {
        "<p class=\"small\">Not shown on this page. <code>hallmark piece export</code> unpacks \
         it.</p>"
            .to_owned()
    });
    format!("<{element}><figure>{content}{caption}</figure></{element}>")
}

/// A part as HTML, where a browser can show it and there is room for it.
fn shown(original: &Original, part: &Part, left: &mut u64) -> anyhow::Result<Option<String>> {
    let (kind, name) = (part.media_type.as_str(), part.path.as_str());
    if kind.starts_with("text/") && part.size <= NOTE_BYTES {
        return Ok(Some(note(&String::from_utf8_lossy(&original.read(name)?))));
    }
    let playable = is_picture(part)
        || matches!(
            kind,
            "audio/mpeg"
                | "audio/mp4"
                | "audio/ogg"
                | "audio/flac"
                | "audio/wav"
                | "video/mp4"
                | "application/pdf"
        );
    if !playable || part.size > *left {
        return Ok(None);
    }
    *left -= part.size;
    let data = format!("data:{kind};base64,{}", BASE64.encode(&original.read(name)?));
    let label = title(part);
    Ok(Some(match kind.split('/').next() {
        Some("image") => format!("<img src=\"{data}\" alt=\"{label}\">"),
        Some("audio") => {
            format!(
                "<audio controls preload=\"metadata\" aria-label=\"{label}\" src=\"{data}\"></audio>"
            )
        }
        Some("video") => format!(
            "<video controls playsinline preload=\"auto\" aria-label=\"{label}\" src=\"{data}\"></video>"
        ),
        _ => {
            let file = name.rsplit('/').next().unwrap_or(name);
            format!("<p><a href=\"{data}\" download=\"{file}\">Save {file}</a></p>")
        }
    }))
}

/// A note: headings and paragraphs of Markdown, everything else as it was written.
fn note(text: &str) -> String {
    let text = text.replace("\r\n", "\n");
    let blocks = text.split("\n\n").map(str::trim).filter(|block| !block.is_empty());
    let html: String = blocks
        .map(|block| match block.split_once(' ') {
            Some((marks, heading)) if !marks.is_empty() && marks.bytes().all(|b| b == b'#') => {
                format!("<h3>{}</h3>", escape(heading))
            }
            _ => format!("<p>{}</p>", escape(block)),
        })
        .collect();
    format!("<blockquote>{html}</blockquote>")
}

fn size(bytes: u64) -> String {
    match bytes {
        0..10_000 => format!("{bytes} bytes"),
        10_000..1_000_000 => format!("{} kB", bytes / 1000),
        _ => format!("{}.{} MB", bytes / 1_000_000, bytes / 100_000 % 10),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_note_is_paragraphs_and_no_markup_of_its_own() {
        let html = super::note("# Tide\n\nMade <by> hand,\nslowly.\n\n#5 of nine");
        assert_eq!(
            html,
            "<blockquote><h3>Tide</h3><p>Made &lt;by&gt; hand,\nslowly.</p><p>#5 of nine</p></blockquote>"
        );
    }
}
