//! The management objects of the device: a description each, and a little behaviour.

/// The descriptions that the program brings, by name, in OMA's own format.
pub const DDFS: &[(&str, &str)] = &[
    ("devinfo", include_str!("../../ddf/devinfo.xml")),
    ("devdetail", include_str!("../../ddf/devdetail.xml")),
    ("dmacc", include_str!("../../ddf/dmacc.xml")),
    ("diagmon", include_str!("../../ddf/diagmon.xml")),
    ("memory", include_str!("../../ddf/memory.xml")),
    ("links", include_str!("../../ddf/links.xml")),
];
