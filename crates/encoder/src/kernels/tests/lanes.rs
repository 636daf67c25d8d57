//! The operations on integers of every instruction set against plain code.

use std::marker::PhantomData;

use super::super::exp2;
use super::super::simd::MAX_LANES;
use super::*;

/// A function of two registers.
trait Operation {
    fn apply<I: Isa>(isa: I, a: I::I, b: I::I) -> I::I;
}

macro_rules! operation {
    ($name:ident, |$isa:ident, $a:ident, $b:ident| $value:expr) => {
        struct $name;

        impl Operation for $name {
            #[inline(always)]
            fn apply<I: Isa>($isa: I, $a: I::I, $b: I::I) -> I::I {
                $value
            }
        }
    };
}

operation!(SubInt, |isa, a, b| isa.sub_int(a, b));
operation!(MaxInt, |isa, a, b| isa.max_int(a, b));
operation!(MulFractions, |isa, a, b| isa.mul_fractions(a, b));
operation!(Exp2Words, |isa, a, b| isa.exp2_words(a, b));
operation!(PairWords, |isa, a, b| isa.pair_words(a, b));
operation!(DotBytes, |isa, a, b| isa.dot_bytes(isa.splat_int(-7), a, b));
operation!(DotWords, |isa, a, b| isa.dot_words(isa.splat_int(-7), a, b));
operation!(SumInt, |isa, a, _b| isa.splat_int(isa.sum_int(a)));
operation!(GreatestInt, |isa, a, _b| isa.splat_int(isa.greatest_int(a)));
operation!(Round, |isa, a, _b| {
    let mut values = [0; MAX_LANES];
    // SAFETY: no register has more than `MAX_LANES` lanes.
    unsafe { isa.store_int(a, values.as_mut_ptr()) };
    isa.round(isa.load(&values.map(|value| f32::from_bits(value.cast_unsigned()))))
});
operation!(ToFloat, |isa, a, _b| {
    let mut values = [0.0; MAX_LANES];
    isa.store(isa.to_float(a), &mut values);
    let values = values.map(|value| value.to_bits().cast_signed());
    // SAFETY: no register has more than `MAX_LANES` lanes.
    unsafe { isa.load_int(values.as_ptr()) }
});
operation!(ThroughBytes, |isa, a, _b| {
    let mut bytes = [0xA5; MAX_LANES + 1];
    // SAFETY: no register has more than `MAX_LANES` lanes.
    unsafe { isa.store_bytes(a, bytes.as_mut_ptr()) };
    assert!(
        bytes[I::LANES..].iter().all(|&byte| byte == 0xA5),
        "nothing beyond"
    );
    let numbers: [i32; MAX_LANES] = std::array::from_fn(|lane| bytes[lane].into());
    // SAFETY: as above.
    unsafe { isa.load_int(numbers.as_ptr()) }
});
operation!(ThroughWords, |isa, a, _b| {
    let mut words = [0x5A5A_i16; MAX_LANES + 1];
    // SAFETY: no register has more than `MAX_LANES` lanes.
    unsafe { isa.store_words(a, words.as_mut_ptr()) };
    assert!(
        words[I::LANES..].iter().all(|&word| word == 0x5A5A),
        "nothing beyond"
    );
    let numbers: [i32; MAX_LANES] = std::array::from_fn(|lane| words[lane].into());
    // SAFETY: as above.
    unsafe { isa.load_int(numbers.as_ptr()) }
});

/// Applies an operation to all of `a` and `b`, register by register; returns the results and the
/// lanes of a register.
struct Each<'a, O> {
    a: &'a [i32],
    b: &'a [i32],
    operation: PhantomData<O>,
}

impl<O: Operation> Kernel for Each<'_, O> {
    type Output = (Vec<i32>, usize);

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) -> Self::Output {
        let mut out = vec![0; self.a.len()];
        let registers = self
            .a
            .chunks_exact(I::LANES)
            .zip(self.b.chunks_exact(I::LANES));
        for ((a, b), out) in registers.zip(out.chunks_exact_mut(I::LANES)) {
            // SAFETY: the three slices are as long as a register has lanes.
            unsafe {
                let value = O::apply(isa, isa.load_int(a.as_ptr()), isa.load_int(b.as_ptr()));
                isa.store_int(value, out.as_mut_ptr());
            }
        }
        (out, I::LANES)
    }
}

/// Pads with zeros to whole registers of every instruction set.
fn padded(mut numbers: Vec<i32>) -> Vec<i32> {
    numbers.resize(numbers.len().next_multiple_of(MAX_LANES), 0);
    numbers
}

fn apply<O: Operation>(kernels: Kernels, a: &[i32], b: &[i32]) -> (Vec<i32>, usize) {
    assert!(a.len() == b.len() && a.len().is_multiple_of(MAX_LANES));
    let operation = PhantomData::<O>;
    kernels.run(Each { a, b, operation })
}

/// Compares an operation with what `plain` makes of each lane, on every instruction set.
fn lane_by_lane<O: Operation>(a: &[i32], b: &[i32], plain: impl Fn(i32, i32) -> i32) {
    let expected: Vec<i32> = a.iter().zip(b).map(|(&a, &b)| plain(a, b)).collect();
    for kernels in Kernels::all() {
        let (ours, _) = apply::<O>(kernels, a, b);
        let set = kernels.instruction_set();
        let wrong = ours.iter().zip(&expected).position(|(a, b)| a != b);
        if let Some(at) = wrong {
            panic!(
                "{set}: {} for {} and {}, not {}",
                ours[at], a[at], b[at], expected[at]
            );
        }
    }
}

/// Pairs of every two of the words that matter most, two pairs of words to a lane, and some others.
fn pairs_of_words() -> (Vec<i32>, Vec<i32>) {
    let ends = [
        -32768_i16, -32767, -16384, -129, -1, 0, 1, 2, 127, 11_394, 16384, 32766, 32767,
    ];
    let lane = |low: i16, high: i16| i32::from(low) & 0xFFFF | i32::from(high) << 16;
    let (mut a, mut b) = (Vec::new(), Vec::new());
    for first in ends {
        for second in ends {
            a.push(lane(first, 3));
            b.push(lane(second, -5));
            a.push(lane(7, first));
            b.push(lane(-9, second));
        }
    }
    a.extend(integers(2000, 1, -0x3FFF_FFFF..=0x3FFF_FFFF));
    b.extend(integers(2000, 2, -0x3FFF_FFFF..=0x3FFF_FFFF));
    (padded(a), padded(b))
}

fn words(lane: i32) -> [i16; 2] {
    [lane as i16, (lane >> 16) as i16]
}

fn lane([low, high]: [i16; 2]) -> i32 {
    i32::from(low) & 0xFFFF | i32::from(high) << 16
}

#[test]
fn exponentials_are_the_plain_ones_for_every_input() {
    let mut inputs: Vec<i32> = (-100_000..=0).collect();
    inputs.extend([i32::MIN, i32::MIN + 1, -4_194_303, -1 << 24]);
    let inputs = padded(inputs);
    let mut others = inputs.clone();
    others.rotate_left(40_001);
    for kernels in Kernels::all() {
        let (ours, n_lanes) = apply::<Exp2Words>(kernels, &inputs, &others);
        let ours: Vec<i16> = ours.into_iter().flat_map(words).collect();
        let registers = inputs.chunks(n_lanes).zip(others.chunks(n_lanes));
        let in_order = registers.flat_map(|(low, high)| low.iter().chain(high));
        for (&input, ours) in in_order.zip(ours) {
            let set = kernels.instruction_set();
            assert_eq!(ours, exp2::exp2(input), "{input} on {set}");
        }
    }
}

#[test]
fn products_of_fractions_are_rounded_alike() {
    let (a, b) = pairs_of_words();
    lane_by_lane::<MulFractions>(&a, &b, |a, b| {
        let ([a0, a1], [b0, b1]) = (words(a), words(b));
        lane([exp2::mul_fractions(a0, b0), exp2::mul_fractions(a1, b1)])
    });
}

#[test]
fn words_are_paired_whatever_stands_above_them() {
    let (a, b) = pairs_of_words();
    lane_by_lane::<PairWords>(&a, &b, |a, b| lane([a as i16, b as i16]));
}

#[test]
fn products_of_words_do_not_saturate() {
    let (a, b) = pairs_of_words();
    lane_by_lane::<DotWords>(&a, &b, |a, b| {
        let ([a0, a1], [b0, b1]) = (words(a), words(b));
        let products = [(a0, b0), (a1, b1)].map(|(a, b)| i32::from(a) * i32::from(b));
        products[0].wrapping_add(products[1]).wrapping_sub(7)
    });
}

#[test]
fn products_of_bytes_do_not_saturate() {
    let (mut a, mut b) = pairs_of_words();
    a[..2].fill(-1);
    b[..2].copy_from_slice(&[0x7F7F_7F7F, 0x8080_8080_u32.cast_signed()]);
    for kernels in Kernels::all() {
        if !multiplies_bytes(kernels) && kernels.instruction_set() != InstructionSet::Portable {
            continue;
        }
        let (ours, _) = apply::<DotBytes>(kernels, &a, &b);
        for ((a, b), ours) in a.iter().zip(&b).zip(ours) {
            let products = a.to_le_bytes().into_iter().zip(b.to_le_bytes());
            let sum: i32 = products
                .map(|(a, b)| i32::from(a) * i32::from(b.cast_signed()))
                .sum();
            assert_eq!(
                ours,
                sum - 7,
                "{a:#x} {b:#x} on {}",
                kernels.instruction_set()
            );
        }
    }
}

#[test]
fn differences_and_maxima_are_the_plain_ones() {
    let (a, b) = pairs_of_words();
    lane_by_lane::<SubInt>(&a, &b, i32::wrapping_sub);
    lane_by_lane::<MaxInt>(&a, &b, i32::max);
    lane_by_lane::<MaxInt>(&a, &vec![i32::MIN; a.len()], |a, _| a);
}

#[test]
fn a_register_is_summed_up_and_its_greatest_lane_found() {
    // Each lane once holds the greatest.
    let mut numbers = integers(MAX_LANES * 200, 3, -1_000_000..=1_000_000);
    for lane in 0..MAX_LANES {
        numbers[lane * (MAX_LANES + 1)] = 2_000_000;
    }
    numbers.extend([i32::MIN; MAX_LANES]);
    numbers.extend([-1; MAX_LANES]);
    for kernels in Kernels::all() {
        let (greatest, n_lanes) = apply::<GreatestInt>(kernels, &numbers, &numbers);
        let (sums, _) = apply::<SumInt>(kernels, &numbers, &numbers);
        let registers = numbers.chunks(n_lanes).enumerate();
        for (number, register) in registers {
            let at = number * n_lanes;
            let sum = register.iter().fold(0, |sum: i32, &x| sum.wrapping_add(x));
            let expected = (*register.iter().max().unwrap(), sum);
            let set = kernels.instruction_set();
            assert_eq!((greatest[at], sums[at]), expected, "{register:?} on {set}");
        }
    }
}

#[test]
fn bytes_and_words_are_stored_as_they_are_and_nothing_beyond_them() {
    let bytes = padded((0..=255).collect());
    lane_by_lane::<ThroughBytes>(&bytes, &bytes, |byte, _| byte);
    let words = padded((-32768..=32767).collect());
    lane_by_lane::<ThroughWords>(&words, &words, |word, _| word);
}

#[test]
fn floats_are_rounded_to_the_nearest_and_ties_to_even() {
    let mut floats: Vec<f32> = (-70_000..=70_000).map(|at| at as f32 / 4.0).collect();
    floats.extend((-70_000..=70_000).map(|at| (at as f32 / 4.0).next_up()));
    floats.extend((-70_000..=70_000).map(|at| (at as f32 / 4.0).next_down()));
    floats.extend([
        -0.0,
        1e-40,
        -1e-40,
        0.499_999_97,
        4_194_302.5,
        -4_194_302.5,
        4_194_303.0,
    ]);
    floats.extend(values(4000, 5).iter().map(|value| value * 2_000_000.0));
    let inputs = floats.iter().map(|value| value.to_bits().cast_signed());
    let inputs = padded(inputs.collect());
    lane_by_lane::<Round>(&inputs, &inputs, |input, _| {
        f32::from_bits(input.cast_unsigned()).round_ties_even() as i32
    });
}

#[test]
fn what_is_far_below_rounds_to_something_without_weight() {
    let far = [-32_769.0, -1e6, -4_194_304.0, -1e9, -1e10, -1e30, f32::MIN];
    let far = far.into_iter().chain([f32::NEG_INFINITY, f32::NAN]);
    let inputs = far.map(|value: f32| value.to_bits().cast_signed()).cycle();
    let inputs: Vec<i32> = inputs.take(3 * MAX_LANES).collect();
    for kernels in Kernels::all() {
        let (rounded, _) = apply::<Round>(kernels, &inputs, &inputs);
        let (weights, _) = apply::<Exp2Words>(kernels, &rounded, &rounded);
        let set = kernels.instruction_set();
        assert!(
            rounded.iter().all(|&x| x <= -32_768),
            "{rounded:?} on {set}"
        );
        assert!(
            weights.iter().all(|&pair| pair == 0),
            "{weights:?} on {set}"
        );
    }
}

#[test]
fn integers_become_the_nearest_floats() {
    let mut numbers = integers(1600, 9, -0x3FFF_FFFF..=0x3FFF_FFFF);
    numbers.extend([i32::MIN, i32::MAX, 16_777_217, -16_777_219, 0, 1, -1, 5]);
    let numbers = padded(numbers);
    lane_by_lane::<ToFloat>(&numbers, &numbers, |number, _| {
        (number as f32).to_bits().cast_signed()
    });
}
