//! How values leave the device: text as it is, octets as base64 in XML and OPAQUE in WBXML
//! (OMA-TS-DM_TND 7.7.3).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use omadm_syncml::{Data, Format, MediaType, Meta, StatusCode, Value};

/// The `Format` to announce and the `Data` of a value; a missing format means `chr`.
///
/// A blob is not at hand here: 413.
pub(super) fn value(
    format: Format,
    value: &Value,
    media_type: MediaType,
) -> Result<(Option<Format>, Data), StatusCode> {
    let octets = value.as_bytes().ok_or(StatusCode::TOO_LARGE)?;
    let text = value.as_text().filter(|text| travels(text));
    Ok(match (format, text, media_type) {
        (Format::Chr, Some(text), _) => (None, Data::Text(text.to_owned())),
        (Format::Bin, _, MediaType::DmWbxml) | (_, None, MediaType::DmWbxml) => {
            (Some(Format::Bin), Data::Opaque(octets.clone()))
        }
        (Format::Bin, _, MediaType::DmXml) | (_, None, MediaType::DmXml) => {
            (Some(Format::B64), Data::Text(STANDARD.encode(octets)))
        }
        (format, Some(text), _) => (Some(format), Data::Text(text.to_owned())),
    })
}

/// `Meta` with what differs from the defaults, `chr` and `text/plain`.
pub(super) fn meta(format: Option<Format>, type_: Option<&str>) -> Meta {
    Meta {
        format: format.map(|format| format.as_str().to_owned()),
        type_: type_
            .filter(|type_| !type_.is_empty() && *type_ != "text/plain")
            .map(str::to_owned),
        ..Meta::default()
    }
}

/// Whether both encodings can carry the text: no control character but white space.
fn travels(text: &str) -> bool {
    text.chars().all(|c| match c {
        '\t' | '\n' | '\r' => true,
        '\u{fffe}' | '\u{ffff}' => false,
        _ => c >= ' ',
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use omadm_syncml::{BlobEncoding, BlobId};

    const XML: MediaType = MediaType::DmXml;
    const WBXML: MediaType = MediaType::DmWbxml;

    #[test]
    fn octets_are_base64_in_xml_and_opaque_in_wbxml() {
        let octets = Value::from(vec![0, 0xff]);
        for (format, sent, media_type, expected, data) in [
            (
                Format::Bin,
                &octets,
                XML,
                Some(Format::B64),
                Data::Text("AP8=".into()),
            ),
            (
                Format::Bin,
                &octets,
                WBXML,
                Some(Format::Bin),
                Data::Opaque(vec![0, 0xff].into()),
            ),
            (
                Format::Chr,
                &octets,
                XML,
                Some(Format::B64),
                Data::Text("AP8=".into()),
            ),
            (
                Format::Chr,
                &"a\u{1}".into(),
                XML,
                Some(Format::B64),
                Data::Text("YQE=".into()),
            ),
            (
                Format::Chr,
                &"a\r\né".into(),
                XML,
                None,
                Data::Text("a\r\né".into()),
            ),
            (
                Format::B64,
                &"AP8=".into(),
                XML,
                Some(Format::B64),
                Data::Text("AP8=".into()),
            ),
            (
                Format::Int,
                &"7".into(),
                WBXML,
                Some(Format::Int),
                Data::Text("7".into()),
            ),
        ] {
            assert_eq!(value(format, sent, media_type), Ok((expected, data)));
        }
    }

    #[test]
    fn a_blob_is_too_large_to_send_at_once() {
        let blob = Value::Blob {
            id: BlobId(1),
            len: 9,
            encoding: BlobEncoding::Raw,
        };
        assert_eq!(value(Format::Bin, &blob, XML), Err(StatusCode::TOO_LARGE));
    }

    #[test]
    fn defaults_are_left_out() {
        assert_eq!(meta(None, Some("text/plain")), Meta::default());
        assert_eq!(meta(None, Some("")), Meta::default());
        let other = meta(Some(Format::Int), Some("text/x"));
        assert_eq!(other.format.as_deref(), Some("int"));
        assert_eq!(other.type_.as_deref(), Some("text/x"));
    }
}
