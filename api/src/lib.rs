//! The service: `http/` (thin handlers), `app/` (use cases), `store/` (SQLite, PostgreSQL) and
//! `web/` (pages it serves). It links nothing that opens a locker. Nothing is built here yet.

pub mod limit;
pub mod serve;
