//! Every spelling of Keras, blocks out of macros, and names of the prelude that mean something
//! else.

use keras::Infer;

/// Names of the prelude mean something else here.
#[allow(dead_code)]
mod shadowed {
    struct Option;
    struct Some;
    struct Vec;
    struct Box;
    struct Clone;
    struct Plan;
    struct Call;

    keras::model! {
        /// Every spelling of Keras.
        pub(super) struct Spelled;

        const RATE: f64 = 2.5e-1;
        const SHAPE: (usize, usize) = (2, 3);
        const NAMES: [&str; 2] = ["first", "second"];

        keras.models.Sequential([
            keras.Input(shape = SHAPE),
            keras.layers.Flatten(),
            layers.Dense(units = 4, kernel_regularizer = regularizers.L2(1e-4), name = NAMES[0]),
            layers::Dropout(RATE, seed = None),
            Dense(
                2,
                kernel_initializer = keras.initializers.HeNormal(seed = 1),
                activation = activations.relu,
            ),
        ])
    }
}

#[test]
fn every_spelling_is_read() {
    use shadowed::Spelled;
    assert_eq!(Spelled::RATE, 0.25);
    assert_eq!(Spelled::SHAPE, (2, 3));
    assert_eq!(Spelled::NAMES[1], "second");
    assert_eq!(Spelled::PARAMS, 28 + 10);
    let weights = Spelled::WEIGHTS;
    assert_eq!((weights[0].l2, weights[0].layer.as_ref()), (1e-4, "first"));
    assert_eq!(weights[2].initializer.seed, Some(1));
}

macro_rules! two_layers {
    ($name:ident, $units:expr) => {
        keras::model! {
            struct $name;
            Sequential([Input(shape = (4,)), Dense($units), Dense(2)])
        }
    };
}

two_layers!(Small, 3);

#[test]
fn a_block_may_come_out_of_a_macro_and_stand_in_a_function() {
    two_layers!(Large, 30 + 2);
    assert_eq!(Small::PARAMS, 15 + 8);
    assert_eq!(Large::PARAMS, 5 * 32 + 66);
}
