//! Apps that people bring to Beanstalk, and what each platform makes of them.

use super::*;

fn no_flaws(folder: &TempDir, instances: &Instances) -> Vec<String> {
    let (flaws, notes) = findings(folder, instances);
    assert_eq!(flaws, Vec::<String>::new());
    notes
}

fn the_flaw(folder: &TempDir, instances: &Instances) -> String {
    let (flaws, _) = findings(folder, instances);
    assert_eq!(flaws.len(), 1, "{flaws:?}");
    flaws[0].clone()
}

/// The layout that the guide gives for Go (go-environment).
#[test]
fn a_program_that_the_buildfile_makes_need_not_be_there() {
    let files = [
        ("Buildfile", "make: ./build.sh\n"),
        ("Procfile", "web: bin/application\n"),
        ("build.sh", "#!/usr/bin/env bash\ngo build -o bin/application .\n"),
        ("go.mod", "module example.org/signup\n"),
    ];
    assert_eq!(no_flaws(&app(&files), &instances()), Vec::<String>::new());
    let without = app(&files[1..]);
    assert!(the_flaw(&without, &instances()).contains("starts bin/application, which is not in the bundle"));
}

#[test]
fn a_program_that_a_hook_or_a_configuration_file_makes_need_not_be_there() {
    let procfile = ("Procfile", "web: bin/application\n");
    for maker in [
        (".platform/hooks/prebuild/01.sh", "#!/bin/bash\nmake\n"),
        (".platform/hooks/predeploy/01.sh", "#!/bin/bash\nmake\n"),
        (
            ".ebextensions/make.config",
            "container_commands:\n  make:\n    command: make\n",
        ),
    ] {
        let notes = no_flaws(&app(&[procfile, maker]), &instances());
        assert!(
            notes[0].contains("hooks or configuration files have to make it"),
            "{notes:?}"
        );
    }
    for none in [
        (".platform/hooks/postdeploy/01.sh", "#!/bin/bash\nmake\n"),
        (".ebextensions/set.config", "option_settings: []\n"),
    ] {
        assert!(
            the_flaw(&app(&[procfile, none]), &instances()).contains("not in the bundle"),
            "{none:?}"
        );
    }
}

#[test]
fn what_npm_installs_need_not_be_there_unless_npm_is_not_run() {
    let files = [
        ("Procfile", "web: ./node_modules/.bin/serve -l $PORT static\n"),
        ("package.json", r#"{"dependencies": {"serve": "^14.2.0"}}"#),
    ];
    let folder = app(&files);
    assert_eq!(no_flaws(&folder, &node()), Vec::<String>::new());
    assert!(
        the_flaw(&folder, &instances()).contains("not in the bundle"),
        "Go installs no npm packages"
    );
    put(folder.path(), "node_modules/other/index.js", "");
    assert!(the_flaw(&folder, &node()).contains("runs `npm install` only where there is no node_modules"));
}

/// AWS's own samples have none.
#[test]
fn a_platform_that_makes_its_own_procfile_needs_none() {
    let python = on("Python 3.14 running on 64bit Amazon Linux 2023");
    let docker = on("Docker running on 64bit Amazon Linux 2023");
    let ruby = on("Ruby 4.0 running on 64bit Amazon Linux 2023");
    let java = on("Corretto 25 running on 64bit Amazon Linux 2023");
    let php = on("PHP 8.5 running on 64bit Amazon Linux 2023");
    for (files, instances) in [
        (vec![("package.json", "{}"), ("app.js", "")], node()),
        (vec![("server.js", "")], node()),
        (vec![("application.py", ""), ("requirements.txt", "Flask\n")], python),
        (vec![("Dockerfile", "FROM nginx:alpine\n")], docker),
        (vec![("config.ru", "run App\n"), ("Gemfile", "")], ruby),
        (vec![("server.jar", "")], java),
        (vec![("index.php", "")], php),
        (vec![("application.go", "package main\n"), ("go.mod", "")], instances()),
        (vec![("bin/application", "ELF")], instances()),
    ] {
        assert_eq!(no_flaws(&app(&files), &instances), Vec::<String>::new(), "{files:?}");
    }
}

#[test]
fn where_nothing_is_started_the_way_out_is_the_platforms() {
    let flaw = the_flaw(&app(&[("package.json", "{}"), ("app.js", "")]), &instances());
    assert!(flaw.contains("nothing else that the Go platform starts"), "{flaw}");
    assert!(
        flaw.contains("looks like an app for Node.js: set app.platform"),
        "{flaw}"
    );
    let flaw = the_flaw(&app(&[("index.ts", "")]), &node());
    assert!(flaw.contains("with a line as `web: node server.js`"), "{flaw}");
    let two_jars = app(&[("server.jar", ""), ("cache.jar", "")]);
    let flaw = the_flaw(&two_jars, &on("Corretto 25 running on 64bit Amazon Linux 2023"));
    assert!(flaw.contains("web: java -jar app.jar"), "{flaw}");
    let docker = on("Docker running on 64bit Amazon Linux 2023");
    assert!(the_flaw(&app(&[("index.html", "")]), &docker).starts_with("Dockerfile: is missing"));
}

#[test]
fn comments_and_blank_lines_stop_nothing() {
    for text in [
        "# Licence header of the company\n# in two lines\n\ncoordinator: /bin/bash -c \"exec locust --master\"\nfollower: \
         /bin/bash -c \"exec locust --worker\"\n",
        "# the page\nweb: node server.js\n\n# mails, later\n#mailer: node mailer.js\n",
        "web: node server.js\n\n",
    ] {
        no_flaws(&app(&[("Procfile", text), ("server.js", "")]), &node());
    }
}

#[test]
fn a_command_of_another_platform_is_told() {
    let folder = app(&[("Procfile", "web: node server.js\n"), ("server.js", "")]);
    let notes = no_flaws(&folder, &instances());
    assert!(
        notes[0].contains("`node` comes with the Node.js platform, this is Go"),
        "{notes:?}"
    );
    assert_eq!(no_flaws(&folder, &node()), Vec::<String>::new());
}

#[test]
fn every_process_has_its_program() {
    let folder = app(&[("Procfile", "web: ./server\nmailer: ./mailer\n"), ("server", "ELF")]);
    assert!(the_flaw(&folder, &instances()).contains("starts mailer, which is not in the bundle"));
}

#[test]
fn a_configuration_file_that_is_no_yaml_is_told_wherever_it_is() {
    let good = app(&[
        ("Procfile", "web: node server.js\n"),
        (
            ".ebextensions/options.config",
            "option_settings:\n  aws:elasticbeanstalk:application:environment:\n    THEME: flat\n    TABLE: '`{\"Ref\" : \
             \"Table\"}`'\n",
        ),
        (
            ".ebextensions/list.config",
            "option_settings:\n  - namespace: aws:autoscaling:asg\n    option_name: MinSize\n    value: 2\n  - \
             option_name: COLOR\n    value: blue\nResources:\n  Table:\n    Type: AWS::DynamoDB::Table\n",
        ),
        (
            ".ebextensions/json.config",
            "{\n\t\"option_settings\": [{\"option_name\": \"A\", \"value\": \"1\"}]\n}\n",
        ),
        (".ebextensions/notes.txt", "no: yaml: here"),
    ]);
    assert_eq!(no_flaws(&good, &node()), Vec::<String>::new());
    let inspected = crate::inspect(&crate::Source::Folder(good.path().to_owned()), &node()).unwrap();
    assert_eq!(Vec::from_iter(inspected.properties), ["A", "COLOR", "TABLE", "THEME"]);
    let tab = "option_settings:\n\taws:autoscaling:asg:\n\t\tMinSize: 1\n";
    for name in [
        ".ebextensions/scale.config",
        "inner/.ebextensions/scale.config",
        "env.yaml",
    ] {
        let folder = app(&[("Procfile", "web: node server.js\n"), (name, tab)]);
        let flaw = the_flaw(&folder, &node());
        assert!(flaw.starts_with(&format!("{name}: is neither YAML nor JSON")), "{flaw}");
    }
}

#[test]
fn option_settings_of_a_wrong_form_are_told() {
    for (text, told) in [
        ("option_settings: yes\n", "neither a list nor a mapping"),
        (
            "option_settings:\n  aws:autoscaling:asg: 2\n",
            "is not a namespace with options",
        ),
        ("option_settings:\n  - MinSize\n", "without `option_name`"),
        (
            "option_settings:\n  aws:autoscaling:asg:\n    MinSize:\n      value: 2\n",
            "has no plain value",
        ),
        ("- MinSize: 2\n", "no mapping of sections"),
    ] {
        let folder = app(&[("Procfile", "web: node server.js\n"), (".ebextensions/a.config", text)]);
        assert!(the_flaw(&folder, &node()).contains(told), "{text}");
    }
}

#[test]
fn a_configuration_file_that_beanstalk_skips_is_told() {
    let misspelt = app(&[
        ("Procfile", "web: node server.js\n"),
        (
            ".ebextensions/a.config",
            "OptionSettings:\n  aws:autoscaling:asg:\n    MinSize: 2\n",
        ),
    ]);
    assert!(no_flaws(&misspelt, &node())[0].contains("Beanstalk skips the whole file"));
    let twice = app(&[
        ("Procfile", "web: node server.js\n"),
        (".ebextensions/a.config", "option_settings: []\noption_settings: []\n"),
    ]);
    assert!(no_flaws(&twice, &node())[0].contains("has a key twice"));
}

#[test]
fn hooks_that_are_not_run_are_told() {
    let folder = folder();
    put(folder.path(), ".platform/hooks/deploy.sh", "#!/bin/bash\n");
    let (flaws, notes) = findings(&folder, &instances());
    assert!(
        flaws.is_empty() && notes[0].contains("is in no folder whose hooks are run"),
        "{flaws:?} {notes:?}"
    );
}

/// As Beanstalk tests it: nothing is in the staging folder but what the platform and the bundle put there.
#[test]
fn nginx_files_that_beanstalks_test_would_refuse_are_told() {
    let has_nginx =
        std::process::Command::new("nginx").arg("-v").output().is_ok() || Path::new("/usr/sbin/nginx").exists();
    if !has_nginx {
        assert!(std::env::var_os("CI").is_none(), "install nginx-light");
        return;
    }
    let with = |name: &str, text: &str| {
        let folder = folder();
        put(folder.path(), &format!(".platform/nginx/{name}"), text);
        flaws_of(&folder)
    };
    let good = "limit_req_zone $binary_remote_addr zone=one:1m rate=5r/s;\n";
    assert_eq!(with("conf.d/limit.conf", good), Vec::<String>::new());
    let upstream =
        "location /api/ { proxy_set_header Connection $connection_upgrade; proxy_pass http://127.0.0.1:5000; }\n";
    assert_eq!(with("conf.d/elasticbeanstalk/api.conf", upstream), Vec::<String>::new());

    let flaws = with("conf.d/limit.conf", "limit_req_zone;\n");
    assert!(
        flaws[0].contains("nginx refuses it") && flaws[0].contains(".platform/nginx/conf.d/limit.conf:1"),
        "{flaws:?}"
    );
    let relative = "user nginx;\nevents {}\nhttp { include mime.types; }\n";
    let flaws = with("nginx.conf", relative);
    assert!(flaws[0].contains(".platform/nginx/mime.types"), "{flaws:?}");
    let absolute = relative.replace("mime.types", "/etc/nginx/mime.types");
    assert_eq!(with("nginx.conf", &absolute), Vec::<String>::new());
    // What this machine lacks is no fault of the bundle.
    let elsewhere =
        "server { listen 8443 ssl; ssl_certificate /etc/pki/site.crt; ssl_certificate_key /etc/pki/site.key; }\n";
    assert_eq!(with("conf.d/tls.conf", elsewhere), Vec::<String>::new());
}

#[test]
fn who_knows_better_is_told_and_not_stopped() {
    let folder = app(&[("Procfile", "web: ./server\n")]);
    let source = Source::Folder(folder.path().into());
    let error = inspect(&source, &instances()).unwrap_err();
    assert!(error.hint().unwrap().contains("--no-check"), "{error}");
    let unchecked = Instances {
        unchecked: true,
        ..instances()
    };
    let inspected = inspect(&source, &unchecked).unwrap();
    assert!(
        inspected.notes[0]
            .to_string()
            .contains("server, which is not in the bundle")
    );
}
