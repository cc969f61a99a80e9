//! `up` twice: the second has nothing to do, whatever the bundle, its settings, its label and its tags, and whatever others did.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::support::{Ran, User};

const BUCKET: &str = "elasticbeanstalk-us-east-1-123456789012";

/// Properties as people have them: nothing of them may be read as anything else.
const PROPERTIES: [(&str, &str); 9] = [
    ("EMPTY", ""),
    ("EQUALS", "postgres://db.example:5432/fair?sslmode=require&options=a=b"),
    ("COMMAS", "one,two,,three"),
    ("JSON", r#"{"rooms": [1, 2], "name": "a"}"#),
    ("QUOTED", "\"quoted\""),
    ("SPACED", " one space each side "),
    ("SHELL", "a$HOME`id`%d!"),
    ("UMLAUT", "Schöne Grüße"),
    ("SEATS", "none"),
];

/// What the bundle sets by itself: a theme, and a number of seats that the profile knows better.
const SETTINGS: &str =
    "option_settings:\n  aws:elasticbeanstalk:application:environment:\n    THEME: dark\n    SEATS: \"40\"\n";

/// A user with a stack of one instance, and what is set of it beside its profile.
struct Stack {
    user: User,
    profile: String,
    bundle: String,
}

impl Stack {
    fn new() -> Self {
        let user = User::new();
        let profile = user.home().join("fair.toml");
        // Rust quotes these as TOML does.
        let properties = PROPERTIES.map(|(name, value)| format!("{name} = {value:?}\n"));
        let dev = include_str!("../../profiles/dev.toml");
        let text = format!("{dev}\n[app.properties]\n{}", properties.concat());
        std::fs::write(&profile, text).unwrap();
        let bundle = user.site(&[(".ebextensions/fair.config", SETTINGS)]);
        Self {
            profile: profile.display().to_string(),
            bundle,
            user,
        }
    }

    fn run(&self, command: &[&str], sets: &[&str]) -> Ran {
        let python = "app.platform=Python 3.14 running on 64bit Amazon Linux 2023";
        let all = [&[self.bundle.as_str(), python], sets].concat();
        let sets: Vec<&str> = all.iter().flat_map(|set| ["--set", set]).collect();
        let stack = ["--sandbox", "-p", &self.profile, "-o", "json"];
        self.user.confctl(&[command, &stack, &sets].concat())
    }

    /// `up`, and then once more: nothing is left to do.
    #[track_caller]
    fn comes_to_rest(&self, sets: &[&str]) {
        let up = ["up", "--yes", "--no-verify"];
        self.run(&up, sets).exits(0);
        self.run(&up, sets).exits(0).has_nothing_to_do();
        self.run(&["plan", "--detailed-exitcode"], sets).exits(0);
    }

    /// The properties that the environment has.
    fn properties(&self) -> BTreeMap<String, String> {
        let answer = self.user.aws_json(&[
            "elasticbeanstalk",
            "describe-configuration-settings",
            "--application-name",
            "tcb-conference",
            "--environment-name",
            "Tcb-conference-env",
        ]);
        let options = answer["ConfigurationSettings"][0]["OptionSettings"].as_array().unwrap();
        let namespace = "aws:elasticbeanstalk:application:environment";
        let properties = options.iter().filter(|option| option["Namespace"] == namespace);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        properties
            .map(|option| (text(&option["OptionName"]), text(&option["Value"])))
            .collect()
    }
}

#[test]
fn after_one_up_the_next_has_nothing_to_do_whoever_set_what() {
    let stack = Stack::new();
    let first = ["app.version_label=rel-1", "tags.team=events"];
    stack.comes_to_rest(&first);
    let deployed = stack.properties();
    for (name, value) in PROPERTIES.into_iter().chain([("THEME", "dark")]) {
        assert_eq!(deployed.get(name).map_or("", String::as_str), value, "{name}");
    }

    // The page is corrected and its version keeps its label: that is no thing of which nothing is said.
    stack
        .user
        .site(&[("index.html", "<h1>The wrong date is corrected</h1>\n")]);
    let blocked = stack.run(&["plan"], &first).exits(4);
    assert!(blocked.stdout.contains("app.version_label=LABEL"), "{}", blocked.stdout);

    // Another label, other tags, a property of its own that is taken back later.
    let second = ["app.version_label=rel-2", "tags.cost:center=42", "tags.owner=anna"];
    stack.comes_to_rest(&[&second[..], &["app.properties.ROOM=42"]].concat());

    // Its object is swept from the bucket, and somebody sets a property by hand.
    let object = format!("s3://{BUCKET}/confctl/tcb-conference/bundles/rel-2.zip");
    stack.user.aws(&["s3", "rm", &object]).exits(0);
    let by_hand = "Namespace=aws:elasticbeanstalk:application:environment,OptionName=BY_HAND,Value=1";
    let update = ["elasticbeanstalk", "update-environment", "--environment-name"];
    let update = [&update[..], &["Tcb-conference-env", "--option-settings", by_hand]].concat();
    stack.user.aws(&update).exits(0);
    stack.user.awaits_environment(|status| status == "Ready");
    let plan = stack.run(&["plan", "--detailed-exitcode"], &second).exits(2);
    assert!(plan.stdout.contains("missing in the bucket"), "{}", plan.stdout);
    stack.comes_to_rest(&second);
    stack.user.aws(&["s3", "ls", &object]).exits(0);
    assert_eq!(stack.properties(), deployed);
}
