//! The thread that owns the model, and the handle everyone else holds.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, bounded};
use souffleur_model::ModelFolder;

use crate::canceller::{CancelState, Canceller};
use crate::info::EngineInfo;
use crate::ort_model::OrtModel;
use crate::window::Window;
use crate::{EngineError, Observed, Resolution, Resolved, TurnInput, TurnModel, runtime};

/// How the model is to be run.
#[derive(Clone, Debug, Default)]
pub struct EngineOptions {
    /// The provider to run on.
    pub provider: Provider,
    /// Tokens the KV cache holds; `None` takes the manifest's number.
    pub context_tokens: Option<usize>,
    /// What silent turns leave in the context.
    pub silent_turns: SilentTurns,
    /// How many turns the model looks back on.
    pub window: Window,
    /// Threads of one operator; `None` takes all cores.
    pub intra_threads: Option<usize>,
    /// First message of the dialogue; `None` takes the manifest's. Offline tasks have a prompt of their own.
    pub system_prompt: Option<String>,
    /// Whether silence is drafted.
    pub silence_pass: SilencePass,
    /// Seed of sampled decoding.
    pub seed: u64,
    /// The ONNX Runtime library; `None` searches the usual places ([`crate::find_runtime`]).
    pub runtime_library: Option<PathBuf>,
}

impl EngineOptions {
    pub(crate) fn intra_threads(&self) -> usize {
        let all = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        self.intra_threads.unwrap_or_else(all).max(1)
    }
}

/// How the silence text gets into the context.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SilencePass {
    /// Drafted and verified in the turn's own forward pass.
    #[default]
    Drafted,
    /// One pass a token, as every other runtime does it. Kept to measure and to prove the drafted way against.
    TokenByToken,
}

/// What a silent turn leaves in the context.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SilentTurns {
    /// The silence text, as the model was trained (MMDuet2, released code).
    #[default]
    Kept,
    /// Its frames and text alone, without an answer: shorter, and not what the model saw in training.
    Collapsed,
}

/// An execution provider of ONNX Runtime.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Provider {
    /// The best this build has.
    #[default]
    Auto,
    /// The processor.
    Cpu,
}

impl Provider {
    /// Those that can be asked for by name in this build.
    pub const IN_THIS_BUILD: &[Self] = &[Self::Cpu];

    /// As the command line writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Cpu => "cpu",
        }
    }
}

impl std::str::FromStr for Provider {
    type Err = EngineError;

    fn from_str(text: &str) -> Result<Self, EngineError> {
        match text {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            other => {
                Err(EngineError::ProviderUnavailable { requested: other.to_owned(), available: vec!["auto", "cpu"] })
            }
        }
    }
}

enum Command {
    Observe(TurnInput, Sender<Result<Observed, EngineError>>),
    Resolve(Resolution, Sender<Result<Resolved, EngineError>>),
    Reset(Sender<Result<(), EngineError>>),
}

/// A running model. One thread owns the ONNX Runtime sessions and the KV cache; this handle sends it one command at
/// a time and waits for the answer. Dropping the handle ends the thread.
pub struct Engine {
    /// Holds one command: the handle waits for each answer, so a second one never queues.
    commands: Option<Sender<Command>>,
    thread: Option<JoinHandle<Result<(), String>>>,
    info: EngineInfo,
    canceller: Canceller,
}

impl Engine {
    /// Loads the three graphs of a model folder on a thread of their own.
    ///
    /// # Errors
    /// When ONNX Runtime is missing or too old, or a file of the model is missing, corrupt or of another form.
    pub fn start(folder: ModelFolder, options: EngineOptions) -> Result<Self, EngineError> {
        // Before anything of `ort` is touched: without a library its first use would panic.
        runtime::environment(options.runtime_library.as_deref())?;
        let cancel = Arc::new(CancelState::new()?);
        let canceller = Canceller(Arc::clone(&cancel));
        let (commands, inbox) = bounded(1);
        let (loaded_tx, loaded_rx) = bounded(1);
        let body = move || match OrtModel::load(folder, &options, cancel) {
            Ok((model, info)) => {
                let _ = loaded_tx.send(Ok(info));
                serve(model, &inbox);
            }
            Err(err) => {
                let _ = loaded_tx.send(Err(err));
            }
        };
        let thread = std::thread::Builder::new()
            .name("engine".into())
            .spawn(move || catch_unwind(AssertUnwindSafe(body)).map_err(|payload| panic_message(&*payload)))
            .map_err(|err| EngineError::ThreadEnded { reason: format!("it could not be started: {err}") })?;
        let mut thread = Some(thread);
        match loaded_rx.recv() {
            Ok(Ok(info)) => Ok(Self { commands: Some(commands), thread, info, canceller }),
            Ok(Err(err)) => Err(err),
            Err(_) => Err(ended(&mut thread)),
        }
    }

    /// What was loaded.
    pub fn info(&self) -> &EngineInfo {
        &self.info
    }

    /// A handle that stops the turn in progress from another thread.
    pub fn canceller(&self) -> Canceller {
        self.canceller.clone()
    }

    fn ask<T>(&mut self, command: impl FnOnce(Sender<Result<T, EngineError>>) -> Command) -> Result<T, EngineError> {
        let (answer_tx, answer_rx) = bounded(1);
        let is_sent = self.commands.as_ref().is_some_and(|commands| commands.send(command(answer_tx)).is_ok());
        match is_sent.then(|| answer_rx.recv()) {
            Some(Ok(answer)) => answer,
            _ => Err(ended(&mut self.thread)),
        }
    }
}

impl TurnModel for Engine {
    fn observe(&mut self, input: TurnInput) -> Result<Observed, EngineError> {
        self.ask(|answer| Command::Observe(input, answer))
    }

    fn resolve(&mut self, resolution: Resolution) -> Result<Resolved, EngineError> {
        self.ask(|answer| Command::Resolve(resolution, answer))
    }

    fn reset(&mut self) -> Result<(), EngineError> {
        self.ask(Command::Reset)
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.canceller.cancel();
        self.commands = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn serve(mut model: OrtModel, inbox: &Receiver<Command>) {
    // An answer nobody waits for any more is no error: the handle was dropped.
    for command in inbox {
        match command {
            Command::Observe(input, answer) => drop(answer.send(model.observe(input))),
            Command::Resolve(resolution, answer) => drop(answer.send(model.resolve(resolution))),
            Command::Reset(answer) => drop(answer.send(model.reset())),
        }
    }
}

fn ended(thread: &mut Option<JoinHandle<Result<(), String>>>) -> EngineError {
    let reason = match thread.take().map(JoinHandle::join) {
        Some(Ok(Err(panic))) => panic,
        Some(Err(payload)) => panic_message(&*payload),
        Some(Ok(Ok(()))) | None => "it was shut down".to_owned(),
    };
    EngineError::ThreadEnded { reason }
}

fn panic_message(payload: &(dyn std::any::Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    format!("it panicked: {}", text.unwrap_or("without a message").lines().next().unwrap_or_default())
}
