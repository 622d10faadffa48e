//! What does not change gives no diff: every repository beside this one, rendered twice and compared with itself, also after
//! its objects were written out and read again.

use crate::beside::{beside, folders_with};
use crate::validate::objects;
use mergeline::diff::risk::of_unit;
use mergeline::diff::{Redactor, diff};
use mergeline::git::DirectoryTree;
use mergeline::manifest::{Object, yaml};
use mergeline::render::{RenderOptions, discover, render};
use mergeline::schema::Catalog;
use mergeline::unit::Unit;
use std::process::Command;

/// What is told of objects against the same objects.
fn phantoms(unit: &Unit, one: &[Object], other: &[Object], catalog: &Catalog) -> Vec<String> {
    let changes = diff(unit, one, other, Some(catalog), &Redactor::new());
    let changes = changes.iter().map(|it| format!("{} {} {}: {:?}", unit.path, it.action, it.object, it.fields));
    let risks = of_unit(unit, one, other).into_iter().map(|finding| format!("{} {}", unit.path, finding.message));
    changes.chain(risks).collect()
}

/// The same objects after they were written and read, and in another order.
fn again(objects_of: &[Object]) -> Vec<Object> {
    let text: String = objects_of.iter().rev().map(|object| format!("---\n{}", yaml::write(object.value()))).collect();
    objects("again.yaml", &text).0
}

#[test]
fn a_repository_against_itself_is_empty() {
    let Some(inputs) = beside("inputs") else { return };
    let catalog = Catalog::bundled(Catalog::newest()).unwrap();
    let (mut told, mut compared) = (Vec::new(), 0);
    for entry in std::fs::read_dir(&inputs).unwrap().flatten().filter(|entry| entry.path().is_dir()) {
        let tree = DirectoryTree::plain(&entry.path()).unwrap();
        let options = RenderOptions::default();
        for unit in discover(&tree, &options).unwrap().units {
            let (one, other) = (render(&tree, &unit, &options).unwrap(), render(&tree, &unit, &options).unwrap());
            compared += one.objects.len();
            told.extend(phantoms(&unit, &one.objects, &other.objects, &catalog));
            told.extend(phantoms(&unit, &one.objects, &again(&one.objects), &catalog));
        }
    }
    assert!(compared > 50, "{compared}");
    assert!(told.is_empty(), "{}", told.join("\n"));
}

#[test]
fn a_chart_against_itself_is_empty() {
    let Some(inputs) = beside("inputs") else { return };
    let Some(tools) = mergeline_lab::needs::tools() else { return };
    let catalog = Catalog::bundled(Catalog::newest()).unwrap();
    let (mut told, mut compared) = (Vec::new(), 0);
    for chart in folders_with(&inputs, "Chart.yaml") {
        let rendered = Command::new(&tools.helm).args(["template", "release"]).arg(&chart).output().unwrap();
        // A chart whose dependencies are on another machine cannot be rendered here. What it makes up anew each time is its own
        // matter: one render is compared with itself.
        if !rendered.status.success() {
            continue;
        }
        let rendered = objects("chart.yaml", &String::from_utf8(rendered.stdout).unwrap()).0;
        compared += rendered.len();
        let unit = Unit { environment: "prod".into(), name: "chart".into(), path: chart.display().to_string() };
        told.extend(phantoms(&unit, &rendered, &again(&rendered), &catalog));
    }
    assert!(compared > 20, "{compared}");
    assert!(told.is_empty(), "{}", told.join("\n"));
}
