//! `souffleur model`.

use insta::{assert_json_snapshot, assert_snapshot};
use serde_json::Value;

use crate::machine::Machine;
use crate::media::{checkpoint, kitchen_folder, repository};

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn list_names_the_embedded_model() {
    let machine = Machine::new();
    assert!(machine.run("model list").ok().starts_with("kitchen "));
    let listed = json(machine.run("model list --json").ok());
    assert_eq!((&listed[0]["name"], &listed[0]["origin"]), (&"kitchen".into(), &"embedded".into()));
}

/// The user's folder comes from the environment on Linux.
#[cfg(target_os = "linux")]
#[test]
fn list_and_names_know_the_users_models() {
    let machine = Machine::new();
    kitchen_folder(&machine);
    let models = machine.path("data/souffleur/models");
    std::fs::create_dir_all(models.join("broken")).unwrap();
    std::fs::rename(machine.path("kitchen"), models.join("mine")).unwrap();
    let run = |line: &str| {
        let mut command = machine.command(line.split(' '));
        command.env("XDG_DATA_HOME", machine.path("data"));
        machine.run_command(command)
    };
    let listed = json(run("model list --json").ok());
    let names: Vec<_> = listed.as_array().unwrap().iter().map(|model| model["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["kitchen", "broken", "mine"]);
    assert!(listed[1]["error"].is_string() && listed[2]["error"].is_null(), "{listed}");
    assert_eq!(run("model list").ok().lines().count(), 3);
    assert_eq!(json(run("model info mine --json").ok())["location"], "[HERE]/data/souffleur/models/mine");
}

#[test]
fn info_says_what_a_model_is() {
    let machine = Machine::new();
    let info = json(machine.run("model info kitchen --json").ok());
    assert_eq!((&info["parameters"], &info["silence_text"]), (&3_782_976.into(), &"NO REPLY".into()));
    let text = machine.run("model info kitchen");
    for row in ["parameters       3,782,976\n", "silence text     NO REPLY\n", "licence          "] {
        assert!(text.ok().contains(row), "{}", text.stdout);
    }
}

#[test]
fn export_makes_a_model_that_checks_out() {
    let machine = Machine::new();
    checkpoint(&machine);
    let exported = machine.run("model export tiny out --weights f32");
    assert_snapshot!(exported.ok(), @r"
    out: tiny as f32
    licence: unknown
    note: the licence of these weights was not stated at export
    watch with it: souffleur watch SOURCE --ask TEXT --model out
    ");
    assert_eq!(exported.stderr, "", "no bar where nobody sees it");
    let reference = repository("tests/fixtures/reference").display().to_string();
    let checked = machine.run(&format!("model check out --against '{reference}' --json"));
    let report = json(checked.ok());
    let keys: Vec<&String> = report.as_object().unwrap().keys().collect();
    let promised = ["pixel_values", "image_embeds", "position_ids_equal", "logits", "greedy_equal", "stepwise_logits"];
    assert!(promised.iter().all(|key| keys.iter().any(|found| found == key)), "{keys:?}");
    assert_eq!((&report["position_ids_equal"], &report["greedy_equal"]), (&true.into(), &true.into()));
    let table = machine.run(&format!("model check out --against '{reference}'"));
    assert!(table.ok().contains("greedy continuation") && table.ok().contains("equal"));
}

#[test]
fn a_small_model_reports_its_distance() {
    let machine = Machine::new();
    checkpoint(&machine);
    for weights in ["f16", "int8", "int4"] {
        machine.run(&format!("model export tiny {weights} --weights {weights}")).ok();
        let reference = repository("tests/fixtures/reference").display().to_string();
        let checked = machine.run(&format!("model check {weights} --against '{reference}' --json"));
        let report = json(checked.ok());
        assert!(report["logits"].as_f64().unwrap() > 0.0, "{report}");
        assert_eq!(report["pixel_values"].as_f64().map(|distance| distance <= 1e-6), Some(true));
        assert!((0.0..=1.0).contains(&report["decision_agreement"].as_f64().unwrap()), "{report}");
        let table = machine.run(&format!("model check {weights} --against '{reference}'"));
        for row in ["logits at once, largest distance", "decision to speak agrees"] {
            assert!(table.ok().contains(row), "{row}\n{}", table.stdout);
        }
    }
}

/// Both read every file, however large; `watch` leaves out what would take longer to hash than to load.
#[test]
fn check_and_info_know_a_damaged_file() {
    let machine = Machine::new();
    kitchen_folder(&machine);
    let path = machine.path("kitchen/onnx/decoder.onnx.data");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[1000] ^= 1;
    std::fs::write(path, bytes).unwrap();
    let reference = repository("tests/fixtures/reference").display().to_string();
    for line in ["model info ./kitchen".to_owned(), format!("model check ./kitchen --against '{reference}'")] {
        let error = machine.fails(1, &line);
        assert!(error.starts_with("error: onnx/decoder.onnx.data of the model ./kitchen is corrupt: "), "{error}");
    }
}

#[test]
fn check_fails_over_tolerance() {
    let machine = Machine::new();
    checkpoint(&machine);
    // Another seed of weights in the same shapes: the last tensor's bytes turned by one place.
    let path = machine.path("tiny/model.safetensors");
    let mut bytes = std::fs::read(&path).unwrap();
    let len = bytes.len();
    bytes[len - 4096..].rotate_left(4);
    std::fs::write(path, bytes).unwrap();
    machine.run("model export tiny out --weights f32").ok();
    let reference = repository("tests/fixtures/reference").display().to_string();
    let checked = machine.run(&format!("model check out --against '{reference}' --json"));
    assert_eq!(checked.code, 1);
    assert_snapshot!(checked.error(), @r"
    error: out (f32) is expected to be within the tolerances of f32, the distances above are not
    hint: export the model again from the checkpoint the reference was made with
    ");
    assert!(json(&checked.stdout)["logits"].as_f64().unwrap() > 1e-3, "the numbers are printed all the same");
}

#[test]
fn check_needs_a_reference() {
    let machine = Machine::new();
    assert_snapshot!(machine.fails(1, "model check kitchen --against nowhere"), @r"
    error: the reference nowhere/reference.json: No such file or directory (os error 2)
    hint: give the folder that holds reference.json, reference.safetensors and images/
    ");
}

#[test]
fn the_reference_of_another_shape_is_refused() {
    let reference = repository("tests/fixtures/reference").display().to_string();
    let error = Machine::new().fails(1, &format!("model check kitchen --against '{reference}'"));
    assert!(error.starts_with("error: the reference "), "{error}");
}

#[test]
fn list_json_is_pinned() {
    let listed = json(Machine::new().run("model list --json").ok());
    let keys: Vec<&String> = listed[0].as_object().unwrap().keys().collect();
    assert_json_snapshot!(keys, @r#"
    [
      "licence",
      "name",
      "origin",
      "summary",
      "weights"
    ]
    "#);
}
