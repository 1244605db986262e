//! A WebAssembly module with a bug of our making: one of its exported functions traps.

use std::ops::Range;

use anyhow::{Context, Result, bail, ensure};

const IMPORTS: u8 = 2;
const EXPORTS: u8 = 7;
const CODE: u8 = 10;
const HEADER: usize = 8;
/// No locals, `unreachable`, `end`.
const BODY: [u8; 3] = [0x00, 0x00, 0x0b];

/// The module with `unreachable` for the body of an exported function.
///
/// # Errors
///
/// The bytes are no module, or it exports no such function.
pub fn trap(module: &[u8], export: &str) -> Result<Vec<u8>> {
    let imported = section(module, IMPORTS)?.map_or(Ok(0), |(_, content)| imported_functions(content))?;
    let (_, exports) = section(module, EXPORTS)?.context("no exports")?;
    let function = exported_function(exports, export)?.with_context(|| format!("`{export}` is not exported"))?;
    let (place, code) = section(module, CODE)?.context("no code")?;
    let mut reader = Reader(code);
    let count = reader.number()?;
    let mut content = number(count);
    for index in imported..imported + count {
        let size = reader.number()?;
        let body = reader.take(size)?;
        let body = if index == function { &BODY[..] } else { body };
        content.extend(number(u32::try_from(body.len())?));
        content.extend_from_slice(body);
    }
    let (before, after) = (module.get(..place.start), module.get(place.end..));
    let size = number(u32::try_from(content.len())?);
    Ok([before.context("no beginning")?, &[CODE], &size, &content, after.context("no end")?].concat())
}

/// Where a section is, its head included, and its content.
fn section(module: &[u8], id: u8) -> Result<Option<(Range<usize>, &[u8])>> {
    ensure!(module.starts_with(b"\0asm"), "no WebAssembly module");
    let mut reader = Reader(module.get(HEADER..).context("no header")?);
    while !reader.0.is_empty() {
        let start = module.len() - reader.0.len();
        let found = reader.byte()?;
        let size = reader.number()?;
        let content = reader.take(size)?;
        if found == id {
            return Ok(Some((start..module.len() - reader.0.len(), content)));
        }
    }
    Ok(None)
}

fn imported_functions(content: &[u8]) -> Result<u32> {
    let mut reader = Reader(content);
    let mut functions = 0;
    for _ in 0..reader.number()? {
        for _ in 0..2 {
            let size = reader.number()?;
            reader.take(size)?;
        }
        // A filter imports functions and nothing else.
        ensure!(reader.byte()? == 0, "an import that is no function");
        reader.number()?;
        functions += 1;
    }
    Ok(functions)
}

fn exported_function(content: &[u8], export: &str) -> Result<Option<u32>> {
    let mut reader = Reader(content);
    for _ in 0..reader.number()? {
        let size = reader.number()?;
        let name = reader.take(size)?;
        let kind = reader.byte()?;
        let index = reader.number()?;
        if kind == 0 && name == export.as_bytes() {
            return Ok(Some(index));
        }
    }
    Ok(None)
}

/// LEB128.
fn number(mut value: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = u8::try_from(value & 0x7f).unwrap_or_default();
        value >>= 7;
        if value == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn byte(&mut self) -> Result<u8> {
        let (first, rest) = self.0.split_first().context("the module ends early")?;
        self.0 = rest;
        Ok(*first)
    }

    fn number(&mut self) -> Result<u32> {
        let mut value = 0;
        for shift in (0..32).step_by(7) {
            let byte = self.byte()?;
            value |= u32::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        bail!("a number without end")
    }

    fn take(&mut self, size: u32) -> Result<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(usize::try_from(size)?).context("the module ends early")?;
        self.0 = rest;
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two functions without parameters, `a` and `b`, that do nothing.
    const MODULE: &[u8] = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x03\x02\0\0\x07\x09\x02\x01a\0\0\x01b\0\x01\x0a\x07\x02\x02\0\x0b\x02\0\x0b";

    #[test]
    fn one_function_traps_and_the_others_are_as_they_were() {
        let trapped = trap(MODULE, "b").unwrap();
        let head = MODULE.len() - 9;
        assert_eq!(trapped[..head], MODULE[..head]);
        assert_eq!(trapped[head..], *b"\x0a\x08\x02\x02\0\x0b\x03\0\0\x0b");
    }

    #[test]
    fn what_is_no_module_or_has_no_such_function_is_an_error() {
        for (module, export) in [(MODULE, "c"), (&MODULE[..20], "a"), (&b""[..], "a"), (&b"\0elf"[..], "a")] {
            assert!(trap(module, export).is_err());
        }
    }
}
