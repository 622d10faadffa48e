//! `mergeline diff`

use super::arguments::{Diff, Global};
use super::output::{self, Outputs};
use super::places::Named;
use super::review::{render_options, secret_variables};
use super::validate::STDIN;
use crate::failure::{Failure, Result};
use crate::manifest::{Budget, Source};
use crate::report::Verdict;
use crate::review::{CompareInput, Given};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Compares two folders or files.
pub(crate) fn diff(global: &Global, command: &Diff) -> Result<u8> {
    let started = Instant::now();
    let folder = global.folder()?;
    let outputs = Outputs::parse(&command.outputs, &folder, global.colours())?;
    let both = [&command.before, &command.after];
    if both.iter().all(|path| path.as_path() == Path::new("-")) {
        return Err(Failure::usage("`-` is standard input and stands on one side alone"));
    }
    let is_folder = |path: &Path| folder.join(path).is_dir();
    let folders: Vec<PathBuf> = both.iter().filter(|path| is_folder(path)).map(|path| (*path).clone()).collect();
    let named = if folders.is_empty() { None } else { Some(Named::open(&folder, &folders)?) };
    let mut paths = named.iter().flat_map(|named| named.paths().map(|path| (named.tree(), path.to_owned())));
    let mut given = |given: &Path| match is_folder(given) {
        true => {
            let (tree, path) = paths.next().ok_or_else(|| Failure::bug("a path was lost"))?;
            Ok(Given::Folder { tree, path, named: given.display().to_string() })
        }
        false => read(&folder, given).map(Given::Text),
    };
    let input = CompareInput {
        before: given(&command.before)?,
        after: given(&command.after)?,
        name: format!("{} → {}", command.before.display(), command.after.display()),
        render: render_options(),
        kubernetes: command.kubernetes.clone(),
        secrets: secret_variables(),
    };
    let mut report = crate::review::compare(&input)?;
    if let Some(named) = &named {
        let texts = [&input.before, &input.after].map(|given| match given {
            Given::Text(source) => Some(source.path()),
            Given::Folder { .. } => None,
        });
        named.tell(&mut report, &texts.into_iter().flatten().collect::<Vec<_>>());
    }
    report.elapsed = output::elapsed(started);
    let code = outputs.write(&report)?;
    let differs = command.exit_code && report.verdict != Verdict::Fail && !report.changes.is_empty();
    Ok(if differs { 1 } else { code })
}

/// A file, a pipe or standard input, up to a byte more than is read of a text.
fn read(folder: &Path, path: &Path) -> Result<std::sync::Arc<Source>> {
    let unreadable = |error| Failure::nothing_there(format!("cannot read `{}`", path.display())).because(error);
    let mut bytes = Vec::new();
    let most = (Budget::default().bytes as u64).saturating_add(1);
    let (name, read) = if path == Path::new("-") {
        (STDIN.to_owned(), std::io::stdin().take(most).read_to_end(&mut bytes))
    } else {
        let file = File::open(folder.join(path)).map_err(unreadable)?;
        // Nothing for a pipe; a file is read into place.
        let size = file.metadata().map_or(0, |metadata| metadata.len()).min(most);
        bytes.reserve(usize::try_from(size).unwrap_or(0).saturating_add(1));
        (path.display().to_string(), file.take(most).read_to_end(&mut bytes))
    };
    read.map_err(unreadable)?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Failure::usage(format!("`{}` is no UTF-8 text: byte {at}", path.display()))
    })?;
    Ok(Source::new(name, text))
}
