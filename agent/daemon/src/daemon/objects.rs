//! The tree at the start: the built-in management objects, further descriptions, and the
//! stored nodes.
#![expect(
    clippy::disallowed_methods,
    reason = "driver: reads descriptions from files"
)]

use std::path::{Path, PathBuf};

use omadm_dm::{Ddf, Node, Tree, TreeLimits};
use omadm_probes::Sources;
use omadm_syncml::Uri;

use crate::config::Config;
use crate::identity::{DevId, Machine};
use crate::mo;

/// How many nodes that nobody sees are named in the log.
const NAMED: usize = 10;

/// Builds the tree. A description of ours that does not fit is a fault of the program; one of
/// the machine's owner that does not fit is left out and named.
pub(super) fn tree(
    config: &Config,
    dev_id: &DevId,
    nodes: Vec<(Uri, Node)>,
) -> Result<Tree, String> {
    let sources = Sources::system();
    let machine = Machine::read(&config.device, &sources.fs);
    let limits = TreeLimits::default();
    let mut tree = Tree::new(limits);
    let objects = mo::all(dev_id, &machine, tree.limits().uri, Sources::system);
    for object in objects.map_err(|error| error.to_string())? {
        tree.mount(object).map_err(|error| error.to_string())?;
    }
    for path in descriptions(&config.ddf.directories) {
        if let Err(error) = describe(&mut tree, &path) {
            log::error!("{}: {error}; left out", path.display());
        }
    }
    tree.load(nodes);
    report_quarantine(&tree);
    Ok(tree)
}

fn describe(tree: &mut Tree, path: &Path) -> Result<(), String> {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    let ddf = Ddf::parse(&path.display().to_string(), &text).map_err(|error| error.to_string())?;
    tree.describe(&ddf).map_err(|error| error.to_string())
}

fn descriptions(directories: &[PathBuf]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for directory in directories {
        let Ok(entries) = std::fs::read_dir(directory) else {
            continue;
        };
        let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
        let mut own: Vec<_> = paths
            .filter(|path| path.extension().is_some_and(|extension| extension == "xml"))
            .collect();
        own.sort();
        found.extend(own);
    }
    found
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
