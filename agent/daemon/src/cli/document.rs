//! Elements as JSON: what `decode --json` prints and `encode` reads back.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use omadm_syncml::{Attribute, Element, Namespace, Node};
use serde::{Deserialize, Serialize};

use super::decode;

/// A document with what is known about it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Document {
    /// `xml` or `wbxml`.
    pub(super) encoding: String,
    /// Its length.
    pub(super) bytes: usize,
    /// The outermost element.
    #[serde(rename = "document")]
    pub(super) root: JsonElement,
}

/// An element.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct JsonElement {
    /// The local name.
    name: String,
    /// The namespace.
    namespace: String,
    /// The attributes; elements of SyncML have none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    attributes: Vec<JsonAttribute>,
    /// Elements, texts and octets in document order.
    #[serde(default)]
    children: Vec<JsonNode>,
}

/// An attribute.
#[derive(Debug, Serialize, Deserialize)]
struct JsonAttribute {
    name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    namespace: String,
    value: String,
}

/// One piece of an element's content.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum JsonNode {
    Element(JsonElement),
    Opaque {
        /// Always true; tells octets from text.
        opaque: bool,
        base64: String,
        /// The document that the octets hold, if they hold one; `encode` passes it over.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        document: Option<Box<JsonElement>>,
    },
    Text {
        text: String,
    },
}

impl JsonElement {
    /// The JSON form, in which documents inside the document are opened too.
    pub(super) fn new(element: &Element) -> Self {
        Self::opened(element, decode::MAX_NESTED)
    }

    fn opened(element: &Element, levels: u8) -> Self {
        let child = |node| JsonNode::opened(node, levels);
        Self {
            name: element.name.local.to_string(),
            namespace: element.name.namespace.as_str().to_owned(),
            attributes: element.attributes.iter().map(JsonAttribute::from).collect(),
            children: element.children.iter().map(child).collect(),
        }
    }
}

impl From<&Attribute> for JsonAttribute {
    fn from(attribute: &Attribute) -> Self {
        Self {
            name: attribute.local.clone(),
            namespace: attribute.namespace.clone(),
            value: attribute.value.clone(),
        }
    }
}

impl JsonNode {
    fn opened(node: &Node, levels: u8) -> Self {
        match node {
            Node::Element(element) => Self::Element(JsonElement::opened(element, levels)),
            Node::Text(text) => Self::Text { text: text.clone() },
            Node::Opaque(octets) => {
                let inner = decode::nested(octets, levels);
                let open = |inner: Element| Box::new(JsonElement::opened(&inner, levels - 1));
                Self::Opaque {
                    opaque: true,
                    base64: BASE64.encode(octets),
                    document: inner.map(open),
                }
            }
        }
    }
}

impl TryFrom<JsonElement> for Element {
    type Error = base64::DecodeError;

    fn try_from(element: JsonElement) -> Result<Self, Self::Error> {
        let mut made = Self::new(Namespace::of(&element.namespace), element.name);
        for attribute in element.attributes {
            made.attributes.push(Attribute {
                namespace: attribute.namespace,
                local: attribute.name,
                value: attribute.value,
            });
        }
        for child in element.children {
            made.children.push(child.try_into()?);
        }
        Ok(made)
    }
}

impl TryFrom<JsonNode> for Node {
    type Error = base64::DecodeError;

    fn try_from(node: JsonNode) -> Result<Self, Self::Error> {
        Ok(match node {
            JsonNode::Element(element) => Self::Element(element.try_into()?),
            JsonNode::Text { text } => Self::Text(text),
            JsonNode::Opaque { base64, .. } => Self::Opaque(Bytes::from(BASE64.decode(base64)?)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Element {
        let mut root = Element::new(Namespace::SyncMl, "Data");
        root.children.push(Node::Text("a<b".to_owned()));
        root.children
            .push(Node::Opaque(Bytes::from_static(&[0, 0xff])));
        let mut foreign = Element::new(Namespace::Other("urn:x".to_owned()), "thing");
        foreign.attributes.push(Attribute {
            namespace: String::new(),
            local: "a".to_owned(),
            value: "1".to_owned(),
        });
        root.children.push(Node::Element(foreign));
        root
    }

    #[test]
    fn the_json_form_goes_there_and_back() {
        let text = serde_json::to_string(&JsonElement::new(&sample())).unwrap();
        let json: JsonElement = serde_json::from_str(&text).unwrap();
        assert_eq!(Element::try_from(json).unwrap(), sample());
    }

    #[test]
    fn octets_are_flagged_and_in_base64() {
        let json = serde_json::to_value(JsonElement::new(&sample())).unwrap();
        assert_eq!(json["children"][0], serde_json::json!({ "text": "a<b" }));
        assert_eq!(
            json["children"][1],
            serde_json::json!({ "opaque": true, "base64": "AP8=" })
        );
        assert_eq!(json["namespace"], "SYNCML:SYNCML1.2");
    }

    #[test]
    fn bad_base64_is_an_error() {
        let text = r#"{"name":"Data","namespace":"","children":[{"opaque":true,"base64":"*"}]}"#;
        let json: JsonElement = serde_json::from_str(text).unwrap();
        assert!(Element::try_from(json).is_err());
    }
}
