//! Names of headers, as bundles and proofs give them.

/// Whether a text is the name of a header (RFC 9110 §5.1, a token by §5.6.2), or the rest of one behind a prefix, spelt as it is
/// compared here: in lower case.
#[must_use]
pub fn is_header_name(text: &str) -> bool {
    let is_character =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(is_character)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_of_a_token_may_stand_anywhere() {
        let characters = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz";
        assert!(is_header_name(characters));
        for character in characters.chars() {
            for name in
                [format!("{character}"), format!("{character}x"), format!("x{character}"), format!("x{character}y")]
            {
                assert!(is_header_name(&name), "{name}");
            }
        }
    }

    #[test]
    fn no_other_character_may() {
        assert!(!is_header_name(""));
        let characters: Vec<char> = (0..=0x2fff).filter_map(char::from_u32).collect();
        let allowed: Vec<char> = characters.into_iter().filter(|c| is_header_name(&format!("x{c}y"))).collect();
        assert_eq!(allowed.into_iter().collect::<String>(), "!#$%&'*+-.0123456789^_`abcdefghijklmnopqrstuvwxyz|~");
        for name in [
            ":path",
            "x:y",
            "two words",
            " x",
            "x ",
            "x\t",
            "x\r\ny",
            "x\0",
            "x\u{7f}",
            "Zone",
            "zOne",
            "r\u{e9}gion",
            "x\"",
            "x,y",
            "x/y",
            "(x)",
            "x=y",
            "{x}",
            "x\\",
        ] {
            assert!(!is_header_name(name), "{name:?}");
        }
    }
}
