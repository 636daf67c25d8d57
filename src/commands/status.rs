//! `reread status`: what the index of a folder holds.

use std::io::Write;

use anyhow::Context;
use jiff::Timestamp;
use reread_engine::{InstructionSet, Models, Status};
use reread_wire::status as wire;

use super::raw_stdout;
use crate::args::{CommonArgs, Settings, StatusArgs};
use crate::output::shown::Shown;
use crate::output::{bytes, clean, counted, grouped, json};
use crate::{Outcome, folder, resolve};

/// What people are told of an index that does not hold the whole folder yet.
pub(crate) const UNFINISHED: &str =
    "an indexing run is at work or was stopped before its end; `reread index` does the rest";

pub(crate) fn run(args: &StatusArgs, common: &CommonArgs) -> anyhow::Result<Outcome> {
    folder::check(&args.folder)?;
    let flags = Settings {
        models: args.models.clone(),
        ..Settings::default()
    };
    let settings = resolve::settings(flags, Some(&args.folder), common)?;
    let models = resolve::models(&settings.models);
    let engine = resolve::engine(&args.folder, args.index.index.as_deref(), &settings)?;
    let status = engine.status()?;
    if args.verify {
        let failed = || format!("cannot verify the index in {}", status.folder.display());
        engine.snapshot()?.verify().with_context(failed)?;
    }
    let mut out = raw_stdout();
    if args.json {
        let found = wire::Models::find(&models);
        let written = written(&status);
        let line = wire::Status::new(&status, &args.folder, written, args.verify, found);
        json::write_line(&mut out, &line)?;
    } else {
        write_people(&mut out, &status, args, &models)?;
    }
    out.flush()?;
    Ok(Outcome::Found)
}

fn write_people(
    out: &mut impl Write,
    status: &Status,
    args: &StatusArgs,
    models: &Models,
) -> std::io::Result<()> {
    let mut row = |name: &str, value: &str| writeln!(out, "{name:<14}{}", clean(value));
    row("index", &status.folder.display().to_string())?;
    let written = written(status).unwrap_or_else(|| "at an unknown time".to_owned());
    row(
        "written",
        &format!("{written}, generation {}", status.generation),
    )?;
    if status.unfinished {
        row("unfinished", UNFINISHED)?;
    }
    let files = format!(
        "{}, {} of them without text, {} unreadable",
        grouped(status.n_sources),
        grouped(status.n_binary),
        grouped(status.failed.len())
    );
    row("files", &files)?;
    row("documents", &grouped(status.n_documents))?;
    row("passages", &passages(status))?;
    row("vectors", &vectors(status))?;
    row("size", &bytes(status.size_bytes))?;
    row("built with", &status.model.to_string())?;
    for (role, name) in [
        ("embedder", &models.embedder),
        ("cross-encoder", &models.cross_encoder),
    ] {
        row(role, &place(models, role, name))?;
    }
    row("runs on", &runs_on(models))?;
    row("ONNX Runtime", &onnx_runtime(models))?;
    if args.verify {
        row("verified", "every file matches its checksum")?;
    }
    let shown = Shown::in_folder(&args.folder);
    for (path, reason) in &status.failed {
        row("unreadable", &format!("{}: {reason}", shown.path(path)))?;
    }
    Ok(())
}

/// What the built-in encoder runs on, and what else it could.
fn runs_on(models: &Models) -> String {
    let available = InstructionSet::available();
    let used = models.cpu.or(available.first().copied());
    let others = available.iter().filter(|&&set| Some(set) != used);
    let others: Vec<&str> = others.map(|set| set.name()).collect();
    let used = used.map_or("nothing", InstructionSet::name);
    let precision = models.precision.name();
    format!(
        "{used} in {precision}; this machine also has {}",
        others.join(", ")
    )
}

fn passages(status: &Status) -> String {
    format!(
        "{} of at most {} tokens, overlapping by {}; {} deleted but still stored, in {}",
        grouped(status.n_passages),
        status.max_tokens,
        status.overlap_tokens,
        grouped(status.n_deleted),
        counted(status.n_segments, "segment")
    )
}

fn vectors(status: &Status) -> String {
    if status.n_graph_passages == 0 {
        return format!("{} values each, all scanned", status.dim);
    }
    let graphs = format!(
        "{} values each, {} in HNSW graphs",
        status.dim,
        grouped(status.n_graph_passages)
    );
    match status.n_graph_lost {
        0 => graphs,
        lost => format!(
            "{graphs}, of which {} are scanned because the graph does not find them",
            grouped(lost)
        ),
    }
}

fn place(models: &Models, role: &'static str, name: &str) -> String {
    match models.find(role, name) {
        Ok(folder) => folder.display().to_string(),
        Err(error) => error.to_string(),
    }
}

fn onnx_runtime(models: &Models) -> String {
    match &models.onnx_runtime {
        Some(path) if path.exists() => path.display().to_string(),
        Some(path) => format!("{} (there is no such file)", path.display()),
        None => "not given; only ONNX models need it".to_owned(),
    }
}

fn written(status: &Status) -> Option<String> {
    let time = Timestamp::from_nanosecond(i128::from(status.written_ns)).ok()?;
    Some(time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}
