//! sensor-detect
