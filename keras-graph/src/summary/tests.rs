//! Tests of summaries as text.

use super::*;
use crate::compile::describe;
use crate::models;

// The tables are what Keras 3.15.1 prints for the same models in a terminal of 80 columns.

#[test]
fn branches_show_what_they_read() {
    let description = describe(&models::branches(), String::new()).expect("a legal model");
    let expected = "\
Model: \"branches\"
┏━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━┓
┃ Layer (type)        ┃ Output Shape      ┃    Param # ┃ Connected to      ┃
┡━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━┩
│ x (InputLayer)      │ (None, 3)         │          0 │ -                 │
├─────────────────────┼───────────────────┼────────────┼───────────────────┤
│ long1 (Dense)       │ (None, 4)         │         12 │ x[0][0]           │
├─────────────────────┼───────────────────┼────────────┼───────────────────┤
│ long2 (Dense)       │ (None, 5)         │         20 │ long1[0][0]       │
├─────────────────────┼───────────────────┼────────────┼───────────────────┤
│ short (Dense)       │ (None, 6)         │         18 │ x[0][0]           │
├─────────────────────┼───────────────────┼────────────┼───────────────────┤
│ long3 (Dense)       │ (None, 6)         │         30 │ long2[0][0]       │
├─────────────────────┼───────────────────┼────────────┼───────────────────┤
│ add (Add)           │ (None, 6)         │          0 │ short[0][0],      │
│                     │                   │            │ long3[0][0]       │
├─────────────────────┼───────────────────┼────────────┼───────────────────┤
│ head (Dense)        │ (None, 2)         │         12 │ add[0][0]         │
└─────────────────────┴───────────────────┴────────────┴───────────────────┘
 Total params: 92 (368.00 B)
 Trainable params: 92 (368.00 B)
 Non-trainable params: 0 (0.00 B)
";
    assert_eq!(summary(&description, Style::default()), expected);
}

#[test]
fn nested_models_are_listed_on_demand() {
    let description = describe(&models::nested(), String::new()).expect("a legal model");
    let expected = "\
Model: \"nested\"
┏━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━┓
┃ Layer (type)        ┃ Output Shape      ┃    Param # ┃ Connected to      ┃
┡━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━┩
│ x (InputLayer)      │ (None, 3)         │          0 │ -                 │
├─────────────────────┼───────────────────┼────────────┼───────────────────┤
│ enc (Functional)    │ (None, 4)         │         40 │ x[0][0]           │
├─────────────────────┼───────────────────┼────────────┼───────────────────┤
│    └ ix             │ (None, 3)         │          0 │ -                 │
│ (InputLayer)        │                   │            │                   │
├─────────────────────┼───────────────────┼────────────┼───────────────────┤
│    └ n1 (Dense)     │ (None, 4)         │         12 │ -                 │
├─────────────────────┼───────────────────┼────────────┼───────────────────┤
│    └ n3 (Dense)     │ (None, 4)         │         12 │ -                 │
├─────────────────────┼───────────────────┼────────────┼───────────────────┤
│    └ n2 (Dense)     │ (None, 4)         │         16 │ -                 │
├─────────────────────┼───────────────────┼────────────┼───────────────────┤
│    └ nadd (Add)     │ (None, 4)         │          0 │ -                 │
├─────────────────────┼───────────────────┼────────────┼───────────────────┤
│ seq (Sequential)    │ (None, 6)         │         50 │ enc[0][0]         │
├─────────────────────┼───────────────────┼────────────┼───────────────────┤
│    └ s1 (Dense)     │ (None, 5)         │         20 │ -                 │
├─────────────────────┼───────────────────┼────────────┼───────────────────┤
│    └ s2 (Dense)     │ (None, 6)         │         30 │ -                 │
├─────────────────────┼───────────────────┼────────────┼───────────────────┤
│ q (Dense)           │ (None, 6)         │         18 │ x[0][0]           │
├─────────────────────┼───────────────────┼────────────┼───────────────────┤
│ add (Add)           │ (None, 6)         │          0 │ seq[0][0],        │
│                     │                   │            │ q[0][0]           │
└─────────────────────┴───────────────────┴────────────┴───────────────────┘
 Total params: 108 (432.00 B)
 Trainable params: 108 (432.00 B)
 Non-trainable params: 0 (0.00 B)
";
    let style = Style { expand_nested: true, ..Style::default() };
    assert_eq!(summary(&description, style), expected);
}

#[test]
fn a_row_of_layers_has_three_columns() {
    let mut description = describe(&models::perceptron(), String::new()).expect("legal");
    let expected = "\
Model: \"sequential_with_a_name\"
┏━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━┓
┃ Layer (type)           ┃ Output Shape    ┃   Param # ┃
┡━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━┩
│ dense (Dense)          │ (None, 5)       │        15 │
├────────────────────────┼─────────────────┼───────────┤
│ dense_1 (Dense)        │ (None, 2)       │        10 │
└────────────────────────┴─────────────────┴───────────┘
 Total params: 77 (308.00 B)
 Trainable params: 25 (100.00 B)
 Non-trainable params: 0 (0.00 B)
 Optimizer params: 52 (208.00 B)
";
    let style = Style { columns: 60, optimizer_params: Some(52), ..Style::default() };
    description.name = "sequential_with_a_name".into();
    assert_eq!(summary(&description, style), expected);
}

#[test]
fn documentation_has_a_table() {
    let description = describe(&models::perceptron(), String::new()).expect("a legal model");
    let expected = "\
| layer | output shape | parameters |
|---|---|--:|
| `dense` (Dense) | (batch, 5) | 15 |
| `dense_1` (Dense) | (batch, 2) | 10 |

Parameters: 25 (100.00 B)
";
    assert_eq!(doc_table(&description), expected);
}

#[test]
fn numbers_and_sizes_are_readable() {
    assert_eq!(thousands(1_234_567), "1,234,567");
    assert_eq!(thousands(54), "54");
    assert_eq!(size(0), "0.00 B");
    assert_eq!(size(217_640), "212.54 KB");
    assert_eq!(size(5 << 30), "5.00 GB");
}
