//! A headless Chromium, driven over DevTools' pipe: JSON texts that end in a zero byte. It knows nothing of the site.

use std::collections::VecDeque;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// Chromium takes its commands from descriptor 3 and answers on 4.
const START: &str = "exec \"$0\" \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>&1";
const FLAGS: [&str; 12] = [
    "--remote-debugging-pipe",
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "about:blank",
];
const PATIENCE: Duration = Duration::from_secs(60);

/// One tab of one browser with a profile of its own.
pub struct Browser {
    commands: ChildStdin,
    answers: BufReader<ChildStdout>,
    session: Option<String>,
    last: u64,
    /// What pages complained about: script errors and what the policy refused.
    complaints: VecDeque<String>,
    _process: Child,
    _profile: TempDir,
}

impl Browser {
    /// `None` where Chromium is missing and CONFAPP_WITHOUT_CHROMIUM says that this is known.
    pub async fn start() -> Option<Self> {
        if std::env::var_os("CONFAPP_WITHOUT_CHROMIUM").is_some() {
            return None;
        }
        let profile = tempfile::tempdir().unwrap();
        let program = [
            "/usr/bin/chromium",
            "/usr/bin/chromium-browser",
            "/usr/bin/google-chrome",
        ]
        .into_iter()
        .find(|path| std::path::Path::new(path).exists())
        .expect("no Chromium: install the package chromium, or set CONFAPP_WITHOUT_CHROMIUM=1");
        let mut process = Command::new("sh")
            .args(["-c", START, program])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .args(FLAGS)
            .env("HOME", profile.path())
            .env("TMPDIR", profile.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut browser = Self {
            commands: process.stdin.take().unwrap(),
            answers: BufReader::new(process.stdout.take().unwrap()),
            session: None,
            last: 0,
            complaints: VecDeque::new(),
            _process: process,
            _profile: profile,
        };
        let tab = browser
            .call("Target.createTarget", json!({ "url": "about:blank" }))
            .await;
        let attach = json!({ "targetId": tab["targetId"], "flatten": true });
        let attached = browser.call("Target.attachToTarget", attach).await;
        browser.session = attached["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Log"] {
            browser.call(&format!("{domain}.enable"), json!({})).await;
        }
        Some(browser)
    }

    /// One DevTools command, and its result.
    pub async fn call(&mut self, method: &str, parameters: Value) -> Value {
        let answer = self.ask(method, parameters).await;
        assert!(answer["error"].is_null(), "{method}: {}", answer["error"]);
        answer["result"].clone()
    }

    async fn ask(&mut self, method: &str, parameters: Value) -> Value {
        self.last += 1;
        let id = self.last;
        let mut command = json!({ "id": id, "method": method, "params": parameters });
        if let Some(session) = &self.session {
            command["sessionId"] = json!(session);
        }
        let mut bytes = command.to_string().into_bytes();
        bytes.push(0);
        self.commands.write_all(&bytes).await.expect("Chromium is gone");
        let answer = tokio::time::timeout(PATIENCE, async {
            loop {
                let message = self.message().await;
                if message["id"] == id {
                    return message;
                }
            }
        });
        answer.await.unwrap_or_else(|_| panic!("{method} is not answered"))
    }

    async fn message(&mut self) -> Value {
        let mut bytes = Vec::new();
        self.answers.read_until(0, &mut bytes).await.expect("Chromium is gone");
        bytes.pop();
        let message: Value = serde_json::from_slice(&bytes).expect("Chromium has ended");
        match message["method"].as_str() {
            Some("Runtime.exceptionThrown") => self.complaints.push_back(message["params"].to_string()),
            Some("Log.entryAdded") if message["params"]["entry"]["source"] != "network" => {
                self.complaints.push_back(message["params"]["entry"].to_string());
            }
            _ => {}
        }
        message
    }

    /// What pages have complained about so far.
    pub fn complaints(&self) -> Vec<String> {
        self.complaints.iter().cloned().collect()
    }

    pub async fn open(&mut self, url: &str) {
        self.call("Page.navigate", json!({ "url": url })).await;
        self.until("document.readyState === 'complete' && location.href !== 'about:blank'")
            .await;
    }

    /// The value of an expression on the page.
    pub async fn value(&mut self, expression: &str) -> Value {
        let parameters = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let result = self.call("Runtime.evaluate", parameters).await;
        assert!(result["exceptionDetails"].is_null(), "{expression}: {result}");
        result["result"]["value"].clone()
    }

    /// Waits until an expression is true; while a page changes to another there is nothing to ask.
    pub async fn until(&mut self, expression: &str) {
        let parameters = json!({ "expression": expression, "returnByValue": true });
        for _ in 0..600 {
            let answer = self.ask("Runtime.evaluate", parameters.clone()).await;
            if answer["result"]["result"]["value"] == true {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let seen = self.value("location.href + '\\n' + document.body.innerText").await;
        panic!("never true: {expression}\n{}", seen.as_str().unwrap_or_default());
    }

    /// Types into what has the focus and presses the enter key.
    pub async fn type_and_enter(&mut self, text: &str) {
        self.call("Input.insertText", json!({ "text": text })).await;
        for kind in ["keyDown", "keyUp"] {
            let key = json!({ "type": kind, "key": "Enter", "code": "Enter", "text": if kind == "keyDown" { "\r" } else { "" },
                "windowsVirtualKeyCode": 13 });
            self.call("Input.dispatchKeyEvent", key).await;
        }
    }

    /// The window's size in CSS pixels, at twice the pixels, as phones have it.
    pub async fn resize(&mut self, width: u32, height: u32) {
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 2, "mobile": width < 600 });
        self.call("Emulation.setDeviceMetricsOverride", metrics).await;
    }

    /// What `navigator.languages` says from the next page on.
    pub async fn prefer(&mut self, languages: &str) {
        let agent = json!({ "userAgent": "Mozilla/5.0 test", "acceptLanguage": languages });
        self.call("Emulation.setUserAgentOverride", agent).await;
    }

    pub async fn without_scripts(&mut self) {
        self.call("Emulation.setScriptExecutionDisabled", json!({ "value": true }))
            .await;
    }

    /// What the visitor has set, as `prefers-color-scheme` to `dark`.
    pub async fn media(&mut self, feature: &str, value: &str) {
        let media = json!({ "features": [{ "name": feature, "value": value }] });
        self.call("Emulation.setEmulatedMedia", media).await;
    }

    /// A PNG in base64.
    pub async fn screenshot(&mut self) -> String {
        let result = self.call("Page.captureScreenshot", json!({ "format": "png" })).await;
        result["data"].as_str().unwrap_or_default().to_owned()
    }
}
