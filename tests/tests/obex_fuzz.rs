//! The fuzz targets over what was once found, and over seeded variations of it.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "test: reads the corpus"
)]

use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use omadm_tests::dice::Dice;
use omadm_tests::fuzz;
use omadm_tests::vectors::hex;

type Target = fn(&[u8]);

const TARGETS: [(&str, Target); 2] = [("obex_server", fuzz::server), ("obex_client", fuzz::client)];

/// Variations of each target a run; `OMADM_LONG` multiplies them.
const VARIATIONS: u32 = 6_000;

fn folder(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(target)
}

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = folder(target);
    let mut files: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

fn run(name: &str, target: Target, course: &[u8]) {
    let went = catch_unwind(|| target(course));
    assert!(went.is_ok(), "{name}: {}", hex(course));
}

/// Another course, not far from this one.
fn vary(dice: &mut Dice, course: &[u8], other: &[u8]) -> Vec<u8> {
    let mut out = course.to_vec();
    for _ in 0..=dice.roll(4) {
        let at = dice.index(out.len());
        match dice.roll(6) {
            0 => out[at] ^= 1 << dice.roll(8),
            1 => out[at] = dice.octet(),
            2 => drop(out.remove(at)),
            3 => out.insert(at, dice.octet()),
            4 => out.truncate(at.max(1)),
            _ => drop(out.splice(at..at, dice.slice(other).to_vec())),
        }
        if out.is_empty() {
            return vec![dice.octet()];
        }
    }
    out
}

#[test]
fn nothing_that_was_found_goes_wrong_again() {
    for (name, target) in TARGETS {
        let all = corpus(name);
        assert!(all.len() > 10, "{name}: {} courses", all.len());
        for course in all {
            run(name, target, &course);
        }
    }
}

#[test]
fn variations_of_it_go_wrong_neither() {
    let times = if std::env::var_os("OMADM_LONG").is_some() {
        100
    } else {
        1
    };
    for (name, target) in TARGETS {
        let all = corpus(name);
        let mut dice = Dice::new(20);
        for _ in 0..VARIATIONS * times {
            let (course, other) = (dice.pick(&all).unwrap(), dice.pick(&all).unwrap());
            let course = vary(&mut dice, course, other);
            run(name, target, &course);
        }
    }
}
