//! Windows and strides far larger than the image cost what their real cells cost: the models
//! compile, predict and train, with the numbers of models whose windows end with the image.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)] // What a helper of a test cannot do, the test cannot do.

use keras::prelude::*;

/// A model of one layer on an image, and one of the same layer with sensible arguments.
macro_rules! twins {
    ($($huge:ident, $small:ident: $layer:ident($($first:tt)*) and ($($second:tt)*);)*) => {$(
        model! {
            /// Reaches far beyond the image.
            struct $huge;
            Sequential([Input(shape = (24, 16, 3)), $layer($($first)*), Flatten(), Dense(2)])
        }
        model! {
            /// Ends with the image.
            struct $small;
            Sequential([Input(shape = (24, 16, 3)), $layer($($second)*), Flatten(), Dense(2)])
        }
    )*};
}
twins! {
    HugeMean, SmallMean:
        AveragePooling2D(2147483647, padding = "same") and ((24, 16));
    HugeLargest, SmallLargest:
        MaxPooling2D(2147483647, padding = "same") and ((24, 16));
    HugeStride, SmallStride:
        Conv2D(3, 17, strides = (2147483647, 4), padding = "same") and
        (3, 17, strides = (24, 4), padding = "same");
    HugeSteps, SmallSteps:
        DepthwiseConv2D(5, strides = 2147483647, padding = "same") and
        (5, strides = 24, padding = "same");
    HugePoint, SmallPoint:
        SeparableConv2D(4, 1, dilation_rate = 2147483647) and (4, 1);
}

/// Values of both signs.
fn image() -> Box<[[[f32; 3]; 16]; 24]> {
    let mut image = Box::new([[[0.0; 3]; 16]; 24]);
    for (i, cell) in image.as_flattened_mut().as_flattened_mut().iter_mut().enumerate() {
        *cell = (i * 7919 % 1013) as f32 / 500.0 - 1.0;
    }
    image
}

/// What a model predicts before and after a step of training.
macro_rules! before_and_after {
    ($model:ident) => {{
        let mut model = $model::seeded(7);
        let x = [*image()];
        let before = model.call(&x[0]);
        let mut training = model
            .compile(SGD { learning_rate: 0.01, ..SGD::default() }, MeanSquaredError::default());
        let logs = training.train_on_batch(&x, &[[0.5, -0.5]]).unwrap();
        assert!(logs["loss"].is_finite());
        drop(training);
        [before, model.call(&x[0])]
    }};
}

#[test]
fn cells_beyond_the_image_change_nothing() {
    assert_eq!(before_and_after!(HugeMean), before_and_after!(SmallMean));
    assert_eq!(before_and_after!(HugeLargest), before_and_after!(SmallLargest));
    assert_eq!(before_and_after!(HugeStride), before_and_after!(SmallStride));
    assert_eq!(before_and_after!(HugeSteps), before_and_after!(SmallSteps));
    assert_eq!(before_and_after!(HugePoint), before_and_after!(SmallPoint));
}
