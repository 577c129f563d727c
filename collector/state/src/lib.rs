//! collector-state
