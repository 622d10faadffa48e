//! Keys without `?`: where one may have begun, and whether it still may.

use super::{Scanned, Scanner};

/// The place where a map key without `?` may have begun.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct SimpleKey {
    pub(super) possible: bool,
    /// Nothing but a key may stand here.
    pub(super) required: bool,
    pub(super) token: usize,
    pub(super) at: usize,
    pub(super) line: usize,
    pub(super) column: usize,
}

/// The longest key without `?`, in characters.
const LONGEST_KEY: usize = 1024;

impl Scanner<'_> {
    /// Says whether a key may still have begun there.
    pub(super) fn key_is_valid(&mut self, index: usize) -> Scanned<bool> {
        let key = self.keys[index];
        if !key.possible {
            return Ok(false);
        }
        let end = self.at.min(self.text.len());
        let far = end - key.at > LONGEST_KEY
            && self.text.get(key.at..end).is_none_or(|passed| passed.chars().count() > LONGEST_KEY);
        if key.line == self.line && !far {
            return Ok(true);
        }
        if key.required {
            return self.refuse("could not find expected ':'", key.at);
        }
        self.keys[index].possible = false;
        Ok(false)
    }

    pub(super) fn save_key(&mut self) -> Scanned<()> {
        if !self.key_allowed {
            return Ok(());
        }
        let column = self.column();
        let required = self.flow_level == 0 && self.indent == column;
        self.remove_key()?;
        let token = self.taken + self.tokens.len();
        let column = usize::try_from(column).unwrap_or_default();
        let key = SimpleKey { possible: true, required, token, at: self.at, line: self.line, column };
        if let Some(last) = self.keys.last_mut() {
            *last = key;
        }
        Ok(())
    }

    pub(super) fn remove_key(&mut self) -> Scanned<()> {
        let Some(key) = self.keys.last_mut() else { return Ok(()) };
        if key.possible && key.required {
            let at = key.at;
            return self.refuse("could not find expected ':'", at);
        }
        key.possible = false;
        Ok(())
    }
}
