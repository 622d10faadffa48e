//! Chromium from npm: the browser, the libraries it wants beyond those of every machine, and letters to draw with.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::error::{Doing, LabError, LabResult};
use crate::process::run;

/// Unpacks the package in `folder/package` as `folder/NAME`, with its libraries in `folder/lib` and fonts in `folder/fonts`.
pub(crate) fn unpack(folder: &Path, name: &str) -> LabResult<()> {
    let packed = folder.join("package/bin");
    let archives = ["al2023.tar", "swiftshader.tar", "fonts.tar"];
    let files = ["chromium"].iter().chain(&archives).map(|file| packed.join(format!("{file}.br")));
    let mut node = Command::new("node");
    node.arg("-").args(files).stdin(Stdio::piped());
    let unpacking = || "unpack the browser".to_owned();
    let mut child = node.spawn().doing(unpacking)?;
    if let Some(mut input) = child.stdin.take() {
        input.write_all(include_bytes!("unpack.js")).doing(unpacking)?;
    }
    if !child.wait().doing(unpacking)?.success() {
        return Err(LabError::new("cannot unpack the browser: Node.js says why above"));
    }
    fs::create_dir_all(folder.join("lib")).doing(unpacking)?;
    for archive in archives {
        // The first archive has a folder `lib` of its own, the second has none.
        let target = if archive == "swiftshader.tar" { folder.join("lib") } else { folder.to_owned() };
        run(Command::new("tar").arg("-xf").arg(packed.join(archive)).arg("-C").arg(target), &unpacking())?;
    }
    let fonts = "<?xml version=\"1.0\"?>\n<!DOCTYPE fontconfig SYSTEM \"fonts.dtd\">\n<fontconfig><dir prefix=\"relative\">fonts</dir><cachedir prefix=\"xdg\">fontconfig</cachedir></fontconfig>\n";
    fs::write(folder.join("fonts.conf"), fonts).doing(unpacking)?;
    let program = folder.join(name);
    fs::rename(packed.join("chromium"), &program).doing(unpacking)?;
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).doing(unpacking)?;
    fs::remove_dir_all(folder.join("package")).doing(unpacking)
}
