//! Random kustomizations, built here and by the lab's kustomize: what it builds must be equal, what it refuses refused.
//!
//! `KUSTOMIZE_CASES=2000` runs more than the gate does, `KUSTOMIZE_SEED=…` repeats a run, `KUSTOMIZE_KEEP=FOLDER` keeps what
//! differs. A difference that is mended becomes a fixture in `tests/cases/kustomize`.

use mergeline::git::tree::MemoryTree;
use mergeline::manifest::{Budget, Dialect, Source, Value, yaml};
use mergeline::render::kustomize::{Cache, build};
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

    fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.roll(of.len())]
    }
}

const RESOURCES: &[&str] = &[
    "apiVersion: apps/v1\nkind: «Deployment|Deployment|StatefulSet|DaemonSet»\nmetadata:\n  name: «web|db|api»\n«  labels: {app: web}\n|  labels:\n    app: \"web\"\n    tier: x\n|  annotations: {a: b, n: \"1\"}\n||  namespace: «x»\n»spec:\n  replicas: «1|3»\n«  selector:\n    matchLabels: {app: web}\n|  selector: {matchLabels: {app: web, x: y}}\n»  template:\n    metadata:\n      labels: {app: web}\n    spec:\n      «serviceAccountName: sa\n      |»containers:\n      - name: «web|app»\n        image: «nginx|nginx:1.27|host:5000/team/app:v1|busybox@sha256:aa»\n«        ports:\n        - containerPort: 80\n        - {containerPort: 80, protocol: UDP}\n|        ports: [{containerPort: 8080, name: http, protocol: TCP}, {containerPort: 8080, protocol: UDP}]\n|»«        env:\n        - name: A\n          value: «\"1\"|x|'yes'|\"true\"|$(V)»\n        - name: B\n          valueFrom: {configMapKeyRef: {name: settings, key: b}}\n|        envFrom:\n        - configMapRef: {name: settings}\n        - secretRef:\n            name: login\n|        args: [\"--a\", '$(V)', --b=c]\n|»      - name: side\n        image: envoy:v1\n«      volumes:\n      - name: v\n        configMap: {name: settings}\n      - name: w\n        secret: {secretName: login}\n|      imagePullSecrets:\n      - name: login\n|      tolerations:\n      - key: a\n|»",
    "apiVersion: v1\nkind: Service\nmetadata:\n  name: «web|db»\n«  labels: {app: web}\n|»spec:\n«  selector: {app: web}\n|  selector:\n|»  ports:\n  - port: 80\n«    protocol: TCP\n|»  - {port: 80, protocol: UDP, name: u}\n",
    "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: «settings|other»\n«  annotations: {}\n|  annotations:\n    x: 1\n|»data:\n  b: «\"1\"|x|'no'|\"12:30\"|\"\"»\n  long: «aaa bbb ccc ddd eee fff ggg hhh iii jjj kkk lll mmm nnn ooo ppp qqq rrr sss ttt uuu vvv|\"x: y\"|'#'|\"tab\\there\"|\"é ☃ 🎉\"»\n«  text: |\n    one\n    two\n|  text: |-\n    a\n      b\n|  text: >\n    folded\n    text\n|»",
    "apiVersion: v1\nkind: Secret\nmetadata: {name: login}\nstringData: {password: «hunter2|\"123\"»}\n",
    "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: «sa|default»}\n",
    "apiVersion: rbac.authorization.k8s.io/v1\nkind: «RoleBinding|ClusterRoleBinding»\nmetadata: {name: rb}\nroleRef: {apiGroup: rbac.authorization.k8s.io, kind: «Role|ClusterRole», name: role}\nsubjects:\n- kind: ServiceAccount\n  name: «sa|default»\n«  namespace: «x|default»\n|»",
    "apiVersion: rbac.authorization.k8s.io/v1\nkind: «Role|ClusterRole»\nmetadata: {name: role}\nrules:\n- apiGroups: [\"\"]\n  resources: [configmaps]\n  resourceNames: [settings, «login|none»]\n  verbs: [get]\n",
    "apiVersion: example.com/v1\nkind: Thing\nmetadata:\n  name: thing\nspec:\n  list: [a, b]\n  items:\n  - name: one\n    value: «1|1.0|1e3|0x1f|0o17|017|1_000|true|yes|null|~|2020-01-01|.5|+1»\n  - name: two\n  nothing: «null|~||{}|[]»\n  template:\n    spec:\n      containers:\n      - name: c\n        image: nginx:1\n",
    "apiVersion: v1\nkind: Namespace\nmetadata: {name: «x|y»}\n",
    "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: web}\nspec:\n  tls:\n  - secretName: login\n  rules:\n  - host: a.example.com\n    http:\n      paths:\n      - path: /\n        pathType: Prefix\n        backend: {service: {name: web, port: {number: 80}}}\n",
    "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: web}\nspec:\n  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}\n",
    "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: listed}, data: {a: \"1\", b: yes}}\n",
    "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: things.example.com}\nspec: {group: example.com}\n",
];

const FIELDS: &[&str] = &[
    "namePrefix: «p-|dev.|1-»\n",
    "nameSuffix: «-s|-v2»\n",
    "namespace: «x|prod|default»\n",
    "commonLabels: {«app|team|n1»: «a|\"1\"|\"true\"»}\n",
    "labels:\n- pairs: {«app|team»: «b|\"2\"»}\n«  includeSelectors: true\n|  includeTemplates: true\n|  fields:\n  - path: spec/extra/labels\n    kind: Thing\n    create: true\n||»",
    "commonAnnotations: {«a|note»: «b|\"1\"|\"a: b\"»}\n",
    "images:\n- name: «nginx|host:5000/team/app|envoy|ng.*»\n«  newName: other/image\n|  newTag: \"2.0\"\n|  digest: sha256:bb\n|  newName: x\n  newTag: v9\n|  tagSuffix: -alpine\n|  newTag: v1\n  digest: sha256:cc\n»",
    "replicas:\n- {name: «web|db|api|none», count: «0|5»}\n",
    "sortOptions: «{order: fifo}|{order: legacy}|{order: legacy, legacySortOptions: {orderFirst: [Service], orderLast: [Namespace]}}»\n",
    "buildMetadata: [«originAnnotations|transformerAnnotations|managedByLabel|originAnnotations, transformerAnnotations»]\n",
    "configMapGenerator:\n- name: «settings|gen»\n«  behavior: «merge|replace|create»\n|»«  literals: [a=b, 'c=\"d\"', e=]\n|  files: [file.txt, k=file.txt]\n|  envs: [vars.env]\n|  files: [binary.bin]\n»«  options: {labels: {l: \"1\"}, disableNameSuffixHash: true}\n|  options: {annotations: {a: x}, immutable: true}\n|»",
    "secretGenerator:\n- name: «login|gen»\n«  behavior: «merge|replace»\n|»«  literals: [password=p]\n|  envs: [vars.env]\n  type: kubernetes.io/tls\n|  files: [binary.bin]\n»generatorOptions: {«disableNameSuffixHash: true|labels: {g: h}|annotations: {g: «h|\"1\"»}»}\n",
    "patches:\n- patch: |-\n    apiVersion: apps/v1\n    kind: Deployment\n    metadata:\n      name: «web|db»\n«      labels: {patched: \"yes\"}\n|      annotations: {a: null, z: z}\n|»    spec:\n      replicas: «7|null»\n      template:\n        spec:\n          containers:\n          - name: «side|web|new»\n«            image: patched:1\n|            $patch: delete\n|            $patch: replace\n            image: r\n|            ports:\n            - containerPort: 80\n              name: p\n|            env:\n            - {name: A, value: \"2\"}\n            - {name: C, value: c}\n»«          tolerations: [{key: b}]\n|          volumes:\n          - name: v\n            configMap: null\n            emptyDir: {}\n|          - $patch: replace\n||»",
    "patches:\n- target: {kind: «Deployment|Service|Thing|ConfigMap|.*», «name: web|labelSelector: app=web|annotationSelector: a|name: \"w.*\"|namespace: default»}\n  patch: |-\n    apiVersion: v1\n    kind: any\n    metadata:\n      name: any\n      «labels: {t: \"1\"}|annotations: {t: null, u: \"2\"}|labels: {app: null}»\n    «spec: {added: {a: null, b: 1}}|data: {b: 5, new: x}|spec: null|$patch: delete|spec: {list: [c], items: [{name: two}]}»\n",
    "patches:\n- target: {kind: «Deployment|Thing|ConfigMap»}\n  patch: |-\n    - op: «add|replace|test»\n      path: /«metadata/labels/x|metadata/annotations/y|metadata/name|data/b|spec/replicas|spec/list/-|spec/items/0/value|spec/template/spec/containers/0/image»\n      value: «x|5|\"5\"|1.5|true|{a: b}|[1, 2]»\n",
    "patches:\n- target: {kind: «Deployment|Thing», name: «web|thing»}\n  patch: '[{\"op\": \"«remove|copy|move»\", \"path\": \"/«metadata/labels|spec/extra|spec/list/0|spec/replicas»\", \"from\": \"/«spec/replicas|spec/list/1|metadata/name»\"}]'\n",
    "patches:\n- path: patch.yaml\n  options: {allowNameChange: «true|false», allowKindChange: «true|false»}\n  target: {kind: Service, name: web}\n",
    "patchesStrategicMerge:\n- |-\n  apiVersion: v1\n  kind: Service\n  metadata: {name: web}\n  spec: {ports: [{port: 80, «protocol: UDP, nodePort: 1|name: n|protocol: TCP»}, {port: 443}]}\n",
    "replacements:\n- source: {kind: «Deployment|ConfigMap|Service», name: «web|settings», fieldPath: «metadata.name|data.b|spec.replicas|spec.template.spec.containers.0.image»«, options: {delimiter: \":\", index: 0}|»}\n  targets:\n  - select: {kind: «Thing|Service|Deployment»}\n    fieldPaths: [«spec.list.0|metadata.annotations.r|spec.template.spec.containers.[name=side].image|spec.template.spec.containers.*.image|metadata.labels.app|spec.items.[name=one].value|spec.new.field»]\n    options: {«create: true|delimiter: \":\", index: 1|delimiter: \"-\", index: -1|create: false»}\n",
    "vars:\n- name: V\n  objref: {kind: «Service|ConfigMap», name: «web|settings», apiVersion: v1}\n«  fieldref: {fieldpath: «metadata.name|spec.ports[0].port|data.b»}\n|»",
    "transformers:\n- |-\n  apiVersion: builtin\n  kind: «LabelTransformer|AnnotationsTransformer»\n  metadata: {name: t}\n  labels: {tt: «x|1|true»}\n  annotations: {tt: «x|1|true»}\n  fieldSpecs:\n  - {path: «metadata/labels|metadata/annotations|spec/deep/map», create: «true|false»}\n",
    "transformers:\n- |-\n  apiVersion: builtin\n  kind: PrefixSuffixTransformer\n  metadata: {name: t}\n  prefix: q-\n  suffix: -z\n  fieldSpecs: [{path: metadata/name«, kind: Deployment|»}]\n",
    "transformers:\n- |-\n  apiVersion: builtin\n  kind: NamespaceTransformer\n  metadata: {name: t, namespace: nt}\n  unsetOnly: «true|false»\n  setRoleBindingSubjects: «allServiceAccounts|defaultOnly|none»\n",
    "configurations: [config.yaml]\n",
    "components: [../component]\n",
];

const CONFIG: &[&str] = &[
    "namePrefix:\n- path: metadata/name\n  kind: «Deployment|Service»\n- path: spec/items/name\n  kind: Thing\n",
    "commonLabels:\n- path: spec/selector\n  kind: Thing\n  create: true\n",
    "nameReference:\n- kind: «ConfigMap|Service»\n  version: v1\n  fieldSpecs:\n  - path: spec/list\n    kind: Thing\n  - path: spec/items/name\n    kind: Thing\n",
    "images:\n- path: spec/items/value\n  kind: Thing\n",
];

/// Files by path; the build is `overlay`.
fn kustomization(dice: &mut Dice) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    let mut put = |path: &str, text: &str| files.push((path.to_owned(), text.as_bytes().to_vec()));
    let count = 1 + dice.roll(5);
    let mut known = Vec::new();
    for index in 0..count {
        let mut text = fill(dice, RESOURCES);
        // Equal identities are refused, and most cases should be built.
        while known.contains(&identity(&text)) && !dice.one_in(40) {
            text = fill(dice, RESOURCES);
        }
        known.push(identity(&text));
        put(&format!("base/r{index}.yaml"), &text);
    }
    let names: Vec<String> = (0..count).map(|index| format!("r{index}.yaml")).collect();
    let fields = |dice: &mut Dice, most: usize| {
        let mut text = String::new();
        let mut used = Vec::new();
        for _ in 0..dice.roll(most + 1) {
            let field = fill(dice, FIELDS);
            let name = field.split(':').next().unwrap().to_owned();
            if !used.contains(&name) {
                text.push_str(&field);
                used.push(name);
            }
        }
        text
    };
    let base = format!("resources: [{}]\n{}", names.join(", "), fields(dice, 2));
    put("base/kustomization.yaml", &base);
    let middle = dice.one_in(3);
    if middle {
        put("middle/kustomization.yaml", &format!("resources: [../base]\n{}", fields(dice, 2)));
    }
    let below = if middle { "../middle" } else { "../base" };
    let extra = if dice.one_in(4) { ", extra.yaml" } else { "" };
    put("overlay/kustomization.yaml", &format!("resources: [{below}{extra}]\n{}", fields(dice, 5)));
    put("overlay/extra.yaml", &fill(dice, RESOURCES));
    let component = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n";
    put(
        "component/kustomization.yaml",
        &format!("{component}{}", fields(dice, 2).replace("components: [../component]\n", "namePrefix: c-\n")),
    );
    for folder in ["base", "middle", "overlay", "component"] {
        put(&format!("{folder}/config.yaml"), &fill(dice, CONFIG));
        put(&format!("{folder}/file.txt"), "line one\nline two \n");
        put(&format!("{folder}/vars.env"), "# comment\nA=1\nB=x y\nEMPTY=\nNOTHING\n");
        put(
            &format!("{folder}/patch.yaml"),
            "apiVersion: v1\nkind: Renamed\nmetadata: {name: renamed}\nspec: {type: x}\n",
        );
    }
    for folder in ["base", "middle", "overlay", "component"] {
        files.push((format!("{folder}/binary.bin"), vec![0xff, 0, 1, 2, 0xfe]));
    }
    files
}

/// Kind and name of a resource.
fn identity(text: &str) -> (String, String) {
    let behind = |word: &str| {
        let rest = text.split(word).nth(1).unwrap_or_default();
        rest.split(['\n', ',', '}']).next().unwrap_or_default().to_owned()
    };
    (behind("kind: "), behind("name: "))
}

/// One of the texts with its choices made, the inner ones first.
fn fill(dice: &mut Dice, texts: &[&str]) -> String {
    let mut text = dice.pick(texts).to_owned();
    while let Some(start) = text.rfind('«') {
        let end = start + text[start..].find('»').unwrap();
        let words: Vec<String> = text[start + '«'.len_utf8()..end].split('|').map(str::to_owned).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let word = dice.pick(&words).to_owned();
        text.replace_range(start..end + '»'.len_utf8(), &word);
    }
    text
}

fn documents(text: &str) -> Vec<Value> {
    yaml::read(&Source::new("expected.yaml", text), Dialect::Kustomize, &Budget::default()).documents
}

/// Why both differ; `None` when they agree.
fn difference(oracle: &Path, folder: &Path, files: &[(String, Vec<u8>)], built: &mut u64) -> Option<String> {
    let mut tree = MemoryTree::new();
    for (path, bytes) in files {
        let file = folder.join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, bytes).unwrap();
        tree.insert(path.as_str(), bytes.as_slice());
    }
    let done = Command::new(oracle).arg("build").arg(folder.join("overlay")).output().unwrap();
    let product = build(&tree, "overlay", &Cache::default(), false).unwrap();
    *built += u64::from(done.status.success());
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    match (done.status.success(), product.findings.first().filter(|_| !product.built)) {
        (false, Some(_)) => None,
        (false, None) => Some(format!("kustomize refuses it: {said}")),
        (true, Some(finding)) => Some(format!("refused here: {} ({:?})", finding.message, finding.place)),
        (true, None) => {
            let expected = String::from_utf8(done.stdout).unwrap();
            let printed = yaml::print_documents(&product.values.iter().collect::<Vec<_>>());
            if expected == printed || documents(&expected) == product.values {
                return None;
            }
            Some(similar::TextDiff::from_lines(&expected, &printed).unified_diff().context_radius(3).to_string())
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
    let mut wrong = Vec::new();
    let mut built = 0;
    for case in 0..cases {
        let files = kustomization(&mut Dice(seed.wrapping_mul(1_000_003).wrapping_add(case)));
        let folder = tempfile::tempdir().unwrap();
        if let Some(why) = difference(&tools.kustomize, folder.path(), &files, &mut built) {
            if let Some(keep) = &keep {
                for (path, bytes) in &files {
                    let file = keep.join(case.to_string()).join(path);
                    fs::create_dir_all(file.parent().unwrap()).unwrap();
                    fs::write(file, bytes).unwrap();
                }
            }
            wrong.push(format!("case {case} of seed {seed}:\n{why}"));
        }
    }
    println!("{} of {cases} agree; kustomize builds {built}", cases - wrong.len() as u64);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
