//! Texts of handlers, cut to what people read: nothing that a handler says may fill the memory of those who listen.

/// Cuts a text to at most this many bytes, at a character's boundary, and says how much is gone.
pub fn cut(mut text: String, bytes: usize) -> String {
    if text.len() > bytes {
        let end = text.floor_char_boundary(bytes);
        let gone = text.len() - end;
        text.truncate(end);
        text.push_str(&format!("… ({gone} bytes cut)"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::cut;

    #[test]
    fn a_long_text_is_cut_at_a_character_and_a_short_one_is_not() {
        assert_eq!(cut("ééé".to_owned(), 3), "é… (4 bytes cut)");
        assert_eq!(cut("ééé".to_owned(), 6), "ééé");
    }
}
