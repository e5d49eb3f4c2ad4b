//! `adsync crds`: prints the CRDs, or writes one file a kind.

use std::{
    io::{self, Write},
    path::PathBuf,
};

use super::files::{WriteFileError, write_file};
use crate::api::crds;

/// What `adsync crds` is told.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Writes one file a kind into this folder, `<plural>.<group>.yaml`, and a kustomization of them, instead of all to standard output.
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
    #[error(transparent)]
    WriteFile(#[from] WriteFileError),
    /// Standard output could not be written.
    #[error("cannot write to standard output")]
    Print(#[source] io::Error),
}

/// Prints or writes all CRDs.
pub fn run(args: &Args) -> Result<(), Error> {
    let mut files = Vec::new();
    for crd in crds::all() {
        let name = crd.metadata.name.clone().unwrap_or_default();
        let yaml = crds::to_yaml(&crd).map_err(|source| Error::Serialize {
            name: name.clone(),
            source,
        })?;
        match &args.output_dir {
            Some(folder) => {
                let file = format!("{name}.yaml");
                write_file(folder, &file, &yaml)?;
                files.push(file);
            }
            None => write!(io::stdout(), "---\n{yaml}").map_err(Error::Print)?,
        }
    }
    match &args.output_dir {
        Some(folder) => Ok(write_file(folder, "kustomization.yaml", &crds::kustomization(&files))?),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_folder_gets_one_file_a_kind_that_holds_what_is_printed_and_a_kustomization() {
        let folder = tempfile::tempdir().unwrap();
        let output_dir = folder.path().join("made/for/it");
        run(&Args {
            output_dir: Some(output_dir.clone()),
        })
        .unwrap();
        assert_eq!(fs::read_dir(&output_dir).unwrap().count(), 7 + 1);
        let scope = fs::read_to_string(output_dir.join("syncscopes.adsync.dev.yaml")).unwrap();
        assert!(
            scope.starts_with("apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n"),
            "{scope}"
        );
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = run(&Args {
            output_dir: Some(file.path().join("below")),
        })
        .unwrap_err();
        assert!(error.to_string().starts_with("cannot write /"), "{error}");
    }
}
