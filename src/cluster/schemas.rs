//! What a cluster says of its kinds, as a file of schemas.

use super::Cluster;
use crate::failure::{Failure, Result};
use crate::manifest::TypeKey;
use crate::schema::{Catalog, condense};
use serde_json::Value;

/// The schemas of a cluster's kinds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PulledSchemas {
    /// The file: JSON that `validate.schemas` takes.
    pub text: String,
    /// How many kinds it describes.
    pub kinds: usize,
    /// The cluster's version.
    pub version: String,
}

/// Reads the schemas of the kinds that a cluster serves and that are not bundled: those of CustomResourceDefinitions and of
/// aggregated API servers; with `all`, Kubernetes' own as well.
///
/// # Errors
/// When the cluster cannot be reached or says what is no OpenAPI.
pub async fn pull_schemas(cluster: &dyn Cluster, all: bool) -> Result<PulledSchemas> {
    let version = cluster.version().await?;
    let parse = |text: &String| {
        serde_json::from_str(text)
            .map_err(|error| Failure::remote("the cluster's OpenAPI cannot be read").because(error))
    };
    let documents = cluster.openapi().await?.iter().map(parse).collect::<Result<Vec<Value>>>()?;
    let bundled = Catalog::bundled(&version).or_else(|_| Catalog::bundled(Catalog::newest()));
    let bundled = bundled.map_err(|unknown| Failure::bug("a bundled version is not known").because(unknown))?;
    let condensed = condense(&documents, &version, &|key: &TypeKey| all || bundled.kind(key).is_none());
    let kinds = condensed["kinds"].as_array().map_or(0, Vec::len);
    let mut text = serde_json::to_string_pretty(&condensed)
        .map_err(|error| Failure::bug("schemas cannot be written").because(error))?;
    text.push('\n');
    Ok(PulledSchemas { text, kinds, version })
}
