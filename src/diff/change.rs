//! What a change is, as plain data: every text in it has passed redaction ([`Redacted`]).

use super::footprint::Footprint;
use super::redact::Redacted;
use crate::finding::{ObjectRef, Place};
use std::fmt;

/// What happens to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {
    /// It is new.
    Create,
    /// It stays and some of its fields change.
    Update,
    /// It goes away.
    Delete,
    /// It is deleted and another one is created in its place: its kind, group or namespace changes.
    Replace,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 4] = [Self::Create, Self::Update, Self::Delete, Self::Replace];

    /// The word used in every output.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Replace => "replace",
        }
    }

    /// The sign used in tables and lists.
    #[must_use]
    pub fn sign(self) -> char {
        match self {
            Self::Create => '+',
            Self::Update => '~',
            Self::Delete => '−',
            Self::Replace => '±',
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// What happens to a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FieldAction {
    /// It was not there before.
    Added,
    /// It is not there any more.
    Removed,
    /// It has another value.
    Changed,
}

impl FieldAction {
    /// The word used in every output.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Changed => "changed",
        }
    }
}

/// One field that changes. A map or list that comes or goes as a whole is one field.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FieldChange {
    /// JSON pointer (RFC 6901) into the object after the change; of a removed field, into the object before it.
    pub pointer: Redacted,
    /// The path as people write it: `spec.template.spec.containers[name=web].image`.
    pub label: Redacted,
    /// What happens.
    pub action: FieldAction,
    /// The value before: a YAML scalar, a flow collection, or the plain text of a string of several lines.
    pub before: Option<Redacted>,
    /// The value after.
    pub after: Option<Redacted>,
    /// Where the value stands: in the head commit, of a removed field in the base commit. Never with an excerpt.
    pub place: Option<Place>,
}

/// What a line of a diff is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LineKind {
    /// Names the first field that changes below it; stands where lines are left out.
    Header,
    /// The same before and after.
    Context,
    /// Before only.
    Removed,
    /// After only.
    Added,
}

impl LineKind {
    /// The sign at the start of the line in a unified diff.
    #[must_use]
    pub fn sign(self) -> &'static str {
        match self {
            Self::Header => "@@ ",
            Self::Context => " ",
            Self::Removed => "-",
            Self::Added => "+",
        }
    }
}

/// One line of a diff of canonical YAML, without its sign and line end.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DiffLine {
    /// What it is.
    pub kind: LineKind,
    /// Its text.
    pub text: Redacted,
}

impl fmt::Display for DiffLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.kind.sign(), self.text)?;
        if self.kind == LineKind::Header { f.write_str(" @@") } else { Ok(()) }
    }
}

/// A container whose image changes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ImageChange {
    /// The container's name.
    pub container: Redacted,
    /// The image before, `None` for a new container.
    pub before: Option<Redacted>,
    /// The image after, `None` for a container that goes away.
    pub after: Option<Redacted>,
}

/// What happens to one object of one unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The environment.
    pub environment: String,
    /// The unit's name.
    pub unit: String,
    /// The object after the change, of a deleted one before it. The generated part of a Secret's name is `<hash>`.
    pub object: ObjectRef,
    /// The object that it takes the place of, where that has another kind, group, namespace or generated name.
    pub former: Option<ObjectRef>,
    /// What happens.
    pub action: Action,
    /// The fields that change, in the order of the object. Empty for `Create` and `Delete`.
    pub fields: Vec<FieldChange>,
    /// Of a CustomResourceDefinition, its edits field by field as lines of a diff: what to read before [`Change::lines`].
    pub summary: Vec<Redacted>,
    /// A unified diff of its canonical YAML, three lines of context; for `Create` and `Delete` the whole object.
    pub lines: Vec<DiffLine>,
    /// Images that change.
    pub images: Vec<ImageChange>,
    /// What it asks of the cluster, before and after.
    pub footprint: (Footprint, Footprint),
    /// Where it can be seen: the first changed field or the object in the head commit; of `Delete`, in the base commit.
    pub place: Option<Place>,
}

impl Change {
    /// Says whether the two do the same to the same object, in whatever environment and namespace; context lines may
    /// differ.
    #[must_use]
    pub fn same_as(&self, other: &Self) -> bool {
        let name = |o: &ObjectRef| (o.api_version.clone(), o.kind.clone(), o.name.clone());
        self.unit == other.unit
            && self.action == other.action
            && name(&self.object) == name(&other.object)
            && self.former.as_ref().map(name) == other.former.as_ref().map(name)
            && self.edits().eq(other.edits())
    }

    /// Says whether nothing changes but labels and annotations that a chart or generator renews by itself: the chart's
    /// name, its version, checksums. Told and counted, and folded where there is more to read.
    #[must_use]
    pub fn is_noise(&self) -> bool {
        let noise = |field: &FieldChange| is_noise(field.pointer.as_str());
        self.action == Action::Update
            && self.former.is_none()
            && !self.fields.is_empty()
            && self.fields.iter().all(noise)
    }

    /// The removed and added lines.
    pub fn edits(&self) -> impl Iterator<Item = &DiffLine> {
        self.lines.iter().filter(|line| matches!(line.kind, LineKind::Removed | LineKind::Added))
    }
}

/// Says whether a field is a label or annotation that is renewed without anybody meaning it.
fn is_noise(pointer: &str) -> bool {
    let Some((map, key)) = pointer.rsplit_once('/') else { return false };
    let key = key.replace("~1", "/");
    if map.ends_with("/labels") {
        return matches!(key.as_str(), "helm.sh/chart" | "app.kubernetes.io/version" | "chart" | "heritage");
    }
    map.ends_with("/annotations") && (key.starts_with("checksum/") || key.starts_with("checksum."))
}

/// The same change in one or more environments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoldedChange<'a> {
    /// The environments, in the order of the change set.
    pub environments: Vec<&'a str>,
    /// The change in the first of them.
    pub change: &'a Change,
    /// The object as it is called in all of them: without the namespace where that differs.
    pub object: ObjectRef,
}

/// What happens in all units of all environments, in configuration order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChangeSet {
    /// The changes, one for each object of each unit of each environment.
    pub changes: Vec<Change>,
}

impl ChangeSet {
    /// Says whether nothing changes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// How many objects `action` happens to.
    #[must_use]
    pub fn count(&self, action: Action) -> usize {
        self.changes.iter().filter(|change| change.action == action).count()
    }

    /// Folds the same change in several environments into one, in the order of the first of each.
    #[must_use]
    pub fn folded(&self) -> Vec<FoldedChange<'_>> {
        let mut folded: Vec<FoldedChange<'_>> = Vec::new();
        let mut by_object: std::collections::HashMap<(&str, &str, &str), Vec<usize>> = std::collections::HashMap::new();
        for change in &self.changes {
            let key = (change.unit.as_str(), change.object.kind.as_str(), change.object.name.as_str());
            let places = by_object.entry(key).or_default();
            let environment = change.environment.as_str();
            let same = places
                .iter()
                .copied()
                .find(|at| !folded[*at].environments.contains(&environment) && folded[*at].change.same_as(change));
            if let Some(at) = same {
                folded[at].environments.push(environment);
                if folded[at].object.namespace != change.object.namespace {
                    folded[at].object.namespace = None;
                }
            } else {
                places.push(folded.len());
                folded.push(FoldedChange { environments: vec![environment], change, object: change.object.clone() });
            }
        }
        folded
    }
}

impl Extend<Change> for ChangeSet {
    fn extend<T: IntoIterator<Item = Change>>(&mut self, changes: T) {
        self.changes.extend(changes);
    }
}

impl FromIterator<Change> for ChangeSet {
    fn from_iter<T: IntoIterator<Item = Change>>(changes: T) -> Self {
        Self { changes: changes.into_iter().collect() }
    }
}
