//! Documents that are written inside a string of a kustomization, with their places in the file.

use crate::manifest::yaml::{self, Budget, Dialect};
use crate::manifest::{Data, Origin, Source, Value};
use crate::render::kustomize::place_all;
use std::sync::Arc;

/// The documents in a text, with places in the file where the text is a literal block, and that of the text elsewhere.
pub(super) fn documents(text: &Value) -> Vec<Value> {
    let Some(content) = text.as_str().filter(|content| content.contains('\n') || content.contains(": ")) else {
        return Vec::new();
    };
    let inner = Source::new("", content);
    let mut documents = yaml::read(&inner, Dialect::Kustomize, &Budget::default()).documents;
    let block = text.origin.as_ref().and_then(|origin| Block::find(origin, content));
    for document in &mut documents {
        match &block {
            Some(block) => block.shift(document),
            None => place_all(document, text.origin.as_ref()),
        }
    }
    documents
}

/// A literal block: where each line of its content begins in the file.
struct Block {
    source: Arc<Source>,
    /// By line: the first byte of the content and that of the file.
    lines: Vec<(u32, u32)>,
}

impl Block {
    /// Finds the lines of `content` one after the other in the text behind `origin`, all with one indentation.
    fn find(origin: &Origin, content: &str) -> Option<Self> {
        let source = origin.source();
        let (start, _) = origin.span();
        let text = source.text();
        let mut at = start as usize + text.get(start as usize..)?.find('\n')? + 1;
        let mut indent: Option<&str> = None;
        let mut lines = Vec::new();
        let mut inner = 0;
        for line in content.split_inclusive('\n') {
            let bare = line.trim_end_matches('\n');
            let outer = text.get(at..)?.split_inclusive('\n').next()?;
            let shown = outer.trim_end_matches(['\n', '\r']);
            if bare.is_empty() {
                if !shown.trim().is_empty() {
                    return None;
                }
                lines.push((inner, at));
            } else {
                let before = shown.strip_suffix(bare)?;
                if !before.chars().all(|c| c == ' ') || indent.is_some_and(|indent| indent != before) {
                    return None;
                }
                indent = Some(before);
                lines.push((inner, at + before.len()));
            }
            inner += line.len();
            at += outer.len();
        }
        let small = |n: usize| u32::try_from(n).ok();
        let lines =
            lines.into_iter().map(|(inner, outer)| Some((small(inner)?, small(outer)?))).collect::<Option<_>>()?;
        Some(Self { source: Arc::clone(source), lines })
    }

    fn place(&self, byte: u32) -> u32 {
        let index = self.lines.partition_point(|(inner, _)| *inner <= byte).saturating_sub(1);
        self.lines.get(index).map_or(0, |(inner, outer)| outer + (byte - inner))
    }

    fn moved(&self, origin: &mut Option<Origin>) {
        if let Some(inner) = origin.take() {
            let (start, end) = inner.span();
            let start = self.place(start);
            *origin = Some(Origin::new(Arc::clone(&self.source), start, self.place(end).max(start)));
        }
    }

    fn shift(&self, value: &mut Value) {
        self.moved(&mut value.origin);
        match &mut value.data {
            Data::List(items) => items.iter_mut().for_each(|item| self.shift(item)),
            Data::Map(map) => {
                let entries = std::mem::take(map);
                *map = entries
                    .into_iter()
                    .map(|(mut key, mut item)| {
                        self.moved(&mut key.origin);
                        self.shift(&mut item);
                        (key, item)
                    })
                    .collect();
            }
            _ => {}
        }
    }
}
