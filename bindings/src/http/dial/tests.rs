use super::*;

use tokio::net::TcpListener;

fn ips(texts: &[&str]) -> Vec<IpAddr> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

#[test]
fn families_take_turns_and_the_resolvers_choice_begins() {
    for (found, expected) in [
        (
            &["2001:db8::1", "2001:db8::2", "192.0.2.1", "192.0.2.2"][..],
            &["2001:db8::1", "192.0.2.1", "2001:db8::2", "192.0.2.2"][..],
        ),
        (
            &["192.0.2.1", "192.0.2.1", "192.0.2.2", "2001:db8::1"],
            &["192.0.2.1", "2001:db8::1", "192.0.2.2"],
        ),
        (&["192.0.2.1"], &["192.0.2.1"]),
        (&[], &[]),
    ] {
        let addresses = ordered(&ips(found), 1);
        let expected = ips(expected).into_iter().map(|ip| SocketAddr::new(ip, 1));
        assert_eq!(addresses, expected.collect::<Vec<_>>());
    }
    let many: Vec<IpAddr> = (0..20).map(|last| [192, 0, 2, last].into()).collect();
    assert_eq!(ordered(&many, 1).len(), MAX_ADDRESSES);
}

/// An address whose queue is full: it answers nothing.
async fn silent() -> (SocketAddr, Vec<TcpStream>, TcpListener) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut held = Vec::new();
    while let Ok(Ok(stream)) =
        tokio::time::timeout(Duration::from_millis(500), TcpStream::connect(address)).await
    {
        held.push(stream);
    }
    (address, held, listener)
}

#[tokio::test]
async fn one_silent_address_does_not_hold_up_the_others() {
    let (silent, _held, _listener) = silent().await;
    let good = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let refused = {
        let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
        gone.local_addr().unwrap()
    };
    let addresses = [silent, refused, good.local_addr().unwrap()];
    let end = Instant::now() + Duration::from_mins(1);
    let stream = race(&addresses, None, end).await.unwrap();
    assert_eq!(stream.peer_addr().unwrap(), addresses[2]);
}

#[tokio::test]
async fn each_address_is_spoken_of_when_time_is_up() {
    let (silent, _held, _listener) = silent().await;
    let refused = {
        let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
        gone.local_addr().unwrap()
    };
    let end = Instant::now() + Duration::from_millis(600);
    let attempts = race(&[silent, refused], None, end).await.unwrap_err();
    let kinds: Vec<_> = attempts.iter().map(|(at, e)| (*at, e.kind())).collect();
    let expected = [
        (silent, io::ErrorKind::TimedOut),
        (refused, io::ErrorKind::ConnectionRefused),
    ];
    assert_eq!(kinds, expected);
    let none = race(&[silent, refused], None, Instant::now()).await;
    assert_eq!(none.unwrap_err().len(), 2, "never begun");
}

#[tokio::test]
async fn nobody_is_waited_for_when_all_have_failed() {
    let refused = {
        let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
        gone.local_addr().unwrap()
    };
    let end = Instant::now() + Duration::from_hours(1);
    race(&[refused], None, end).await.unwrap_err();
}

#[test]
fn a_zone_is_a_name_or_a_number() {
    assert_eq!(zone_index("7").unwrap(), 7);
    assert_eq!(zone_index("lo").unwrap(), 1);
    zone_index("no-such-link").unwrap_err();
}
