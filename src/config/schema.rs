//! The JSON Schema of `mergeline.yaml`, generated from the model.

use super::Model;

/// The schema as the text of `schemas/mergeline.schema.json`.
#[must_use]
pub fn json_schema() -> String {
    let schema = schemars::generate::SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<Model>();
    let mut text = serde_json::to_string_pretty(&schema).expect("because a schema is plain JSON");
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    #[test]
    fn the_schema_in_the_repository_is_current() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/mergeline.schema.json");
        let current = super::json_schema();
        if std::env::var_os("UPDATE_SCHEMAS").is_some() {
            std::fs::write(&path, &current).unwrap();
        }
        let written = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(written == current, "run the tests with UPDATE_SCHEMAS=1 and commit schemas/mergeline.schema.json");
    }
}
