//! The objects of one render as a whole: what they make, and what their pods ask for.
//!
//! Rules on references read this and nothing else. They look at the render alone: what other units or people make is not
//! known here, and so an absent name is told apart ([`Absent`]) for whoever knows more of the repository.

use super::Subject;
use super::message::path;
use super::problem::{At, Problem};
use crate::finding::{Finding, Severity};
use crate::manifest::{Key, Map, Object, Value, value::escape_token};
use crate::schema::nearest;
use std::collections::HashMap;

/// A reference to an object that the render does not make. It is a finding unless something else makes the object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Absent {
    /// The kind of the object.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// What to say when nothing makes it.
    pub finding: Finding,
}

/// The render.
pub(super) struct Whole<'a> {
    /// By kind and name. Groups are left out: whatever makes a `Service` of the name will do.
    made: HashMap<(&'a str, &'a str), Vec<&'a Object>>,
    pub(super) objects: Vec<&'a Object>,
    pub(super) pods: Vec<Pods<'a>>,
}

/// Pods that an object makes, or is.
pub(super) struct Pods<'a> {
    pub(super) object: &'a Object,
    /// Where their spec is.
    pub(super) pointer: &'static str,
    pub(super) spec: &'a Value,
    pub(super) labels: Option<&'a Map>,
}

impl<'a> Whole<'a> {
    pub(super) fn of(subjects: &[Subject<'a>]) -> Self {
        let objects: Vec<&Object> = subjects.iter().map(|subject| subject.object).collect();
        let mut made: HashMap<(&str, &str), Vec<&Object>> = HashMap::with_capacity(objects.len());
        for object in &objects {
            if let Some(name) = object.name() {
                made.entry((object.kind(), name)).or_default().push(object);
            }
        }
        let pods = objects.iter().filter_map(|object| pods(object)).collect();
        Self { made, objects, pods }
    }

    /// The object of this kind and name that is, or may be, in this namespace.
    pub(super) fn find(&self, kind: &'a str, name: &'a str, namespace: Option<&str>) -> Option<&'a Object> {
        let same = |object: &&&Object| {
            // What names no namespace goes where the kubeconfig says: it may be this one.
            let own = object.namespace();
            own.is_none() || namespace.is_none() || own == namespace
        };
        self.made.get(&(kind, name))?.iter().find(same).copied()
    }

    /// The name that was probably meant: nearly the same, or the same with a suffix that kustomize generates.
    pub(super) fn meant(&self, kind: &str, name: &str) -> Option<&'a str> {
        let names = || self.made.keys().filter(|(known, _)| *known == kind).map(|(_, name)| *name);
        let generated = |candidate: &&str| {
            let suffix = candidate.strip_prefix(name).and_then(|rest| rest.strip_prefix('-'));
            suffix.is_some_and(|suffix| {
                suffix.len() == 10 && suffix.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
            })
        };
        names().filter(generated).min().or_else(|| nearest(name, names()))
    }

    /// Tells of a name that the render does not make.
    pub(super) fn absent(
        &self,
        rule: (&'static str, Severity),
        object: &Object,
        pointer: &str,
        kind: &'static str,
        name: &str,
    ) -> Absent {
        let message = format!("`{}` names the {kind} `{name}`, which nothing here makes", path(pointer));
        let elsewhere = self.made.get(&(kind, name)).and_then(|made| made.iter().find_map(|made| made.namespace()));
        let hint = match (self.meant(kind, name), elsewhere) {
            (_, Some(namespace)) => format!("there is one of the name in the namespace `{namespace}`"),
            (Some(meant), _) => format!("did you mean `{meant}`?"),
            _ => "correct the name or add the object; if it is made elsewhere, silence the rule for this place"
                .to_owned(),
        };
        let finding = Problem::new(rule.0, At::Value, pointer, message).hint(Some(hint)).finding(object, rule.1);
        Absent { kind, name: name.to_owned(), finding }
    }
}

fn pods(object: &Object) -> Option<Pods<'_>> {
    let (pointer, labels) = match (object.api_version(), object.kind()) {
        ("v1", "Pod") => ("/spec", "/metadata/labels"),
        ("batch/v1", "CronJob") => {
            ("/spec/jobTemplate/spec/template/spec", "/spec/jobTemplate/spec/template/metadata/labels")
        }
        // Every workload has this shape, those of custom resources (Rollout) as well.
        _ => ("/spec/template/spec", "/spec/template/metadata/labels"),
    };
    let spec = object.value().at(pointer)?;
    spec.get("containers").and_then(Value::as_list)?;
    let labels = object.value().at(labels).and_then(Value::as_map);
    Some(Pods { object, pointer, spec, labels })
}

/// A name in a pod's spec.
pub(super) struct Named<'a> {
    pub(super) kind: &'static str,
    pub(super) name: &'a str,
    /// Where the name stands.
    pub(super) pointer: String,
    /// Keys of the object that are read, each with its place.
    pub(super) keys: Vec<(&'a str, String)>,
}

impl<'a> Pods<'a> {
    /// Every ConfigMap, Secret, claim and ServiceAccount that the pods cannot do without.
    pub(super) fn names(&self) -> Vec<Named<'a>> {
        let mut found = Found { named: Vec::new() };
        for field in ["initContainers", "containers", "ephemeralContainers"] {
            for (index, container) in list(self.spec.get(field)).iter().enumerate() {
                found.container(container, &format!("{}/{field}/{index}", self.pointer));
            }
        }
        for (index, volume) in list(self.spec.get("volumes")).iter().enumerate() {
            found.volume(volume, &format!("{}/volumes/{index}", self.pointer));
        }
        for (index, secret) in list(self.spec.get("imagePullSecrets")).iter().enumerate() {
            found.add("Secret", secret, "name", &format!("{}/imagePullSecrets/{index}", self.pointer), Vec::new());
        }
        found.add("ServiceAccount", self.spec, "serviceAccountName", self.pointer, Vec::new());
        found.named
    }
}

struct Found<'a> {
    named: Vec<Named<'a>>,
}

impl<'a> Found<'a> {
    fn add(&mut self, kind: &'static str, at: &'a Value, field: &str, pointer: &str, keys: Vec<(&'a str, String)>) {
        let optional = at.get("optional").and_then(Value::as_bool) == Some(true);
        let name = at.get(field).and_then(Value::as_str).filter(|name| !name.is_empty());
        if let (Some(name), false) = (name, optional) {
            self.named.push(Named { kind, name, pointer: format!("{pointer}/{}", escape_token(field)), keys });
        }
    }

    fn container(&mut self, container: &'a Value, pointer: &str) {
        for (index, source) in list(container.get("envFrom")).iter().enumerate() {
            for (field, kind) in [("configMapRef", "ConfigMap"), ("secretRef", "Secret")] {
                if let Some(reference) = source.get(field) {
                    self.add(kind, reference, "name", &format!("{pointer}/envFrom/{index}/{field}"), Vec::new());
                }
            }
        }
        for (index, variable) in list(container.get("env")).iter().enumerate() {
            for (field, kind) in [("configMapKeyRef", "ConfigMap"), ("secretKeyRef", "Secret")] {
                let Some(reference) = variable.get("valueFrom").and_then(|from| from.get(field)) else { continue };
                let at = format!("{pointer}/env/{index}/valueFrom/{field}");
                let key = reference.get("key").and_then(Value::as_str);
                self.add(kind, reference, "name", &at, key.map(|key| (key, format!("{at}/key"))).into_iter().collect());
            }
        }
    }

    fn volume(&mut self, volume: &'a Value, pointer: &str) {
        for (field, kind, name) in [("configMap", "ConfigMap", "name"), ("secret", "Secret", "secretName")] {
            if let Some(source) = volume.get(field) {
                let at = format!("{pointer}/{field}");
                self.add(kind, source, name, &at, items(source, &at));
            }
        }
        if let Some(claim) = volume.get("persistentVolumeClaim") {
            let at = format!("{pointer}/persistentVolumeClaim");
            self.add("PersistentVolumeClaim", claim, "claimName", &at, Vec::new());
        }
        let sources = list(volume.get("projected").and_then(|projected| projected.get("sources")));
        for (index, source) in sources.iter().enumerate() {
            for (field, kind) in [("configMap", "ConfigMap"), ("secret", "Secret")] {
                if let Some(source) = source.get(field) {
                    let at = format!("{pointer}/projected/sources/{index}/{field}");
                    self.add(kind, source, "name", &at, items(source, &at));
                }
            }
        }
    }
}

/// The keys that a volume takes out of a ConfigMap or Secret.
fn items<'a>(source: &'a Value, pointer: &str) -> Vec<(&'a str, String)> {
    let keys = list(source.get("items")).iter().enumerate();
    keys.filter_map(|(index, item)| {
        Some((item.get("key").and_then(Value::as_str)?, format!("{pointer}/items/{index}/key")))
    })
    .collect()
}

pub(super) fn list(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_list).unwrap_or_default()
}

/// The key of a ConfigMap or Secret of the render that is read and not there.
pub(super) fn absent_keys(
    rule: (&'static str, Severity),
    pods: &Pods<'_>,
    named: &Named<'_>,
    made: &Object,
    maps: &[&str],
    findings: &mut Vec<Finding>,
) {
    let all = || maps.iter().filter_map(|map| made.value().get(map).and_then(Value::as_map));
    for (key, pointer) in &named.keys {
        if all().any(|map| map.contains_key(key)) {
            continue;
        }
        let message = format!("the {} `{}` has no key `{key}`", named.kind, named.name);
        let hint = match nearest(key, all().flat_map(|map| map.keys().map(Key::as_str))) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "add the key, or mark the reference `optional: true`".to_owned(),
        };
        findings.push(Problem::new(rule.0, At::Value, pointer, message).hint(Some(hint)).finding(pods.object, rule.1));
    }
}

/// The pods that a selector was probably meant for: labels that differ by a slip, or a workload with the selector's own
/// name. `None` when it selects some pods of the render, or when whose pods are meant is unknown.
pub(super) fn missed<'w, 'a>(
    whole: &'w Whole<'a>,
    selecting: &Object,
    wanted: &Map,
) -> Option<(&'w Pods<'a>, String, String)> {
    let wanted: Vec<(&str, &str)> =
        wanted.iter().filter_map(|(key, value)| Some((key.as_str(), value.as_str()?))).collect();
    if wanted.is_empty() {
        return None;
    }
    let near_namespace = |pods: &&Pods<'_>| {
        let (own, other) = (selecting.namespace(), pods.object.namespace());
        own.is_none() || other.is_none() || own == other
    };
    let label = |pods: &Pods<'a>, key: &str| pods.labels.and_then(|labels| labels.get(key)).and_then(Value::as_str);
    let candidates = || whole.pods.iter().filter(near_namespace);
    if candidates().any(|pods| wanted.iter().all(|(key, value)| label(pods, key) == Some(*value))) {
        return None;
    }
    candidates().find_map(|pods| {
        let labels: Vec<(&str, &str, &str)> =
            wanted.iter().map(|(key, value)| Some((*key, *value, label(pods, key)?))).collect::<Option<_>>()?;
        let mut differing = labels.iter().filter(|(_, value, has)| value != has);
        let slip = differing.clone().all(|(_, value, has)| nearest(value, [*has]).is_some());
        let namesake = pods.object.name().is_some() && pods.object.name() == selecting.name();
        let (key, _, has) = differing.next()?;
        (slip || namesake).then(|| (pods, (*key).to_owned(), (*has).to_owned()))
    })
}
