//! Round trips of an object, beside the fewest that its size and that of packets allow.

use crate::connect;

use omadm_syncml::{Envelope, MediaType};
use omadm_tests::line::{End, LineSettings, Relay, socket_pair};
use omadm_tests::rounds::{fewest_to_get, fewest_to_put};
use omadm_tests::waiting::{Waiting, runtime};
use std::path::Path;
use std::sync::Arc;

/// A document that a device takes without looking into it.
const DOCUMENT: &str = "application/vnd.wap.connectivity-wbxml";

const MTUS: [u16; 5] = [255, 512, 1024, 16_384, 65_535];

fn sizes(mtu: u16) -> Vec<usize> {
    let mtu = usize::from(mtu);
    // Around what fits the first packet, the second, and far above.
    let mut sizes: Vec<_> = (mtu - 65..mtu).collect();
    sizes.extend([0, 1, 100, 2 * mtu - 60, 2 * mtu, 10 * mtu + 7]);
    sizes
}

/// A device at the other end of a line; its message is of this size.
struct Bench {
    _device: Waiting,
    folder: tempfile::TempDir,
}

impl Bench {
    fn new(size: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let script = move |_: &_| {
            vec![Envelope {
                to: None,
                media_type: MediaType::DmWbxml,
                body: vec![7; size].into(),
                hmac: None,
            }]
        };
        let address = format!("unix+obex://{}", socket(folder.path()).display());
        Self {
            _device: Waiting::at(&address, vec![], Arc::new(script)),
            folder,
        }
    }

    /// Round trips of what is done on a line to it.
    fn rounds(&self, mtu: u16, put: Option<usize>) -> u64 {
        let (stream, near) = socket_pair().unwrap();
        let far = End::connect(&socket(self.folder.path())).unwrap();
        let relay = Relay::start(near, far, &LineSettings::default()).unwrap();
        runtime().block_on(async {
            let mut line = connect(stream, mtu).await.unwrap();
            let before = relay.counts().turns;
            match put {
                Some(size) => line.put(DOCUMENT, vec![7; size].into()).await.unwrap(),
                None => drop(line.get(MediaType::DmWbxml.as_str()).await.unwrap()),
            }
            (relay.counts().turns - before) / 2
        })
    }
}

fn socket(folder: &Path) -> std::path::PathBuf {
    folder.join("device.sock")
}

#[test]
fn an_object_is_stored_in_as_few_round_trips_as_there_can_be() {
    let bench = Bench::new(1);
    for mtu in MTUS {
        for size in sizes(mtu) {
            let expected = fewest_to_put(size, mtu, DOCUMENT);
            let rounds = bench.rounds(mtu, Some(size));
            assert_eq!(rounds, expected, "{size} octets in packets of {mtu}");
        }
    }
}

#[test]
fn an_object_is_fetched_in_as_few_round_trips_as_there_can_be() {
    for mtu in MTUS {
        for size in sizes(mtu).into_iter().step_by(3) {
            let expected = fewest_to_get(size, mtu);
            let rounds = Bench::new(size).rounds(mtu, None);
            assert_eq!(rounds, expected, "{size} octets in packets of {mtu}");
        }
    }
}
