//! `action.yml` as text: what users read of it, and what it must never do.

use std::fs;
use std::path::Path;

fn read(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// The names below a top-level key of action.yml, each with its description.
fn entries(section: &str) -> Vec<(String, String)> {
    let text = read("action.yml");
    let body = text.split(&format!("\n{section}:\n")).nth(1).unwrap();
    let body = body.lines().take_while(|line| line.starts_with(' '));
    let mut found: Vec<(String, String)> = Vec::new();
    for line in body {
        if let Some(name) = line.strip_prefix("  ").filter(|rest| !rest.starts_with(' ')) {
            found.push((name.trim_end_matches(':').to_owned(), String::new()));
        } else if let Some(words) = line.trim().strip_prefix("description: ") {
            found.last_mut().unwrap().1 = words.to_owned();
        }
    }
    found
}

#[test]
fn inputs_are_few_kebab_case_and_say_their_type() {
    let inputs = entries("inputs");
    assert!((1..=15).contains(&inputs.len()));
    for (name, description) in inputs {
        assert!(name.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{name}");
        let typed = ["One of", "A name", "as X.Y", "a secret", "a path", "a URL"];
        assert!(typed.iter().any(|word| description.contains(word)), "{name}: {description}");
    }
}

#[test]
fn nothing_is_interpolated_into_a_script() {
    let text = read("action.yml");
    let scripts = text.lines().filter(|line| line.trim_start().starts_with("run:")).collect::<Vec<_>>();
    assert_eq!(scripts, [r#"      run: bash "$GITHUB_ACTION_PATH/action.sh""#]);
    assert!(!read("action.sh").contains("${{"));
}
