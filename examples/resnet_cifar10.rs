//! ResNet-20 (He et al. 2015) on one of CIFAR-10's five training batches, written with templates
//! and loops.
//!
//! Reads `$KERAS_HOME/datasets/cifar10/`. The last line is `test_accuracy: X`; 0.63 was seen
//! after 12 epochs, in 4 minutes on two cores.

use keras::prelude::*;

model! {
    /// A small residual network.
    pub struct ResNet20;

    let conv = |x, filters, size, strides| {
        Conv2D(
            filters, size, strides = strides, padding = "same", kernel_initializer = "he_normal",
        )(x)
    };
    let residual = |x, filters, strides| {
        let mut y = Activation("relu")(BatchNormalization()(conv(x, filters, 3, strides)));
        y = BatchNormalization()(conv(y, filters, 3, 1));
        let mut skip = x;
        if strides != 1 { skip = conv(x, filters, 1, strides); }
        Activation("relu")(Add()([skip, y]))
    };

    let image = Input(shape = (32, 32, 3), name = "image");
    let mut x = Activation("relu")(BatchNormalization()(conv(image, 16, 3, 1)));
    for stage in 0..3 {
        for block in 0..3 {
            x = residual(x, 16 << stage, if stage > 0 && block == 0 { 2 } else { 1 });
        }
    }
    let label = Dense(10, activation = "softmax")(Flatten()(AveragePooling2D(8)(x)));
    Model(inputs = image, outputs = label)
}

const EPOCHS: usize = 12;

/// The learning rate falls along half a cosine.
fn rate(epoch: usize) -> f32 {
    2e-3 * 0.5 * (1.0 + (std::f32::consts::PI * epoch as f32 / EPOCHS as f32).cos())
}

fn main() -> keras::Result<()> {
    let (train, test) = datasets::cifar10::load_batches(&[1])?;
    let mut model = ResNet20::seeded(3);
    println!("{}", model.summary());
    let mut training = model
        .compile(Adam::default(), SparseCategoricalCrossentropy::default())
        .metrics([SparseCategoricalAccuracy::default()]);
    let schedule = LearningRateScheduler::new(|epoch, _| rate(epoch));
    training.fit(
        &train.images,
        &train.labels,
        Fit {
            batch_size: 64,
            epochs: EPOCHS,
            callbacks: vec![Box::new(schedule)],
            ..Fit::default()
        },
    )?;
    let scores = training.evaluate(&test.images, &test.labels)?;
    println!("test_accuracy: {:.4}", scores["sparse_categorical_accuracy"]);
    Ok(())
}
