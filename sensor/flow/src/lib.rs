//! sensor-flow
