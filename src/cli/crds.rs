//! `adsync crds`: prints the CRDs, or writes one file a kind.

use std::{
    fs,
    io::{self, Write},
    path::PathBuf,
};

use crate::api::crds;

/// What `adsync crds` is told.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Writes one file a kind into this folder, `<plural>.<group>.yaml`, instead of all to standard output.
    #[arg(long, value_name = "FOLDER")]
    pub output_dir: Option<PathBuf>,
}

/// What can go wrong.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A CRD could not be turned into YAML.
    #[error("cannot write {name} as YAML")]
    Serialize {
        /// Name of the CRD.
        name: String,
        /// Why.
        source: serde_yaml::Error,
    },
    /// A file or folder could not be written.
    #[error("cannot write {}", path.display())]
    WriteFile {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Standard output could not be written.
    #[error("cannot write to standard output")]
    Print(#[source] io::Error),
}

/// Prints or writes all CRDs.
pub fn run(args: &Args) -> Result<(), Error> {
    for crd in crds::all() {
        let name = crd.metadata.name.clone().unwrap_or_default();
        let yaml = crds::to_yaml(&crd).map_err(|source| Error::Serialize {
            name: name.clone(),
            source,
        })?;
        match &args.output_dir {
            Some(folder) => {
                fs::create_dir_all(folder).map_err(|source| Error::WriteFile {
                    path: folder.clone(),
                    source,
                })?;
                let path = folder.join(format!("{name}.yaml"));
                fs::write(&path, yaml).map_err(|source| Error::WriteFile { path, source })?;
            }
            None => write!(io::stdout(), "---\n{yaml}").map_err(Error::Print)?,
        }
    }
    Ok(())
}
