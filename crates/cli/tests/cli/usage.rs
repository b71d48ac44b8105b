//! Command lines that make no sense: exit 2, before any file is opened or model loaded.

use insta::assert_snapshot;

use crate::machine::Machine;

fn misuse(line: &str) -> String {
    Machine::new().fails(2, line)
}

#[test]
fn a_command_is_expected() {
    assert_snapshot!(misuse(""), @"");
    assert_snapshot!(misuse("model"), @"");
    assert_snapshot!(misuse("wach"), @"");
    assert_snapshot!(misuse("train sft x.toml"), @"");
}

#[test]
fn help_and_version_are_no_errors() {
    let machine = Machine::new();
    for line in ["--help", "--version", "watch --help", "model --help", "model export --help", "pauc -h", "demo -h"] {
        let ended = machine.run(line);
        assert!(!ended.ok().is_empty() && ended.stderr.is_empty(), "{line}");
    }
    assert!(machine.run("--version").ok().starts_with("souffleur 0."));
}

#[test]
fn flags_are_named() {
    assert_snapshot!(misuse("watch x.mp4 --ask a --inteval 2"), @"");
    assert_snapshot!(misuse("watch x.mp4 --ask a --interval fast"), @"");
    assert_snapshot!(misuse("watch x.mp4 --ask"), @"");
    assert_snapshot!(misuse("watch --ask a"), @"");
    assert_snapshot!(misuse("watch x.mp4 --ask a --speed slow"), @"");
    assert_snapshot!(misuse("model export a b --weights int2"), @"");
}

#[test]
fn something_is_asked() {
    assert_snapshot!(misuse("watch x.mp4"), @"");
    assert_snapshot!(misuse("watch x.mp4 --ask ''"), @"");
    assert_snapshot!(misuse("watch x.mp4 --ask-at '5= '"), @"");
    assert_snapshot!(misuse("watch x.mp4 --ask-at soon=what"), @"");
    assert_snapshot!(misuse("watch x.mp4 --ask-at -1=what"), @"");
}

#[test]
fn times_make_sense() {
    assert_snapshot!(misuse("watch x.mp4 --ask a --interval -1"), @"");
    assert_snapshot!(misuse("watch x.mp4 --ask a --interval 0"), @"");
    assert_snapshot!(misuse("watch x.mp4 --ask a --interval NaN"), @"");
    assert_snapshot!(misuse("watch x.mp4 --ask a --frames-per-turn 3"), @"");
    assert_snapshot!(misuse("watch x.mp4 --ask a --from -2"), @"");
    assert_snapshot!(misuse("watch x.mp4 --ask a --from 5 --to 5"), @"");
    assert_snapshot!(misuse("watch x.mp4 --ask a --to NaN"), @"");
}

#[test]
fn decisions_and_sampling_make_sense() {
    assert_snapshot!(misuse("watch x.mp4 --ask a --policy maybe"), @"");
    assert_snapshot!(misuse("watch x.mp4 --ask a --policy threshold=1.5"), @"");
    assert_snapshot!(misuse("watch x.mp4 --ask a --policy zscore=-1"), @"");
    assert_snapshot!(misuse("watch x.mp4 --ask a --eagerness inf"), @"");
    assert_snapshot!(misuse("watch x.mp4 --ask a --temperature 0"), @"");
    assert_snapshot!(misuse("watch x.mp4 --ask a --top-k 0"), @"");
    assert_snapshot!(misuse("watch x.mp4 --ask a --max-new-tokens 0"), @"");
    assert_snapshot!(misuse("watch x.mp4 --ask a --provider abacus"), @"");
}

#[test]
fn exports_have_a_place() {
    assert_snapshot!(misuse("watch x.mp4 --ask a --export replies.doc"), @"");
    assert_snapshot!(misuse("watch x.mp4 --ask a --export nowhere/replies.srt"), @"");
    assert_snapshot!(misuse("watch x.mp4 --ask a --export a.srt --export a.srt"), @"");
}

#[test]
fn what_is_to_come_is_said_to_come() {
    assert_snapshot!(misuse("watch x.mp4 --ask a --window 20"), @"");
    for flag in ["--collapse-silence on", "--token-drop 0.5", "--static-skip 0.1", "--memory-note on"] {
        let error = misuse(&format!("watch x.mp4 --ask a {flag}"));
        assert!(error.contains("is not in this version"), "{error}");
    }
    assert_snapshot!(misuse("model pull qwen --from hub"), @"");
    assert_snapshot!(misuse("model import x"), @"");
}

#[test]
fn scoring_makes_sense() {
    assert_snapshot!(misuse("pauc --gold a.json --pred b.jsonl --omega 2"), @"");
    assert_snapshot!(misuse("pauc --gold a.json --pred b.jsonl --judge oracle"), @"");
    assert_snapshot!(misuse("pauc --gold a.json --pred b.jsonl --judge exact --scores c.jsonl"), @"");
    assert_snapshot!(misuse("pauc --gold a.json"), @"");
}
