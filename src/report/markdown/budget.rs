//! Room in the receiver's own unit.

use crate::host::limits::TextUnit;

/// How much text may still be written.
#[derive(Debug, Clone)]
pub(super) struct Budget {
    left: usize,
    unit: TextUnit,
}

impl Budget {
    pub(super) fn new(most: usize, unit: TextUnit) -> Self {
        Self { left: most, unit }
    }

    /// What a text takes.
    pub(super) fn size(&self, text: &str) -> usize {
        match self.unit {
            TextUnit::Bytes => text.len(),
            TextUnit::Characters => text.chars().count(),
        }
    }

    pub(super) fn left(&self) -> usize {
        self.left
    }

    /// Takes the room for `text`; says whether there was enough, and takes nothing otherwise.
    pub(super) fn take(&mut self, text: &str) -> bool {
        let size = self.size(text);
        let fits = size <= self.left;
        if fits {
            self.left -= size;
        }
        fits
    }

    /// Takes the room for `text` if `reserved` is still left after it.
    pub(super) fn take_leaving(&mut self, text: &str, reserved: usize) -> bool {
        self.size(text).saturating_add(reserved) <= self.left && self.take(text)
    }

    /// As much of a line as fits.
    pub(super) fn cut(&self, line: &str) -> String {
        let mut kept = String::new();
        for c in line.chars() {
            if self.size(&kept) + self.size(c.encode_utf8(&mut [0; 4])) > self.left {
                break;
            }
            kept.push(c);
        }
        kept
    }
}
