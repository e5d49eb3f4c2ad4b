//! `adsync chart`: writes what of the Helm chart is made of its values.yaml. For the repository's own use.

use std::{fs, io, path::PathBuf};

use super::files::{WriteFileError, write_file};
use crate::reference::values::{self, ReadValuesError};

/// What `adsync chart` is told.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The folder of the chart.
    #[arg(long, value_name = "FOLDER")]
    pub folder: PathBuf,
}

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum ChartError {
    /// The file can't be opened.
    #[error("cannot open {}", path.display())]
    OpenValues {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is not as it should be.
    #[error("cannot make anything of the chart's values")]
    ReadValues(#[from] ReadValuesError),
    /// A file can't be written.
    #[error("cannot write what was made of the chart's values")]
    WriteFile(#[from] WriteFileError),
}

/// Writes schema and README.
pub fn run(args: &Args) -> Result<(), ChartError> {
    let path = args.folder.join("values.yaml");
    let text = fs::read_to_string(&path).map_err(|source| ChartError::OpenValues { path, source })?;
    let generated = values::generate(&text)?;
    write_file(&args.folder, "values.schema.json", &generated.schema)?;
    write_file(&args.folder, "README.md", &generated.page)?;
    Ok(())
}
