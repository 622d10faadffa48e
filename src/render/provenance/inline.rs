//! Documents that are written inside a string of a kustomization, with their places in the file.

use crate::manifest::yaml::{self, Budget, Dialect};
use crate::manifest::{Source, Value};
use crate::render::kustomize::{Block, place_all};

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
