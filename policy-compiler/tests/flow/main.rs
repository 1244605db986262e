//! The command as its users run it: several steps, real files, exit codes.

mod bundles;
mod keys;
mod output;
mod palisade;
mod tokens;
