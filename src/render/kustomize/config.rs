//! The fields that transformers change: those that kustomize has built in, and those of `configurations` and `crds`.
//!
//! Decided by `api/internal/plugins/builtinconfig` and `loadconfigfromcrds.go`.

use super::fieldspec::FieldSpec;
use super::ids::Gvk;
use super::node::Fault;
use crate::manifest::Value;
use std::sync::{Arc, LazyLock};

/// Which fields of which kinds each transformer changes.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Config {
    pub(super) name_prefix: Vec<FieldSpec>,
    pub(super) name_suffix: Vec<FieldSpec>,
    pub(super) namespace: Vec<FieldSpec>,
    pub(super) common_labels: Vec<FieldSpec>,
    pub(super) labels: Vec<FieldSpec>,
    pub(super) template_labels: Vec<FieldSpec>,
    pub(super) common_annotations: Vec<FieldSpec>,
    pub(super) name_reference: Vec<BackReference>,
    pub(super) var_reference: Vec<FieldSpec>,
    pub(super) images: Vec<FieldSpec>,
    pub(super) replicas: Vec<FieldSpec>,
}

/// Where objects of one kind are named.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct BackReference {
    pub(super) gvk: Gvk,
    pub(super) referrers: Vec<FieldSpec>,
}

/// The order in which kustomize ranks kinds.
pub(super) const FIRST: [&str; 22] = [
    "Namespace",
    "ResourceQuota",
    "StorageClass",
    "CustomResourceDefinition",
    "ServiceAccount",
    "PodSecurityPolicy",
    "Role",
    "ClusterRole",
    "RoleBinding",
    "ClusterRoleBinding",
    "ConfigMap",
    "Secret",
    "Endpoints",
    "Service",
    "LimitRange",
    "PriorityClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "Deployment",
    "StatefulSet",
    "CronJob",
    "PodDisruptionBudget",
];
pub(super) const LAST: [&str; 2] = ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"];

static BUILTIN: LazyLock<Arc<Config>> = LazyLock::new(|| {
    let mut config = Config::default();
    config.read_facts(include_str!("fieldspecs.txt"));
    Arc::new(Config::default().merged(&config).unwrap_or(config))
});

impl Config {
    /// What kustomize has built in.
    pub(super) fn builtin() -> Arc<Self> {
        Arc::clone(&BUILTIN)
    }

    fn read_facts(&mut self, text: &str) {
        let mut section = "";
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            if let Some(name) = line.strip_prefix('[') {
                section = name.trim_end_matches(']');
                continue;
            }
            let word = |part: Option<&str>| part.filter(|word| *word != "-").unwrap_or_default().to_owned();
            let mut words = line.split(' ');
            if let Some(target) = line.strip_prefix("-> ") {
                let mut words = target.split(' ');
                let gvk = Gvk { group: word(words.next()), version: word(words.next()), kind: word(words.next()) };
                self.name_reference.push(BackReference { gvk, referrers: Vec::new() });
                continue;
            }
            let path = words.next().unwrap_or_default();
            let gvk = Gvk { group: word(words.next()), version: word(words.next()), kind: word(words.next()) };
            let spec = FieldSpec::new(gvk, path, words.next() == Some("create"));
            match (section, self.name_reference.last_mut()) {
                ("nameReference", Some(last)) => last.referrers.push(spec),
                _ => self.list_mut(section).into_iter().for_each(|list| list.push(spec.clone())),
            }
        }
    }

    /// The list of a field of a configuration file.
    fn list_mut(&mut self, field: &str) -> Option<&mut Vec<FieldSpec>> {
        Some(match field {
            "namePrefix" => &mut self.name_prefix,
            "nameSuffix" => &mut self.name_suffix,
            "namespace" => &mut self.namespace,
            "commonLabels" => &mut self.common_labels,
            "labels" => &mut self.labels,
            "templateLabels" => &mut self.template_labels,
            "commonAnnotations" => &mut self.common_annotations,
            "varReference" => &mut self.var_reference,
            "images" => &mut self.images,
            "replicas" => &mut self.replicas,
            _ => return None,
        })
    }

    /// Reads a file of `configurations`.
    ///
    /// # Errors
    /// When it has a field that kustomize does not know, or a value of another type.
    pub(super) fn read(value: &Value) -> Result<Self, Fault> {
        let mut config = Self::default();
        let fields = value.as_map().ok_or("a configuration is a map")?;
        for (key, value) in fields.iter().filter(|(_, value)| !value.is_null()) {
            let field = [
                "namePrefix",
                "nameSuffix",
                "namespace",
                "commonLabels",
                "labels",
                "templateLabels",
                "commonAnnotations",
                "varReference",
                "images",
                "replicas",
                "nameReference",
            ]
            .into_iter()
            .find(|field| field.eq_ignore_ascii_case(&key.text))
            .ok_or_else(|| format!("kustomize knows no field `{}` in a configuration", key.text))?;
            let items = value.as_list().ok_or_else(|| format!("`{field}` must be a list"))?;
            for item in items {
                if field == "nameReference" {
                    let specs = item.get("fieldSpecs").and_then(Value::as_list).unwrap_or_default();
                    let referrers = specs.iter().map(|spec| spec_of(spec, true)).collect::<Result<_, _>>()?;
                    let gvk = gvk_of(item, Some(&["fieldSpecs"]))?;
                    config.name_reference.push(BackReference { gvk, referrers });
                } else if let Some(list) = config.list_mut(field) {
                    list.push(spec_of(item, true)?);
                }
            }
        }
        config.sort();
        Ok(config)
    }

    /// Adds the fields of another configuration.
    ///
    /// # Errors
    /// When both name the same field, and one of them makes it.
    pub(super) fn merged(&self, other: &Self) -> Result<Self, Fault> {
        let mut merged = Self {
            name_prefix: merge_all(&self.name_prefix, &other.name_prefix)?,
            name_suffix: merge_all(&self.name_suffix, &other.name_suffix)?,
            namespace: merge_all(&self.namespace, &other.namespace)?,
            common_labels: merge_all(&self.common_labels, &other.common_labels)?,
            labels: merge_all(&self.labels, &other.labels)?,
            template_labels: merge_all(&self.template_labels, &other.template_labels)?,
            common_annotations: merge_all(&self.common_annotations, &other.common_annotations)?,
            name_reference: self.name_reference.clone(),
            var_reference: merge_all(&self.var_reference, &other.var_reference)?,
            images: merge_all(&self.images, &other.images)?,
            replicas: merge_all(&self.replicas, &other.replicas)?,
        };
        for reference in &other.name_reference {
            merged.add_reference(reference)?;
        }
        merged.sort();
        Ok(merged)
    }

    /// Adds where objects of one kind are named.
    pub(super) fn add_reference(&mut self, reference: &BackReference) -> Result<(), Fault> {
        let mut found = false;
        for known in self.name_reference.iter_mut().filter(|known| known.gvk == reference.gvk) {
            known.referrers = merge_all(&known.referrers, &reference.referrers)?;
            found = true;
        }
        if !found {
            self.name_reference.push(reference.clone());
        }
        Ok(())
    }

    fn sort(&mut self) {
        let lists = [
            &mut self.name_prefix,
            &mut self.name_suffix,
            &mut self.namespace,
            &mut self.common_labels,
            &mut self.labels,
            &mut self.template_labels,
            &mut self.common_annotations,
            &mut self.var_reference,
            &mut self.images,
            &mut self.replicas,
        ];
        for list in lists {
            list.sort_by_key(|spec| rank(&spec.gvk));
        }
        self.name_reference.sort_by_key(|reference| rank(&reference.gvk));
    }
}

/// Where a kind stands in kustomize's order.
pub(super) fn rank(gvk: &Gvk) -> (isize, String) {
    (rank_of_kind(&gvk.kind, &FIRST, &LAST), gvk.sort_text())
}

/// The rank of a kind: negative for those that come first, positive for those that come last.
pub(super) fn rank_of_kind<T: AsRef<str>>(kind: &str, first: &[T], last: &[T]) -> isize {
    let at = |list: &[T]| list.iter().rposition(|known| known.as_ref() == kind).and_then(|at| isize::try_from(at).ok());
    let length = isize::try_from(first.len()).unwrap_or_default();
    at(last).map(|at| at + 1).or_else(|| at(first).map(|at| at - length)).unwrap_or(0)
}

fn merge_all(list: &[FieldSpec], more: &[FieldSpec]) -> Result<Vec<FieldSpec>, Fault> {
    let mut merged = list.to_vec();
    more.iter().try_for_each(|spec| merge_one(&mut merged, spec))?;
    Ok(merged)
}

/// Adds a field unless it is there.
///
/// # Errors
/// When it is there, and only one of both makes it.
pub(super) fn merge_one(list: &mut Vec<FieldSpec>, spec: &FieldSpec) -> Result<(), Fault> {
    match list.iter().find(|known| known.path == spec.path && known.gvk.is_selected(&spec.gvk)) {
        Some(known) if known.create != spec.create => {
            Err(format!("`{}` is named twice, and only one of both has `create`", spec.path))
        }
        Some(_) => Ok(()),
        None => {
            list.push(spec.clone());
            Ok(())
        }
    }
}

/// Several field specifications, added to others.
pub(super) fn merge_specs(list: &mut Vec<FieldSpec>, more: &[FieldSpec]) -> Result<(), Fault> {
    more.iter().try_for_each(|spec| merge_one(list, spec))
}

fn gvk_of(value: &Value, others: Option<&[&str]>) -> Result<Gvk, Fault> {
    let mut gvk = Gvk::default();
    for (key, item) in value.as_map().into_iter().flatten().filter(|(_, item)| !item.is_null()) {
        let text = || item.as_str().map(str::to_owned).ok_or_else(|| format!("`{}` must be a string", key.text));
        match key.text.to_ascii_lowercase().as_str() {
            "group" => gvk.group = text()?,
            "version" => gvk.version = text()?,
            "kind" => gvk.kind = text()?,
            other if others.is_none_or(|others| others.iter().any(|known| known.eq_ignore_ascii_case(other))) => {}
            _ => return Err(format!("kustomize knows no field `{}` here", key.text)),
        }
    }
    Ok(gvk)
}

/// One field specification of a file; with `strict`, unknown fields are refused.
pub(super) fn spec_of(value: &Value, strict: bool) -> Result<FieldSpec, Fault> {
    let gvk = gvk_of(value, strict.then_some(&["path", "create"]))?;
    let path = match value.get("path") {
        None => "",
        Some(path) => path.as_str().ok_or("`path` must be a string")?,
    };
    let create = match value.get("create") {
        None => false,
        Some(create) if create.is_null() => false,
        Some(create) => create.as_bool().ok_or("`create` must be true or false")?,
    };
    Ok(FieldSpec::new(gvk, path, create))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_fields_are_read() {
        let config = Config::builtin();
        assert_eq!(config.name_prefix.len(), 1);
        assert_eq!(config.replicas.len(), 4);
        assert!(config.name_reference.len() > 14 && config.common_labels.len() > 30);
        let again = config.merged(&config).ok();
        assert_eq!(again.as_ref(), Some(&*config));
    }
}
