//! Sets of KPIs, and the patterns that name them.

use std::fmt;

use crate::{ALL, KpiId};

const WORDS: usize = ALL.len().div_ceil(64);

/// Which KPIs are wanted.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct KpiSet([u64; WORDS]);

/// A name or pattern that no KPI has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownKpi(pub String);

impl fmt::Display for UnknownKpi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no KPI is called `{}`", self.0)?;
        let group = self.0.split('.').next().unwrap_or_default();
        if ALL.iter().any(|id| id.kpi().group.name() == group) {
            write!(f, "; `{group}.*` names all of its group")
        } else {
            f.write_str(
                "; a name has dots and a `*` stands for any part: `memory.*`, `link.*.bytes`",
            )
        }
    }
}

impl std::error::Error for UnknownKpi {}

impl KpiSet {
    /// The set without members.
    pub const EMPTY: Self = Self([0; WORDS]);

    /// Every KPI.
    pub fn all() -> Self {
        ALL.iter().copied().collect()
    }

    /// The KPIs that a name (`memory.available`) or a pattern (`memory.*`, `link.*.bytes`, `*`) means.
    pub fn matching(pattern: &str) -> Result<Self, UnknownKpi> {
        let set: Self = ALL
            .iter()
            .copied()
            .filter(|id| matches(pattern, id.kpi().name))
            .collect();
        if set.is_empty() {
            return Err(UnknownKpi(pattern.to_owned()));
        }
        Ok(set)
    }

    /// Adds a KPI.
    pub fn insert(&mut self, id: KpiId) {
        if let Some(word) = self.0.get_mut(id as usize / 64) {
            *word |= bit(id);
        }
    }

    /// Takes a KPI out.
    pub fn remove(&mut self, id: KpiId) {
        if let Some(word) = self.0.get_mut(id as usize / 64) {
            *word &= !bit(id);
        }
    }

    /// Whether a KPI is a member.
    pub fn contains(&self, id: KpiId) -> bool {
        self.0
            .get(id as usize / 64)
            .is_some_and(|word| word & bit(id) != 0)
    }

    /// Whether any of these KPIs is a member.
    pub fn contains_any(&self, ids: &[KpiId]) -> bool {
        ids.iter().any(|id| self.contains(*id))
    }

    /// The members of either set.
    #[must_use]
    pub fn union(mut self, other: &Self) -> Self {
        for (word, more) in self.0.iter_mut().zip(other.0) {
            *word |= more;
        }
        self
    }

    /// The members of both sets.
    #[must_use]
    pub fn intersection(mut self, other: &Self) -> Self {
        for (word, other) in self.0.iter_mut().zip(other.0) {
            *word &= other;
        }
        self
    }

    /// The members of this set that the other has not.
    #[must_use]
    pub fn difference(mut self, other: &Self) -> Self {
        for (word, less) in self.0.iter_mut().zip(other.0) {
            *word &= !less;
        }
        self
    }

    /// The members in the order of the table.
    pub fn iter(&self) -> impl Iterator<Item = KpiId> + '_ {
        ALL.iter().copied().filter(|id| self.contains(*id))
    }

    /// How many members there are.
    pub fn len(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Whether there is no member.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }
}

fn bit(id: KpiId) -> u64 {
    1 << (id as usize % 64)
}

impl FromIterator<KpiId> for KpiSet {
    fn from_iter<T: IntoIterator<Item = KpiId>>(ids: T) -> Self {
        let mut set = Self::EMPTY;
        set.extend(ids);
        set
    }
}

impl Extend<KpiId> for KpiSet {
    fn extend<T: IntoIterator<Item = KpiId>>(&mut self, ids: T) {
        for id in ids {
            self.insert(id);
        }
    }
}

impl fmt::Debug for KpiSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set()
            .entries(self.iter().map(|id| id.kpi().name))
            .finish()
    }
}

/// Whether a name fits a pattern in which each `*` stands for any run of characters.
///
/// The last `*` only is ever tried again, so the time is bounded by the product of the lengths.
fn matches(pattern: &str, name: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else {
        return pattern == name;
    };
    let Some(mut name) = name.strip_prefix(head) else {
        return false;
    };
    let Some((middle, tail)) = rest.rsplit_once('*') else {
        return name.ends_with(rest);
    };
    for part in middle.split('*') {
        let Some(at) = name.find(part) else {
            return false;
        };
        name = name.get(at + part.len()..).unwrap_or_default();
    }
    name.ends_with(tail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_mean_names() {
        for (pattern, name, fits) in [
            ("memory.available", "memory.available", true),
            ("memory.avail", "memory.available", false),
            ("memory.*", "memory.available", true),
            ("memory.*", "memory", false),
            ("*", "memory.available", true),
            ("link.*.bytes", "link.rx.bytes", true),
            ("link.*.bytes", "link.bytes", false),
            ("*.rx.*", "link.rx.bytes", true),
            ("*.rx.*", "link.tx.bytes", false),
            ("*a*a*", "memory.available", true),
            ("*a*a*a*a*", "memory.available", false),
            ("a*a", "a", false),
            ("**", "", true),
            ("", "memory.available", false),
        ] {
            assert_eq!(matches(pattern, name), fits, "{pattern} {name}");
        }
    }

    #[test]
    fn an_unknown_name_gets_advice() {
        let near = KpiSet::matching("memory.fre").unwrap_err();
        assert_eq!(
            near.to_string(),
            "no KPI is called `memory.fre`; `memory.*` names all of its group"
        );
        assert!(KpiSet::matching("").is_err());
    }

    #[test]
    fn set_algebra() {
        let memory = KpiSet::matching("memory.*").unwrap();
        let all = KpiSet::all();
        assert_eq!(all.len(), ALL.len());
        assert_eq!(all.intersection(&memory), memory);
        assert_eq!(memory.union(&all), all);
        let rest = all.difference(&memory);
        assert_eq!(rest.len() + memory.len(), all.len());
        assert!(!rest.contains(KpiId::MemoryFree));
        assert!(!rest.contains_any(&[KpiId::MemoryFree]));
        let mut one = KpiSet::EMPTY;
        one.insert(KpiId::UdpIn);
        assert_eq!(one.iter().collect::<Vec<_>>(), [KpiId::UdpIn]);
        one.remove(KpiId::UdpIn);
        assert!(one.is_empty());
    }
}
