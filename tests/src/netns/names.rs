//! A name server that knows one address for every name (RFC 1035).
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "driver: answers questions of tests, which end when something is amiss"
)]

use std::net::{Ipv4Addr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use super::Namespace;

/// Answers until it is dropped.
pub struct NameServer {
    asked: Arc<AtomicU32>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl NameServer {
    /// Answers at port 53 of `at`, in the namespace, that every name has the address `known`.
    pub fn start(namespace: &Namespace, at: Ipv4Addr, known: Ipv4Addr) -> Self {
        let socket = namespace.within(|| UdpSocket::bind((at, 53)).expect("port 53 is free"));
        let patience = Some(Duration::from_millis(20));
        socket.set_read_timeout(patience).expect("a socket");
        let (asked, stop) = (
            Arc::new(AtomicU32::new(0)),
            Arc::new(AtomicBool::new(false)),
        );
        let (count, stopped) = (Arc::clone(&asked), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                let mut buffer = [0; 1500];
                let Ok((length, from)) = socket.recv_from(&mut buffer) else {
                    continue;
                };
                let question = buffer.get(..length).unwrap_or_default();
                if let Some(answer) = answer(question, known) {
                    count.fetch_add(1, Ordering::Relaxed);
                    // Whoever asked may have gone.
                    let _ = socket.send_to(&answer, from);
                }
            }
        });
        Self {
            asked,
            stop,
            thread: Some(thread),
        }
    }

    /// How many questions were answered.
    pub fn asked(&self) -> u32 {
        self.asked.load(Ordering::Relaxed)
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The address to a question for one, nothing to any other.
fn answer(message: &[u8], known: Ipv4Addr) -> Option<Vec<u8>> {
    let id = message.get(..2)?;
    let rest = message.get(12..)?;
    let name = rest.iter().position(|octet| *octet == 0)?;
    let question = rest.get(..name + 5)?;
    let [_, kind, ..] = *question.get(name + 1..)? else {
        return None;
    };
    let answers = u8::from(kind == 1);
    // An answer, recursion available, no error; one question.
    let mut reply = id.to_vec();
    reply.extend([0x81, 0x80, 0, 1, 0, answers, 0, 0, 0, 0]);
    reply.extend(question);
    if answers == 1 {
        // The name of the question, A, IN, a minute.
        reply.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
        reply.extend(known.octets());
    }
    Some(reply)
}
