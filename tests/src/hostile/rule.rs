//! What is answered to which request.

use std::{fmt, sync::Arc, time::Duration};

use serde_json::Value;

use super::{Answer, Request};

/// How an answer is changed on its way.
type Changed = Arc<dyn Fn(&Request, Answer) -> Answer + Send + Sync>;

/// What is done in place of passing the service's answer on.
#[derive(Clone)]
pub enum Act {
    /// Nothing: it is passed on.
    Pass,
    /// This is answered, and the service never asked: an old answer, another's, an invented one.
    Answer(Answer),
    /// The service is asked, and what it answers is changed.
    Change(Changed),
    /// Nothing is answered and the connection stays open.
    Withhold {
        /// Whether the service gets the request.
        asks: bool,
    },
    /// The connection ends after so many bytes of the service's answer, its head included; the
    /// service got the request.
    HangUp {
        /// How many.
        after_bytes: usize,
    },
    /// These bytes are sent in place of an answer, and the connection ends.
    Bytes(Vec<u8>),
    /// An answer of JSON that begins like this and goes on with blanks.
    Flood {
        /// How it begins.
        begin: Vec<u8>,
        /// How long it is, in bytes; nothing is kept of it.
        bytes: u64,
        /// Whether the length is said at the beginning.
        says_length: bool,
    },
    /// The service's answer, in pieces.
    Slow {
        /// Bytes in each.
        piece_bytes: usize,
        /// Time between them.
        pause: Duration,
    },
}

impl Act {
    /// The service's answer with another status.
    pub fn status(status: u16) -> Self {
        Self::Change(Arc::new(move |_, answer| Answer { status, ..answer }))
    }

    /// The service's answer with another body.
    pub fn body(change: impl Fn(Vec<u8>) -> Vec<u8> + Send + Sync + 'static) -> Self {
        Self::Change(Arc::new(move |_, mut answer| {
            answer.body = change(answer.body);
            answer
        }))
    }

    /// The service's answer with its JSON changed. An answer that is no JSON stays as it is.
    pub fn json(change: impl Fn(&mut Value) + Send + Sync + 'static) -> Self {
        Self::body(move |body| match serde_json::from_slice(&body) {
            Ok(mut value) => {
                change(&mut value);
                value.to_string().into_bytes()
            }
            Err(_) => body,
        })
    }
}

impl fmt::Debug for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pass => "Pass",
            Self::Answer(_) => "Answer",
            Self::Change(_) => "Change",
            Self::Withhold { .. } => "Withhold",
            Self::HangUp { .. } => "HangUp",
            Self::Bytes(_) => "Bytes",
            Self::Flood { .. } => "Flood",
            Self::Slow { .. } => "Slow",
        })
    }
}

/// An act, and the requests it is for.
#[derive(Debug, Clone)]
pub struct Rule {
    method: String,
    template: String,
    after: usize,
    times: usize,
    act: Act,
}

impl Rule {
    /// For a method, or `*` for all, and a path with `{}` or `{name}` for one segment of it, such as
    /// `/v1/accounts/{account}/sync`. The query does not matter.
    pub fn on(method: &str, template: &str, act: Act) -> Self {
        let (method, template) = (method.to_owned(), template.to_owned());
        Self { method, template, after: 0, times: usize::MAX, act }
    }

    /// Leaves out the first so many of its requests.
    #[must_use]
    pub fn after(mut self, requests: usize) -> Self {
        self.after = requests;
        self
    }

    /// Is for so many of its requests, and then no more.
    #[must_use]
    pub fn times(mut self, requests: usize) -> Self {
        self.times = requests;
        self
    }

    /// What it does to this request, which is counted.
    pub(super) fn takes(&mut self, request: &Request) -> Option<Act> {
        if self.times == 0 || !matches(request, &self.method, &self.template) {
            return None;
        }
        if self.after > 0 {
            self.after -= 1;
            return None;
        }
        self.times -= 1;
        Some(self.act.clone())
    }
}

/// Whether a request has this method (`*` for all) and a path of this template.
pub fn matches(request: &Request, method: &str, template: &str) -> bool {
    let path = request.target.split('?').next().unwrap_or_default();
    let (mut parts, mut pattern) = (path.split('/'), template.split('/'));
    let same_path = loop {
        match (parts.next(), pattern.next()) {
            (None, None) => break true,
            (Some(part), Some(pattern)) => {
                let is_any = pattern.starts_with('{') && pattern.ends_with('}');
                if part != pattern && (part.is_empty() || !is_any) {
                    break false;
                }
            }
            _ => break false,
        }
    };
    same_path && (method == "*" || method.eq_ignore_ascii_case(&request.method))
}
