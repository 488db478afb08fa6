//! The real program, and a device that speaks HTTP by hand.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests, outside of a test function"
)]

use omadm_syncml::auth::{self, AuthScheme, NonceForm, Secret};
use omadm_syncml::{Command as Syncml, Limits, MediaType, Message, decode, encode};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

pub(crate) const DEVICE: &str = "urn:uuid:1f0c7d4e-0000-4000-8000-000000000001";

/// A folder with a database, and perhaps a server on it.
pub(crate) struct Site {
    pub(crate) folder: tempfile::TempDir,
    server: Option<Child>,
    pub(crate) url: String,
}

impl Site {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            server: None,
            url: String::new(),
        }
    }

    pub(crate) fn serving(options: &[&str]) -> Self {
        let mut site = Self::new();
        site.serve(options);
        site
    }

    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_omadm-server"));
        command.current_dir(self.folder.path()).args(words);
        command
    }

    /// Starts the server and waits until it listens.
    pub(crate) fn serve(&mut self, options: &[&str]) {
        let mut child = self
            .command(&[
                "serve",
                "--listen",
                "127.0.0.1:0",
                "--server-id",
                "lab.example",
            ])
            .args(options)
            .env("RUST_LOG", "debug")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        out.read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("listening on ");
        assert!(url.is_some(), "not ready: {line:?}");
        url.unwrap_or_default().clone_into(&mut self.url);
        self.server = Some(child);
    }

    /// Runs a verb that must succeed, and gives what it prints.
    pub(crate) fn run(&self, words: &[&str]) -> String {
        let output = self.command(words).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{words:?}: {errors}");
        String::from_utf8(output.stdout).unwrap()
    }

    pub(crate) fn json(&self, words: &[&str]) -> serde_json::Value {
        serde_json::from_str(&self.run(&[words, &["--json"]].concat())).unwrap()
    }

    pub(crate) fn fail(&self, words: &[&str]) -> Output {
        let output = self.command(words).output().unwrap();
        assert!(!output.status.success(), "{words:?}");
        output
    }

    /// Registers the device and gives it what it needs.
    pub(crate) fn device(&self) -> Device {
        let added = self.json(&["device", "add", DEVICE]);
        let secret = added["secret"].as_str().unwrap();
        Device::new(&self.url, secret)
    }

    pub(crate) fn pid(&self) -> String {
        self.server.as_ref().unwrap().id().to_string()
    }

    /// Sends a signal and waits for the end.
    pub(crate) fn stop(&mut self, signal: &str) -> std::process::ExitStatus {
        let done = Command::new("kill").args([signal, &self.pid()]).status();
        assert!(done.unwrap().success());
        self.server.take().unwrap().wait().unwrap()
    }

    pub(crate) fn is_running(&mut self) -> bool {
        let server = self.server.as_mut().unwrap();
        server.try_wait().unwrap().is_none()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if let Some(mut server) = self.server.take() {
            let _ = server.kill();
            let _ = server.wait();
        }
    }
}

/// An HTTP response.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// The host and the path of an address.
pub(crate) fn split(url: &str) -> (&str, &str) {
    let rest = url.split_once("://").unwrap().1;
    let slash = rest.find('/').unwrap();
    rest.split_at(slash)
}

pub(crate) fn connect(url: &str) -> TcpStream {
    let address = split(url).0.to_socket_addrs().unwrap().next().unwrap();
    let stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    stream
}

pub(crate) fn post_head(url: &str, media_type: &str, length: usize) -> String {
    let (host, path) = split(url);
    format!(
        "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: {media_type}\r\n\
         Content-Length: {length}\r\n\r\n"
    )
}

pub(crate) fn exchange(stream: &mut (impl Read + Write), request: &[u8]) -> Response {
    stream.write_all(request).unwrap();
    response(stream).unwrap()
}

/// Reads one response; an error when the peer hung up before its end.
pub(crate) fn response(stream: &mut impl Read) -> std::io::Result<Response> {
    let mut octets = Vec::new();
    let mut octet = [0];
    while !octets.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut octet)?;
        octets.push(octet[0]);
    }
    let head = String::from_utf8(octets).unwrap();
    let mut response = Response {
        status: head.split(' ').nth(1).unwrap().parse().unwrap(),
        head,
        body: Vec::new(),
    };
    let length: usize = response.header("content-length").unwrap().parse().unwrap();
    response.body.resize(length, 0);
    stream.read_exact(&mut response.body)?;
    Ok(response)
}

/// The device's end of a session.
pub(crate) struct Device {
    secret: Secret,
    pub(crate) url: String,
    home: String,
    pub(crate) nonce: Vec<u8>,
    pub(crate) media_type: MediaType,
    pub(crate) session_id: u32,
    msg_id: u32,
    pub(crate) last: Vec<u8>,
}

impl Device {
    pub(crate) fn new(url: &str, secret: &str) -> Self {
        Self {
            secret: Secret::from_text(secret),
            url: url.to_owned(),
            home: url.to_owned(),
            nonce: Vec::new(),
            media_type: MediaType::DmXml,
            session_id: 1,
            msg_id: 0,
            last: Vec::new(),
        }
    }

    /// The next message as it travels.
    pub(crate) fn message(&mut self, prove: bool, body: &str) -> Vec<u8> {
        self.msg_id += 1;
        let cred = if prove {
            let data = auth::md5(DEVICE, &self.secret, &self.nonce);
            format!(
                "<Cred><Meta><Type xmlns='syncml:metinf'>{}</Type></Meta><Data>{}</Data></Cred>",
                AuthScheme::Md5.as_str(),
                *data
            )
        } else {
            String::new()
        };
        let text = format!(
            "<SyncML xmlns='SYNCML:SYNCML1.2'><SyncHdr><VerDTD>1.2</VerDTD>\
             <VerProto>DM/1.2</VerProto><SessionID>{}</SessionID><MsgID>{}</MsgID>\
             <Target><LocURI>{}</LocURI></Target>\
             <Source><LocURI>{DEVICE}</LocURI><LocName>{DEVICE}</LocName></Source>{cred}\
             </SyncHdr><SyncBody>{body}</SyncBody></SyncML>",
            self.session_id, self.msg_id, self.url
        );
        self.last = match self.media_type {
            MediaType::DmXml => text.into_bytes(),
            MediaType::DmWbxml => {
                let message = decode(MediaType::DmXml, text.as_bytes(), &Limits::default());
                encode(self.media_type, &message.unwrap()).unwrap()
            }
        };
        self.last.clone()
    }

    pub(crate) fn request(&self) -> Vec<u8> {
        let head = post_head(&self.url, self.media_type.as_str(), self.last.len());
        [head.as_bytes(), &self.last].concat()
    }

    /// Sends a message on a connection.
    pub(crate) fn send(
        &mut self,
        stream: &mut (impl Read + Write),
        prove: bool,
        body: &str,
    ) -> Message {
        self.message(prove, body);
        let response = exchange(stream, &self.request());
        self.hear(&response)
    }

    /// Takes an answer: where to go on and the nonce to use.
    pub(crate) fn hear(&mut self, response: &Response) -> Message {
        let text = String::from_utf8_lossy(&response.body);
        assert_eq!(response.status, 200, "{text}");
        assert_eq!(
            response.header("content-type"),
            Some(self.media_type.as_str())
        );
        let message = decode(self.media_type, &response.body, &Limits::default()).unwrap();
        if let Some(uri) = &message.header.resp_uri {
            self.url.clone_from(uri);
        }
        for command in &message.commands {
            if let Syncml::Status(status) = command
                && let Some(nonce) = status
                    .chal
                    .as_ref()
                    .and_then(|chal| chal.next_nonce.as_ref())
            {
                self.nonce = auth::nonce_octets(nonce, NonceForm::Decoded).unwrap();
            }
        }
        message
    }

    /// Package 1, again after the challenge if there is one.
    pub(crate) fn begin(&mut self, stream: &mut (impl Read + Write)) -> Message {
        let first = self.send(stream, true, &package_1());
        if header_code(&first) == "212" {
            return first;
        }
        assert_eq!(header_code(&first), "401");
        let second = self.send(stream, true, &package_1());
        assert_eq!(header_code(&second), "212");
        second
    }

    /// Leaves the session behind.
    pub(crate) fn hang_up(&mut self) {
        self.session_id += 1;
        self.msg_id = 0;
        self.url.clone_from(&self.home);
    }
}

pub(crate) fn package_1() -> String {
    format!(
        "<Alert><CmdID>1</CmdID><Data>1201</Data></Alert><Replace><CmdID>2</CmdID>\
         <Item><Source><LocURI>./DevInfo/DevId</LocURI></Source><Data>{DEVICE}</Data></Item>\
         <Item><Source><LocURI>./DevInfo/Man</LocURI></Source><Data>Acme</Data></Item>\
         </Replace><Final/>"
    )
}

pub(crate) fn header_code(message: &Message) -> &str {
    let status = message.commands.iter().find_map(|command| match command {
        Syncml::Status(status) if status.cmd == "SyncHdr" => Some(status),
        _ => None,
    });
    &status.unwrap().data
}

/// The commands of a message with their names and `CmdID`s.
pub(crate) fn commands(message: &Message) -> Vec<(&'static str, &str)> {
    let commands = message.commands.iter().filter_map(|command| match command {
        Syncml::Get(r) => Some(("Get", r.cmd_id.as_str())),
        Syncml::Add(r) => Some(("Add", r.cmd_id.as_str())),
        Syncml::Replace(r) => Some(("Replace", r.cmd_id.as_str())),
        Syncml::Atomic(c) => Some(("Atomic", c.cmd_id.as_str())),
        Syncml::Status(_) => None,
        other => panic!("unexpected: {other:?}"),
    });
    commands.collect()
}

/// Statuses of 200 and values for all commands of a message.
pub(crate) fn obedience(message: &Message) -> String {
    let msg_ref = &message.header.msg_id;
    let mut body = format!(
        "<Status><CmdID>1</CmdID><MsgRef>{msg_ref}</MsgRef><CmdRef>0</CmdRef>\
         <Cmd>SyncHdr</Cmd><Data>212</Data></Status>"
    );
    for (name, cmd_id) in commands(message) {
        body += &format!(
            "<Status><CmdID>2</CmdID><MsgRef>{msg_ref}</MsgRef><CmdRef>{cmd_id}</CmdRef>\
             <Cmd>{name}</Cmd><Data>200</Data></Status>"
        );
        if name == "Get" {
            body += &format!(
                "<Results><CmdID>3</CmdID><MsgRef>{msg_ref}</MsgRef><CmdRef>{cmd_id}</CmdRef>\
                 <Item><Source><LocURI>./DevDetail/SwV</LocURI></Source><Data>7</Data></Item>\
                 </Results>"
            );
        }
    }
    body + "<Final/>"
}
