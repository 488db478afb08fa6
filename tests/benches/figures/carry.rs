//! What one bearer takes to carry 1 MiB: run in a guest of the kernel lab, where the drivers are,
//! once for each measurement, so that its processor time and memory are its own.

use bluer::rfcomm;
use bytes::Bytes;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::{TimeVal, TimeValLike as _};
use omadm_bindings::obex::{
    DialSettings, Link, Listener, ObexLine, Place, Task, Transport, dial, dial_at,
};
use omadm_bindings::{Error, ListenSettings, SessionOpening};
use omadm_syncml::{Envelope, MediaType};
use omadm_tests::waiting::{Script, Waiting, runtime};
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// The argument with which this program is the subject.
pub(super) const SUBJECT: &str = "--carry";

const SIZE: usize = 1 << 20;
const LIMIT: Duration = Duration::from_mins(1);
/// A document that a device takes without looking into it.
const DOCUMENT: &str = "application/vnd.wap.connectivity-wbxml";

/// A free channel of RFCOMM at an adapter, for whoever connects from another one.
#[derive(Debug, Clone)]
struct Channel {
    near: bluer::Address,
    far: bluer::Address,
    number: u8,
}

impl Place for Channel {
    fn dial(&self) -> Task<'_, io::Result<Link>> {
        Box::pin(async { Ok(Link::new(self.connect().await?)) })
    }

    fn listen<'a>(&'a self, _: &'a ListenSettings) -> Task<'a, io::Result<Box<dyn Listener>>> {
        Box::pin(async {
            let listener: Box<dyn Listener> = Box::new(Accepting(self.bind().await?));
            Ok(listener)
        })
    }
}

impl Channel {
    async fn bind(&self) -> io::Result<rfcomm::Listener> {
        rfcomm::Listener::bind(rfcomm::SocketAddr::new(self.near, self.number)).await
    }

    async fn connect(&self) -> io::Result<rfcomm::Stream> {
        let socket = rfcomm::Socket::new()?;
        socket.bind(rfcomm::SocketAddr::new(self.far, 0))?;
        socket
            .connect(rfcomm::SocketAddr::new(self.near, self.number))
            .await
    }
}

struct Accepting(rfcomm::Listener);

impl Listener for Accepting {
    fn accept(&mut self) -> Task<'_, io::Result<Link>> {
        Box::pin(async { Ok(Link::new(self.0.accept().await?.0)) })
    }
}

/// Measures what the arguments say, and prints it as a line of JSON.
pub(super) fn subject(arguments: &[String]) {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let taken = match arguments.as_slice() {
        ["rfcomm", deed, number, near, far] => {
            let place = Channel {
                near: near.parse().unwrap(),
                far: far.parse().unwrap(),
                number: number.parse().unwrap(),
            };
            match *deed {
                "copy" => runtime().block_on(copy(&place)),
                deed => object(
                    |script| Waiting::on(Box::new(place.clone()), "rfcomm", vec![], script),
                    async |settings| dial_at(&place, "rfcomm", &settings).await,
                    deed == "put",
                ),
            }
        }
        ["usb", deed @ ("put" | "get")] => object(
            |script| Waiting::at("usb-gadget+obex:", vec![], script),
            async |settings| dial(&"usb+obex:".parse()?, &settings).await,
            *deed == "put",
        ),
        other => panic!("{SUBJECT} {other:?}"),
    };
    println!(
        "{}",
        serde_json::json!({
            "seconds": taken.as_secs_f64(),
            "cpu_seconds": processor_time().as_secs_f64(),
            "peak_kib": getrusage(UsageWho::RUSAGE_SELF).unwrap().max_rss(),
        })
    );
}

fn processor_time() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_SELF).unwrap();
    let micros = |time: TimeVal| time.num_microseconds().unsigned_abs();
    Duration::from_micros(micros(usage.user_time()) + micros(usage.system_time()))
}

/// As many octets without any protocol, until the other end has said that it has them.
async fn copy(place: &Channel) -> Duration {
    let listener = place.bind().await.unwrap();
    let (accepted, connected) = tokio::join!(listener.accept(), place.connect());
    let (mut far, mut near) = (accepted.unwrap().0, connected.unwrap());
    let reader = tokio::spawn(async move {
        far.read_exact(&mut vec![0; SIZE]).await.unwrap();
        far.write_all(b"!").await.unwrap();
        far
    });
    let octets = vec![7; SIZE];
    let from = Instant::now();
    near.write_all(&octets).await.unwrap();
    near.read_exact(&mut [0]).await.unwrap();
    let taken = from.elapsed();
    reader.await.unwrap();
    taken
}

/// As an object of OBEX, from a device that waits to one who dials, or the other way.
fn object<D>(wait: impl FnOnce(Script) -> Waiting, dialled: D, put: bool) -> Duration
where
    D: AsyncFnOnce(DialSettings) -> Result<ObexLine<Box<dyn Transport>>, Error>,
{
    let message = message();
    let script = move |opening: &SessionOpening| match opening {
        SessionOpening::Poll => vec![message.clone()],
        _ => Vec::new(),
    };
    let _device = wait(Arc::new(script));
    let settings = DialSettings {
        credential: None,
        mutual: false,
        connect_timeout: LIMIT,
        response_timeout: LIMIT,
        max_message: 2 * SIZE,
    };
    runtime().block_on(async {
        let mut line = dialled(settings).await.unwrap();
        let object = Bytes::from(vec![7; SIZE]);
        let from = Instant::now();
        if put {
            line.put(DOCUMENT, object).await.unwrap();
        } else {
            let got = line.get(MediaType::DmWbxml.as_str()).await.unwrap();
            assert_eq!(got.body.len(), SIZE);
        }
        let taken = from.elapsed();
        line.disconnect().await.unwrap();
        taken
    })
}

fn message() -> Envelope {
    Envelope {
        to: None,
        media_type: MediaType::DmWbxml,
        body: vec![7; SIZE].into(),
        hmac: None,
    }
}
