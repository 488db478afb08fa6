//! Get: values, names of children, properties and listings (OMA-TS-DM_RepPro 6.6.7).

use super::command::{Done, Execution, Outcome};
use super::outgoing;
use crate::operation::{self, GetItem};
use omadm_syncml::{Address, Data, Format, Item, Location, Meta, Query, StatusCode};

impl Execution<'_> {
    pub(super) fn get(&mut self, item: &Item, _meta: &Meta) -> Done {
        let address = self.target(item)?;
        if self.result_bytes > self.setting.result_bytes {
            return Err(StatusCode::TOO_LARGE);
        }
        let mut nodes = self.listed_nodes;
        let found = operation::get_within(&self.view(), self.by(), &address, &mut nodes);
        self.listed_nodes = nodes;
        let found = found?;
        let is_list = matches!(address.query, Some(Query::List(_)));
        let asked = item.target.as_ref().map(|target| target.uri.as_str());
        let mut results = Vec::with_capacity(found.len());
        for found in found {
            // A single answer names the node exactly as it was asked for.
            let name = match asked {
                Some(asked) if !is_list => asked.to_owned(),
                _ => found.uri.to_string(),
            };
            results.push(self.result(name, found, &address)?);
        }
        Ok(Outcome {
            results,
            ..Outcome::OK
        })
    }

    /// One `Item` of a Results; 413 if the server does not take as much.
    fn result(
        &mut self,
        uri: String,
        found: GetItem,
        address: &Address,
    ) -> Result<Item, StatusCode> {
        let is_property = matches!(address.query, Some(Query::Prop(_)));
        let type_ = (!is_property).then_some(&*found.type_);
        let (format, data) = match found.data.into_value() {
            None => (Some(found.format).filter(|f| *f != Format::Chr), None),
            Some(value) => {
                let answered_as = self.setting.answered_as;
                let (format, data) = outgoing::value(found.format, &value, answered_as)?;
                (format, Some(data))
            }
        };
        self.measure(&uri, data.as_ref())?;
        Ok(Item {
            source: Some(Location { uri, name: None }),
            meta: outgoing::meta(format, type_),
            data,
            ..Item::default()
        })
    }

    /// Bounds what the results of the message take in memory before they are encoded.
    fn measure(&mut self, uri: &str, data: Option<&Data>) -> Result<(), StatusCode> {
        let len = match data {
            Some(Data::Text(text)) => text.len(),
            Some(Data::Opaque(octets)) => octets.len(),
            Some(Data::Elements(_)) | None => 0,
        };
        let (len, named) = (len as u64, (uri.len() + ITEM) as u64);
        self.result_bytes = self.result_bytes.saturating_add(len.saturating_add(named));
        let (most, all) = (self.setting.max_result, self.setting.result_bytes);
        if len > most || self.result_bytes > all {
            return Err(StatusCode::TOO_LARGE);
        }
        Ok(())
    }
}

/// An `Item` costs at least this much, here or in a message, however little it says.
const ITEM: usize = 128;
