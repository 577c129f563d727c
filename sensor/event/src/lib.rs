//! sensor-event
