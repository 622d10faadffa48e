//! `mergeline schema`

use super::arguments::{Global, PullSchemas, Schema, SchemaCommand};
use super::print;
use crate::cluster::kubeconfig::Location;
use crate::cluster::{KubeconfigSource, connect, pull_schemas};
use crate::failure::{Failure, Result};
use crate::git::Repository;
use std::path::PathBuf;

/// Prints a published schema, or pulls those of a cluster.
pub(crate) async fn schema(global: &Global, command: Schema) -> Result<u8> {
    match command.command {
        SchemaCommand::Config => print::data(&crate::config::json_schema()),
        SchemaCommand::Report => print::data(&crate::report::json::schema()),
        SchemaCommand::Pull(command) => pull(global, command).await,
    }
}

async fn pull(global: &Global, command: PullSchemas) -> Result<u8> {
    let folder = global.folder()?;
    let checkout =
        Repository::discover(&folder).ok().and_then(|repository| repository.working_directory().map(Into::into));
    let source = KubeconfigSource {
        location: Location::File(command.kubeconfig.map_or_else(kubeconfig, |path| Ok(folder.join(path)))?),
        context: command.context,
        checkout,
        allow_exec: command.allow_exec,
    };
    let cluster = connect(&source).await?;
    let pulled = pull_schemas(cluster.as_ref(), command.all).await?;
    match command.output {
        None => print::data(&pulled.text)?,
        Some(path) => {
            let path = folder.join(path);
            std::fs::write(&path, &pulled.text)
                .map_err(|error| Failure::usage(format!("cannot write `{}`", path.display())).because(error))?;
            0
        }
    };
    if !global.quiet {
        print::note(&format!("{} kinds of a cluster of Kubernetes {}", pulled.kinds, pulled.version));
    }
    Ok(0)
}

/// Where kubectl looks: the first file of `KUBECONFIG` that is there, else `~/.kube/config`.
fn kubeconfig() -> Result<PathBuf> {
    let set = std::env::var_os("KUBECONFIG").filter(|value| !value.is_empty());
    if let Some(paths) = &set {
        let mut paths = std::env::split_paths(paths).filter(|path| !path.as_os_str().is_empty());
        let first = paths.next();
        let found = first.clone().into_iter().chain(paths).find(|path| path.is_file());
        return found.or(first).ok_or_else(|| Failure::usage("`KUBECONFIG` names no file"));
    }
    let home = std::env::home_dir().ok_or_else(|| {
        Failure::usage("there is no kubeconfig").hint("name one: `--kubeconfig FILE`, or the variable `KUBECONFIG`")
    })?;
    Ok(home.join(".kube/config"))
}
