//! Remarks beside lines of a merge request, each with the line as it should be.

use super::shop::{PROJECT, Shop, app};
use mergeline_lab::gitlab::Cause;

#[test]
fn what_is_misspelt_in_kustomizations_has_its_mended_line_beside_it_in_one_notification() {
    let shop = Shop::new(Some("/gitlab"));
    let (dev, staging) = ("apps/web/overlays/dev/kustomization.yaml", "apps/web/overlays/staging/kustomization.yaml");
    let misspelt = "resource: [all.yaml]\n".to_owned();
    let unquoted = "resources: [all.yaml]\nimages: [{name: example.com/web, newTag: 1.2}]\n".to_owned();
    let (of_dev, of_staging) = (app("web", "dev", "1.1"), app("web", "staging", "1.1"));
    let files = [(&*of_dev.0, of_dev.1), (&*of_staging.0, of_staging.1), (dev, misspelt), (staging, unquoted)];
    let iid = shop.propose("change", &files);
    shop.job(Cause::MergeRequest(iid)).exits(1);
    let notes = shop.server().line_notes(PROJECT, iid);
    let offered = |file: &str, at: u64, instead: &str| {
        let block = format!("```suggestion:-0+0\n{instead}\n```");
        notes.iter().any(|(_, _, path, line, body)| path == file && *line == at && body.contains(&block))
    };
    assert!(offered(dev, 1, "resources: [all.yaml]"), "{notes:#?}");
    assert!(offered(staging, 2, "images: [{name: example.com/web, newTag: \"1.2\"}]"), "{notes:#?}");
    assert_eq!((notes.len(), shop.server().notified(PROJECT, iid)), (2, 1), "{notes:#?}");
    let mended = || "resources: [all.yaml]\n".to_owned();
    shop.commit("change", &[(dev, mended()), (staging, mended())]);
    shop.job(Cause::MergeRequest(iid)).exits(0);
    assert_eq!(shop.server().line_notes(PROJECT, iid), []);
}
