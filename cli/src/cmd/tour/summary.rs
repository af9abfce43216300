//! What the tour leaves for machines: `summary.json`.

use serde::Serialize;

/// What became of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Outcome {
    /// Everything that was checked is so.
    Ok,
    /// Something was asked for that must not be given, and it was not given: trust in a key nobody
    /// vouched for, an old word of the studio, a sale with one signature.
    Refused,
    /// Something was changed or forged, and it was found out for the right reason.
    Caught,
    /// Something that was checked is not so.
    Failed,
}

impl Outcome {
    /// The spelling of `summary.json`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Refused => "refused",
            Self::Caught => "caught",
            Self::Failed => "failed",
        }
    }

    /// All of them, in the order they are counted for people.
    pub(super) const ALL: [Self; 4] = [Self::Ok, Self::Refused, Self::Caught, Self::Failed];
}

/// One step.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Step {
    /// What was done.
    pub(super) name: String,
    /// What was looked at afterwards, in sentences.
    pub(super) checked: String,
    /// What became of it.
    pub(super) outcome: Outcome,
    /// How long it took, in milliseconds.
    pub(super) ms: u64,
}

/// The whole of `summary.json`.
#[derive(Debug, Serialize)]
pub(super) struct Summary<'a> {
    /// In the order they were played.
    pub(super) steps: &'a [Step],
}

impl Summary<'_> {
    /// True when a check of any step failed.
    pub(super) fn failed(&self) -> bool {
        self.steps.iter().any(|step| step.outcome == Outcome::Failed)
    }

    /// `12 ok, 3 refused, 17 caught, 0 failed`.
    pub(super) fn count(&self) -> String {
        let of = |outcome| self.steps.iter().filter(|step| step.outcome == outcome).count();
        let counts: Vec<String> =
            Outcome::ALL.iter().map(|o| format!("{} {}", of(*o), o.name())).collect();
        counts.join(", ")
    }
}
