//! What a platform starts without a Procfile, and what it makes on the instance before it uses one.
//! Knows nothing of whether that works.

use beanstalk_procfile::BUILDFILE;
use serde_json::Value;

use super::super::contents::Contents;
use super::super::instances::Platform;
use super::extensions::Extensions;
use super::hooks;

/// A bundle as its platform sees it.
pub(super) struct View<'a> {
    pub(super) contents: &'a Contents,
    pub(super) platform: Platform,
    pub(super) extensions: &'a Extensions,
    /// A program that is compiled later.
    pub(super) built: Option<&'a str>,
}

impl View<'_> {
    /// Whether the platform starts the app without a Procfile.
    pub(super) fn starts_by_itself(&self) -> bool {
        match self.platform {
            // The guide: ebextensions can name another module by WSGIPath (python-namespaces).
            Platform::Python if self.extensions.set("WSGIPath") => true,
            // Either builds what it then starts (java-se-buildfile, go-buildfile).
            Platform::Corretto | Platform::Go if self.has(BUILDFILE) => true,
            platform => starts(platform, self.contents),
        }
    }

    /// Whether a file that is not in the bundle is made before the processes start, by what is there for that.
    pub(super) fn makes(&self, place: &str) -> bool {
        self.built == Some(place) || self.has(BUILDFILE) || self.platform_makes(place)
    }

    /// Whether something of the bundle's own runs before (platforms-linux-extend.workflow): it can make any file, and set any
    /// mode.
    pub(super) fn prepares(&self) -> bool {
        self.has(BUILDFILE) || hooks::make_something(self.contents) || self.extensions.make_something()
    }

    fn platform_makes(&self, place: &str) -> bool {
        let below = |folder: &str| place.starts_with(&format!("{folder}/"));
        match self.platform {
            Platform::Docker | Platform::Ecs => true,
            Platform::Go => place == "bin/application" && self.has("application.go"),
            // npm install runs only where there is no node_modules (nodejs-platform-dependencies).
            Platform::NodeJs => {
                self.has("package.json")
                    && !self.contents.has_folder("node_modules")
                    && (below("node_modules") || self.npm_builds())
            }
            Platform::Php => below("vendor") && self.has("composer.json"),
            Platform::Ruby => below("vendor") && self.has("Gemfile"),
            Platform::Corretto | Platform::DotNet | Platform::Python | Platform::Tomcat | Platform::Unknown => false,
        }
    }

    /// Whether `npm install` runs a script of the app.
    fn npm_builds(&self) -> bool {
        const RUN_BY_INSTALL: &[&str] = &["install", "postinstall", "preinstall", "prepare"];
        let package = self.contents.open("package.json").and_then(|file| file.read().ok());
        let package: Option<Value> = package.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let scripts = package.as_ref().and_then(|package| package.get("scripts"));
        scripts.is_some_and(|scripts| RUN_BY_INSTALL.iter().any(|name| scripts.get(name).is_some()))
    }

    fn has(&self, name: &str) -> bool {
        self.contents.open(name).is_some()
    }

    /// What to write or to set where nothing would be started.
    pub(super) fn advice(&self) -> String {
        let add = format!("add one, with a line as `{}`", example(self.platform));
        match meant(self.contents).filter(|meant| *meant != self.platform) {
            Some(meant) => format!(
                "it looks like an app for {}: set app.platform to a branch of that, or {add}",
                meant.name()
            ),
            None => add,
        }
    }

    /// The platform that a command's program comes with, where it is another one.
    pub(super) fn program_of_another(&self, program: &str) -> Option<Platform> {
        let home = match program {
            "node" | "npm" | "npx" | "yarn" => Platform::NodeJs,
            "bundle" | "puma" | "rackup" | "rails" | "ruby" => Platform::Ruby,
            "dotnet" => Platform::DotNet,
            "gunicorn" | "uwsgi" => Platform::Python,
            "java" => Platform::Corretto,
            "php" => Platform::Php,
            _ => return None,
        };
        let has_it = self.platform == home
            || self.platform.is_container()
            || self.platform == Platform::Unknown
            || self.platform == Platform::Tomcat && home == Platform::Corretto
            || self.prepares();
        (!has_it).then_some(home)
    }
}

/// The platform that the files are for; containers first, as the EB CLI guesses (awsebcli: heuristics).
fn meant(contents: &Contents) -> Option<Platform> {
    let any = |names: &[&str]| names.iter().any(|name| contents.has(name));
    let ends = |ending: &str| at_root(contents).any(|name| name.ends_with(ending));
    if any(&["Dockerfile", "Dockerrun.aws.json", "docker-compose.yml"]) {
        Some(Platform::Docker)
    } else if any(&["requirements.txt", "Pipfile", "application.py"]) {
        Some(Platform::Python)
    } else if any(&["Gemfile", "config.ru"]) {
        Some(Platform::Ruby)
    } else if any(&["package.json", "server.js", "app.js"]) {
        Some(Platform::NodeJs)
    } else if any(&["composer.json", "index.php"]) {
        Some(Platform::Php)
    } else if any(&["go.mod", "application.go", "application", "bin/application"]) {
        Some(Platform::Go)
    } else if any(&["WEB-INF"]) || ends(".war") || ends(".jsp") {
        Some(Platform::Tomcat)
    } else if ends(".jar") {
        Some(Platform::Corretto)
    } else if ends(".runtimeconfig.json") {
        Some(Platform::DotNet)
    } else {
        None
    }
}

/// What each platform makes its own Procfile of, or needs none for. Node.js says so itself: "Provide one of these files:
/// 'package.json', 'server.js', or 'app.js'" (github.com/parse-community/parse-server-example/issues/379); the others in the
/// guide: go-environment, java-se-procfile, ruby-platform-procfile, create_deploy_docker, and python-namespaces.
fn starts(platform: Platform, contents: &Contents) -> bool {
    let any = |names: &[&str]| names.iter().any(|name| contents.has(name));
    match platform {
        Platform::Corretto => at_root(contents).filter(|name| name.ends_with(".jar")).count() == 1,
        Platform::Docker => any(&["Dockerfile", "Dockerrun.aws.json", "docker-compose.yml"]),
        Platform::DotNet => at_root(contents).any(|name| name.ends_with(".runtimeconfig.json")),
        Platform::Ecs => any(&["Dockerrun.aws.json"]),
        Platform::Go => any(&["application.go", "bin/application", "application"]),
        Platform::NodeJs => any(&["package.json", "server.js", "app.js"]),
        Platform::Python => any(&["application.py", "application/__init__.py"]),
        Platform::Ruby => any(&["config.ru"]),
        Platform::Php | Platform::Tomcat | Platform::Unknown => true,
    }
}

/// A line of a Procfile for the platform, after the guide's examples.
fn example(platform: Platform) -> &'static str {
    match platform {
        Platform::Corretto => "web: java -jar app.jar",
        Platform::DotNet => "web: dotnet ./app.dll",
        Platform::NodeJs => "web: node server.js",
        Platform::Python => "web: gunicorn --bind :8000 application:application",
        Platform::Ruby => "web: bundle exec puma -C /opt/elasticbeanstalk/config/private/pumaconf.rb",
        _ => "web: ./server",
    }
}

fn at_root(contents: &Contents) -> impl Iterator<Item = &str> {
    contents
        .files
        .iter()
        .map(|file| file.name.as_str())
        .filter(|name| !name.contains('/'))
}
