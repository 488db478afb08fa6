//! Hides the secrets of a message, so that it can be shown in a trace.

use crate::{Element, Limits, MediaType, Node, Uri, UriLimits, decode_element, sniff};
use std::borrow::Cow;

/// What stands where a secret was.
pub const HIDDEN: &str = "(hidden)";

/// Names of leaves whose values are secrets: of `DMAcc` (OMA-TS-DM-StdObj 5.3), and of the
/// objects for networks that vendors and OMA `ConnMO` define.
const SECRET_LEAVES: [&str; 4] = ["aauthdata", "pin", "psk", "pxauth-pw"];

/// What the names of other such leaves end with: `AAuthSecret`, `AuthSecret`, `WPAPreSharedKey` …
const SECRET_ENDINGS: [&str; 4] = ["secret", "password", "passphrase", "presharedkey"];

/// Media types that carry whole subtrees or accounts, and so possibly secrets.
const SUBTREE_TYPES: [&str; 2] = ["dmtnds", "wap.connectivity"];

/// Documents in documents that are looked into; what is deeper is taken as text.
const MAX_NESTED: usize = 4;

/// Hides credentials, nonces and the values of secret leaves, wherever they are in `element`.
/// Returns how much was hidden.
///
/// A serialised subtree that holds a secret is replaced by its elements; one that cannot be read,
/// such as a part of a large object, is hidden as a whole.
pub fn mask(element: &mut Element) -> usize {
    mask_inside(element, "", 0)
}

/// The readable text of a document with its secrets hidden; if it cannot be read, why not.
pub fn trace(media_type: MediaType, document: &[u8]) -> String {
    match decode_element(media_type, document, &Limits::default()) {
        Ok(mut root) => {
            mask(&mut root);
            crate::dump::dump(&root)
        }
        Err(error) => format!("({} bytes that cannot be read: {error})\n", document.len()),
    }
}

/// `inherited` is the `Type` that the command gives its items, `nested` the number of documents
/// that this one is in.
fn mask_inside(element: &mut Element, inherited: &str, nested: usize) -> usize {
    let declared = element.child("Meta").and_then(type_of);
    let media_type = declared.as_deref().unwrap_or(inherited);
    match element.name.local.as_ref() {
        "NextNonce" => return hide(element),
        "Cred" => return each(element, "Data", hide),
        "Item" if names_a_secret(element) => return each(element, "Data", hide),
        "Item" => {
            let masked = each(element, "Data", |data| {
                mask_subtree(data, media_type, nested)
            });
            if masked > 0 {
                return masked;
            }
        }
        "Node" if holds_a_secret(element) => return each(element, "Value", hide),
        _ => {}
    }
    let attributes = mask_attributes(element);
    let media_type = media_type.to_owned();
    let children = element.children.iter_mut().map(|child| match child {
        Node::Element(child) => mask_inside(child, &media_type, nested),
        Node::Text(_) | Node::Opaque(_) => 0,
    });
    attributes + children.sum::<usize>()
}

/// The `Type` in a `Meta`, with or without the `MetInf` around it.
fn type_of(meta: &Element) -> Option<String> {
    let inner = meta.child("MetInf").unwrap_or(meta);
    Some(inner.child("Type")?.text().trim().to_owned())
}

fn each(
    element: &mut Element,
    local: &str,
    mut change: impl FnMut(&mut Element) -> usize,
) -> usize {
    let mut changed = 0;
    for child in &mut element.children {
        match child {
            Node::Element(child) if child.name.local == local => changed += change(child),
            _ => {}
        }
    }
    changed
}

fn hide(element: &mut Element) -> usize {
    if element.children.is_empty() {
        return 0;
    }
    element.children = vec![Node::Text(HIDDEN.to_owned())];
    1
}

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRET_LEAVES.contains(&name.as_str())
        || SECRET_ENDINGS.iter().any(|ending| name.ends_with(ending))
}

/// Whether an item is about a secret leaf, however its address is escaped.
fn names_a_secret(item: &Element) -> bool {
    ["Target", "Source"]
        .into_iter()
        .filter_map(|side| item.child(side)?.child("LocURI"))
        .any(|uri| ends_in_a_secret(&uri.text()))
}

fn ends_in_a_secret(uri: &str) -> bool {
    let path = uri.split('?').next().unwrap_or_default();
    let name = path.trim().trim_end_matches('/').rsplit('/').next();
    let name = name.unwrap_or_default();
    match Uri::parse(name, &UriLimits::NONE) {
        Ok(uri) => uri.name().is_some_and(is_secret),
        Err(_) => is_secret(name),
    }
}

/// Whether a `Node` of a serialised subtree is a secret leaf.
fn holds_a_secret(node: &Element) -> bool {
    node.child("NodeName")
        .is_some_and(|name| is_secret(name.text().trim()))
}

/// Hides the parameters of a provisioning document.
fn mask_attributes(element: &mut Element) -> usize {
    let is_named = |name: &str, test: fn(&str) -> bool| {
        let mut named = element.attributes.iter().filter(|a| a.local == name);
        named.any(|attribute| test(&attribute.value))
    };
    if !is_named("name", is_secret) {
        return 0;
    }
    let values = element.attributes.iter_mut().filter(|a| a.local == "value");
    values.map(|a| HIDDEN.clone_into(&mut a.value)).count()
}

/// Masks a subtree that `data` carries as text or octets.
fn mask_subtree(data: &mut Element, media_type: &str, nested: usize) -> usize {
    let Some(octets) = content(data) else {
        return 0;
    };
    let tree = sniff(&octets)
        .filter(|_| nested < MAX_NESTED)
        .and_then(|encoding| decode_element(encoding, &octets, &Limits::default()).ok());
    match tree {
        Some(mut tree) => {
            let masked = mask_inside(&mut tree, "", nested + 1);
            if masked > 0 {
                data.children = vec![Node::Element(tree)];
            }
            masked
        }
        None if SUBTREE_TYPES.iter().any(|t| media_type.contains(t)) => hide(data),
        None if mentions_a_secret(&octets) => hide(data),
        None => 0,
    }
}

/// The text or octets of an element without child elements.
fn content(data: &Element) -> Option<Cow<'_, [u8]>> {
    let mut content = Cow::Borrowed(&[][..]);
    for child in &data.children {
        let piece = match child {
            Node::Text(text) => text.as_bytes(),
            Node::Opaque(octets) => octets,
            Node::Element(_) => return None,
        };
        if content.is_empty() {
            content = Cow::Borrowed(piece);
        } else {
            content.to_mut().extend_from_slice(piece);
        }
    }
    Some(content)
}

/// Whether a piece of a document, in either encoding, names a secret. Plain text may: a person
/// can be asked for a password.
fn mentions_a_secret(octets: &[u8]) -> bool {
    let is_piece = |&octet: &u8| octet == b'<' || octet == 0;
    let text = String::from_utf8_lossy(octets).to_ascii_lowercase();
    octets.iter().any(is_piece)
        && ["aauthdata", "pxauth-pw"]
            .iter()
            .chain(&SECRET_ENDINGS)
            .any(|name| text.contains(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode_element;

    fn read(body: &str) -> Element {
        let document = format!(
            "<SyncML xmlns='SYNCML:SYNCML1.2'><SyncHdr><Cred><Meta><Type>syncml:auth-md5</Type>\
             </Meta><Data>TOPSECRET</Data></Cred></SyncHdr><SyncBody>{body}</SyncBody></SyncML>"
        );
        decode_element(MediaType::DmXml, document.as_bytes(), &Limits::default()).unwrap()
    }

    fn masked(body: &str) -> String {
        let mut root = read(body);
        mask(&mut root);
        let text = crate::dump::dump(&root);
        assert!(!text.contains("TOPSECRET"), "{text}");
        text
    }

    #[test]
    fn credentials_nonces_and_secret_leaves_are_hidden() {
        let text = masked(
            "<Status><Chal><Meta><NextNonce>TOPSECRET</NextNonce></Meta></Chal></Status>\
             <Add><Item><Target><LocURI>./DMAcc/a/AppAuth/1/AAuthSecret</LocURI></Target>\
             <Data>TOPSECRET</Data></Item><Item><Target><LocURI>./DMAcc/a/AppAuth/1/AAuthName\
             </LocURI></Target><Data>user</Data></Item></Add>\
             <Results><Item><Source><LocURI>./DMAcc/a/AppAuth/1/AAuth%44ata?prop=x</LocURI>\
             </Source><Data>TOPSECRET</Data></Item></Results>",
        );
        assert_eq!(text.matches(HIDDEN).count(), 4, "{text}");
        assert!(text.contains("Data: user"), "{text}");
        let asked = "<Alert><Item><Data>Your password?</Data></Item></Alert>";
        assert!(masked(asked).contains("Data: Your password?"));
        for leaf in ["AuthSecret", "Password", "WPAPreSharedKey", "PIN"] {
            masked(&format!(
                "<Replace><Item><Target><LocURI>./Net/1/{leaf}</LocURI></Target>\
                 <Data>TOPSECRET</Data></Item></Replace>"
            ));
        }
        assert!(text.contains("Type: syncml:auth-md5"), "{text}");
    }

    #[test]
    fn secrets_in_serialised_trees_are_hidden() {
        let tree = "<MgmtTree xmlns='syncml:dmddf1.2'><VerDTD>1.2</VerDTD><Node><NodeName>Shown\
                    </NodeName><Node><NodeName>AAuthSecret</NodeName><Value>TOPSECRET</Value></Node>\
                    </Node></MgmtTree>";
        let escaped = tree.replace('<', "&lt;");
        for data in [tree.to_owned(), escaped.clone()] {
            let text = masked(&format!("<Add><Item><Data>{data}</Data></Item></Add>"));
            assert!(text.contains("NodeName: Shown"), "{text}");
            assert_eq!(text.matches(HIDDEN).count(), 2, "{text}");
        }
        let cut = &escaped[..escaped.len() - 20];
        let text = masked(&format!(
            "<Add><Item><Data>{cut}</Data><MoreData/></Item></Add>"
        ));
        assert!(text.contains("Data: (hidden)"), "{text}");
    }

    #[test]
    fn a_part_of_a_subtree_is_hidden_by_its_type() {
        let text = masked(
            "<Add><Meta><Type>application/vnd.syncml.dmtnds+xml</Type></Meta>\
             <Item><Data>TOPSECRET&lt;/Value></Data><MoreData/></Item></Add>",
        );
        assert!(text.contains("Data: (hidden)"), "{text}");
    }

    #[test]
    fn a_binary_subtree_is_masked_and_shown() {
        let node = Element::new(crate::Namespace::DmDdf, "Node")
            .with_child(Element::new(crate::Namespace::DmDdf, "NodeName").with_text("AAuthData"))
            .with_child(Element::new(crate::Namespace::DmDdf, "Value").with_text("TOPSECRET"));
        let tree = Element::new(crate::Namespace::DmDdf, "MgmtTree").with_child(node);
        let octets = encode_element(MediaType::DmWbxml, &tree).unwrap();
        let mut item = read("<Add><Item><Data/></Item></Add>");
        put(&mut item, octets);
        assert_eq!(mask(&mut item), 2);
        let text = crate::dump::dump(&item);
        assert!(
            !text.contains("TOPSECRET") && text.contains("NodeName: AAuthData"),
            "{text}"
        );
    }

    /// Puts octets into every empty `Data`.
    fn put(element: &mut Element, octets: Vec<u8>) {
        if element.name.local == "Data" && element.children.is_empty() {
            element.children.push(Node::Opaque(octets.into()));
            return;
        }
        for child in &mut element.children {
            if let Node::Element(child) = child {
                put(child, octets.clone());
            }
        }
    }

    #[test]
    fn provisioning_documents_are_masked() {
        let text = masked(
            "<Add><Item><Data>&lt;wap-provisioningdoc>&lt;parm name='AAUTHSECRET' \
             value='TOPSECRET'/>&lt;parm name='ADDR' value='x'/>&lt;/wap-provisioningdoc></Data>\
             </Item></Add>",
        );
        assert!(text.contains("value=\"x\""), "{text}");
    }

    #[test]
    fn a_trace_masks_and_survives_what_cannot_be_read() {
        let document = b"<SyncML><SyncHdr><Cred><Data>TOPSECRET</Data></Cred></SyncHdr></SyncML>";
        assert!(!trace(MediaType::DmXml, document).contains("TOPSECRET"));
        assert_eq!(
            trace(MediaType::DmWbxml, b"\x09"),
            "(1 bytes that cannot be read: WBXML version byte 0x09 is not one of 1.0 to 1.3 (at byte 0))\n"
        );
    }
}
