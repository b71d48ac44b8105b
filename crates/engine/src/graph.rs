//! One exported graph, loaded into ONNX Runtime.

use std::ffi::CStr;
use std::path::Path;
use std::ptr;
use std::sync::Arc;

use ort::AsPointer;
use ort::environment::Environment;
use ort::session::Session;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};
use souffleur_core::one_line;
use souffleur_model::ModelFolder;
use souffleur_model::names::files;

use crate::EngineError;

/// How the runtime is to execute the graphs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ExecutionSettings {
    /// Threads of one operator.
    pub(crate) intra_threads: usize,
}

/// How many nodes of a graph one provider really runs, from the runtime's own record; registering a provider says
/// nothing about its use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderShare {
    /// The runtime's name of it, such as `CPUExecutionProvider`.
    pub provider: String,
    /// Nodes after optimisation.
    pub num_nodes: usize,
}

pub(crate) struct Graph {
    /// File inside the model folder.
    pub(crate) path: &'static str,
    pub(crate) session: Session,
}

impl Graph {
    pub(crate) fn load(
        environment: &Environment,
        folder: &ModelFolder,
        path: &'static str,
        settings: ExecutionSettings,
    ) -> Result<Self, EngineError> {
        let load_error = |reason: String| EngineError::Load { graph: path, reason: one_line(&reason) };
        let mut builder = session_builder(environment, settings).map_err(&load_error)?;
        let session = match folder.path_on_disk(path) {
            Some(file) => builder.commit_from_file(file),
            None => {
                let graph = folder.read(path)?;
                // The location that the exporter wrote into the graph: the file's name beside it.
                let data_path = files::external_data(path);
                if folder.manifest().files.contains_key(&data_path) {
                    let data_name = data_path.rsplit('/').next().unwrap_or(&data_path).to_owned();
                    let data: Arc<[u8]> = folder.read(&data_path)?.into();
                    builder = builder
                        .with_external_initializer_file_in_memory(data_name, data)
                        .map_err(|err| load_error(err.to_string()))?;
                }
                builder.commit_from_memory(&graph)
            }
        };
        Ok(Self { path, session: session.map_err(|err| load_error(err.to_string()))? })
    }

    /// Fails early, with the names there are, when the graph is not of the form this engine drives.
    pub(crate) fn expect_names(&self, inputs: &[&str], outputs: &[&str]) -> Result<(), EngineError> {
        for (kind, expected, outlets) in
            [("input", inputs, self.session.inputs()), ("output", outputs, self.session.outputs())]
        {
            let found: Vec<String> = outlets.iter().map(|outlet| outlet.name().to_owned()).collect();
            if let Some(missing) = expected.iter().find(|name| !found.iter().any(|other| other == **name)) {
                let expected = (*missing).to_owned();
                return Err(EngineError::GraphForm { graph: self.path, kind, expected, found });
            }
        }
        Ok(())
    }

    pub(crate) fn run_error(&self, err: &ort::Error) -> EngineError {
        run_error(self.path, err)
    }

    /// Which providers run this graph, most nodes first.
    pub(crate) fn provider_shares(&self) -> Result<Vec<ProviderShare>, EngineError> {
        let mut shares = assignment_record(&self.session).map_err(|err| self.run_error(&err))?;
        shares.sort_by(|a, b| b.num_nodes.cmp(&a.num_nodes).then_with(|| a.provider.cmp(&b.provider)));
        Ok(shares)
    }
}

/// A failed run as the engine's error; a run that was told to stop is no fault of the graph.
pub(crate) fn run_error(graph: &'static str, err: &ort::Error) -> EngineError {
    let reason = one_line(&err.to_string());
    if reason.contains("terminate flag") { EngineError::Cancelled } else { EngineError::Run { graph, reason } }
}

/// A graph that stands alone, its weights beside it; `shown` is its name in errors.
pub(crate) fn load_file(
    environment: &Environment,
    file: &Path,
    shown: &'static str,
    settings: ExecutionSettings,
) -> Result<Session, EngineError> {
    let session = session_builder(environment, settings)
        .and_then(|mut builder| builder.commit_from_file(file).map_err(|err| err.to_string()));
    session.map_err(|reason| EngineError::Load { graph: shown, reason: one_line(&reason) })
}

fn session_builder(environment: &Environment, settings: ExecutionSettings) -> Result<SessionBuilder, String> {
    let build = || -> ort::Result<SessionBuilder> {
        let builder = Session::builder(environment)?
            .with_optimization_level(GraphOptimizationLevel::All)?
            .with_intra_threads(settings.intra_threads)?
            .with_config_entry("session.record_ep_graph_assignment_info", "1")?
            // Threads may spin inside a run, where it is faster, but not between turns, where it burns the battery.
            .with_config_entry("session.force_spinning_stop", "1")?;
        Ok(builder)
    };
    build().map_err(|err| err.to_string())
}

fn assignment_record(session: &Session) -> ort::Result<Vec<ProviderShare>> {
    let api = ort::api();
    let mut subgraphs: *const *const ort::sys::OrtEpAssignedSubgraph = ptr::null();
    let mut num_subgraphs = 0usize;
    // SAFETY: the session pointer is alive for the borrow of `session`; both out-pointers are valid for writes. The
    // record belongs to the session, so it lives at least as long as this function reads it.
    unsafe {
        let status = (api.Session_GetEpGraphAssignmentInfo)(session.ptr(), &mut subgraphs, &mut num_subgraphs);
        ort::Error::result_from_status(status)?;
    }
    if subgraphs.is_null() || num_subgraphs == 0 {
        return Ok(Vec::new());
    }
    // SAFETY: the call above succeeded and reported `num_subgraphs` pointers at a non-null address.
    let subgraphs = unsafe { std::slice::from_raw_parts(subgraphs, num_subgraphs) };
    let mut shares: Vec<ProviderShare> = Vec::new();
    for &subgraph in subgraphs {
        let mut name = ptr::null();
        let mut nodes: *const *const ort::sys::OrtEpAssignedNode = ptr::null();
        let mut num_nodes = 0usize;
        // SAFETY: `subgraph` comes from the session's own record; the out-pointers are valid for writes, and the
        // runtime gives a NUL-terminated name that lives as long as the record.
        let provider = unsafe {
            ort::Error::result_from_status((api.EpAssignedSubgraph_GetEpName)(subgraph, &mut name))?;
            ort::Error::result_from_status((api.EpAssignedSubgraph_GetNodes)(subgraph, &mut nodes, &mut num_nodes))?;
            CStr::from_ptr(name).to_string_lossy().into_owned()
        };
        match shares.iter_mut().find(|share| share.provider == provider) {
            Some(share) => share.num_nodes += num_nodes,
            None => shares.push(ProviderShare { provider, num_nodes }),
        }
    }
    Ok(shares)
}
