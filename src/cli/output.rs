//! Where results go: `--output FORMAT[=PATH]`, the files that a CI gives its jobs, and the exit code.

use super::print;
use crate::failure::{Failure, Result};
use crate::finding::Severity;
use crate::host::limits;
use crate::report::annotations::{break_commands, break_commands_in_json, break_commands_in_markup};
use crate::report::board::{self, Row};
use crate::report::{self, Format, Output, Report, Verdict};
use jiff::Timestamp;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The longest step summary that a job may leave.
const STEP_SUMMARY: u64 = 1 << 20;

/// How long a command took; nothing where `SOURCE_DATE_EPOCH` asks for the same bytes of each run.
pub(crate) fn elapsed(started: Instant) -> Duration {
    if std::env::var_os("SOURCE_DATE_EPOCH").is_some() { Duration::ZERO } else { started.elapsed() }
}

/// Where the results of one command go.
#[derive(Debug, Clone)]
pub(crate) struct Outputs {
    outputs: Vec<Output>,
    folder: PathBuf,
    colours: bool,
}

impl Outputs {
    /// Reads the values of `--output`; none is text on standard output. Relative paths are below `folder`.
    ///
    /// # Errors
    /// Usage for a format that is not there, and for formats that cannot share standard output.
    pub(crate) fn parse(texts: &[String], folder: &Path, colours: bool) -> Result<Self> {
        let parse = |text: &String| {
            text.parse::<Output>().map_err(|error| Failure::usage(format!("`--output {text}`: {error}")))
        };
        let mut outputs = texts.iter().map(parse).collect::<Result<Vec<_>>>()?;
        if outputs.is_empty() {
            outputs.push(Output { format: Format::Text, path: None });
        }
        let shown: Vec<Format> = outputs.iter().filter(|it| it.path.is_none()).map(|it| it.format).collect();
        // A job's log takes text and workflow commands together; what a machine reads stands alone.
        let log = shown.iter().all(|format| matches!(format, Format::Text | Format::Github));
        if shown.len() > 1 && !log {
            return Err(Failure::usage(
                "only one `--output` can go to standard output, or `text` and `github` together",
            )
            .hint("give the others a file: `--output json=report.json`"));
        }
        Ok(Self { outputs, folder: folder.to_owned(), colours })
    }

    /// Whether results on standard output are for a machine: then nothing else may go there.
    #[must_use]
    pub(crate) fn for_machine(&self) -> bool {
        self.outputs.iter().any(|output| output.path.is_none() && output.format != Format::Text)
    }

    /// Whether an output has this format.
    #[must_use]
    pub(crate) fn has(&self, format: Format) -> bool {
        self.outputs.iter().any(|output| output.format == format)
    }

    /// The first file that gets this format.
    #[must_use]
    pub(crate) fn file(&self, format: Format) -> Option<PathBuf> {
        let mut outputs = self.outputs.iter().filter(|output| output.format == format);
        outputs.find_map(|output| output.path.as_ref()).map(|path| self.folder.join(path))
    }

    /// Writes the report everywhere and gives the exit code of its verdict.
    ///
    /// # Errors
    /// When something cannot be written.
    pub(crate) fn write(&self, report: &Report) -> Result<u8> {
        for Output { format, path } in &self.outputs {
            let colours = self.colours && path.is_none();
            let text = self::text(report, *format, colours, path.is_some())?;
            match path {
                Some(path) => write_file(&self.folder.join(path), text.as_bytes())?,
                None => drop(print::data(&text)?),
            }
        }
        Ok(exit_code(report))
    }
}

impl Outputs {
    /// Writes the board of environments everywhere.
    ///
    /// # Errors
    /// When something cannot be written, or a format has no board.
    pub(crate) fn write_board(&self, rows: &[Row], now: Timestamp) -> Result<()> {
        for Output { format, path } in &self.outputs {
            let text = match format {
                Format::Text => break_commands(&board::text(rows, now)),
                Format::Json => for_log(board::json(rows), *format),
                Format::Markdown => for_log(board::markdown(rows, now), *format),
                Format::Github | Format::Junit | Format::Gitlab | Format::Html | Format::Sarif => {
                    return Err(Failure::usage(format!("the board of environments has no format `{format}`"))
                        .hint("it has text, json and markdown"));
                }
            };
            match path {
                Some(path) => write_file(&self.folder.join(path), text.as_bytes())?,
                None => drop(print::data(&text)?),
            }
        }
        Ok(())
    }
}

/// The exit code of a verdict (DESIGN §3).
#[must_use]
pub(crate) fn exit_code(report: &Report) -> u8 {
    u8::from(report.verdict == Verdict::Fail)
}

/// The report in a format.
///
/// # Errors
/// When it cannot be made: a defect.
pub(crate) fn text(report: &Report, format: Format, colours: bool, to_file: bool) -> Result<String> {
    let text = match format {
        Format::Text => report::text::text(report, colours),
        Format::Json => report::json::json(report),
        // A file has the room of a step summary, a terminal that of a comment.
        Format::Markdown if to_file => report::markdown::summary(report),
        Format::Markdown => report::markdown::comment(report, &limits::LOCAL),
        Format::Github => report::annotations::annotations(report),
        Format::Junit => report::junit::junit(report),
        Format::Gitlab => report::code_quality::code_quality(report),
        Format::Html => report::html::html(report).map_err(|error| Failure::bug(error.to_string()))?,
        Format::Sarif => report::sarif::sarif(report),
    };
    Ok(if to_file { text } else { for_log(text, format) })
}

/// The same for standard output, which may be the log of a job: nothing of it is a workflow command but ours.
fn for_log(text: String, format: Format) -> String {
    match format {
        // These are made for it.
        Format::Text | Format::Github => text,
        Format::Markdown => break_commands(&text),
        Format::Json | Format::Gitlab | Format::Sarif => break_commands_in_json(&text),
        Format::Html | Format::Junit => break_commands_in_markup(&text),
    }
}

/// Writes a file whole or not at all. What is no regular file (`/dev/stdout`, a pipe) is written to as it is.
///
/// # Errors
/// When the file cannot be written.
pub(crate) fn write_file(path: &Path, bytes: &[u8]) -> Result<()> {
    let cannot = |error: std::io::Error| Failure::usage(format!("cannot write `{}`", path.display())).because(error);
    if path.metadata().is_ok_and(|file| !file.is_file()) {
        return File::options().write(true).open(path).and_then(|mut file| file.write_all(bytes)).map_err(cannot);
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o644));
    }
    let mut file = builder.prefix(".mergeline-").tempfile_in(folder).map_err(cannot)?;
    file.write_all(bytes).map_err(cannot)?;
    file.persist(path).map(drop).map_err(|error| cannot(error.error))
}

/// Where a CI job takes what it shows beside the log.
#[derive(Debug, Clone, Default)]
pub(crate) struct CiFiles {
    /// The step's summary.
    pub(crate) summary: Option<PathBuf>,
    /// The step's outputs.
    pub(crate) values: Option<PathBuf>,
    /// Where the JSON report of this run was written.
    pub(crate) report: Option<PathBuf>,
    /// Where the report as a page was written.
    pub(crate) html: Option<PathBuf>,
}

/// Gives a CI job its step summary and outputs: `verdict`, `findings`, `errors`, `changes`, `deletions` and, where there are
/// such files, `report` and `report-html`.
///
/// A run that failed has the verdict `error`, whatever it found before. The summary is appended as far as the whole file stays
/// within what the CI takes; what would not fit is not begun.
///
/// # Errors
/// When a file cannot be written.
pub(crate) fn write_ci_files(report: Option<&Report>, failure: Option<&Failure>, files: &CiFiles) -> Result<()> {
    if let Some(path) = &files.summary {
        let there = path.metadata().map_or(0, |file| file.len());
        let mut text = String::new();
        if let Some(failure) = failure {
            text += &format!("{}\n", report::markdown::failure(failure));
        }
        if let Some(report) = report.filter(|report| failure.is_none() || report.verdict != Verdict::Nothing) {
            text += &format!("{}\n", report::markdown::summary(report));
        }
        if there + text.len() as u64 <= STEP_SUMMARY {
            append(path, &text)?;
        } else {
            print::note("warning: the step summary is full, so this report is not in it");
        }
    }
    if let Some(path) = &files.values {
        let verdict = report.map(|report| report.verdict.word()).filter(|_| failure.is_none()).unwrap_or("error");
        let mut lines = vec![("verdict", verdict.to_owned())];
        if let Some(report) = report {
            lines.extend([
                ("findings", report.findings.len().to_string()),
                ("errors", report.count(Severity::Error).to_string()),
                ("changes", report.changes.changes.len().to_string()),
                ("deletions", report.deletions().to_string()),
            ]);
        }
        let written = [("report", &files.report), ("report-html", &files.html)];
        lines.extend(written.into_iter().filter_map(|(name, path)| Some((name, path.as_ref()?.display().to_string()))));
        let one_line = |text: &str| text.replace(['\n', '\r'], " ");
        append(path, &lines.iter().map(|(name, value)| format!("{name}={}\n", one_line(value))).collect::<String>())?;
    }
    Ok(())
}

fn append(path: &Path, text: &str) -> Result<()> {
    let file = OpenOptions::new().append(true).create(true).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| Failure::usage(format!("cannot write `{}`", path.display())).because(error))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn parse(texts: &[&str]) -> Result<Outputs> {
        Outputs::parse(&texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>(), Path::new("/somewhere"), false)
    }

    #[test]
    fn without_an_output_there_is_text_and_only_one_goes_to_standard_output() {
        assert!(parse(&[]).unwrap().has(Format::Text));
        assert!(parse(&["json", "github"]).is_err());
        assert!(parse(&["text", "github"]).is_ok());
        let outputs = parse(&["json=out.json", "github"]).unwrap();
        assert_eq!(outputs.file(Format::Json), Some("/somewhere/out.json".into()));
        assert!(outputs.for_machine());
    }

    #[test]
    fn nothing_on_standard_output_is_a_workflow_command_of_somebody_else() {
        let hostile = "a ##[add-mask]b\n::stop-commands::c\r\n  ::set-output name=d::e";
        let mut report = Report::new("review");
        let object = crate::finding::ObjectRef {
            api_version: hostile.to_owned(),
            kind: hostile.to_owned(),
            namespace: Some(hostile.to_owned()),
            name: hostile.to_owned(),
        };
        let finding = crate::finding::Finding::error("schema", hostile).hint(hostile).about(object).pointer(hostile);
        report.findings.push(finding.at(crate::finding::Place::file(hostile)));
        report.withheld.push(crate::unit::Unit {
            environment: hostile.to_owned(),
            name: hostile.to_owned(),
            path: hostile.to_owned(),
        });
        let operation = crate::operation::Operation::planned(crate::operation::Verb::Push, hostile, hostile);
        report.operations.push(crate::operation::Operation { reason: Some(hostile.to_owned()), ..operation });
        for format in [
            Format::Text,
            Format::Json,
            Format::Markdown,
            Format::Github,
            Format::Junit,
            Format::Gitlab,
            Format::Html,
            Format::Sarif,
        ] {
            let said = text(&report, format, false, false).unwrap();
            let ours = if format == Format::Github { 1 } else { 0 };
            let commands = said.split(['\n', '\r']).filter(|line| line.trim_start().starts_with("::")).count();
            assert_eq!(commands, ours, "{format}: {said}");
            // GitHub's runner looks for these anywhere, but not in what is a command already.
            assert!(format == Format::Github || !said.contains("##["), "{format}: {said}");
        }
        let json = text(&report, Format::Json, false, false).unwrap();
        let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        let (one, other) = (read(&json), read(&report::json::json(&report)));
        assert_eq!(one, other, "the same to a reader");
    }

    #[test]
    fn formats_that_are_not_there_are_refused_by_name() {
        let failure = parse(&["pdf=x"]).unwrap_err();
        assert!(failure.message().contains("`pdf` is no format"), "{failure}");
    }

    #[test]
    fn ci_files_are_appended_to_and_values_stay_on_one_line() {
        let folder = tempfile::tempdir().unwrap();
        let (summary, outputs) = (folder.path().join("summary"), folder.path().join("outputs"));
        std::fs::write(&outputs, "before=1\n").unwrap();
        let path = PathBuf::from("a\nverdict=pass");
        let files =
            CiFiles { summary: Some(summary.clone()), values: Some(outputs.clone()), report: Some(path), html: None };
        write_ci_files(Some(&Report::new("review")), None, &files).unwrap();
        let said = std::fs::read_to_string(&outputs).unwrap();
        let counts = "findings=0\nerrors=0\nchanges=0\ndeletions=0\n";
        assert_eq!(said, format!("before=1\nverdict=nothing\n{counts}report=a verdict=pass\n"));
        assert!(std::fs::read_to_string(&summary).unwrap().contains("Mergeline"));
        std::fs::write(&summary, vec![b'x'; STEP_SUMMARY as usize]).unwrap();
        write_ci_files(
            Some(&Report::new("review")),
            None,
            &CiFiles { summary: Some(summary.clone()), ..CiFiles::default() },
        )
        .unwrap();
        assert_eq!(std::fs::metadata(&summary).unwrap().len(), STEP_SUMMARY);
    }

    #[test]
    fn a_run_that_failed_says_so_in_summary_and_outputs_whatever_it_found() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| Some(folder.path().join(name));
        let files = CiFiles { summary: file("summary"), values: file("outputs"), ..CiFiles::default() };
        let failure = Failure::remote("the host said <b>no</b>\n::error::x").hint("allow it");
        let mut report = Report::new("run");
        report.verdict = Verdict::Pass;
        write_ci_files(Some(&report), Some(&failure), &files).unwrap();
        write_ci_files(None, Some(&failure), &files).unwrap();
        let said = std::fs::read_to_string(folder.path().join("outputs")).unwrap();
        assert_eq!(said.lines().filter(|line| *line == "verdict=error").count(), 2, "{said}");
        let shown = std::fs::read_to_string(folder.path().join("summary")).unwrap();
        assert!(shown.contains("### Mergeline: failed") && shown.contains("allow it"), "{shown}");
        assert!(!shown.contains("<b>") && !shown.lines().any(|line| line.starts_with("::")), "{shown}");
    }

    #[test]
    fn a_file_is_written_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("report.json");
        write_file(&file, b"one").unwrap();
        write_file(&file, b"two").unwrap();
        assert_eq!(std::fs::read(&file).unwrap(), b"two");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(write_file(&folder.path().join("missing/report.json"), b"one").is_err());
    }
}
