//! Feature `testing`: every change on the disk can be watched, counted and refused, and a [`SimulatedDisk`] loses what was not yet
//! durable when its power goes. Used by tests only: what is wrong here panics.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code fails by panicking")]

pub mod fuzz;
mod image;

use image::Image;
use offlinesync_core::testing::Faults;
use offlinesync_core::{Error, ErrorKind};
use std::fmt::Debug;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// A change on a disk that is about to be carried out.
#[derive(Clone, Copy, Debug)]
pub enum Effect<'a> {
    /// A directory is made.
    MakeDirectory(&'a Path),
    /// An empty file is made.
    Create(&'a Path),
    /// Octets are added at the end of a file.
    Write(&'a Path, &'a [u8]),
    /// The content of a file is made durable.
    SyncFile(&'a Path),
    /// A file or directory gets another name.
    Rename(&'a Path, &'a Path),
    /// A file, or a directory with all that is in it, is removed.
    Remove(&'a Path),
    /// The entries of a directory are made durable.
    SyncDirectory(&'a Path),
}

impl Effect<'_> {
    fn name(&self) -> &'static str {
        match self {
            Effect::MakeDirectory(_) => "mkdir",
            Effect::Create(_) => "create",
            Effect::Write(..) => "write file",
            Effect::SyncFile(_) => "sync file",
            Effect::Rename(..) => "rename file",
            Effect::Remove(_) => "unlink",
            Effect::SyncDirectory(_) => "sync directory",
        }
    }
}

/// Somebody who is asked about every change on the disk.
pub trait Watch: Debug + Send + Sync {
    /// Carries it out, once, or does not.
    ///
    /// # Errors
    /// What carrying it out answered, or why it was not carried out.
    fn effect(&self, effect: &Effect<'_>, carry_out: &mut dyn FnMut() -> io::Result<()>) -> io::Result<()>;
}

/// What is left when the power goes. A file's content is durable as it was when the file was last synced, an entry of a directory once
/// the directory was synced, and a rename, which is one step, once the directory it leads to was synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// Everything: only the process has gone.
    Nothing,
    /// What was made durable, and nothing else: each directory for itself.
    Unsynced,
    /// What was made durable, then some of the other changes in their order (as a journal keeps them), and of content that was not
    /// synced some: nothing, half or all, as this number has it.
    Some(u64),
}

/// A directory tree on a disk whose power can go. Changes are effects that [`Faults`] counts; what others do to the tree is not seen.
#[derive(Clone, Debug)]
pub struct SimulatedDisk {
    root: PathBuf,
    faults: Faults,
    image: Arc<Mutex<Image>>,
}

impl SimulatedDisk {
    /// What lies in the tree now is durable.
    pub fn new(root: &Path, faults: &Faults) -> SimulatedDisk {
        let image = Arc::new(Mutex::new(Image::of(root)));
        SimulatedDisk { root: root.to_owned(), faults: faults.clone(), image }
    }

    /// Makes the tree what the disk holds when it is switched on again.
    pub fn lose_power(&self, loss: Loss) {
        let mut image = self.image.lock().unwrap_or_else(PoisonError::into_inner);
        image.lose(&self.root, loss);
        *image = Image::of(&self.root);
    }
}

impl Watch for SimulatedDisk {
    fn effect(&self, effect: &Effect<'_>, carry_out: &mut dyn FnMut() -> io::Result<()>) -> io::Result<()> {
        let mut told = None;
        let done = self.faults.effect(effect.name(), || {
            // In one step, so that the image has the order of the disk.
            let mut image = self.image.lock().unwrap_or_else(PoisonError::into_inner);
            match carry_out() {
                Ok(()) => {
                    image.note(&self.root, effect);
                    Ok(())
                }
                Err(error) => {
                    told = Some(error);
                    Err(Error::new(ErrorKind::Storage, "refused by the disk"))
                }
            }
        });
        match (done, told) {
            (_, Some(error)) => Err(error),
            (done, None) => done.map_err(|error| io::Error::other(error.to_string())),
        }
    }
}
