//! Command lines that make no sense: exit 2, before any file is opened or model loaded.

use insta::assert_snapshot;

use crate::machine::Machine;
use crate::media::repository;

fn misuse(line: &str) -> String {
    Machine::new().fails(2, line)
}

#[test]
fn a_command_is_expected() {
    assert_snapshot!(misuse(""), @r"
    error: souffleur expects a command, found none
    hint: start with `souffleur demo`, or see `souffleur --help`
    ");
    assert_snapshot!(misuse("model"), @r"
    error: souffleur model expects a command, found none
    hint: see `souffleur model --help`
    ");
    assert_snapshot!(misuse("wach"), @r"
    error: unrecognized subcommand 'wach'
    hint: did you mean watch? see `souffleur --help`
    ");
    assert_snapshot!(misuse("train sft x.toml"), @r"
    error: unrecognized subcommand 'train'
    hint: see `souffleur --help`
    ");
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
fn the_readme_names_every_command() {
    let help = Machine::new().run("--help");
    let rows = help.ok().lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    // What is indented further goes on with the purpose of the row before.
    let commands = rows.filter_map(|row| row.strip_prefix("  ").filter(|row| !row.starts_with(' ')));
    let names: Vec<&str> = commands.filter_map(|row| row.split_whitespace().next()).collect();
    assert!(names.contains(&"watch") && names.contains(&"pauc"), "{names:?}");
    let readme = std::fs::read_to_string(repository("README.md")).unwrap();
    for name in names.iter().filter(|name| **name != "help") {
        assert!(readme.contains(&format!("\n| `souffleur {name}")), "{name} has no row in the README's table");
    }
}

#[test]
fn flags_are_named() {
    assert_snapshot!(misuse("watch x.mp4 --ask a --inteval 2"), @r"
    error: unexpected argument '--inteval' found
    hint: did you mean --interval? see `souffleur watch --help`
    ");
    assert_snapshot!(misuse("watch x.mp4 --ask a --interval fast"), @r"
    error: invalid value 'fast' for '--interval <SECONDS>': invalid float literal
    hint: see `souffleur watch --help`
    ");
    assert_snapshot!(misuse("watch x.mp4 --ask"), @r"
    error: a value is required for '--ask <TEXT>' but none was supplied
    hint: see `souffleur watch --help`
    ");
    assert_snapshot!(misuse("watch --ask a"), @r"
    error: the following required arguments were not provided: <SOURCE>
    hint: see `souffleur watch --help`
    ");
    assert_snapshot!(misuse("watch x.mp4 --ask a --speed slow"), @r"
    error: invalid value 'slow' for '--speed <SPEED>' [possible values: max, realtime]
    hint: see `souffleur watch --help`
    ");
    assert_snapshot!(misuse("model export a b --weights int2"), @r"
    error: invalid value 'int2' for '--weights <WEIGHTS>' [possible values: f32, f16, int8, int4]
    hint: did you mean int4? see `souffleur model export --help`
    ");
}

#[test]
fn something_is_asked() {
    assert_snapshot!(misuse("watch x.mp4"), @r#"
    error: nothing is asked: --ask, --ask-at or --subtitles is expected
    hint: say what to look for, such as --ask "Tell me when the water boils."
    "#);
    assert_snapshot!(misuse("watch x.mp4 --ask ''"), @r#"
    error: a question of at least one word is expected, found an empty text
    hint: say what to look for, such as --ask "Tell me when the water boils."
    "#);
    assert_snapshot!(misuse("watch x.mp4 --ask-at '5= '"), @r#"
    error: a question of at least one word is expected, found an empty text
    hint: say what to look for, such as --ask "Tell me when the water boils."
    "#);
    assert_snapshot!(misuse("watch x.mp4 --ask-at soon=what"), @r#"
    error: a timed question is written SECONDS=TEXT, found "soon=what"
    hint: write it like --ask-at 12.5="What is in the pan?"
    "#);
    assert_snapshot!(misuse("watch x.mp4 --ask-at -1=what"), @r"
    error: a question is asked at 0 seconds or later, found -1
    hint: count the time in seconds from the start of the video, such as --ask-at 12.5=TEXT
    ");
}

#[test]
fn times_make_sense() {
    assert_snapshot!(misuse("watch x.mp4 --ask a --interval -1"), @r"
    error: the frame interval must be from 0.001 to 3600 seconds, found -1
    hint: give --interval a number of seconds such as 1 or 0.5
    ");
    assert_snapshot!(misuse("watch x.mp4 --ask a --interval 0"), @r"
    error: the frame interval must be from 0.001 to 3600 seconds, found 0
    hint: give --interval a number of seconds such as 1 or 0.5
    ");
    assert_snapshot!(misuse("watch x.mp4 --ask a --interval NaN"), @r"
    error: the frame interval must be from 0.001 to 3600 seconds, found NaN
    hint: give --interval a number of seconds such as 1 or 0.5
    ");
    assert_snapshot!(misuse("watch x.mp4 --ask a --frames-per-turn 3"), @r"
    error: a turn holds 1 or 2 frames, found 3
    hint: give --frames-per-turn 1 or 2
    ");
    assert_snapshot!(misuse("watch x.mp4 --ask a --from -2"), @r"
    error: the start must be a time of at least 0 seconds, found -2
    hint: give --from a number of seconds from the start of the file, such as 12.5
    ");
    assert_snapshot!(misuse("watch x.mp4 --ask a --from 5 --to 5"), @r"
    error: the end must lie after the start, found --from 5 and --to 5
    hint: give --to a time in seconds that is later than --from
    ");
    assert_snapshot!(misuse("watch x.mp4 --ask a --to NaN"), @r"
    error: the end must lie after the start, found --from 0 and --to NaN
    hint: give --to a time in seconds that is later than --from
    ");
}

#[test]
fn decisions_and_sampling_make_sense() {
    assert_snapshot!(misuse("watch x.mp4 --ask a --policy maybe"), @r#"
    error: a policy is text, threshold=P or zscore=Z, found "maybe"
    hint: give --policy text, --policy threshold=0.7 or --policy zscore=2
    "#);
    assert_snapshot!(misuse("watch x.mp4 --ask a --policy threshold=1.5"), @r#"
    error: the threshold is a probability from 0 to 1, found "1.5"
    hint: give --policy threshold=0.7: the model stays silent from that probability on
    "#);
    assert_snapshot!(misuse("watch x.mp4 --ask a --policy zscore=-1"), @r#"
    error: the z-score is a number above 0, found "-1"
    hint: give --policy zscore=2: the larger, the rarer it speaks
    "#);
    assert_snapshot!(misuse("watch x.mp4 --ask a --eagerness inf"), @r"
    error: the eagerness is a number from -100 to 100, found inf
    hint: give --eagerness 1 to speak sooner, -1 to speak later
    ");
    assert_snapshot!(misuse("watch x.mp4 --ask a --temperature 0"), @r"
    error: the temperature is a number above 0, found 0
    hint: give --temperature 0.7, or leave it out for the likeliest words
    ");
    assert_snapshot!(misuse("watch x.mp4 --ask a --top-k 0"), @r"
    error: --top-k keeps at least 1 token, found 0
    hint: give --top-k 10, or leave it out to keep all
    ");
    assert_snapshot!(misuse("watch x.mp4 --ask a --window 0"), @r"
    error: the window is a number of turns above 0 or off, found 0
    hint: give --window 60, or --window off
    ");
    assert_snapshot!(misuse("watch x.mp4 --ask a --max-new-tokens 0"), @r"
    error: a reply holds at least 1 token, found 0
    hint: give --max-new-tokens 1 or more
    ");
    assert_snapshot!(misuse("watch x.mp4 --ask a --provider abacus"), @r"
    error: the provider abacus was asked for, this build has auto, cpu
    hint: give --provider auto or cpu
    ");
}

#[test]
fn exports_have_a_place() {
    assert_snapshot!(misuse("watch x.mp4 --ask a --export replies.doc"), @r"
    error: an export ends in .srt, .vtt, .jsonl, .md or .html, found replies.doc
    hint: name the file after what you want, such as --export replies.srt or --export report.html
    ");
    assert_snapshot!(misuse("watch x.mp4 --ask a --export nowhere/replies.srt"), @r"
    error: nowhere/replies.srt is to be written into an existing folder, found none at nowhere
    hint: create the folder first, or write somewhere else
    ");
    assert_snapshot!(misuse("watch x.mp4 --ask a --export a.srt --export a.srt"), @r"
    error: a.srt is asked for twice
    hint: give each --export a file of its own
    ");
}

#[test]
fn what_is_to_come_is_said_to_come() {
    for flag in ["--token-drop 0.5", "--memory-note on"] {
        let error = misuse(&format!("watch x.mp4 --ask a {flag}"));
        assert!(error.contains("is not in this version"), "{error}");
    }
    assert_snapshot!(misuse("model pull qwen --from hub"), @r"
    error: model pull is not in this version
    hint: put a checkpoint on this machine and run `souffleur model export SRC OUT --weights int8`
    ");
    assert_snapshot!(misuse("model import x"), @r"
    error: model import is not in this version
    hint: put a checkpoint on this machine and run `souffleur model export SRC OUT --weights int8`
    ");
}

#[test]
fn scoring_makes_sense() {
    assert_snapshot!(misuse("pauc --gold a.json --pred b.jsonl --omega 2"), @r#"
    error: omega is a number from 0 to 1, found "2"
    hint: give --omega numbers from 0 to 1, separated by commas, such as 0,0.5,1
    "#);
    assert_snapshot!(misuse("pauc --gold a.json --pred b.jsonl --judge oracle"), @r#"
    error: a judge is exact, embedded, embedded=DIR or an http(s):// address; found "oracle"
    hint: give --judge exact, embedded, or such as http://localhost:8000/v1?model=NAME, or --scores with a file
    "#);
    assert_snapshot!(misuse("pauc --gold a.json --pred b.jsonl --judge exact --scores c.jsonl"), @r"
    error: the argument '--judge <exact|embedded|URL>' cannot be used with '--scores <SCORES.jsonl>'
    hint: see `souffleur pauc --help`
    ");
    assert_snapshot!(misuse("pauc --gold a.json"), @r"
    error: the following required arguments were not provided: --pred <PRED.jsonl>
    hint: see `souffleur pauc --help`
    ");
}
