//! Paths as people write them. Shells replace `~` only where a word begins with it, and nobody does in a profile:
//! so all that name files are read here. Must know nothing of what the files are.

use std::path::{Path, PathBuf};

/// The path with the home directory for a leading `~`; as it is where there is none.
pub fn at_home(path: impl AsRef<Path>) -> PathBuf {
    let path = path.as_ref();
    match (path.strip_prefix("~"), etcetera::home_dir()) {
        (Ok(rest), Ok(home)) if rest.as_os_str().is_empty() => home,
        (Ok(rest), Ok(home)) => home.join(rest),
        _ => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_leading_tilde_is_the_home_directory() {
        let home = etcetera::home_dir().unwrap();
        assert_eq!(at_home("~/site/app.zip"), home.join("site/app.zip"));
        assert_eq!(at_home("~"), home);
        for path in ["site", "/site", "./~/site", "site/~", "~site"] {
            assert_eq!(at_home(path), PathBuf::from(path));
        }
    }
}
