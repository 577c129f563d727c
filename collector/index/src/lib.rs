//! collector-index
