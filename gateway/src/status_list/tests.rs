//! Status list tokens, good and bad, and the lists that workers keep.

mod tokens;
mod vectors;
mod workers;
