//! `mergeline demo`

use super::arguments::{Demo, Global};
use super::{print, run::surroundings};
use crate::failure::{Failure, Result};
use crate::run::demo::{Scene, play};
use std::time::Instant;

/// Plays the whole line in a folder on embedded parts.
pub(crate) async fn demo(global: &Global, command: Demo) -> Result<u8> {
    let folder = match command.folder {
        Some(folder) => folder,
        None => {
            let made = tempfile::Builder::new().prefix("mergeline-demo-").tempdir();
            made.map_err(|error| Failure::usage("cannot make a temporary folder").because(error))?.keep()
        }
    };
    let begun = Instant::now();
    let progress = global.progress();
    let quiet = global.quiet;
    let tell = |scene: Scene<'_>| match scene {
        Scene::Step(text) if !quiet => print::note(&format!("\n• {text}")),
        Scene::Detail(text) if progress => print::note(&format!("    {text}")),
        Scene::Note(text) => print::note(&format!("note: {text}")),
        Scene::Shown(text) => drop(print::data(&format!("\n{}\n", text.trim_end()))),
        Scene::Step(_) | Scene::Detail(_) => {}
    };
    let left = play(&folder, &surroundings()?, &tell).await?;
    let (clone, folder) = (left.clone.display(), left.folder.display());
    print::data(&format!(
        "
The demo took {:.1} s and left everything in {folder}

  cd {clone}
  git log --oneline --graph origin/env/dev     what was rendered and committed for dev
  mergeline status                             the board again
  ls ../host/pull-requests                     every pull request with its comments
  cat ../clusters/dev.json                     what dev's cluster has now
  edit a manifest, then `mergeline review`     what your change would do

Your own repository: `mergeline review` in it needs no configuration.
",
        begun.elapsed().as_secs_f64()
    ))
}
