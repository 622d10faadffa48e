//! `exposure`: a Service or Ingress becomes reachable from elsewhere, or no longer where it was.

use super::{Check, Edit, Found, Risk, group, text};
use crate::finding::Severity;
use crate::manifest::{Object, Value};

pub(super) const RISK: Risk = Risk {
    id: "exposure",
    severity: Severity::Warning,
    about: "the type, node port, class or hosts of what is reachable from outside change",
    check: Check::Edit(check),
};

fn check(edit: &Edit<'_>, found: &mut Found<'_>) {
    let Some(after) = edit.after else { return };
    match (group(after), after.kind()) {
        ("", "Service") => service(edit.former(), after, found),
        ("networking.k8s.io" | "extensions", "Ingress") => ingress(edit.former(), after, found),
        _ => {}
    }
}

fn service(former: Option<&Object>, after: &Object, found: &mut Found<'_>) {
    let kind = |object| text(object, &["spec", "type"]).unwrap_or("ClusterIP");
    match former.map(kind) {
        Some(was) if was != kind(after) => {
            let is = kind(after);
            let effect = match is {
                "LoadBalancer" => ": it becomes reachable from outside the cluster",
                "NodePort" => ": it becomes reachable on every node",
                _ if matches!(was, "LoadBalancer" | "NodePort") => {
                    ": it is no longer reachable from outside the cluster"
                }
                _ => "",
            };
            found.at(after, "/spec/type", format!("the Service becomes {is}, was {was}{effect}"));
        }
        None if matches!(kind(after), "LoadBalancer" | "NodePort") => {
            found.at(
                after,
                "/spec/type",
                format!("a new Service of type {} is reachable from outside the cluster", kind(after)),
            );
        }
        _ => {}
    }
    let Some(former) = former else { return };
    let ports = |object: &Object| -> Vec<Value> {
        object.value().path(&["spec", "ports"]).and_then(Value::as_list).unwrap_or_default().to_vec()
    };
    let number = |port: &Value, key: &str| port.get(key).and_then(Value::as_i64);
    for old in ports(former) {
        let same = |new: &&(usize, Value)| number(&new.1, "port") == number(&old, "port");
        let new: Vec<(usize, Value)> = ports(after).into_iter().enumerate().collect();
        if let (Some(was), Some((at, new))) = (number(&old, "nodePort"), new.iter().find(same))
            && let Some(is) = number(new, "nodePort")
            && was != is
        {
            let pointer = format!("/spec/ports/{at}/nodePort");
            found.at(
                after,
                &pointer,
                format!("the node port becomes {is}, was {was}: whoever connects to it must follow"),
            );
        }
    }
}

fn ingress(former: Option<&Object>, after: &Object, found: &mut Found<'_>) {
    let Some(former) = former else { return };
    let class = |object: &Object| text(object, &["spec", "ingressClassName"]).map(str::to_owned);
    if let (Some(was), Some(is)) = (class(former), class(after))
        && was != is
    {
        let message = format!("the Ingress moves from class `{was}` to `{is}`: its address may change");
        found.at(after, "/spec/ingressClassName", message);
    }
    let hosts = |object: &Object| -> Vec<String> {
        let rules = object.value().path(&["spec", "rules"]).and_then(Value::as_list).unwrap_or_default();
        rules.iter().filter_map(|rule| rule.get("host").and_then(Value::as_str)).map(str::to_owned).collect()
    };
    let kept = hosts(after);
    for host in hosts(former).into_iter().filter(|host| !kept.contains(host)) {
        found.at(after, "/spec/rules", format!("host `{host}` is no longer served by this Ingress"));
    }
}
