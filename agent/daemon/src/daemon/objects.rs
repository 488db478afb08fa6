//! The tree at the start: the built-in management objects, further descriptions, and the
//! stored nodes.

use std::path::Path;

use omadm_dm::{Node, Tree, TreeLimits};
use omadm_probes::FsRoot;
use omadm_syncml::Uri;

use crate::config::{self, Config};
use crate::identity::{DevId, Machine};
use crate::mo::{self, Board};

/// How many nodes that nobody sees are named in the log.
const NAMED: usize = 10;

/// Builds the tree. A description of ours that does not fit is a fault of the program; one of
/// the machine's owner that does not fit is left out and named.
pub(super) fn tree(
    config: &Config,
    dev_id: &DevId,
    nodes: Vec<(Uri, Node)>,
    board: &Board,
) -> Result<Tree, String> {
    let machine = Machine::read(&config.device, &FsRoot::system());
    let limits = TreeLimits::default();
    let mut tree = Tree::new(limits);
    let objects = mo::all(dev_id, &machine, tree.limits().uri, board);
    for object in objects.map_err(|error| error.to_string())? {
        tree.mount(object).map_err(|error| error.to_string())?;
    }
    for path in config::descriptions(config) {
        if let Err(error) = describe(&mut tree, &path) {
            log::error!("{error}; left out");
        }
    }
    tree.load(nodes);
    report_quarantine(&tree);
    Ok(tree)
}

fn describe(tree: &mut Tree, path: &Path) -> Result<(), String> {
    let ddf = config::read_description(path).map_err(|finding| finding.to_string())?;
    let described = tree.describe(&ddf);
    described.map_err(|error| format!("{}: {error}", path.display()))
}

fn report_quarantine(tree: &Tree) {
    let kept = tree.quarantine();
    for (uri, node) in kept.iter().take(NAMED) {
        log::warn!("{uri} is kept but not shown: {}", node.reason);
    }
    if kept.len() > NAMED {
        log::warn!("{} more nodes are kept but not shown", kept.len() - NAMED);
    }
}
