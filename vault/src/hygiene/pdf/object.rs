//! PDF syntax (ISO 32000-1, section 7): objects in the order they stand in the file, without its
//! cross-reference table, so that what an update replaced and left behind is seen too.

use std::borrow::Cow;
use std::ops::Range;

use crate::hygiene::HygieneError;
use crate::hygiene::search;

/// Tokens kept of one object. Dictionaries that matter here are short.
const TOKENS_LIMIT: usize = 1 << 14;

/// One token of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// A number that is not negative and has no fraction.
    Integer(u64),
    /// A name, without its slash.
    Name(Range<usize>),
    /// What is between the parentheses or angle brackets of a string.
    Text(Range<usize>),
    /// `<<` or `[`.
    Open,
    /// `>>` or `]`.
    Close,
    /// A keyword, or a number of another kind.
    Word(Range<usize>),
}

/// One indirect object, or a trailer.
pub(super) struct Object<'a> {
    data: &'a [u8],
    /// `None` for a trailer.
    pub(super) number: Option<u64>,
    /// Its value.
    pub(super) tokens: Vec<Token>,
    /// Whether the value had more tokens than are kept.
    pub(super) is_cut: bool,
    /// The bytes of its stream.
    pub(super) stream: Option<Range<usize>>,
}

impl<'a> Object<'a> {
    /// The bytes of a name, its `#` escapes resolved.
    pub(super) fn name(&self, range: &Range<usize>) -> Cow<'a, [u8]> {
        let raw = &self.data[range.clone()];
        if !raw.contains(&b'#') {
            return Cow::Borrowed(raw);
        }
        let mut name = Vec::new();
        let mut rest = raw;
        while let [first, after @ ..] = rest {
            let digit = |at: usize| after.get(at).and_then(|&b| char::from(b).to_digit(16));
            match (first, digit(0), digit(1)) {
                (b'#', Some(high), Some(low)) => {
                    name.push((high * 16 + low) as u8);
                    rest = &after[2..];
                }
                _ => {
                    name.push(*first);
                    rest = after;
                }
            }
        }
        Cow::Owned(name)
    }

    /// Whether a word ends a reference.
    pub(super) fn is_reference(&self, word: &Range<usize>) -> bool {
        self.data[word.clone()] == *b"R"
    }

    /// The values of a key that should stand once, one after the other.
    pub(super) fn all(&self, key: &[u8]) -> Vec<Token> {
        let values = self.entries().filter(|(name, _)| **name == *key);
        values.flat_map(|(_, value)| value.to_vec()).collect()
    }

    /// Whether a name occurs anywhere in the value.
    pub(super) fn mentions(&self, name: &[u8]) -> bool {
        self.tokens.iter().any(|token| matches!(token, Token::Name(n) if *self.name(n) == *name))
    }

    /// The tokens of the value of `key` in the dictionary that this object is.
    pub(super) fn get(&self, key: &[u8]) -> Option<&[Token]> {
        self.entries().find(|(name, _)| **name == *key).map(|(_, value)| value)
    }

    /// Whether the value of `key` is this one name, alone or in an array by itself.
    pub(super) fn is(&self, key: &[u8], name: &[u8]) -> bool {
        match self.get(key) {
            Some([Token::Name(n)] | [Token::Open, Token::Name(n), Token::Close]) => {
                *self.name(n) == *name
            }
            _ => false,
        }
    }

    /// The entries of the dictionary that this object is; none for another object.
    pub(super) fn entries(&self) -> impl Iterator<Item = (Cow<'a, [u8]>, &[Token])> {
        let mut rest = match self.tokens.split_first() {
            Some((Token::Open, rest)) => rest,
            _ => &[],
        };
        std::iter::from_fn(move || {
            let (Token::Name(key), after) = rest.split_first()? else { return None };
            let (value, after) = after.split_at(self.value_len(after));
            rest = after;
            Some((self.name(key), value))
        })
    }

    /// How many tokens the value at the beginning of `tokens` has.
    fn value_len(&self, tokens: &[Token]) -> usize {
        match tokens {
            [Token::Integer(_), Token::Integer(_), Token::Word(w), ..]
                if self.data[w.clone()] == *b"R" =>
            {
                3
            }
            [Token::Open, ..] => {
                let mut depth = 0_usize;
                for (index, token) in tokens.iter().enumerate() {
                    match token {
                        Token::Open => depth += 1,
                        Token::Close => depth -= 1,
                        _ => {}
                    }
                    if depth == 0 {
                        return index + 1;
                    }
                }
                tokens.len()
            }
            [] => 0,
            _ => 1,
        }
    }
}

/// The object numbers that a value refers to.
pub(super) fn references<'t>(data: &[u8], tokens: &'t [Token]) -> impl Iterator<Item = u64> + 't {
    let found: Vec<u64> = tokens
        .windows(3)
        .filter_map(|window| match window {
            [Token::Integer(number), Token::Integer(_), Token::Word(w)]
                if data[w.clone()] == *b"R" =>
            {
                Some(*number)
            }
            _ => None,
        })
        .collect();
    found.into_iter()
}

/// Calls `each` with every object and trailer of the file, in order.
///
/// # Errors
/// [`HygieneError::Damaged`] for a string or a stream that does not end; what `each` answers.
pub(super) fn for_each<'a>(
    data: &'a [u8],
    mut each: impl FnMut(Object<'a>) -> Result<(), HygieneError>,
) -> Result<(), HygieneError> {
    let mut lexer = Lexer { data, at: 0 };
    let mut numbers = [None, None];
    while let Some(word) = lexer.outer_word() {
        let number = match &data[word] {
            b"obj" if numbers[1].is_some() && numbers[0].is_some() => numbers[0],
            b"trailer" => None,
            other => {
                numbers = [numbers[1], integer(other)];
                continue;
            }
        };
        numbers = [None, None];
        each(lexer.object(number)?)?;
    }
    Ok(())
}

/// Reads what an object stream holds (section 7.5.7) as one object: its dictionaries, one after the
/// other.
pub(super) fn within(data: &[u8]) -> Result<Object<'_>, HygieneError> {
    const LIMIT: usize = 1 << 20;
    let mut object = Object { data, number: None, tokens: Vec::new(), is_cut: false, stream: None };
    let mut lexer = Lexer { data, at: 0 };
    while let Some(token) = lexer.token()? {
        if object.tokens.len() >= LIMIT {
            object.is_cut = true;
            break;
        }
        object.tokens.push(token);
    }
    Ok(object)
}

struct Lexer<'a> {
    data: &'a [u8],
    at: usize,
}

impl<'a> Lexer<'a> {
    /// The next run of regular characters, whatever stands between.
    fn outer_word(&mut self) -> Option<Range<usize>> {
        loop {
            match *self.data.get(self.at)? {
                b'%' => self.skip_comment(),
                b if is_regular(b) => return Some(self.regular()),
                _ => self.at += 1,
            }
        }
    }

    /// The value after `obj` or `trailer`, and its stream.
    fn object(&mut self, number: Option<u64>) -> Result<Object<'a>, HygieneError> {
        let mut object =
            Object { data: self.data, number, tokens: Vec::new(), is_cut: false, stream: None };
        let mut depth = 0_u64;
        let mut starts = [self.at; 3];
        loop {
            starts = [starts[1], starts[2], self.at];
            let Some(token) = self.token()? else { break };
            match &token {
                Token::Word(word) => match &self.data[word.clone()] {
                    b"endobj" => break,
                    // A new object where the old one did not end: leave its words to the caller.
                    b"obj" => {
                        self.at = starts[0];
                        break;
                    }
                    b"xref" | b"startxref" | b"trailer" => {
                        self.at = starts[2];
                        break;
                    }
                    b"stream" => {
                        object.stream = Some(self.stream(&object)?);
                        break;
                    }
                    _ => {}
                },
                Token::Open => depth += 1,
                Token::Close => depth = depth.saturating_sub(1),
                _ => {}
            }
            let closes = token == Token::Close && depth == 0;
            if object.tokens.len() < TOKENS_LIMIT {
                object.tokens.push(token);
            } else {
                object.is_cut = true;
            }
            if closes && number.is_none() {
                break;
            }
        }
        Ok(object)
    }

    /// The bytes of a stream, and past its end. The length it states counts if `endstream` follows.
    fn stream(&mut self, object: &Object<'a>) -> Result<Range<usize>, HygieneError> {
        match self.data.get(self.at..) {
            Some([b'\r', b'\n', ..]) => self.at += 2,
            Some([b'\r' | b'\n', ..]) => self.at += 1,
            _ => {}
        }
        let start = self.at;
        if let Some([Token::Integer(len)]) = object.get(b"Length")
            && let Some(end) = usize::try_from(*len).ok().and_then(|len| start.checked_add(len))
            && let Some(rest) = self.data.get(end..)
        {
            let gap = rest.iter().take(8).take_while(|b| b.is_ascii_whitespace()).count();
            if rest[gap..].starts_with(b"endstream") {
                self.at = end + gap;
                return Ok(start..end);
            }
        }
        // Without an end it would take the file's own with it.
        let mut end = search::find(self.data, b"endstream", start)
            .ok_or(HygieneError::Damaged { what: "PDF with a stream that does not end" })?;
        self.at = end;
        if self.data[start..end].ends_with(b"\n") {
            end -= 1;
        }
        if self.data[start..end].ends_with(b"\r") {
            end -= 1;
        }
        Ok(start..end)
    }

    fn token(&mut self) -> Result<Option<Token>, HygieneError> {
        loop {
            let rest = &self.data[self.at..];
            let (token, len) = match rest {
                [] => return Ok(None),
                [b'%', ..] => {
                    self.skip_comment();
                    continue;
                }
                [b'(', ..] => return self.literal().map(Some),
                [b'<', b'<', ..] => (Token::Open, 2),
                [b'>', b'>', ..] => (Token::Close, 2),
                [b'<', ..] => {
                    let start = self.at + 1;
                    let end = search::find(self.data, b">", start).ok_or(UNENDED)?;
                    (Token::Text(start..end), end + 1 - self.at)
                }
                [b'[', ..] => (Token::Open, 1),
                [b']', ..] => (Token::Close, 1),
                [b'/', ..] => {
                    self.at += 1;
                    return Ok(Some(Token::Name(self.regular())));
                }
                [b, ..] if is_regular(*b) => {
                    let word = self.regular();
                    let token = match integer(&self.data[word.clone()]) {
                        Some(value) => Token::Integer(value),
                        None => Token::Word(word),
                    };
                    return Ok(Some(token));
                }
                _ => {
                    self.at += 1;
                    continue;
                }
            };
            self.at += len;
            return Ok(Some(token));
        }
    }

    /// A string in parentheses, which may nest and be escaped.
    fn literal(&mut self) -> Result<Token, HygieneError> {
        let start = self.at + 1;
        let (mut at, mut depth) = (start, 1);
        loop {
            match *self.data.get(at).ok_or(UNENDED)? {
                b'\\' => at += 1,
                b'(' => depth += 1,
                b')' => depth -= 1,
                _ => {}
            }
            at += 1;
            if depth == 0 {
                self.at = at;
                return Ok(Token::Text(start..at - 1));
            }
        }
    }

    fn regular(&mut self) -> Range<usize> {
        let start = self.at;
        self.at += self.data[start..].iter().take_while(|&&b| is_regular(b)).count();
        start..self.at
    }

    fn skip_comment(&mut self) {
        let rest = &self.data[self.at..];
        self.at += rest.iter().take_while(|b| !matches!(b, b'\r' | b'\n')).count();
    }
}

const UNENDED: HygieneError = HygieneError::Damaged { what: "PDF with a string that does not end" };

fn integer(word: &[u8]) -> Option<u64> {
    if word.is_empty() || !word.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(word).ok()?.parse().ok()
}

fn is_regular(byte: u8) -> bool {
    !matches!(
        byte,
        0 | b'\t'
            | b'\n'
            | 0x0c
            | b'\r'
            | b' '
            | b'('
            | b')'
            | b'<'
            | b'>'
            | b'['
            | b']'
            | b'{'
            | b'}'
            | b'/'
            | b'%'
    )
}
