//! What the transport proves, against accounts that accept it and that do not.

use super::*;
use omadm_syncml::{AcceptedProof, ServerTrust};

fn proofs() -> Vec<PeerProof> {
    let trust = [
        ServerTrust::SystemRoot,
        ServerTrust::PrivateCa,
        ServerTrust::Pinned,
    ];
    let with = |mutual| trust.map(|server| PeerProof::Tls { server, mutual });
    let mut proofs = vec![PeerProof::None];
    proofs.extend(with(false));
    proofs.extend(with(true));
    proofs
}

/// The account of the other tests, which also accepts these proofs.
fn accepting(accepts: &[AcceptedProof]) -> Account {
    let mut account = account();
    account.accepts = accepts.to_vec();
    account
}

#[test]
fn a_proof_that_is_accepted_stands_for_credentials_and_another_does_not() {
    for accepted in AcceptedProof::ALL {
        for proof in proofs() {
            let mut bench = Bench::new(accepting(&[accepted]), proof);
            let body = package_1_accepted(1, 212) + &write("Replace", "5", "./Play/A", "new");
            bench.serve(&body);
            let obeyed = bench.value("./Play/A").as_deref() == Some("new");
            assert_eq!(obeyed, accepted.covers(proof), "{accepted}: {proof}");
            let code = if obeyed {
                "0 SyncHdr 200"
            } else {
                "0 SyncHdr 407 Chal"
            };
            assert_eq!(bench.says()[0], code, "{accepted}: {proof}");
        }
    }
}

#[test]
fn a_proof_that_is_not_accepted_still_leaves_credentials() {
    for proof in proofs() {
        let mut bench = Bench::new(accepting(&[]), proof);
        let body = package_1_accepted(1, 212) + &get("5", "./Play/A");
        bench.serve_with(&server_cred(b"S-Nonce"), &body);
        assert_eq!(bench.answers().len(), 2, "{proof}");
        bench.serve("");
        assert!(bench.outcome().is_success(), "{proof}");
        assert_eq!(bench.outcome().refusals, [], "{proof}");
    }
}

#[test]
fn a_stranger_with_a_proof_that_is_not_accepted_is_told_of() {
    for proof in proofs()
        .into_iter()
        .filter(|proof| *proof != PeerProof::None)
    {
        let mut bench = Bench::new(accepting(&[]), proof);
        bench.serve(&package_1_accepted(1, 212));
        let refusals = &bench.outcome().refusals;
        assert!(
            refusals.contains(&Refusal::ProofNotAccepted { proof }),
            "{proof}"
        );
        assert!(!bench.outcome().is_success());
        let mut account = accepting(&[]);
        account.server = None;
        let bench = Bench::new(account, proof);
        let refusal = Refusal::ServerUnprovable { proof };
        assert_eq!(refusal.subject(), Subject::Proof);
        assert_eq!(bench.outcome().end, SessionEnd::Refused(refusal));
        assert!(bench.sent.is_empty());
    }
}

#[test]
fn an_account_without_credentials_obeys_by_the_accepted_proof_alone() {
    for accepted in AcceptedProof::ALL {
        for proof in proofs() {
            let mut account = Account::new("bench", SERVER, URL);
            account.accepts = vec![accepted];
            let bench = Bench::new(account, proof);
            assert_eq!(
                bench.sent.len() == 1,
                accepted.covers(proof),
                "{accepted}: {proof}"
            );
        }
    }
}

#[test]
fn a_digest_is_not_asked_for_where_the_transport_proves_the_server() {
    let proof = PeerProof::tls(ServerTrust::Pinned);
    let mut account = accepting(&[AcceptedProof::TlsPin]);
    account.server.as_mut().unwrap().scheme = AuthScheme::Hmac;
    let mut bench = Bench::new(account, proof);
    for round in 1..=2 {
        bench.serve(&(package_1_accepted(round, 212) + &get("5", "./Play/A")));
        assert_eq!(bench.answers().len(), 2);
    }
}
