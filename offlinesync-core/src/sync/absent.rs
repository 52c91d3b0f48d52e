//! The folder that a dry run would create: it lists nothing and takes nothing. Touches nothing.

use crate::error::{Error, ErrorKind, Result};
use crate::flags::FlagSupport;
use crate::folder_name::FolderName;
use crate::line_ending::LineEnding;
use crate::message::{MessageId, UidValidity};
use crate::repository::{
    ChangeSet, Coverage, Cursor, Failures, FlagChange, Folder, Headers, Intake, Known, Sink, SourceFolder,
};
use crate::window::Window;

/// Stands for a folder that does not exist yet.
pub(super) struct Absent(pub(super) FolderName);

impl Absent {
    fn refuse<T>(&self) -> Result<T> {
        Err(Error::new(ErrorKind::Folder, format!("folder '{}' does not exist yet", self.0)))
    }
}

impl Folder for Absent {
    fn name(&self) -> &FolderName {
        &self.0
    }

    fn changes(&mut self, _: Option<&Cursor>, _: &dyn Known) -> Result<ChangeSet> {
        Ok(ChangeSet {
            coverage: Coverage::Complete,
            uid_validity: UidValidity(0),
            present: Vec::new(),
            gone: Vec::new(),
            cursor: None,
            witness: None,
            support: FlagSupport::default(),
            read_only: false,
        })
    }

    fn fetch(&mut self, _: &[MessageId], _: LineEnding, _: &mut dyn Sink) -> Result<()> {
        self.refuse()
    }

    fn headers(&mut self, _: &[MessageId], _: &mut dyn FnMut(Headers<'_>) -> Result<()>) -> Result<Failures> {
        Ok(Failures::new())
    }

    fn outside(&mut self, _: &[MessageId], _: &Window) -> Result<Vec<MessageId>> {
        Ok(Vec::new())
    }

    fn intake(&mut self, _: &SourceFolder) -> Result<Box<dyn Intake + '_>> {
        self.refuse()
    }

    fn needs_intent(&self) -> bool {
        true
    }

    fn store(&mut self, _: &[FlagChange]) -> Result<Failures> {
        self.refuse()
    }

    fn remove(&mut self, _: &[MessageId]) -> Result<Failures> {
        self.refuse()
    }
}
