//! Which interface an index in another table means.

use std::collections::BTreeMap;

use netlink_packet_route::link::LinkFlags;

use crate::{
    Instance,
    links::{self, Link},
};

use super::{Dump, DumpError, Table, gather};

/// One interface.
#[derive(Clone, Debug)]
pub(crate) struct Name {
    pub(crate) instance: Instance,
    pub(crate) flags: LinkFlags,
}

/// The interfaces by index.
pub(crate) fn names(netlink: &dyn Dump) -> Result<BTreeMap<u32, Name>, DumpError> {
    let links: Vec<Link> = gather(netlink, Table::LinkNames, links::take)?;
    let name = |link: Link| {
        let instance = Instance::from(&*link.name);
        (
            link.index,
            Name {
                instance,
                flags: link.flags,
            },
        )
    };
    Ok(links.into_iter().map(name).collect())
}
