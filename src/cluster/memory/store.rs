//! The objects, and what a write does once it is judged: versions, controllers, deletion, watchers.

use super::fields::FieldSet;
use super::judge::Prepared;
use super::kinds::Served;
use super::merge::{Manager, Operation};
use super::shape::Typing;
use super::{State, controllers};
use crate::cluster::selector::Selector;
use crate::cluster::{ResourceKind, Target, WatchEvent};
use crate::failure::Result as Outcome;
use crate::manifest::value::map;
use crate::manifest::{Object, TypeKey, Value};
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

    pub(super) fn is_namespace(&self) -> bool {
        self.group.is_empty() && self.plural == "namespaces"
    }

    pub(super) fn is_crd(&self) -> bool {
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

pub(super) fn text<'a>(value: &'a Value, path: &[&str]) -> Option<&'a str> {
    value.path(path).and_then(Value::as_str).filter(|text| !text.is_empty())
}

fn finalizers(value: &Value) -> usize {
    value.path(&["metadata", "finalizers"]).and_then(Value::as_list).map_or(0, <[Value]>::len)
}

pub(super) fn is_terminating(value: &Value) -> bool {
    value.path(&["metadata", "deletionTimestamp"]).is_some()
}

pub(super) fn set_metadata(value: &mut Value, key: &str, to: impl Into<Value>) {
    if let Some(metadata) = value.get_mut("metadata") {
        metadata.set(key, to);
    }
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

    pub(super) fn typing<'a>(&'a self, kind: &'a ResourceKind) -> Typing<'a> {
        if self.is_built_in(kind) {
            return Typing::BuiltIn(&kind.type_key);
        }
        let name = format!("{}.{}", kind.plural, kind.type_key.group);
        let crd = self.objects.iter().find(|(id, _)| id.is_crd() && id.name == name).map(|(_, crd)| &crd.value);
        let versions = crd.and_then(|crd| crd.path(&["spec", "versions"])).and_then(Value::as_list).unwrap_or_default();
        let version = versions.iter().find(|version| text(version, &["name"]) == Some(&kind.type_key.version));
        Typing::Custom(version.and_then(|version| version.path(&["schema", "openAPIV3Schema"])))
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
    pub(super) fn write_as_controller(&mut self, object: &Value) {
        let type_key = TypeKey::new(
            text(object, &["apiVersion"]).unwrap_or_default(),
            text(object, &["kind"]).unwrap_or_default(),
        );
        let kind = self.built_in.iter().find(|served| served.kind.type_key == type_key).map(|s| s.kind.clone());
        let kind = kind.expect("because the cluster makes only built-in kinds");
        let namespace = text(object, &["metadata", "namespace"]).map(str::to_owned);
        let name = text(object, &["metadata", "name"]).unwrap_or_default().to_owned();
        let target = Target { kind, namespace, name };
        if let Ok(prepared) = self.prepare_replace(&target, object, "kube-controller-manager") {
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
