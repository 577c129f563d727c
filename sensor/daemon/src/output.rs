//! Where records go: a file, or the spool.

use std::collections::BTreeSet;
use std::io::Write;
use std::sync::Arc;

use sensor_archive::Archive;
use sensor_event::Class;
use sensor_ship::{Outlets, Recorder};

use crate::archive::kind_of;
use crate::health::Board;

/// Takes finished records of one worker.
pub trait Output: Send {
    /// One record: a JSON object with a line feed at its end.
    fn record(&mut self, class: Class, line: &[u8]);

    /// A file is over: its whole content, if all of it is held. Its record comes next.
    fn file(&mut self, _content: Option<&[u8]>) {}
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

/// The spool and the archive, if there is a collector, and the configured outputs; the newest alerts are shown at the sensor as well.
#[derive(Clone)]
pub struct Alerting {
    recorder: Option<Recorder>,
    /// Where records of some kinds stay.
    staying: Option<Staying>,
    outlets: Outlets,
    board: Arc<Board>,
}

/// Records that are kept here and do not travel.
#[derive(Clone)]
pub struct Staying {
    pub archive: Arc<Archive>,
    pub kinds: Arc<BTreeSet<String>>,
}

impl Staying {
    fn takes(&self, class: Class, line: &[u8]) -> bool {
        !self.kinds.is_empty()
            && matches!(class, Class::Record | Class::Flow)
            && kind_of(line).is_some_and(|kind| self.kinds.contains(kind))
    }
}

impl Alerting {
    pub fn new(recorder: Option<Recorder>, outlets: Outlets, board: &Arc<Board>) -> Self {
        Alerting {
            recorder,
            staying: None,
            outlets,
            board: Arc::clone(board),
        }
    }

    #[must_use]
    pub fn with_staying(self, staying: Option<Staying>) -> Self {
        Alerting { staying, ..self }
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
        let Some(recorder) = &self.recorder else {
            return;
        };
        match &self.staying {
            Some(staying) if staying.takes(class, line) => {
                staying.archive.keep(class, line);
                recorder.stays(class);
            }
            _ => recorder.append(class, line),
        }
    }
}
