//! What the dictionaries of a PDF point to or hold besides the page: metadata streams, attachments,
//! authors of annotations, form fields, private data. Looked for by the keys that refer to it, at any
//! depth, since types are optional and may stand in objects of their own.

use std::collections::BTreeSet;

use super::object::{Object, Token};
use crate::hygiene::Trace;

/// What one or more objects refer to and tell.
#[derive(Default)]
pub(super) struct Named {
    /// The streams that some dictionary calls its metadata.
    pub(super) metadata: BTreeSet<u64>,
    pub(super) traces: BTreeSet<Trace>,
}

/// What is known of one dictionary while it is read.
#[derive(Default)]
struct Frame {
    key: Key,
    author: bool,
    place: bool,
    widget: bool,
    field: bool,
    value: bool,
    embedded: bool,
    file: bool,
}

/// A key that matters, waiting for its value.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Key {
    #[default]
    None,
    Other,
    Author,
    Place,
    Subtype,
    Field,
    Value,
    Form,
    Private,
    Embedded,
    Files,
    File,
    Metadata,
    Information,
}

#[derive(Clone, Copy)]
enum Value<'n> {
    Open,
    Text { is_empty: bool },
    Name(&'n [u8]),
    Reference(u64),
    Number,
}

impl Named {
    /// Reads the dictionaries of an object. An information dictionary inside it is left to others.
    pub(super) fn read(&mut self, object: &Object<'_>) {
        let mut stack = vec![Frame::default()];
        let mut tokens = object.tokens.as_slice();
        // How deep inside an information dictionary.
        let mut information = 0_usize;
        while let [token, rest @ ..] = tokens {
            tokens = rest;
            let frame = match stack.last_mut() {
                Some(frame) => frame,
                None => return,
            };
            if information > 0 {
                match token {
                    Token::Open => information += 1,
                    Token::Close => information -= 1,
                    _ => {}
                }
                continue;
            }
            match token {
                Token::Open => {
                    let is_empty = rest.first() == Some(&Token::Close);
                    if frame.key == Key::Information {
                        (frame.key, information) = (Key::None, 1);
                        continue;
                    }
                    if !is_empty {
                        self.entry(frame, Value::Open);
                    }
                    frame.key = Key::None;
                    stack.push(Frame::default());
                }
                Token::Close => {
                    let frame = stack.pop().unwrap_or_default();
                    self.close(&frame);
                    if stack.is_empty() {
                        stack.push(Frame::default());
                    }
                }
                Token::Name(name) => {
                    let name = object.name(name);
                    if frame.key == Key::None {
                        frame.key = Key::of(&name);
                    } else {
                        self.entry(frame, Value::Name(&name));
                    }
                }
                Token::Text(text) => self.entry(frame, Value::Text { is_empty: text.is_empty() }),
                Token::Integer(number) => {
                    let value = match rest {
                        [Token::Integer(_), Token::Word(w), after @ ..]
                            if object.is_reference(w) =>
                        {
                            tokens = after;
                            Value::Reference(*number)
                        }
                        _ => Value::Number,
                    };
                    self.entry(frame, value);
                }
                Token::Word(_) => self.entry(frame, Value::Number),
            }
        }
        for frame in &stack {
            self.close(frame);
        }
    }

    /// One entry of a dictionary. Its key is used up.
    fn entry(&mut self, frame: &mut Frame, value: Value<'_>) {
        let key = std::mem::take(&mut frame.key);
        let says = match value {
            Value::Text { is_empty } => !is_empty,
            Value::Reference(_) | Value::Open => true,
            Value::Name(name) => name != b"Off",
            Value::Number => false,
        };
        match key {
            Key::Author => frame.author |= says,
            Key::Place => frame.place |= says,
            Key::Subtype => frame.widget |= matches!(value, Value::Name(b"Widget")),
            Key::Field => frame.field = true,
            Key::Value => frame.value |= says,
            Key::Embedded => frame.embedded |= says,
            Key::File => frame.file |= says,
            Key::Form if says => drop(self.traces.insert(Trace::PdfForm)),
            Key::Private if says => drop(self.traces.insert(Trace::PdfPrivate)),
            Key::Files if says => drop(self.traces.insert(Trace::PdfAttachment)),
            Key::Metadata => {
                if let Value::Reference(number) = value {
                    self.metadata.insert(number);
                }
            }
            _ => {}
        }
    }

    fn close(&mut self, frame: &Frame) {
        if frame.embedded && frame.file {
            self.traces.insert(Trace::PdfAttachment);
        }
        if frame.author && frame.place && !frame.widget {
            self.traces.insert(Trace::PdfAnnotation);
        }
        // A field has a type, a name or a place; others inherit them from it.
        if frame.value && (frame.field || frame.author || frame.widget) {
            self.traces.insert(Trace::PdfForm);
        }
    }
}

impl Key {
    fn of(name: &[u8]) -> Self {
        match name {
            b"T" => Self::Author,
            b"Rect" => Self::Place,
            b"Subtype" => Self::Subtype,
            b"FT" => Self::Field,
            b"V" => Self::Value,
            b"XFA" => Self::Form,
            b"PieceInfo" => Self::Private,
            b"EF" => Self::Embedded,
            b"EmbeddedFiles" => Self::Files,
            b"F" | b"UF" => Self::File,
            b"Metadata" => Self::Metadata,
            b"Info" => Self::Information,
            _ => Self::Other,
        }
    }
}
