//! `mergeline validate` and `mergeline render`.

use super::place::{DEPLOYMENT, Place};

#[test]
fn every_unit_of_the_repository_is_judged_and_the_version_is_said() {
    let said = Place::plain().run(&["validate"]).exits(0);
    assert!(said.out.contains("2 objects rendered and checked against Kubernetes 1."), "{}", said.out);
}

#[test]
fn standard_input_is_judged_at_its_lines() {
    let place = Place::plain();
    let input = DEPLOYMENT.replace("replicas: 2", "replicas: three");
    let said = place.run_in(&place.beside("elsewhere"), &["validate", "-"], &input).exits(1);
    assert!(said.out.contains("--> stdin:5:13"), "{}", said.out);
}

#[test]
fn folders_outside_of_a_repository_are_judged_with_paths_as_the_person_sees_them() {
    let place = Place::empty();
    let folder = place.beside("elsewhere");
    std::fs::create_dir_all(folder.join("deep/.hidden")).unwrap();
    std::fs::write(folder.join("deep/web.yml"), DEPLOYMENT.replace("replicas: 2", "replicas: three")).unwrap();
    std::fs::write(folder.join("deep/.hidden/web.yml"), "a: [").unwrap();
    for path in ["deep", ".", "deep/web.yml"] {
        let said = place.run_in(&folder, &["validate", path], "").exits(1);
        assert!(said.out.contains("--> deep/web.yml:5:13"), "{path}: {}", said.out);
        assert!(said.out.contains("1 object rendered"), "{path}: {}", said.out);
    }
}

#[test]
fn definitions_beside_the_objects_count() {
    let place = Place::plain();
    let definition = "\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {kind: Widget, plural: widgets, singular: widget}
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties: {spec: {type: object, properties: {size: {type: integer}}}}
";
    place.checkout.write("crds/widget.yaml", definition);
    let widget = "{apiVersion: example.com/v1, kind: Widget, metadata: {name: a}, spec: {size: big}}\n";
    place.checkout.write("widgets/a.yaml", widget);
    let said = place.run(&["validate", "widgets"]).exits(1);
    assert!(said.out.contains("`spec.size` must be an integer"), "{}", said.out);
    assert!(said.out.contains("1 object rendered and checked"), "{}", said.out);
}

#[test]
fn rendering_prints_the_objects_and_what_is_wrong_goes_to_standard_error() {
    let place = Place::plain();
    let said = place.run(&["render", "api"]).exits(0);
    assert!(said.out.starts_with("apiVersion: v1\n"), "{}", said.out);
    assert_eq!(said.err, "");
    place.checkout.write("api/broken.yaml", "apiVersion: v1\nkind: [\n");
    let said = place.run(&["render", "api"]).exits(1);
    assert_eq!(said.out, "");
    assert!(said.err.contains("api/broken.yaml"), "{}", said.err);
}

#[test]
fn an_overlay_outside_of_a_repository_renders_with_its_base() {
    let Some(place) = Place::shop() else { return };
    let folder = place.beside("elsewhere");
    std::fs::rename(place.checkout.path.join("apps"), folder.join("apps")).unwrap();
    let overlay = folder.join("apps/web/overlays/dev");
    let said = place.run_in(&overlay, &["render"], "").exits(0);
    assert!(said.out.contains("namespace: shop-dev"), "{}", said.out);
    let said = place.run_in(&folder, &["validate", "apps/web/overlays/dev"], "").exits(0);
    assert!(said.out.contains("3 objects rendered and checked"), "{}", said.out);
}
