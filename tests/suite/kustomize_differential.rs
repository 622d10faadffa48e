//! Random kustomizations, built here and by the lab's kustomize: what it builds must be equal, what it refuses refused.
//!
//! The texts that are put together stand in `tests/cases/kustomize-differential`: a file is a pool of texts between lines of
//! `====`; of `«a|b»` one is taken, and `⟨pool⟩` is a text of another pool, indented as its line is. What begins with `¡` is mostly
//! refused, and seldom taken. Most cases are such as are built here, so that there is something to compare.
//!
//! `KUSTOMIZE_CASES=2000` runs more than the gate does, `KUSTOMIZE_SEED=…` repeats a run, `KUSTOMIZE_KEEP=FOLDER` keeps what
//! differs, `KUSTOMIZE_REFUSALS=1` prints why kustomize refused what both refuse. A difference that is mended becomes a fixture in `tests/cases/kustomize`.

use mergeline::git::tree::MemoryTree;
use mergeline::manifest::{Budget, Dialect, Source, Value, yaml};
use mergeline::render::kustomize::{Cache, build};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

/// How many cases the gate runs.
const CASES: u64 = 120;

/// A generator of numbers that gives the same ones for the same seed (splitmix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % sides as u64).unwrap()
    }

    fn one_in(&mut self, sides: usize) -> bool {
        self.roll(sides) == 0
    }

    /// One of the texts; those that begin with `¡` seldom.
    fn pick<'a, T: AsRef<str>>(&mut self, of: &'a [T]) -> &'a str {
        loop {
            let text = of[self.roll(of.len())].as_ref();
            match text.strip_prefix('¡') {
                None => return text,
                Some(odd) if self.one_in(16) => return odd,
                Some(_) => {}
            }
        }
    }
}

/// The texts that kustomizations are made of, by the name of their pool.
struct Pools(BTreeMap<String, Vec<String>>);

impl Pools {
    fn load() -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/kustomize-differential");
        let pool = |entry: fs::DirEntry| {
            let name = entry.path().file_stem().unwrap().to_str().unwrap().to_owned();
            let text = fs::read_to_string(entry.path()).unwrap();
            (name, text.trim_end_matches('\n').split("\n====\n").map(str::to_owned).collect())
        };
        Self(fs::read_dir(folder).unwrap().map(|entry| pool(entry.unwrap())).collect())
    }

    /// A text of a pool with its choices made, the inner ones first.
    fn fill(&self, dice: &mut Dice, pool: &str) -> String {
        let mut text = dice.pick(&self.0[pool]).to_owned();
        while let Some(start) = text.rfind('«') {
            let end = start + text[start..].find('»').unwrap();
            let words: Vec<&str> = text[start + '«'.len_utf8()..end].split('|').collect();
            let word = dice.pick(&words).to_owned();
            text.replace_range(start..end + '»'.len_utf8(), &word);
        }
        while let Some(start) = text.find('⟨') {
            let end = start + text[start..].find('⟩').unwrap();
            let line = &text[text[..start].rfind('\n').map_or(0, |at| at + 1)..start];
            let indent = &line[..line.len() - line.trim_start_matches(' ').len()];
            let filled = self.fill(dice, &text[start + '⟨'.len_utf8()..end]).replace('\n', &format!("\n{indent}"));
            text.replace_range(start..end + '⟩'.len_utf8(), &filled);
        }
        text
    }

    /// Directives of one kustomization, mostly each at most once.
    fn directives(&self, dice: &mut Dice, most: usize, has: &[&str]) -> String {
        let mut text = String::new();
        let mut used: Vec<String> = has.iter().map(|field| (*field).to_owned()).collect();
        for _ in 0..dice.roll(most + 1) {
            let field = self.fill(dice, "fields");
            let names = field.lines().filter_map(|line| line.split_once(':')).map(|(name, _)| name.to_owned());
            let names: Vec<String> = names.filter(|name| name.chars().all(char::is_alphanumeric)).collect();
            if names.iter().all(|name| !used.contains(name)) || dice.one_in(40) {
                text.push_str(&field);
                text.push('\n');
                used.extend(names);
            }
        }
        text
    }
}

/// Files by path; the build is `overlay`.
fn kustomization(dice: &mut Dice, pools: &Pools) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    let mut known = Vec::new();
    let mut resources = |dice: &mut Dice, folder: &str, files: &mut Vec<(String, Vec<u8>)>| {
        let count = 1 + dice.roll(5);
        for index in 0..count {
            let mut text = pools.fill(dice, "resources");
            // Equal identities are refused, and most cases should be built.
            while known.contains(&identity(&text)) && !dice.one_in(40) {
                text = pools.fill(dice, "resources");
            }
            known.push(identity(&text));
            files.push((format!("{folder}/r{index}.yaml"), odd_bytes(dice, &text)));
        }
        (0..count).map(|index| format!("r{index}.yaml")).collect::<Vec<_>>().join(", ")
    };
    let names = resources(dice, "base", &mut files);
    let shape = dice.roll(6);
    let mut folders = vec!["base", "overlay", "component", "component2"];
    let mut put = |dice: &mut Dice, folder: &str, text: &str| {
        let header = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n";
        let header = if folder.starts_with("component") || !dice.one_in(4) { "" } else { header };
        let name = match dice.roll(14) {
            0 => "kustomization.yml",
            1 => "Kustomization",
            _ => "kustomization.yaml",
        };
        let bytes = odd_bytes(dice, &format!("{header}{text}"));
        files.push((format!("{folder}/{name}"), bytes));
    };
    let text = format!("resources: [{names}]\n{}", pools.directives(dice, 2, &["resources"]));
    put(dice, "base", &text);
    let below = match shape {
        2 | 5 => {
            let text = format!("resources: [../base]\n{}", pools.directives(dice, 3, &["resources"]));
            put(dice, "middle", &text);
            folders.push("middle");
            "../middle"
        }
        3 => {
            for (folder, own) in [
                ("left", "namePrefix: l-"),
                ("right", dice.pick(&["namePrefix: r-", "nameSuffix: -r", "namespace: right", ""])),
            ] {
                let text = format!(
                    "resources: [../base]\n{own}\n{}",
                    pools.directives(dice, 2, &["resources", "namePrefix", "nameSuffix"])
                );
                put(dice, folder, &text);
                folders.push(folder);
            }
            "../left, ../right"
        }
        4 => {
            folders.push("base2");
            "../base, ../base2"
        }
        _ => dice.pick(&["../base", "../base", "../base/", "./../base", "../overlay/../base"]),
    };
    let extra = if dice.one_in(4) { ", extra.yaml" } else { "" };
    let text = format!("resources: [{below}{extra}]\n{}", pools.directives(dice, 5, &["resources"]));
    put(dice, "overlay", &text);
    for folder in ["component", "component2"] {
        let text =
            pools.directives(dice, 2, &[]).replace("components: [../component", "components: [../component2/../none");
        put(dice, folder, &format!("apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n{text}"));
    }
    if folders.contains(&"base2") {
        let names = resources(dice, "base2", &mut files);
        let text = format!("resources: [{names}]\n{}", pools.directives(dice, 2, &["resources"]));
        files.push(("base2/kustomization.yaml".to_owned(), text.into_bytes()));
    }
    for folder in folders {
        for (name, pool) in [
            ("extra.yaml", "resources"),
            ("config.yaml", "config"),
            ("config2.yaml", "config"),
            ("ops.yaml", "ops"),
            ("merge.yaml", "merge"),
            ("plugins.yaml", "plugins"),
            ("replacement.yaml", "replacement"),
            ("crd.json", "crd"),
            ("schema.json", "schema"),
        ] {
            let text = format!("{}\n", pools.fill(dice, pool));
            let text = if pool == "replacement" { text.trim_start_matches("- ").replace("\n  ", "\n") } else { text };
            files.push((format!("{folder}/{name}"), odd_bytes(dice, &text)));
        }
        let both = format!("{}\n---\n{}\n", pools.fill(dice, "merge"), pools.fill(dice, "merge"));
        let ops = r#"[{"op": "add", "path": "/metadata/labels", "value": {"j": "1"}}]"#;
        let texts: [(&str, &[u8]); 13] = [
            ("patches.yaml", both.as_bytes()),
            ("ops.json", ops.as_bytes()),
            ("file.txt", b"line one\nline two \n"),
            ("vars.env", b"# comment\nA=1\nB=x y\nEMPTY=\nNOTHING\n  C = spaced \nD=a=b\nE=\"q\"\n"),
            ("crlf.env", b"\xef\xbb\xbfF=1\r\nG=2\r\n\r\n"),
            ("patch.yaml", b"apiVersion: v1\nkind: Renamed\nmetadata: {name: renamed}\nspec: {type: x}\n"),
            ("binary.bin", &[0xff, 0, 1, 2, 0xfe]),
            ("other.bin", &[0xc3, 0x28, 10, 10]),
            ("sub/deep.txt", b"deep"),
            ("crlf.txt", b"a\r\nb\r\n"),
            ("bom.txt", b"\xef\xbb\xbfbom\n"),
            ("empty.txt", b""),
            ("long.txt", &[b'x'; 200]),
        ];
        for (name, bytes) in texts {
            files.push((format!("{folder}/{name}"), bytes.to_vec()));
        }
    }
    files
}

/// A text as a file, now and then as other editors would write it.
fn odd_bytes(dice: &mut Dice, text: &str) -> Vec<u8> {
    match dice.roll(60) {
        0 => text.replace('\n', "\r\n").into_bytes(),
        1 => format!("\u{feff}{text}\n").into_bytes(),
        2 => format!("---\n{text}\n").into_bytes(),
        3 => format!("# first\n\n{text}\n...\n").into_bytes(),
        4 => text.as_bytes().to_vec(),
        _ => format!("{text}\n").into_bytes(),
    }
}

/// Kind and name of a resource.
fn identity(text: &str) -> (String, String) {
    let behind = |word: &str| {
        let rest = text.split(word).nth(1).unwrap_or_default();
        rest.split(['\n', ',', '}']).next().unwrap_or_default().to_owned()
    };
    (behind("kind: "), behind("name: "))
}

fn documents(text: &str) -> Vec<Value> {
    yaml::read(&Source::new("expected.yaml", text), Dialect::Kustomize, &Budget::default()).documents
}

/// What a case came to.
enum Outcome {
    /// Built by both, to the same bytes or not.
    Equal {
        bytes: bool,
    },
    /// Refused by both.
    Refused {
        by_both: String,
    },
    Different(String),
}

fn tree_of(files: &[(String, Vec<u8>)]) -> MemoryTree {
    files.iter().fold(MemoryTree::new(), |tree, (path, bytes)| tree.with(path.as_str(), bytes.as_slice()))
}

/// Says whether it is built here, or panics.
fn is_built(files: &[(String, Vec<u8>)]) -> bool {
    let tree = tree_of(files);
    std::panic::catch_unwind(|| build(&tree, "overlay", &Cache::default(), false).unwrap().built).unwrap_or(true)
}

fn outcome(oracle: &Path, folder: &Path, files: &[(String, Vec<u8>)]) -> Outcome {
    let tree = tree_of(files);
    for (path, bytes) in files {
        let file = folder.join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, bytes).unwrap();
    }
    let done = Command::new(oracle).arg("build").arg(folder.join("overlay")).output().unwrap();
    let built = std::panic::catch_unwind(|| build(&tree, "overlay", &Cache::default(), false).unwrap());
    let Ok(product) = built else { return Outcome::Different("a panic here".to_owned()) };
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    match (done.status.success(), product.findings.first().filter(|_| !product.built)) {
        (false, Some(_)) => Outcome::Refused { by_both: said },
        (false, None) => Outcome::Different(format!("kustomize refuses it: {said}")),
        (true, Some(finding)) => Outcome::Different(format!("refused here: {} ({:?})", finding.message, finding.place)),
        (true, None) => {
            let expected = String::from_utf8(done.stdout).unwrap();
            let printed = yaml::print_documents(&product.values.iter().collect::<Vec<_>>());
            if expected == printed || documents(&expected) == product.values {
                return Outcome::Equal { bytes: expected == printed };
            }
            let lines = similar::TextDiff::from_lines(&expected, &printed);
            Outcome::Different(lines.unified_diff().context_radius(3).to_string())
        }
    }
}

#[test]
fn random_kustomizations_are_what_kustomize_makes_of_them() {
    let Some(tools) = mergeline_lab::needs::tools() else { return };
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seed = number("KUSTOMIZE_SEED").unwrap_or(0x6b75_7374);
    let cases = number("KUSTOMIZE_CASES").unwrap_or(CASES);
    println!("seed {seed}, {cases} cases");
    let keep = std::env::var_os("KUSTOMIZE_KEEP").map(std::path::PathBuf::from);
    let pools = Pools::load();
    let one = |case: u64| {
        let (case, files) = (case * 64..case * 64 + 64)
            .map(|case| (case, kustomization(&mut Dice(seed.wrapping_mul(1_000_003).wrapping_add(case)), &pools)))
            .find(|(number, files)| number % 256 == 0 || number % 64 == 63 || is_built(files))
            .unwrap();
        let folder = tempfile::tempdir().unwrap();
        let outcome = outcome(&tools.kustomize, folder.path(), &files);
        if let (Some(keep), Outcome::Different(why)) = (&keep, &outcome) {
            let kept = keep.join(format!("{seed}-{case}"));
            for (path, bytes) in &files {
                let file = kept.join(path);
                fs::create_dir_all(file.parent().unwrap()).unwrap();
                fs::write(file, bytes).unwrap();
            }
            fs::write(kept.join("why"), why).unwrap();
        }
        (case, outcome)
    };
    let outcomes: Vec<(u64, Outcome)> = (0..cases).into_par_iter().map(one).collect();
    let count = |which: fn(&Outcome) -> bool| outcomes.iter().filter(|(_, outcome)| which(outcome)).count();
    println!(
        "{} built to the same bytes, {} to the same objects, {} refused by both",
        count(|outcome| matches!(outcome, Outcome::Equal { bytes: true })),
        count(|outcome| matches!(outcome, Outcome::Equal { bytes: false })),
        count(|outcome| matches!(outcome, Outcome::Refused { .. })),
    );
    if std::env::var_os("KUSTOMIZE_REFUSALS").is_some() {
        for (_, outcome) in &outcomes {
            if let Outcome::Refused { by_both } = outcome {
                println!("refused: {}", by_both.replace('\n', " "));
            }
        }
    }
    let wrong: Vec<String> = outcomes
        .iter()
        .filter_map(|(case, outcome)| match outcome {
            Outcome::Different(why) => Some(format!("case {case} of seed {seed}:\n{why}")),
            _ => None,
        })
        .collect();
    assert!(wrong.is_empty(), "{} cases differ:\n{}", wrong.len(), wrong.join("\n"));
}
