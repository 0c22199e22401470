//! What configurations hold.

use super::*;

#[test]
fn configurations_have_the_keys_of_keras() {
    let table = include_str!("../../../tests/fixtures/configs.txt");
    for entry in CATALOGUE {
        let class = entry.schema.class;
        let line = table.lines().find_map(|line| line.strip_prefix(&format!("{class}:")));
        let expected: Vec<&str> =
            line.unwrap_or_else(|| panic!("no {class}")).split_whitespace().collect();
        let arguments = match class {
            "StackedRNNCells" => "[GRUCell(2)]",
            _ => entry.cases.first().map_or("2", |case| case.arguments),
        };
        let config = layer(class, arguments).config();
        let mut keys: Vec<&str> = config.iter().map(|(key, _)| *key).collect();
        keys.sort_unstable();
        assert_eq!(keys, expected, "{class}");
    }
}

#[test]
fn configurations_are_read_back() {
    for entry in CATALOGUE {
        let class = entry.schema.class;
        for case in entry.cases {
            let config = layer(class, case.arguments).config();
            let written: Vec<Argument> = config
                .iter()
                .map(|(name, value)| Argument {
                    name: Some(name.to_string()),
                    value: value.clone(),
                })
                .collect();
            let Ok(NetworkLayer { kind: LayerKind::Layer(again), .. }) =
                entry.build(&written, String::new)
            else {
                panic!("{class}: {written:?}");
            };
            assert_eq!(again.config(), config, "{class}({})", case.arguments);
        }
    }
}

#[test]
fn values_are_written_as_keras_writes_them() {
    let value = |class: &str, text: &str, key: &str| {
        let config = layer(class, text).config();
        config.iter().find(|(name, _)| *name == key).unwrap().1.to_string()
    };
    assert_eq!(value("Dense", "3, activation = \"swish\"", "activation"), "\"silu\"");
    assert_eq!(value("Dense", "3, activation = activations.relu", "activation"), "\"relu\"");
    assert_eq!(value("Dense", "3, activation = None", "activation"), "\"linear\"");
    let he = "HeNormal(seed = 1)";
    assert_eq!(
        value(
            "Dense",
            "3, kernel_initializer = initializers.HeNormal(seed = 1)",
            "kernel_initializer"
        ),
        he
    );
    let truncated = "TruncatedNormal(mean = 0.0, stddev = 0.02, seed = None)";
    let text = "3, kernel_initializer = TruncatedNormal(stddev = 0.02)";
    assert_eq!(value("Dense", text, "kernel_initializer"), truncated);
    assert_eq!(value("Dense", "3, bias_regularizer = \"l2\"", "bias_regularizer"), "L2(l2 = 0.01)");
    let text = "3, bias_regularizer = regularizers.L1L2(l1 = 1e-5, l2 = 0.5)";
    assert_eq!(value("Dense", text, "bias_regularizer"), "L1L2(l1 = 1e-5, l2 = 0.5)");
    assert_eq!(value("Conv2D", "4, 3", "kernel_size"), "(3, 3)");
    assert_eq!(value("Conv2D", "4, 3, padding = \"SAME\"", "padding"), "\"same\"");
    assert_eq!(value("MaxPooling2D", "(2, 3)", "strides"), "(2, 3)");
    assert_eq!(value("BatchNormalization", "", "momentum"), "0.99");
}
