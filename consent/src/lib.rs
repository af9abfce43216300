//! Consent events, tiers and receipts; the transparency log and its proofs; checkout and
//! early-access tokens (design, sections 4 and 5).
//!
//! In scope: pure domain code over [`hallmark_core`]. Out of scope: storage, HTTP, lockers.

pub mod log;
