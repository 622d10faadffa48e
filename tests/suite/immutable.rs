//! The API server is the judge of what `immutable-field` says: edits of objects are put to it, and what it refuses is what the
//! rule must tell, no less and no more (`tests/cases/immutable`).

use crate::validate::objects;
use crate::verdict::server::{Answer, Server};
use crate::verdict::to_json;
use mergeline::diff::risk::of_unit;
use mergeline::manifest::Object;
use mergeline::unit::Unit;
use serde_json::Value as Json;
use std::fs;
use std::path::Path;

/// An object and the ways to edit it.
struct Case {
    object: Json,
    edits: Vec<Json>,
}

fn cases(namespace: &str) -> Vec<Case> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/immutable/edits.yaml");
    let text = fs::read_to_string(path).unwrap().replace("NAMESPACE", namespace);
    // Read as what a map holds: a list is no object.
    let text = format!("apiVersion: v1\nkind: Cases\nmetadata: {{name: cases}}\ncases:\n{text}");
    let (read, findings) = objects("edits.yaml", &text);
    assert_eq!(findings, []);
    let case = |case: &Json| Case { object: case["object"].clone(), edits: case["edits"].as_array().unwrap().clone() };
    to_json(read[0].value())["cases"].as_array().unwrap().iter().map(case).collect()
}

/// The object with each pointer set to its value; null takes the field away.
fn edited(object: &Json, edit: &Json) -> Json {
    let mut edited = object.clone();
    for (pointer, value) in edit.as_object().unwrap() {
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        let mut at = &mut edited;
        for step in parent.split('/').skip(1) {
            at = match step.parse::<usize>() {
                Ok(index) => &mut at[index],
                Err(_) => &mut at[step],
            };
        }
        match (key.parse::<usize>(), value.is_null()) {
            (Ok(index), _) => at[index] = value.clone(),
            (Err(_), true) => drop(at.as_object_mut().unwrap().remove(key)),
            (Err(_), false) => at[key] = value.clone(),
        }
    }
    edited
}

fn object(json: &Json) -> Object {
    objects("object.yaml", &json.to_string()).0.remove(0)
}

/// What we say that the server refuses.
fn told(before: &Json, after: &Json) -> Vec<String> {
    let unit = Unit { environment: "prod".into(), name: "shop".into(), path: "shop".into() };
    let findings = of_unit(&unit, &[object(before)], &[object(after)]);
    findings.into_iter().filter(|finding| finding.rule == "immutable-field").map(|finding| finding.message).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_refuses_the_edits_that_we_say_it_refuses() {
    let Some(cluster) = mergeline_lab::needs::cluster() else { return };
    let namespace = cluster.create_namespace("immutable").unwrap();
    let server = Server::new(cluster, &namespace).await;
    let cases = cases(&namespace);
    let (mut wrong, mut edits) = (Vec::new(), 0);
    for case in &cases {
        let name =
            format!("{} {}", case.object["kind"].as_str().unwrap(), case.object["metadata"]["name"].as_str().unwrap());
        if let Answer::Refused { message, .. } = server.put(&case.object).await {
            wrong.push(format!("{name} itself is refused: {message}"));
            continue;
        }
        if case.object["kind"] == "CustomResourceDefinition" {
            let crd = case.object["metadata"]["name"].as_str().unwrap();
            cluster.kubectl(&["wait", "--for=condition=Established", "--timeout=60s", "crd", crd]).unwrap();
        }
        for edit in &case.edits {
            edits += 1;
            let after = edited(&case.object, edit);
            let told = told(&case.object, &after);
            match server.apply(&after).await {
                Answer::Taken if !told.is_empty() => {
                    wrong.push(format!("{name} {edit} is taken, and we say: {told:?}"));
                }
                Answer::Refused { message, .. } if told.is_empty() => {
                    wrong.push(format!("{name} {edit} is refused, and we say nothing: {message}"));
                }
                _ => {}
            }
        }
        server.delete(&case.object).await;
    }
    drop(cluster.kubectl(&["delete", "namespace", &namespace, "--wait=false"]));
    assert!(edits > 150, "{edits}");
    assert!(wrong.is_empty(), "{} of {edits}:\n{}", wrong.len(), wrong.join("\n"));
}
