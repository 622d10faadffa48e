//! Whether the server would take a write, and what would then stand there. Nothing is changed here, so a dry-run is this
//! alone.

use super::fields::{FieldSet, Path, Step, path_text};
use super::kinds::Served;
use super::merge::{self, Manager, Operation};
use super::shape::{ListShape, Typing};
use super::store::{Id, Stored, is_terminating, set_metadata, text};
use super::{State, admission, rejections};
use crate::cluster::{ApplyOptions, Rejection, ResourceKind, Target};
use crate::manifest::value::map;
use crate::manifest::{Data, Object, TypeKey, Value};
use std::collections::BTreeSet;

/// A write that was judged and not yet done.
pub(super) struct Prepared {
    pub(super) id: Id,
    pub(super) served: Served,
    pub(super) stored: Stored,
    pub(super) changed: bool,
    /// The desired state is new: controllers act.
    pub(super) desired_changed: bool,
}

/// What a person asked for: all but metadata and status.
fn desired(value: &Value) -> Value {
    let mut value = value.clone();
    value.remove("metadata");
    value.remove("status");
    value.remove("apiVersion");
    value
}

impl State {
    /// What the request's URL and body must agree on.
    fn check_identity(served: &Served, target: &Target, object: &Value) -> Result<(), Rejection> {
        let type_key = &served.kind.type_key;
        let version = text(object, &["apiVersion"]).unwrap_or_default();
        let kind = text(object, &["kind"]).unwrap_or_default();
        if version != type_key.api_version() || kind != type_key.kind {
            let TypeKey { group, version, kind } = TypeKey::new(version, kind);
            return Err(rejections::bad_request(format!("invalid object type: {group}/{version}, Kind={kind}")));
        }
        let name = text(object, &["metadata", "name"]).unwrap_or_default();
        if name != target.name {
            let url = &target.name;
            let why = format!("the name of the object ({name}) does not match the name on the URL ({url})");
            return Err(rejections::bad_request(why));
        }
        let namespace = text(object, &["metadata", "namespace"]);
        if namespace.is_some() && namespace != target.namespace.as_deref() {
            let why = "the namespace of the provided object does not match the namespace sent on the request";
            return Err(rejections::bad_request(why.to_owned()));
        }
        Ok(())
    }

    fn check_namespace(&self, kind: &ResourceKind, id: &Id) -> Result<(), Rejection> {
        let Some(name) = &id.namespace else { return Ok(()) };
        let of = |id: &&Id| id.is_namespace() && id.name == *name;
        match self.objects.iter().find(|(id, _)| of(id)) {
            None => {
                let namespaces = self.built_in.iter().find(|served| served.kind.plural == "namespaces");
                Err(namespaces.map_or_else(rejections::unknown_kind, |of| rejections::not_found(&of.kind, name)))
            }
            Some((_, namespace)) if is_terminating(&namespace.value) => {
                Err(rejections::terminating(kind, &id.name, name))
            }
            Some(_) => Ok(()),
        }
    }

    fn fresh(&self, served: &Served, id: &Id) -> Value {
        let mut metadata = map([("name", id.name.as_str())]);
        if let Some(namespace) = &id.namespace {
            metadata.set("namespace", namespace.as_str());
        }
        metadata.set("uid", format!("00000000-0000-4000-8000-{:012x}", self.serial + 1));
        metadata.set("resourceVersion", "0");
        if served.generation {
            metadata.set("generation", 1);
        }
        metadata.set("creationTimestamp", self.now());
        let type_key = &served.kind.type_key;
        let mut value = map([("apiVersion", type_key.api_version()), ("kind", type_key.kind.clone())]);
        value.set("metadata", metadata);
        value
    }

    fn manager(&self, name: &str, operation: Operation, kind: &ResourceKind) -> Manager {
        let (api_version, time) = (kind.type_key.api_version(), self.now());
        let (subresource, fields) = (String::new(), FieldSet::default());
        Manager { name: name.to_owned(), operation, api_version, subresource, time, fields }
    }

    /// Judges a server-side apply.
    pub(super) fn prepare_apply(
        &self,
        target: &Target,
        object: &Value,
        options: &ApplyOptions,
    ) -> Result<Prepared, Rejection> {
        let served = self.served(&target.kind).ok_or_else(rejections::unknown_kind)?;
        Self::check_identity(&served, target, object)?;
        let id = Id::of(target);
        let live = self.objects.get(&id);
        if live.is_none() {
            self.check_namespace(&target.kind, &id)?;
        }
        let mut config = admission::drop_nulls(object);
        if config.path(&["metadata", "managedFields"]).is_some() {
            return Err(rejections::bad_request("metadata.managedFields must be nil".to_owned()));
        }
        let mut ask = |key| config.get_mut("metadata").and_then(|metadata| metadata.remove(key));
        let has = |key| live.and_then(|live| live.value.path(&["metadata", key]));
        if let Some(version) = ask("resourceVersion")
            && Some(&version) != has("resourceVersion")
        {
            return Err(rejections::modified(&target.kind, &id.name));
        }
        if let Some(uid) = ask("uid")
            && Some(&uid) != has("uid")
        {
            let uid = uid.as_str().unwrap_or_default();
            return Err(rejections::unlike_uid(&target.kind, &id.name, uid, live.is_some()));
        }
        if served.status {
            config.remove("status");
        }
        let typing = self.typing(&target.kind);
        if let Some(why) = repeated_item(&config, &mut Vec::new(), typing) {
            let namespace = text(object, &["metadata", "namespace"]).unwrap_or_default();
            return Err(rejections::not_typed(&target.kind, namespace, &id.name, &why));
        }
        let said = merge::said_fields(&config, typing);
        let manager = self.manager(&options.field_manager, Operation::Apply, &target.kind);
        let mut base = live.map_or_else(|| self.fresh(&served, &id), |live| live.value.clone());
        base.set("apiVersion", served.kind.type_key.api_version());
        let managers = live.map(|live| live.managers.as_slice()).unwrap_or_default();
        let (value, managers) = merge::apply(&base, managers, &config, manager, said, options.force, typing)
            .map_err(|conflicts| rejections::conflicts(&conflicts))?;
        self.finish(id, served, value, managers)
    }

    /// Judges a create (`metadata.resourceVersion` absent) or a replace by `manager`.
    pub(super) fn prepare_replace(
        &self,
        target: &Target,
        object: &Value,
        manager: &str,
    ) -> Result<Prepared, Rejection> {
        let served = self.served(&target.kind).ok_or_else(rejections::unknown_kind)?;
        Self::check_identity(&served, target, object)?;
        let id = Id::of(target);
        let live = self.objects.get(&id);
        let asked = text(object, &["metadata", "resourceVersion"]);
        let is = live.and_then(|live| text(&live.value, &["metadata", "resourceVersion"]));
        match (asked, live) {
            (None, Some(_)) => return Err(rejections::already_exists(&target.kind, &id.name)),
            (Some(_), None) => return Err(rejections::not_found(&target.kind, &id.name)),
            (Some(asked), Some(_)) if Some(asked) != is => return Err(rejections::modified(&target.kind, &id.name)),
            (None, None) => self.check_namespace(&target.kind, &id)?,
            (Some(_), Some(_)) => {}
        }
        let base = live.map_or_else(|| self.fresh(&served, &id), |live| live.value.clone());
        let mut value = admission::drop_nulls(object);
        for key in ["uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp", "namespace"] {
            match base.path(&["metadata", key]) {
                Some(kept) => set_metadata(&mut value, key, kept.clone()),
                None => drop(value.get_mut("metadata").and_then(|metadata| metadata.remove(key))),
            }
        }
        value.get_mut("metadata").and_then(|metadata| metadata.remove("managedFields"));
        if served.status {
            match base.get("status") {
                Some(status) => value.set("status", status.clone()),
                None => drop(value.remove("status")),
            }
        }
        let before = live.map_or_else(|| map::<&str, Value>([]), |live| live.value.clone());
        admission::default_fields(&served.kind, &mut value, live.map(|live| &live.value), self.serial);
        let managers = live.map(|live| live.managers.as_slice()).unwrap_or_default();
        let manager = self.manager(manager, Operation::Update, &target.kind);
        let managers = merge::update(&before, managers, &value, manager, self.typing(&target.kind));
        self.finish(id, served, value, managers)
    }

    /// Judges a write of `status` by a controller.
    pub(super) fn prepare_status(&self, id: &Id, served: &Served, status: Value) -> Option<Prepared> {
        let live = self.objects.get(id)?;
        let mut value = live.value.clone();
        value.set("status", status);
        let mut manager = self.manager("kube-controller-manager", Operation::Update, &served.kind);
        "status".clone_into(&mut manager.subresource);
        let managers = merge::update(&live.value, &live.managers, &value, manager, self.typing(&served.kind));
        let changed = value != live.value;
        let stored = Stored { value, managers };
        Some(Prepared { id: id.clone(), served: served.clone(), stored, changed, desired_changed: false })
    }

    /// Admission, validation, versions: the same for each way to write.
    fn finish(&self, id: Id, served: Served, mut value: Value, managers: Vec<Manager>) -> Result<Prepared, Rejection> {
        let live = self.objects.get(&id);
        let kind = &served.kind;
        if let Some(why) = self.denials.get(&(kind.type_key.kind.clone(), id.name.clone())) {
            return Err(rejections::forbidden(kind, &id.name, why));
        }
        admission::default_fields(kind, &mut value, live.map(|live| &live.value), self.serial);
        let mut causes = admission::broken_rules(kind, &value);
        if let Some(live) = live {
            causes.extend(admission::immutable_changes(kind, &live.value, &value));
        }
        if !causes.is_empty() {
            return Err(rejections::invalid(kind, &id.name, causes));
        }
        let desired_changed = live.is_none_or(|live| desired(&live.value) != desired(&value));
        if let Some(generation) = live.and_then(|live| live.value.path(&["metadata", "generation"])?.as_i64())
            && desired_changed
        {
            set_metadata(&mut value, "generation", generation + 1);
        }
        let same = |new: &Manager, old: &Manager| Manager { time: old.time.clone(), ..new.clone() } == *old;
        let keep_time = |new: Manager| match live.and_then(|live| live.managers.iter().find(|old| same(&new, old))) {
            Some(old) => old.clone(),
            None => new,
        };
        let stored = Stored { value, managers: managers.into_iter().map(keep_time).collect() };
        let changed = live.is_none_or(|live| {
            let unordered = |stored: &Stored| {
                let mut managers = stored.managers.clone();
                managers.sort_by(|a, b| (&a.name, a.operation).cmp(&(&b.name, b.operation)));
                managers
            };
            live.value != stored.value || unordered(live) != unordered(&stored)
        });
        Ok(Prepared { id, served, stored, changed, desired_changed })
    }

    /// The answer to a write that is not done.
    pub(super) fn preview(prepared: &Prepared) -> Object {
        prepared.stored.answer(&prepared.served.kind.type_key)
    }
}

/// The first keyed list in which two items have the same keys, as the server says it.
fn repeated_item(value: &Value, path: &mut Path, typing: Typing<'_>) -> Option<String> {
    match &value.data {
        Data::Map(entries) => entries.iter().find_map(|(key, child)| {
            path.push(Step::Field(key.text.to_string()));
            let found = repeated_item(child, path, typing);
            path.pop();
            found
        }),
        Data::List(items) => {
            let shape = typing.list(path);
            if shape == ListShape::Atomic {
                return None;
            }
            let mut seen = BTreeSet::new();
            for item in items {
                let Some(step) = Typing::item_step(&shape, item) else { continue };
                if !seen.insert(step.clone()) {
                    let (list, key) = (path_text(path), path_text(&[step]));
                    return Some(format!("{list}: duplicate entries for key {key}"));
                }
                path.push(step);
                let found = repeated_item(item, path, typing);
                path.pop();
                if found.is_some() {
                    return found;
                }
            }
            None
        }
        _ => None,
    }
}
