//! Why instances could not run a version: the ends of their logs, asked for after a deployment that failed.
//! Must know nothing of how a deployment is followed.

use std::collections::HashMap;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use aws_sdk_elasticbeanstalk::types::{EnvironmentInfoDescription, EnvironmentInfoType};
use etcetera::BaseStrategy;

use crate::aws::Aws;
use crate::aws::errors::{Explain, polled};
use crate::aws::texts;
use crate::engine::{Error, Limits, Poll, Wait, WriteCx};

/// Beanstalk collects them in some seconds; an instance that is too ill to answer is not waited for.
const LIMITS: Limits = Limits::minutes(1, 3);
/// Bytes of one instance's tail that are read: it is the last 100 lines of some ten files.
const LARGEST: usize = 4 * 1024 * 1024;
/// Lines that are shown; the file has all of them.
const SHOWN: usize = 5;

/// What the instances said.
pub(super) struct Said {
    /// The lines that tell the cause, as far as they are known by their form.
    pub lines: Vec<String>,
    /// Where the whole is.
    pub file: PathBuf,
}

/// Asks for the tails of all instances' logs, keeps them in a file and picks the lines that matter: of the deployment's own log, which
/// is empty where there is none, and of the instances that failed; of all where nobody says which.
///
/// # Errors
/// Where AWS or the disk refuses. What is known without the logs is told anyway.
pub(super) async fn ask(
    cx: &WriteCx<Aws>,
    environment: &str,
    deployment: &str,
    failed: &[String],
) -> Result<Said, Error> {
    let tails = match tails(cx, environment).await {
        Err(error) if deployment.is_empty() => return Err(error),
        tails => tails.unwrap_or_default(),
    };
    let file = keep(environment, &whole(deployment, &tails)).map_err(|error| {
        Error::failed("what the instances' logs say could not be written down").because(error.to_string())
    })?;
    let lines = picked(deployment, &tails, failed);
    Ok(Said { lines, file })
}

/// The lines that tell the cause, each once.
fn picked(deployment: &str, tails: &[(String, String)], failed: &[String]) -> Vec<String> {
    let mut lines: Vec<String> = told_by_the_engine(deployment);
    let counts = |instance: &String| failed.is_empty() || failed.contains(instance);
    let of_failed = tails.iter().filter(|(instance, _)| counts(instance));
    lines.extend(of_failed.flat_map(|(_, text)| telling(text)));
    let mut once: Vec<String> = Vec::new();
    for line in lines.iter().map(|line| reason(line)) {
        if !once.iter().any(|known| like(known, line)) {
            once.push(line.to_owned());
        }
    }
    once.truncate(SHOWN);
    once
}

/// What a line of the engine's says of the cause, without when and in which of its own steps: it writes the same more than once on its
/// way out (rennokki/laravel-aws-eb#40 and #44).
fn reason(line: &str) -> &str {
    let Some((_, said)) = line.split_once("[ERROR] ") else {
        return line;
    };
    let inner = ["Stop running the command. Error: ", "execution of command: "];
    let found = inner.iter().find_map(|text| said.split_once(text));
    found.map_or(said, |(_, inner)| inner).trim()
}

/// One error of two instances differs in its numbers only.
fn like(one: &str, other: &str) -> bool {
    let bare = |line: &str| line.replace(|c: char| c.is_ascii_digit(), "");
    bare(one) == bare(other)
}

/// Instance and text, by instance.
async fn tails(cx: &WriteCx<Aws>, environment: &str) -> Result<Vec<(String, String)>, Error> {
    let aws = cx.read().aws();
    // Those of an earlier request are listed for a quarter of an hour. AWS's times are compared with AWS's.
    let before: HashMap<_, _> = listed(aws, environment).await?.iter().map(sampled).collect();
    cx.check()?;
    let ask = cx.aws().beanstalk.request_environment_info();
    let ask = ask.environment_id(environment).info_type(EnvironmentInfoType::Tail);
    ask.send().await.explain("ask for the instances' logs")?;
    cx.step("fetching the ends of the instances' logs");
    let is_new = |info: &EnvironmentInfoDescription| {
        let (instance, time) = sampled(info);
        before.get(&instance).is_none_or(|former| *former < time)
    };
    let wait = Wait::new("the instances' logs", 5, LIMITS);
    let infos = cx.wait(&wait, || async {
        polled(listed(aws, environment).await.map(|mut infos| {
            infos.retain(is_new);
            match infos.is_empty() {
                true => Poll::NotYet(String::new()),
                false => Poll::Ready(infos),
            }
        }))
    });
    let mut tails = Vec::new();
    for info in infos.await? {
        if let (Some(instance), Some(url)) = (info.ec2_instance_id(), info.message()) {
            tails.push((instance.to_owned(), fetched(aws, url).await?));
        }
    }
    tails.sort();
    Ok(tails)
}

pub(crate) async fn listed(aws: &Aws, environment: &str) -> Result<Vec<EnvironmentInfoDescription>, Error> {
    let retrieve = aws.beanstalk.retrieve_environment_info().environment_id(environment);
    let answer = retrieve.info_type(EnvironmentInfoType::Tail).send().await;
    let answer = answer.explain("read where the instances' logs are")?;
    Ok(answer.environment_info.unwrap_or_default())
}

/// Instance, and milliseconds of AWS's clock.
pub(crate) fn sampled(info: &EnvironmentInfoDescription) -> (String, i64) {
    let time = info.sample_timestamp().and_then(|time| time.to_millis().ok());
    (
        info.ec2_instance_id().unwrap_or_default().to_owned(),
        time.unwrap_or_default(),
    )
}

/// The URL is presigned: whoever has it reads the log, so it is shown nowhere.
/// Source: the developer guide's using-features.logging.
pub(crate) async fn fetched(aws: &Aws, url: &str) -> Result<String, Error> {
    let failed = |error: reqwest::Error| {
        Error::failed("could not fetch an instance's logs").because(texts::clean(&error.without_url().to_string()))
    };
    let client = confctl_site_client::client(url, aws.public.authorities.as_deref()).map_err(failed)?;
    let get = client.get(url).timeout(Duration::from_secs(60)).send().await;
    let mut answer = get.and_then(reqwest::Response::error_for_status).map_err(failed)?;
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(failed)? {
        body.extend_from_slice(&chunk);
        if body.len() > LARGEST {
            break;
        }
    }
    Ok(String::from_utf8_lossy(&body).into_owned())
}

fn whole(deployment: &str, tails: &[(String, String)]) -> String {
    let mut whole = String::new();
    if !deployment.is_empty() {
        whole.push_str(&format!("== the deployment's log\n{deployment}\n"));
    }
    for (instance, text) in tails {
        whole.push_str(&format!("== instance {instance}\n{text}\n"));
    }
    whole
}

/// For the user alone: logs may hold visitors' addresses.
fn keep(environment: &str, text: &str) -> std::io::Result<PathBuf> {
    use std::os::unix::fs::OpenOptionsExt;
    let strategy = etcetera::choose_base_strategy().map_err(std::io::Error::other)?;
    let state = strategy.state_dir().unwrap_or_else(|| strategy.data_dir());
    let folder = state.join("confctl").join("logs");
    std::fs::create_dir_all(&folder)?;
    let file = folder.join(format!("{environment}-{}.log", jiff::Timestamp::now().as_millisecond()));
    let mut open = std::fs::OpenOptions::new();
    open.write(true).create_new(true).mode(0o600);
    open.open(&file)?.write_all(text.as_bytes())?;
    Ok(file)
}

/// The lines of a tail that tell a cause: of the engine that deploys, of nginx, and the last words of the app.
fn telling(tail: &str) -> Vec<String> {
    let files = files(tail);
    let of = |name: &'static str| {
        let named = files.iter().filter(move |(file, _)| file.ends_with(name));
        named.map(|(_, text)| *text)
    };
    let engine: Vec<String> = of("/eb-engine.log")
        .map(last_command)
        .flat_map(told_by_the_engine)
        .collect();
    // A hook's own words are in the engine's error, and the app was not asked.
    let is_hooks = engine.iter().any(|line| line.contains("hooks/"));
    let mut lines = engine;
    if is_hooks {
        return lines;
    }
    for text in of("/nginx/error.log") {
        let grave = |line: &&str| {
            ["[emerg]", "[alert]", "[crit]"]
                .iter()
                .any(|level| line.contains(level))
        };
        lines.extend(text.lines().filter(grave).map(texts::clean));
    }
    for text in of("/web.stdout.log") {
        let said: Vec<_> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        lines.extend(said.iter().rev().take(2).rev().map(|line| texts::clean(line)));
    }
    lines
}

/// Of the engine's log what belongs to the last command that failed: those before it are another deployment's. Each ends in words of
/// its own: "Platform Engine finished execution on command: app-deploy" and, where it failed, "Executing cleanup logic" before
/// (rennokki/laravel-aws-eb#44).
fn last_command(log: &str) -> &str {
    let Some(last) = log.rfind("[ERROR]") else {
        return log;
    };
    let ends = [
        "finished execution on command",
        "Executing cleanup logic",
        "deployment completed successfully",
    ];
    let before = ends.iter().filter_map(|end| log[..last].rfind(end)).max();
    &log[before.unwrap_or(0)..]
}

/// The engine's own errors, and what nginx's test printed.
fn told_by_the_engine(log: &str) -> Vec<String> {
    let tells = |line: &&str| line.contains("[ERROR]") || line.contains("nginx: [emerg]");
    log.lines().filter(tells).map(texts::clean).collect()
}

/// Path and text of each file: it stands under its path between two rules.
/// Source: the developer guide's using-features.logging.
pub(crate) fn files(tail: &str) -> Vec<(&str, &str)> {
    let mut files = Vec::new();
    let mut rest = tail;
    while let Some((name, after)) = heading(rest) {
        let end = next_heading(after).unwrap_or(after.len());
        files.push((name, after[..end].trim_matches('\n')));
        rest = &after[end..];
    }
    files
}

/// The first heading's path, and what comes after it.
fn heading(text: &str) -> Option<(&str, &str)> {
    let (_, from) = text.split_at(next_heading(text)?);
    let mut lines = from.splitn(4, '\n').skip(1);
    let (name, _, after) = (lines.next()?, lines.next()?, lines.next()?);
    Some((name.trim(), after))
}

/// Where the next heading begins.
fn next_heading(text: &str) -> Option<usize> {
    let is_rule = |line: &str| line.trim_end().len() >= 10 && line.trim_end().bytes().all(|byte| byte == b'-');
    let mut at = 0;
    let lines: Vec<(usize, &str)> = text
        .split_inclusive('\n')
        .map(|line| {
            let start = at;
            at += line.len();
            (start, line)
        })
        .collect();
    let is_heading =
        |three: &&[(usize, &str)]| is_rule(three[0].1) && three[1].1.starts_with('/') && is_rule(three[2].1);
    lines.windows(3).find(is_heading).map(|three| three[0].0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAIL: &str = "\
----------------------------------------
/var/log/eb-engine.log
----------------------------------------
2026/11/30 10:00:01.000001 [INFO] Running command: /usr/sbin/nginx -t -c /var/proxy/staging/nginx/nginx.conf
2026/11/30 10:00:01.100001 [ERROR] An error occurred during execution of command [app-deploy]. Stderr:nginx: [emerg] open() \"/var/proxy/staging/nginx/mime.types\" failed


----------------------------------------
/var/log/nginx/error.log
----------------------------------------
2026/11/30 10:00:00 [notice] 1#1: signal process started


----------------------------------------
/var/log/web.stdout.log
----------------------------------------
Nov 30 10:00:00 ip-172-31-0-1 web[123]: reading the configuration
Nov 30 10:00:00 ip-172-31-0-1 web[123]: listening
Nov 30 10:00:01 ip-172-31-0-1 web[123]: TABLE_NAME is not set\u{1b}[0m
";

    const HOOK: &str = "\
----------------------------------------
/var/log/eb-engine.log
----------------------------------------
2026/11/30 20:12:53.000001 [ERROR] An error occurred during execution of command [app-deploy] - [start the app]. Stop running the command. Error: the web process ends as soon as it is started
2026/11/30 20:12:53.000002 [INFO] Executing cleanup logic
2026/11/30 20:12:53.000003 [INFO] Platform Engine finished execution on command: app-deploy
2026/11/30 20:14:58.000001 [ERROR] An error occurred during execution of command [app-deploy] - [RunAppDeployPreDeployHooks]. Stop running the command. Error: Command .platform/hooks/predeploy/1.sh failed with error exit status 3. Stderr:no room
2026/11/30 20:14:58.000002 [INFO] Executing cleanup logic


----------------------------------------
/var/log/web.stdout.log
----------------------------------------
Nov 30 20:14:59 ip-172-31-0-1 web[123]: GET / 200
";

    #[test]
    fn of_a_failed_deployment_only_its_own_error_is_told_once_and_of_the_instances_that_failed() {
        let quiet = "----------\n/var/log/web.stdout.log\n----------\nlistening on 28074 version c2\n";
        let tails = [
            ("i-1".to_owned(), quiet.to_owned()),
            ("i-2".to_owned(), HOOK.to_owned()),
        ];
        let log = "2026-11-30T20:14:58.399Z [ERROR] An error occurred during execution of command: Command \
                   .platform/hooks/predeploy/1.sh failed with error exit status 3. Stderr:no room\n";
        for log in ["", log] {
            assert_eq!(
                picked(log, &tails, &["i-2".to_owned()]),
                ["Command .platform/hooks/predeploy/1.sh failed with error exit status 3. Stderr:no room"]
            );
        }
        // Of an immutable deployment the instances that failed are gone: those that stay have nothing to do with it.
        assert!(picked("", &tails[..1], &["i-9".to_owned()]).is_empty());
    }

    #[test]
    fn a_tail_is_read_file_by_file() {
        let names: Vec<_> = files(TAIL).into_iter().map(|(name, _)| name).collect();
        let all = [
            "/var/log/eb-engine.log",
            "/var/log/nginx/error.log",
            "/var/log/web.stdout.log",
        ];
        assert_eq!(names, all);
        assert_eq!(files("no headings\n-----\nat all"), []);
    }

    #[test]
    fn the_cause_comes_first_and_the_last_words_of_the_app_after_it() {
        let lines = telling(TAIL);
        assert!(lines[0].contains("mime.types\" failed"), "{lines:#?}");
        assert!(lines[1].ends_with("web[123]: listening"), "{lines:#?}");
        assert!(lines[2].contains("TABLE_NAME is not set"), "{lines:#?}");
        assert_eq!(lines.len(), 3, "{lines:#?}");
        assert!(lines.iter().all(|line| !line.chars().any(char::is_control)));
    }
}
