//! Writes the courses that the corpus of the fuzz targets was begun with, after the vectors have
//! changed. Settings, time and answers to GETs are those of the vectors, each vector in one of the
//! settings that there are.
//!
//! ```sh
//! cargo run -p omadm-tests --example obex_corpus
//! ```
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "driver: writes files of this repository"
)]

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash as _, Hasher as _};
use std::path::Path;

use omadm_tests::fuzz;
use omadm_tests::vectors::{self, Deed};

fn main() {
    for (number, vector) in vectors::server().iter().enumerate() {
        let pieces: Vec<_> = vector
            .talk
            .iter()
            .map(|(request, _)| request.as_slice())
            .collect();
        let first = [0x18, 0x1A, 0x02, 0x19, 0x1C][number % 5];
        let mut course = fuzz::course([first, 3], &pieces);
        if !vector.objects.is_empty() {
            // An answer after the last request, and a second try to fetch it.
            course.extend([2, 21, 0, 0, 3, 0x83, 0, 3, 1, 5]);
        }
        keep("obex_server", &course);
    }
    for vector in vectors::client() {
        let first = if vector.secret.is_some() { 0x1C } else { 0x18 };
        let mut course = vec![first, 3];
        for (deed, talk, _) in &vector.deeds {
            match deed {
                Deed::Connect => {}
                Deed::Put(_, body) => course.extend([0x16, u8::try_from(body.len() / 20).unwrap()]),
                Deed::Get(_) => course.extend([0x0E, 0]),
                Deed::Disconnect => course.extend([0x06, 0]),
            }
            let pieces: Vec<_> = talk.iter().map(|(_, answer)| answer.as_slice()).collect();
            course.extend(&fuzz::course([0, 0], &pieces)[2..]);
        }
        keep("obex_client", &course);
    }
}

fn keep(target: &str, course: &[u8]) {
    let mut hash = DefaultHasher::new();
    course.hash(&mut hash);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(target);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(format!("{:016x}", hash.finish())), course).unwrap();
}
