//! The layout of rtnetlink(7) messages, as far as links, addresses and routes are read from them.
//! What is cut short ends the reading; it never fails a whole table.

use netlink_packet_core::NlasIterator;

// linux/socket.h, linux/if.h, linux/if_link.h, linux/if_addr.h and linux/rtnetlink.h
pub(crate) const AF_INET: u8 = 2;
pub(crate) const AF_INET6: u8 = 10;
pub(crate) const IFF_UP: u32 = 1;
pub(crate) const IFLA_IFNAME: u16 = 3;
pub(crate) const IFA_FLAGS: u16 = 8;
pub(crate) const RT_SCOPE_LINK: u8 = 253;
pub(crate) const RTA_OIF: u16 = 4;
pub(crate) const RTA_MULTIPATH: u16 = 9;
pub(crate) const RTN_UNICAST: u8 = 1;

/// The attributes behind a header, as far as they are sound.
pub(crate) fn attributes(body: &[u8], header: usize) -> impl Iterator<Item = (u16, &[u8])> {
    let nlas = NlasIterator::new(body.get(header..).unwrap_or_default());
    nlas.map_while(Result::ok).map(|nla| {
        let (kind, length) = (nla.kind(), nla.value_length());
        // In front of the value are its length and its kind.
        let value = nla.into_inner().get(4..).unwrap_or_default();
        (kind, value.get(..length).unwrap_or_default())
    })
}

/// A number in the byte order of the machine.
pub(crate) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let octets = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_ne_bytes(octets.try_into().ok()?))
}

/// A text up to its NUL.
pub(crate) fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|octet| *octet == 0);
    let bytes = bytes.get(..end.unwrap_or(bytes.len())).unwrap_or_default();
    String::from_utf8_lossy(bytes).into_owned()
}

/// One way of a route that has several.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NextHop<'a> {
    /// The link.
    pub index: u32,
    /// `RTNH_F_*`
    pub flags: u8,
    /// `struct rtnexthop` and its attributes.
    pub body: &'a [u8],
}

/// The length of `struct rtnexthop`.
pub(crate) const NEXT_HOP: usize = 8;

/// The row of `struct rtnexthop` in `RTA_MULTIPATH`.
pub(crate) fn next_hops(mut row: &[u8]) -> impl Iterator<Item = NextHop<'_>> {
    std::iter::from_fn(move || {
        let length = usize::from(u16::from_ne_bytes(*row.first_chunk()?));
        let body = row.get(..length).filter(|_| length >= NEXT_HOP)?;
        let (flags, index) = (*body.get(2)?, u32_at(body, 4)?);
        row = row.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some(NextHop { index, flags, body })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_of_next_hops_ends_where_it_is_cut() {
        let row = [
            8_u16.to_ne_bytes().to_vec(),
            vec![1, 0],
            7_u32.to_ne_bytes().to_vec(),
            12_u16.to_ne_bytes().to_vec(),
            vec![0, 0],
            9_u32.to_ne_bytes().to_vec(),
            vec![0; 4],
        ]
        .concat();
        let found = |row| next_hops(row).map(|hop| hop.index).collect::<Vec<_>>();
        assert_eq!(found(&row), [7, 9]);
        assert_eq!(next_hops(&row).next().map(|hop| hop.flags), Some(1));
        for cut in 8..row.len() {
            assert_eq!(found(&row[..cut]), [7], "{cut}");
        }
        for cut in 0..8 {
            assert_eq!(found(&row[..cut]), [0; 0], "{cut}");
        }
        // A length that leads nowhere.
        assert_eq!(found(&[0; 64]), [0; 0]);
    }
}
