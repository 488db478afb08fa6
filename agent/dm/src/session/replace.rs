//! Replace: the value or a property of a node that exists (OMA-TS-DM_RepPro 6.6.10).

use super::command::{Done, Execution, Outcome};
use crate::operation;
use omadm_syncml::{Format, Item, Meta, StatusCode};

impl Execution<'_> {
    pub(super) fn replace(&mut self, item: &Item, meta: &Meta) -> Done {
        let address = self.target(item)?;
        let content = self.content(item, meta)?;
        // An empty Data empties a value, a missing one leaves open what is wanted.
        let empty_by_format = matches!(content.format, Some(Format::Null | Format::Node));
        if content.value.is_none() && !empty_by_format {
            return Err(StatusCode::INCOMPLETE_COMMAND);
        }
        let (by, now) = (self.by(), self.setting.now);
        operation::replace(&mut self.edit(), by, &address, &content, now)?;
        Ok(Outcome::OK)
    }
}
