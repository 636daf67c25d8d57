//! ONNX Runtime for the tests: installed by pip into the target folder, once.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use reread_models::{OnnxError, OnnxRuntime};

/// int8 arithmetic differs a little between versions, so one is preferred to the newest.
const WANTED: [&str; 2] = ["onnxruntime==1.24.4", "onnxruntime>=1.24"];

/// The runtime, or `None` after saying on stderr why the tests are skipped.
pub(crate) fn runtime() -> Option<&'static OnnxRuntime> {
    static RUNTIME: OnceLock<Result<OnnxRuntime, String>> = OnceLock::new();
    let runtime = RUNTIME.get_or_init(|| {
        let package = installed_package()?;
        a_file_that_is_no_library_is_refused();
        Ok(OnnxRuntime::load(Some(&package)).expect("the library that pip installed loads"))
    });
    match runtime {
        Ok(runtime) => Some(runtime),
        Err(reason) => {
            skip(reason);
            None
        }
    }
}

/// Says that a test was skipped, past the test harness, which hides what passing tests print.
pub(crate) fn skip(reason: &str) {
    let message = format!("\nSKIPPED (fastembed back end): {reason}\n");
    std::io::stderr().write_all(message.as_bytes()).unwrap();
}

/// Runs before the runtime is loaded, which a process can do only once.
fn a_file_that_is_no_library_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("libonnxruntime.so.1.24.4");
    fs::write(&path, "not a library").unwrap();
    let error = OnnxRuntime::load(Some(&path)).unwrap_err();
    assert!(
        matches!(error, OnnxError::LibraryNotLoaded { .. }),
        "{error}"
    );
    assert!(
        error.to_string().contains("pip install onnxruntime"),
        "{error}"
    );
}

/// The folder that pip installed to, filled if it is not yet.
fn installed_package() -> Result<PathBuf, String> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("onnxruntime-wheel");
    if target.is_dir() {
        return Ok(target);
    }
    let mut reasons = Vec::new();
    for python in ["python3", "python"] {
        for wanted in WANTED {
            // Made under another name first, so that an interrupted run is not taken for whole.
            let unfinished = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
            match pip_install(python, wanted, unfinished.path()) {
                Ok(()) => {
                    // Another test process may have been quicker; its copy is as good.
                    let _ = fs::rename(unfinished.keep(), &target);
                    return Ok(target);
                }
                Err(reason) => reasons.push(reason),
            }
        }
    }
    reasons.dedup();
    Err(format!(
        "cannot install ONNX Runtime with pip: {}",
        reasons.join("; ")
    ))
}

fn pip_install(python: &str, wanted: &str, target: &Path) -> Result<(), String> {
    let output = Command::new(python)
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
        ])
        .args([
            "--only-binary",
            ":all:",
            "--retries",
            "1",
            "--timeout",
            "20",
            "--target",
        ])
        .arg(target)
        .arg(wanted)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{python}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    let last = stderr
        .lines()
        .rfind(|line| line.contains("ERROR"))
        .unwrap_or_default();
    Err(format!("{python} -m pip install {wanted}: {last}"))
}
