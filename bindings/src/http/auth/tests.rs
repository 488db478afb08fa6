use super::*;

const POST: Request<'_> = Request {
    method: "POST",
    target: "/dm",
};
const RANDOM: &Random = &[7; 16];

fn authenticator(scheme: Option<HttpAuthScheme>) -> Authenticator {
    Authenticator::new("Aladdin", &Secret::from_text("open sesame"), scheme)
}

/// The part `name=` of a field, without quotes.
fn part<'a>(field: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = field.split_once(&format!("{name}="))?;
    let rest = rest.trim_start_matches('"');
    Some(rest.split(['"', ',']).next().unwrap_or_default())
}

/// RFC 7617 2.
#[test]
fn basic_is_answered_over_tls_alone() {
    let mut basic = authenticator(Some(HttpAuthScheme::Basic));
    assert_eq!(basic.answer(POST, RANDOM), None, "nobody has asked");
    let field = ["Basic realm=\"WallyWorld\""];
    assert_eq!(
        basic.challenged(field, false),
        Err(HttpAuthFault::BasicWithoutTls)
    );
    assert_eq!(basic.answer(POST, RANDOM), None);
    basic.challenged(field, true).unwrap();
    let expected = "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==";
    for _ in 0..2 {
        assert_eq!(basic.answer(POST, RANDOM).as_deref(), Some(expected));
    }
}

/// RFC 7616 3.9.1, both algorithms, and RFC 2617 3.5.
#[test]
fn digests_are_as_the_rfcs_show() {
    let rfc7616 = |algorithm| {
        format!(
            "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm={algorithm}, \
             nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", \
             opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\""
        )
    };
    let rfc2617 = "Digest realm=\"testrealm@host.com\", qop=\"auth,auth-int\", \
                   nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", \
                   opaque=\"5ccc069c403ebaf9f0171e9517f40e41\"";
    let long = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
    for (challenge, secret, client, expected) in [
        (
            rfc7616("MD5"),
            "Circle of Life",
            long,
            "8ca523f5e9506fed4657c9700eebdbec",
        ),
        (
            rfc7616("SHA-256"),
            "Circle of Life",
            long,
            "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
        ),
        (
            rfc2617.to_owned(),
            "Circle Of Life",
            "0a4f113b",
            "6629fae49393a05397450978507c4ef1",
        ),
    ] {
        let (mut digest, stale) = digest::best(&challenge::parse(&challenge))
            .unwrap()
            .unwrap();
        assert!(!stale);
        let request = Request {
            method: "GET",
            target: "/dir/index.html",
        };
        let field = digest.answer("Mufasa", &Secret::from_text(secret), request, client);
        assert_eq!(part(&field, "response"), Some(expected), "{field}");
        assert_eq!(part(&field, "nc"), Some("00000001"));
        assert_eq!(part(&field, "qop"), Some("auth"));
        assert!(part(&field, "opaque").is_some());
        let again = digest.answer("Mufasa", &Secret::from_text(secret), request, client);
        assert_eq!(part(&again, "nc"), Some("00000002"));
        assert_ne!(part(&again, "response"), Some(expected));
    }
}

#[test]
fn the_strongest_offer_is_answered() {
    let digest = |algorithm| format!("Digest realm=r, qop=auth, nonce=n, algorithm={algorithm}");
    let (md5, sha) = (digest("MD5"), digest("SHA-256"));
    let sha512 = digest("SHA-512-256");
    for (fields, expected) in [
        (vec![md5.as_str(), &sha, "Basic realm=r"], "Digest SHA-256"),
        (vec![&sha, &md5], "Digest SHA-256"),
        (vec![&sha512, "Basic realm=r", &md5], "Digest MD5"),
        (vec!["Negotiate", "Basic realm=r"], "Basic "),
        (vec![&sha512, "Basic realm=r"], "Basic "),
    ] {
        let mut any = authenticator(None);
        any.challenged(fields, true).unwrap();
        let field = any.answer(POST, RANDOM).unwrap();
        let scheme = field.split(' ').next().unwrap();
        let found = format!("{scheme} {}", part(&field, "algorithm").unwrap_or_default());
        assert_eq!(found, expected, "{field}");
    }
}

#[test]
fn what_cannot_be_answered_says_why() {
    let basic = Some(HttpAuthScheme::Basic);
    let digest = Some(HttpAuthScheme::Digest);
    for (scheme, field, reason) in [
        (digest, "Basic realm=x", "it offers Basic"),
        (
            basic,
            "Digest realm=r, nonce=n, qop=auth",
            "it offers Digest",
        ),
        (basic, "", "it offers nothing"),
        (digest, "Digest realm=r, nonce=n", "qop=auth"),
        (digest, "Digest realm=r, nonce=n, qop=auth-int", "qop=auth"),
        (digest, "Digest realm=r, qop=auth", "no nonce"),
        (
            digest,
            "Digest realm=r, nonce=n, nonce=m, qop=auth",
            "damaged",
        ),
        (
            digest,
            "Digest realm=r, nonce=n, qop=auth, algorithm=X",
            "neither MD5",
        ),
        (None, "Bearer", "it offers Bearer"),
    ] {
        let error = authenticator(scheme).challenged([field], true).unwrap_err();
        assert!(error.to_string().contains(reason), "{field}: {error}");
    }
}

#[test]
fn a_wrong_secret_is_told_apart_from_a_stale_nonce() {
    let challenge = |nonce: &str, stale: &str| {
        format!("Digest realm=r, nonce={nonce}, qop=auth, stale={stale}")
    };
    let mut digest = authenticator(None);
    digest
        .challenged([challenge("a", "false").as_str()], true)
        .unwrap();
    // Stale: once more with the new nonce, and not for ever.
    digest
        .challenged([challenge("b", "true").as_str()], true)
        .unwrap();
    let field = digest.answer(POST, RANDOM).unwrap();
    assert_eq!(part(&field, "nonce"), Some("b"));
    let refused = HttpAuthFault::Refused {
        user: "Aladdin".to_owned(),
    };
    let error = digest.challenged([challenge("c", "false").as_str()], true);
    assert_eq!(error, Err(refused.clone()));

    // The next message begins with the nonce of this one, which the server may have forgotten.
    let mut digest = authenticator(None);
    digest
        .challenged([challenge("a", "false").as_str()], true)
        .unwrap();
    digest.begin();
    assert!(digest.answer(POST, RANDOM).is_some());
    digest
        .challenged([challenge("b", "false").as_str()], true)
        .unwrap();

    // Stale for ever.
    let mut digest = authenticator(None);
    let stale = challenge("s", "true");
    let ends: Vec<_> = (0..4)
        .map(|_| digest.challenged([stale.as_str()], true))
        .collect();
    assert_eq!(ends, [Ok(()), Ok(()), Ok(()), Err(refused)]);
}
