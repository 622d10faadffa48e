//! kubeconform's flags, so that scripts that call it can call `mergeline validate`.
//!
//! Go's flags have one dash: those of kubeconform's names are read with two. Each has its equivalent here, does nothing
//! because there is nothing to do, or is refused with what to use instead. Decided by kubeconform 0.8 (`pkg/config`); the
//! table for people is in `docs/validate.md`.

use crate::failure::{Failure, Result};
use crate::review::Strictness;
use crate::validate::Unknown;
use clap::Args;
use std::ffi::OsString;
use std::path::PathBuf;

/// kubeconform's flags of more than one letter.
const NAMES: [&str; 14] = [
    "cache",
    "debug",
    "exit-on-error",
    "ignore-filename-pattern",
    "ignore-missing-schemas",
    "insecure-skip-tls-verify",
    "kubernetes-version",
    "output",
    "reject",
    "schema-location",
    "skip",
    "strict",
    "summary",
    "verbose",
];

/// Flags that are there for those who come from kubeconform.
#[derive(Debug, Default, Args)]
pub(crate) struct Kubeconform {
    /// Refuse fields that the server does not know: the default
    #[arg(long, hide = true)]
    pub(crate) strict: bool,
    #[arg(long, hide = true, value_name = "X.Y.Z", conflicts_with = "kubernetes")]
    pub(crate) kubernetes_version: Option<String>,
    #[arg(long, hide = true)]
    pub(crate) ignore_missing_schemas: bool,
    #[arg(long, hide = true, value_name = "REGEX")]
    pub(crate) ignore_filename_pattern: Vec<String>,
    #[arg(long, hide = true, value_name = "TEMPLATE")]
    pub(crate) schema_location: Vec<String>,
    #[arg(long, hide = true)]
    pub(crate) insecure_skip_tls_verify: bool,
    // What follows asks for nothing that would not be done.
    #[arg(long, hide = true)]
    summary: bool,
    #[arg(long, hide = true)]
    exit_on_error: bool,
    #[arg(long, hide = true)]
    debug: bool,
    #[arg(long, hide = true, value_name = "DIR")]
    cache: Option<PathBuf>,
    #[arg(short = 'n', hide = true, value_name = "COUNT")]
    workers: Option<u32>,
}

impl Kubeconform {
    /// Refuses what cannot be done here.
    ///
    /// # Errors
    /// Usage, with what to do instead.
    pub(crate) fn check(&self) -> Result<()> {
        if self.insecure_skip_tls_verify {
            return Err(Failure::usage(
                "`--insecure-skip-tls-verify` is not supported: certificates are always verified",
            )
            .hint("leave it out: the schemas of Kubernetes are bundled, and nothing is fetched for them"));
        }
        Ok(())
    }

    /// With what its flags ask for, where ours do not.
    pub(crate) fn strictness(&self, mut asked: Strictness) -> Strictness {
        asked.schemas.extend(self.schema_location.iter().cloned());
        asked.unknown = asked.unknown.or(self.ignore_missing_schemas.then_some(Unknown::Ignore));
        asked
    }

    /// The Kubernetes version: `master` is what is newest.
    pub(crate) fn kubernetes(&self) -> Option<String> {
        self.kubernetes_version.clone().filter(|version| version != "master")
    }
}

/// kubeconform's formats that have another name here.
pub(crate) fn format(text: &str) -> Result<String> {
    match text {
        "pretty" => Ok("text".to_owned()),
        "tap" => Err(Failure::usage("`--output tap`: `tap` is no format").hint("`junit` is what most CI systems read")),
        _ => Ok(text.to_owned()),
    }
}

/// The arguments of the process with kubeconform's flags in the form of ours, where the command is `validate`.
pub(crate) fn translate(arguments: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = arguments.into_iter().collect();
    // The first word that is no flag and no value of one.
    let values = ["-C", "--directory", "--color"];
    let command = (1..arguments.len()).find(|at| {
        let of_flag = values.iter().any(|flag| arguments[at - 1] == **flag);
        !of_flag && !arguments[*at].to_string_lossy().starts_with('-')
    });
    let Some(command) = command.filter(|at| arguments[*at] == "validate") else { return arguments };
    for argument in arguments.iter_mut().skip(command + 1) {
        if argument == "--" {
            break;
        }
        let Some(flag) = argument.to_str().and_then(|text| text.strip_prefix('-')) else { continue };
        let (name, value) = flag.split_once('=').map_or((flag, None), |(name, value)| (name, Some(value)));
        if !NAMES.contains(&name) {
            continue;
        }
        *argument = match value {
            // Go's flags may be told to be on.
            Some("true") => format!("--{name}").into(),
            _ => format!("--{flag}").into(),
        };
    }
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    fn translated(line: &str) -> String {
        let words = translate(line.split(' ').map(OsString::from));
        words.iter().map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn flags_of_one_dash_are_read_for_validate_alone() {
        let line = "mergeline -C validate validate -strict -summary -output json -kubernetes-version=1.30.0 -n 8 -strict=true a.yaml";
        let ours = "mergeline -C validate validate --strict --summary --output json --kubernetes-version=1.30.0 -n 8 --strict a.yaml";
        assert_eq!(translated(line), ours);
        for same in ["mergeline review -strict", "mergeline validate -vq -", "mergeline validate -- -strict"] {
            assert_eq!(translated(same), same);
        }
    }
}
