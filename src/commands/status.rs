//! `reread status`: what the index of a folder holds.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use jiff::Timestamp;
use reread_engine::{InstructionSet, ModelIdentity, Models, Status};
use serde::Serialize;

use super::raw_stdout;
use crate::args::{CommonArgs, Settings, StatusArgs};
use crate::output::{bytes, clean, counted, grouped, json};
use crate::{Outcome, folder, resolve};

/// What people are told of an index that does not hold the whole folder yet.
pub(crate) const UNFINISHED: &str =
    "an indexing run is at work or was stopped before its end; `reread index` does what is left";

#[derive(Serialize)]
struct StatusJson<'a> {
    schema: u32,
    folder: &'a Path,
    index: &'a Path,
    generation: u64,
    unfinished: bool,
    written: Option<String>,
    model: &'a ModelIdentity,
    dim: usize,
    passage_tokens: usize,
    overlap_tokens: usize,
    files: usize,
    documents: usize,
    passages: usize,
    deleted_passages: usize,
    segments: usize,
    graph_passages: usize,
    graph_lost: usize,
    binary_files: usize,
    failed: Vec<FailedJson<'a>>,
    size_bytes: u64,
    verified: bool,
    models: ModelsJson<'a>,
}

#[derive(Serialize)]
struct FailedJson<'a> {
    path: &'a str,
    reason: &'a str,
}

/// Where each model is, or `null` where it is in none of the places searched.
#[derive(Serialize)]
struct ModelsJson<'a> {
    embedder: Option<PathBuf>,
    cross_encoder: Option<PathBuf>,
    cpu: Option<&'static str>,
    cpus: Vec<&'static str>,
    precision: &'static str,
    onnxruntime: Option<&'a Path>,
}

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
        json::write_line(&mut out, &status_json(&status, args, &models))?;
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
    for (path, reason) in &status.failed {
        row("unreadable", &format!("{path}: {reason}"))?;
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
        "{used} in {precision}; this machine has also {}",
        others.join(", ")
    )
}

fn passages(status: &Status) -> String {
    format!(
        "{} of at most {} tokens, {} of them repeated; {} deleted and still stored, in {}",
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
            "{graphs}, of which {} are scanned as the graph does not find them",
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

fn status_json<'a>(status: &'a Status, args: &'a StatusArgs, models: &'a Models) -> StatusJson<'a> {
    let available = InstructionSet::available();
    StatusJson {
        schema: json::SCHEMA,
        folder: &args.folder,
        index: &status.folder,
        generation: status.generation,
        unfinished: status.unfinished,
        written: written(status),
        model: &status.model,
        dim: status.dim,
        passage_tokens: status.max_tokens,
        overlap_tokens: status.overlap_tokens,
        files: status.n_sources,
        documents: status.n_documents,
        passages: status.n_passages,
        deleted_passages: status.n_deleted,
        segments: status.n_segments,
        graph_passages: status.n_graph_passages,
        graph_lost: status.n_graph_lost,
        binary_files: status.n_binary,
        failed: status
            .failed
            .iter()
            .map(|(path, reason)| FailedJson { path, reason })
            .collect(),
        size_bytes: status.size_bytes,
        verified: args.verify,
        models: ModelsJson {
            embedder: models.find("embedder", &models.embedder).ok(),
            cross_encoder: models.find("cross-encoder", &models.cross_encoder).ok(),
            cpu: models
                .cpu
                .or(available.first().copied())
                .map(InstructionSet::name),
            cpus: available.iter().map(|set| set.name()).collect(),
            precision: models.precision.name(),
            onnxruntime: models.onnx_runtime.as_deref(),
        },
    }
}
