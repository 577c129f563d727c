//! collector-search
