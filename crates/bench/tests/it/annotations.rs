//! The annotation reader: what it takes, what it lists, what it never does.

use proptest::prelude::*;
use serde_json::{Value, json};
use souffleur_bench::FindingKind::{BadField, BadItem, BadSpan, DuplicateId, EmptyAnswer, UnknownField};
use souffleur_bench::{Annotations, Predictions, SILENCE_TEXT, ScoresJudge};

const ANNO: &[u8] = include_bytes!("../fixtures/anno.json");
const ODD_ANNO: &[u8] = include_bytes!("../fixtures/odd_anno.json");

#[test]
fn reads_the_published_form() {
    let Annotations { items, findings } = Annotations::parse(ANNO, "anno.json").unwrap();
    assert_eq!(findings, []);
    assert_eq!(items.len(), 3);
    let [bench, tv, gate] = &items[..] else { unreachable!() };
    assert_eq!((bench.answers.len(), bench.duration_secs), (3, Some(30.5)));
    assert_eq!(bench.answers[2].kind.as_deref(), Some("object"));
    assert_eq!(tv.question_id, "tv_frames=bakery_clip_03.mp4%Q1");
    assert!(tv.conversation[1].is_subtitle());
    assert_eq!(gate.question_id, "gate.mp4", "the video stands in for the identity");
}

#[test]
fn an_answer_belongs_to_the_last_question_before_it() {
    let items = Annotations::parse(ANNO, "anno.json").unwrap().items;
    let asked = |item: usize, answer: usize| items[item].question_of(&items[item].answers[answer]);
    assert_eq!(asked(1, 0), "Where does Mara put the second loaf?", "subtitles are no questions");
    assert_eq!(asked(2, 0), "Say when the gate opens.");
    assert_eq!(asked(2, 1), "Who comes through?", "asked at the very start of the span");
}

#[test]
fn lists_every_oddity_and_goes_on() {
    let Annotations { items, findings } = Annotations::parse(ODD_ANNO, "odd.json").unwrap();
    let ids: Vec<_> = items.iter().map(|item| item.question_id.as_str()).collect();
    assert_eq!(ids, ["a.mp4", "17"]);
    assert_eq!(items[0].answers.len(), 6, "no answer is left out: scores name them by index");
    let count = |kind| findings.iter().filter(|finding| finding.kind == kind).count();
    // Reversed twice, not numbers twice, before the video once, not there twice, not an object twice.
    assert_eq!(count(BadSpan), 9, "{findings:#?}");
    assert_eq!(count(DuplicateId), 1);
    assert_eq!(count(EmptyAnswer), 3);
    assert_eq!(count(UnknownField), 2);
    assert_eq!(count(BadItem), 2);
    assert_eq!(count(BadField), 4, "{findings:#?}");
    let lines: Vec<_> = findings.iter().map(ToString::to_string).collect();
    assert!(lines.contains(&"item 1 (a.mp4), answer 1: reply_timespan: ends before it starts, [5, 2]".to_owned()));
    assert!(lines.contains(&"weather: a field nobody published, 2 time(s)".to_owned()));
}

#[test]
fn what_is_no_list_of_items_is_an_error() {
    for bytes in [&b""[..], b"{}", b"[{\"video\": \"a.mp4\"", b"\xff\xfe", b"null", b"[1] trailing"] {
        let err = Annotations::parse(bytes, "anno.json").unwrap_err().to_string();
        assert!(err.starts_with("anno.json: expected a JSON list of items, found ") && !err.contains('\n'), "{err}");
    }
    assert_eq!(Annotations::parse(b"[]", "anno.json").unwrap(), Annotations::default());
}

/// Published fields with values of any type.
fn near_items() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (-5i64..50).prop_map(Value::from),
        "[a-c.]{0,3}".prop_map(Value::from),
        Just(json!("NO REPLY")),
        Just(json!("assistant")),
    ];
    let fields = ["video", "question_id", "duration", "conversation", "answer", "role", "content", "time", "score"];
    let more = ["related_timespan", "reply_timespan", "turn", "model_response_list", "x"];
    let field = prop::sample::select([&fields[..], &more[..]].concat());
    let value = leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map(field.clone(), inner, 0..8)
                .prop_map(|fields| fields.into_iter().map(|(field, value)| (field.to_owned(), value)).collect()),
        ]
    });
    prop::collection::vec(value, 0..4).prop_map(Value::from)
}

fn read_all_ways(bytes: &[u8]) {
    let annotations = Annotations::parse(bytes, "fuzz");
    let predictions = Predictions::parse(bytes, "fuzz", SILENCE_TEXT);
    let scores = ScoresJudge::parse(bytes, "fuzz");
    if let Ok(Annotations { items, .. }) = annotations {
        let omegas = souffleur_bench::Omega::parse_list("0,0.5,1").unwrap();
        let evaluation =
            souffleur_bench::evaluate(&items, &predictions.unwrap_or_default(), &scores.unwrap_or_default(), &omegas);
        assert!(evaluation.values(0).all(|value| (0.0..=1.0).contains(&value)));
    }
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        read_all_ways(&bytes);
    }

    #[test]
    fn no_json_panics(value in near_items()) {
        read_all_ways(value.to_string().as_bytes());
        for item in value.as_array().unwrap() {
            read_all_ways(item.to_string().as_bytes());
        }
    }

    #[test]
    fn no_cut_file_panics(end in 0..ANNO.len(), flip in 0..ANNO.len(), byte in any::<u8>()) {
        let mut bytes = ANNO.to_vec();
        bytes[flip] = byte;
        read_all_ways(&bytes);
        read_all_ways(&bytes[..end]);
    }
}
