//! Add: a node that does not exist yet (OMA-TS-DM_RepPro 6.6.1).

use super::command::{Done, Execution, Outcome};
use crate::operation;
use omadm_syncml::{Item, Meta};

impl Execution<'_> {
    pub(super) fn add(&mut self, item: &Item, meta: &Meta) -> Done {
        let address = self.target(item)?;
        let content = self.content(item, meta)?;
        let (by, now) = (self.by(), self.setting.now);
        operation::add(&mut self.edit(), by, &address, &content, now)?;
        Ok(Outcome::OK)
    }
}
