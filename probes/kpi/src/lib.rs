//! Names, units and kinds of the KPIs; no code that reads them.
