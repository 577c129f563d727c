//! Priority classes of delivery.

/// What is sent, and kept, first when the link or the disk is short. Order is priority, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    Heartbeat,
    Alert,
    /// Records that belong to an alert's flow.
    Context,
    /// Protocol records, files, anomalies.
    Record,
    Flow,
}

impl Class {
    pub const ALL: [Class; 5] = [
        Class::Heartbeat,
        Class::Alert,
        Class::Context,
        Class::Record,
        Class::Flow,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Class::Heartbeat => "heartbeat",
            Class::Alert => "alert",
            Class::Context => "context",
            Class::Record => "record",
            Class::Flow => "flow",
        }
    }

    /// The class with this name.
    pub fn from_name(name: &str) -> Option<Class> {
        Class::ALL.into_iter().find(|class| class.name() == name)
    }
}
