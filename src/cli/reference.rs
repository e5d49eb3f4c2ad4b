//! `adsync reference`: writes the pages of docs/reference. For the repository's own use.

use std::path::PathBuf;

use super::files::{WriteFileError, write_file};
use crate::reference;

/// What `adsync reference` is told.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The folder of the pages.
    #[arg(long, value_name = "FOLDER")]
    pub output_dir: PathBuf,
}

/// Writes all pages.
pub fn run(args: &Args) -> Result<(), WriteFileError> {
    for page in reference::pages() {
        write_file(&args.output_dir, &page.file, &page.text)?;
    }
    Ok(())
}
