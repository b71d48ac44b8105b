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

/// Backslashes, slashes, a drive, the long form: all of them name one file. Unrun so far, as the workflow says.
#[cfg(windows)]
#[test]
fn every_way_to_write_a_windows_path_is_one_file() {
    let machine = Machine::new();
    std::fs::create_dir(machine.path("a folder")).unwrap();
    let absolute = machine.path("a folder").join("clip %d é.mp4");
    std::fs::copy(clip("kitchen-1.mp4"), &absolute).unwrap();
    let verbatim = absolute.canonicalize().unwrap();
    assert!(verbatim.to_string_lossy().starts_with(r"\\?\"));
    let relative = [r"a folder\clip %d é.mp4", "a folder/clip %d é.mp4", r".\a folder\..\a folder\clip %d é.mp4"];
    for path in relative.map(std::path::PathBuf::from).into_iter().chain([absolute, verbatim]) {
        let mut command = machine.command(["watch", "--ask", "a", "--to", "2", "--format", "jsonl"]);
        command.args(["--export", r"a folder\page.html"]).arg(&path);
        let ended = machine.run_command(command);
        ended.ok();
        assert_eq!(ended.events_of("turn").len(), 2, "{}", path.display());
        let page = std::fs::read_to_string(machine.path("a folder").join("page.html")).unwrap();
        assert!(
            page.contains("src=\"./clip%20%25d%20%C3%A9.mp4\""),
            "the page stands beside the clip: {}",
            path.display()
        );
    }
}
