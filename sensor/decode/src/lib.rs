//! sensor-decode
