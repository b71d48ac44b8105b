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
