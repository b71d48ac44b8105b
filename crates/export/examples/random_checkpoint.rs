//! `cargo run --release -p souffleur-export --example random_checkpoint -- FOLDER`: writes random weights in the shape
//! of FOLDER/config.json. `cargo xtask shape-3b` uses it.

use std::path::PathBuf;

use souffleur_core::Hint;
use souffleur_export::write_random_checkpoint;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("a folder with a config.json is expected")?);
    let num_bytes = write_random_checkpoint(&folder, 7).map_err(|err| format!("{err}\nhint: {}", err.hint()))?;
    println!("{:.2} GB of random weights in {}", num_bytes as f64 / 1e9, folder.display());
    Ok(())
}
