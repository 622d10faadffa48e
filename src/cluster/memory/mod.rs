//! An API server in memory: for the demo, and for tests that count requests, inject faults or need no cluster.
//!
//! It keeps to what the real server does with objects (the contract suite runs on both): server-side apply with field
//! ownership, conflicts and removal, immutable fields of the common kinds, namespaces, CRDs, UID preconditions,
//! finalizers, owner references, label selectors, watches. Controllers are played: workloads are healthy at once unless
//! [`MemoryCluster::stuck`] says otherwise. It does not check field types or unknown fields (it has no schemas), fills in
//! few defaults, serves one version of each built-in kind, converts custom resources by their version alone, and knows no
//! users. Everything in it is deterministic: identifiers are counted, and the clock moves a second with each request
//! unless one is given.

mod admission;
mod controllers;
mod fields;
mod judge;
mod kinds;
mod merge;
mod openapi;
mod rejections;
mod shape;
mod snapshot;
mod store;
#[cfg(test)]
mod tests;

use super::selector::Selector;
use super::{
    ApplyOptions, Cluster, Discovery, Rejection, ResourceKind, Scope, Target, Verdict, WatchEvent, encode_string_data,
};
use crate::failure::{Failure, Result};
use crate::manifest::value::map;
use crate::manifest::{Object, Value};
use crate::trust::ApplyGrant;
use async_trait::async_trait;
use futures::channel::mpsc;
use futures::stream::BoxStream;
use jiff::{Span, Timestamp};
use judge::Prepared;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use store::{Id, Stored, Watcher};

/// The field manager of creates and replaces.
const MANAGER: &str = "mergeline";

/// A request that goes wrong. Requests are counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// This one request fails and changes nothing.
    Fails(u64),
    /// This one request takes effect, and its answer is lost.
    AnswerLost(u64),
    /// This request and every later one fails: what a killed run or a cluster that went away looks like.
    DownFrom(u64),
}

type Clock = Box<dyn Fn() -> Timestamp + Send>;

struct State {
    objects: BTreeMap<Id, Stored>,
    built_in: Vec<kinds::Served>,
    revision: u64,
    /// How many objects were ever made: numbers UIDs and addresses.
    serial: u64,
    clock: Option<Clock>,
    ticks: i64,
    watchers: Vec<Watcher>,
    stuck: BTreeSet<String>,
    denials: BTreeMap<(String, String), String>,
    fault: Option<Fault>,
    requests: BTreeMap<&'static str, u64>,
    file: Option<PathBuf>,
}

/// An API server in memory. Clones are handles to the same cluster.
#[derive(Clone)]
pub struct MemoryCluster {
    state: Arc<Mutex<State>>,
}

impl Default for MemoryCluster {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryCluster {
    /// A cluster as new: the four namespaces that every cluster has.
    #[must_use]
    pub fn new() -> Self {
        let mut state = State::empty();
        for name in ["default", "kube-node-lease", "kube-public", "kube-system"] {
            let mut namespace = map([("apiVersion", "v1"), ("kind", "Namespace")]);
            namespace.set("metadata", map([("name", name)]));
            state.write_as_controller(&namespace);
        }
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// The time of each later request.
    #[must_use]
    pub fn with_clock(self, clock: impl Fn() -> Timestamp + Send + 'static) -> Self {
        self.lock().clock = Some(Box::new(clock));
        self
    }

    /// Objects of this name never become healthy, until [`Self::unstick`].
    pub fn stuck(&self, name: &str) {
        let mut state = self.lock();
        state.stuck.insert(name.to_owned());
        state.act_again(name);
    }

    /// Objects of this name become healthy after all.
    pub fn unstick(&self, name: &str) {
        let mut state = self.lock();
        state.stuck.remove(name);
        state.act_again(name);
    }

    /// Admission refuses writes of this object with 403 and this sentence.
    pub fn deny(&self, kind: &str, name: &str, why: &str) {
        self.lock().denials.insert((kind.to_owned(), name.to_owned()), why.to_owned());
    }

    /// Sets or lifts the fault, and counts requests from 1 again.
    pub fn fault(&self, fault: Option<Fault>) {
        let mut state = self.lock();
        state.fault = fault;
        state.requests.clear();
    }

    /// Requests by verb (`list`, `dry-run`, `apply`, …) since the beginning or the last [`Self::fault`].
    #[must_use]
    pub fn requests(&self) -> BTreeMap<&'static str, u64> {
        self.lock().requests.clone()
    }

    /// Changes a live object as another client would (a person with `kubectl edit`, a controller).
    ///
    /// # Errors
    /// The server's rejection; 404 when the object is not there.
    pub fn edit(&self, target: &Target, manager: &str, change: impl FnOnce(&mut Value)) -> Verdict {
        let mut state = self.lock();
        let live = state.objects.get(&Id::of(target)).map(|stored| stored.value.clone());
        let mut value = live.ok_or_else(|| rejections::not_found(&target.kind, &target.name))?;
        change(&mut value);
        let prepared = state.prepare_replace(target, &value, manager)?;
        Ok(state.commit(prepared))
    }

    /// Sets a live object's status as its controller would.
    ///
    /// # Errors
    /// 404 when the object is not there.
    pub fn set_status(&self, target: &Target, status: Value) -> Verdict {
        let mut state = self.lock();
        let served = state.served(&target.kind).ok_or_else(rejections::unknown_kind)?;
        let prepared = state.prepare_status(&Id::of(target), &served, status);
        let prepared = prepared.ok_or_else(|| rejections::not_found(&target.kind, &target.name))?;
        Ok(state.commit(prepared))
    }

    /// Every object, in the order of group, kind, namespace and name.
    #[must_use]
    pub fn objects(&self) -> Vec<Object> {
        let state = self.lock();
        state.objects.values().map(|stored| stored.answer(&type_of(&stored.value))).collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a request; the guard is for it, and the flag says that its answer will be lost.
    fn enter(&self, verb: &'static str) -> Result<(MutexGuard<'_, State>, bool)> {
        let mut state = self.lock();
        *state.requests.entry(verb).or_default() += 1;
        state.ticks += 1;
        let count: u64 = state.requests.values().sum();
        match state.fault {
            Some(Fault::Fails(at)) if count == at => Err(lost(verb)),
            Some(Fault::DownFrom(at)) if count >= at => Err(lost(verb)),
            Some(Fault::AnswerLost(at)) => Ok((state, count == at)),
            _ => Ok((state, false)),
        }
    }

    fn write(
        &self,
        verb: &'static str,
        judge: impl FnOnce(&State) -> std::result::Result<Prepared, Rejection>,
    ) -> Result<Verdict> {
        let (mut state, answer_lost) = self.enter(verb)?;
        let verdict = judge(&state).map(|prepared| state.commit(prepared));
        state.keep()?;
        if answer_lost { Err(lost(verb)) } else { Ok(verdict) }
    }
}

fn lost(verb: &str) -> Failure {
    Failure::remote(format!("the in-memory cluster did not answer the request `{verb}`"))
}

fn type_of(value: &Value) -> crate::manifest::TypeKey {
    let text = |key| value.get(key).and_then(Value::as_str).unwrap_or_default();
    crate::manifest::TypeKey::new(text("apiVersion"), text("kind"))
}

impl State {
    fn empty() -> Self {
        Self {
            objects: BTreeMap::new(),
            built_in: kinds::built_in(),
            revision: 0,
            serial: 0,
            clock: None,
            ticks: 0,
            watchers: Vec::new(),
            stuck: BTreeSet::new(),
            denials: BTreeMap::new(),
            fault: None,
            requests: BTreeMap::new(),
            file: None,
        }
    }

    /// Now, as the server writes it.
    fn now(&self) -> String {
        /// 2026-01-01T00:00:00Z.
        const BEGINNING: i64 = 1_767_225_600;
        let counted = || {
            let beginning = Timestamp::from_second(BEGINNING).unwrap_or_default();
            beginning.saturating_add(Span::new().seconds(self.ticks)).unwrap_or(beginning)
        };
        let now = self.clock.as_ref().map_or_else(counted, |clock| clock());
        now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }
}

#[async_trait]
impl Cluster for MemoryCluster {
    async fn version(&self) -> Result<String> {
        self.enter("version").map(|_| "1.36".to_owned())
    }

    async fn discover(&self) -> Result<Discovery> {
        let (state, _) = self.enter("discover")?;
        let kinds = state.built_in.iter().cloned().chain(state.custom_kinds()).map(|served| served.kind).collect();
        Ok(Discovery { kinds, unavailable: Vec::new() })
    }

    async fn openapi(&self) -> Result<Vec<String>> {
        let (state, _) = self.enter("openapi")?;
        Ok(state.openapi())
    }

    async fn list(&self, kind: &ResourceKind, scope: &Scope) -> Result<Vec<Object>> {
        let (state, _) = self.enter("list")?;
        let selector = selector(scope)?;
        Ok(state.select(kind, scope, &selector).into_iter().map(|(_, object)| object).collect())
    }

    async fn get(&self, target: &Target) -> Result<Option<Object>> {
        let (state, _) = self.enter("get")?;
        Ok(state.objects.get(&Id::of(target)).map(|stored| stored.answer(&target.kind.type_key)))
    }

    async fn dry_run(&self, target: &Target, object: &Object, options: &ApplyOptions) -> Result<Verdict> {
        let (state, _) = self.enter("dry-run")?;
        let object = encode_string_data(object);
        Ok(state.prepare_apply(target, object.value(), options).map(|prepared| State::preview(&prepared)))
    }

    async fn apply(
        &self,
        _grant: &ApplyGrant,
        target: &Target,
        object: &Object,
        options: &ApplyOptions,
    ) -> Result<Verdict> {
        let object = encode_string_data(object);
        self.write("apply", |state| state.prepare_apply(target, object.value(), options))
    }

    async fn replace(&self, _grant: &ApplyGrant, target: &Target, object: &Object) -> Result<Verdict> {
        let object = encode_string_data(object);
        self.write("replace", |state| state.prepare_replace(target, object.value(), MANAGER))
    }

    async fn delete(
        &self,
        _grant: &ApplyGrant,
        target: &Target,
        uid: &str,
    ) -> Result<std::result::Result<(), Rejection>> {
        let (mut state, answer_lost) = self.enter("delete")?;
        let id = Id::of(target);
        let Some(live) = state.objects.get(&id) else { return Ok(Ok(())) };
        let has = live.value.path(&["metadata", "uid"]).and_then(Value::as_str).unwrap_or_default();
        if has != uid {
            return Ok(Err(rejections::other_uid(&target.kind, &target.name, uid, has)));
        }
        if target.kind.plural == "namespaces" && ["default", "kube-public", "kube-system"].contains(&&*target.name) {
            let why = "this namespace may not be deleted";
            return Ok(Err(rejections::forbidden(&target.kind, &target.name, why)));
        }
        if let Some(why) = state.denials.get(&(target.kind.type_key.kind.clone(), target.name.clone())) {
            return Ok(Err(rejections::forbidden(&target.kind, &target.name, why)));
        }
        state.delete(&id);
        state.keep()?;
        if answer_lost { Err(lost("delete")) } else { Ok(Ok(())) }
    }

    async fn watch(&self, kind: &ResourceKind, scope: &Scope) -> Result<BoxStream<'static, Result<WatchEvent>>> {
        let (mut state, _) = self.enter("watch")?;
        let selector = selector(scope)?;
        let (sender, receiver) = mpsc::unbounded();
        let mut known = BTreeSet::new();
        for (id, object) in state.select(kind, scope, &selector) {
            known.insert(id);
            sender.unbounded_send(Ok(WatchEvent::Seen(object))).map_err(|_| lost("watch"))?;
        }
        sender.unbounded_send(Ok(WatchEvent::Synced)).map_err(|_| lost("watch"))?;
        let namespace = scope.namespace.clone();
        state.watchers.push(Watcher { kind: kind.clone(), namespace, selector, known, sender });
        Ok(Box::pin(receiver))
    }
}

fn selector(scope: &Scope) -> Result<Selector> {
    Selector::parse(scope.labels.as_deref().unwrap_or_default()).map_err(Failure::bug)
}

impl State {
    fn select(&self, kind: &ResourceKind, scope: &Scope, selector: &Selector) -> Vec<(Id, Object)> {
        let inside = |id: &Id| id.is_of(kind) && (scope.namespace.is_none() || scope.namespace == id.namespace);
        let of_kind = self.objects.iter().filter(|(id, _)| inside(id));
        let objects = of_kind.map(|(id, stored)| (id.clone(), stored.answer(&kind.type_key)));
        objects.filter(|(_, object)| selector.matches(object)).collect()
    }
}
