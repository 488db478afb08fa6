//! Copy: the value of one leaf to another (OMA-TS-DM_RepPro 6.6.5).

use super::command::{Done, Execution, Outcome};
use crate::operation;
use omadm_syncml::{Item, Meta};

impl Execution<'_> {
    pub(super) fn copy(&mut self, item: &Item, _meta: &Meta) -> Done {
        let target = self.target(item)?;
        let source = item.source.as_ref().map(|source| source.uri.as_str());
        let source = self.address(source)?;
        let (by, now) = (self.by(), self.setting.now);
        operation::copy(&mut self.edit(), by, &source, &target, now)?;
        Ok(Outcome::OK)
    }
}
