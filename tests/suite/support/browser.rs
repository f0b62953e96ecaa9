//! A browser that opens a page, by the protocol of Chromium's developer tools over two pipes
//! (<https://chromedevtools.github.io/devtools-protocol/>).

use super::Folder;
use serde_json::{Value, json};
use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// How long an answer may take on a machine that has much to do.
const PATIENCE: Duration = Duration::from_secs(90);

pub struct Browser {
    child: Child,
    commands: File,
    answers: Receiver<Value>,
    session: Option<String>,
    next: u64,
    /// What the page said that no page should say: errors, violations of its policy, dialogs.
    pub complaints: Vec<Value>,
    loaded: bool,
    _folder: Folder,
}

impl Browser {
    /// A browser, where the machine has one; else a notice on standard error.
    pub fn start() -> Option<Self> {
        let Some(program) = program() else {
            // Not through `eprintln`, which the harness keeps to itself.
            let notice = "skipped: no Chromium was found, so the HTML report was not opened (CHROMIUM names one)\n";
            let _ = std::io::stderr().write_all(notice.as_bytes());
            return None;
        };
        let folder = Folder::new();
        let (commands, answers) = (folder.path().join("commands"), folder.path().join("answers"));
        for pipe in [&commands, &answers] {
            assert!(Command::new("mkfifo").arg(pipe).status().unwrap().success());
        }
        let mut child = Command::new("sh")
            .args(["-c", r#"in=$1; out=$2; shift 2; exec "$@" 3<"$in" 4>"$out""#, "sh"])
            .args([&commands, &answers])
            .args([&program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
            .args(["--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"])
            .arg(format!("--user-data-dir={}", folder.path().join("profile").display()))
            .args(["--remote-debugging-pipe", "about:blank"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let commands = match OpenOptions::new().write(true).open(&commands) {
            Ok(file) => file,
            Err(why) => {
                let _ = child.kill();
                panic!("no browser: {why}");
            }
        };
        let reader = File::open(&answers).unwrap();
        let (send, answers) = channel();
        std::thread::spawn(move || {
            for message in BufReader::new(reader).split(0) {
                let Some(message) = message.ok().and_then(|m| serde_json::from_slice(&m).ok()) else { return };
                if send.send(message).is_err() {
                    return;
                }
            }
        });
        let mut browser = Self { child, commands, answers, session: None, next: 0, complaints: Vec::new(), loaded: false, _folder: folder };
        let target = browser.call("Target.createTarget", json!({"url": "about:blank"}))["targetId"].clone();
        let session = browser.call("Target.attachToTarget", json!({"targetId": target, "flatten": true}))["sessionId"].clone();
        browser.session = session.as_str().map(str::to_owned);
        for domain in ["Runtime", "Log", "Page"] {
            browser.call(&format!("{domain}.enable"), json!({}));
        }
        Some(browser)
    }

    /// Opens a file of this machine.
    pub fn open(&mut self, file: &Path) {
        self.loaded = false;
        self.call("Page.navigate", json!({"url": format!("file://{}", file.display())}));
        while !self.loaded {
            let message = self.answers.recv_timeout(PATIENCE).expect("the page is loaded");
            self.note(message);
        }
    }

    /// What an expression is in the page.
    pub fn get(&mut self, expression: &str) -> Value {
        let answer = self.call("Runtime.evaluate", json!({"expression": expression, "returnByValue": true, "awaitPromise": true}));
        assert!(answer.get("exceptionDetails").is_none(), "{expression}: {answer}");
        answer["result"]["value"].clone()
    }

    /// Waits until an expression is true in the page.
    pub fn wait(&mut self, expression: &str) {
        for _ in 0..300 {
            if self.get(expression) == true {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("never true: {expression}");
    }

    /// Presses a key.
    pub fn press(&mut self, key: &str, code: u32) {
        for kind in ["rawKeyDown", "keyUp"] {
            let key = json!({"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code, "nativeVirtualKeyCode": code});
            self.call("Input.dispatchKeyEvent", key);
        }
    }

    /// Types a text into what has the focus.
    pub fn write(&mut self, text: &str) {
        self.call("Input.insertText", json!({"text": text}));
    }

    pub fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.next += 1;
        let id = self.next;
        let mut message = json!({"id": id, "method": method, "params": parameters});
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        self.commands.write_all(format!("{message}\0").as_bytes()).unwrap();
        self.commands.flush().unwrap();
        loop {
            let message = self.answers.recv_timeout(PATIENCE).unwrap_or_else(|why| panic!("{method}: {why}"));
            if message["id"] == id {
                assert!(message.get("error").is_none(), "{method}: {message}");
                return message["result"].clone();
            }
            self.note(message);
        }
    }

    fn note(&mut self, message: Value) {
        match message["method"].as_str() {
            Some("Page.loadEventFired") => self.loaded = true,
            Some("Runtime.exceptionThrown" | "Runtime.consoleAPICalled" | "Log.entryAdded" | "Page.javascriptDialogOpening") => {
                self.complaints.push(message);
            }
            _ => {}
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.commands.write_all(b"{\"id\": 0, \"method\": \"Browser.close\"}\0");
        for _ in 0..100 {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn program() -> Option<String> {
    if let Ok(named) = std::env::var("CHROMIUM") {
        return Some(named);
    }
    let paths = std::env::var_os("PATH")?;
    let named = ["chromium", "chromium-browser", "google-chrome", "chrome"];
    let found = std::env::split_paths(&paths).find_map(|folder| named.iter().map(|name| folder.join(name)).find(|path| path.is_file()))?;
    Some(found.to_string_lossy().into_owned())
}
