//! `adsync crds`: prints the CRDs, or writes one file a kind and the kustomization that joins them.

use std::{
    fs,
    io::{self, Write},
    path::PathBuf,
};

use crate::api::crds;

/// What `adsync crds` is told.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Writes one file a kind into this folder, `<plural>.<group>.yaml`, and a kustomization.yaml, instead of all to standard output.
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

/// The file that joins the others, for `kubectl apply --kustomize`.
const KUSTOMIZATION: &str = "kustomization.yaml";

/// Prints or writes all CRDs.
pub fn run(args: &Args) -> Result<(), Error> {
    let Some(folder) = &args.output_dir else {
        return files()?
            .iter()
            .filter(|(name, _)| name != KUSTOMIZATION)
            .try_for_each(|(_, yaml)| write!(io::stdout(), "---\n{yaml}"))
            .map_err(Error::Print);
    };
    fs::create_dir_all(folder).map_err(|source| Error::WriteFile {
        path: folder.clone(),
        source,
    })?;
    for (name, yaml) in files()? {
        let path = folder.join(name);
        fs::write(&path, yaml).map_err(|source| Error::WriteFile { path, source })?;
    }
    Ok(())
}

/// What a folder gets: names and contents.
pub fn files() -> Result<Vec<(String, String)>, Error> {
    let mut files = Vec::new();
    for crd in crds::all() {
        let name = crd.metadata.name.clone().unwrap_or_default();
        let yaml = crds::to_yaml(&crd).map_err(|source| Error::Serialize {
            name: name.clone(),
            source,
        })?;
        files.push((format!("{name}.yaml"), yaml));
    }
    let mut kustomization = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n".to_owned();
    for (name, _) in &files {
        kustomization.extend(["- ", name, "\n"]);
    }
    files.push((KUSTOMIZATION.to_owned(), kustomization));
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_gets_one_file_a_kind_and_one_that_names_them() {
        let folder = tempfile::tempdir().unwrap();
        let output_dir = folder.path().join("made/for/it");
        run(&Args {
            output_dir: Some(output_dir.clone()),
        })
        .unwrap();
        assert_eq!(fs::read_dir(&output_dir).unwrap().count(), 8);
        let kustomization = fs::read_to_string(output_dir.join("kustomization.yaml")).unwrap();
        assert!(
            kustomization.contains("\n- syncscopes.adsync.dev.yaml\n"),
            "{kustomization}"
        );
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
