//! ONNX Runtime, loaded when it is first asked for.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use ort::LoadDynamicError;
use ort::environment::Environment;
use ort::logging::LogLevel;
use ort::session::Session;
use ort::session::builder::GraphOptimizationLevel;
use ort::value::{TensorElementType, ValueType};

use super::error::{OnnxError, Result};
use super::library;

/// The runtime of this process. ONNX Runtime cannot be loaded twice or taken back.
static LOADED: Mutex<Option<OnnxRuntime>> = Mutex::new(None);

/// ONNX Runtime, found and started.
///
/// There is one for the process; clones are the same one. Nothing is loaded before
/// [`OnnxRuntime::load`] is called.
#[derive(Clone)]
pub struct OnnxRuntime {
    library: PathBuf,
    environment: Environment,
}

impl OnnxRuntime {
    /// Loads ONNX Runtime from `path`, a library file or a folder that holds one, or without a
    /// path by its usual name from where the system's loader looks.
    ///
    /// A folder may be the one that `pip install --target` filled, or the package's own. The
    /// first successful call decides for the whole process; later ones return the same runtime.
    /// A failed call can be repeated with another path.
    ///
    /// # Errors
    /// [`OnnxError::LibraryNotFound`], [`OnnxError::LibraryNotLoaded`],
    /// [`OnnxError::NotOnnxRuntime`] or [`OnnxError::LibraryTooOld`] when there is no library that
    /// can be used, [`OnnxError::AlreadyLoaded`] when this process runs another one, and
    /// [`OnnxError::NotStarted`] when it loads and will not start.
    pub fn load(path: Option<&Path>) -> Result<Self> {
        let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        let library = path.map(library::locate).transpose()?;
        if let Some(runtime) = &*loaded {
            return match library {
                Some(asked) if asked != runtime.library => Err(OnnxError::AlreadyLoaded {
                    loaded: runtime.library.clone(),
                    asked,
                }),
                _ => Ok(runtime.clone()),
            };
        }
        let runtime = Self::start(library.unwrap_or_else(library::default_name))?;
        *loaded = Some(runtime.clone());
        Ok(runtime)
    }

    /// The library that was loaded: its full path, or the bare name that the loader found.
    pub fn library(&self) -> &Path {
        &self.library
    }

    /// The handle that fastembed asks for. Not part of this crate's promises.
    #[doc(hidden)]
    pub fn environment(&self) -> Environment {
        self.environment.clone()
    }

    /// Reads the outputs that the model in the file `onnx` declares. Loads the model, without
    /// optimising it, and forgets it again.
    ///
    /// # Errors
    /// [`OnnxError::BadModel`] when ONNX Runtime refuses the file.
    pub(super) fn outputs(&self, onnx: &Path) -> Result<Vec<OnnxOutput>> {
        let refused = |problem: String| OnnxError::BadModel {
            path: onnx.to_owned(),
            problem,
        };
        let session = Session::builder(&self.environment)
            .map_err(|error| refused(error.to_string()))?
            .with_optimization_level(GraphOptimizationLevel::Disable)
            .map_err(|error| refused(error.to_string()))?
            .with_intra_threads(1)
            .map_err(|error| refused(error.to_string()))?
            .commit_from_file(onnx)
            .map_err(|error| refused(error.to_string()))?;
        let outputs = session.outputs().iter();
        Ok(outputs
            .map(|output| OnnxOutput::new(output.name(), output.dtype()))
            .collect())
    }

    fn start(library: PathBuf) -> Result<Self> {
        // A bare name is also looked for beside the executable, so there must be one.
        std::env::current_exe().map_err(|source| OnnxError::Io {
            path: library.clone(),
            source,
        })?;
        let builder = match ort::init_from(&library) {
            Ok(builder) => builder,
            Err(LoadDynamicError::Dlopen { error, path }) => {
                return Err(OnnxError::LibraryNotLoaded {
                    path,
                    source: Box::new(error),
                });
            }
            Err(LoadDynamicError::BadVersion { version_str, path }) => {
                return Err(OnnxError::LibraryTooOld {
                    path,
                    found: version_str,
                    needed: format!("1.{}", ort::MINOR_VERSION),
                });
            }
            Err(_) => return Err(OnnxError::NotOnnxRuntime { path: library }),
        };
        let environment = builder
            .with_name("reread")
            .with_telemetry(false)
            .build()
            .map_err(|error| OnnxError::NotStarted {
                source: Box::new(error),
            })?;
        // What goes wrong is returned; the runtime would also print it.
        environment.set_log_level(LogLevel::Fatal);
        Ok(Self {
            library,
            environment,
        })
    }
}

impl fmt::Debug for OnnxRuntime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnnxRuntime")
            .field("library", &self.library)
            .finish_non_exhaustive()
    }
}

/// One output of an ONNX model, as the file declares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OnnxOutput {
    /// Its name.
    pub(super) name: String,
    /// Whether it is a tensor of `f32`, the only kind of use here.
    pub(super) is_f32: bool,
    /// Its dimensions, `None` where one differs from call to call; empty when the file does not
    /// say how many there are.
    pub(super) shape: Vec<Option<usize>>,
}

impl OnnxOutput {
    fn new(name: &str, value: &ValueType) -> Self {
        let shape = value.tensor_shape().map(|shape| {
            shape
                .iter()
                .map(|&length| usize::try_from(length).ok())
                .collect::<Vec<_>>()
        });
        Self {
            name: name.to_owned(),
            is_f32: value.tensor_type() == Some(TensorElementType::Float32),
            shape: shape.unwrap_or_default(),
        }
    }
}

impl fmt::Display for OnnxOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [", self.name)?;
        for (pos, length) in self.shape.iter().enumerate() {
            let comma = if pos == 0 { "" } else { ", " };
            match length {
                Some(length) => write!(f, "{comma}{length}")?,
                None => write!(f, "{comma}?")?,
            }
        }
        f.write_str(if self.is_f32 { "]" } else { "], not f32" })
    }
}
