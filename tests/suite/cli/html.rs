//! The report as a page, in a real browser.

use super::place::Place;
use mergeline_lab::browser::{Colours, Page};
use std::path::PathBuf;

/// A review with an error, a deletion, a creation, and more objects than a page opens by itself.
fn report() -> (Place, PathBuf) {
    let place = Place::plain();
    let map = |at: usize, value: &str| {
        let data: String = (0..30)
            .map(|line| format!("  key{line:02}: value {line} of map {at} {}\n", if line == 7 { value } else { "" }))
            .collect();
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: map-{at}}}\ndata:\n{data}")
    };
    (0..25).for_each(|at| place.checkout.write(&format!("maps/{at}.yaml"), map(at, "before")));
    place.checkout.commit("maps");
    (0..25).for_each(|at| place.checkout.write(&format!("maps/{at}.yaml"), map(at, "after")));
    place.change("web/deployment.yaml", "replicas: 2", "replicas: three");
    place.change("web/deployment.yaml", "1.0.0", "1.1.0");
    place.checkout.git(&["rm", "--quiet", "-r", "api"]);
    place
        .checkout
        .write("new/map.yaml", "{apiVersion: v1, kind: ConfigMap, metadata: {name: new}, data: {a: </script><b>}}\n");
    let file = place.beside("reports").join("report.html");
    place.run(&["review", "-o", &format!("html={}", file.display())]).exits(1);
    (place, file)
}

#[test]
fn a_person_opens_searches_and_lays_out_the_report_in_a_browser() {
    let Some(browser) = mergeline_lab::needs::browser() else { return };
    let (_place, file) = report();
    let mut page = Page::open(browser, &file, Colours::Light).unwrap();
    let text = |page: &mut Page, what: &str| page.value(what).unwrap().as_str().unwrap_or_default().to_owned();
    const FOCUS: &str = "document.activeElement.id || document.activeElement.textContent";
    let all = page.visible("details.change").unwrap();
    assert_eq!(all, 28);
    assert_eq!(page.visible(".diff").unwrap(), 0, "so many objects are closed at first");
    assert!(text(&mut page, "document.querySelector('h1').textContent").contains("1 error, 1 deletion"));

    // One object is opened with the mouse: its lines have their signs and colours.
    let web = "details.change:has(.name):nth-of-type(1) > summary";
    page.click(web).unwrap();
    assert_eq!(page.visible(".diff").unwrap(), 1);
    assert!(page.visible(".diff .line.add").unwrap() + page.visible(".diff .line.del").unwrap() > 0);

    // Side by side and back, with the pointer and by a key.
    page.click("#layout").unwrap();
    assert!(page.visible(".diff .pair").unwrap() > 0);
    assert_eq!(text(&mut page, "document.getElementById('layout').getAttribute('aria-pressed')"), "true");
    page.press("s").unwrap();
    assert_eq!(page.visible(".diff .pair").unwrap(), 0);
    assert!(page.visible(".diff .line").unwrap() > 0);

    // A unit is folded whole.
    page.click("details.unit > summary").unwrap();
    assert!(page.visible("details.change").unwrap() < all);
    page.click("details.unit > summary").unwrap();
    assert_eq!(page.visible("details.change").unwrap(), all);

    // Search by what an object's lines say.
    page.press("/").unwrap();
    assert_eq!(text(&mut page, FOCUS), "search");
    page.type_text("of map 17 AFTER").unwrap();
    assert_eq!(page.visible("details.change").unwrap(), 1);
    assert_eq!(text(&mut page, "document.getElementById('count').textContent"), "1 of 28 objects");
    assert_eq!(page.visible(".finding").unwrap(), 0);
    page.type_text(" and nothing else").unwrap();
    assert_eq!((page.visible("details.change").unwrap(), page.visible("#nothing").unwrap()), (0, 1));
    page.press("Escape").unwrap();
    assert_eq!(page.visible("details.change").unwrap(), all);
    assert_eq!(text(&mut page, "document.getElementById('search').value"), "");

    // From object to object without a mouse.
    page.press("c").unwrap();
    assert_eq!(page.visible(".diff").unwrap(), 0);
    page.press("j").unwrap();
    let first = text(&mut page, FOCUS);
    page.press("j").unwrap();
    assert_ne!(text(&mut page, FOCUS), first);
    page.press("k").unwrap();
    assert_eq!(text(&mut page, FOCUS), first);
    page.press("Enter").unwrap();
    assert_eq!(page.visible(".diff").unwrap(), 1);
    page.press("o").unwrap();
    assert_eq!(page.visible(".diff").unwrap(), all);

    assert_eq!(page.complaints(), [] as [String; 0]);
    assert_eq!(page.requests(), [format!("file://{}", file.display())]);
}

#[test]
fn a_report_of_ten_megabytes_opens_and_is_searched() {
    let Some(browser) = mergeline_lab::needs::browser() else { return };
    const MAPS: u64 = 2_000;
    let place = Place::empty();
    let map = |at: u64| {
        let data: String =
            (0..100).map(|line| format!("  key{line:03}: what line {line} of map {at} says here\n")).collect();
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: map-{at}}}\ndata:\n{data}")
    };
    place.checkout.write("before.yaml", "");
    place.checkout.write("after.yaml", (0..MAPS).map(map).collect::<Vec<_>>().join("---\n"));
    let file = place.beside("reports").join("report.html");
    place.run(&["diff", "before.yaml", "after.yaml", "-o", &format!("html={}", file.display())]).exits(0);
    assert!(std::fs::metadata(&file).unwrap().len() > 10_000_000);
    let mut page = Page::open(browser, &file, Colours::Light).unwrap();
    assert_eq!(page.visible("details.change").unwrap(), MAPS);
    page.press("/").unwrap();
    page.type_text("line 77 of map 1234 says").unwrap();
    assert_eq!(page.visible("details.change").unwrap(), 1);
    page.click("details.change:not([hidden]) > summary").unwrap();
    assert!(page.visible(".diff .line.add").unwrap() >= 100);
    assert_eq!(page.complaints(), [] as [String; 0]);
}

#[test]
fn the_report_can_be_used_with_the_keyboard_and_a_screen_reader() {
    let Some(browser) = mergeline_lab::needs::browser() else { return };
    let (_place, file) = report();
    let mut page = Page::open(browser, &file, Colours::Light).unwrap();
    page.press("Tab").unwrap();
    assert_eq!(page.value("document.activeElement.className").unwrap(), "skip");
    page.press("Enter").unwrap();
    assert_eq!(page.value("document.activeElement.id").unwrap(), "content");
    // Everything that acts can be reached, and what has the focus shows it.
    page.value("document.querySelector('.skip').focus()").unwrap();
    let mut reached = Vec::new();
    for _ in 0..12 {
        page.press("Tab").unwrap();
        let focus = "[document.activeElement.id || document.activeElement.tagName, getComputedStyle(document.activeElement).outlineStyle]";
        let focus = page.value(focus).unwrap();
        assert_eq!(focus[1], "solid", "{focus}");
        reached.push(focus[0].as_str().unwrap().to_owned());
    }
    for id in ["search", "layout", "open", "close", "theme", "SUMMARY"] {
        assert!(reached.iter().any(|it| it == id), "{id} is not in {reached:?}");
    }
    let spoken = page.spoken().unwrap();
    let says = |role: &str, name: &str| spoken.iter().any(|(is, called)| is == role && called.contains(name));
    for (role, name) in [
        ("heading", "1 error"),
        ("region", "Findings"),
        ("region", "Changes"),
        ("searchbox", "Search"),
        ("button", "Side by side"),
        ("columnheader", "default"),
        ("rowheader", "web"),
        ("DisclosureTriangle", "update"),
        ("DisclosureTriangle", "delete"),
        ("status", ""),
    ] {
        assert!(says(role, name), "no {role} `{name}` in {spoken:?}");
    }
    let nameless =
        |(role, name): &&(String, String)| ["button", "link", "searchbox"].contains(&role.as_str()) && name.is_empty();
    assert_eq!(spoken.iter().find(nameless), None);
}

#[test]
fn the_report_is_light_or_dark_as_its_reader_prefers() {
    let Some(browser) = mergeline_lab::needs::browser() else { return };
    let (_place, file) = report();
    let mut brightness = Vec::new();
    for colours in [Colours::Light, Colours::Dark] {
        let mut page = Page::open(browser, &file, colours).unwrap();
        page.press("o").unwrap();
        let picture = page.screenshot().unwrap();
        if let Some(folder) = std::env::var_os("MERGELINE_PICTURES") {
            std::fs::write(PathBuf::from(folder).join(format!("report-{colours:?}.png")), &picture).unwrap();
        }
        let looks = Page::looks(browser, &picture).unwrap();
        assert!(looks.colours > 30, "{looks:?}: the page is blank");
        brightness.push(looks.brightness);
        // The reader's own choice is the other one.
        page.press("t").unwrap();
        let other = page.screenshot().unwrap();
        brightness.push(Page::looks(browser, &other).unwrap().brightness);
        assert_eq!(page.complaints(), [] as [String; 0]);
    }
    let [light, darkened, dark, lightened] = brightness[..] else { panic!("{brightness:?}") };
    assert!(light > 190.0 && lightened > 190.0 && dark < 70.0 && darkened < 70.0, "{brightness:?}");
}
