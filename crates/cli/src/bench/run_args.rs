use std::path::PathBuf;

use clap::Args;
use souffleur_bench::Strictness;
use souffleur_bench::run::{Benchmark, RunPlan, Shard, Variant};
use souffleur_engine::{EngineOptions, catalog};
use souffleur_model::ModelFolder;

use super::play::facts;
use crate::failure::{Failure, OrFail};

/// What every run of a benchmark is told, whatever it asks of the model.
#[derive(Args)]
pub(crate) struct RunArgs {
    /// The benchmark's folder: annotation and videos, or a folder a subset
    #[arg(long, value_name = "DIR")]
    root: PathBuf,
    /// Model to run: a name from `souffleur model list` or a folder
    #[arg(long, value_name = "NAME|DIR", default_value = catalog::DEFAULT_MODEL)]
    pub(super) model: String,
    /// Folder for predictions and report; one that holds this run already is gone on with
    #[arg(long, value_name = "RUN")]
    pub(super) out: PathBuf,
    /// Subsets to run, separated by commas [default: all there are]
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    subset: Vec<String>,
    /// Where to run the model: auto, cpu, or a provider this build has
    #[arg(long, value_name = "PROVIDER", default_value = "auto")]
    provider: String,
    /// Run this part of the items only, such as 1/4; `bench merge` joins the parts
    #[arg(long, value_name = "i/n", default_value = "1/1")]
    shard: String,
    /// Fail on missing videos and oddities of the annotation instead of listing them
    #[arg(long)]
    strict: bool,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

impl RunArgs {
    pub(super) fn shard(&self) -> Result<Shard, Failure> {
        self.shard.parse().or_misuse()
    }

    /// The provider asked for, everything else as it is by itself.
    pub(super) fn engine_options(&self) -> Result<EngineOptions, Failure> {
        Ok(EngineOptions { provider: self.provider.parse().or_misuse()?, ..EngineOptions::default() })
    }

    /// Opens the annotation and puts the run together.
    pub(super) fn plan(
        &self,
        benchmark: Benchmark,
        shard: Shard,
        model: &ModelFolder,
        variants: Vec<Variant>,
    ) -> Result<RunPlan, Failure> {
        let subsets = benchmark.open(&self.root, &self.subset).or_fail()?;
        Ok(RunPlan {
            benchmark,
            root: self.root.clone(),
            subsets: subsets.into_iter().map(|subset| subset.sharded(shard)).collect(),
            model: facts(model)?,
            variants,
            shard,
            strictness: if self.strict { Strictness::Strict } else { Strictness::Lenient },
        })
    }
}
