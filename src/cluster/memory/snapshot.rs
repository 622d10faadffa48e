//! The memory cluster in a file: one JSON document, so that several commands can share a cluster.

use super::store::{Id, Stored};
use super::{MemoryCluster, State, type_of};
use crate::failure::{Failure, Result};
use crate::manifest::json::{from_json, to_json};
use crate::manifest::value::map;
use crate::manifest::{Object, Value};
use std::path::Path;
use std::sync::{Arc, Mutex};

const VERSION: i64 = 1;

impl MemoryCluster {
    /// The cluster in a file: what is in it now, and each later write goes there. An absent file is a new cluster.
    ///
    /// # Errors
    /// When the file cannot be read or is no snapshot.
    pub fn open(path: &Path) -> Result<Self> {
        let cluster = match std::fs::read_to_string(path) {
            Ok(text) => Self { state: Arc::new(Mutex::new(State::read(&text).map_err(|why| broken(path, &why))?)) },
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Self::new(),
            Err(error) => {
                return Err(Failure::usage(format!("cannot read the cluster file `{}`", path.display())).because(error));
            }
        };
        cluster.lock().file = Some(path.to_owned());
        Ok(cluster)
    }

    /// Writes the cluster to a file, replacing it in one step.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        self.lock().save(path)
    }
}

fn broken(path: &Path, why: &str) -> Failure {
    Failure::usage(format!("`{}` is no snapshot of an in-memory cluster: {why}", path.display()))
}

impl State {
    /// Writes the file that this cluster was opened from, if any.
    pub(super) fn keep(&self) -> Result<()> {
        self.file.as_deref().map_or(Ok(()), |path| self.save(path))
    }

    fn save(&self, path: &Path) -> Result<()> {
        let number = |n: u64| Value::from(i64::try_from(n).unwrap_or(i64::MAX));
        let objects = self.objects.values().map(|stored| stored.answer(&type_of(&stored.value)).into_value());
        let document = map([
            ("version", Value::from(VERSION)),
            ("revision", number(self.revision)),
            ("serial", number(self.serial)),
            ("ticks", self.ticks.into()),
            ("stuck", self.stuck.iter().map(|name| Value::from(name.as_str())).collect::<Vec<_>>().into()),
            ("objects", objects.collect::<Vec<_>>().into()),
        ]);
        let failed = |error: std::io::Error| {
            Failure::usage(format!("cannot write the cluster file `{}`", path.display())).because(error)
        };
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
        serde_json::to_writer_pretty(&mut file, &to_json(&document)).map_err(|error| failed(error.into()))?;
        file.persist(path).map_err(|error| failed(error.error))?;
        Ok(())
    }

    fn read(text: &str) -> std::result::Result<Self, String> {
        let json: serde_json::Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let document = from_json(&json);
        let number = |key| document.get(key).and_then(Value::as_i64).ok_or_else(|| format!("`{key}` is missing"));
        if number("version")? != VERSION {
            return Err(format!("its version is not {VERSION}"));
        }
        let count = |key| number(key).and_then(|n| u64::try_from(n).map_err(|_| format!("`{key}` is negative")));
        let list = |key| document.get(key).and_then(Value::as_list).unwrap_or_default();
        let mut state = Self::empty();
        state.revision = count("revision")?;
        state.serial = count("serial")?;
        state.ticks = number("ticks")?;
        state.stuck = list("stuck").iter().filter_map(Value::as_str).map(str::to_owned).collect();
        // CRDs first: they say what the plural of a custom resource is.
        let mut objects: Vec<&Value> = list("objects").iter().collect();
        objects.sort_by_key(|object| type_of(object).kind != "CustomResourceDefinition");
        for value in objects {
            let object = Object::new(value.clone()).map_err(|error| error.to_string())?;
            let type_key = object.type_key();
            let served = state.built_in.iter().cloned().chain(state.custom_kinds());
            let served = served.into_iter().find(|served| served.kind.type_key == type_key);
            let Some(served) = served else { return Err(format!("it holds a {type_key}, which is not served")) };
            let id = Id {
                group: type_key.group,
                plural: served.kind.plural,
                namespace: object.namespace().map(str::to_owned),
                name: object.name().unwrap_or_default().to_owned(),
            };
            state.objects.insert(id, Stored::from_answer(object.into_value()));
        }
        Ok(state)
    }
}
