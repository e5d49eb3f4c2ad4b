//! The container image: what packaging/rootfs lays out for it, and that the Dockerfile takes the same Rust as everybody else. Whether pods
//! run with it is tested on a real node.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::env::{self, process};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const BINARY: &str = env!("CARGO_BIN_EXE_adsync");

async fn lay_out(folder: &Path) {
    let script = format!("{ROOT}/packaging/rootfs");
    process::run(script, &[BINARY, folder.to_str().unwrap()], &[], "").await;
}

#[tokio::test]
async fn the_image_holds_the_binary_what_it_needs_and_nobody_who_is_root() {
    let folder = tempfile::tempdir().unwrap();
    let rootfs = folder.path().join("rootfs");
    lay_out(&rootfs).await;
    let top: BTreeSet<String> = fs::read_dir(&rootfs)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let needed: BTreeSet<String> = ["LICENSE", "adsync", "etc", "usr"].map(str::to_owned).into();
    let libraries: BTreeSet<String> = ["lib", "lib64"].map(str::to_owned).into();
    assert!(top.is_superset(&needed), "{top:?}");
    assert!(top.is_subset(&needed.union(&libraries).cloned().collect()), "{top:?}");
    let passwd = fs::read_to_string(rootfs.join("etc/passwd")).unwrap();
    assert_eq!(passwd, "nonroot:x:65532:65532:nonroot:/:/sbin/nologin\n");
    let certificates = fs::read_to_string(rootfs.join("etc/ssl/certs/ca-certificates.crt")).unwrap();
    assert!(certificates.contains("-----BEGIN CERTIFICATE-----"));
    assert!(
        rootfs.join("usr/share/zoneinfo/Europe/Berlin").exists(),
        "schedules name time zones"
    );
    assert!(!rootfs.join("usr/share/zoneinfo/posix").exists(), "each is there once");
}

/// Whom the image runs as.
const USER: &str = "--userspec=65532:65532";

/// Why nothing can be run with a temporary folder as its root folder here, if so.
async fn no_chroot() -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().to_str().unwrap();
    process::run("chmod", &["755", root], &[], "").await;
    fs::copy("/bin/true", folder.path().join("true")).unwrap();
    let output = process::attempt("/usr/sbin/chroot", &[USER, root, "/true"], &[], "").await;
    match output.status.code() {
        // That it ran, or got as far as to miss its libraries (chroot(1), exit status).
        Some(0 | 127) => None,
        _ => Some(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
    }
}

#[tokio::test]
async fn the_binary_runs_with_nothing_but_the_image() {
    if let Some(why_not) = no_chroot().await {
        return env::skip("the_binary_runs_with_nothing_but_the_image", why_not);
    }
    let folder = tempfile::tempdir().unwrap();
    let rootfs = folder.path().join("rootfs");
    lay_out(&rootfs).await;
    // The image's user has to get to it.
    process::run("chmod", &["755", folder.path().to_str().unwrap()], &[], "").await;
    let inside = async |arguments: &[&str]| {
        let chroot = [USER, rootfs.to_str().unwrap(), "/adsync"];
        process::attempt(
            "env",
            &[&["--ignore-environment", "/usr/sbin/chroot"], &chroot[..], arguments].concat(),
            &[],
            "",
        )
        .await
    };
    let version = inside(&["--version"]).await;
    let said = String::from_utf8_lossy(&version.stdout);
    assert_eq!(said, concat!("adsync ", env!("CARGO_PKG_VERSION"), "\n"), "{version:?}");
    let run = inside(&["run"]).await;
    let said = String::from_utf8_lossy(&run.stderr);
    assert!(
        !run.status.success() && said.contains("cannot find the cluster"),
        "{said}"
    );
}

#[tokio::test]
async fn what_would_make_a_broken_image_is_refused() {
    let script = format!("{ROOT}/packaging/rootfs");
    let folder = tempfile::tempdir().unwrap();
    let existing = folder.path().to_str().unwrap();
    let new = format!("{existing}/rootfs");
    // Something that runs, though nobody can tell which libraries it takes.
    let script_of_its_own = format!("{existing}/adsync");
    fs::write(&script_of_its_own, "#!/bin/sh\n").unwrap();
    process::run("chmod", &["755", &script_of_its_own], &[], "").await;
    for (arguments, hint) in [
        (vec![BINARY], "usage: "),
        (vec!["/nowhere/adsync", &new], "is no program"),
        (vec![BINARY, existing], "exists already"),
        (vec![&script_of_its_own, &new], "can't be looked into"),
    ] {
        let output = process::attempt(&script, &arguments, &[], "").await;
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(hint), "{arguments:?}: {said}");
        assert!(!Path::new(&new).exists(), "{arguments:?} leaves half an image");
    }
}

#[test]
fn the_image_is_built_with_the_rust_of_everybody_and_from_what_it_takes() {
    let read = |name: &str| fs::read_to_string(format!("{ROOT}/{name}")).unwrap();
    let toolchain = read("rust-toolchain.toml");
    let version = toolchain
        .lines()
        .find_map(|line| line.strip_prefix("channel = "))
        .unwrap();
    let base = format!(
        "FROM docker.io/library/rust:{}-bookworm AS build\n",
        version.trim_matches('"')
    );
    let dockerfile = read("Dockerfile");
    assert!(dockerfile.contains(&base), "the Dockerfile doesn't take {base}");
    assert!(dockerfile.contains("\nUSER 65532:65532\n"));
    for taken in read(".dockerignore").lines().filter_map(|line| line.strip_prefix('!')) {
        assert!(
            Path::new(ROOT).join(taken).exists(),
            ".dockerignore lets in {taken}, which there is not"
        );
    }
}
