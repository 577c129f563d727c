//! sensor-app
