//! What is printed: one row per thing measured.

use serde::Serialize;

use crate::pairs::Spread;

/// Peak memory that the command may take, whatever the size of its input.
pub const PEAK_LIMIT_MIB: f64 = 64.0;

/// One line of the report.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// What was done, such as `seal 1 GiB in memory`.
    pub what: String,
    /// What came of it.
    #[serde(flatten)]
    pub finding: Finding,
}

/// What a row found.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum Finding {
    /// Seconds of ours and of a peer, in pairs.
    Compared {
        /// Whom with, and which seconds.
        peer: String,
        /// Median of ours, in seconds.
        ours_s: f64,
        /// Median of the peer's, in seconds.
        peer_s: f64,
        /// The ratios of the pairs, as [`Target`] takes them.
        ratio: Spread,
        /// What is asked for.
        target: Target,
        /// Whether the median ratio is as asked.
        met: bool,
    },
    /// The largest peak of memory of several runs.
    Peak {
        /// In MiB.
        peak_mib: f64,
        /// In MiB.
        limit_mib: f64,
        /// Whether the peak is within the limit.
        met: bool,
    },
    /// A figure of one's own, in several runs.
    Bounded {
        /// What it counts, such as `ms`.
        unit: &'static str,
        /// What was found.
        figure: Spread,
        /// The most that is asked for.
        limit: f64,
        /// Whether the median is within the limit.
        met: bool,
    },
    /// What is worth knowing beside a row.
    Noted {
        /// In words.
        note: String,
    },
    /// Nothing, since something is not there.
    Skipped {
        /// What is missing and how to get it.
        missing: String,
    },
}

/// What is asked of a ratio.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Target {
    /// Our speed is at least this many times the peer's (the peer's seconds by ours).
    SpeedAtLeast(f64),
    /// We take at most this many times what the peer takes (our seconds by the peer's).
    CostAtMost(f64),
    /// Nothing is asked: the ratio of costs, to be known.
    None,
}

impl Row {
    /// A row of pairs: our seconds and the peer's.
    pub fn compared(
        what: impl Into<String>,
        peer: impl Into<String>,
        target: Target,
        pairs: &[(f64, f64)],
    ) -> Self {
        let ratio = Spread::of(pairs.iter().map(|&(ours, peer)| target.ratio(ours, peer)));
        let finding = Finding::Compared {
            peer: peer.into(),
            ours_s: Spread::of(pairs.iter().map(|pair| pair.0)).median,
            peer_s: Spread::of(pairs.iter().map(|pair| pair.1)).median,
            ratio,
            target,
            met: target.is_met(ratio.median),
        };
        Self { what: what.into(), finding }
    }

    /// A row of peaks of memory in KiB, of which the largest counts.
    pub fn peak(what: impl Into<String>, peaks_kib: impl Iterator<Item = u64>) -> Self {
        let peak_mib = peaks_kib.max().unwrap_or_default() as f64 / 1024.0;
        let (limit_mib, met) = (PEAK_LIMIT_MIB, peak_mib <= PEAK_LIMIT_MIB);
        Self { what: what.into(), finding: Finding::Peak { peak_mib, limit_mib, met } }
    }

    /// A row of figures of our own, whose median is to stay within a limit.
    pub fn at_most(
        what: impl Into<String>,
        unit: &'static str,
        limit: f64,
        figures: Vec<f64>,
    ) -> Self {
        let figure = Spread::of(figures.into_iter());
        let met = figure.median <= limit;
        Self { what: what.into(), finding: Finding::Bounded { unit, figure, limit, met } }
    }

    /// A row of words.
    pub fn noted(what: impl Into<String>, note: impl Into<String>) -> Self {
        Self { what: what.into(), finding: Finding::Noted { note: note.into() } }
    }

    /// A row that could not be measured.
    pub fn skipped(what: impl Into<String>, missing: impl Into<String>) -> Self {
        Self { what: what.into(), finding: Finding::Skipped { missing: missing.into() } }
    }

    /// The row as columns: what, peer, ours, peer's, ratio with its ends, target, met.
    pub fn columns(&self) -> [String; 7] {
        let met = |met: &bool| if *met { "met" } else { "NOT MET" }.to_owned();
        match &self.finding {
            Finding::Compared { peer, ours_s, peer_s, ratio, target, met: is_met } => [
                self.what.clone(),
                peer.clone(),
                format!("{ours_s:.3} s"),
                format!("{peer_s:.3} s"),
                format!("{:.2} ({:.2}-{:.2})", ratio.median, ratio.min, ratio.max),
                target.to_string(),
                if matches!(target, Target::None) { String::new() } else { met(is_met) },
            ],
            Finding::Peak { peak_mib, limit_mib, met: is_met } => [
                self.what.clone(),
                "peak memory".to_owned(),
                format!("{peak_mib:.1} MiB"),
                String::new(),
                String::new(),
                format!("at most {limit_mib} MiB"),
                met(is_met),
            ],
            Finding::Bounded { unit, figure, limit, met: is_met } => [
                self.what.clone(),
                String::new(),
                format!("{:.1} {unit}", figure.median),
                String::new(),
                format!("({:.1}-{:.1})", figure.min, figure.max),
                format!("at most {limit} {unit}"),
                met(is_met),
            ],
            Finding::Noted { note } => {
                let mut columns = <[String; 7]>::default();
                columns[0].clone_from(&self.what);
                columns[4].clone_from(note);
                columns
            }
            Finding::Skipped { missing } => {
                let mut columns = <[String; 7]>::default();
                columns[0].clone_from(&self.what);
                columns[4] = format!("skipped: {missing}");
                columns
            }
        }
    }
}

impl Target {
    fn ratio(self, ours: f64, peer: f64) -> f64 {
        match self {
            Self::SpeedAtLeast(_) => peer / ours,
            Self::CostAtMost(_) | Self::None => ours / peer,
        }
    }

    fn is_met(self, ratio: f64) -> bool {
        match self {
            Self::SpeedAtLeast(least) => ratio >= least,
            Self::CostAtMost(most) => ratio <= most,
            Self::None => true,
        }
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::SpeedAtLeast(least) => write!(f, "at least {least} times as fast"),
            Self::CostAtMost(most) => write!(f, "at most {most} of it"),
            Self::None => f.write_str("none"),
        }
    }
}
