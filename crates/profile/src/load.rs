//! From a name or a file, and `--set` flags, to a checked profile, and back to TOML.
//! The only part of the profile that touches the file system.

use std::collections::HashMap;
use std::ops::Range;

use miette::NamedSource;
use toml_edit::DocumentMut;

use super::error::{Origin, Problem, ProfileError};
use super::key::Key;
use super::keys::{KEYS, Profile};
use super::set::{self, Set};
use super::spans::{self, Spans};
use super::validate::Finding;
use super::{key, schema, validate};

/// A profile that is part of the program.
#[derive(Clone, Copy, Debug)]
pub struct Embedded {
    pub name: &'static str,
    pub summary: &'static str,
    pub text: &'static str,
}

/// The profiles that are part of the program, the default one first.
pub fn embedded() -> &'static [Embedded] {
    &[
        Embedded {
            name: "article",
            summary: "the article, value by value: two to four instances behind a load balancer, CloudFront and a web ACL",
            text: include_str!("../../../profiles/article.toml"),
        },
        Embedded {
            name: "dev",
            summary: "one cheap instance, without load balancer, CloudFront and key pair",
            text: include_str!("../../../profiles/dev.toml"),
        },
        Embedded {
            name: "ci",
            summary: "fastest to create, for pipelines: CloudFront fetches from the environment's CNAME",
            text: include_str!("../../../profiles/ci.toml"),
        },
        Embedded {
            name: "hardened",
            summary: "the article's shape with less that is open: HTTPS, a protected table, no key pair, registrations counted by address",
            text: include_str!("../../../profiles/hardened.toml"),
        },
    ]
}

/// A profile, checked and complete.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The embedded profile's name, or the file's path.
    pub name: String,
    pub profile: Profile,
    /// Whether the user's file or a `--set` names the region. Where neither does, `AWS_REGION` and the AWS configuration come
    /// before what the embedded profile says.
    pub names_region: bool,
    /// Keys that the user set and that count for nothing beside the others.
    pub idle: Vec<&'static Key>,
    pub origins: Origins,
}

/// Where each value was given, by its path; what has the program's own default is not in it.
pub type Origins = HashMap<Vec<String>, Origin>;

/// Loads the embedded profile `source`, or the file `source` if it has a slash or ends in `.toml`, changed by `sets`
/// (`key=value` each, later ones win), and checks it. Paths in a profile are relative to the working directory.
pub fn load(source: &str, sets: &[String]) -> Result<Loaded, ProfileError> {
    if source.contains(['/', '\\']) || source.ends_with(".toml") {
        let text = std::fs::read_to_string(source).map_err(|error| ProfileError::Read {
            path: source.into(),
            source: error,
        })?;
        return read(source, &text, sets, Whose::Users);
    }
    match embedded().iter().find(|profile| profile.name == source) {
        Some(found) => read(source, found.text, sets, Whose::OfTheProgram),
        None => Err(unknown_profile(source)),
    }
}

fn unknown_profile(name: &str) -> ProfileError {
    let names: Vec<&str> = embedded().iter().map(|profile| profile.name).collect();
    let nearest = key::best(names.iter().copied(), |candidate| strsim::jaro_winkler(name, candidate));
    let known = format!(
        "there are {}; a file is given by a path with a slash or `.toml`",
        names.join(", ")
    );
    ProfileError::Unknown {
        name: name.into(),
        known,
        nearest,
    }
}

/// Reads the text of a profile, as `load` does. `file` is what errors call it.
pub fn parse(file: &str, text: &str, sets: &[String]) -> Result<Profile, ProfileError> {
    read(file, text, sets, Whose::Users).map(|loaded| loaded.profile)
}

/// Whose words a text has: what the program itself says is nobody's wish.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Whose {
    Users,
    OfTheProgram,
}

fn read(file: &str, text: &str, sets: &[String], whose: Whose) -> Result<Loaded, ProfileError> {
    let invalid = |problems| ProfileError::Invalid {
        source_text: NamedSource::new(file, text.to_string()),
        problems,
    };
    let spans = Spans::of(text).map_err(|error| invalid(vec![syntax_problem(file, text, &error)]))?;
    let document: DocumentMut = text
        .parse()
        .map_err(|error: toml_edit::TomlError| invalid(vec![whole_file(file, error.message())]))?;

    let sets = read_sets(sets).map_err(invalid)?;
    let locator = Locator {
        file,
        spans: &spans,
        sets: &sets,
    };
    let located = |findings: Vec<Finding>| {
        if findings.is_empty() {
            Ok(())
        } else {
            Err(invalid(findings.iter().map(|one| locator.problem(one)).collect()))
        }
    };

    let table = apply(document, &sets).map_err(|finding| invalid(vec![locator.problem(&finding)]))?;
    located(schema::check(&table))?;
    let profile: Profile = table
        .clone()
        .try_into()
        .map_err(|error: toml::de::Error| invalid(vec![whole_file(file, error.message())]))?;
    located(validate::check(&profile))?;
    let wishes = Wishes {
        table: &table,
        whose,
        sets: &sets,
    };
    Ok(Loaded {
        name: file.into(),
        names_region: wishes.name(&["region".to_owned()]),
        idle: wishes.idle(&profile),
        origins: locator.origins(&profile),
        profile,
    })
}

/// What the user said of the keys, in a file of their own and in flags.
struct Wishes<'a> {
    /// Flags included.
    table: &'a toml::Table,
    whose: Whose,
    sets: &'a [Set],
}

impl Wishes<'_> {
    fn name(&self, path: &[String]) -> bool {
        let given = value(self.table, path).is_some();
        given && (self.whose == Whose::Users || self.in_flags(path))
    }

    fn in_flags(&self, path: &[String]) -> bool {
        self.sets.iter().any(|set| set.is_about(path))
    }

    /// What is in a file as one of the program's own profiles has it came with a copy of that.
    fn is_copied(&self, path: &[String]) -> bool {
        let mut tables = embedded().iter().filter_map(|profile| profile.text.parse().ok());
        tables.any(|table: toml::Table| value(&table, path) == value(self.table, path))
    }

    fn idle(&self, profile: &Profile) -> Vec<&'static Key> {
        let idle = |key: &&Key| {
            let path: Vec<String> = key.path.split('.').map(str::to_owned).collect();
            let counts = key.with.is_none_or(|with| with.is_in(profile));
            !counts && self.name(&path) && (self.in_flags(&path) || !self.is_copied(&path))
        };
        KEYS.iter().filter(idle).collect()
    }
}

fn value<'a>(table: &'a toml::Table, path: &[String]) -> Option<&'a toml::Value> {
    let (last, sections) = path.split_last()?;
    let inner = sections
        .iter()
        .try_fold(table, |table, section| table.get(section)?.as_table())?;
    inner.get(last)
}

fn read_sets(texts: &[String]) -> Result<Vec<Set>, Vec<Problem>> {
    let mut sets = Vec::new();
    let mut problems = Vec::new();
    for text in texts {
        match Set::parse(text) {
            Ok(set) => sets.push(set),
            Err(Finding {
                paths, message, help, ..
            }) => {
                let key = paths.first().map(|path| path.join(".")).unwrap_or_default();
                problems.push(Problem {
                    origin: Origin::Flag(set::flag(text)),
                    key,
                    message,
                    help,
                });
            }
        }
    }
    if problems.is_empty() { Ok(sets) } else { Err(problems) }
}

fn apply(mut document: DocumentMut, sets: &[Set]) -> Result<toml::Table, Finding> {
    for set in sets {
        set.apply(&mut document)?;
    }
    toml::from_str(&document.to_string()).map_err(|error| Finding::about_key(&[], error.message(), ""))
}

fn syntax_problem(file: &str, text: &str, error: &toml::de::Error) -> Problem {
    let span = error.span().unwrap_or(0..0);
    let (line, column) = spans::line_and_column(text, span.start);
    Problem {
        origin: Origin::File {
            file: file.into(),
            line,
            column,
            span,
        },
        key: String::new(),
        message: format!("this is not TOML: {}", error.message()),
        help: String::new(),
    }
}

fn whole_file(file: &str, message: &str) -> Problem {
    Problem {
        origin: Origin::Default { file: file.into() },
        key: String::new(),
        message: message.into(),
        help: String::new(),
    }
}

/// Finds out where the user said what is wrong.
struct Locator<'a> {
    file: &'a str,
    spans: &'a Spans<'a>,
    sets: &'a [Set],
}

impl Locator<'_> {
    fn problem(&self, finding: &Finding) -> Problem {
        let first = finding.paths.first().map(Vec::as_slice).unwrap_or_default();
        let (path, origin) = self
            .by_flag(finding)
            .or_else(|| self.in_file(finding))
            .unwrap_or_else(|| (first, Origin::Default { file: self.file.into() }));
        Problem {
            origin,
            key: path.join("."),
            message: finding.message.clone(),
            help: finding.help.clone(),
        }
    }

    /// Of every value that was given: the last flag about it, else its place in the file.
    fn origins(&self, profile: &Profile) -> Origins {
        let origin = |path: Vec<String>| {
            let flag = self.sets.iter().rev().find(|set| set.is_about(&path));
            let flag = flag.map(|set| Origin::Flag(set.flag().into()));
            let origin = flag.or_else(|| self.spans.value(&path).map(|span| self.place(span)))?;
            Some((path, origin))
        };
        profile
            .settings()
            .into_iter()
            .filter_map(|setting| origin(setting.path))
            .collect()
    }

    /// The last flag about one of the keys: it won over the file.
    fn by_flag<'f>(&self, finding: &'f Finding) -> Option<(&'f [String], Origin)> {
        self.sets.iter().rev().find_map(|set| {
            let path = finding.paths.iter().find(|path| set.is_about(path))?;
            Some((path.as_slice(), Origin::Flag(set.flag().into())))
        })
    }

    fn in_file<'f>(&self, finding: &'f Finding) -> Option<(&'f [String], Origin)> {
        finding.paths.iter().find_map(|path| {
            let span = if finding.at_key {
                self.spans.key(path)
            } else {
                self.spans.value(path)
            }?;
            Some((path.as_slice(), self.place(span)))
        })
    }

    fn place(&self, span: Range<usize>) -> Origin {
        let (line, column) = self.spans.line_and_column(span.start);
        Origin::File {
            file: self.file.into(),
            line,
            column,
            span,
        }
    }
}

impl Profile {
    /// The profile as TOML with every key that has a value. `parse` reads the same profile from it.
    pub fn to_toml(&self) -> Result<String, toml::ser::Error> {
        toml::to_string(self)
    }
}
