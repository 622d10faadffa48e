//! What a workload asks of the cluster: replicas, and the CPU and memory that its pods request.
//!
//! A pod's request is the sum over its containers, or the largest init container where that is more; sidecars count
//! with the containers (Kubernetes documentation, "Resource Management" and "Sidecar Containers").

use crate::manifest::{Object, Value};
use crate::schema::Quantity;

/// What one or more workloads ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Footprint {
    /// Pods.
    pub replicas: i64,
    /// CPU in units of 10⁻⁹ cores, over all pods.
    pub cpu: i128,
    /// Memory in units of 10⁻⁹ bytes, over all pods.
    pub memory: i128,
}

impl Footprint {
    /// The sum of both.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            replicas: self.replicas.saturating_add(other.replicas),
            cpu: self.cpu.saturating_add(other.cpu),
            memory: self.memory.saturating_add(other.memory),
        }
    }

    /// CPU as people write it: `1.5`, `250m`.
    #[must_use]
    pub fn cpu_text(self) -> String {
        let milli = self.cpu / 1_000_000;
        match milli {
            0 => "0".to_owned(),
            milli if milli % 1000 == 0 => (milli / 1000).to_string(),
            milli if milli >= 10_000 => format!("{}.{}", milli / 1000, milli % 1000 / 100),
            milli => format!("{milli}m"),
        }
    }

    /// Memory as people write it: `512Mi`, `1.5Gi`.
    #[must_use]
    pub fn memory_text(self) -> String {
        const UNITS: [(&str, i128); 4] = [("Ti", 1 << 40), ("Gi", 1 << 30), ("Mi", 1 << 20), ("Ki", 1 << 10)];
        let bytes = self.memory / 1_000_000_000;
        let unit = UNITS.into_iter().find(|(_, size)| bytes >= *size);
        match unit {
            None => bytes.to_string(),
            Some((unit, size)) => match (bytes * 10 / size) % 10 {
                0 => format!("{}{unit}", bytes / size),
                tenth => format!("{}.{tenth}{unit}", bytes / size),
            },
        }
    }
}

/// What a workload asks for; nothing for what runs no pods, and for a DaemonSet, whose nodes nobody here counts. `None`
/// where its replicas are no number.
pub(super) fn of(object: &Object) -> Option<Footprint> {
    let (template, replicas) = match (object.kind(), object.api_version()) {
        ("Deployment" | "StatefulSet" | "ReplicaSet" | "ReplicationController" | "Rollout", _) => {
            ("/spec/template/spec", object.value().at("/spec/replicas").map_or(Some(1), Value::as_i64))
        }
        ("Pod", "v1") => ("/spec", Some(1)),
        _ => return Some(Footprint::default()),
    };
    let replicas = replicas?;
    let Some(pod) = object.value().at(template) else { return Some(Footprint::default()) };
    let times = |each: i128| each.saturating_mul(i128::from(replicas.max(0)));
    Some(Footprint {
        replicas: replicas.max(0),
        cpu: times(request(pod, "cpu")),
        memory: times(request(pod, "memory")),
    })
}

/// What one pod requests.
fn request(pod: &Value, resource: &str) -> i128 {
    let each = |list: &str, sidecar: bool| -> Vec<i128> {
        let items = pod.get(list).and_then(Value::as_list).unwrap_or_default();
        let wanted = items.iter().filter(|item| {
            let restarts = item.get("restartPolicy").and_then(Value::as_str) == Some("Always");
            list == "containers" || restarts == sidecar
        });
        let amount = |item: &Value| {
            // A limit without a request is the request (admission fills it in).
            let of = |key: &str| item.path(&["resources", key, resource]);
            let value = of("requests").or_else(|| of("limits"))?;
            Quantity::parse(&super::text::scalar(&value.data))?.exact()
        };
        wanted.map(|item| amount(item).unwrap_or(0)).collect()
    };
    let running = each("containers", false).into_iter().chain(each("initContainers", true));
    let running = running.fold(0, i128::saturating_add);
    running.max(each("initContainers", false).into_iter().max().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn amounts_are_told_as_people_write_them() {
        let of = |cpu: &str, memory: &str| {
            let nanos = |text| Quantity::parse(text).unwrap().amount();
            let footprint = Footprint { replicas: 1, cpu: nanos(cpu), memory: nanos(memory) };
            (footprint.cpu_text(), footprint.memory_text())
        };
        assert_eq!(of("1500m", "1536Mi"), ("1500m".into(), "1.5Gi".into()));
        assert_eq!(of("2", "512Mi"), ("2".into(), "512Mi".into()));
        assert_eq!(of("10.5", "100"), ("10.5".into(), "100".into()));
    }
}
