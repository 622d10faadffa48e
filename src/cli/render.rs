//! `mergeline render`

use super::arguments::{Global, Render};
use super::places::Named;
use super::review::render_options;
use super::{output, print};
use crate::diff::Redactor;
use crate::failure::{Failure, Result};
use crate::manifest::{Value, yaml};
use crate::render;
use crate::report::{FailOn, Report, merge_findings};
use crate::unit::Unit;

/// Renders a folder and prints its objects as they are, Secrets too: what goes to a cluster must be whole.
pub(crate) fn render(global: &Global, command: &Render) -> Result<u8> {
    let folder = global.folder()?;
    let named = Named::open(&folder, std::slice::from_ref(&command.path))?;
    let Some(path) = named.paths().next() else { return Err(Failure::bug("a path was lost")) };
    let unit =
        Unit { environment: render::discover::ENVIRONMENT.to_owned(), name: path.to_owned(), path: path.to_owned() };
    let rendered = render::render(named.tree(), &unit, &render_options())?;
    if rendered.holds_nothing() {
        return Err(Failure::nothing_there(format!("`{}` holds no manifest", command.path.display())));
    }
    // The objects are data; what is said of them goes to logs, where no Secret of the repository may show.
    let mut redactor = Redactor::new();
    redactor.learn(&rendered.objects);
    super::review::secret_variables().iter().for_each(|secret| redactor.learn_secret(secret));
    if !rendered.findings.is_empty() {
        let folders = named.definition_folders();
        let folders: Vec<&str> = folders.iter().map(String::as_str).collect();
        crate::review::teach(named.tree(), &folders, &mut redactor)?;
    }
    redactor.hide_sources(&rendered.findings, |path| named.tree().read(path))?;
    let findings = rendered.findings.into_iter().map(|finding| named.as_seen(redactor.finding(finding))).collect();
    let mut report = Report::new("render");
    report.findings = merge_findings(findings, &[]);
    if !report.findings.is_empty() {
        print::note(crate::report::text::findings(&report, false).trim_end());
    }
    if !rendered.complete {
        return Ok(1);
    }
    let values: Vec<&Value> = rendered.objects.iter().map(crate::manifest::Object::value).collect();
    // As kubectl and kustomize print it.
    print::data(&yaml::print_documents(&values))?;
    Ok(output::exit_code(&report.judged(FailOn::Error)))
}
