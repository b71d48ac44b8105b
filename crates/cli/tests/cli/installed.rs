//! The program as `cargo xtask setup` leaves it.

use crate::machine::Machine;
use crate::media::clip;

/// What the system itself sets, and nothing of ours: where programs, the user's folders and temporary files are.
const OF_THE_SYSTEM: [&str; 7] = ["PATH", "HOME", "XDG_DATA_HOME", "USERPROFILE", "LOCALAPPDATA", "SystemRoot", "TEMP"];

#[test]
fn it_runs_from_any_folder_without_a_variable_of_its_own() {
    let machine = Machine::new();
    let mut command =
        machine.command(["watch", &clip("kitchen-1.mp4"), "--ask", "a", "--to", "2", "--format", "jsonl"]);
    command.current_dir("/").env_clear();
    command.envs(OF_THE_SYSTEM.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
    let ended = machine.run_command(command);
    ended.ok();
    assert_eq!(ended.events_of("turn").len(), 2, "{}", ended.stdout);
}
