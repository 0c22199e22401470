//! What the macros of samples emit.

use super::*;

inputs! {
    /// Two inputs.
    struct PairInputs { 0 image: [[f32; 3]; 2], 1 token: i32 }
}
outputs! {
    /// Two outputs.
    struct PairOutputs { 0 score (A, A1): [f32; 1], 1 class (B, B1): [f32; 4] }
}

#[test]
fn ports_are_flat_and_keep_their_kind() {
    let x = PairInputs { image: [[1.0, -2.0, 3.0], [4.0, 5.0, -6.0]], token: -7 };
    assert_eq!(PairInputs::PORTS, 2);
    assert_eq!(x.port(0), Values::Floats(&[1.0, -2.0, 3.0, 4.0, 5.0, -6.0]));
    assert_eq!(x.port(1), Values::Labels(&[-7]));
    let target = PairOutputs { score: 0.5, class: u32::MAX };
    assert_eq!(target.port(1), Values::Labels(&[-1]));
    let unsigned = [0, 1].map(<PairOutputs<[f32; 1], u32> as Sample>::is_unsigned);
    assert_eq!(unsigned, [false, true]);
    assert!(!PairInputs::is_unsigned(1));
    let samples: &[_] = &[x, PairInputs { token: 5, ..x }];
    let many: &dyn Samples = &samples;
    assert_eq!((many.count(), many.port(1, 1)), (2, Values::Labels(&[5])));
}

#[test]
fn predictions_are_collected_from_flat_buffers() {
    let fill = &mut |ports: &mut [&mut [f32]]| {
        for (p, port) in ports.iter_mut().enumerate() {
            for (i, value) in port.iter_mut().enumerate() {
                *value = (10 * p + i) as f32;
            }
        }
    };
    assert_eq!(<[f32; 2]>::collect(2, fill), [[0.0, 1.0], [2.0, 3.0]]);
    let second = PairOutputs { score: [1.0], class: [14.0, 15.0, 16.0, 17.0] };
    assert_eq!(PairOutputs::collect(2, fill)[1], second);
}
