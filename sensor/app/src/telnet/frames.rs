//! Frames: commands of the protocol, and lines between them.

use sensor_flow::Direction;

use super::wire::{IAC, SUB_BEGIN, SUB_END};
use crate::frame::Frames;

/// Where a side is within its frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum At {
    #[default]
    Between,
    /// Behind IAC.
    Command,
    /// Behind WILL, WON'T, DO or DON'T.
    Option,
    Sub,
    /// Behind IAC within a subnegotiation.
    SubCommand,
    Text,
    /// Behind a colon within a prompt.
    Colon,
}

/// Where a line of a side ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ending {
    #[default]
    Line,
    /// A server's words before anyone has logged in end with what it asks for.
    Prompt,
}

/// Frames of one side.
#[derive(Debug, Default)]
pub struct Marker {
    at: At,
    /// The frame of any kind, and the one of its own kind.
    open: [Option<u64>; 2],
    /// Where the line under way ends, as it was when the line began.
    ending: Ending,
}

impl Marker {
    /// A byte, behind which `rest` have come.
    pub fn byte(
        &mut self,
        frames: &mut Frames,
        direction: Direction,
        byte: u8,
        rest: usize,
        ending: Ending,
    ) {
        if self.at == At::Between {
            self.ending = ending;
            let kind = if byte == IAC { "ctl" } else { "data" };
            self.open = ["pdu", kind].map(|name| frames.add(direction, name, rest + 1, None));
        }
        if (self.at, byte) == (At::SubCommand, SUB_END) {
            // The end of a subnegotiation is a command of its own.
            self.end(frames, direction, rest + 2);
            self.open = ["pdu", "ctl"].map(|name| frames.add(direction, name, rest + 2, None));
        }
        let next = match (self.at, byte) {
            (At::Between, IAC) => At::Command,
            (At::Command, SUB_BEGIN) => At::Sub,
            (At::Command, 251..=254) => At::Option,
            (At::Command | At::Option, _) => At::Between,
            (At::Sub, IAC) => At::SubCommand,
            (At::SubCommand, SUB_END) => At::Between,
            (At::Sub | At::SubCommand, _) => At::Sub,
            (At::Colon, b' ') => At::Between,
            (_, b'\n') if self.ending == Ending::Line => At::Between,
            (_, b':') if self.ending == Ending::Prompt => At::Colon,
            (At::Between | At::Text | At::Colon, _) => At::Text,
        };
        self.at = next;
        if next == At::Between {
            self.end(frames, direction, rest);
        }
    }

    fn end(&mut self, frames: &mut Frames, direction: Direction, rest: usize) {
        for frame in std::mem::take(&mut self.open) {
            frames.end(direction, frame, rest);
        }
    }
}
