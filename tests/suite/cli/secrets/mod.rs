//! Property: no secret value, nor a part, an encoding, a hash or the length of one, is in anything that is written.
//!
//! Values are planted in every shape of [`shapes`], before and after a change, and the binary reviews it as a person and as a
//! job of a CI would let it: in every format, with all that it logs. Two ways to look: nothing of a value may be found, and a
//! second repository with other values of other lengths must give the same bytes.
//!
//! `MERGELINE_SECRETS=50` plants that many values in each shape, `MERGELINE_SEED=7` other ones; `MERGELINE_SECRETS_JOB=1` looks at
//! the job in both ways too.

mod shapes;

use super::hosted::{Hosted, Local, pull_request};
use super::place::Place;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use shapes::{Alphabet, SHAPES, Shape, hex, percent};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;
use std::sync::LazyLock;

const SHOP: &str = "acme/shop";
const CONFIGURATION: &str = "version: 1
environments:
  prod:
    source: '*/*'
review:
  secret-paths:
    - Vault:/spec/unseal
";

/// Numbers that are the same every time (splitmix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % below as u64).unwrap()
    }

    fn letters(&mut self, length: usize, alphabet: &str) -> String {
        let letters: Vec<char> = alphabet.chars().collect();
        (0..length).map(|_| letters[self.roll(letters.len())]).collect()
    }

    /// A value: a letter first and last, so that it is one word wherever it stands.
    fn value(&mut self, alphabet: Alphabet) -> String {
        const WORD: &str = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghjkmnpqrstuvwxyz0123456789";
        let signs = format!("{WORD}!@#%&*_+=.:/\"'$é -\\<>`[]|~^?;,");
        match alphabet {
            Alphabet::Plain => format!("{}{}Z", self.letters(1, "QXJ"), self.letters(9 + self.0 as usize % 20, WORD)),
            Alphabet::Signs => {
                format!(
                    "{}{}{}w",
                    self.letters(1, "QXJ"),
                    self.letters(6 + self.0 as usize % 24, &signs),
                    self.letters(2, WORD)
                )
            }
            Alphabet::Long => self.letters(100 + self.0 as usize % 90, WORD),
            Alphabet::Pem => {
                let lines: String = (0..4).map(|_| format!("{}\n", self.letters(64, WORD))).collect();
                let last = self.letters(9 + self.0 as usize % 20, WORD);
                format!("-----BEGIN EC PRIVATE KEY-----\n{lines}{last}=\n-----END EC PRIVATE KEY-----\n")
            }
        }
    }
}

/// The files of both sides of a change, and the values in them.
#[derive(Default)]
struct Planted {
    before: BTreeMap<String, String>,
    after: BTreeMap<String, String>,
    values: Vec<(&'static str, String)>,
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

fn plant(seed: u64) -> Planted {
    let each = number("MERGELINE_SECRETS").unwrap_or(8);
    let mut dice = Dice(seed);
    let mut planted = Planted::default();
    for side in [&mut planted.before, &mut planted.after] {
        side.insert("definitions/all/crd.yaml".into(), shapes::definitions().into());
    }
    for shape in SHAPES {
        for at in 0..each {
            let (old, new) = (dice.value(shape.alphabet), dice.value(shape.alphabet));
            let name = format!("{}-{at}", shape.name);
            // One in five is new, one goes away, the others change.
            if at % 5 != 0 {
                put(&mut planted.before, shape, &name, &old);
            }
            if at % 5 != 1 {
                put(&mut planted.after, shape, &name, &new);
            }
            planted.values.extend([(shape.name, old), (shape.name, new)]);
        }
    }
    planted
}

fn put(files: &mut BTreeMap<String, String>, shape: &Shape, name: &str, value: &str) {
    // What does not render withholds its unit: such shapes have a folder of their own each.
    let folder = format!("{}/{}", shape.name, if shape.breaks { name } else { "all" });
    let file = if shape.breaks { shape.file.to_owned() } else { format!("{name}-{}", shape.file) };
    files.insert(format!("{folder}/{file}"), (shape.text)(name, value));
    if shape.file == "kustomization.yaml" {
        let pod = format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: web}}\nspec:\n  containers:\n    - name: web\n      image: web:1.0.0\n      envFrom: [{{secretRef: {{name: {name}}}}}]\n"
        );
        files.insert(format!("{folder}/pod.yaml"), pod);
    }
    if shape.echo {
        files.insert(format!("vault/all/{name}.yaml"), shapes::secret(&format!("s-{name}"), value));
    }
}

/// All that a run wrote, by what it is.
type Written = BTreeMap<String, String>;

const FORMATS: [&str; 8] = ["text", "json", "markdown", "sarif", "junit", "github", "gitlab", "html"];

/// A person reviews the change and validates the head.
fn by_hand(planted: &Planted, commands: &[&str]) -> Written {
    let place = Place::empty();
    place.checkout.write("mergeline.yaml", CONFIGURATION);
    let write =
        |files: &BTreeMap<String, String>| files.iter().for_each(|(path, text)| place.checkout.write(path, text));
    write(&planted.before);
    place.checkout.commit("before");
    for gone in planted.before.keys().filter(|path| !planted.after.contains_key(*path)) {
        std::fs::remove_file(place.checkout.path.join(gone)).unwrap();
    }
    write(&planted.after);
    let folder = place.beside("out");
    let mut written = Written::new();
    for command in commands {
        let outputs: Vec<String> =
            FORMATS.iter().map(|format| format!("{format}={}", folder.join(format).display())).collect();
        // A person's terminal has the comment.
        let mut arguments = vec!["-vvv", *command, "-o", "markdown"];
        outputs.iter().for_each(|output| arguments.extend(["-o", output.as_str()]));
        let said = place.run(&arguments).exits(1);
        written.insert(format!("{command} log"), said.all());
        for format in FORMATS {
            let text = std::fs::read_to_string(folder.join(format)).unwrap();
            written.insert(format!("{command} {format}"), text);
        }
    }
    // What is printed are the objects; what is said of them is a log.
    for shape in ["broken-secret", "bad-escape"] {
        let said = place.run(&["render", &format!("{shape}/{shape}-2"), "-vvv"]).exits(1);
        written.insert(format!("render {shape}"), said.err.replace(&*place.checkout.path.to_string_lossy(), "HERE"));
    }
    written
}

/// A job of a CI reviews the change: its log, its files, and what is on the host afterwards. Variables of the job are secret too.
fn by_job(planted: &Planted) -> Written {
    let (mut hosted, local): (Hosted, Local) = Hosted::empty();
    let [deploy, kube] =
        [&planted.values[0].1, &planted.values[2].1].map(|value| format!("job-{}", hex(value.as_bytes())));
    let put = |files: &BTreeMap<String, String>| files.iter().for_each(|(path, text)| hosted.clone.write(path, text));
    put(&planted.before);
    let branches = "  prod:\n    branch: env/prod\n    source: '*/*'\n  live:\n    branch: env/live\n    needs: [told]\n    source: told/*\n  told:\n    branch: env/told\n    source: told/*\n";
    let configuration = CONFIGURATION.replace("  prod:\n    source: '*/*'\n", branches);
    let base = hosted.push("main", &[("mergeline.yaml", &configuration)]);
    for gone in planted.before.keys().filter(|path| !planted.after.contains_key(*path)) {
        std::fs::remove_file(hosted.clone.path.join(gone)).unwrap();
    }
    put(&planted.after);
    let told =
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: told}}\ndata: {{a: {deploy}, b: x-{kube}-x}}\n");
    let head = hosted.push("change", &[("told/all/map.yaml", &told)]);
    let merged = format!(r#"{{"ref": "refs/heads/main", "after": "{head}"}}"#);
    local.open("change", None);
    hosted.set("MERGELINE_HOST", format!("local={}", local.host.folder().display()));
    hosted.set("REGISTRY_PASSWORD", &deploy);
    hosted.set("DEV_KUBECONFIG", super::hosted::kubeconfig("https://cluster.example.com", &kube));
    hosted.set("MERGELINE_LOG", "trace");
    for (name, file) in [("GITHUB_STEP_SUMMARY", "summary"), ("GITHUB_OUTPUT", "outputs")] {
        hosted.set(name, hosted.path(file));
    }
    hosted.set("RUNNER_TEMP", hosted.path("home"));
    hosted.as_job("pull_request", &pull_request("opened", 1, &head, "change", SHOP, SHOP), SHOP, "http://127.0.0.1:1");
    let said = hosted.once(&["run"]).exits(1);
    let read = |hosted: &Hosted, file: &str| std::fs::read_to_string(hosted.path(file)).unwrap();
    let mut written = Written::from([
        ("job log".to_owned(), said.all()),
        ("job summary".to_owned(), read(&hosted, "summary")),
        ("job outputs".to_owned(), read(&hosted, "outputs")),
        ("job report".to_owned(), read(&hosted, "home/mergeline-report.json")),
    ]);
    // Merged: the release is rendered again, and its promotion opened as far as it renders.
    hosted.clone.git(&["push", "--quiet", "--force", "origin", "HEAD:refs/heads/main"]);
    hosted.as_job("push", &merged, SHOP, "http://127.0.0.1:1");
    let said = hosted.once(&["run"]);
    assert!(said.all().contains("env/prod") && said.all().contains("to live"), "{}", said.all());
    written.insert("promotion log".to_owned(), said.all());
    written.insert("promotion summary".to_owned(), read(&hosted, "summary"));
    written.insert("promotion report".to_owned(), read(&hosted, "home/mergeline-report.json"));
    let mut host: Vec<String> = local
        .everything()
        .iter()
        .filter(|(path, _)| !path.to_string_lossy().contains(".git/"))
        .map(|(path, bytes)| format!("{}\n{}\n", String::from_utf8_lossy(bytes), path.display()))
        .collect();
    // The names of some are commits.
    host.sort_by_cached_key(|file| steady(file));
    let host = host.concat();
    assert!(host.contains("<!-- mergeline") && host.contains("x-••••••-x"), "{host}");
    written.insert("host".to_owned(), host);
    for (name, text) in &written {
        for secret in [&deploy, &kube] {
            assert!(!text.contains(secret.as_str()), "a variable of the job is in the {name}");
        }
    }
    drop(base);
    written
}

/// What would tell a value: it, each part of eight characters, its encodings, the beginning of its hashes.
fn needles(value: &str) -> BTreeSet<String> {
    fn parts(text: &str, width: usize, found: &mut BTreeSet<String>) {
        let letters: Vec<char> = text.chars().collect();
        if letters.len() < width {
            found.insert(text.to_owned());
        }
        found.extend(letters.windows(width).map(|window| window.iter().collect::<String>()));
    }
    let mut found = BTreeSet::new();
    for line in value.lines().filter(|line| !line.starts_with("-----")) {
        parts(line, 8, &mut found);
        parts(&percent(line), 14, &mut found);
        parts(&hex(line.as_bytes()), 16, &mut found);
        for engine in [&STANDARD, &URL_SAFE] {
            for offset in 0..3 {
                let mut padded = vec![b'.'; offset];
                padded.extend_from_slice(line.as_bytes());
                let text = engine.encode(&padded);
                let end = padded.len() * 8 / 6;
                let start = (offset * 8).div_ceil(6);
                parts(&text[start..end], 10, &mut found);
            }
        }
    }
    for form in [value.to_owned(), STANDARD.encode(value), format!("{value}\n")] {
        let sum = <sha2::Sha256 as sha2::Digest>::digest(form.as_bytes());
        found.insert(hex(&sum)[..10].to_owned());
        found.insert(STANDARD.encode(sum)[..10].to_owned());
    }
    found
}

/// Looks for very many texts at once: by their first four bytes, then by the lengths of those that begin so.
struct Search<'a> {
    lengths: Vec<u64>,
    wanted: HashMap<String, (&'static str, &'a str)>,
    ours: String,
}

impl<'a> Search<'a> {
    fn new(planted: &'a Planted) -> Self {
        let ours = SHAPES.iter().map(|shape| (shape.text)("name", "")).collect();
        let mut search = Self { lengths: vec![0; 1 << 20], wanted: HashMap::new(), ours };
        let telling = |needle: &String| {
            needle.len() >= 6 && needle.chars().filter(char::is_ascii_alphanumeric).take(6).count() == 6
        };
        for (shape, value) in &planted.values {
            for needle in needles(value).into_iter().filter(telling) {
                search.lengths[slot(needle.as_bytes())] |= 1 << needle.len();
                search.wanted.insert(needle, (*shape, value.as_str()));
            }
        }
        search
    }

    fn found(&self, text: &str) -> Vec<(usize, &str, &'static str, &'a str)> {
        let bytes = text.as_bytes();
        let mut found = Vec::new();
        for at in 0..bytes.len().saturating_sub(4) {
            let mut lengths = self.lengths[slot(&bytes[at..])];
            while lengths != 0 {
                let length = lengths.trailing_zeros() as usize;
                lengths &= lengths - 1;
                let needle = text.get(at..at + length).and_then(|it| self.wanted.get_key_value(it));
                // A part that is a word of ours would be found everywhere.
                let needle = needle.filter(|(needle, _)| !self.ours.contains(needle.as_str()));
                found.extend(needle.map(|(needle, (shape, value))| (at, needle.as_str(), *shape, *value)));
            }
        }
        found
    }
}

fn slot(bytes: &[u8]) -> usize {
    let word = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    (word.wrapping_mul(0x9e37_79b1) >> 12) as usize
}

fn search(planted: &Planted, written: &Written) {
    let search = Search::new(planted);
    let mut told: BTreeMap<(&str, &str), (usize, String)> = BTreeMap::new();
    for (name, text) in written {
        for (at, needle, shape, value) in search.found(text) {
            let line = text[..at].rfind('\n').map_or(0, |at| at + 1);
            let line: String = text[line..].lines().next().unwrap_or_default().chars().take(300).collect();
            let entry = told.entry((shape, name)).or_insert_with(|| (0, format!("{needle:?} of {value:?}: {line}")));
            entry.0 += 1;
        }
    }
    let mut list = String::new();
    for ((shape, name), (count, first)) in &told {
        writeln!(list, "{shape} in {name}, {count} times, first: {first}").unwrap();
    }
    assert!(told.is_empty(), "{list}");
    let generated = regex::Regex::new("generated-name-[0-9]+-[2456789bcdfghkmt]{10}").unwrap();
    for (name, text) in written {
        let told = generated.find(text).map(|found| found.as_str());
        assert_eq!(told, None, "a hash of a value is in the {name}");
    }
}

/// Other values of other lengths give the same bytes.
fn same(written: &Written, other: &Written) {
    let mut differing = BTreeMap::new();
    for (name, text) in written {
        let (one, other) = (steady(text), steady(&other[name]));
        if one != other {
            let differs = one.lines().zip(other.lines()).filter(|(one, other)| one != other);
            differing.insert(name, differs.take(5).map(|(one, other)| format!("{one}\n{other}")).collect::<Vec<_>>());
        }
    }
    assert!(differing.is_empty(), "what is written tells of the values:\n{differing:#?}");
}

/// What differs from run to run whatever is planted: times and commits.
fn steady(text: &str) -> String {
    // Of ASCII alone, or an engine that takes many times as long has to look for the ends of words.
    static VARYING: LazyLock<regex::bytes::Regex> = LazyLock::new(|| {
        let time = r#"\b[0-9]+(?:\.[0-9]+)? ?(?:ms|s)\b|"elapsed[^,\n]*|[0-9-]{10}T[0-9:.]+Z|time="[0-9.]+""#;
        regex::bytes::Regex::new(&format!(r"(?-u){time}|\b(?:[0-9a-f]{{7}}|[0-9a-f]{{40}})\b|/tmp/[^/ ]+")).unwrap()
    });
    String::from_utf8(VARYING.replace_all(text.as_bytes(), &b"~"[..]).into_owned()).unwrap()
}

fn seed() -> u64 {
    number("MERGELINE_SEED").unwrap_or(1)
}

#[test]
fn nothing_that_a_person_is_shown_tells_a_secret_value() {
    let planted = plant(seed());
    assert!(planted.values.len() >= 1000 && SHAPES.len() >= 20, "{} values", planted.values.len());
    let written = by_hand(&planted, &["review", "validate"]);
    if let Some(folder) = std::env::var_os("MERGELINE_SECRETS_KEEP") {
        for (name, text) in &written {
            std::fs::write(std::path::Path::new(&folder).join(name.replace(' ', "-")), text).unwrap();
        }
    }
    search(&planted, &written);
    // Every change shows nonetheless.
    let report: serde_json::Value = serde_json::from_str(&written["review json"]).unwrap();
    let changes = report["changes"].as_array().unwrap().iter();
    let changed: BTreeSet<String> = changes.filter_map(|it| Some(it["unit"].as_str()?.to_owned())).collect();
    for shape in SHAPES {
        // What does not render is an error in its file.
        let told = match shape.breaks {
            true => written["review text"].contains(&format!("--> {}/", shape.name)),
            false => changed.iter().any(|unit| unit.starts_with(shape.name)),
        };
        assert!(told || shape.name == "generated-name", "{} is not told", shape.name);
    }
    same(&written, &by_hand(&plant(seed() + 1000), &["review", "validate"]));
}

#[test]
fn nothing_that_a_job_writes_tells_a_secret_value() {
    let planted = plant(seed() + 2000);
    let written = by_job(&planted);
    search(&planted, &written);
    if number("MERGELINE_SECRETS_JOB").is_some() {
        same(&written, &by_job(&plant(seed() + 3000)));
    }
}
