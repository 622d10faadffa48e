//! Texts that are written inside a string of a kustomization, with their places in the file.

use super::node::{Entry, Kind, Node};
use crate::manifest::{Data, Origin, Source, Value};
use std::sync::Arc;

/// A literal block: where each line of its content begins in the file.
pub(in crate::render) struct Block {
    source: Arc<Source>,
    /// By line: the first byte of the content and that of the file.
    lines: Vec<(u32, u32)>,
}

impl Block {
    /// Finds the lines of `content` one after the other in the text behind `origin`, all with one indentation.
    pub(in crate::render) fn find(origin: &Origin, content: &str) -> Option<Self> {
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

    /// Gives every node of a document of the content its place in the file.
    pub(in crate::render) fn shift(&self, value: &mut Value) {
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

/// Gives the nodes of a document that stands inside `text` their places in the file: each its own where the text is a
/// literal block, that of the text elsewhere.
pub(super) fn place_nodes(nodes: &mut [Node], content: &str, origin: Option<&Origin>) {
    let block = origin.and_then(|origin| Block::find(origin, content));
    for node in nodes {
        place(node, &mut |place| match &block {
            Some(block) => block.moved(place),
            None => *place = origin.cloned(),
        });
    }
}

fn place(node: &mut Node, moved: &mut dyn FnMut(&mut Option<Origin>)) {
    moved(&mut node.origin);
    match &mut node.kind {
        Kind::Scalar(_) => {}
        Kind::List(items) => Arc::make_mut(items).iter_mut().for_each(|item| place(item, moved)),
        Kind::Map(entries) => {
            for Entry { key, value } in Arc::make_mut(entries) {
                moved(&mut key.origin);
                place(value, moved);
            }
        }
    }
}
