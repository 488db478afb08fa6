//! The service record of a device.

use super::classes::ServiceClass;

/// The record as BlueZ reads it.
///
/// The one that BlueZ would make by itself names no OBEX after RFCOMM, and a searcher may insist
/// on it (GOEP 2.1.1, 6). The language base is that of every service name here: English, UTF-8,
/// 0x0100 (Core specification, volume 3, part B, 5.1.8).
pub(super) fn service_record(channel: u8) -> String {
    let class = ServiceClass::DmClient;
    let uuid = class.uuid_text();
    let attributes = [
        (0x0001, sequence(&[uuid_of(&uuid)])),
        (
            0x0004,
            sequence(&[
                sequence(&[uuid_of("0x0100")]),
                sequence(&[
                    uuid_of("0x0003"),
                    format!("<uint8 value=\"0x{channel:02x}\"/>"),
                ]),
                sequence(&[uuid_of("0x0008")]),
            ]),
        ),
        (0x0005, sequence(&[uuid_of("0x1002")])),
        (
            0x0006,
            sequence(&[uint16(0x656e), uint16(0x006a), uint16(0x0100)]),
        ),
        (
            0x0009,
            sequence(&[sequence(&[uuid_of(&uuid), uint16(0x0100)])]),
        ),
        (0x0100, format!("<text value=\"{class}\"/>")),
    ];
    let attributes =
        attributes.map(|(id, value)| format!("<attribute id=\"0x{id:04x}\">{value}</attribute>"));
    let attributes = attributes.concat();
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?><record>{attributes}</record>")
}

fn sequence(elements: &[String]) -> String {
    format!("<sequence>{}</sequence>", elements.concat())
}

fn uuid_of(value: &str) -> String {
    format!("<uuid value=\"{value}\"/>")
}

fn uint16(value: u16) -> String {
    format!("<uint16 value=\"0x{value:04x}\"/>")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strict_searcher_finds_l2cap_rfcomm_and_obex_in_order() {
        let record = service_record(22);
        let stack = record.split("id=\"0x0004\">").nth(1).unwrap();
        let stack = stack.split("</attribute>").next().unwrap();
        assert_eq!(
            stack,
            "<sequence><sequence><uuid value=\"0x0100\"/></sequence>\
             <sequence><uuid value=\"0x0003\"/><uint8 value=\"0x16\"/></sequence>\
             <sequence><uuid value=\"0x0008\"/></sequence></sequence>"
        );
        assert!(record.contains("<text value=\"SyncML DM Client\"/>"));
    }
}
