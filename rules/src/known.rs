//! Names of the rule language that wait for a parser.
pub fn known_names() -> crate::Vocabulary {
    crate::Vocabulary::default()
}
