//! The whole set, dry-run on the server before the first write.

use super::compare::{managers, owned, same};
use super::desired::{DIGEST, Item};
use super::inventory::{Entry, Inventory, PART_OF};
use crate::cluster::{ApplyOptions, Cause, Cluster, Rejection, Target};
use crate::failure::Result;
use crate::manifest::{Object, ObjectKey, Value};
use futures::stream::{StreamExt, TryStreamExt};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// Requests in flight at once.
pub(super) const AT_ONCE: usize = 16;

/// What the server says about one object.
#[derive(Debug, Clone)]
pub(super) enum Answer {
    /// It would be made.
    Create,
    /// It would be changed.
    Update,
    /// It is as desired.
    Unchanged,
    /// The server cannot judge it before other objects of the set are there; why.
    Deferred(String),
    /// The server refuses it.
    Refused(Rejection),
    /// Another unit or tool owns it; its field manager or ApplySet.
    Owned(String),
}

/// One object with the server's answer.
#[derive(Debug, Clone)]
pub(super) struct Judged {
    pub(super) item: Item,
    pub(super) answer: Answer,
    /// Take fields over from the people and tools that own them.
    pub(super) force: bool,
    /// Fields that controllers own and that were left to them, as the server names them.
    pub(super) left: Vec<String>,
    /// Field managers of other units of the environment that had the object before: what they own is given up.
    pub(super) former: Vec<String>,
}

/// What the items are judged against.
pub(super) struct Ground<'a> {
    /// What the cluster has of the environment.
    pub(super) live: &'a Live,
    /// The field manager and what is recorded, for each unit by its position.
    pub(super) units: Vec<(String, &'a Inventory)>,
    /// The field managers of all units that the environment has or had, and their ApplySets.
    pub(super) family: BTreeSet<String>,
    /// What was judged before, with what the cluster then had: holds for what has not changed since.
    pub(super) former: Option<(&'a Live, BTreeMap<ObjectKey, &'a Judged>)>,
}

/// What the cluster has of the environment now.
#[derive(Debug, Default)]
pub(super) struct Live {
    /// Members by key, from one list for each kind.
    pub(super) members: BTreeMap<ObjectKey, Object>,
}

pub(super) fn key_of(target: &Target) -> ObjectKey {
    Entry::of(target).key()
}

pub(super) fn uid(object: &Object) -> Option<&str> {
    object.value().path(&["metadata", "uid"]).and_then(Value::as_str)
}

/// Asks the server about every object, some at a time; answers come in the order of the items.
pub(super) async fn preflight(cluster: &dyn Cluster, items: &[Item], ground: &Ground<'_>) -> Result<Vec<Judged>> {
    let judging = items.iter().map(|item| judge(cluster, item, ground));
    futures::stream::iter(judging).buffered(AT_ONCE).try_collect().await
}

async fn judge(cluster: &dyn Cluster, item: &Item, ground: &Ground<'_>) -> Result<Judged> {
    let key = key_of(&item.target);
    let member = ground.live.members.get(&key);
    let (manager, inventory) = &ground.units[item.unit];
    if let Some(former) = ground.judged_before(&key, item) {
        return Ok(former.clone());
    }
    let former = member.map(|member| ground.former_owners(member, manager)).unwrap_or_default();
    let mut judged = Judged { item: item.clone(), answer: Answer::Unchanged, force: false, left: Vec::new(), former };
    if let (Some(entry), Some(member)) = (inventory.entries.get(&key), member) {
        let unchanged = entry.uid.as_deref() == uid(member)
            && is_sent(entry, member, item)
            && entry.owned.is_some()
            && entry.owned == owned(member, manager)
            && judged.former.is_empty();
        if unchanged {
            return Ok(judged);
        }
    }
    if item.kind_to_come {
        judged.answer = Answer::Deferred("its kind is there only after its definition".to_owned());
        return Ok(judged);
    }
    if item.namespace_to_come {
        judged.answer = stand_in(cluster, item, manager).await?;
        return Ok(judged);
    }
    dry_run(cluster, &mut judged, member, manager, ground).await?;
    Ok(judged)
}

/// Says whether the object was last applied from the same content.
fn is_sent(entry: &Entry, member: &Object, item: &Item) -> bool {
    let sent = if item.object.is_secret() { member.annotation(DIGEST) } else { entry.sent.as_deref() };
    sent == Some(item.digest.as_str())
}

fn version(object: &Object) -> Option<&str> {
    object.value().path(&["metadata", "resourceVersion"]).and_then(Value::as_str)
}

impl Ground<'_> {
    /// The verdict of the first look, when the live object is still what it was. (One that was not there then and is
    /// applied without force meets whoever made it meanwhile as a conflict.)
    fn judged_before(&self, key: &ObjectKey, item: &Item) -> Option<&Judged> {
        let (live, judged) = self.former.as_ref()?;
        let judged = judged.get(key)?;
        let (before, now) = (live.members.get(key), self.live.members.get(key));
        let same_world = judged.item.kind_to_come == item.kind_to_come
            && judged.item.namespace_to_come == item.namespace_to_come
            && judged.item.target == item.target;
        let holds = match (before, now) {
            (Some(before), Some(now)) => uid(before) == uid(now) && version(before) == version(now),
            (None, None) => matches!(judged.answer, Answer::Create | Answer::Deferred(_)),
            _ => false,
        };
        (same_world && holds).then_some(judged)
    }

    /// The other units of the environment that wrote to the object.
    fn former_owners(&self, live: &Object, manager: &str) -> Vec<String> {
        let others = managers(live).filter(|other| *other != manager && self.family.contains(*other));
        others.map(str::to_owned).collect::<BTreeSet<String>>().into_iter().collect()
    }
}

/// Asks without force first: only so does the server say who else owns a field.
async fn dry_run(
    cluster: &dyn Cluster,
    judged: &mut Judged,
    member: Option<&Object>,
    manager: &str,
    ground: &Ground<'_>,
) -> Result<()> {
    let mut options = ApplyOptions { field_manager: manager.to_owned(), force: false };
    loop {
        let item = &judged.item;
        let verdict = cluster.dry_run(&item.target, &item.object, &options).await?;
        match verdict {
            Ok(answer) => {
                judged.answer = match member {
                    Some(member) if judged.former.is_empty() && same(member, &answer, manager) => Answer::Unchanged,
                    Some(_) => Answer::Update,
                    None if is_ours_alone(&answer, manager) => Answer::Create,
                    None => return adopt(cluster, judged, manager, ground).await,
                };
                return Ok(());
            }
            Err(rejection) if rejection.reason == "Conflict" && !options.force => {
                if let Some(owner) = settle(judged, &rejection, manager, ground) {
                    judged.answer = Answer::Owned(owner);
                    return Ok(());
                }
                judged.force = true;
                options.force = true;
            }
            Err(rejection) => {
                judged.answer = Answer::Refused(rejection);
                return Ok(());
            }
        }
    }
}

/// Says whether nobody else ever wrote to the object: the answer of a dry run that would create it. (The answer's
/// `resourceVersion` does not tell: servers differ in whether a dry-run create has one.)
fn is_ours_alone(answer: &Object, manager: &str) -> bool {
    let managers = answer.value().path(&["metadata", "managedFields"]).and_then(Value::as_list).unwrap_or_default();
    managers.iter().all(|entry| entry.get("manager").and_then(Value::as_str) == Some(manager))
}

/// Somebody else wrote to the object, and it is no member of ours: it is taken over, unless it belongs to another
/// ApplySet or delivery tool.
async fn adopt(cluster: &dyn Cluster, judged: &mut Judged, manager: &str, ground: &Ground<'_>) -> Result<()> {
    judged.answer = Answer::Update;
    let Some(live) = cluster.get(&judged.item.target).await? else {
        judged.answer = Answer::Create;
        return Ok(());
    };
    let stranger = |other: &&str| *other != manager && is_delivery_tool(other) && !ground.family.contains(*other);
    let set = live.label(PART_OF).filter(|set| !ground.family.contains(*set));
    if let Some(owner) = managers(&live).find(stranger).or(set) {
        judged.answer = Answer::Owned(owner.to_owned());
    }
    judged.former = ground.former_owners(&live, manager);
    Ok(())
}

/// Who owns the fields in conflict, and what follows: people's edits are overridden, controllers' fields are left to
/// them, a unit of the same environment hands over, other units and other delivery tools stop the run. Gives the owner
/// that stops it.
fn settle(judged: &mut Judged, conflict: &Rejection, own: &str, ground: &Ground<'_>) -> Option<String> {
    for cause in &conflict.causes {
        let manager = manager_of(cause);
        if is_delivery_tool(manager) && manager != own && !ground.family.contains(manager) {
            return Some(manager.to_owned());
        }
    }
    for cause in &conflict.causes {
        if is_controller(manager_of(cause)) && remove_field(judged.item.object.value_mut(), &cause.field) {
            judged.left.push(cause.field.clone());
        }
    }
    None
}

/// `conflict with "MANAGER" …` is how the API server words the cause.
fn manager_of(cause: &Cause) -> &str {
    cause.message.split('"').nth(1).unwrap_or_default()
}

fn is_delivery_tool(manager: &str) -> bool {
    manager.starts_with("mergeline/")
        || [
            "argocd-controller",
            "argocd-application-controller",
            "kustomize-controller",
            "helm-controller",
            "kapp-controller",
        ]
        .contains(&manager)
}

fn is_controller(manager: &str) -> bool {
    !is_delivery_tool(manager) && ["controller", "autoscaler", "vpa-", "keda"].iter().any(|word| manager.contains(word))
}

/// Removes the field that the server names (`.spec.replicas`, `.spec.containers[name="web"].resources`). Says whether
/// it was found.
fn remove_field(value: &mut Value, field: &str) -> bool {
    let Some((parent, last)) = split_last(field.trim_start_matches('.')) else { return false };
    let Some(parent) = walk(value, parent) else { return false };
    parent.remove(last).is_some()
}

fn split_last(field: &str) -> Option<(&str, &str)> {
    if field.is_empty() || field.ends_with(']') {
        return None;
    }
    Some(field.rsplit_once('.').unwrap_or(("", field)))
}

fn walk<'a>(mut value: &'a mut Value, path: &str) -> Option<&'a mut Value> {
    for step in path.split('.').filter(|step| !step.is_empty()) {
        let (name, keys) = step.split_once('[').unwrap_or((step, ""));
        value = value.get_mut(name)?;
        if keys.is_empty() {
            continue;
        }
        let wanted: Vec<(&str, &str)> =
            keys.trim_end_matches(']').split(',').filter_map(|pair| pair.split_once('=')).collect();
        let matches = |item: &Value| {
            wanted.iter().all(|(key, text)| {
                let found = item.get(key);
                found.and_then(Value::as_str) == Some(text.trim_matches('"'))
                    || found.and_then(Value::as_i64).is_some_and(|number| number.to_string() == *text)
            })
        };
        value = value.as_list_mut()?.iter_mut().find(|item| matches(item))?;
    }
    Some(value)
}

/// The namespace is to come: the object is judged in `default` under a name that nobody uses. A refusal for want of
/// rights or quota there says nothing about the namespace to come.
async fn stand_in(cluster: &dyn Cluster, item: &Item, manager: &str) -> Result<Answer> {
    let hash = Sha256::digest(item.target.name.as_bytes());
    let short: String = hash.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    let name = format!("mergeline-preflight-{short}");
    let mut object = item.object.clone();
    if let Some(metadata) = object.value_mut().get_mut("metadata") {
        metadata.set("name", name.as_str());
        metadata.set("namespace", "default");
    }
    let target = Target { namespace: Some("default".to_owned()), name, ..item.target.clone() };
    let options = ApplyOptions { field_manager: manager.to_owned(), force: true };
    Ok(match cluster.dry_run(&target, &object, &options).await? {
        Ok(_) => Answer::Create,
        Err(rejection) if rejection.code == 403 => {
            Answer::Deferred("its namespace is there only after this run made it".to_owned())
        }
        // The stand-in's name and namespace mean nothing to a person.
        Err(rejection) => {
            let own = |text: &str| {
                let namespace = item.target.namespace.as_deref().unwrap_or_default();
                text.replace(&format!("default/{}", target.name), &format!("{namespace}/{}", item.target.name))
                    .replace(&target.name, &item.target.name)
            };
            let causes = rejection.causes.iter().map(|cause| Cause { message: own(&cause.message), ..cause.clone() });
            Answer::Refused(Rejection { message: own(&rejection.message), causes: causes.collect(), ..rejection })
        }
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::manifest::value::map;

    #[test]
    fn fields_that_the_server_names_are_found_and_removed() {
        let container = map([("name", Value::from("web")), ("resources", map([("limits", "x")]))]);
        let mut value =
            map([("spec", map([("replicas", Value::from(3)), ("containers", Value::from(vec![container]))]))]);
        assert!(remove_field(&mut value, ".spec.replicas"));
        assert!(value.at("/spec/replicas").is_none());
        assert!(remove_field(&mut value, ".spec.containers[name=\"web\"].resources"));
        assert!(value.at("/spec/containers/0/resources").is_none());
        assert!(!remove_field(&mut value, ".spec.containers[name=\"gone\"].image"));
    }

    #[test]
    fn people_are_overridden_controllers_respected_and_other_tools_stop_the_run() {
        assert!(is_controller("kube-controller-manager") && is_controller("cluster-autoscaler"));
        assert!(!is_controller("kubectl-edit") && !is_delivery_tool("kubectl-edit"));
        assert!(is_delivery_tool("mergeline/prod/web") && is_delivery_tool("argocd-controller"));
        let cause = Cause {
            field: ".spec.replicas".into(),
            reason: "FieldManagerConflict".into(),
            message: "conflict with \"kube-controller-manager\" with subresource \"scale\" using apps/v1".into(),
        };
        assert_eq!(manager_of(&cause), "kube-controller-manager");
    }
}
