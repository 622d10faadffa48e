//! Brings up Gitea and its runner: settings, people, the organisation, and `actions/checkout` on this same host.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::json;

use super::{Client, Gitea, Signature, User, git};
use crate::builder::Cache;
use crate::error::{Doing, LabError, LabResult};
use crate::parts::part;
use crate::process::{Process, free_ports, loopback_command, random_token, run};
use crate::running::write_private;

/// The composite action that stands in for GitHub's own checkout: tag and `action.yml`. `v5` leaves the job's token in `.git/config`,
/// `v7` in a file that `.git/config` includes, as the real ones do.
const CHECKOUT: [(&str, &str); 2] = [
    ("v5", include_str!("../../gitea/checkout/v5/action.yml")),
    ("v7", include_str!("../../gitea/checkout/v7/action.yml")),
];

/// The variable by which processes of jobs are recognised when the lab ends.
const LEFTOVERS: &str = "MERGELINE_LAB_JOB_OF";

/// Starts Gitea and the runner in `folder` and waits until both are ready.
pub(crate) fn start(cache: &Cache, folder: &Path, logs: &Path) -> LabResult<(Gitea, Vec<Process>)> {
    let program = |name: &str| {
        part(name).map(|part| cache.program(part)).ok_or_else(|| LabError::new(format!("no part is called `{name}`")))
    };
    let (binary, runner) = (program("gitea")?, program("runner")?);
    fs::create_dir_all(folder.join("custom/conf")).doing(|| format!("make `{}`", folder.display()))?;
    let ports = free_ports(1)?;
    let [port] = ports[..] else { return Err(LabError::new("cannot find a free port")) };
    let url = format!("http://127.0.0.1:{port}");
    let settings = folder.join("custom/conf/app.ini");
    write_private(&settings, &app_ini(&url, port, folder, &binary))?;
    let command = || {
        let mut command = loopback_command(&binary);
        command
            .env("GITEA_WORK_DIR", folder)
            .env("HOME", folder)
            .env("GITEA_I_AM_BEING_UNSAFE_RUNNING_AS_ROOT", "true");
        command.arg("--config").arg(&settings).current_dir(folder);
        command
    };

    run(command().arg("migrate"), "make Gitea's database")?;
    let mut server = Process::start("gitea", command().arg("web"), logs, None)?;
    let admin = create_admin(command())?;
    let client = Client::new(&url, &admin.token);
    server.wait_until(Duration::from_secs(60), || matches!(client.api("GET", "/version", None), Ok((200, _))))?;

    let organisation = "mergeline";
    for name in [organisation, "actions"] {
        client.expect("POST", "/orgs", Some(&json!({"username": name, "visibility": "public"})))?;
    }
    let job_binary = folder.join("job-binary");
    let mut gitea = Gitea { url, second: admin.clone(), admin, organisation: organisation.to_owned(), job_binary };
    gitea.second = gitea.create_user("second")?;
    let runner = start_runner(&gitea, &runner, folder, logs)?;
    push_checkout(&gitea, folder)?;
    wait_for_runner(&gitea, runner).map(|runner| (gitea, vec![server, runner]))
}

fn app_ini(url: &str, port: u16, folder: &Path, binary: &Path) -> String {
    let user = run(Command::new("id").arg("-un"), "ask for the user's name").unwrap_or_default();
    let assets = binary.parent().unwrap_or(binary).display();
    let (folder, user) = (folder.display(), user.trim());
    format!(
        "APP_NAME = Lab\nRUN_USER = {user}\nRUN_MODE = prod\nWORK_PATH = {folder}\n\
         [server]\nPROTOCOL = http\nHTTP_ADDR = 127.0.0.1\nHTTP_PORT = {port}\nROOT_URL = {url}/\nLOCAL_ROOT_URL = {url}/\n\
         STATIC_ROOT_PATH = {assets}\nAPP_DATA_PATH = {folder}/data\nDISABLE_SSH = true\nOFFLINE_MODE = true\nLFS_START_SERVER = false\n\
         [database]\nDB_TYPE = sqlite3\nPATH = {folder}/gitea.db\nSQLITE_JOURNAL_MODE = WAL\n\
         [repository]\nROOT = {folder}/repositories\nDEFAULT_BRANCH = main\n\
         [security]\nINSTALL_LOCK = true\nPASSWORD_COMPLEXITY = off\nPASSWORD_HASH_ALGO = pbkdf2$1000$50\n\
         [service]\nDISABLE_REGISTRATION = true\nENABLE_NOTIFY_MAIL = false\n\
         [log]\nMODE = console\nLEVEL = warn\n\
         [indexer]\nISSUE_INDEXER_TYPE = db\n\
         [webhook]\nALLOWED_HOST_LIST = *\n\
         [actions]\nENABLED = true\nDEFAULT_ACTIONS_URL = self\n"
    )
}

fn create_admin(mut command: Command) -> LabResult<User> {
    let (name, password) = ("admin-user".to_owned(), random_token()?);
    command.args(["admin", "user", "create", "--admin", "--username", &name, "--password", &password]);
    command.args(["--email", "admin-user@example.com", "--must-change-password=false"]);
    command.args(["--access-token", "--access-token-name", "lab", "--access-token-scopes", "all"]);
    let text = run(&mut command, "create Gitea's administrator")?;
    // "Access token was successfully created... 0123…": the only word of forty hexadecimal digits.
    let token = text
        .split_whitespace()
        .find(|word| word.len() == 40 && word.bytes().all(|byte| byte.is_ascii_hexdigit()))
        .ok_or_else(|| LabError::new(format!("Gitea printed no token for its administrator: {text}")))?;
    Ok(User { name, password, token: token.to_owned() })
}

fn start_runner(gitea: &Gitea, binary: &Path, folder: &Path, logs: &Path) -> LabResult<Process> {
    // The runner keeps its clones of actions under HOME by name, whatever the server: each lab needs its own.
    let home = folder.join("runner");
    fs::create_dir_all(&home).doing(|| format!("make `{}`", home.display()))?;
    let settings = home.join("config.yaml");
    let job_binary = gitea.job_binary.display().to_string();
    let text = json!({
        "log": {"level": "info"},
        "runner": {
            "file": home.join(".runner"), "capacity": 2, "labels": ["ubuntu-latest:host"],
            // At their defaults each look for work and each report waits some seconds.
            "fetch_interval": "250ms", "fetch_interval_max": "250ms", "log_report_interval": "500ms",
            "log_report_max_latency": "500ms", "state_report_interval": "500ms",
            "envs": {(LEFTOVERS): folder, "MERGELINE_BINARY": job_binary, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"},
        },
        "cache": {"enabled": false},
    });
    // JSON is YAML.
    write_private(&settings, &text.to_string())?;
    let command = || {
        let mut command = loopback_command(binary);
        command.arg("--config").arg(&settings).current_dir(&home).env("HOME", &home);
        command.env("GIT_CONFIG_NOSYSTEM", "1").env_remove("XDG_CACHE_HOME").env_remove("XDG_CONFIG_HOME");
        // Jobs must not see that they run inside somebody else's CI.
        for (variable, _) in std::env::vars_os().filter(|(name, _)| is_of_a_ci(&name.to_string_lossy())) {
            command.env_remove(variable);
        }
        command
    };
    let answer = gitea.as_admin().expect("POST", "/admin/actions/runners/registration-token", None)?;
    let token = answer["token"].as_str().unwrap_or_default();
    let mut register = command();
    register.args(["register", "--no-interactive", "--instance", &gitea.url, "--token", token, "--name", "lab"]);
    run(register.args(["--labels", "ubuntu-latest:host"]), "register the runner")?;
    Process::start("runner", command().arg("daemon"), logs, Some(&format!("{LEFTOVERS}={}", folder.display())))
}

fn is_of_a_ci(name: &str) -> bool {
    name == "CI"
        || ["GITHUB_", "GITLAB_", "GITEA_", "CI_", "RUNNER_", "MERGELINE_", "CARGO"]
            .iter()
            .any(|prefix| name.starts_with(prefix))
}

fn wait_for_runner(gitea: &Gitea, mut runner: Process) -> LabResult<Process> {
    let client = gitea.as_admin();
    runner.wait_until(Duration::from_secs(30), || {
        client
            .api("GET", "/admin/actions/runners", None)
            .is_ok_and(|(_, answer)| answer["runners"][0]["status"] == "online")
    })?;
    Ok(runner)
}

fn push_checkout(gitea: &Gitea, folder: &Path) -> LabResult<()> {
    let source: PathBuf = folder.join("checkout-action");
    fs::create_dir_all(&source).doing(|| format!("make `{}`", source.display()))?;
    let repository = gitea.create_repository_named("actions", "checkout")?;
    let git_here = |arguments: &[&str]| {
        run(git(&source, Signature::default()).args(arguments), "make the repository actions/checkout")
    };
    git_here(&["init", "--quiet", "--initial-branch=main"])?;
    for (tag, action) in CHECKOUT {
        fs::write(source.join("action.yml"), action).doing(|| "write action.yml".to_owned())?;
        git_here(&["add", "action.yml"])?;
        git_here(&["commit", "--quiet", "--message", &format!("Check out as {tag} does")])?;
        git_here(&["tag", tag])?;
    }
    gitea.push(&source, &repository, &["main", "--tags"])
}
