//! sensor-stream
