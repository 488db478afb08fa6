//! What a `bt+obex` address says.

use crate::address::AddressError;
use crate::peer::PeerAddress;

use std::str::FromStr;

/// The channel that a device waits on, unless told otherwise: none that BlueZ or a common
/// service claims.
const CHANNEL: u8 = 22;

/// RFCOMM channels (RFCOMM 1.2, 5.4).
const CHANNELS: std::ops::RangeInclusive<u8> = 1..=30;

const FORM: &str = "bt+obex://00:1A:7D:DA:71:13 leads to a peer, bt+obex: waits for one; \
                    ?channel=1…30 and &adapter=hci0 may follow";

/// A peer to dial, or the device's own place to wait at.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BluetoothAddress {
    /// Whom to dial; nobody where the device waits, and where any device will do.
    pub peer: Option<PeerAddress>,
    /// The RFCOMM channel, 1 to 30. Who dials finds it by SDP without.
    pub channel: Option<u8>,
    /// The adapter, such as `hci0`. Who dials takes the default one without; who waits takes all.
    pub adapter: Option<String>,
    /// What the peer is, which decides what SDP is asked for.
    pub service: Service,
}

/// Whom SDP looks for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Service {
    /// A Device Management System first, then a device.
    #[default]
    Server,
    /// A device.
    Client,
}

impl BluetoothAddress {
    /// The channel that the device waits on.
    pub fn own_channel(&self) -> u8 {
        self.channel.unwrap_or(CHANNEL)
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), AddressError> {
        let refuse = |reason: String| Err(AddressError::new(reason));
        match (key, value) {
            ("channel", _) => match value.parse() {
                Ok(channel) if CHANNELS.contains(&channel) => self.channel = Some(channel),
                _ => return refuse("an RFCOMM channel is a number from 1 to 30".to_owned()),
            },
            ("adapter", _) if is_adapter(value) => self.adapter = Some(value.to_owned()),
            ("adapter", _) => return refuse("an adapter is named like hci0".to_owned()),
            ("service", "server") => self.service = Service::Server,
            ("service", "client") => self.service = Service::Client,
            ("service", _) => return refuse("service is server or client".to_owned()),
            _ => {
                let shown: String = key.chars().take(32).collect();
                return refuse(format!(
                    "unknown key {shown:?}; there are channel, adapter and service"
                ));
            }
        }
        Ok(())
    }
}

fn is_adapter(name: &str) -> bool {
    let number = name.strip_prefix("hci").unwrap_or_default();
    (1..=5).contains(&number.len()) && number.bytes().all(|digit| digit.is_ascii_digit())
}

impl FromStr for BluetoothAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let form = || AddressError::new(FORM);
        let rest = text.split_once(':').ok_or_else(form)?.1;
        let (peer, query) = match rest.split_once('?') {
            Some((peer, query)) => (peer, Some(query)),
            None => (rest, None),
        };
        let peer = match peer {
            "" | "//" => None,
            peer => {
                let peer = peer.strip_prefix("//").ok_or_else(form)?;
                Some(peer.parse().map_err(|_| form())?)
            }
        };
        let mut address = Self {
            peer,
            channel: None,
            adapter: None,
            service: Service::default(),
        };
        for pair in query.into_iter().flat_map(|query| query.split('&')) {
            let (key, value) = pair.split_once('=').ok_or_else(form)?;
            address.set(key, value)?;
        }
        Ok(address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<BluetoothAddress, String> {
        text.parse()
            .map_err(|error: AddressError| error.to_string())
    }

    #[test]
    fn a_peer_is_named_by_address() {
        let address = parse("bt+obex://00:aa:01:00:00:00?channel=9&adapter=hci1").unwrap();
        assert_eq!(address.peer.unwrap().to_string(), "00:AA:01:00:00:00");
        assert_eq!(address.channel, Some(9));
        assert_eq!(address.adapter.as_deref(), Some("hci1"));
        let address = parse("bt+obex://00:aa:01:00:00:00?service=client").unwrap();
        assert_eq!((address.channel, address.service), (None, Service::Client));
    }

    #[test]
    fn nobody_in_particular_is_waited_for() {
        for text in ["bt+obex:", "bt+obex://", "BT+OBEX:"] {
            let address = parse(text).unwrap();
            assert_eq!((address.peer, address.own_channel()), (None, 22), "{text}");
        }
        assert_eq!(parse("bt+obex:?channel=30").unwrap().own_channel(), 30);
    }

    #[test]
    fn what_leads_nowhere_says_how_it_is_written() {
        for (text, mend) in [
            ("bt+obex:00:AA:01:00:00:00", "bt+obex://"),
            ("bt+obex://phone", "bt+obex://"),
            ("bt+obex:?", "bt+obex://"),
            ("bt+obex:?channel=0", "1 to 30"),
            ("bt+obex:?channel=31", "1 to 30"),
            ("bt+obex:?channel=x", "1 to 30"),
            ("bt+obex:?adapter=eth0", "hci0"),
            ("bt+obex:?adapter=hci", "hci0"),
            ("bt+obex:?psm=1", "channel, adapter"),
            ("bt+obex:?service=dm", "server or client"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(mend), "{text}: {error}");
        }
    }
}
