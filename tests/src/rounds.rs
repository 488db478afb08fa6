//! The fewest round trips in which OBEX can carry an object.

/// The head of a packet, and that of a header with a length.
const HEAD: usize = 3;
/// A header of four octets: Length, ConnectionID.
const WORD: usize = 5;

/// One packet holds `first` octets of the object and each one after it `more`.
fn packets(size: usize, first: usize, more: usize) -> u64 {
    let rest = size.saturating_sub(first).div_ceil(more);
    1 + rest as u64
}

/// For a PUT with ConnectionID, Type and Length in packets of `mtu` octets.
pub fn fewest_to_put(size: usize, mtu: u16, kind: &str) -> u64 {
    let mtu = usize::from(mtu);
    let described = HEAD + WORD + HEAD + kind.len() + 1 + WORD;
    packets(size, mtu - described - HEAD, mtu - 2 * HEAD)
}

/// For a GET that is answered with a Length; the request fits a packet.
pub fn fewest_to_get(size: usize, mtu: u16) -> u64 {
    let mtu = usize::from(mtu);
    packets(size, mtu - HEAD - WORD - HEAD, mtu - 2 * HEAD)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_a_packet_takes_one_round_trip() {
        // 512 octets of libopenobex: 461 of the object in the first packet.
        let kind = "application/vnd.syncml.dm+wbxml";
        assert_eq!(fewest_to_put(461, 512, kind), 1);
        assert_eq!(fewest_to_put(462, 512, kind), 2);
        assert_eq!(fewest_to_put(461 + 506, 512, kind), 2);
        assert_eq!(fewest_to_put(461 + 507, 512, kind), 3);
        assert_eq!(fewest_to_get(244, 255), 1);
        assert_eq!(fewest_to_get(245, 255), 2);
    }
}
