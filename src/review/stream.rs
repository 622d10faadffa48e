//! The verdict on one long stream of objects: a part at a time, so that memory stays bounded whatever its length.
//!
//! The same verdict as on a file of the same documents. Parts without a definition and without kinds that are not bundled are
//! judged as they come and dropped; of the others the text is kept until all definitions are known. What the rules on several
//! objects need is kept of each object ([`validate::Stream`]), and so are the values of Secrets, which must show nowhere.

use super::judge::{self, Judge, Judged, Knowledge};
use super::schemas::Schemas;
use super::silence::Comments;
use super::validate::{Looked, ValidateInput, report};
use crate::diff::Redactor;
use crate::failure::{Failure, Result};
use crate::finding::{Finding, Place};
use crate::manifest::yaml::{Budget, Content, Part, Parts};
use crate::manifest::{Object, Source, TypeKey};
use crate::render::{self, Rendered};
use crate::report::Report;
use crate::schema::{Catalog, Lookup};
use crate::unit::Unit;
use crate::validate::{self, Options, Stream};
use rayon::prelude::*;
use std::collections::{BTreeSet, VecDeque};
use std::io::Read;
use std::sync::Arc;

/// Bytes from which on a part ends with its document.
const PART: usize = 256 << 10;
/// Parts for each thread that are read before they are judged.
const AHEAD: usize = 4;

/// Judges the YAML documents of `stream`, which is the only unit of `input`. The tree of `input` holds nothing but schemas.
///
/// # Errors
/// As for [`super::review`], and when the stream cannot be read.
pub fn validate_stream(input: ValidateInput<'_>, stream: &mut (dyn Read + Send)) -> Result<Report> {
    validate_parts(input, stream, PART)
}

fn validate_parts(input: ValidateInput<'_>, stream: &mut (dyn Read + Send), part: usize) -> Result<Report> {
    let Some(unit) = input.units.first().cloned() else { return super::validate(input) };
    let (catalogs, versions) = judge::catalogs(input.kubernetes.as_deref(), input.config)?;
    let options = Options { whole: false, ..input.strictness.options(input.config) };
    let look = Look { unit: &unit, input: &input, catalog: catalogs.of(&unit.environment), options: &options };
    let mut reader = Reader::new(stream, part, &input.render.budget);
    let mut all = All { redactor: super::redactor(input.config, &input.secrets), ..All::default() };
    let mut next = reader.take()?;
    while !next.is_empty() {
        let (seen, following) =
            rayon::join(|| next.par_iter().map(|part| look.at(part)).collect::<Vec<_>>(), || reader.take());
        seen.into_iter().for_each(|seen| all.add(seen));
        next = following?;
        if all.documents > input.render.budget.documents {
            all.looked.findings.push(too_many(&unit, input.render.budget.documents));
            break;
        }
    }
    let All { mut looked, redactor, comments, samples, mut stream, waiting, objects, .. } = all;
    if objects == 0 && looked.findings.is_empty() {
        looked.findings.push(render::nothing_in(&unit));
    }
    let mut judge = Judge::new(catalogs, &Knowledge::default(), &[(&unit, &samples)]);
    let (schemas, mut findings) = Schemas::of(&input.strictness.schemas, input.config, input.tree, input.download);
    findings.extend(schemas.teach(&mut judge, &options)?);
    let catalog = judge.catalog(&unit.environment);
    for parts in waiting.chunks(AHEAD * rayon::current_num_threads()) {
        let judged = parts.par_iter().map(|(number, source)| {
            let Rendered { objects, .. } = render::render_part(source, &unit, &input.render);
            (*number, validate::Part::judge(&objects, catalog, &options))
        });
        judged.collect::<Vec<_>>().into_iter().for_each(|(number, part)| stream.add(number, part));
    }
    let mut judged = Judged::default();
    judged.findings.extend(judge.problems_of(&unit));
    judged.add(&unit, objects, stream.finish(catalog, &options));
    let findings = versions.into_iter().chain(findings).collect();
    report(input, findings, looked, judged, &judge, &redactor, comments)
}

/// What every part is looked at with.
struct Look<'a> {
    unit: &'a Unit,
    input: &'a ValidateInput<'a>,
    catalog: &'a Catalog,
    options: &'a Options,
}

/// What was seen in a part.
struct Seen {
    looked: Looked,
    redactor: Redactor,
    comments: Comments,
    /// Definitions, and the first object of each kind that is not known.
    samples: Vec<Object>,
    objects: usize,
    documents: usize,
    /// Nothing where it must wait.
    judged: Option<validate::Part>,
    source: Option<Arc<Source>>,
}

impl Look<'_> {
    fn at(&self, part: &Part) -> Seen {
        let path = self.unit.path.as_str();
        let mut seen = Seen {
            looked: Looked::default(),
            redactor: super::redactor(self.input.config, &[]),
            comments: Comments::default(),
            samples: Vec::new(),
            objects: 0,
            documents: 0,
            judged: None,
            source: None,
        };
        let broken = |message: String| {
            let finding = Finding::error("yaml-syntax", message);
            judge::of(self.unit, finding.at(Place::at(path, part.lines_before.saturating_add(1), 1)))
        };
        let bytes = match &part.content {
            Content::Text(bytes) => bytes,
            Content::TooLong => {
                let most = self.input.render.budget.bytes;
                let mut finding = broken(format!("the document holds more than {most} bytes of text"));
                finding.rule = "yaml-budget".into();
                seen.looked.findings.push(finding);
                return seen;
            }
        };
        let Ok(text) = std::str::from_utf8(bytes) else {
            seen.looked.findings.push(broken("the documents from here on are no UTF-8 text".to_owned()));
            return seen;
        };
        seen.comments.read(path, text, part.lines_before);
        let source = Source::part(path, text, part.lines_before);
        let rendered = render::render_part(&source, self.unit, &self.input.render);
        let objects = &rendered.objects;
        seen.redactor.learn(objects);
        // Whatever part cannot be read: the stream is one file.
        if crate::diff::redact::makes_secrets(text) {
            seen.redactor.hide_file(path);
        }
        seen.looked = Looked::at(self.unit, &rendered, &self.input.skip, &self.input.reject, false);
        seen.objects = objects.len();
        seen.documents = objects.len() + rendered.findings.len();
        if judge::waits(objects, self.catalog) {
            seen.samples = samples(objects, self.catalog);
            seen.source = Some(source);
        } else {
            seen.judged = Some(validate::Part::judge(objects, self.catalog, self.options));
        }
        seen
    }
}

/// Definitions, and the first object of each kind that is not known.
fn samples(objects: &[Object], catalog: &Catalog) -> Vec<Object> {
    let mut kinds: BTreeSet<TypeKey> = BTreeSet::new();
    let wanted = |object: &&Object| {
        let key = object.type_key();
        let definition = object.kind() == "CustomResourceDefinition";
        definition || (!matches!(catalog.lookup(&key), Lookup::Known(_)) && kinds.insert(key))
    };
    objects.iter().filter(wanted).cloned().collect()
}

/// What was seen in all parts so far.
#[derive(Default)]
struct All {
    looked: Looked,
    redactor: Redactor,
    comments: Comments,
    samples: Vec<Object>,
    kinds: BTreeSet<TypeKey>,
    stream: Stream,
    /// With the number of the part in the stream.
    waiting: Vec<(usize, Arc<Source>)>,
    parts: usize,
    objects: usize,
    documents: usize,
}

impl All {
    fn add(&mut self, seen: Seen) {
        self.looked.add(seen.looked);
        // Each is bounded in a part; all of them together must be as well.
        self.looked.findings.truncate(Stream::MOST_FINDINGS);
        self.looked.rejected.truncate(Stream::MOST_FINDINGS);
        self.redactor.absorb(seen.redactor);
        self.comments.add(seen.comments);
        let kinds = &mut self.kinds;
        let new = |sample: &Object| sample.kind() == "CustomResourceDefinition" || kinds.insert(sample.type_key());
        self.samples.extend(seen.samples.into_iter().filter(new));
        self.objects += seen.objects;
        self.documents += seen.documents;
        self.waiting.extend(seen.source.map(|source| (self.parts, source)));
        if let Some(judged) = seen.judged {
            self.stream.add(self.parts, judged);
        }
        self.parts += 1;
    }
}

fn too_many(unit: &Unit, documents: usize) -> Finding {
    let finding = Finding::error("yaml-budget", format!("more than {documents} documents in one stream"));
    judge::of(unit, finding.at(Place::file(unit.path.as_str())).hint("reading stopped here; split the stream"))
}

/// Reads a stream part by part.
struct Reader<'a> {
    stream: &'a mut (dyn Read + Send),
    parts: Option<Parts>,
    ready: VecDeque<Part>,
    buffer: Vec<u8>,
}

impl<'a> Reader<'a> {
    fn new(stream: &'a mut (dyn Read + Send), part: usize, budget: &Budget) -> Self {
        let parts = Some(Parts::new(part, budget.bytes));
        Self { stream, parts, ready: VecDeque::new(), buffer: vec![0; part] }
    }

    /// The next parts, some for each thread; none at the end.
    fn take(&mut self) -> Result<Vec<Part>> {
        let wanted = AHEAD * rayon::current_num_threads();
        while self.ready.len() < wanted {
            let Some(parts) = &mut self.parts else { break };
            let count = match self.stream.read(&mut self.buffer) {
                Ok(count) => count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(Failure::usage("cannot read standard input").because(error)),
            };
            self.ready.extend(parts.push(&self.buffer[..count]));
            if count == 0 {
                self.ready.extend(self.parts.take().and_then(Parts::finish));
            }
        }
        let count = self.ready.len().min(wanted);
        Ok(self.ready.drain(..count).collect())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::git::MemoryTree;
    use crate::render::RenderOptions;
    use crate::report::{Links, Verdict};
    use crate::review::Strictness;
    use std::fmt::Write as _;

    fn input<'a>(tree: &'a MemoryTree, definitions: Vec<String>, budget: Budget) -> ValidateInput<'a> {
        ValidateInput {
            tree,
            commit: None,
            units: vec![Unit { environment: "default".into(), name: "stdin".into(), path: "stdin".into() }],
            findings: Vec::new(),
            definitions,
            config: None,
            render: RenderOptions { budget, ..RenderOptions::default() },
            kubernetes: Some("1.36".into()),
            whole: false,
            strictness: Strictness::default(),
            skip: vec!["Lease".into()],
            reject: vec!["Endpoints".into()],
            fail_on: None,
            links: Links::default(),
            download: &crate::download::Offline,
            secrets: Vec::new(),
        }
    }

    fn at_once(text: &str) -> Report {
        let tree = MemoryTree::new().with("stdin", text);
        super::super::validate(input(&tree, vec!["stdin".into()], Budget::default())).unwrap()
    }

    fn in_parts(text: &str, part: usize, budget: Budget) -> Report {
        validate_parts(input(&MemoryTree::new(), Vec::new(), budget), &mut text.as_bytes(), part).unwrap()
    }

    fn map(name: &str, more: &str) -> String {
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n{more}")
    }

    /// Something of everything that is said of objects, the objects that it depends on far apart.
    fn mixed() -> String {
        let mut documents = vec![
            map("twice", "data: {a: hunter2hunter2}\nsurprise: hunter2hunter2\n"),
            "apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: early}\nspec: {size: big}\n".into(),
            "apiVersion: other.example/v1\nkind: Gadget\nmetadata: {name: one}\n".into(),
        ];
        documents.extend((0..40).map(|n| map(&format!("map-{n}"), "data:\n  text: |\n    a\n\n    b\n")));
        documents.extend([
            "# mergeline: ignore unknown-field a webhook makes it known\n".to_owned() + &map("silent", "odd: 1\n"),
            map("loud", "odd: 1 # mergeline: ignore\n"),
            "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {password: hunter2hunter2}\n".into(),
            "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: ConfigMap\n  metadata: {name: twice}\n".into(),
            "a: b: c\n".into(),
            "- no object\n".into(),
            "apiVersion: v1\nkind: Endpoints\nmetadata: {name: rejected}\n".into(),
            "apiVersion: coordination.k8s.io/v1\nkind: Lease\nmetadata: {name: skipped}\nodd: 1\n".into(),
            "apiVersion: apps/v1\nkind: Deploymnt\nmetadata: {name: slip}\n".into(),
            "apiVersion: other.example/v1\nkind: Gadget\nmetadata: {name: two}\n".into(),
            "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: widgets.example.com}\n\
             spec:\n  group: example.com\n  scope: Namespaced\n  names: {kind: Widget, plural: widgets, singular: widget}\n  \
             versions:\n  - name: v1\n    served: true\n    storage: true\n    schema:\n      openAPIV3Schema:\n        \
             type: object\n        properties: {spec: {type: object, properties: {size: {type: integer}}}}\n"
                .into(),
            "apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: late}\nspec: {size: 1, colour: red}\n".into(),
        ]);
        let mut text = String::from("\u{feff}");
        for (number, document) in documents.iter().enumerate() {
            let line_end = if number % 7 == 3 { "---\r\n" } else { "---\n" };
            // A line end of its own before the separator, now and then.
            write!(text, "{document}{}{line_end}", if number % 5 == 0 { "\n" } else { "" }).unwrap();
        }
        text
    }

    #[test]
    fn a_stream_in_parts_is_judged_as_a_file_of_the_same_documents() {
        let text = mixed();
        let whole = at_once(&text);
        let rules: BTreeSet<&str> = whole.findings.iter().map(|finding| finding.rule.as_ref()).collect();
        for rule in [
            "duplicate-object",
            "ignore-comment",
            "not-an-object",
            "rejected-kind",
            "schema",
            "unknown-field",
            "unknown-kind",
            "yaml-syntax",
        ] {
            assert!(rules.contains(rule), "{rule} is not among {rules:?}");
        }
        assert_eq!((whole.verdict, whole.silenced.len()), (Verdict::Fail, 1));
        assert!(!format!("{whole:?}").contains("hunter2hunter2"));
        for part in [1, 64, 200, 1000, text.len() + 1] {
            assert_eq!(in_parts(&text, part, Budget::default()), whole, "parts of {part} bytes");
        }
    }

    #[test]
    fn a_stream_of_nothing_is_no_success() {
        for text in ["", "---\n", "# nothing\n---\n\n"] {
            assert_eq!(in_parts(text, 4, Budget::default()), at_once(text), "{text:?}");
        }
    }

    #[test]
    fn budgets_hold_for_the_stream_and_for_each_document_of_it() {
        let rules = |report: &Report| -> Vec<String> {
            let told = report.findings.iter();
            told.map(|finding| format!("{} {}", finding.rule, finding.place.as_ref().unwrap())).collect()
        };
        let text = format!("{}---\n{}---\n{}", map("a", ""), map("b", &"# long\n".repeat(100)), map("c", "odd: 1\n"));
        let report = in_parts(&text, 16, Budget { bytes: 300, ..Budget::default() });
        assert_eq!(rules(&report), ["yaml-budget stdin:5:1", "unknown-field stdin:115:1"]);
        let many: String = (0..5_000).map(|n| format!("{}---\n", map(&format!("m{n}"), ""))).collect();
        let report = in_parts(&many, 16, Budget { documents: 100, ..Budget::default() });
        assert_eq!(rules(&report), ["yaml-budget stdin"]);
        let bad: String = (0..10_002).map(|n| format!("{}---\n", map(&format!("m{n}"), "odd: 1\n"))).collect();
        let report = in_parts(&bad, 100_000, Budget::default());
        assert_eq!(report.findings.len(), Stream::MOST_FINDINGS + 1);
        assert_eq!(report.findings.last().unwrap().message, "2 more findings in this stream are not shown");
    }
}
