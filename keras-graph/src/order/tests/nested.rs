//! Masks of models within models.

use super::*;
use crate::network::NetworkLayer;

/// What Keras 3.15.1 does with the mask of a nested model's result: while it builds the outer
/// model there is none.
#[test]
fn a_mask_made_within_a_nested_model_counts_for_nothing() {
    fn joined(n: &mut Network, x: TensorId, class: &str, argument: Option<i64>) -> TensorId {
        let da = layer(n, "Dense", "da", Some(3), &[x]);
        let mut inner = Network::new("inner", Class::Functional);
        let input = inner.add_input("ii", Shape::new([4, 3]), Dtype::Float32);
        let y = mask(&mut inner, input, ["id", "im"]);
        inner.finish(&[y]);
        let inner = n.add_layer(NetworkLayer {
            name: "inner".to_string(),
            kind: LayerKind::Network(Box::new(inner)),
            trainable: true,
            activity_regularizer: None,
        });
        let a = models::call(n, inner, &[da]);
        let b = mask(n, x, ["db", "mb"]);
        layer(n, class, "j", argument, &[a, b])
    }
    let pools = [Some("GlobalMaxPooling1D"), Some("GlobalAveragePooling1D")];
    let beside_another: fn(&mut Network, TensorId) -> TensorId =
        |n, x| joined(n, x, "Concatenate", Some(1));
    for (len, expected) in [
        (3, "x db da mb inner q0 q1 q2 j g p add"),
        (5, "x db q0 da mb q1 inner q2 q3 q4 j g p add"),
        (7, "x q0 db q1 q2 da mb q3 inner q4 q5 q6 j g p add"),
    ] {
        assert_eq!(names(&beside(len, beside_another, pools)).join(" "), expected);
    }
    let added: fn(&mut Network, TensorId) -> TensorId = |n, x| joined(n, x, "Add", None);
    for (len, expected) in
        [(1, "x da db inner mb q0 j g p add"), (4, "x q0 q1 da db q2 inner mb q3 j g p add")]
    {
        assert_eq!(names(&beside(len, added, pools)).join(" "), expected);
    }
}
