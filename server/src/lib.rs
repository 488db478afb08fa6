//! A Device Management System for benches, labs and fleets.
