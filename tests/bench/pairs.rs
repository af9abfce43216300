//! Pairs of runs, ours and the peer's by turns, and what they come to.

/// Runs both sides `pairs` times. Which side goes first alternates, so that neither always finds
/// the machine as the other left it.
///
/// # Errors
/// The first failure of either side.
pub fn interleave<S>(
    pairs: usize,
    mut ours: impl FnMut() -> anyhow::Result<S>,
    mut peer: impl FnMut() -> anyhow::Result<S>,
) -> anyhow::Result<Vec<(S, S)>> {
    (0..pairs)
        .map(|pair| {
            if pair % 2 == 0 {
                let ours = ours()?;
                Ok((ours, peer()?))
            } else {
                let peer = peer()?;
                Ok((ours()?, peer))
            }
        })
        .collect()
}

/// Median and ends of a set of figures.
#[derive(Debug, Clone, Copy, serde::Serialize)]
pub struct Spread {
    /// The middle figure; of an even number, the upper of the two.
    pub median: f64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
}

impl Spread {
    /// Of at least one figure; none at all spreads from zero to zero.
    pub fn of(figures: impl Iterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = figures.collect();
        sorted.sort_by(f64::total_cmp);
        let at = |index: usize| sorted.get(index).copied().unwrap_or_default();
        let last = sorted.len().saturating_sub(1);
        Self { median: at(sorted.len() / 2), min: at(0), max: at(last) }
    }
}
