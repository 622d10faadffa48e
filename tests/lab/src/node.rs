//! Programs for Node.js: an npm package that is one bundle, beside a Node.js and an rsync of its own.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use crate::error::{Doing, LabError, LabResult};
use crate::process::run;

/// What rsync of Debian is linked with beyond what every Debian has.
const LIBRARIES: [&str; 5] = ["libpopt0", "libxxhash0", "liblz4-1", "libzstd1", "libacl1"];

/// Sees that there is an rsync: the machine's, else Debian's, unpacked into `folder` without being installed.
pub(crate) fn find_rsync(folder: &Path) -> LabResult<()> {
    if Command::new("rsync").arg("--version").output().is_ok_and(|output| output.status.success()) {
        return Ok(());
    }
    let missing = |error: LabError| LabError::new(format!("there is no rsync (Debian: apt install rsync); {error}"));
    let place = folder.join("rsync");
    fs::create_dir_all(&place).doing(|| "make a folder for rsync".to_owned())?;
    let mut apt = Command::new("apt-get");
    apt.current_dir(&place).args(["download", "--quiet", "rsync"]).args(LIBRARIES);
    run(&mut apt, "download rsync").map_err(missing)?;
    for entry in fs::read_dir(&place).doing(|| "look at the packages".to_owned())?.filter_map(Result::ok) {
        if entry.path().extension().is_some_and(|extension| extension == "deb") {
            run(Command::new("dpkg").arg("-x").arg(entry.path()).arg(&place), "unpack rsync").map_err(missing)?;
            fs::remove_file(entry.path()).doing(|| "remove a package".to_owned())?;
        }
    }
    let script = "#!/bin/sh
here=$(dirname \"$(dirname \"$(readlink -f \"$0\")\")\")/rsync
LD_LIBRARY_PATH=$(echo \"$here\"/usr/lib/*-linux-gnu):$(echo \"$here\"/lib/*-linux-gnu) exec \"$here/usr/bin/rsync\" \"$@\"
";
    let starter = folder.join("bin/rsync");
    fs::write(&starter, script).doing(|| "write the starter of rsync".to_owned())?;
    executable(&starter)?;
    run(Command::new(&starter).arg("--version"), "run the rsync that was unpacked").map_err(missing).map(drop)
}

/// Writes a program that runs `script` of the package beside it, with what is in `bin` first on the `PATH`.
pub(crate) fn write_starter(program: &Path, script: &str) -> LabResult<()> {
    let text = format!(
        "#!/bin/sh\nhere=$(dirname \"$(readlink -f \"$0\")\")\nPATH=$here/bin:$PATH exec \"$here/bin/node\" \"$here/package/{script}\" \"$@\"\n"
    );
    fs::write(program, text).doing(|| format!("write `{}`", program.display()))?;
    executable(program)
}

fn executable(path: &Path) -> LabResult<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))
        .doing(|| format!("make `{}` executable", path.display()))
}
