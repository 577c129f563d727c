//! collector-ingest
