//! Where records go: a file, or the spool.

use std::io::Write;
use std::sync::Arc;

use sensor_event::Class;
use sensor_ship::{Outlets, Recorder};

use crate::health::Board;

/// Takes finished records of one worker.
pub trait Output: Send {
    /// One record: a JSON object with a line feed at its end.
    fn record(&mut self, class: Class, line: &[u8]);
}

/// `eve.json`.
pub struct FileOutput<W: Write + Send> {
    writer: W,
    /// The first error; later records are counted as lost.
    pub error: Option<std::io::Error>,
    pub lost: u64,
}

impl<W: Write + Send> FileOutput<W> {
    pub fn new(writer: W) -> Self {
        FileOutput {
            writer,
            error: None,
            lost: 0,
        }
    }

    /// Writes what is buffered.
    ///
    /// # Errors
    /// The first error of any write.
    pub fn finish(mut self) -> std::io::Result<()> {
        match self.error.take() {
            Some(error) => Err(error),
            None => self.writer.flush(),
        }
    }
}

impl<W: Write + Send> Output for FileOutput<W> {
    fn record(&mut self, _class: Class, line: &[u8]) {
        if self.error.is_some() {
            self.lost += 1;
        } else if let Err(error) = self.writer.write_all(line) {
            self.error = Some(error);
            self.lost += 1;
        }
    }
}

/// The spool, if there is a collector, and the configured outputs; the newest alerts are shown at the sensor as well.
#[derive(Clone)]
pub struct Alerting {
    recorder: Option<Recorder>,
    outlets: Outlets,
    board: Arc<Board>,
}

impl Alerting {
    pub fn new(recorder: Option<Recorder>, outlets: Outlets, board: &Arc<Board>) -> Self {
        Alerting {
            recorder,
            outlets,
            board: Arc::clone(board),
        }
    }

    /// Where the newest alerts are shown.
    pub fn board(&self) -> &Arc<Board> {
        &self.board
    }
}

impl Output for Alerting {
    fn record(&mut self, class: Class, line: &[u8]) {
        if class == Class::Alert {
            self.board.alert(line);
        }
        self.outlets.record(class, line);
        if let Some(recorder) = &self.recorder {
            recorder.append(class, line);
        }
    }
}
