//! The device as its own folder and the server's registry describe it.

use super::{DEVICE, DEVICE_SECRET, Proofs, SERVER_ID, SERVER_SECRET};
use omadm_agent::config::Device as DeviceConfiguration;
use omadm_agent::control::wire::{AccountSettings, NewAccount};
use omadm_agent::identity::{DevId, Machine, Origin};
use omadm_agent::mo::Board;
use omadm_dm::{Tree, TreeLimits};
use omadm_probes::{FsRoot, KpiSet, Probes, Sources, collect};
use omadm_server::session::{Credential, Device};
use omadm_server::store::NewDevice;
use omadm_syncml::MediaType;
use omadm_syncml::auth::Secret;
use std::error::Error;
use zeroize::Zeroizing;

/// A recorded gateway that probes can read.
pub const GATEWAY: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../probes/tests/fixtures/gateway"
);

/// The description of a permanent node with groups of text leaves, all made at run time.
pub fn groups(name: &str) -> String {
    format!(
        "<MgmtTree><VerDTD>1.2</VerDTD><Node><NodeName>{name}</NodeName>
<DFProperties><AccessType><Get/></AccessType><DFFormat><node/></DFFormat><Occurrence><One/></Occurrence>
<Scope><Permanent/></Scope><DFType><DDFName/></DFType></DFProperties>
<Node><NodeName/><DFProperties><AccessType><Add/><Get/></AccessType><DFFormat><node/></DFFormat>
<Occurrence><ZeroOrMore/></Occurrence><Scope><Dynamic/></Scope><DFType><DDFName/></DFType></DFProperties>
<Node><NodeName/><DFProperties><AccessType><Add/><Get/></AccessType><DFFormat><chr/></DFFormat>
<Occurrence><ZeroOrMore/></Occurrence><Scope><Dynamic/></Scope><DFType><MIME>text/plain</MIME></DFType>
</DFProperties></Node></Node></Node></MgmtTree>"
    )
}

/// The tree of a device with this name, whose probes read `sources`.
pub fn device_tree(id: &str, sources: &str) -> Result<Tree, Box<dyn Error>> {
    let id = DevId {
        text: id.to_owned(),
        origin: Origin::Random,
    };
    let limits = TreeLimits::default();
    let machine = Machine::read(&DeviceConfiguration::default(), &FsRoot::recorded(sources));
    let mut tree = Tree::new(limits);
    // A recorded machine does not change: what it has is read once.
    let board = Board::default();
    let sources = Sources::recorded(sources);
    board.put(collect(&mut Probes::all(), &sources, &KpiSet::all()));
    for object in omadm_agent::mo::all(&id, &machine, limits.uri, &board)? {
        tree.mount(object)?;
    }
    Ok(tree)
}

/// What an account that is authenticated by MD5 in both directions is made from.
pub fn account(encoding: MediaType, address: &str) -> NewAccount {
    let encoding = match encoding {
        MediaType::DmXml => "xml",
        MediaType::DmWbxml => "wbxml",
    };
    NewAccount {
        name: "dms".to_owned(),
        server_id: SERVER_ID.to_owned(),
        address: address.to_owned(),
        client_auth: Some("md5".to_owned()),
        client_secret: Some(Zeroizing::new(DEVICE_SECRET.to_owned())),
        server_auth: Some("md5".to_owned()),
        server_secret: Some(Zeroizing::new(SERVER_SECRET.to_owned())),
        settings: Some(AccountSettings {
            encoding: Some(encoding.to_owned()),
            allows_http: Some(true),
            ..AccountSettings::default()
        }),
        ..NewAccount::default()
    }
}

/// What the server knows of the device.
pub(super) fn registration(proofs: Proofs) -> NewDevice {
    let credential = |scheme, user: &str, secret: &str| Credential {
        scheme,
        user: user.to_owned(),
        secret: Secret::from_text(secret),
        nonce: Vec::new(),
    };
    let mut client = credential(proofs.client, DEVICE, DEVICE_SECRET);
    if proofs.nonce_text {
        // As `device add` has it: an empty one would be the same in either form.
        client.nonce = b"nobody has this one".to_vec();
    }
    NewDevice {
        device: Device {
            id: DEVICE.to_owned(),
            known: true,
            client,
            server: Some(credential(proofs.server, SERVER_ID, SERVER_SECRET)),
        },
        replace: false,
    }
}
