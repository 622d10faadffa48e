//! The full report as one HTML file that needs nothing else: no request, no cookie, no storage.
//!
//! What it shows is put together here as plain data; `html/report.html` lays it out, with every text escaped by the
//! template engine. A content security policy that names the digests of our own style and script keeps anything else
//! from running, should a text ever get through.

mod view;

use super::Report;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, context};
use sha2::{Digest as _, Sha256};

const TEMPLATE: &str = include_str!("html/report.html");
const STYLE: &str = include_str!("html/report.css");
const SCRIPT: &str = include_str!("html/report.js");

/// Why the file could not be made: a defect of the template.
#[derive(Debug, thiserror::Error)]
#[error("the HTML report cannot be made: {0}")]
pub struct HtmlError(#[from] minijinja::Error);

/// The report as a whole HTML document.
///
/// # Errors
/// When the template does not fit the data: a defect.
pub fn html(report: &Report) -> Result<String, HtmlError> {
    let mut environment = Environment::empty();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.add_template("report.html", TEMPLATE)?;
    let policy = format!(
        "default-src 'none'; base-uri 'none'; form-action 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'",
        digest(STYLE),
        digest(SCRIPT)
    );
    let view = minijinja::Value::from(minijinja::value::Serde(view::view(report)));
    let ours = |text: &str| minijinja::Value::from_safe_string(text.to_owned());
    let data = context! { view, policy, style => ours(STYLE), script => ours(SCRIPT) };
    Ok(environment.get_template("report.html")?.render(data)?)
}

fn digest(text: &str) -> String {
    STANDARD.encode(Sha256::digest(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::report::sample;

    #[test]
    fn the_file_asks_nothing_of_anybody_and_shows_every_object() {
        let report = sample::review();
        let page = html(&report).unwrap();
        for change in &report.changes.changes {
            assert!(page.contains(&change.object.name), "{}", change.object);
        }
        for asked in ["src=", "<link", "@import", "url(", "<iframe", "<img", "fetch("] {
            assert!(!page.contains(asked), "{asked}");
        }
        let hrefs = page.matches("href=\"").count();
        let page = page.replace("&#x2f;", "/");
        assert_eq!(hrefs, page.matches("href=\"https://").count() + page.matches("href=\"#").count());
    }

    #[test]
    fn what_a_repository_writes_stays_text() {
        let hostile = "</script><script>alert(1)</script><img src=x onerror=alert(1)>\"'&\u{202e}";
        let mut report = sample::review();
        report.findings[0].message = hostile.to_owned();
        report.environments.push(hostile.to_owned());
        report.changes.changes[0].object.name = hostile.to_owned();
        report.changes.changes[0].unit = hostile.to_owned();
        let page = html(&report).unwrap();
        assert_eq!(page.matches("<script>").count(), 1);
        assert_eq!(page.matches("</script>").count(), 1);
        assert!(!page.contains("<img") && !page.contains('\u{202e}'));
        assert!(page.contains("&lt;script&gt;alert(1)"));
    }

    #[test]
    fn an_address_that_is_no_web_page_is_no_link() {
        let mut report = sample::review();
        report.links.file = Some("javascript:alert(1)//{commit}/{path}".to_owned());
        assert!(!html(&report).unwrap().contains("javascript:"));
    }
}
