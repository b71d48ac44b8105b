//! The embedded judge against people: fixtures/judge_pairs. Needs the real sentence encoder, which is not part of the
//! repository, so it is run apart: `cargo xtask test --only judge`.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Instant;

use sha2::{Digest, Sha256};
use souffleur_bench::EmbeddedJudge;

struct Pair {
    gold: &'static str,
    reply: &'static str,
    label: u8,
}

fn pairs(text: &'static str) -> Vec<Pair> {
    let (mut pairs, mut gold) = (Vec::new(), "");
    for line in text.lines() {
        match line.split_at(2) {
            ("# " | "? ", _) => {}
            ("= ", text) => gold = text,
            (label, reply) => pairs.push(Pair { gold, reply, label: label.trim().parse().unwrap() }),
        }
    }
    pairs
}

/// The two halves by their rule (fixtures/judge_pairs/README.md): a gold answer is with all its replies in one of them.
fn halves() -> [Vec<Pair>; 2] {
    let all = pairs(include_str!("../fixtures/judge_pairs/pairs.txt")).into_iter();
    let (development, held_out) = all.partition(|pair| Sha256::digest(pair.gold)[0].is_multiple_of(2));
    [development, held_out]
}

/// The development half and the pairs that are for development only.
fn development_and_held_out() -> [Vec<Pair>; 2] {
    let [mut development, held_out] = halves();
    development.extend(pairs(include_str!("../fixtures/judge_pairs/more_development.txt")));
    [development, held_out]
}

/// The share of pairs (one of `above`, one of `below`) that the likeness puts in this order; ties count half.
fn auc(judged: &[(u8, f32)], above: &[u8], below: &[u8]) -> f64 {
    let of = |labels: &[u8]| -> Vec<f32> {
        judged.iter().filter(|(label, _)| labels.contains(label)).map(|(_, likeness)| *likeness).collect()
    };
    let (above, below) = (of(above), of(below));
    let wins = above
        .iter()
        .flat_map(|a| below.iter().map(move |b| if a > b { 1.0 } else { f64::from(u8::from(a == b)) / 2.0 }));
    wins.sum::<f64>() / (above.len() * below.len()) as f64
}

fn score(likeness: f32) -> u8 {
    EmbeddedJudge::score_at(likeness) as u8
}

/// Share of equal scores, mean distance of scores, and how often each label got each score.
fn agreement(judged: &[(u8, f32)]) -> (f64, f64, [[usize; 3]; 3]) {
    let mut table = [[0; 3]; 3];
    for &(label, likeness) in judged {
        table[usize::from(label)][usize::from(score(likeness))] += 1;
    }
    let count = |is_counted: fn(usize, usize) -> usize| -> f64 {
        let cells = (0..9).map(|cell| table[cell / 3][cell % 3] * is_counted(cell / 3, cell % 3));
        cells.sum::<usize>() as f64 / judged.len() as f64
    };
    (count(|label, score| usize::from(label == score)), count(usize::abs_diff), table)
}

/// Thresholds of least mean distance, in steps of 0.01, and that distance.
fn best_thresholds(judged: &[(u8, f32)]) -> (Vec<(f32, f32)>, f64) {
    let (mut best, mut least) = (Vec::new(), f64::INFINITY);
    for (low, high) in (20..100).flat_map(|low| (low..100).map(move |high| (low, high))) {
        let (low, high) = (low as f32 / 100.0, high as f32 / 100.0);
        let at = |likeness: f32| if likeness >= high { 2u8 } else { u8::from(likeness >= low) };
        let distances = judged.iter().map(|&(label, likeness)| f64::from(label.abs_diff(at(likeness))));
        let distance = distances.sum::<f64>() / judged.len() as f64;
        if distance < least {
            (best, least) = (Vec::new(), distance);
        }
        if distance == least {
            best.push((low, high));
        }
    }
    (best, least)
}

fn describe(name: &str, judged: &[(u8, f32)], text: &mut String) -> f64 {
    let right_wrong = auc(judged, &[2], &[0]);
    let (equal, distance, table) = agreement(judged);
    let _ = writeln!(
        text,
        "{name}: {} pairs; AUC right/wrong {right_wrong:.3}, at least partly/wrong {:.3}, right/not quite {:.3}; \
         same score {:.1} %, mean distance {distance:.3}; label by score {table:?}",
        judged.len(),
        auc(judged, &[1, 2], &[0]),
        auc(judged, &[2], &[0, 1]),
        equal * 100.0
    );
    right_wrong
}

#[test]
#[ignore = "needs the sentence encoder: cargo xtask test --only judge"]
fn the_embedded_judge_agrees_with_people() {
    let folder = std::env::var_os("SOUFFLEUR_SENTENCE_ENCODER");
    let judge = EmbeddedJudge::open(folder.as_deref().map(Path::new)).unwrap();
    let started_at = Instant::now();
    let judged = development_and_held_out().map(|half| {
        let likeness = |pair: &Pair| (pair.label, judge.likeness(pair.gold, &[pair.reply]).unwrap());
        half.iter().map(likeness).collect::<Vec<_>>()
    });
    let elapsed = started_at.elapsed();
    let mut text = String::new();
    describe("development pairs", &judged[0], &mut text);
    let _ = writeln!(text, "best thresholds there: {:?}", best_thresholds(&judged[0]));
    let held_out = describe("held-out half", &judged[1], &mut text);
    let _ = writeln!(text, "{elapsed:.1?} in all");
    println!("{text}");
    assert!(held_out >= 0.9, "{text}");
}

/// What the test above rests on, without the encoder.
#[test]
fn the_pairs_are_many_and_split_by_gold_answer() {
    let [development, held_out] = halves();
    assert!(development.len() + held_out.len() >= 200);
    for half in [&development, &held_out] {
        for label in 0..3 {
            assert!(half.iter().filter(|pair| pair.label == label).count() >= 20);
        }
    }
    let [development, held_out] = development_and_held_out();
    assert!(development.iter().all(|pair| held_out.iter().all(|other| other.gold != pair.gold)));
    assert_eq!(auc(&[(2, 0.5), (0, 0.5), (0, 0.1)], &[2], &[0]), 0.75);
}
