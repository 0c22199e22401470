//! Every instruction set against plain arithmetic.

use super::level::LEVELS;
use super::*;

fn at_every_level(f: impl Fn()) {
    for level in Level::available() {
        with_level(level, &f).expect("an available level");
    }
}

/// Runs a closure-like test with the token in force.
struct Lanes;

impl Kernel for Lanes {
    type Output = usize;

    #[inline(always)]
    fn run<S: Simd>(self, _: S) -> usize {
        S::LANES
    }
}

struct Arithmetic;

impl Kernel for Arithmetic {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let a: Vec<f32> = (0..S::LANES).map(|i| i as f32 * 1.5 - 4.0).collect();
        let b: Vec<f32> = (0..S::LANES).map(|i| 7.0 - i as f32 * 2.0).collect();
        let (va, vb, two) = (simd.load(&a), simd.load(&b), simd.splat(2.0));
        let results = [
            simd.add(va, vb),
            simd.mul(va, vb),
            simd.mul_add(va, vb, two),
            simd.max(va, vb),
            simd.min(va, vb),
            simd.div(va, vb),
        ];
        let mut found = vec![0.0; S::LANES];
        for (i, result) in results.into_iter().enumerate() {
            simd.store(result, &mut found);
            for lane in 0..S::LANES {
                let (a, b) = (a[lane], b[lane]);
                assert_eq!(
                    found[lane],
                    [a + b, a * b, a * b + 2.0, f32::max(a, b), f32::min(a, b), a / b][i]
                );
            }
        }
        assert_eq!(simd.sum(va), a.iter().sum::<f32>());
        let not_a_number = simd.max(va, simd.splat(f32::NAN));
        simd.store(not_a_number, &mut found);
        assert!(found.iter().all(|lane| lane.is_nan()));
        simd.store(simd.max(simd.splat(f32::NAN), va), &mut found);
        assert_eq!(found, a);
        simd.store(simd.min(va, simd.splat(f32::NAN)), &mut found);
        assert!(found.iter().all(|lane| lane.is_nan()));
        simd.store(simd.min(simd.splat(f32::NAN), va), &mut found);
        assert_eq!(found, a);
        // 127 stands for an exponent of zero.
        let exponents: Vec<f32> = (0..S::LANES).map(|i| f32::from_bits(124 + i as u32)).collect();
        simd.store(simd.to_exponent(simd.load(&exponents)), &mut found);
        assert!((0..S::LANES).all(|i| found[i] == 2.0_f32.powi(i as i32 - 3)));
        self.choices(simd, &a, &b);
    }
}

impl Arithmetic {
    /// Equal lanes, different lanes, and NaN on either side.
    #[inline(always)]
    fn choices<S: Simd>(&self, simd: S, a: &[f32], b: &[f32]) {
        let (mut a, mut b) = (a.to_vec(), b.to_vec());
        let last = S::LANES - 1;
        a[0] = f32::NAN;
        b[1] = f32::NAN;
        b[last] = a[last];
        let (va, vb) = (simd.load(&a), simd.load(&b));
        let mut found = vec![0.0; S::LANES];
        simd.store(simd.maximum(va, vb), &mut found);
        assert!(found[..2].iter().all(|lane| lane.is_nan()));
        (2..=last).for_each(|i| assert_eq!(found[i], a[i].max(b[i])));
        simd.store(simd.where_equal(va, vb, simd.splat(1.0), simd.splat(2.0)), &mut found);
        (0..=last).for_each(|i| assert_eq!(found[i], if i % last == 0 { 1.0 } else { 2.0 }));
    }
}

/// Pairs of numbers that are and are not halfway between bfloat16 numbers, with NaN and infinities.
struct PairsOf;

impl Kernel for PairsOf {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let hard =
            [1.0 + 1.0 / 256.0, 1.0 + 3.0 / 256.0, 0.0, -2.71, f32::INFINITY, f32::MAX, 1e-30];
        let at = |i: usize| hard[i % hard.len()] * if i.is_multiple_of(2) { 1.0 } else { -1.0 };
        let low: Vec<f32> = (0..S::LANES).map(at).collect();
        let mut high: Vec<f32> = (0..S::LANES).map(|i| at(i + 3)).collect();
        high[1] = f32::from_bits(0x7f80_0001);
        let (vl, vh) = (simd.load(&low), simd.load(&high));
        let mut found = vec![0.0; S::LANES];
        let mut check = |pairs: S::F32, expected: &dyn Fn(usize) -> (f32, f32)| {
            let [first, second] = simd.unpair(pairs);
            for (half, vector) in [first, second].into_iter().enumerate() {
                simd.store(vector, &mut found);
                for (i, found) in found.iter().enumerate() {
                    let expected = if half == 0 { expected(i).0 } else { expected(i).1 };
                    let expected = rounded(expected);
                    assert!(*found == expected || found.is_nan() && expected.is_nan());
                }
            }
        };
        check(simd.pair(vl, vh), &|i| (low[i], high[i]));
        let both: Vec<f32> = low.iter().chain(&high).copied().collect();
        check(simd.pair_neighbors(vl, vh), &|i| (both[2 * i], both[2 * i + 1]));
        let (a, b) = (simd.pair(simd.splat(3.0), simd.splat(-0.5)), simd.splat(pair(7.0, 16.0)));
        assert_eq!(simd.sum(simd.dot_pairs(a, b, simd.splat(100.0))), 113.0 * S::LANES as f32);
        assert_eq!(
            simd.sum(Pairs(simd).add_product(a, b, simd.splat(1.0))),
            14.0 * S::LANES as f32
        );
    }
}

#[test]
fn pairs_are_rounded_and_multiplied() {
    at_every_level(|| dispatch_pairs(PairsOf));
    assert_eq!(rounded(1.0 + 1.0 / 256.0), 1.0);
    assert_eq!(rounded(1.0 + 3.0 / 256.0), 1.0 + 4.0 / 256.0);
    assert_eq!(rounded(-1.0 - 1.1 / 256.0), -1.0 - 2.0 / 256.0);
    assert_eq!(rounded(f32::MAX), f32::INFINITY);
    assert!(rounded(f32::from_bits(0xffff_ffff)).is_nan());
}

struct Parts;

impl Kernel for Parts {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        for len in 0..=S::LANES {
            let x: Vec<f32> = (0..len).map(|i| i as f32 - 2.5).collect();
            let vector = simd.load_part(&x);
            let mut lanes = vec![9.0; S::LANES];
            simd.store(vector, &mut lanes);
            assert_eq!(lanes[..len], x[..]);
            assert!(lanes[len..].iter().all(|&lane| lane == 0.0));
            let mut y = vec![9.0; S::LANES + 1];
            simd.store_part(vector, &mut y[..len]);
            assert_eq!(y[..len], x[..]);
            assert!(y[len..].iter().all(|&untouched| untouched == 9.0));
        }
    }
}

struct ShortLoad;

impl Kernel for ShortLoad {
    type Output = f32;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> f32 {
        simd.sum(simd.load(&vec![1.0; S::LANES - 1]))
    }
}

#[test]
fn arithmetic_is_that_of_each_lane() {
    at_every_level(|| dispatch(Arithmetic));
}

#[test]
fn parts_touch_nothing_else() {
    at_every_level(|| dispatch(Parts));
}

#[test]
fn short_slices_panic() {
    at_every_level(|| {
        std::panic::catch_unwind(|| dispatch(ShortLoad)).expect_err("one element is missing");
    });
}

#[test]
fn levels_are_forced_and_restored() {
    let lanes = |level| match level {
        Level::Portable | Level::Neon => 4,
        Level::Avx2 => 8,
        Level::Avx512 | Level::Avx512Bf16 => 16,
    };
    for level in Level::available() {
        let found = with_level(level, || (dispatch(Lanes), Level::current()));
        assert_eq!(found, Ok((lanes(level), level)));
        assert_eq!(Level::current(), Level::best());
    }
}

#[test]
fn a_level_of_another_processor_is_an_error() {
    let missing = LEVELS.into_iter().find(|&level| !Level::available().any(|l| l == level));
    let missing = missing.expect("no processor has both AVX2 and NEON");
    assert_eq!(with_level(missing, || ()), Err(UnsupportedLevel(missing)));
}

struct Transpose;

impl Kernel for Transpose {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let (stride, to_stride) = (S::LANES + 3, S::LANES + 5);
        let from: Vec<f32> = (0..S::LANES * stride).map(|i| i as f32).collect();
        let mut to = vec![-1.0; S::LANES * to_stride];
        simd.transpose(&from, stride, &mut to, to_stride);
        for (j, row) in to.chunks_exact(to_stride).enumerate() {
            for (i, &element) in row.iter().enumerate() {
                let expected = if i < S::LANES { from[i * stride + j] } else { -1.0 };
                assert_eq!(element, expected, "row {j}, column {i}");
            }
        }
    }
}

#[test]
fn a_square_is_transposed() {
    at_every_level(|| dispatch(Transpose));
}

struct Largest;

impl Kernel for Largest {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        for at in 0..S::LANES {
            let mut lanes: [f32; MAX_LANES] = core::array::from_fn(|i| -3.0 - i as f32);
            lanes[at] = -2.5;
            let mut found = [0.0; MAX_LANES];
            simd.store(simd.largest(simd.load(&lanes)), &mut found);
            assert!(found[..S::LANES].iter().all(|&lane| lane == -2.5), "lane {at}: {found:?}");
        }
    }
}

#[test]
fn the_largest_lane_is_found_wherever_it_is() {
    at_every_level(|| dispatch(Largest));
}

/// Vectors that stand apart, up to the last element of a slice.
struct Apart;

impl Kernel for Apart {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let stride = S::LANES + 3;
        let x: Vec<f32> = (0..2 * stride + S::LANES).map(|i| i as f32).collect();
        let mut y = vec![-1.0; x.len()];
        simd.store_each(simd.load_each::<3>(&x, stride), &mut y, stride);
        for (i, (&x, &y)) in x.iter().zip(&y).enumerate() {
            assert_eq!(y, if i % stride < S::LANES { x } else { -1.0 });
        }
        simd.store_each(simd.load_each::<1>(&x, usize::MAX), &mut y, usize::MAX);
        let both = Together::new([&x[1..], &x[2..]], S::LANES + 2).load(simd, 2);
        simd.store_each(both, &mut y, S::LANES);
        for i in 0..S::LANES {
            assert_eq!([y[i], y[S::LANES + i]], [x[i + 3], x[i + 4]]);
        }
        // Up to the last element, too.
        for (i, splat) in simd.splat_each::<3>(&x[..=2 * stride], stride).into_iter().enumerate() {
            simd.store(splat, &mut y);
            assert!(y[..S::LANES].iter().all(|&y| y == x[i * stride]));
        }
    }
}

#[test]
fn vectors_that_stand_apart() {
    at_every_level(|| dispatch(Apart));
}

/// One of these reads or writes an element too many.
struct TooFar(usize);

impl Kernel for TooFar {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let (mut cells, stride) = (vec![0.0; 3 * S::LANES - 1], S::LANES);
        let vectors = [simd.splat(1.0); 3];
        match self.0 {
            0 => drop(simd.load_each::<3>(&cells, stride)),
            1 => drop(simd.load_each::<3>(&cells, usize::MAX / 2 + 1)),
            2 => simd.store_each(vectors, &mut cells, stride),
            3 => simd.store_each(vectors, &mut cells, usize::MAX),
            4 => drop(simd.splat_each::<3>(&cells[..2 * stride], stride)),
            5 => drop(simd.splat_each::<3>(&cells, usize::MAX / 2 + 1)),
            6 => drop(Together::new([&cells[..], &cells[1..]], cells.len())),
            _ => drop(Together::new([&cells[..], &cells[..]], stride).load(simd, 1)),
        }
    }
}

#[test]
fn nothing_is_read_or_written_beyond_a_slice() {
    at_every_level(|| {
        for way in 0..8 {
            let reached = std::panic::catch_unwind(|| dispatch(TooFar(way)));
            assert!(reached.is_err(), "way {way} at {:?}", Level::current());
        }
    });
}

struct Neighbors;

impl Kernel for Neighbors {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let lanes: Vec<f32> = (0..2 * S::LANES).map(|i| (i * i) as f32 - 9.0).collect();
        let mut found = vec![0.0; S::LANES];
        simd.store(simd.splat_pair(&[-1.5, 2.0]), &mut found);
        assert!((0..S::LANES).all(|i| found[i] == [-1.5, 2.0][i % 2]), "{found:?}");
        let [first, second] = [simd.load(&lanes), simd.load(&lanes[S::LANES..])];
        simd.store(simd.add_neighbors(first, second), &mut found);
        assert!((0..S::LANES).all(|i| found[i] == lanes[2 * i] + lanes[2 * i + 1]), "{found:?}");
    }
}

#[test]
fn neighbors_are_spread_and_added() {
    at_every_level(|| dispatch(Neighbors));
}
