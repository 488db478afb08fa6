//! A session of device management that is written down: what each end says in turn.
#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a message that cannot be read ends the test"
)]

use omadm_syncml::{
    Envelope, Initiator, Limits, MediaType, Notification, Secret, UiMode, decode_element,
    encode_element,
};

const DEVICE: [&str; 2] = [
    include_str!("../vectors/messages/01-package-1-basic.xml"),
    include_str!("../vectors/messages/60-results-leaf.xml"),
];

const SERVER: [&str; 2] = [
    include_str!("../vectors/messages/06-package-2-accepted.xml"),
    include_str!("../vectors/messages/07-package-4-last.xml"),
];

/// What the device says.
pub fn device(media_type: MediaType) -> Vec<Envelope> {
    envelopes(media_type, &DEVICE)
}

/// What the server says.
pub fn server(media_type: MediaType) -> Vec<Envelope> {
    envelopes(media_type, &SERVER)
}

/// Package 0 of the server with this identifier and secret, to a device that has no nonce yet.
pub fn package_0(server_id: &str, secret: &str, nonce: &[u8], session_id: u16) -> Vec<u8> {
    let notification = Notification {
        version: Notification::VERSION,
        ui_mode: UiMode::Background,
        initiator: Initiator::Server,
        session_id,
        server_id: server_id.to_owned(),
        vendor: Vec::new(),
    };
    let sealed = notification.seal(server_id, &Secret::from_text(secret), nonce);
    sealed.expect("a notification")
}

fn envelopes(media_type: MediaType, messages: &[&str]) -> Vec<Envelope> {
    let encoded = |xml: &&str| {
        let element = decode_element(MediaType::DmXml, xml.as_bytes(), &Limits::default());
        let element = element.expect("a message in XML");
        encode_element(media_type, &element).expect("a message that can be written")
    };
    let envelope = |body: Vec<u8>| Envelope {
        to: None,
        media_type,
        body: body.into(),
        hmac: None,
    };
    messages.iter().map(encoded).map(envelope).collect()
}
