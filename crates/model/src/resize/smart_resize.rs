use super::ResizeError;

/// The largest ratio of the long side to the short one that the model takes.
pub const MAX_ASPECT_RATIO: u32 = 200;

/// The size, `(height, width)` in pixels, to which the model wants an image of `height × width` resized: multiples
/// of `factor` (patch size · merge size, 28 for Qwen2.5-VL), about the same shape, with a product within
/// `min_pixels..=max_pixels` where the shape allows.
///
/// As `smart_resize` of `transformers` does it: both sides are rounded to the multiple, *half to even* and without a
/// lower clamp, and only a product outside the bounds makes them scale, down with floor or up with ceil.
///
/// # Errors
/// When a side is 0, the aspect ratio is over [`MAX_ASPECT_RATIO`], or `factor` and the bounds allow no size.
pub fn smart_resize(
    height: usize,
    width: usize,
    factor: usize,
    min_pixels: u64,
    max_pixels: u64,
) -> Result<(usize, usize), ResizeError> {
    if height == 0 || width == 0 {
        return Err(ResizeError::Empty { height, width });
    }
    if factor == 0 || min_pixels == 0 || min_pixels > max_pixels {
        return Err(ResizeError::Bounds { factor, min_pixels, max_pixels });
    }
    if height.max(width) as f64 / height.min(width) as f64 > f64::from(MAX_ASPECT_RATIO) {
        return Err(ResizeError::TooThin { height, width });
    }

    let multiple = |num_factors: f64| (num_factors as usize).saturating_mul(factor);
    let step = factor as f64;
    // Sides may be anything a file's header claims, so their products are taken where they cannot overflow.
    let pixels = height as u128 * width as u128;

    let rounded = |side: usize| multiple((side as f64 / step).round_ties_even());
    let (to_height, to_width) = (rounded(height), rounded(width));
    let rounded_pixels = to_height as u128 * to_width as u128;

    if rounded_pixels > u128::from(max_pixels) {
        let shrink = (pixels as f64 / max_pixels as f64).sqrt();
        let floored = |side: usize| multiple((side as f64 / shrink / step).floor()).max(factor);
        Ok((floored(height), floored(width)))
    } else if rounded_pixels < u128::from(min_pixels) {
        let grow = (min_pixels as f64 / pixels as f64).sqrt();
        let ceiled = |side: usize| multiple((side as f64 * grow / step).ceil());
        Ok((ceiled(height), ceiled(width)))
    } else {
        Ok((to_height, to_width))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MIN: u64 = 4 * 28 * 28;
    const MAX: u64 = 16384 * 28 * 28;

    #[test]
    fn halves_round_to_even() {
        // 854 / 28 = 30.5 and 490 / 28 = 17.5: one goes down, the other up.
        assert_eq!(smart_resize(490, 854, 28, MIN, MAX), Ok((504, 840)));
        assert_eq!(smart_resize(360, 640, 28, MIN, MAX), Ok((364, 644)));
    }

    #[test]
    fn a_small_image_grows_and_a_large_one_shrinks() {
        assert_eq!(smart_resize(1, 1, 28, MIN, MAX), Ok((56, 56)));
        assert_eq!(smart_resize(10, 300, 28, MIN, MAX), Ok((28, 308)));
        assert_eq!(smart_resize(2160, 3840, 28, MIN, 192 * 28 * 28), Ok((280, 504)));
    }

    #[test]
    fn the_aspect_ratio_may_reach_the_limit_but_not_pass_it() {
        assert!(smart_resize(10, 2000, 28, MIN, MAX).is_ok());
        assert_eq!(smart_resize(2001, 10, 28, MIN, MAX), Err(ResizeError::TooThin { height: 2001, width: 10 }));
    }

    #[test]
    fn nonsense_is_an_error() {
        assert_eq!(smart_resize(0, 5, 28, MIN, MAX), Err(ResizeError::Empty { height: 0, width: 5 }));
        for (factor, min_pixels, max_pixels) in [(0, MIN, MAX), (28, 0, MAX), (28, MAX, MIN)] {
            assert_eq!(
                smart_resize(9, 9, factor, min_pixels, max_pixels),
                Err(ResizeError::Bounds { factor, min_pixels, max_pixels })
            );
        }
    }

    proptest! {
        #[test]
        fn sides_are_multiples_and_nothing_overflows(
            height in 1..=usize::MAX, ratio in 1..=300usize, factor in 1..=64usize,
            min_pixels in 1..=1u64 << 20, more in 0..=u64::MAX >> 1,
        ) {
            let width = (height / ratio).max(1);
            match smart_resize(height, width, factor, min_pixels, min_pixels + more) {
                Ok((to_height, to_width)) => {
                    prop_assert!(to_height >= factor && to_height.is_multiple_of(factor));
                    prop_assert!(to_width >= factor && to_width.is_multiple_of(factor));
                }
                Err(err) => prop_assert_eq!(err, ResizeError::TooThin { height, width }),
            }
        }

        #[test]
        fn the_product_keeps_the_bounds_of_ordinary_images(height in 1..5000usize, width in 1..5000usize) {
            if let Ok((to_height, to_width)) = smart_resize(height, width, 28, MIN, MAX) {
                let pixels = (to_height * to_width) as u64;
                prop_assert!((MIN..=MAX).contains(&pixels), "{}", pixels);
            }
        }
    }
}
