//! sensor-capture
