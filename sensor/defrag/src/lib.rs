//! sensor-defrag
