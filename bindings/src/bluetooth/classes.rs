//! The service classes of SyncML.

use std::fmt;

/// What the UUIDs of SyncML end in; the first 32 bits tell the service.
const SYNCML: u128 = 0x0000_0000_0000_1000_8000_0002_ee00_0002;

/// A service of SyncML that SDP knows of.
///
/// The class of the DM server is not assigned anywhere in the open; it follows from its
/// neighbours and is searched only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ServiceClass {
    /// A server of data synchronization, which serves device management too at times.
    SyncServer,
    /// A client of data synchronization.
    SyncClient,
    /// A Device Management System.
    DmServer,
    /// A device that can be managed.
    DmClient,
}

impl ServiceClass {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::SyncServer,
        Self::SyncClient,
        Self::DmServer,
        Self::DmClient,
    ];

    /// Its UUID.
    pub const fn uuid(self) -> u128 {
        let short: u128 = match self {
            Self::SyncServer => 1,
            Self::SyncClient => 2,
            Self::DmServer => 3,
            Self::DmClient => 4,
        };
        short << 96 | SYNCML
    }

    /// The class of a UUID.
    pub fn of(uuid: u128) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.uuid() == uuid)
    }

    /// Its UUID as it is written.
    pub fn uuid_text(self) -> String {
        bluer::Uuid::from_u128(self.uuid()).to_string()
    }

    /// A word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::SyncServer => "sync-server",
            Self::SyncClient => "sync-client",
            Self::DmServer => "dm-server",
            Self::DmClient => "dm-client",
        }
    }
}

impl fmt::Display for ServiceClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SyncServer => "SyncML Server",
            Self::SyncClient => "SyncML Client",
            Self::DmServer => "SyncML DM Server",
            Self::DmClient => "SyncML DM Client",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_class_of_a_device_is_the_one_that_phones_show() {
        let class = ServiceClass::DmClient;
        assert_eq!(class.uuid_text(), "00000004-0000-1000-8000-0002ee000002");
        assert_eq!(ServiceClass::of(class.uuid()), Some(class));
        assert_eq!(ServiceClass::of(0), None);
    }
}
