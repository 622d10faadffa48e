//! The objects, and what a write does to them: identity, versions, ownership, deletion, watchers.

use super::fields::FieldSet;
use super::kinds::Served;
use super::merge::{self, Manager, Operation};
use super::shape::{ListShape, Typing};
use super::{State, admission, controllers, rejections};
use crate::cluster::selector::Selector;
use crate::cluster::{ApplyOptions, Rejection, ResourceKind, Target, WatchEvent};
use crate::failure::Result as Outcome;
use crate::manifest::value::map;
use crate::manifest::{Data, Object, TypeKey, Value};
use futures::channel::mpsc::UnboundedSender;
use std::collections::BTreeSet;

/// Where an object is kept: a kind's group and plural, then namespace and name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Id {
    pub(super) group: String,
    pub(super) plural: String,
    pub(super) namespace: Option<String>,
    pub(super) name: String,
}

impl Id {
    pub(super) fn of(target: &Target) -> Self {
        let namespace = target.namespace.clone().filter(|_| target.kind.namespaced);
        let (group, plural) = (target.kind.type_key.group.clone(), target.kind.plural.clone());
        Self { group, plural, namespace, name: target.name.clone() }
    }

    pub(super) fn is_of(&self, kind: &ResourceKind) -> bool {
        self.group == kind.type_key.group && self.plural == kind.plural
    }

    fn is_namespace(&self) -> bool {
        self.group.is_empty() && self.plural == "namespaces"
    }

    fn is_crd(&self) -> bool {
        self.group == "apiextensions.k8s.io"
    }
}

/// An object without its `managedFields`, and those.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Stored {
    pub(super) value: Value,
    pub(super) managers: Vec<Manager>,
}

/// Who is told about a kind.
pub(super) struct Watcher {
    pub(super) kind: ResourceKind,
    pub(super) namespace: Option<String>,
    pub(super) selector: Selector,
    pub(super) known: BTreeSet<Id>,
    pub(super) sender: UnboundedSender<Outcome<WatchEvent>>,
}

/// A write that was judged and not yet done.
pub(super) struct Prepared {
    id: Id,
    served: Served,
    stored: Stored,
    changed: bool,
    /// The desired state is new: controllers act.
    desired_changed: bool,
}

fn text<'a>(value: &'a Value, path: &[&str]) -> Option<&'a str> {
    value.path(path).and_then(Value::as_str).filter(|text| !text.is_empty())
}

fn finalizers(value: &Value) -> usize {
    value.path(&["metadata", "finalizers"]).and_then(Value::as_list).map_or(0, <[Value]>::len)
}

fn is_terminating(value: &Value) -> bool {
    value.path(&["metadata", "deletionTimestamp"]).is_some()
}

fn set_metadata(value: &mut Value, key: &str, to: impl Into<Value>) {
    if let Some(metadata) = value.get_mut("metadata") {
        metadata.set(key, to);
    }
}

/// What a person asked for: all but metadata and status.
fn desired(value: &Value) -> Value {
    let mut value = value.clone();
    value.remove("metadata");
    value.remove("status");
    value.remove("apiVersion");
    value
}

impl Stored {
    /// The object as the server answers it, in the version asked for.
    pub(super) fn answer(&self, kind: &TypeKey) -> Object {
        let mut value = self.value.clone();
        value.set("apiVersion", kind.api_version());
        let entry = |manager: &Manager| {
            let operation = match manager.operation {
                Operation::Apply => "Apply",
                Operation::Update => "Update",
            };
            let mut entry = map([
                ("manager", manager.name.as_str()),
                ("operation", operation),
                ("apiVersion", &manager.api_version),
                ("time", &manager.time),
                ("fieldsType", "FieldsV1"),
            ]);
            entry.set("fieldsV1", manager.fields.encode());
            if !manager.subresource.is_empty() {
                entry.set("subresource", manager.subresource.as_str());
            }
            entry
        };
        if !self.managers.is_empty() {
            set_metadata(&mut value, "managedFields", self.managers.iter().map(entry).collect::<Vec<_>>());
        }
        Object::new(value).expect("because only objects with a type are stored")
    }

    /// The object as it was answered; the inverse of [`Self::answer`].
    pub(super) fn from_answer(mut value: Value) -> Self {
        let entries = value.get_mut("metadata").and_then(|metadata| metadata.remove("managedFields"));
        let field = |entry: &Value, key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let manager = |entry: &Value| Manager {
            name: field(entry, "manager"),
            operation: if field(entry, "operation") == "Apply" { Operation::Apply } else { Operation::Update },
            api_version: field(entry, "apiVersion"),
            subresource: field(entry, "subresource"),
            time: field(entry, "time"),
            fields: entry.get("fieldsV1").map(FieldSet::decode).unwrap_or_default(),
        };
        let managers = entries.as_ref().and_then(Value::as_list).unwrap_or_default().iter().map(manager).collect();
        Self { value, managers }
    }
}

impl State {
    /// The custom resource kinds of established CRDs.
    pub(super) fn custom_kinds(&self) -> Vec<Served> {
        let mut all = Vec::new();
        for (_, crd) in self.objects.iter().filter(|(id, _)| id.is_crd()) {
            let established = crd.value.path(&["status", "conditions"]).and_then(Value::as_list).is_some_and(|list| {
                list.iter().any(|c| text(c, &["type"]) == Some("Established") && text(c, &["status"]) == Some("True"))
            });
            let names = |key| text(&crd.value, &["spec", "names", key]);
            let group = text(&crd.value, &["spec", "group"]);
            let (true, Some(group), Some(kind), Some(plural)) = (established, group, names("kind"), names("plural"))
            else {
                continue;
            };
            let namespaced = text(&crd.value, &["spec", "scope"]) != Some("Cluster");
            let versions = crd.value.path(&["spec", "versions"]).and_then(Value::as_list).unwrap_or_default();
            let mut served: Vec<&Value> = versions
                .iter()
                .filter(|version| version.get("served").and_then(Value::as_bool) == Some(true))
                .collect();
            // The stored version is the one that the group prefers, as far as a run can tell.
            served.sort_by_key(|version| version.get("storage").and_then(Value::as_bool) != Some(true));
            for version in served {
                let Some(name) = text(version, &["name"]) else { continue };
                let type_key = TypeKey { group: group.to_owned(), version: name.to_owned(), kind: kind.to_owned() };
                let (plural, verbs) = (plural.to_owned(), super::kinds::all_verbs());
                let status = version.path(&["subresources", "status"]).is_some();
                all.push(Served {
                    kind: ResourceKind { type_key, plural, namespaced, verbs },
                    generation: true,
                    status,
                });
            }
        }
        all
    }

    /// The kind with exactly this URL, if it is served.
    pub(super) fn served(&self, kind: &ResourceKind) -> Option<Served> {
        let is = |served: &&Served| {
            let (asked, has) = (&kind.type_key, &served.kind.type_key);
            asked.group == has.group && asked.version == has.version && kind.plural == served.kind.plural
        };
        self.built_in.iter().find(is).cloned().or_else(|| self.custom_kinds().iter().find(is).cloned())
    }

    fn is_built_in(&self, kind: &ResourceKind) -> bool {
        self.built_in.iter().any(|served| served.kind.type_key == kind.type_key)
    }

    fn typing<'a>(&'a self, kind: &'a ResourceKind) -> Typing<'a> {
        if self.is_built_in(kind) {
            return Typing::BuiltIn(&kind.type_key);
        }
        let name = format!("{}.{}", kind.plural, kind.type_key.group);
        let crd = self.objects.iter().find(|(id, _)| id.is_crd() && id.name == name).map(|(_, crd)| &crd.value);
        let versions = crd.and_then(|crd| crd.path(&["spec", "versions"])).and_then(Value::as_list).unwrap_or_default();
        let version = versions.iter().find(|version| text(version, &["name"]) == Some(&kind.type_key.version));
        Typing::Custom(version.and_then(|version| version.path(&["schema", "openAPIV3Schema"])))
    }

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
        for (key, reject) in
            [("resourceVersion", rejections::modified as fn(&_, &_) -> _), ("uid", rejections::modified)]
        {
            let asked = config.get_mut("metadata").and_then(|metadata| metadata.remove(key));
            let has = live.and_then(|live| live.value.path(&["metadata", key]));
            if asked.is_some() && asked.as_ref() != has {
                return Err(reject(&target.kind, &id.name));
            }
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

    /// Does a judged write and what follows from it.
    pub(super) fn commit(&mut self, prepared: Prepared) -> Object {
        let Prepared { id, served, mut stored, changed, desired_changed } = prepared;
        if changed {
            let is_new = !self.objects.contains_key(&id);
            self.revision += 1;
            self.serial += u64::from(is_new);
            set_metadata(&mut stored.value, "resourceVersion", self.revision.to_string());
            self.objects.insert(id.clone(), stored.clone());
            self.tell(&id, &stored, false);
            if desired_changed {
                self.act_on(&id, &served);
            }
            if is_new && id.is_namespace() {
                self.furnish_namespace(&id.name);
            }
            if is_terminating(&stored.value) && finalizers(&stored.value) == 0 && !self.holds_content(&id) {
                self.remove(&id);
            }
        }
        stored.answer(&served.kind.type_key)
    }

    /// The answer to a write that is not done.
    pub(super) fn preview(prepared: &Prepared) -> Object {
        prepared.stored.answer(&prepared.served.kind.type_key)
    }

    fn act_on(&mut self, id: &Id, served: &Served) {
        let Some(stored) = self.objects.get(id) else { return };
        let stuck = self.stuck.contains(&id.name);
        if let Some(status) = controllers::status_of(&served.kind, &stored.value, stuck, &self.now())
            && let Some(prepared) = self.prepare_status(id, served, status)
        {
            self.commit(prepared);
        }
    }

    /// Lets the controllers look at every object called `name` again.
    pub(super) fn act_again(&mut self, name: &str) {
        let ids: Vec<Id> = self.objects.keys().filter(|id| id.name == name).cloned().collect();
        for id in ids {
            let served = self.built_in.iter().find(|served| id.is_of(&served.kind)).cloned();
            if let Some(served) = served {
                self.act_on(&id, &served);
            }
        }
    }

    /// Creates an object that the cluster itself makes.
    pub(super) fn write_as_controller(&mut self, object: Value) {
        let type_key = TypeKey::new(
            text(&object, &["apiVersion"]).unwrap_or_default(),
            text(&object, &["kind"]).unwrap_or_default(),
        );
        let kind = self.built_in.iter().find(|served| served.kind.type_key == type_key).map(|s| s.kind.clone());
        let kind = kind.expect("because the cluster makes only built-in kinds");
        let namespace = text(&object, &["metadata", "namespace"]).map(str::to_owned);
        let name = text(&object, &["metadata", "name"]).unwrap_or_default().to_owned();
        let target = Target { kind, namespace, name };
        if let Ok(prepared) = self.prepare_replace(&target, &object, "kube-controller-manager") {
            self.commit(prepared);
        }
    }

    /// Deletes an object with what belongs to it; the caller checked that it is there.
    pub(super) fn delete(&mut self, id: &Id) {
        let now = self.now();
        let Some(stored) = self.objects.get_mut(id) else { return };
        if !is_terminating(&stored.value) {
            let waits = finalizers(&stored.value) > 0 || id.is_namespace() || id.is_crd();
            if !waits {
                self.remove(id);
                return;
            }
            set_metadata(&mut stored.value, "deletionTimestamp", now);
            set_metadata(&mut stored.value, "deletionGracePeriodSeconds", 0);
            if id.is_namespace()
                && let Some(status) = stored.value.get_mut("status")
            {
                status.set("phase", "Terminating");
            }
            self.revision += 1;
            set_metadata(&mut stored.value, "resourceVersion", self.revision.to_string());
            let told = stored.clone();
            self.tell(id, &told, false);
        }
        self.content_of(id).iter().for_each(|content| self.delete(content));
        let done = self.objects.get(id).is_some_and(|stored| finalizers(&stored.value) == 0);
        if done && !self.holds_content(id) {
            self.remove(id);
        }
    }

    /// What goes when `id` goes: a namespace's objects, a CRD's custom resources.
    fn content_of(&self, id: &Id) -> Vec<Id> {
        let inside = |other: &&Id| {
            (id.is_namespace() && other.namespace.as_ref() == Some(&id.name))
                || (id.is_crd() && id.name == format!("{}.{}", other.plural, other.group))
        };
        self.objects.keys().filter(inside).cloned().collect()
    }

    fn holds_content(&self, id: &Id) -> bool {
        (id.is_namespace() || id.is_crd()) && !self.content_of(id).is_empty()
    }

    fn remove(&mut self, id: &Id) {
        let Some(mut stored) = self.objects.remove(id) else { return };
        self.revision += 1;
        set_metadata(&mut stored.value, "resourceVersion", self.revision.to_string());
        self.tell(id, &stored, true);
        let uid = text(&stored.value, &["metadata", "uid"]).unwrap_or_default().to_owned();
        for orphan in self.orphans_of(&uid) {
            self.delete(&orphan);
        }
        let waiting = |(other, stored): &(&Id, &Stored)| {
            is_terminating(&stored.value) && (other.is_namespace() || other.is_crd()) && finalizers(&stored.value) == 0
        };
        let waiting: Vec<Id> = self.objects.iter().filter(waiting).map(|(other, _)| other.clone()).collect();
        waiting
            .iter()
            .filter(|other| !self.holds_content(other))
            .cloned()
            .collect::<Vec<_>>()
            .iter()
            .for_each(|other| self.remove(other));
    }

    /// Objects all of whose owners are gone with this one.
    fn orphans_of(&self, uid: &str) -> Vec<Id> {
        let lives = |uid: &str| self.objects.values().any(|s| text(&s.value, &["metadata", "uid"]) == Some(uid));
        let orphan = |stored: &Stored| {
            let owners = stored.value.path(&["metadata", "ownerReferences"]).and_then(Value::as_list);
            let owners: Vec<&str> = owners.unwrap_or_default().iter().filter_map(|o| text(o, &["uid"])).collect();
            owners.contains(&uid) && !owners.iter().any(|owner| lives(owner))
        };
        self.objects.iter().filter(|(_, stored)| orphan(stored)).map(|(id, _)| id.clone()).collect()
    }

    fn tell(&mut self, id: &Id, stored: &Stored, gone: bool) {
        self.watchers.retain_mut(|watcher| {
            if !id.is_of(&watcher.kind) || (watcher.namespace.is_some() && watcher.namespace != id.namespace) {
                return !watcher.sender.is_closed();
            }
            let object = stored.answer(&watcher.kind.type_key);
            let event = if !gone && watcher.selector.matches(&object) {
                watcher.known.insert(id.clone());
                WatchEvent::Seen(object)
            } else if watcher.known.remove(id) {
                WatchEvent::Gone(object)
            } else {
                return !watcher.sender.is_closed();
            };
            watcher.sender.unbounded_send(Ok(event)).is_ok()
        });
    }
}

/// The first keyed list in which two items have the same keys, as the server says it.
fn repeated_item(value: &Value, path: &mut super::fields::Path, typing: Typing<'_>) -> Option<String> {
    use super::fields::{Step, path_text};
    match &value.data {
        Data::Map(entries) => entries.iter().find_map(|(key, child)| {
            path.push(Step::Field(key.text.clone()));
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
