//! What a modem says of itself.

/// More than such texts need (3GPP TS 27.007 5.1 allows 2048).
const MAX_TEXT: usize = 128;

use crate::arrival::Identity;

/// What the identification commands answer (ITU-T V.250 6.1.4 to 6.1.7, 3GPP TS 27.007 5.1).
impl Identity {
    /// The answer to a command in upper case, if it is one of these.
    pub(super) fn of(&self, name: &str) -> Option<String> {
        let text = match name {
            "+GMI" | "+CGMI" => &self.manufacturer,
            "+GMM" | "+CGMM" => &self.model,
            "+GMR" | "+CGMR" => &self.revision,
            "+GSN" | "+CGSN" => &self.serial,
            _ => return None,
        };
        Some(clean(text))
    }

    /// The lines of `ATI`.
    pub(super) fn all(&self) -> Vec<String> {
        let texts = [&self.manufacturer, &self.model, &self.revision];
        texts.map(|text| clean(text)).into()
    }
}

/// What a dialogue in ASCII can carry without taking it for its own.
fn clean(text: &str) -> String {
    text.chars()
        .filter(|found| matches!(found, ' '..='~'))
        .take(MAX_TEXT)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_ends_its_line() {
        let identity = Identity {
            model: "Box\r\nCONNECT\0é".into(),
            serial: "7".repeat(1000),
            ..Identity::default()
        };
        assert_eq!(identity.of("+GMM").as_deref(), Some("BoxCONNECT"));
        assert_eq!(identity.of("+CGSN").map(|text| text.len()), Some(MAX_TEXT));
        assert_eq!(identity.of("+CSQ"), None);
    }
}
