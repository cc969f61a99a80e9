//! Dependencies point downwards only: the `use` lines say so.

use std::path::{Path, PathBuf};

fn sources(directory: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(directory);
    if root.is_file() {
        return vec![root];
    }
    let mut found = Vec::new();
    let mut left = vec![root];
    while let Some(place) = left.pop() {
        for entry in std::fs::read_dir(&place).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                left.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    assert!(!found.is_empty(), "{directory} has no sources");
    found
}

/// Lines of code, without comments, that contain one of the words.
fn lines_with(directory: &str, words: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    // What a test types, and what it looks at, may be from anywhere.
    let product = |path: &PathBuf| path.file_name().is_some_and(|name| name != "tests.rs");
    for path in sources(directory).into_iter().filter(product) {
        let text = std::fs::read_to_string(&path).unwrap();
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        found.extend(
            code.filter(|line| words.iter().any(|word| line.contains(word)))
                .map(|line| format!("{}: {line}", path.display())),
        );
    }
    found
}

#[test]
fn the_terminal_knows_no_aws() {
    let none = Vec::<String>::new();
    // All below commands and terminal are packages: the compiler keeps those.
    assert_eq!(
        lines_with("src/ui", &["aws_sdk_", "aws_config::", "aws_smithy", "crate::aws"]),
        none
    );
    let above = ["crate::resources", "crate::session", "crate::commands"];
    assert_eq!(lines_with("src/ui", &above), none);
    assert_eq!(lines_with("src/cli.rs", &["crate::ui", "crate::commands"]), none);
    assert_eq!(lines_with("src/session", &["crate::commands"]), none);
}

/// The clients that `Aws` holds, by the names of its fields.
fn clients() -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/aws/src/clients.rs");
    let text = std::fs::read_to_string(path).unwrap();
    let (_, fields) = text.split_once("pub struct Aws {").unwrap();
    let (fields, _) = fields.split_once("\n}").unwrap();
    let fields = fields.lines().filter_map(|line| line.trim().strip_prefix("pub "));
    let names = fields.filter_map(|field| Some(field.split_once(':')?.0.to_owned()));
    let facts = ["account", "caller", "region", "endpoint", "public"];
    names.filter(|name| !facts.contains(&name.as_str())).collect()
}

#[test]
fn commands_call_no_service_themselves() {
    let clients = clients();
    assert!(clients.contains(&"beanstalk".to_owned()), "{clients:?}");
    // The SDK's own types they cannot name, as the package does not depend on it; the clients they only hand down.
    for path in sources("src") {
        let text = std::fs::read_to_string(&path).unwrap();
        let code: String = text.split_whitespace().collect();
        for client in &clients {
            for holder in ["read", "write", "aws"] {
                let call = format!("{holder}.{client}.");
                assert!(!code.contains(&call), "{}: {call}", path.display());
            }
        }
    }
}

#[test]
fn no_resource_asks_whether_it_is_in_a_sandbox() {
    for directory in ["crates/engine/src", "crates/resources/src"] {
        // "endpoint" as the clients are given one; a VPC has endpoints too.
        let words = ["sandbox", "aws::target", "is_sandbox", "endpoint_url", ".endpoint"];
        assert_eq!(lines_with(directory, &words), Vec::<String>::new());
    }
}

#[test]
fn within_the_sandbox_nothing_looks_up() {
    let none = Vec::<String>::new();
    // The front door asks services, these the protocols and the world, which is a package of its own.
    let above = ["crate::gateway", "crate::daemon"];
    for directory in ["services", "protocols", "instances", "proxy"] {
        assert_eq!(lines_with(&format!("sandbox/src/{directory}"), &above), none);
    }
    for directory in ["protocols", "instances", "proxy"] {
        assert_eq!(
            lines_with(&format!("sandbox/src/{directory}"), &["crate::services"]),
            none
        );
    }
    assert_eq!(lines_with("sandbox/src/gateway", &["winterbaume"]), none);
}

#[test]
fn every_module_says_what_it_is_for() {
    for directory in ["src", "crates", "sandbox/src", "sandbox/world/src", "app-bundle/src"] {
        for path in sources(directory) {
            let text = std::fs::read_to_string(&path).unwrap();
            assert!(
                text.starts_with("//!"),
                "{} does not open with what it is for",
                path.display()
            );
        }
    }
}
