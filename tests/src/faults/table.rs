//! What came of a campaign.

use std::{collections::BTreeMap, fmt};

use super::{Fault, Hit};

/// Outcomes by call and fault.
#[derive(Debug, Clone, Default)]
pub struct Table {
    rows: BTreeMap<(String, Fault), Row>,
}

/// The outcomes of one fault at every n-th call of a kind.
#[derive(Debug, Clone, Default)]
pub struct Row {
    /// Runs in which the call was hit.
    pub points: usize,
    /// The points after which something was wrong: n, the call, and what was.
    pub broken: Vec<(usize, Hit, String)>,
}

impl Table {
    /// Enters what came of one point.
    pub(super) fn enter(
        &mut self,
        call: &str,
        fault: Fault,
        n: usize,
        hit: Hit,
        outcome: Result<(), String>,
    ) {
        let row = self.rows.entry((call.to_owned(), fault)).or_default();
        row.points += 1;
        if let Err(wrong) = outcome {
            row.broken.push((n, hit, wrong));
        }
    }

    /// Joins what another campaign came to.
    pub fn join(&mut self, other: Self) {
        for (key, row) in other.rows {
            let mine = self.rows.entry(key).or_default();
            mine.points += row.points;
            mine.broken.extend(row.broken);
        }
    }

    /// How many points were hit.
    pub fn points(&self) -> usize {
        self.rows.values().map(|row| row.points).sum()
    }

    /// How many were hit of one call, by its name in the campaign.
    pub fn points_of(&self, call: &str) -> usize {
        self.rows().filter(|(name, ..)| *name == call).map(|(.., row)| row.points).sum()
    }

    /// After how many of them something was wrong.
    pub fn broken(&self) -> usize {
        self.rows.values().map(|row| row.broken.len()).sum()
    }

    /// Every call and fault with what came of it.
    pub fn rows(&self) -> impl Iterator<Item = (&str, Fault, &Row)> {
        self.rows.iter().map(|((call, fault), row)| (call.as_str(), *fault, row))
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<12} {:<8} {:>6} {:>6}", "call", "fault", "points", "broken")?;
        for (call, fault, row) in self.rows().filter(|(.., row)| row.points > 0) {
            let (points, broken) = (row.points, row.broken.len());
            writeln!(f, "{call:<12} {:<8} {points:>6} {broken:>6}", fault.to_string())?;
            for (n, hit, wrong) in &row.broken {
                let file = hit.file.as_ref().map(|file| file.display().to_string());
                let file = file.unwrap_or_default();
                writeln!(f, "  at {n}, {}({file}): {wrong}", hit.call)?;
            }
        }
        Ok(())
    }
}
