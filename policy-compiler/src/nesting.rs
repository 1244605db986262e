//! A look at how deeply a text nests, before a recursive parser sees it.
//!
//! Cedar's parser recurses on nested syntax and overflows the stack on hostile input, which ends the process. So
//! untrusted text is measured first ([`check`]) and then parsed on a thread with room for all that passes
//! ([`with_stack`]).

use std::fmt;

use crate::limits::{MAX_BRACKET_DEPTH, MAX_STATEMENT_BYTES, PARSER_STACK_BYTES};

/// A text that nests too deeply, or a statement too long, to be parsed safely.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NestingError {
    /// Brackets nest deeper than [`MAX_BRACKET_DEPTH`].
    Brackets,
    /// One statement is longer than [`MAX_STATEMENT_BYTES`].
    Length,
}

impl fmt::Display for NestingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Brackets => write!(f, "brackets nest deeper than {MAX_BRACKET_DEPTH}"),
            Self::Length => write!(f, "a statement is longer than {MAX_STATEMENT_BYTES} bytes"),
        }
    }
}

impl std::error::Error for NestingError {}

/// Measures Cedar text. Brackets in strings and comments do not count; a statement ends at `;`.
///
/// # Errors
///
/// When a bound of [`crate::limits`] is passed.
pub fn check(text: &str) -> Result<(), NestingError> {
    let mut depth = 0_usize;
    let mut statement_start = 0_usize;
    let mut rest = text.bytes().enumerate().peekable();
    while let Some((at, byte)) = rest.next() {
        match byte {
            b'"' => {
                while let Some((_, inner)) = rest.next() {
                    match inner {
                        b'"' => break,
                        b'\\' => drop(rest.next()),
                        _ => {}
                    }
                }
            }
            b'/' if rest.peek().is_some_and(|(_, next)| *next == b'/') => {
                while rest.next().is_some_and(|(_, inner)| inner != b'\n' && inner != b'\r') {}
            }
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            b';' => statement_start = at,
            _ => {}
        }
        if depth > MAX_BRACKET_DEPTH {
            return Err(NestingError::Brackets);
        }
        if at - statement_start > MAX_STATEMENT_BYTES {
            return Err(NestingError::Length);
        }
    }
    Ok(())
}

/// Runs work on a thread whose stack has room for every text that [`check`] lets pass.
///
/// # Errors
///
/// When the thread cannot be started, or the work panicked.
pub fn with_stack<T: Send>(work: impl FnOnce() -> T + Send) -> std::io::Result<T> {
    std::thread::scope(|scope| {
        std::thread::Builder::new()
            .name("palisade".to_owned())
            .stack_size(PARSER_STACK_BYTES)
            .spawn_scoped(scope, work)?
            .join()
            .map_err(|_| std::io::Error::other("the command panicked; please report this"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_and_comments_do_not_nest() {
        let deep = "(".repeat(MAX_BRACKET_DEPTH + 1);
        assert_eq!(check(&format!("// {deep}\n\"{deep}\\\"{deep}\"")), Ok(()));
        assert_eq!(check(&deep), Err(NestingError::Brackets));
        assert_eq!(check(&format!("\"\" {deep}")), Err(NestingError::Brackets));
    }

    #[test]
    fn long_statements_are_refused() {
        let long = "a".repeat(MAX_STATEMENT_BYTES);
        assert_eq!(check(&format!("{long};{long}")), Ok(()));
        assert_eq!(check(&format!("{long}aa")), Err(NestingError::Length));
    }

    /// What passes the check must not end the process, whatever Cedar says about it.
    #[test]
    fn the_deepest_accepted_texts_parse_on_the_large_stack() {
        let depth = MAX_BRACKET_DEPTH - 10;
        let conditionals = (MAX_STATEMENT_BYTES - 100) / "if 1 then 1 else ".len();
        let links = (MAX_STATEMENT_BYTES - 100) / "||1".len();
        let bodies = [
            format!("{}1{}", "(".repeat(depth), ")".repeat(depth)),
            format!("{}1{}", "[".repeat(depth), "]".repeat(depth)),
            format!("{}1{}", "{a:".repeat(depth), "}".repeat(depth)),
            format!("{}1", "if 1 then 1 else ".repeat(conditionals)),
            format!("1{}", "||1".repeat(links)),
            format!("1{}", "+1".repeat(links)),
            format!("context{}", ".a".repeat(links)),
        ];
        for body in bodies {
            let text = format!("permit(principal,action,resource) when {{{body}}};");
            assert_eq!(check(&text), Ok(()));
            let parsed = with_stack(|| text.parse::<cedar_policy::PolicySet>().is_ok());
            assert!(parsed.is_ok());
        }
    }
}
