//! `mergeline run`, and what the commands on environments share.

use super::arguments::{Global, HostFlags, Judging, Run};
use super::output::{self, CiFiles, Outputs};
use super::print;
use crate::event::Surroundings;
use crate::failure::{Failure, Result};
use crate::operation::Verb;
use crate::report::{self, Format, Report};
use crate::run::{Ran, ReconcileOptions, Session, Setting};
use std::path::PathBuf;

/// Reads the CI's event and does the right thing.
pub(crate) async fn run(global: &Global, command: Run) -> Result<u8> {
    let outputs = Outputs::parse(&command.judging.outputs, &global.folder()?, global.colours())?;
    let surroundings = surroundings()?;
    let ran = match obey(global, &command, surroundings.clone()).await {
        Ok(ran) => ran,
        Err(failure) => {
            tell_ci(&surroundings, &outputs, None, Some(&failure))?;
            return Err(failure);
        }
    };
    if let Some(why) = &ran.nothing {
        print::note(&format!("nothing to do: {why}"));
    }
    let code = outputs.write(&ran.report)?;
    if !ran.board.is_empty() {
        print::note(&report::board::text(&ran.board, jiff::Timestamp::now()));
    }
    tell_ci(&surroundings, &outputs, Some(&ran.report), ran.failure.as_ref())?;
    ran.failure.map_or(Ok(code), Err)
}

async fn obey(global: &Global, command: &Run, surroundings: Surroundings) -> Result<Ran> {
    let session = session_in(global, &command.host, surroundings).await?;
    let options = ReconcileOptions {
        only: named(command.environments.clone(), &session),
        dry_run: command.dry_run,
        deliver: true,
        ..options(&command.judging)
    };
    crate::run::run(&session, &options, &teller(global)).await
}

/// Gives the CI what it shows beside the log: annotations, step summary, outputs, the report as a file.
fn tell_ci(
    surroundings: &Surroundings,
    outputs: &Outputs,
    report: Option<&Report>,
    failure: Option<&Failure>,
) -> Result<()> {
    let masked = failure.map(print::masked_failure);
    let failure = masked.as_ref();
    let path = |name: &str| surroundings.get(name).map(PathBuf::from);
    let mut files =
        CiFiles { summary: path("GITHUB_STEP_SUMMARY"), values: path("GITHUB_OUTPUT"), ..CiFiles::default() };
    if files.summary.is_some() && !outputs.has(Format::Github) && !outputs.for_machine() {
        // Where the host shows the findings as the annotations of a check, the log's own would show each one twice.
        let checked = |report: &&Report| report.operations.iter().any(|operation| operation.verb == Verb::Check);
        let report = report.filter(|report| !checked(report));
        let annotations = report.map(report::annotations::annotations).unwrap_or_default();
        print::data(&(annotations + &failure.map(report::annotations::failure).unwrap_or_default()))?;
    }
    if let Some(report) = report {
        let temporary = path("RUNNER_TEMP").filter(|_| files.values.is_some());
        let file = |format: Format, name: &str| {
            outputs.file(format).map_or_else(
                || {
                    let Some(file) = temporary.as_ref().map(|folder| folder.join(name)) else { return Ok(None) };
                    output::write_file(&file, output::text(report, format, false, true)?.as_bytes())?;
                    Ok(Some(file))
                },
                |named| Ok::<_, Failure>(Some(named)),
            )
        };
        files.report = file(Format::Json, "mergeline-report.json")?;
        files.html = file(Format::Html, "mergeline-report.html")?;
    }
    output::write_ci_files(report, failure, &files)
}

/// The repository and its host, as flags and surroundings name them.
pub(crate) async fn session(global: &Global, host: &HostFlags) -> Result<Session> {
    session_in(global, host, surroundings()?).await
}

async fn session_in(global: &Global, host: &HostFlags, surroundings: Surroundings) -> Result<Session> {
    let setting = Setting {
        directory: global.folder()?,
        surroundings,
        host: host.host.clone(),
        repository: host.repository.clone(),
        remote: host.remote.clone(),
    };
    Session::open(&setting).await
}

/// The environment of the process, and the event's payload where the CI has one.
pub(super) fn surroundings() -> Result<Surroundings> {
    let text = |value: std::ffi::OsString| value.to_string_lossy().into_owned();
    let variables = std::env::vars_os().map(|(name, value)| (text(name), text(value))).collect();
    let mut surroundings = Surroundings { variables, payload: None };
    if let Some(path) = surroundings.payload_path() {
        let read = std::fs::read_to_string(path);
        let payload =
            read.map_err(|error| Failure::usage(format!("cannot read the event payload `{path}`")).because(error))?;
        surroundings.payload = Some(payload);
    }
    Ok(surroundings)
}

/// The environments that this run may act on: flags, else the Action's input.
fn named(flags: Vec<String>, session: &Session) -> Vec<String> {
    match flags.is_empty() {
        true => session.surroundings.get("MERGELINE_ENVIRONMENT").map(str::to_owned).into_iter().collect(),
        false => flags,
    }
}

/// Options that every command has.
pub(super) fn options(judging: &Judging) -> ReconcileOptions {
    ReconcileOptions {
        kubernetes: judging.kubernetes.clone(),
        fail_on: judging.fail_on(),
        ..ReconcileOptions::default()
    }
}

/// Tells progress on standard error.
pub(super) fn teller(global: &Global) -> impl Fn(&str) + use<> {
    let quiet = global.quiet;
    move |line: &str| {
        if !quiet {
            print::note(line);
        }
    }
}
