//! What an environment could have next: the release rendered for it, and the commit that would land it.

use super::act::Pass;
use super::decide::{Candidate, Environment};
use super::message::{Trailers, commit_message, title};
use super::observe::BareHead;
use super::outcome::Outcome;
use super::proposal;
use super::rendering::RenderedRelease;
use crate::commit::CommitId;
use crate::config::Secrets;
use crate::diff::{self, ChangeSet};
use crate::failure::{Failure, Result};
use crate::finding::Finding;
use crate::git::CommitDraft;
use crate::render::layout;
use crate::unit::Unit;

/// A candidate with what it was made from.
pub(super) struct Prepared {
    pub(super) candidate: Candidate,
    pub(super) rendered: std::rc::Rc<RenderedRelease>,
    pub(super) changes: ChangeSet,
    pub(super) title: String,
}

impl Pass<'_> {
    pub(super) fn described(&self, release: &CommitId) -> (CommitId, String) {
        let subject = self.scene.repository.commit(release).map(|info| info.subject().to_owned());
        (release.clone(), subject.unwrap_or_default())
    }

    /// Renders a release for the environment and makes the commit that would land it.
    pub(super) fn prepare(
        &mut self,
        environment: &Environment,
        release: &CommitId,
        head: Option<&BareHead>,
    ) -> Result<Prepared> {
        let former = head.map(|head| &head.commit);
        let tip = self.observed.release.clone();
        let rendered = self.renderings.release(self.scene, &environment.name, release, former, &tip)?;
        let changes = self.changes(&environment.name, head, &rendered)?;
        let subject = self.scene.repository.commit(release)?;
        let limit = self.scene.host.limits().title;
        let first = head.is_none_or(|head| head.seed);
        let changed = (!first).then(|| (proposal::images(&changes), proposal::units(&changes)));
        let title = title(&environment.name, changed.as_ref().map(|(images, units)| (&images[..], &units[..])), limit);
        let trailers = Trailers { environment: environment.name.clone(), release: release.clone() };
        let (parents, time) = match head {
            Some(head) => {
                let parent = self.scene.repository.commit(&head.commit)?;
                (vec![head.commit.clone()], subject.committed_at.max(parent.committed_at))
            }
            None => (Vec::new(), subject.committed_at),
        };
        let commit = self.scene.repository.write_commit(&CommitDraft {
            tree: rendered.tree.clone(),
            parents,
            message: commit_message(&title, subject.subject(), &trailers),
            time,
        })?;
        let candidate = Candidate {
            release: release.clone(),
            tree: rendered.content.as_str().to_owned(),
            commit,
            failed_units: rendered.failed.clone(),
        };
        Ok(Prepared { candidate, rendered, changes, title })
    }

    fn changes(&self, environment: &str, head: Option<&BareHead>, rendered: &RenderedRelease) -> Result<ChangeSet> {
        let before = match head {
            Some(head) => layout::read(&self.scene.repository.tree(&head.commit)?)?.units,
            None => Vec::new(),
        };
        let gone = before.iter().filter(|unit| !rendered.units.iter().any(|now| now.name == unit.name));
        let mut redactor = self.scene.redactor.clone();
        before.iter().chain(&rendered.units).for_each(|unit| redactor.learn(&unit.objects));
        let mut changes = ChangeSet::default();
        for name in rendered.units.iter().chain(gone).map(|unit| &unit.name) {
            let objects = |units: &[layout::LaidOutUnit]| {
                units.iter().find(|unit| unit.name == *name).map(|unit| unit.objects.clone()).unwrap_or_default()
            };
            let unit =
                Unit { environment: environment.to_owned(), name: name.clone(), path: layout::unit_folder(name) };
            let (before, after) = (objects(&before), objects(&rendered.units));
            let catalog = self.scene.catalogs.of(environment);
            changes.changes.extend(diff::diff(&unit, &before, &after, Some(catalog), &redactor));
        }
        Ok(changes)
    }

    /// A rendered Secret is committed only as far as the default branch already shows its value, and a finding says so.
    pub(super) fn judge_secrets(&self, name: &str, prepared: &Prepared, outcome: &mut Outcome) -> Result<()> {
        let settings = self.scene.config.environment(name);
        let refuse = settings.is_some_and(|settings| settings.secrets == Secrets::Refuse);
        for unit in &prepared.rendered.units {
            for secret in unit.objects.iter().filter(|object| object.is_secret()) {
                let reference = self.scene.redactor.reference(&secret.reference());
                if refuse {
                    return Err(Failure::refused(format!(
                        "`{reference}` of the unit `{}` would be committed to the branch of `{name}`, and `secrets: refuse` forbids it",
                        unit.name
                    ))
                    .hint("encrypt it, or let an operator in the cluster make it"));
                }
                let message =
                    format!("`{reference}` is committed to the branch of `{name}` as the default branch shows it");
                let mut finding = Finding::info("secret-in-branch", message).about(reference).pointer("/metadata/name");
                finding.environments.push(name.to_owned());
                finding.unit = Some(unit.name.clone());
                finding.place = secret.value().origin.as_ref().map(crate::manifest::Origin::place_without_excerpt);
                outcome.findings.push(finding);
            }
        }
        Ok(())
    }
}
