//! sensor-ship
