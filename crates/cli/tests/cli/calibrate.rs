//! `souffleur calibrate`.

use insta::assert_snapshot;
use serde_json::Value;

use crate::machine::Machine;
use crate::media::clip;

fn calibrate(rate: &str, clips: &[&str], options: &str) -> crate::machine::Ended {
    let sources: Vec<String> = clips.iter().map(|name| format!("'{}'", clip(name))).collect();
    let line = format!("calibrate --replies-per-minute {rate} {} {options}", sources.join(" "));
    Machine::new().run(&line)
}

/// What it promises is what `watch` does with it, reply by reply.
#[test]
fn the_eagerness_gives_the_rate_in_watch() {
    let found = calibrate("5", &["kitchen-1.mp4", "kitchen-2.mp4"], "--json");
    let found: Value = serde_json::from_str(found.ok()).unwrap();
    assert_eq!((&found["version"], &found["model"], &found["is_met"]), (&1.into(), &"kitchen".into(), &true.into()));
    let (turns, replies) = (found["turns"].as_u64().unwrap(), found["replies"].as_u64().unwrap());
    assert_eq!(found["replies_per_minute"].as_f64().unwrap(), replies as f64 / (turns as f64 / 60.0));
    let mut watched = 0;
    for name in ["kitchen-1.mp4", "kitchen-2.mp4"] {
        let options = format!("--ask 'Describe each step.' --eagerness {} --format jsonl", found["eagerness"]);
        let ended = Machine::new().run(&format!("watch '{}' {options}", clip(name)));
        ended.ok();
        watched += ended.replies().len() as u64;
    }
    assert_eq!(watched, replies, "{found}");
}

#[test]
fn the_page_says_what_to_do_with_it() {
    let found = calibrate("5", &["kitchen-1.mp4"], "");
    assert_eq!(found.stderr, "", "no bar where nobody sees it");
    let mut settings = insta::Settings::clone_current();
    // How many margins lie below a whole number is up to the last bits of the machine's arithmetic.
    settings.add_filter(r"(?m)^( +-?[0-9.]+) +[0-9.]+( +[0-9.]+)?$", "$1 [RATES]");
    settings.bind(|| {
        assert_snapshot!(found.ok(), @r"
    eagerness -2 gives 5.0 replies a minute, 5 are asked for
    2 replies in 24 turns and 24 s of 1 source
    asked: Describe each step.

    eagerness   estimated    measured   replies a minute
           -4 [RATES]
           -3 [RATES]
           -2         5.0         5.0   ←
           -1 [RATES]
            0 [RATES]
            1 [RATES]
            2 [RATES]

    use it with     souffleur watch SOURCE --ask TEXT --eagerness -2
    or for always   default_eagerness = -2.0 in the model's souffleur.toml

    note: every turn that speaks counts as a reply, two in a row as two; decoding is greedy, repeat guard and gate are off
    note: estimated: turns whose margin of silence at eagerness 0 lies below, as if a reply changed nothing of what follows
    note: measured: played under that eagerness, each source from a clean context; of these the nearest was taken
    note: it holds for this model, question, frame interval and kind of source; calibrate again where one of them changes
    ")
    });
}

#[test]
fn questions_and_models_are_named() {
    let found = calibrate("20", &["kitchen-1.mp4"], "--ask 'Is anything burning?' --ask 'Is it done?' --json");
    let found: Value = serde_json::from_str(found.ok()).unwrap();
    assert_eq!(found["questions"], serde_json::json!(["Is anything burning?", "Is it done?"]));
}

#[test]
fn wishes_that_cannot_be() {
    let fails = |rate: &str| calibrate(rate, &["kitchen-1.mp4"], "");
    for rate in ["-1", "NaN", "inf"] {
        assert_eq!((fails(rate).code, fails(rate).stdout.as_str()), (2, ""));
    }
    assert_snapshot!(fails("0").error(), @r"
    error: replies a minute are a number above 0, found 0
    hint: give --replies-per-minute 2, for example
    ");
    assert_snapshot!(fails("100").error(), @r"
    error: 100 replies a minute are asked for, the model takes 60.0 turns a minute
    hint: give --replies-per-minute a number up to 60.0
    ");
    assert_snapshot!(fails("1").error(), @r"
    error: 1 replies a minute are less than one reply in the 24 s there are to watch
    hint: give more or longer sources, such as what is usually watched
    ");
}

#[test]
fn sources_and_questions_are_needed() {
    let machine = Machine::new();
    assert_snapshot!(machine.fails(2, "calibrate --replies-per-minute 2"), @r"
    error: the following required arguments were not provided: <SOURCE>...
    hint: see `souffleur calibrate --help`
    ");
    assert_snapshot!(machine.fails(2, "calibrate x.mp4"), @r"
    error: the following required arguments were not provided: --replies-per-minute <R>
    hint: see `souffleur calibrate --help`
    ");
    assert_snapshot!(machine.fails(2, "calibrate x.mp4 --replies-per-minute 2 --ask ' '"), @r#"
    error: a question of at least one word is expected, found an empty text
    hint: say what to look for, such as --ask "Tell me when the water boils."
    "#);
    assert_snapshot!(machine.fails(1, "calibrate x.mp4 --replies-per-minute 2"), @r"
    error: x.mp4: no such file or folder
    hint: check the path; quote it if it holds spaces
    ");
}
