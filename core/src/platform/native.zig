//! The host processor.
