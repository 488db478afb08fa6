//! The framing of a dump: a row of messages that ends with one of its own (netlink(7)).

use netlink_packet_core::{
    NLM_F_DUMP_INTR, NLMSG_DONE, NLMSG_ERROR, NLMSG_OVERRUN, NetlinkBuffer, parse_i32,
};

use super::DumpError;

/// Whether more datagrams follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    More,
    Done,
}

/// Takes one datagram apart and hands over the bodies of the messages of one type.
pub(super) fn walk(
    mut datagram: &[u8],
    reply: u16,
    each: &mut dyn FnMut(&[u8]),
) -> Result<Progress, DumpError> {
    while !datagram.is_empty() {
        let message = NetlinkBuffer::new_checked(datagram)
            .map_err(|error| DumpError::Malformed(error.to_string()))?;
        if message.flags() & NLM_F_DUMP_INTR != 0 {
            return Err(DumpError::Interrupted);
        }
        let body = message.payload();
        match message.message_type() {
            NLMSG_DONE => return code(body).map(|()| Progress::Done),
            NLMSG_ERROR => {
                code(body)?;
            }
            NLMSG_OVERRUN => {
                return Err(DumpError::Unavailable(
                    "the kernel lost messages".to_owned(),
                ));
            }
            kind if kind == reply => each(body),
            _ => {}
        }
        // Messages are aligned to four octets, the last one need not be padded.
        let length = (message.length() as usize).next_multiple_of(4);
        datagram = datagram.get(length..).unwrap_or_default();
    }
    Ok(Progress::More)
}

/// The negative errno in front of an error or of an end; an end may be empty.
fn code(body: &[u8]) -> Result<(), DumpError> {
    const EINTR: i32 = -4;
    match body.get(..4).map(parse_i32) {
        None | Some(Ok(0)) => Ok(()),
        Some(Ok(EINTR)) => Err(DumpError::Interrupted),
        Some(Ok(errno)) => {
            let errno = nix::errno::Errno::from_raw(errno.saturating_neg());
            Err(DumpError::Unavailable(format!(
                "the kernel refused: {}",
                errno.desc()
            )))
        }
        Some(Err(error)) => Err(DumpError::Malformed(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u16, flags: u16, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(16 + body.len()).unwrap();
        let mut bytes = Vec::new();
        bytes.extend(length.to_ne_bytes());
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(flags.to_ne_bytes());
        bytes.extend([0; 8]);
        bytes.extend(body);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    fn bodies(datagram: &[u8]) -> (Result<Progress, DumpError>, Vec<Vec<u8>>) {
        let mut bodies = Vec::new();
        let progress = walk(datagram, 16, &mut |body| bodies.push(body.to_vec()));
        (progress, bodies)
    }

    #[test]
    fn bodies_of_the_wanted_type_come_in_order() {
        let datagram = [
            message(16, 2, &[1; 5]),
            message(17, 2, &[2]),
            message(16, 2, &[3]),
        ]
        .concat();
        assert_eq!(
            bodies(&datagram),
            (Ok(Progress::More), vec![vec![1; 5], vec![3]])
        );
    }

    #[test]
    fn the_end_may_carry_a_code_or_nothing() {
        assert_eq!(bodies(&message(3, 2, &[0; 4])).0, Ok(Progress::Done));
        assert_eq!(bodies(&message(3, 2, &[])).0, Ok(Progress::Done));
        let failed = bodies(&message(3, 2, &(-12_i32).to_ne_bytes())).0;
        assert!(
            matches!(failed, Err(DumpError::Unavailable(_))),
            "{failed:?}"
        );
    }

    #[test]
    fn a_refusal_says_why() {
        let mut body = (-1_i32).to_ne_bytes().to_vec();
        body.extend([0; 16]);
        let refused = bodies(&message(2, 0, &body)).0.unwrap_err();
        assert_eq!(
            refused.to_string(),
            "the kernel refused: Operation not permitted"
        );
    }

    #[test]
    fn a_change_of_the_table_interrupts() {
        let datagram = [message(16, 2, &[1]), message(16, 2 | NLM_F_DUMP_INTR, &[2])].concat();
        assert_eq!(bodies(&datagram).0, Err(DumpError::Interrupted));
        let ended = bodies(&message(3, 2, &(-4_i32).to_ne_bytes())).0;
        assert_eq!(ended, Err(DumpError::Interrupted));
    }

    #[test]
    fn damage_is_survived() {
        let dump = [
            message(16, 2, &[7; 20]),
            message(17, 2, &[]),
            message(3, 2, &[0; 4]),
        ]
        .concat();
        for damaged in crate::testing::damages(&dump) {
            let _ = bodies(&damaged);
        }
    }

    #[test]
    fn lengths_that_lie_are_malformed() {
        let good = message(16, 2, &[7; 8]);
        for cut in 1..good.len() {
            let progress = bodies(&good[..cut]).0;
            assert!(
                matches!(progress, Err(DumpError::Malformed(_))),
                "{cut}: {progress:?}"
            );
        }
        let mut short = good;
        short[..4].copy_from_slice(&3_u32.to_ne_bytes());
        assert!(matches!(bodies(&short).0, Err(DumpError::Malformed(_))));
    }
}
