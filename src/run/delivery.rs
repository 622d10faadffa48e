//! Delivers one environment's head: connects to its cluster, applies, and posts the evidence.

use super::session::Session;
use crate::cluster::Cluster;
use crate::cluster::kubeconfig::{KubeconfigSource, Location, connect};
use crate::commit::CommitId;
use crate::config::{Config, Environment, Kubeconfig};
use crate::deliver::{self, Delivered, Desired, DesiredUnit};
use crate::failure::{Failure, FailureKind, Result};
use crate::finding::{Finding, Severity};
use crate::git::Tree;
use crate::host::{Deployment, Ensured, Status, StatusGrant, StatusState};
use crate::operation::{Operation, OperationStatus, Verb};
use crate::promote::{Delivery, delivery_context};
use crate::render::{self, layout};
use crate::trust::ApplyGrant;
use crate::unit::Unit;
use std::time::Duration;

/// What a person asked for beyond the plan.
#[derive(Debug, Clone)]
pub struct DeliveryOptions {
    /// How long to wait for health.
    pub timeout: Duration,
    /// Let what renders to nothing delete all that it has.
    pub allow_empty: bool,
    /// Let objects of protected kinds be pruned.
    pub allow_protected: bool,
    /// Plan only.
    pub dry_run: bool,
    /// Post status and deployment record.
    pub post: bool,
}

impl Default for DeliveryOptions {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(300),
            allow_empty: false,
            allow_protected: false,
            dry_run: false,
            post: true,
        }
    }
}

/// Connects to the cluster of an environment.
///
/// # Errors
/// Usage when it has none or its kubeconfig is not set; refused when the kubeconfig lies in the checkout.
pub async fn connect_cluster(session: &Session, name: &str, environment: &Environment) -> Result<Box<dyn Cluster>> {
    let Some(cluster) = &environment.cluster else {
        return Err(Failure::usage(format!("`{name}` has no cluster"))
            .hint("others pull its branch: there is nothing to apply"));
    };
    let location = match &cluster.kubeconfig {
        Kubeconfig::Variable(variable) => {
            let content = session.variable(variable);
            match content.as_ref().map(|content| content.expose().trim().to_owned()) {
                // The variable may hold a path instead of the kubeconfig itself.
                Some(path) if path.starts_with('/') && !path.contains('\n') => Location::File(path.into()),
                _ => Location::Variable { name: variable.clone(), content },
            }
        }
        Kubeconfig::Path(path) => Location::File(path.into()),
    };
    let source = KubeconfigSource {
        location,
        context: cluster.context.clone(),
        checkout: Some(session.checkout.clone()),
        allow_exec: cluster.allow_exec,
    };
    connect(&source).await
}

/// What an environment shall have at a commit, with what was found while reading it.
///
/// # Errors
/// When the commit cannot be read.
fn desired(session: &Session, config: &Config, delivery: &Delivery) -> Result<(Desired, Vec<Finding>)> {
    let tree = session.repository.tree(&delivery.commit)?;
    let environment = delivery.environment.clone();
    let mut findings = Vec::new();
    let mut units = Vec::new();
    if delivery.rendered {
        let laid_out = layout::read(&tree)?;
        findings = laid_out.findings;
        for unit in laid_out.units {
            let path = layout::unit_folder(&unit.name);
            let name = unit.name;
            units.push(DesiredUnit {
                unit: Unit { environment: environment.clone(), name, path },
                objects: unit.objects,
            });
        }
    } else {
        let (all, found) = config.units(&tree)?;
        findings.extend(found);
        let here: Vec<Unit> = all.into_iter().filter(|unit| unit.environment == environment).collect();
        let rendered = render::render_all(&tree, &here, &session.render_options(Some(config)))?;
        for (unit, rendered) in here.into_iter().zip(rendered) {
            findings.extend(rendered.findings);
            if !rendered.complete {
                let mut finding = Finding::error("not-rendered", format!("the unit `{}` did not render", unit.name));
                finding.environments.push(environment.clone());
                findings.push(finding);
            }
            units.push(DesiredUnit { unit, objects: rendered.objects });
        }
    }
    let mut redactor = session.redactor(Some(config));
    units.iter().for_each(|unit| redactor.learn(&unit.objects));
    redactor.hide_sources(&findings, |path| tree.read(path))?;
    let findings = findings.into_iter().map(|finding| redactor.finding(finding)).collect();
    Ok((
        Desired { repository: session.facts.name.clone(), environment, commit: delivery.commit.clone(), units },
        findings,
    ))
}

/// Delivers one environment and posts the evidence.
///
/// # Errors
/// Remote when the cluster or the host fails; refused by brakes and descent; usage when the kubeconfig is not set.
pub(super) async fn deliver_one(
    session: &Session,
    config: &Config,
    delivery: &Delivery,
    options: &DeliveryOptions,
) -> Result<Delivered> {
    let name = &delivery.environment;
    let Some(environment) = config.environment(name) else {
        return Err(unknown_environment(config, name));
    };
    let cluster = connect_cluster(session, name, environment).await?;
    let (desired, findings) = desired(session, config, delivery)?;
    let grant = session.grants.apply(name, &delivery.commit).map_err(Failure::refused)?;
    let unreadable = findings.iter().any(|finding| finding.severity == Severity::Error);
    let delivered = if unreadable {
        Delivered::default()
    } else {
        let applying = deliver::Options {
            timeout: options.timeout,
            allow_empty: options.allow_empty,
            allow_protected: options.allow_protected,
            identity: identity(session),
            default_namespace: "default".to_owned(),
            redactor: session.redactor(Some(config)),
        };
        let ancestry = |old: &CommitId, new: &CommitId| session.repository.ensure_ancestry(&session.remote, old, new);
        let grant = (!options.dry_run).then_some(&grant);
        match deliver::deliver(cluster.as_ref(), grant, &desired, &ancestry, &applying).await {
            Ok(delivered) => delivered,
            Err(failure) => {
                if options.post && !options.dry_run && failure.kind() != FailureKind::Bug {
                    let words = failure.message().to_owned();
                    post(session, &self::grant(session, delivery)?, StatusState::Error, words, None).await?;
                }
                return Err(failure);
            }
        }
    };
    let redactor = session.redactor(Some(config));
    let Delivered { findings: told, operations, .. } = delivered;
    // What quotes an object was masked where it was made; names are foreign everywhere.
    let told = told.into_iter().map(|finding| Finding {
        message: redactor.text(&finding.message).to_string(),
        object: finding.object.as_ref().map(|object| redactor.reference(object)),
        ..finding
    });
    let operations = operations.into_iter().map(|operation| redactor.operation(operation)).collect();
    let mut delivered = Delivered { findings: told.chain(findings).collect(), operations, ..delivered };
    if options.post && !options.dry_run {
        let (state, words) = words(delivery, &delivered);
        post(session, &grant, state, words, Some(&mut delivered)).await?;
    }
    Ok(delivered)
}

fn grant(session: &Session, delivery: &Delivery) -> Result<ApplyGrant> {
    session.grants.apply(&delivery.environment, &delivery.commit).map_err(Failure::refused)
}

pub(super) fn unknown_environment(config: &Config, name: &str) -> Failure {
    let known: Vec<&str> = config.environments().map(|(name, _)| name).collect();
    Failure::usage(format!("there is no environment `{name}`")).hint(format!("there are: {}", known.join(", ")))
}

/// Names this run in the lease of an environment.
fn identity(session: &Session) -> String {
    match &session.event.run_url {
        Some(url) => format!("{url} ({})", std::process::id()),
        None => format!("mergeline at a terminal ({})", std::process::id()),
    }
}

fn words(delivery: &Delivery, delivered: &Delivered) -> (StatusState, String) {
    let short = delivery.commit.short();
    let Delivered { healthy, total, .. } = delivered;
    if delivered.delivered {
        return (StatusState::Success, format!("{short}: {healthy}/{total} healthy"));
    }
    let refused = delivered.operations.iter().filter(|operation| operation.status == OperationStatus::Failed).count();
    let errors = delivered.findings.iter().filter(|finding| finding.severity == Severity::Error).count();
    let words = match (delivered.changed, refused) {
        (false, _) => format!("{short}: {errors} errors before the first write, nothing was changed"),
        (true, 0) => format!("{short}: {healthy}/{total} healthy at the time limit"),
        (true, refused) => format!("{short}: {refused} objects refused, {healthy}/{total} healthy"),
    };
    (StatusState::Failure, words)
}

/// Posts the evidence: the status on the delivered commit, mirrored by the host's deployment record.
async fn post(
    session: &Session,
    grant: &ApplyGrant,
    state: StatusState,
    description: String,
    delivered: Option<&mut Delivered>,
) -> Result<()> {
    let context = delivery_context(grant.environment());
    let target = format!("{context} on {}", grant.commit().short());
    let url = session.event.run_url.clone();
    // A failure may repeat what a server or a helper of the kubeconfig said.
    let description = session.redactor(None).text(&description).to_string();
    let status = Status { context: context.clone(), state, description: description.clone(), url };
    let deployment = Deployment {
        environment: grant.environment().to_owned(),
        commit: grant.commit().clone(),
        state,
        description: description.clone(),
    };
    // The evidence comes last: a run that dies before it is made good by the next one, which finds none.
    let mirrored = session.host.ensure_deployment(grant, &deployment).await?;
    let ensured = session.host.ensure_status(&StatusGrant::Delivery(grant), &status).await?;
    let Some(delivered) = delivered else { return Ok(()) };
    let mut record = |ensured: Ensured, verb: Verb, target: String| {
        if matches!(ensured, Ensured::Created | Ensured::Updated) {
            let key = format!("{}/{context}@{}", verb.word(), grant.commit());
            let operation = Operation::planned(verb, key, target);
            delivered.operations.push(operation.with(OperationStatus::Done, description.clone()));
        }
    };
    record(ensured, Verb::Status, target);
    record(mirrored, Verb::Deploy, format!("deployment record of {}", grant.environment()));
    Ok(())
}
