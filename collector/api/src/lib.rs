//! collector-api
