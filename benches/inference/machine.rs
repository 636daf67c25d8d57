//! What the figures were measured on.

use std::fs;
use std::path::Path;
use std::process::Command;

use reread_encoder::InstructionSet;

use crate::Settings;

/// Prints the machine, the versions and the settings.
pub(crate) fn print(settings: &Settings) {
    let sets: Vec<&str> = InstructionSet::available()
        .iter()
        .map(|set| set.name())
        .collect();
    let library = settings.runtime.library().file_name().unwrap_or_default();
    println!("- processor: {}, {} cores", processor(), settings.n_cores);
    println!("- instruction sets of the encoder: {}", sets.join(", "));
    println!(
        "- system: {} {}",
        std::env::consts::OS,
        std::env::consts::ARCH
    );
    println!("- load before: {}", load());
    println!("- reread: {}", commit());
    println!("- ONNX Runtime: {}", library.to_string_lossy());
    println!(
        "- fastembed: {}; ort: {}",
        locked("fastembed"),
        locked("ort")
    );
    println!(
        "- compiled with debug assertions: {}",
        if cfg!(debug_assertions) {
            "yes, the encoder without"
        } else {
            "no"
        }
    );
    println!(
        "- rounds: {}; questions of a collection: {}",
        settings.rounds, settings.n_questions
    );
}

/// The average number of processes that were running, over 1, 5 and 15 minutes.
pub(crate) fn load() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let averages: Vec<&str> = load.split_whitespace().take(3).collect();
    if averages.is_empty() {
        "unknown".to_owned()
    } else {
        averages.join(" ")
    }
}

fn processor() -> String {
    let value = |key: &str| {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").ok()?;
        let line = cpuinfo.lines().find(|line| line.starts_with(key))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let or_unknown = |value: Option<String>| value.unwrap_or_else(|| "unknown".to_owned());
    format!(
        "{} (family {}, model {})",
        or_unknown(value("model name")),
        or_unknown(value("cpu family")),
        or_unknown(value("model\t"))
    )
}

/// The commit that was checked out, with a mark where files were changed since.
fn commit() -> String {
    let output = Command::new("git")
        .args(["describe", "--always", "--dirty"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output();
    let found = output.ok().filter(|output| output.status.success());
    found.map_or_else(
        || env!("CARGO_PKG_VERSION").to_owned(),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    )
}

/// The version of a dependency.
fn locked(package: &str) -> String {
    let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.lock");
    let lock = fs::read_to_string(lock).unwrap_or_default();
    let mut lines = lock.lines();
    lines.find(|line| *line == format!("name = \"{package}\""));
    let version = lines.next().and_then(|line| line.split('"').nth(1));
    version.unwrap_or("unknown").to_owned()
}
