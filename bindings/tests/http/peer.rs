//! Servers for the tests: good ones, and ones that do what servers must not.

use bytes::Bytes;
use omadm_bindings::{Address, Bearer, BearerEvent, Error, Settings, open};
use omadm_syncml::{Envelope, MediaType, RespUri};
use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// Longer than anything here should take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server on loopback; it ends when this is dropped.
pub(crate) struct Peer {
    pub(crate) port: u16,
    connections: Arc<AtomicUsize>,
    _task: JoinSet<()>,
}

impl Peer {
    /// Runs `serve` over each connection, with its number counted from 0.
    pub(crate) async fn start<F, Fut>(serve: F) -> Self
    where
        F: Fn(usize, TcpStream) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        Self::at("127.0.0.1", serve).await.unwrap()
    }

    pub(crate) async fn at<F, Fut>(ip: &str, serve: F) -> std::io::Result<Self>
    where
        F: Fn(usize, TcpStream) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind((ip, 0)).await?;
        let port = listener.local_addr()?.port();
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        let mut task = JoinSet::new();
        task.spawn(async move {
            let mut running = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                stream.set_nodelay(true).unwrap();
                running.spawn(serve(count.fetch_add(1, Ordering::SeqCst), stream));
            }
        });
        Ok(Self {
            port,
            connections,
            _task: task,
        })
    }

    /// A server that answers each request with these bytes and keeps the connection.
    pub(crate) async fn answering(answer: impl Into<Vec<u8>>) -> Self {
        let answer: Arc<Vec<u8>> = Arc::new(answer.into());
        Self::start(move |_, mut stream| {
            let answer = Arc::clone(&answer);
            async move {
                while request(&mut stream).await.is_some() {
                    stream.write_all(&answer).await.unwrap();
                }
            }
        })
        .await
    }

    /// A server that answers one request with these bytes and closes.
    pub(crate) async fn closing(answer: impl Into<Vec<u8>>) -> Self {
        let answer: Arc<Vec<u8>> = Arc::new(answer.into());
        Self::start(move |_, mut stream| {
            let answer = Arc::clone(&answer);
            async move {
                request(&mut stream).await;
                stream.write_all(&answer).await.unwrap();
            }
        })
        .await
    }

    /// A server that answers with the `Host` it was asked for.
    pub(crate) async fn recording_host(ip: &str) -> Self {
        let serve = |_, mut stream: TcpStream| async move {
            while let Some(text) = request(&mut stream).await {
                let host = field(&text, "Host").unwrap().to_owned();
                stream.write_all(&ok(&host)).await.unwrap();
            }
        };
        Self::at(ip, serve).await.unwrap()
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    pub(crate) fn address(&self) -> Address {
        format!("http://127.0.0.1:{}/dm", self.port)
            .parse()
            .unwrap()
    }
}

/// A server that keeps what it was sent and answers with `answers` in turn.
pub(crate) async fn recording(answers: Vec<Vec<u8>>) -> (Peer, Arc<Mutex<Vec<String>>>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (log, answers) = (Arc::clone(&seen), Arc::new(answers));
    let peer = Peer::start(move |_, stream| {
        let (log, answers) = (Arc::clone(&log), Arc::clone(&answers));
        async move { record(stream, &log, &answers).await }
    })
    .await;
    (peer, seen)
}

/// One connection of such a server; it ends as an answer says.
pub(crate) async fn record<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    log: &Mutex<Vec<String>>,
    answers: &[Vec<u8>],
) {
    while let Some(request) = request(&mut stream).await {
        let index = {
            let mut log = log.lock().unwrap();
            log.push(request);
            log.len() - 1
        };
        let Some(answer) = answers.get(index) else {
            return;
        };
        stream.write_all(answer).await.unwrap();
        if String::from_utf8_lossy(answer).contains("Connection: close") {
            return;
        }
    }
}

/// A good answer.
pub(crate) fn ok(body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.syncml.dm+xml\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// An answer without content.
pub(crate) fn bare(status: &str, fields: &[&str]) -> Vec<u8> {
    let fields: String = fields.iter().flat_map(|field| [*field, "\r\n"]).collect();
    format!("HTTP/1.1 {status}\r\n{fields}Content-Length: 0\r\n\r\n").into_bytes()
}

/// The request lines of what a server was sent.
pub(crate) fn lines(seen: &Mutex<Vec<String>>) -> Vec<String> {
    let seen = seen.lock().unwrap();
    let line = |request: &String| request.split("\r\n").next().unwrap().to_owned();
    seen.iter().map(line).collect()
}

/// One whole request, head and content; `None` at the end of the connection.
pub(crate) async fn request<S: AsyncRead + Unpin>(stream: &mut S) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, content)) = text.split_once("\r\n\r\n") {
            let length = field(head, "Content-Length")?.parse().ok()?;
            if content.len() >= length {
                return Some(text);
            }
        }
        let mut buffer = [0; 4096];
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return None,
            Ok(read) => bytes.extend_from_slice(&buffer[..read]),
        }
    }
}

/// The value of a field, its name compared to the letter.
pub(crate) fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.split("\r\n")
        .filter_map(|line| line.split_once(": "))
        .find_map(|(found, value)| (found == name).then_some(value))
}

/// Settings for plain HTTP that fail fast.
pub(crate) fn plain() -> Settings {
    Settings {
        allow_http: true,
        system_roots: false,
        connect_timeout: Duration::from_secs(5),
        response_timeout: Duration::from_secs(5),
        message_timeout: Duration::from_secs(10),
        ..Settings::default()
    }
}

pub(crate) fn message(body: &str) -> Envelope {
    Envelope {
        to: None,
        media_type: MediaType::DmXml,
        body: Bytes::copy_from_slice(body.as_bytes()),
        hmac: None,
    }
}

pub(crate) fn message_to(uri: &str, body: &str) -> Envelope {
    Envelope {
        to: Some(RespUri(uri.to_owned())),
        ..message(body)
    }
}

/// The next event, within reason.
pub(crate) async fn event(bearer: &mut Bearer) -> Option<BearerEvent> {
    tokio::time::timeout(PATIENCE, bearer.events.recv())
        .await
        .expect("the bearer hangs")
}

/// Sends one message and gives its answer; an orderly end is `None`.
pub(crate) async fn talk(
    bearer: &mut Bearer,
    envelope: Envelope,
) -> Result<Option<Envelope>, Error> {
    bearer.out.send(envelope).await.expect("the bearer is gone");
    match event(bearer).await.expect("no event") {
        BearerEvent::Message(answer) => Ok(Some(answer)),
        BearerEvent::Closed(end) => {
            assert!(event(bearer).await.is_none(), "an event after the end");
            end.map(|()| None)
        }
    }
}

/// Sends one message to a peer and gives the answer.
pub(crate) async fn once(peer: &Peer, settings: &Settings) -> Result<Option<Envelope>, Error> {
    let mut bearer = open(&peer.address(), settings).await?;
    talk(&mut bearer, message("<SyncML/>")).await
}

/// The error of one message to a peer that answers so and closes.
pub(crate) async fn failure(answer: impl Into<Vec<u8>>) -> Error {
    let peer = Peer::closing(answer).await;
    once(&peer, &plain()).await.expect_err("an error")
}
