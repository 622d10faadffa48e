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
    let Some(unit) = input.units.first().cloned() else { return super::validate(input) };
    let (catalogs, versions) = judge::catalogs(input.kubernetes.as_deref(), input.config)?;
    let options = Options { whole: false, ..input.strictness.options(input.config) };
    let look = Look { unit: &unit, input: &input, catalog: catalogs.of(&unit.environment), options: &options };
    let mut reader = Reader::new(stream, &input.render.budget);
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
        let judged = parts.par_iter().map(|source| {
            let Rendered { objects, .. } = render::render_part(source, &unit, &input.render);
            validate::Part::judge(&objects, catalog, &options)
        });
        judged.collect::<Vec<_>>().into_iter().for_each(|part| stream.add(part));
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
        if !rendered.findings.is_empty() && crate::diff::redact::makes_secrets(text) {
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
    waiting: Vec<Arc<Source>>,
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
        self.waiting.extend(seen.source);
        if let Some(judged) = seen.judged {
            self.stream.add(judged);
        }
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
    fn new(stream: &'a mut (dyn Read + Send), budget: &Budget) -> Self {
        let parts = Some(Parts::new(PART, budget.bytes));
        Self { stream, parts, ready: VecDeque::new(), buffer: vec![0; PART] }
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
