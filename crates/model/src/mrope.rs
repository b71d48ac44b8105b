//! Where tokens stand: M-RoPE, the decoder's rotary embedding over time, height and width (Qwen2-VL, arXiv
//! 2409.12191, §2.1).

use crate::{TextConfig, TurnTokens};

/// Time, height and width of one token, in that order.
pub type Position = [i64; 3];

/// Hands out positions along a dialogue. All that the past leaves behind is the next free position.
///
/// Text moves all three axes on by one a token. A frame stands still in time while height and width run over its
/// merged grid; what follows starts behind the larger of the two, so that a frame of 12×16 tokens takes 16
/// positions, not 192.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PositionCursor {
    next: i64,
}

impl PositionCursor {
    /// The position of the next text token.
    pub fn next_position(&self) -> i64 {
        self.next
    }

    /// Appends the positions of `num_tokens` text tokens.
    pub fn text(&mut self, num_tokens: usize, positions: &mut Vec<Position>) {
        let end = self.next + num_tokens as i64;
        positions.extend((self.next..end).map(|position| [position; 3]));
        self.next = end;
    }

    /// Appends the positions of a frame of `rows · cols` merged tokens, row by row.
    pub fn frame(&mut self, rows: usize, cols: usize, positions: &mut Vec<Position>) {
        let start = self.next;
        let row_positions = |row: i64| (0..cols as i64).map(move |col| [start, start + row, start + col]);
        positions.extend((0..rows as i64).flat_map(row_positions));
        self.next += rows.max(cols) as i64;
    }

    /// Appends the positions of a whole turn; `grids` holds rows and columns of the merged patches of each frame.
    pub fn turn(&mut self, turn: &TurnTokens, grids: &[[usize; 2]], positions: &mut Vec<Position>) {
        let mut num_placed = 0;
        for (frame, [rows, cols]) in turn.frames.iter().zip(grids) {
            self.text(frame.start - num_placed, positions);
            self.frame(*rows, *cols, positions);
            num_placed = frame.end;
        }
        self.text(turn.input_ids.len() - num_placed, positions);
    }

    /// Closes a gap of `shift` positions: what was evicted before this point leaves none behind.
    pub fn move_back(&mut self, shift: i64) {
        self.next -= shift;
    }
}

/// Cosines and sines of some tokens, both `[S, head_dim / 2]`: the two halves of a head share them.
#[derive(Clone, Debug, PartialEq)]
pub struct RotaryTable {
    /// Cosines.
    pub cos: Vec<f32>,
    /// Sines.
    pub sin: Vec<f32>,
}

/// Radians a position, `[head_dim / 2]`: θ^(−j / (head_dim / 2)).
pub fn inv_freq(config: &TextConfig) -> Vec<f64> {
    frequencies(config.rotary_width(), config.rope_theta)
}

/// θ^(−j / width) for j in 0..width.
pub(crate) fn frequencies(width: usize, theta: f64) -> Vec<f64> {
    (0..width).map(|idx| theta.powf(-(idx as f64) / width as f64)).collect()
}

/// The table of tokens at `positions`. `mrope_section` says which axis turns which column: the first section by
/// time, the second by height, the third by width. Angles are f64, so that far positions keep their precision.
pub fn rotary(positions: &[Position], config: &TextConfig) -> RotaryTable {
    let [num_time, num_height, _] = config.mrope_section;
    let axis_of = |column: usize| usize::from(column >= num_time) + usize::from(column >= num_time + num_height);
    let columns: Vec<(usize, f64)> =
        inv_freq(config).into_iter().enumerate().map(|(column, freq)| (axis_of(column), freq)).collect();
    let angles = positions.iter().flat_map(|position| columns.iter().map(|(axis, freq)| position[*axis] as f64 * freq));
    table(angles, positions.len() * columns.len())
}

/// The table of some angles.
pub(crate) fn table(angles: impl Iterator<Item = f64>, num_angles: usize) -> RotaryTable {
    let mut table = RotaryTable { cos: Vec::with_capacity(num_angles), sin: Vec::with_capacity(num_angles) };
    for angle in angles {
        let (sin, cos) = angle.sin_cos();
        table.cos.push(cos as f32);
        table.sin.push(sin as f32);
    }
    table
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{ChatFormat, reference};

    #[test]
    fn positions_are_those_of_the_reference() {
        let description = reference::description();
        let config = reference::config();
        let chat = ChatFormat::new(&reference::tokenizer(), &config).unwrap();
        let merge = config.vision.spatial_merge_size;
        let (mut cursor, mut positions) = (PositionCursor::default(), Vec::new());
        let stream = &description["stream"];
        cursor.text(chat.system(stream["system"].as_str().unwrap()).unwrap().len(), &mut positions);
        for turn in stream["turns"].as_array().unwrap() {
            let grids: Vec<[usize; 2]> = turn["frames"]
                .as_array()
                .unwrap()
                .iter()
                .map(|name| {
                    let grid = &description["images"][name.as_str().unwrap()]["grid_thw"];
                    [1, 2].map(|axis| grid[axis].as_u64().unwrap() as usize / merge)
                })
                .collect();
            let counts: Vec<usize> = grids.iter().map(|[rows, cols]| rows * cols).collect();
            let tokens = chat.turn(&counts, turn["text"].as_str()).unwrap();
            cursor.turn(&tokens, &grids, &mut positions);
            if let Some(reply) = turn["reply"].as_str() {
                cursor.text(chat.reply(reply).unwrap().len() + 1, &mut positions);
            }
        }
        let by_axis: Vec<i64> = (0..3).flat_map(|axis| positions.iter().map(move |position| position[axis])).collect();
        assert_eq!(by_axis, reference::integers("stream.position_ids"));
        let rope_delta = stream["rope_delta"].as_i64().unwrap();
        assert_eq!(cursor.next_position() - positions.len() as i64, rope_delta);
    }

    #[test]
    fn a_section_turns_by_its_own_axis() {
        let config = reference::config().text;
        assert_eq!((config.mrope_section, config.head_dim), ([4, 6, 6], 32));
        let table = rotary(&[[0, 0, 0], [3, 5, 7]], &config);
        assert_eq!((&table.cos[..16], &table.sin[..16]), (&[1.0; 16][..], &[0.0; 16][..]));
        for (column, position) in [(0, 3.0), (3, 3.0), (4, 5.0), (9, 5.0), (10, 7.0), (15, 7.0)] {
            let angle: f64 = position * 1e6f64.powf(-(2.0 * column as f64) / 32.0);
            assert_eq!((table.cos[16 + column], table.sin[16 + column]), (angle.cos() as f32, angle.sin() as f32));
        }
    }

    proptest! {
        /// Turning by a, then by b, is turning by a + b: what moving kept keys to the front rests on.
        #[test]
        fn turns_add_up(a in 0i64..50_000, b in -50_000i64..50_000) {
            let config = reference::config().text;
            let table = rotary(&[[a; 3], [b; 3], [a + b; 3]], &config);
            let width = config.rotary_width();
            for column in 0..width {
                let [(cos_a, sin_a), (cos_b, sin_b), (cos, sin)] = [0, 1, 2].map(|row| {
                    (table.cos[row * width + column], table.sin[row * width + column])
                });
                prop_assert!((cos_a * cos_b - sin_a * sin_b - cos).abs() < 1e-6);
                prop_assert!((sin_a * cos_b + cos_a * sin_b - sin).abs() < 1e-6);
            }
        }
    }
}
