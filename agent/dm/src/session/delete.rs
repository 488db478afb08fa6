//! Delete: a node with all below it (OMA-TS-DM_RepPro 6.6.6).

use super::command::{Done, Execution, Outcome};
use crate::operation;
use omadm_syncml::{Item, Meta};

impl Execution<'_> {
    pub(super) fn delete(&mut self, item: &Item, _meta: &Meta) -> Done {
        let address = self.target(item)?;
        let by = self.by();
        operation::delete(&mut self.edit(), by, &address)?;
        Ok(Outcome::OK)
    }
}
