//! What the tests of the parsers share.

use std::collections::HashSet;

use crate::{
    Dump, FsRoot, KpiId, KpiSet, Reading, RecordedNetlink, Samples, Table, report::Report,
};

/// What a parser makes of a text, as `name[instance] = reading`.
pub(crate) fn read(text: &str, parse: impl FnOnce(&str, &mut Report<'_>)) -> Vec<String> {
    let mut samples = Samples::new();
    parse(text, &mut Report::new("FILE", KpiSet::all(), &mut samples));
    lines(&samples)
}

fn lines(samples: &Samples) -> Vec<String> {
    let line = |sample: &crate::Sample| {
        let instance = sample
            .instance
            .as_ref()
            .map_or(String::new(), |name| format!("[{name}]"));
        format!("{}{instance} = {}", sample.id, sample.reading)
    };
    samples.iter().map(line).collect()
}

/// Feeds a parser with a thousand damaged forms of a text, and checks that it accounts for each of
/// its KPIs, tells instances apart, and yields finite numbers only.
pub(crate) fn survives(text: &str, kpis: KpiSet, parse: impl Fn(&str, &mut Report<'_>)) {
    for damaged in damages(text.as_bytes()) {
        let text = String::from_utf8_lossy(&damaged);
        let mut samples = Samples::new();
        let mut report = Report::new("FILE", kpis, &mut samples);
        parse(&text, &mut report);
        report.finish();
        check(&samples, kpis);
    }
}

fn check(samples: &Samples, kpis: KpiSet) {
    let found: HashSet<KpiId> = samples.iter().map(|sample| sample.id).collect();
    assert_eq!(found, kpis.iter().collect());
    for sample in samples {
        if let Reading::Value(value) = &sample.reading {
            assert!(value.as_f64().is_none_or(f64::is_finite), "{sample:?}");
        }
    }
}

/// A tree of these files that [`Sources::recorded`](crate::Sources::recorded) can read.
#[expect(
    clippy::disallowed_methods,
    reason = "driver: makes the tree that is read"
)]
pub(crate) fn recording(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    dir
}

/// What a probe makes of a recorded tree, as `name[instance] = reading`.
pub(crate) fn collected(probe: &mut dyn crate::Probe, files: &[(&str, &str)]) -> Vec<String> {
    let dir = recording(files);
    let mut samples = Samples::new();
    let sources = crate::Sources::recorded(dir.path());
    probe.collect(&sources, &probe.kpis(), &mut samples);
    lines(&samples)
}

/// A thousand damaged forms of some octets, the same in each run.
pub(crate) fn damages(octets: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    (0..1000).map(move |_| damage(octets.to_vec(), &mut random))
}

fn damage(mut octets: Vec<u8>, random: &mut Random) -> Vec<u8> {
    for _ in 0..=random.below(8) {
        let at = random.below(octets.len() + 1);
        let octet = random.octet();
        match random.below(5) {
            0 => octets.truncate(at),
            1 => octets.insert(at, octet),
            2 => octets.extend((0..random.below(64)).map(|_| random.octet())),
            3 if at < octets.len() => {
                let end = (at + random.below(32)).min(octets.len());
                octets.drain(at..end);
            }
            _ if at < octets.len() => octets[at] = octet,
            _ => {}
        }
    }
    octets
}

/// The bodies of the messages in a recorded dump of the gateway; none on a machine of the other
/// octet order.
pub(crate) fn bodies(table: Table) -> Vec<Vec<u8>> {
    if cfg!(target_endian = "big") {
        return Vec::new();
    }
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/gateway");
    let mut bodies = Vec::new();
    RecordedNetlink::new(FsRoot::recorded(dir))
        .dump(table, &mut |body| bodies.push(body.to_vec()))
        .unwrap();
    bodies
}

/// An attribute of a netlink message, padded (netlink(7)).
pub(crate) fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(value.len() + 4).unwrap();
    let mut bytes = [length.to_ne_bytes(), kind.to_ne_bytes()].concat();
    bytes.extend(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// `xorshift64*`.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() >> 33).unwrap() % bound.max(1)
    }

    /// Half of the time a character that means something in these files.
    fn octet(&mut self) -> u8 {
        const TELLING: &[u8] = b"0123456789 \n\t:.-=/\\\0";
        let choice = self.below(2 * TELLING.len());
        TELLING
            .get(choice)
            .copied()
            .unwrap_or((self.next() >> 56) as u8)
    }
}
