//! Whom the agent obeys without SyncML credentials: one account over plain http and over TLS,
//! with proofs that it accepts and with others. The real programs on loopback.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "test: writes files of its own"
)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use omadm_bindings::SpkiPin;
use omadm_tests::line::{Cable, LineSettings};
use omadm_tests::process::{Agent, Server};
use rcgen::{
    CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair, PublicKeyData as _,
    SanType,
};
use serde_json::Value;

const SERVER_ID: &str = "proof.example";
const NAME: &str = "./DMAcc/proof/Name";

/// A certificate authority and what it has signed, in files.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    file: String,
}

/// Certificate and key in files, and the pin of the key.
struct Certified {
    certificate: String,
    key: String,
    pin: String,
}

impl Authority {
    fn new(folder: &Path, name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let issuer = CertifiedIssuer::self_signed(params, key).unwrap();
        let file = written(folder, name, &issuer.as_ref().pem());
        Self { issuer, file }
    }

    fn certify(&self, folder: &Path, name: &str, purpose: ExtendedKeyUsagePurpose) -> Certified {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.subject_alt_names = vec![SanType::IpAddress([127, 0, 0, 1].into())];
        params.extended_key_usages = vec![purpose];
        let key = KeyPair::generate().unwrap();
        let own = params.signed_by(&key, &self.issuer).unwrap();
        Certified {
            certificate: written(folder, &format!("{name}.pem"), &own.pem()),
            key: written(folder, &format!("{name}.key"), &key.serialize_pem()),
            pin: SpkiPin::of(&key.subject_public_key_info()).to_string(),
        }
    }
}

fn written(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    path.to_str().unwrap().to_owned()
}

/// An agent with one account, whose server never shows credentials in SyncML.
struct Lab {
    folder: tempfile::TempDir,
    agent: Agent,
    secret: String,
    device: String,
}

impl Lab {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let agent = Agent::start(&folder.path().join("agent"), "");
        let device = agent.device_id();
        let secret = written(folder.path(), "secret", "s3cret\n");
        let lab = Self {
            folder,
            agent,
            secret,
            device,
        };
        let (id, place) = ("--server-id", "https://127.0.0.1:1/dm");
        let add = ["account", "add", "proof", id, SERVER_ID, "--address", place];
        let names = ["--client-name", "device", "--server-name", SERVER_ID];
        let secrets = ["--client-secret-file", &lab.secret];
        let theirs = ["--server-secret-file", &lab.secret, "--allow-http"];
        let all = [&add[..], &names, &secrets, &theirs].concat();
        lab.agent.run(&all).expect_success();
        lab
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Starts a server that knows the device.
    fn serve(&self, name: &str, options: &[&str]) -> Server {
        let server = Server::start(&self.path().join(name), SERVER_ID, options);
        let add = ["device", "add", &self.device, "--user", "device"];
        let proof = ["--secret-file", &self.secret, "--server-auth", "none"];
        server.run(&[&add[..], &proof].concat()).expect_success();
        server
    }

    fn set(&self, options: &[&str]) {
        let all = [&["account", "set", "proof"], options].concat();
        self.agent.run(&all).expect_success();
    }

    /// Whether the server's command is obeyed, and what is said of the session.
    fn obeys(&self, server: &Server) -> (bool, String) {
        self.obeys_at(server, &server.url())
    }

    /// The same at one of the server's other addresses.
    fn obeys_at(&self, server: &Server, place: &str) -> (bool, String) {
        let address = "./DMAcc/proof/AppAddr/1/Addr";
        self.agent.run(&["set", address, place]).expect_success();
        self.agent.run(&["set", NAME, "as it was"]).expect_success();
        let replace = ["replace", NAME, "--value", "obeyed"];
        let add = [&["job", "add", &self.device][..], &replace].concat();
        let job = server.json(&add)["job"].to_string();
        let report = self.agent.json(&["session"]);
        let session = &report["session"];
        let done = server.json(&["job", "show", &job])["state"] == "done";
        let obeyed = self.agent.value(NAME) == "obeyed";
        assert_eq!(done, obeyed, "{session}");
        assert_eq!(obeyed, session["result"] == "completed", "{session}");
        // What was not done now must not be done in another session.
        server.run(&["job", "cancel", &job]);
        (obeyed, session.to_string())
    }

    fn obeyed(&self, server: &Server) {
        let (obeyed, session) = self.obeys(server);
        assert!(obeyed, "{session}");
    }

    fn refused(&self, server: &Server, word: &str) {
        let (obeyed, session) = self.obeys(server);
        assert!(!obeyed && session.contains(word), "{word}: {session}");
    }
}

const UNPROVEN: &str = "did not authenticate itself";

#[test]
fn one_account_obeys_a_proof_that_it_accepts_and_no_other() {
    let lab = Lab::new();
    let authority = Authority::new(lab.path(), "ca.pem");
    let own = authority.certify(lab.path(), "server", ExtendedKeyUsagePurpose::ServerAuth);
    let files = ["--tls-cert", &own.certificate, "--tls-key", &own.key];
    let secure = lab.serve("secure", &files);
    let plain = lab.serve("plain", &[]);

    // Nobody vouches for the certificate.
    lab.set(&["--accept", "tls"]);
    lab.refused(&secure, "TLS");
    // It is trusted now, but the account wants credentials all the same.
    lab.set(&["--ca-file", &authority.file, "--accept", "none"]);
    lab.refused(&secure, UNPROVEN);
    for proof in ["tls", "tls-ca"] {
        lab.set(&["--accept", proof]);
        lab.obeyed(&secure);
        // The same account, the same server, and nothing that proves it.
        lab.refused(&plain, UNPROVEN);
    }

    // A pin is a proof of its own, and the one thing that the account still believes in.
    lab.set(&["--pin", &own.pin, "--accept", "tls-pin"]);
    lab.obeyed(&secure);
    lab.refused(&plain, UNPROVEN);
    let other = authority.certify(lab.path(), "other", ExtendedKeyUsagePurpose::ServerAuth);
    lab.set(&["--pin", &other.pin]);
    lab.refused(&secure, "pin");
}

#[test]
fn the_server_that_tls_proves_is_not_obeyed_over_a_serial_line() {
    let lab = Lab::new();
    let cable = Cable::new(lab.path(), &LineSettings::default()).unwrap();
    let line = |end| format!("tty+obex://{}?baud=921600", cable.path(end).display());
    let authority = Authority::new(lab.path(), "ca.pem");
    let own = authority.certify(lab.path(), "server", ExtendedKeyUsagePurpose::ServerAuth);
    let files = ["--tls-cert", &own.certificate, "--tls-key", &own.key];
    let waits = line(1);
    let server = lab.serve("both", &[&files[..], &["--obex-listen", &waits]].concat());
    lab.set(&["--ca-file", &authority.file, "--accept", "tls"]);
    lab.obeyed(&server);
    // The same account, the same program with the same database, and a cable.
    let (obeyed, session) = lab.obeys_at(&server, &line(0));
    assert!(!obeyed && session.contains(UNPROVEN), "{session}");
    assert!(session.contains("\"bytes_received\":"), "{session}");
    lab.obeyed(&server);
}

#[test]
fn a_device_that_shows_its_certificate_may_take_that_for_proof() {
    let lab = Lab::new();
    let authority = Authority::new(lab.path(), "ca.pem");
    let folder = lab.path();
    let own = authority.certify(folder, "server", ExtendedKeyUsagePurpose::ServerAuth);
    let device = authority.certify(folder, "device", ExtendedKeyUsagePurpose::ClientAuth);
    let files = ["--tls-cert", &own.certificate, "--tls-key", &own.key];
    let curious = ["--tls-client-ca", &authority.file];
    let curious = lab.serve("curious", &[&files[..], &curious].concat());
    let careless = lab.serve("careless", &files);
    lab.set(&["--ca-file", &authority.file]);
    // Without a certificate, the server that asks for one ends it.
    lab.refused(&curious, "TLS");
    let (chain, key) = (&device.certificate, &device.key);
    let show = ["--client-certificate", chain, "--client-key", key];
    lab.set(&[&show[..], &["--accept", "tls-mutual"]].concat());
    lab.obeyed(&curious);
    // This one did not ask: whoever it is, it has not tied itself to this device.
    lab.refused(&careless, UNPROVEN);
    lab.set(&["--accept", "tls-mutual,tls-ca"]);
    lab.obeyed(&careless);
}

#[test]
fn an_account_shows_everything_but_its_secrets() {
    let mut lab = Lab::new();
    let folder = lab.path().to_owned();
    for (option, secret) in [("http", "http-s3cret"), ("proxy", "proxy-s3cret")] {
        let file = written(&folder, option, secret);
        let name = format!("{option}-user");
        let (name_of, secret_of) = (
            format!("--{option}-name"),
            format!("--{option}-secret-file"),
        );
        let what = match option {
            "http" => ["--http-auth", "digest"],
            _ => ["--proxy", "http://127.0.0.1:3128"],
        };
        let credential = [name_of.as_str(), &name, &secret_of, &file];
        lab.set(&[&what[..], &credential].concat());
    }
    let shown = lab.agent.json(&["account", "show", "proof"]);
    assert_eq!(shown["http_auth"], "digest", "{shown}");
    assert_eq!(shown["proxy"], "http://127.0.0.1:3128", "{shown}");
    assert_eq!(shown["proxy_name"], "proxy-user", "{shown}");
    let mut said = vec![shown.to_string(), lab.agent.process().log()];
    for verb in [
        &["account", "show", "proof"][..],
        &["account", "list"],
        &["account", "list", "--json"],
        &["status"],
        &["status", "--json"],
        &["tree", "./DMAcc"],
        &["tree", "./DMAcc", "--json"],
    ] {
        said.push(lab.agent.run(verb).expect_success());
    }
    for text in said {
        assert!(!text.contains("s3cret"), "{text}");
    }
    let table = lab.agent.run(&["account", "list"]).out;
    let widest = table.lines().map(|line| line.chars().count()).max();
    assert!(widest.unwrap() <= 100, "{table}");
    // Gone with the account, in the files too.
    lab.agent
        .run(&["account", "remove", "proof"])
        .expect_success();
    lab.agent.stop();
    for entry in fs::read_dir(lab.agent.state()).unwrap() {
        let octets = fs::read(entry.unwrap().path()).unwrap();
        let text = String::from_utf8_lossy(&octets);
        assert!(!text.contains("-s3cret"), "a secret is still there");
    }
}

#[test]
fn files_that_the_agent_cannot_use_are_told_when_they_are_named() {
    let lab = Lab::new();
    let folder = lab.path();
    let authority = Authority::new(folder, "ca.pem");
    let device = authority.certify(folder, "device", ExtendedKeyUsagePurpose::ClientAuth);
    let (chain, key) = (device.certificate.as_str(), device.key.as_str());
    let empty = written(folder, "empty", "");
    let missing = folder.join("missing").to_str().unwrap().to_owned();
    let refused = |options: &[&str], word: &str| {
        let all = [&["account", "set", "proof"], options].concat();
        let ended = lab.agent.run(&all);
        assert_ne!(ended.code, 0, "{options:?}");
        assert!(ended.err.contains(word), "{}", ended.err);
    };
    refused(&["--ca-file", &missing], "missing");
    refused(&["--ca-file", &empty], "no PEM certificate");
    refused(&["--client-certificate", chain], "--client-key");
    let with = |key| ["--client-certificate", chain, "--client-key", key];
    refused(&with(&missing), "No such file");
    refused(&with(&empty), "private key");
    refused(&with(chain), "private key");
    refused(&with(folder.to_str().unwrap()), "no regular file");
    let other = authority.certify(folder, "other", ExtendedKeyUsagePurpose::ClientAuth);
    refused(&with(&other.key), "not the key of");
    let loose = written(folder, "loose", &fs::read_to_string(key).unwrap());
    fs::set_permissions(&loose, fs::Permissions::from_mode(0o644)).unwrap();
    refused(&with(&loose), "chmod 600");
    refused(&["--pin", "sha256/short"], "sha256/short");
    let before = lab.agent.json(&["account", "show", "proof"]);
    assert_eq!(before["client_certificate"], Value::Null, "{before}");
    let set = [&["account", "set", "proof"], &with(key)[..]].concat();
    lab.agent.run(&set).expect_success();
    let after = lab.agent.json(&["account", "show", "proof"]);
    assert_eq!(after["client_key"], key, "{after}");
}
