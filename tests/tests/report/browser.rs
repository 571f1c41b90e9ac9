//! A real browser, headless and offline, and what it shows of a page.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

/// Looks at the page that it is put into, and tells the document around it what it sees, in hexadecimal.
const PROBE: &str = include_str!("probe.js");
/// The document around it, which writes that down.
const FRAME: &str = "<!doctype html><meta charset=utf-8><pre id=seen></pre>\
    <script>onmessage = (event) => { document.getElementById('seen').textContent = event.data; };</script>\
    <iframe src=page.html style='width:WIDTHpx;height:800px;border:0'></iframe>";

pub(crate) struct Browser {
    program: PathBuf,
}

/// How a page is looked at.
#[derive(Clone, Copy)]
pub(crate) struct Window {
    /// Pixels across.
    pub width: u32,
    /// Whether the reader prefers dark pages.
    pub dark: bool,
}

impl Browser {
    /// The browser that `OCELLI_TEST_CHROMIUM` names, else one on the path; where there is none the test is to be
    /// skipped, which is said.
    pub(crate) fn find() -> Option<Self> {
        let named = std::env::var_os("OCELLI_TEST_CHROMIUM").map(PathBuf::from);
        let on_path = || {
            let folders: Vec<PathBuf> = std::env::split_paths(&std::env::var_os("PATH")?).collect();
            let names = ["chromium", "chromium-browser", "google-chrome"];
            let mut programs =
                names.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
            programs.find(|program| program.is_file())
        };
        let found = named.or_else(on_path).map(|program| Self { program });
        if found.is_none() {
            eprintln!("skipped: no chromium on the path, and OCELLI_TEST_CHROMIUM names none");
        }
        found
    }

    /// What the browser shows of a page.
    pub(crate) fn look(&self, page: &str, window: Window) -> Value {
        let folder = TempDir::new().unwrap();
        std::fs::write(folder.path().join("page.html"), probed(page)).unwrap();
        // No window is as narrow as a phone; a frame can be.
        let frame = folder.path().join("frame.html");
        std::fs::write(&frame, FRAME.replace("WIDTH", &window.width.to_string())).unwrap();
        let mut command = Command::new(&self.program);
        // Who tests as root, as containers do, has no sandbox; the page is the test's own.
        command.args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
        ]);
        command.args(["--disable-background-networking", "--disable-component-update", "--disable-sync"]);
        command.args(["--disable-extensions", "--force-prefers-reduced-motion", "--hide-scrollbars"]);
        command.args(["--host-resolver-rules=MAP * ~NOTFOUND", "--enable-logging=stderr", "--dump-dom"]);
        command.args(["--window-size=1300,900", "--virtual-time-budget=10000"]);
        command.arg(format!("--user-data-dir={}", folder.path().join("profile").display()));
        command.arg(format!("--blink-settings=preferredColorScheme={}", u8::from(!window.dark)));
        let output = command.arg(format!("file://{}", frame.display())).output().unwrap();
        let log = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "the browser failed: {log}");
        let console: Vec<&str> = log.lines().filter(|line| line.contains("CONSOLE")).collect();
        assert!(console.is_empty(), "the console is not silent: {console:#?}");
        seen(&String::from_utf8(output.stdout).unwrap())
    }
}

/// The page with the probe at its end. The page's own policy stays, and lets the probe alone run beside the page's own script.
fn probed(page: &str) -> String {
    let hash = base64(&Sha256::digest(PROBE));
    let allowed = page.replacen("script-src ", &format!("script-src 'sha256-{hash}' "), 1);
    assert_ne!(allowed, page, "the page says which scripts may run");
    let (before, after) = allowed.rsplit_once("</body>").expect("the page has a body");
    format!("{before}<script>{PROBE}</script></body>{after}")
}

fn seen(dom: &str) -> Value {
    let (_, rest) = dom.rsplit_once("<pre id=\"seen\">").expect("the probe's place is in the document");
    let (hex, _) = rest.split_once("</pre>").unwrap();
    assert!(!hex.is_empty(), "the probe ran");
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    let bytes: Vec<u8> = hex.as_bytes().chunks(2).map(byte).collect();
    serde_json::from_slice(&bytes).unwrap()
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::prelude::BASE64_STANDARD.encode(bytes)
}
