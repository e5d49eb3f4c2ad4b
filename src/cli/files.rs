//! Writes generated files.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// A file or folder could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}", path.display())]
pub struct WriteFileError {
    /// The file or folder.
    path: PathBuf,
    /// Why.
    source: io::Error,
}

/// Writes a file into a folder, which is made where it is missing.
pub(super) fn write_file(folder: &Path, name: &str, text: &str) -> Result<(), WriteFileError> {
    let at = |path: &Path| {
        let path = path.to_owned();
        |source| WriteFileError { path, source }
    };
    fs::create_dir_all(folder).map_err(at(folder))?;
    let path = folder.join(name);
    fs::write(&path, text).map_err(at(&path))
}
