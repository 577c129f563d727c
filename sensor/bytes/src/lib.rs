//! sensor-bytes
