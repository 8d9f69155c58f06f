//! What the suite found.

use std::fmt;

/// How one check went.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CheckOutcome {
    /// It holds.
    Passed,
    /// The backend or the world cannot do what it takes.
    Skipped(String),
    /// It does not hold, and why.
    Failed(String),
}

/// One check and how it went.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CheckResult {
    /// What was checked, as a sentence.
    pub name: &'static str,
    /// The rule that it breaks if it fails: its first words on the page [`crate::guide::backend`].
    pub rule: &'static str,
    /// How it went.
    pub outcome: CheckOutcome,
}

/// Every check and how it went. Its `Display` lists them, a line each; below a failure stands the
/// rule that it breaks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// In the order in which they ran.
    pub checks: Vec<CheckResult>,
}

impl Report {
    pub(super) fn note(&mut self, name: &'static str, rule: &'static str, outcome: CheckOutcome) {
        self.checks.push(CheckResult {
            name,
            rule,
            outcome,
        });
    }

    /// Checks that failed.
    pub fn failed(&self) -> impl Iterator<Item = &CheckResult> {
        self.checks
            .iter()
            .filter(|check| matches!(check.outcome, CheckOutcome::Failed(_)))
    }

    /// Checks that were skipped.
    pub fn skipped(&self) -> impl Iterator<Item = &CheckResult> {
        self.checks
            .iter()
            .filter(|check| matches!(check.outcome, CheckOutcome::Skipped(_)))
    }

    /// Goes on if nothing failed.
    ///
    /// # Panics
    /// If a check failed; the whole report is the message.
    pub fn assert(&self) {
        assert!(
            self.failed().next().is_none(),
            "the backend does not conform:\n{self}"
        );
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for check in &self.checks {
            match &check.outcome {
                CheckOutcome::Passed => writeln!(f, "passed   {}", check.name)?,
                CheckOutcome::Skipped(reason) => writeln!(f, "skipped  {} ({reason})", check.name)?,
                CheckOutcome::Failed(reason) => {
                    let (name, rule) = (check.name, check.rule);
                    writeln!(
                        f,
                        "FAILED   {name}: {reason}\n         breaks the rule \"{rule}\""
                    )?;
                }
            }
        }
        Ok(())
    }
}
