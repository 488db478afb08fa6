//! The capability object: what a device can do over OBEX (OBEX 1.5, 9.3; the entry of S60).

use crate::arrival::Identity;

use omadm_syncml::{MediaType, notification};

/// The document for a device, short: obexftp takes no more than 500 octets.
pub(super) fn capability(device: &Identity) -> String {
    let Identity {
        manufacturer,
        model,
        revision,
        serial,
    } = device;
    let (manufacturer, model) = (escape(manufacturer), escape(model));
    let (revision, serial) = (escape(revision), escape(serial));
    let message = MediaType::DmWbxml;
    let notification = notification::MEDIA_TYPE;
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<Capability Version="1.0">
<General><Manufacturer>{manufacturer}</Manufacturer><Model>{model}</Model><SN>{serial}</SN><SW Version="{revision}"/></General>
<Service><Name>SyncML-DM</Name><UUID>SYNCML-DM</UUID><Version>1.2</Version><Object><Type>{message}</Type></Object><Ext><XNam>ServerAlertedNotificationType</XNam><XVal>{notification}</XVal></Ext></Service>
</Capability>
"#
    )
}

/// Text that may stand in an element or in an attribute.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c if c.is_control() => out.push('?'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use omadm_syncml::{Limits, decode_element};

    #[test]
    fn the_document_is_xml_whatever_the_device_is_called() {
        let text = capability(&Identity {
            manufacturer: "A & B <\"x\">\u{1}".to_owned(),
            model: "m".to_owned(),
            revision: "1.0".to_owned(),
            serial: "IMEI:1".to_owned(),
        });
        assert!(text.contains("A &amp; B &lt;&quot;x&quot;&gt;?"), "{text}");
        let (_, body) = text.split_once("?>\n").unwrap();
        decode_element(MediaType::DmXml, body.as_bytes(), &Limits::default()).unwrap();
    }
}
