//! A person's devices and a service: an honest one in memory, and the same one lying.

mod attachments;
mod devices;
mod hostile;
mod items;
mod memory;
mod people;
