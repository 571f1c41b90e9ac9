//! Faults below the store: a disk in memory, of files and database both, that fails, fills up and loses power.

mod answers;
mod database;
mod disk;
mod encrypted;
mod failing;
mod full;
mod marker;
mod medium;
mod platter;
mod power;
mod scenario;
mod script;
mod stage;
mod tree;
mod vfs;
