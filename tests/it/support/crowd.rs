//! People at a user's site, by `load`, and what was measured of them. Must know nothing of what a story expects of them.

use serde_json::Value;

use super::User;

/// What became of people.
pub struct Crowd {
    /// The outputs of `load`.
    pub outputs: Value,
    /// The numbers beside its report.
    pub numbers: Value,
}

impl User {
    /// Lets people come who do as these arguments say.
    ///
    /// # Panics
    /// Where `load` does not end well.
    #[track_caller]
    pub fn lets_come(&self, more: &[&str]) -> Crowd {
        let report = self.home().join("crowd.html");
        let line = [
            "load",
            "--sandbox",
            "--yes",
            "-o",
            "json",
            "--report",
            report.to_str().unwrap(),
        ];
        let ran = self.confctl(&[&line[..], more].concat()).exits(0);
        let numbers = std::fs::read_to_string(report.with_extension("json")).unwrap();
        Crowd {
            outputs: ran.summary()["outputs"].clone(),
            numbers: serde_json::from_str(&numbers).unwrap(),
        }
    }
}
