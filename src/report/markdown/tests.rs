#![allow(clippy::unwrap_used)]
use super::*;
use crate::commit::CommitId;
use crate::diff::{Action, Change, DiffLine, FieldAction, FieldChange, ImageChange, LineKind, Redactor};
use crate::finding::{Finding, ObjectRef, Place};
use crate::host::limits::LOCAL;
use crate::operation::{Operation, OperationStatus, Verb};
use crate::report::{FailOn, Silenced, SilencedBy, sample};
use crate::unit::Unit;
use proptest::prelude::*;
use pulldown_cmark::{Event, Options, Parser, Tag};

#[test]
fn the_comment_of_a_review_is_this() {
    insta::assert_snapshot!(comment(&sample::review(), &LOCAL));
}

#[test]
fn the_comment_of_an_apply_lists_its_operations() {
    insta::assert_snapshot!(comment(&sample::apply(), &LOCAL));
}

#[test]
fn a_promotion_body_has_the_changes_alone() {
    let body = change_summary(&sample::review(), 60_000, TextUnit::Characters);
    assert!(body.contains("**Deletes** `PersistentVolumeClaim shop/data`") && body.contains("```diff"));
    assert!(!body.contains("**Error**") && !body.contains("<sub>"));
    assert_eq!(change_summary(&sample::apply(), 60_000, TextUnit::Characters), "");
}

#[test]
fn a_review_that_changes_nothing_says_so_in_two_lines() {
    let mut report = Report::new("review");
    report.objects.rendered = 3;
    report.objects.checked = 3;
    let text = comment(&report.judged(FailOn::Error), &LOCAL);
    assert!(text.starts_with("### Mergeline: no problems · nothing changes\n\n<sub>"), "{text}");
}

/// A report of the given size in which `foreign` makes every text that comes from a repository or server.
fn filled(objects: usize, foreign: &mut dyn FnMut() -> String) -> Report {
    let redactor = Redactor::new();
    let mut report = Report::new("review");
    report.environments = vec![foreign(), foreign()];
    let environments = report.environments.clone();
    let units = [foreign(), foreign()];
    for at in 0..objects {
        let action = Action::ALL[at % 4];
        let reference = |foreign: &mut dyn FnMut() -> String| ObjectRef {
            api_version: foreign(),
            kind: foreign(),
            namespace: Some(foreign()),
            // Numbered, so that folding does not depend on what the text is.
            name: format!("{}{at}", foreign()),
        };
        let mut line = |kind| DiffLine { kind, text: redactor.text(&format!("{at}{}", foreign())) };
        let lines =
            vec![line(LineKind::Header), line(LineKind::Context), line(LineKind::Removed), line(LineKind::Added)];
        let image = ImageChange {
            container: redactor.text(&format!("{at}")),
            before: Some(redactor.text(&foreign())),
            after: None,
        };
        report.changes.changes.push(Change {
            summary: Vec::new(),
            environment: environments[at % 2].clone(),
            unit: units[at / 2 % 2].clone(),
            object: reference(foreign),
            former: (action == Action::Replace).then(|| reference(foreign)),
            action,
            fields: vec![FieldChange {
                pointer: redactor.text(&foreign()),
                label: redactor.text(&foreign()),
                action: FieldAction::Changed,
                before: None,
                after: Some(redactor.text(&foreign())),
                place: None,
            }],
            lines,
            images: vec![image],
            footprint: Default::default(),
            place: Some(Place::at(foreign(), 3, 4)),
        });
        let mut finding =
            if at % 2 == 0 { Finding::error(foreign(), foreign()) } else { Finding::warning(foreign(), foreign()) };
        finding = finding.hint(foreign()).about(reference(foreign));
        if at % 3 != 0 {
            finding = finding.at(Place::at(foreign(), 1, 1));
        }
        finding.environments = environments.clone();
        report.findings.push(finding);
        let failed =
            Operation::planned(Verb::Apply, foreign(), foreign()).with(OperationStatus::Failed, Some(foreign()));
        report.operations.push(failed);
    }
    let silenced = Finding::error(foreign(), foreign()).at(Place::at(foreign(), 1, 1));
    report.silenced.push(Silenced { finding: silenced, by: SilencedBy::Comment(foreign()) });
    report.withheld = vec![Unit { environment: environments[0].clone(), name: units[0].clone(), path: foreign() }];
    report.objects.unchecked = vec![crate::report::Unchecked { kind: foreign(), reason: foreign(), count: 2 }];
    report.links = sample::links();
    report.head = Some(CommitId::parse(&"3".repeat(40)).unwrap());
    report.judged(FailOn::Error)
}

/// What a CommonMark reader makes of a text: its nodes, with text and code told as text alone.
fn nodes(markdown: &str) -> Vec<String> {
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_MATH
        | Options::ENABLE_GFM
        | Options::ENABLE_HEADING_ATTRIBUTES;
    let tag = regex::Regex::new("<[^>]*>").unwrap();
    let mut nodes: Vec<String> = Vec::new();
    for event in Parser::new_ext(markdown, options) {
        let node = match event {
            Event::Text(_) | Event::Code(_) => "text".to_owned(),
            Event::Html(html) | Event::InlineHtml(html) => tag.find_iter(&html).map(|it| it.as_str()).collect(),
            Event::Start(Tag::Link { dest_url, .. }) => {
                let ours = ["https://git.example/shop/", "https://mergeline.dev/rules/"];
                assert!(ours.iter().any(|known| dest_url.starts_with(known)), "{dest_url}");
                "link".to_owned()
            }
            Event::Start(Tag::CodeBlock(kind)) => format!("{kind:?}"),
            Event::Start(tag) => format!("{tag:?}"),
            other => format!("{other:?}"),
        };
        if node != "text" || nodes.last() != Some(&node) {
            nodes.push(node);
        }
    }
    nodes
}

/// Pieces that mean something to CommonMark, to a host or to a runner.
fn hostile() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "`",
        "``",
        "```",
        "~~~",
        "\n",
        "\r\n",
        "\n\n",
        " ",
        "    ",
        "\t",
        "<b>",
        "<!-- mergeline:review -->",
        "-->",
        "</details>",
        "<details>",
        "<script>",
        "[a](http://x.y)",
        "![i](u)",
        "[x]: http://u",
        "*",
        "**",
        "_",
        "~~",
        "|",
        "\\",
        "\\|",
        "@alice",
        "#12",
        "$x$",
        "$$",
        "&lt;",
        "&#64;",
        "https://a.b",
        "www.a.b",
        "<http://a.b>",
        "a@b.c",
        "\u{202e}",
        "\u{200b}",
        "- [ ] ",
        "1. ",
        "> ",
        "# ",
        "---",
        "===",
        "/close",
        "\n/close",
        "::error::x",
        "##[error]",
        "[^1]",
        "{#id}",
        "é",
        "漢",
        "x",
        "0",
        "(",
        ")",
        "]",
        "[",
        "!",
        "^",
        "-",
        "+",
    ]);
    // A last letter, because a node of nothing but white space would be no node.
    prop::collection::vec(pieces, 0..6).prop_map(|pieces| pieces.concat() + "x")
}

fn check_outside(text: &str) {
    let mut fence: Option<usize> = None;
    let (mut opened, mut closed) = (0, 0);
    for line in text.lines() {
        let ticks = line.bytes().take_while(|b| *b == b'`').count();
        match fence {
            None if ticks >= 3 => fence = Some(ticks),
            Some(open) if ticks >= open && line.len() == ticks => fence = None,
            _ => assert!(!line.starts_with('/'), "a quick action: {line}"),
        }
        opened += usize::from(fence.is_none() && line.starts_with("<details>"));
        closed += usize::from(fence.is_none() && line == "</details>");
        assert!(!line.contains("<!--"), "a marker: {line}");
    }
    assert_eq!(fence, None, "an open fence");
    assert_eq!(opened, closed, "an open section");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn foreign_text_adds_no_node_to_the_template(texts in prop::collection::vec(hostile(), 40)) {
        let mut at = 0;
        let hostile = filled(4, &mut || { at += 1; format!("{}{at}x", texts[at % texts.len()]) });
        let mut at = 0;
        let benign = filled(4, &mut || { at += 1; format!("x{at}x") });
        let text = comment(&hostile, &LOCAL);
        check_outside(&text);
        prop_assert_eq!(nodes(&text), nodes(&comment(&benign, &LOCAL)));
    }

    #[test]
    fn every_report_is_within_the_limit_and_names_or_counts_every_object(
        texts in prop::collection::vec(hostile(), 20),
        objects in 0usize..120,
        most in 200usize..40_000,
        bytes in any::<bool>(),
    ) {
        let mut at = 0;
        let report = filled(objects, &mut || { at += 1; texts[at % texts.len()].clone() });
        let unit = if bytes { TextUnit::Bytes } else { TextUnit::Characters };
        let text = comment(&report, &Limits { comment: most, unit, ..LOCAL });
        let size = if bytes { text.len() } else { text.chars().count() };
        prop_assert!(size <= most, "{size} > {most}");
        check_outside(&text);
        if most > 20_000 && objects > 0 {
            let named = text.matches("<summary>").count() > 0;
            let counted = text.contains("their names do not fit") || text.contains("names of all changed objects do not fit");
            prop_assert!(named || counted);
        }
    }
}

#[test]
fn objects_whose_names_do_not_fit_are_counted_by_environment_unit_and_kind() {
    let redactor = Redactor::new();
    let mut report = sample::review();
    let template = report.changes.changes[0].clone();
    report.changes.changes = (0..3000)
        .map(|at| {
            let mut change = template.clone();
            change.object.name = format!("an-object-with-a-rather-long-name-{at}");
            change.lines[0].text = redactor.text(&at.to_string());
            change
        })
        .collect();
    let text = comment(&report, &LOCAL);
    assert!(text.contains("- dev · web: 3000 Deployment\n"), "{}", &text[..3000]);
    assert!(text.chars().count() <= LOCAL.comment);
    report.changes.changes.truncate(600);
    let text = comment(&report, &LOCAL);
    for at in [0, 299, 599] {
        assert!(text.contains(&format!("an-object-with-a-rather-long-name-{at}")), "{at}");
    }
    assert!(text.contains("named above does not fit here"));
}

#[test]
fn what_is_the_same_at_several_places_is_one_line_and_errors_come_before_all() {
    let mut report = sample::review();
    report.findings.clear();
    for name in ["dev", "staging", "prod"] {
        let mut finding = Finding::error("removed-api", "it is gone").at(Place::at(format!("{name}.yaml"), 1, 1));
        finding.environments = vec![name.to_owned()];
        report.findings.push(finding);
    }
    report.findings.extend((0..9).map(|at| Finding::error("schema", format!("wrong {at}"))));
    report.findings.extend((0..9).map(|at| Finding::warning("risk", format!("risky {at}"))));
    let text = comment(&report.judged(FailOn::Error), &LOCAL);
    let first = text.split("\n<details>").next().unwrap();
    let folded = first.lines().find(|line| line.contains("it is gone")).unwrap();
    assert!(folded.contains(" and 2 more places") && folded.contains("dev, staging, prod"), "{folded}");
    assert!(first.matches("**Error**").count() > 4 && first.contains("**Warning** risky 0"), "{first}");
    assert!(text.contains("<b>Findings</b> · 21") && text.contains("prod.yaml"), "{text}");
}

#[test]
fn the_first_screen_has_at_most_25_lines() {
    let mut at = 0;
    let report = filled(60, &mut || {
        at += 1;
        format!("x{}", at % 37)
    });
    let text = comment(&report, &LOCAL);
    let first = text.split("\n<details>").next().unwrap();
    assert!(first.lines().count() <= 25, "{}\n{first}", first.lines().count());
    for word in ["**Error**", "**Failed**", "**Deletes**", "**Warning**", "**Image**"] {
        assert!(first.contains(word), "{word}\n{first}");
    }
}

/// Every text for people that is made of a report, by the name of its receiver: what it is within, and how that counts.
fn written(report: &Report) -> Vec<(&'static str, String, usize, TextUnit)> {
    use crate::host::limits::{GITEA, GITHUB, GITLAB};
    let mut all = Vec::new();
    assert_eq!((GITHUB.comment, GITHUB.unit), (LOCAL.comment, LOCAL.unit), "the local host takes what GitHub takes");
    for (name, limits) in [("GitHub", GITHUB), ("GitLab", GITLAB), ("Gitea", GITEA)] {
        all.push((name, comment(report, &limits), limits.comment, limits.unit));
        all.push((name, change_summary(report, limits.body, limits.unit), limits.body, limits.unit));
        if let Some(most) = limits.check.filter(|most| *most != limits.comment) {
            all.push((name, comment(report, &Limits { comment: most, ..limits }), most, limits.unit));
        }
        for it in report.remarks.iter().flatten() {
            all.push((name, remark(it, report, limits.suggestion), limits.comment, limits.unit));
        }
    }
    all.push(("step summary", summary(report), 1 << 20, TextUnit::Bytes));
    all
}

/// Findings of the report as remarks; the lines are what may be offered to take over: one line that holds nothing hidden.
fn with_remarks(mut report: Report, foreign: &mut dyn FnMut() -> String) -> Report {
    let mut line = || {
        let line = foreign();
        if escape::may_be_offered(&line) { line } else { "x".to_owned() }
    };
    let remark = |(at, finding): (usize, &Finding)| crate::report::LineFinding {
        finding: finding.clone(),
        path: "a.yaml".to_owned(),
        line: 3,
        now: line(),
        instead: (at % 2 == 0).then(&mut line),
    };
    report.remarks = Some(report.findings.iter().enumerate().take(4).map(remark).collect());
    report
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn foreign_text_adds_no_node_to_anything_that_people_read(texts in prop::collection::vec(hostile(), 40)) {
        let mut at = 0;
        let mut foreign = || { at += 1; format!("{}{at}x", texts[at % texts.len()]) };
        let hostile = filled(4, &mut foreign);
        let hostile = with_remarks(hostile, &mut foreign);
        let mut at = 0;
        let mut foreign = || { at += 1; format!("x{at}x") };
        let benign = filled(4, &mut foreign);
        let benign = with_remarks(benign, &mut foreign);
        for ((name, hostile, ..), (_, benign, ..)) in written(&hostile).iter().zip(written(&benign)) {
            check_outside(hostile);
            let outside = |text: &str| nodes(text);
            prop_assert_eq!(outside(hostile), outside(&benign), "{}", name);
        }
    }
}

/// `MERGELINE_SEED` repeats a run, `MERGELINE_REPORTS` says how many reports there are.
#[test]
fn a_thousand_reports_are_within_every_limit_and_name_or_count_every_object_on_a_short_first_screen() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seed = number("MERGELINE_SEED").unwrap_or(20_260);
    let pieces = ["`", "```", "\n", "<b>", "|", "@a", "漢字", "é", "](", "&", "a", "long-name-", "/x", "*", "🦀"];
    for report in 0..number("MERGELINE_REPORTS").unwrap_or(1_000) {
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(report + 1);
        let mut random = |below: usize| {
            // xorshift64*
            state ^= state >> 12;
            state ^= state << 25;
            state ^= state >> 27;
            usize::try_from(state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33).unwrap() % below
        };
        let objects = match report % 250 {
            0 => 100 + random(500),
            1..15 => random(60),
            _ => random(8),
        };
        let longest = if report % 7 == 0 { 60 } else { 4 };
        let mut foreign = || (0..random(longest)).map(|_| pieces[random(pieces.len())]).collect::<String>();
        let mut made = filled(objects, &mut foreign);
        for (at, change) in made.changes.changes.iter_mut().enumerate() {
            change.object.name = format!("named-{at}-here");
        }
        let told = format!("seed {seed}, report {report}, {objects} objects");
        for (name, text, most, unit) in written(&made) {
            let size = if unit == TextUnit::Bytes { text.len() } else { text.chars().count() };
            assert!(size <= most, "{told}: {size} > {most} on {name}");
            check_outside(&text);
            let counted = text.contains("names of all changed objects do not fit")
                || text.contains("their names do not fit here");
            let named = |change: &Change| text.contains(&change.object.name);
            assert!(counted || made.changes.changes.iter().all(named), "{told}: an object is missing on {name}");
            if text.starts_with("### ") {
                let first = text.split("\n<details>").next().unwrap().split("\nThe names of all").next().unwrap();
                assert!(first.lines().count() <= 25, "{told}: {} lines on {name}:\n{first}", first.lines().count());
            }
        }
    }
}
