//! `mergeline diff`: two folders or files.

use super::place::Place;

fn map(name: &str, value: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n  key: {value}\n")
}

fn stream(documents: &[String]) -> String {
    documents.join("---\n")
}

/// Two streams: `same` stands in both at other lines, `again` once more in the second.
fn two(place: &Place) {
    place
        .checkout
        .write("from.yaml", stream(&[map("gone", "a"), map("same", "a"), map("again", "a"), map("b", "old")]));
    place.checkout.write("to.yaml", stream(&[map("b", "new"), map("again", "a"), map("new", "a"), map("same", "a")]));
}

#[test]
fn files_are_compared_object_by_object() {
    let place = Place::empty();
    two(&place);
    let said = place.run(&["diff", "from.yaml", "to.yaml"]).exits(0);
    let shown: Vec<&str> = said.out.lines().take_while(|line| !line.starts_with("in ")).collect();
    let expected = "\
from.yaml → to.yaml
  ~ ConfigMap b  to.yaml:6:8
      @@ data.key @@
       metadata:
         name: b
       data:
      -  key: old
      +  key: new
  + ConfigMap new  to.yaml:15:1
      +apiVersion: v1
      +kind: ConfigMap
      +metadata:
      +  name: new
      +data:
      +  key: a
  − ConfigMap gone  from.yaml:1:1
      -apiVersion: v1
      -kind: ConfigMap
      -metadata:
      -  name: gone
      -data:
      -  key: a

1 created, 1 updated, 1 deleted";
    assert_eq!(shown.join("\n"), expected);
    assert_eq!(said.err, "");

    // Read as folders, where nothing is shared, the changes are the same.
    let changes = |from: &str, to: &str| {
        let mut report = place.run(&["diff", from, to, "-o", "json"]).exits(0).json();
        let changes = report["changes"].as_array_mut().unwrap();
        changes.iter_mut().for_each(|change| drop(change.as_object_mut().unwrap().remove("unit")));
        serde_json::to_string_pretty(changes).unwrap()
    };
    let of_files = changes("from.yaml", "to.yaml");
    for name in ["from", "to"] {
        let text = std::fs::read_to_string(place.checkout.path.join(format!("{name}.yaml"))).unwrap();
        place.checkout.write(&format!("{name}/all.yaml"), text);
    }
    assert_eq!(changes("from", "to").replace("/all.yaml", ".yaml"), of_files);
}

#[test]
fn whether_anything_differs_is_the_exit_code_that_was_asked_for() {
    let place = Place::empty();
    two(&place);
    place.run(&["diff", "from.yaml", "to.yaml", "--exit-code"]).exits(1);
    let said = place.run(&["diff", "from.yaml", "from.yaml", "--exit-code"]).exits(0);
    assert!(said.out.starts_with("nothing differs\n"), "{}", said.out);
    // The same objects in another order and notation.
    place.checkout.write("flow.yaml", "{kind: ConfigMap, apiVersion: v1, data: {key: a}, metadata: {name: same}}");
    place.checkout.write("block.yaml", map("same", "\"a\""));
    place.run(&["diff", "flow.yaml", "block.yaml", "--exit-code"]).exits(0);
}

#[test]
fn overlays_are_rendered_and_a_stream_comes_from_standard_input() {
    let place = Place::empty();
    place.checkout.write("base/kustomization.yaml", "resources: [map.yaml]\n");
    place.checkout.write("base/map.yaml", map("web", "a"));
    let overlay = |name: &str, value: &str| {
        let patch = format!("resources: [../base]\npatches:\n  - patch: |-\n{}", indented(&map("web", value)));
        place.checkout.write(&format!("{name}/kustomization.yaml"), patch);
    };
    overlay("staging", "slow");
    overlay("prod", "fast");
    let said = place.run(&["diff", "staging", "prod"]).exits(0);
    assert!(said.out.contains("      -  key: slow\n      +  key: fast\n"), "{}", said.out);
    assert!(said.out.contains("~ ConfigMap web  prod/kustomization.yaml:"), "{}", said.out);
    let rendered = place.run(&["render", "prod"]).exits(0).out;
    place.run_in(&place.checkout.path, &["diff", "-", "prod", "--exit-code"], &rendered).exits(0);
    let said = place.run_in(&place.checkout.path, &["diff", "staging", "-", "--exit-code"], &rendered).exits(1);
    assert!(said.out.contains("~ ConfigMap web  stdin:"), "{}", said.out);
    // Outside of the repository, in the words of who stands there.
    let beside = place.beside("elsewhere");
    std::fs::write(beside.join("map.yaml"), map("web", "slow")).unwrap();
    std::fs::create_dir_all(beside.join("folder")).unwrap();
    std::fs::write(beside.join("folder/map.yaml"), map("web", "fast")).unwrap();
    let said = place.run_in(&beside, &["diff", "map.yaml", "folder"], "").exits(0);
    assert!(said.out.contains("~ ConfigMap web  folder/map.yaml:6:8\n"), "{}", said.out);
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("      {line}\n")).collect()
}

#[test]
fn no_secret_value_shows_that_stands_in_either_side_or_in_both() {
    let place = Place::empty();
    let secret = |value: &str| {
        format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: creds}}\nstringData:\n  password: {value}\n")
    };
    let both = secret("same-on-both-sides").replace("creds", "others");
    let from = [secret("correct-horse"), both.clone(), map("web", "x")];
    let to = [secret("battery-staple"), both, map("web", "u:same-on-both-sides@correct-horse+battery-staple")];
    place.checkout.write("from.yaml", stream(&from));
    place.checkout.write("to.yaml", stream(&to));
    for format in ["text", "markdown", "json", "html", "github", "sarif", "junit", "gitlab"] {
        let said = place.run(&["diff", "-vv", "from.yaml", "to.yaml", "-o", format]).exits(0).all();
        for value in ["same-on-both-sides", "correct-horse", "battery-staple"] {
            assert!(!said.contains(value), "{format} shows `{value}`:\n{said}");
        }
    }
    let said = place.run(&["diff", "from.yaml", "to.yaml"]).exits(0);
    assert!(said.out.contains("~ Secret creds"), "{}", said.out);
}

#[test]
fn a_side_that_cannot_be_read_is_said_and_nothing_is_called_deleted() {
    let place = Place::empty();
    two(&place);
    place.checkout.write("broken.yaml", format!("{}---\na: [\n", map("b", "old")));
    let said = place.run(&["diff", "from.yaml", "broken.yaml"]).exits(1);
    assert!(said.out.contains("--> broken.yaml:9:1"), "{}", said.out);
    assert!(said.out.contains("from.yaml → broken.yaml: the diff is withheld"), "{}", said.out);
    assert!(!said.out.contains("deleted"), "{}", said.out);
    let said = place.run(&["diff", "from.yaml", "nowhere"]).exits(3);
    assert!(said.err.contains("cannot read `nowhere`"), "{}", said.err);
    let said = place.run(&["diff", "-", "-"]).exits(2);
    assert!(said.err.contains("standard input"), "{}", said.err);
    place.checkout.write("empty/notes.txt", "nothing");
    let said = place.run(&["diff", "from.yaml", "empty"]).exits(3);
    assert!(said.err.contains("`empty` holds no manifest"), "{}", said.err);
    place.run(&["diff", "from.yaml", "to.yaml", "--kubernetes", "1.2"]).exits(2);
    let beside = place.beside("elsewhere");
    std::fs::create_dir_all(beside.join("empty")).unwrap();
    let said = place.run_in(&beside, &["diff", "empty", "empty"], "").exits(3);
    assert!(said.err.contains("`empty` holds no manifest"), "{}", said.err);
    // What stands on both sides differs in nothing, broken or not.
    let broken = |value: &str| format!("a: [\n---\n{}", map("b", value));
    place.checkout.write("one.yaml", broken("old"));
    place.checkout.write("other.yaml", broken("new"));
    let said = place.run(&["diff", "one.yaml", "other.yaml"]).exits(0);
    assert!(said.out.contains("-  key: old\n      +  key: new") && said.out.contains("1 updated"), "{}", said.out);
}
