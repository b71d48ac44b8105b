//! `souffleur demo`.

use crate::machine::Machine;

#[test]
fn the_demo_plays_every_clip_beside_the_truth() {
    let machine = Machine::new();
    let played = machine.run("demo");
    let page = played.ok();
    for part in
        ["kitchen-1.mp4", "kitchen-5.mp4", "✓ due ", "All together", "span hits", "PAUC", "souffleur watch VIDEO"]
    {
        assert!(page.contains(part), "{part} is missing:\n{page}");
    }
    assert!(page.lines().all(|line| line.chars().count() <= 80), "80 columns hold it:\n{page}");
    assert!(!page.contains('\u{1b}'), "no colours where no terminal is");
    assert_eq!(played.stderr, "");
    assert!(machine.files().is_empty());
}

#[cfg(unix)]
#[test]
fn an_interrupted_demo_says_how_far_it_came() {
    use std::io::{BufRead, BufReader, Read};
    let machine = Machine::new();
    let mut command = machine.command(["demo"]);
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    lines.next().unwrap();
    assert!(std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let page: Vec<String> = lines.collect();
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{stderr}");
    let played = page.iter().filter(|line| line.ends_with(".mp4")).count();
    assert!(stderr.ends_with(&format!("ended early: {played} of 4 clips were played\n")), "{stderr}");
}

#[test]
fn the_demo_as_json_holds_the_same_facts() {
    let played = Machine::new().run("demo --json");
    let facts: serde_json::Value = serde_json::from_str(played.ok()).unwrap();
    let clips = facts["clips"].as_array().unwrap();
    assert_eq!(clips.len(), 4);
    let num_hits = clips
        .iter()
        .flat_map(|clip| clip["answers"].as_array().unwrap())
        .filter(|answer| answer["outcome"] == "hit")
        .count();
    assert_eq!(facts["span_hits"], num_hits);
    // What the card promises of clips of its length; these are a little longer.
    assert!(facts["metrics"]["pauc"]["0.5"].as_f64().unwrap() > 50.0, "{facts}");
}
