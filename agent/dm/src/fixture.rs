//! What the tests of the tree are made with.

use crate::ddf::{AccessType, Ddf, DdfNode, NodeType, Occurrence, RunTimeProperties, Scope};
use crate::{Acl, Authority, Content, ManagementObject, Overlay, Snapshot, Tree};
use omadm_syncml::{Address, Format, Now, StatusCode, Uri, UriLimits, Wall};
use std::time::Duration;

pub(crate) const NOW: Now = Now {
    boot: Duration::from_secs(1),
    wall: Some(Wall(Duration::from_secs(994_869_497))),
};

/// A description with a document's name.
pub(crate) fn ddf(document: &str, nodes: Vec<DdfNode>) -> Ddf {
    Ddf {
        document: document.to_owned(),
        ver_dtd: "1.2".to_owned(),
        man: None,
        model: None,
        nodes,
    }
}

/// A dynamic interior node; `access` has one letter for each command, as in `acdegr`.
pub(crate) fn dir(name: &str, access: &str, children: Vec<DdfNode>) -> DdfNode {
    DdfNode {
        types: NodeType::DdfName(String::new()),
        children,
        ..leaf(name, access, Format::Node)
    }
}

/// A dynamic leaf; the name `*` is one given at run time.
pub(crate) fn leaf(name: &str, access: &str, format: Format) -> DdfNode {
    let nameless = name == "*";
    DdfNode {
        name: (!nameless).then(|| name.to_owned()),
        path: None,
        run_time: None,
        access: access.chars().fold(AccessType::NONE, |all, c| {
            all.with(match c {
                'a' => AccessType::ADD,
                'c' => AccessType::COPY,
                'd' => AccessType::DELETE,
                'e' => AccessType::EXEC,
                'g' => AccessType::GET,
                'r' => AccessType::REPLACE,
                other => panic!("no command has the letter {other}"),
            })
        }),
        default: None,
        description: None,
        format,
        occurrence: if nameless {
            Occurrence::ZeroOrMore
        } else {
            Occurrence::One
        },
        scope: Scope::Dynamic,
        title: None,
        types: NodeType::Mime(vec!["text/plain".to_owned()]),
        case_sense: None,
        value: None,
        children: Vec::new(),
    }
}

impl DdfNode {
    pub(crate) fn permanent(self) -> Self {
        Self {
            scope: Scope::Permanent,
            ..self
        }
    }

    pub(crate) fn occurs(self, occurrence: Occurrence) -> Self {
        Self { occurrence, ..self }
    }

    pub(crate) fn with_default(self, value: &str) -> Self {
        Self {
            default: Some(value.to_owned()),
            ..self
        }
    }

    pub(crate) fn of_types(self, types: &[&str]) -> Self {
        Self {
            types: NodeType::Mime(types.iter().map(|&mime| mime.to_owned()).collect()),
            ..self
        }
    }

    pub(crate) fn at(self, path: &str) -> Self {
        Self {
            path: Some(path.parse().unwrap()),
            ..self
        }
    }

    pub(crate) fn with_acl(self, text: &str) -> Self {
        let acl = Acl::parse(text).unwrap();
        Self {
            run_time: Some(RunTimeProperties {
                acl,
                listed: Vec::new(),
            }),
            ..self
        }
    }
}

pub(crate) fn uri(text: &str) -> Uri {
    text.parse().unwrap()
}

pub(crate) fn address(text: &str) -> Address {
    Address::parse(text, &UriLimits::NONE).unwrap()
}

/// A tree with changes on it, and commands on both.
pub(crate) struct Bench {
    pub(crate) tree: Tree,
    pub(crate) overlay: Overlay,
    pub(crate) live: Snapshot,
}

type Done = Result<(), StatusCode>;

impl Bench {
    pub(crate) fn new(nodes: Vec<DdfNode>) -> Self {
        let mut tree = Tree::default();
        tree.describe(&ddf("test.xml", nodes)).unwrap();
        Self::on(tree)
    }

    pub(crate) fn on(tree: Tree) -> Self {
        Self {
            tree,
            overlay: Overlay::new(),
            live: Snapshot::default(),
        }
    }

    pub(crate) fn edit(&mut self) -> crate::Edit<'_> {
        crate::Edit::new(&self.tree, &mut self.overlay, &self.live)
    }

    pub(crate) fn view(&self) -> crate::View<'_> {
        crate::View::new(&self.tree, Some(&self.overlay), &self.live)
    }

    pub(crate) fn add(&mut self, by: &str, at: &str, content: &Content) -> Done {
        crate::operation::add(&mut self.edit(), authority(by), &address(at), content, NOW)
    }

    pub(crate) fn replace(&mut self, by: &str, at: &str, text: &str) -> Done {
        let content = Content::text(text);
        crate::operation::replace(&mut self.edit(), authority(by), &address(at), &content, NOW)
    }

    pub(crate) fn delete(&mut self, by: &str, at: &str) -> Done {
        crate::operation::delete(&mut self.edit(), authority(by), &address(at))
    }

    pub(crate) fn copy(&mut self, by: &str, from: &str, to: &str) -> Done {
        let (from, to) = (address(from), address(to));
        crate::operation::copy(&mut self.edit(), authority(by), &from, &to, NOW)
    }

    /// The text of the only item.
    pub(crate) fn get(&self, by: &str, at: &str) -> Result<String, StatusCode> {
        let items = crate::operation::get(&self.view(), authority(by), &address(at))?;
        assert_eq!(items.len(), 1, "{at}");
        Ok(items[0].data.as_text().unwrap_or_default().into_owned())
    }

    /// The items of a listing, one text each.
    pub(crate) fn list(&self, by: &str, at: &str) -> Result<Vec<String>, StatusCode> {
        let items = crate::operation::get(&self.view(), authority(by), &address(at))?;
        let line = |item: &crate::operation::GetItem| match item.data.as_text() {
            Some(text) => format!("{} {} {text}", item.uri, item.format),
            None => format!("{} {}", item.uri, item.format),
        };
        Ok(items.iter().map(line).collect())
    }

    /// Makes the changes so far part of the tree.
    pub(crate) fn commit(&mut self) {
        let writes = std::mem::take(&mut self.overlay).into_writes();
        self.tree.apply(&writes);
    }
}

/// An empty name is the device's owner.
fn authority(by: &str) -> Authority<'_> {
    match by {
        "" => Authority::Local,
        server => Authority::Server(server),
    }
}

/// A management object that is its description and a list of live parts.
pub(crate) struct Plain {
    pub(crate) ddf: Ddf,
    pub(crate) live: Vec<String>,
}

impl ManagementObject for Plain {
    fn ddf(&self) -> &Ddf {
        &self.ddf
    }

    fn live(&self) -> Vec<String> {
        self.live.clone()
    }

    fn collect(&mut self, wanted: &[Uri], out: &mut Snapshot) {
        for uri in wanted {
            out.leaf(uri.clone(), self.ddf.document.as_str());
        }
    }
}
