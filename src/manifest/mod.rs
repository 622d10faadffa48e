//! Manifests: YAML as the API server reads it, values with origins, objects and their keys, and the YAML writer.
//!
//! Manifests never pass through `serde_json` on their way from file to cluster or branch: it would lose key order,
//! number literals and places. Decided by DESIGN §2 rule 7 and §4 "Reading".

pub mod decode;
pub mod json;
pub mod keep;
mod map;
pub mod object;
pub mod objects;
pub mod source;
pub mod value;
pub mod yaml;

pub use decode::{DecodeError, decode};
pub use json::{from_json, to_json};
pub use object::{NotAnObject, Object, ObjectKey, TypeKey};
pub use objects::objects;
pub use source::{Origin, Source};
pub use value::{Data, Key, Map, Number, Value};
pub use yaml::{Budget, Dialect, Reading};
