//! Reads KPIs from the operating system.
