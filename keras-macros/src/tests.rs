//! Blocks through the parser and the evaluator, without a compiler.

use proc_macro2::TokenStream;

use crate::ast::Body;
use crate::errors::Mistakes;
use crate::expand;
use crate::parse::Parser;

mod arguments;
mod random;

/// The mistakes that a block's body has.
fn mistakes(body: &str) -> Vec<String> {
    let text = format!("struct Test; {body}");
    let stream: TokenStream = text.parse().expect("tokens");
    let mut mistakes = Mistakes::default();
    if let Some(item) = Parser::new(&mut mistakes).item(stream)
        && let Body::Block(block) = &item.body
    {
        expand::network(block, &item.name, &mut mistakes);
    }
    mistakes.texts()
}

/// The layers and their shapes that a block makes.
fn layers(body: &str) -> String {
    let text = format!("struct Test; {body}");
    let mut told = Mistakes::default();
    let item = Parser::new(&mut told).item(text.parse().expect("tokens")).expect("a struct");
    let Body::Block(block) = &item.body else { return String::new() };
    let network = expand::network(block, &item.name, &mut told).network;
    let Some(network) = network else { return told.texts().join("\n") };
    let rows = network.calls.iter().map(|call| {
        let name = &network.layers[call.layer.0].name;
        format!("{name} {}", network.shape(call.outputs[0]))
    });
    rows.collect::<Vec<_>>().join("; ")
}

const X: &str = "let x = Input(shape = (4,));";

#[test]
fn both_spellings_make_the_same_layers() {
    let expected = "input_layer (batch, 4); dense (batch, 3); dense_1 (batch, 2)";
    assert_eq!(
        layers("Sequential([Input(shape = (4,)), Dense(3), layers.Dense(units = 2)])"),
        expected
    );
    assert_eq!(
        layers(
            "let x = keras.Input((4,)); let y = Dense(2)(keras.layers.Dense(3)(x)); Model(x, y)"
        ),
        // The outer layer is made first, as in Keras.
        "input_layer (batch, 4); dense_1 (batch, 3); dense (batch, 2)"
    );
}

#[test]
fn operators_and_functions_are_operations() {
    let x = "let x = Input((4, 3)); let y = Input((1, 3));";
    for (code, expected) in [
        ("x * y + 2.0", "multiply (batch, 4, 3); add (batch, 4, 3)"),
        (
            "1.0 - -x / y",
            "negative (batch, 4, 3); true_divide (batch, 4, 3); subtract (batch, 4, 3)",
        ),
        ("x ** 2 > 0.5", "power (batch, 4, 3); greater (batch, 4, 3)"),
        ("-x ** 2", "power (batch, 4, 3); negative (batch, 4, 3)"),
        ("x ** -y", "negative (batch, 1, 3); power (batch, 4, 3)"),
        ("x[.., 1..3]", "get_item (batch, 2, 3)"),
        ("x[..., 0]", "get_item (batch, 4)"),
        ("x[.., -1, ..2]", "get_item (batch, 2)"),
        ("x[.., 1..=2, None]", "get_item (batch, 2, 1, 3)"),
        ("x[.., 2..]", "get_item (batch, 2, 3)"),
        ("ops.mean(x, axis = (1, 2), keepdims = True)", "mean (batch, 1, 1)"),
        ("keras.ops.concatenate([x, y], axis = 1)", "concatenate (batch, 5, 3)"),
        ("ops.split(x, 2, axis = 1)[1]", "split (batch, 2, 3)"),
        ("ops.einsum(\"bij,bkj->bik\", x, y)", "einsum (batch, 4, 1)"),
        ("ops.add(x, ops.arange(3))", "add (batch, 4, 3)"),
        ("ops.reshape(x, (-1, ops.shape(x)[2], ops.shape(x)[1]))", "reshape (batch, 3, 4)"),
        ("ops.repeat(x, ops.shape(x)[2], axis = 2)", "repeat (batch, 4, 9)"),
        ("ops.where(x > 0, x, 0.0)", "greater (batch, 4, 3); where (batch, 4, 3)"),
        ("ops.pad(x, ((0, 0), (1, 1), (0, 0)), constant_values = 2)", "pad (batch, 6, 3)"),
    ] {
        let found = layers(&format!("{x} let z = {code}; Model([x, y], [z, Identity()(y)])"));
        let found = found.replace("x (batch, 4, 3); y (batch, 1, 3); ", "");
        assert_eq!(found, format!("{expected}; identity (batch, 1, 3)"), "{code}");
    }
}

#[test]
fn mistakes_of_operations_are_told() {
    let x = "let x = Input((4, 3)); let y = Input((5, 3));";
    for (code, expected) in [
        ("x + y", "`add` cannot broadcast (batch, 4, 3) and (batch, 5, 3)"),
        ("ops.mean(x)", "`mean` with `axis = None` would reduce the batch of (batch, 4, 3)"),
        ("ops.maen(x)", "there is no function `ops.maen`"),
        ("ops.mean(x, axes = 1)", "`mean` has no argument `axes`"),
        ("ops.mean(x, axis = y)", "`axis` of `mean` cannot be a tensor"),
        (
            "ops.matmul(x, y)",
            "`matmul` expects as many columns of (batch, 4, 3) as rows of (batch, 5, 3), \
             found 3 and 5",
        ),
        ("x[1..3]", "a slice cannot cut the batch, axis 0 of (batch, 4, 3)"),
        ("x[.., 7]", "axis 1 of (batch, 4, 3) is 4 long, found the item 7"),
        ("x[.., 0, 0, 0]", "a slice of (batch, 4, 3) has at most 3 items, found 4"),
        ("ops.shape(3)", "`shape` is called on one tensor"),
        ("ops.flip(x)", "`flip` needs an `axis`: without one it would reverse the batch"),
        ("ops.argmax(x)", "`argmax` needs an `axis`: without one it would join the samples"),
        ("ops.swapaxes(x, 0, 1)", "`swapaxes` cannot work along the batch, axis 0"),
        (
            "ops.roll(x, (1, 2), axis = 1)",
            "`shift` of `roll` expects one number, or as many as there are axes, 1, found",
        ),
        (
            "ops.moveaxis(x, (1, 2), 1)",
            "`moveaxis` expects as many places in `destination` as axes in `source`, each once, \
             found (1, 2) and 1",
        ),
        (
            "ops.norm(x, ord = 1, axis = (1, 2))",
            "`norm` of 2 axes expects `ord` to be `None` or `\"fro\"`, found `ord = 1`",
        ),
        ("ops.norm(x, ord = 3, axis = 1)", "`ord` of `norm` expects `None`, 1, 2,"),
        ("ops.tril(ops.mean(x, axis = 1))", "`tril` expects matrices, (batch, .., m, n), found"),
        ("ops.full_like(x, y)", "`full_like` cannot broadcast (batch, 4, 3) and (batch, 5, 3)"),
        ("x + \"a\"", "`add` expects tensors and numbers, found \"a\""),
        ("x && y", "`&&` has no meaning for tensors"),
        ("ops.mean", "a function is called on a tensor"),
    ] {
        let told = mistakes(&format!("{x} let z = {code}; Model([x, y], [z, Identity()(y)])"));
        assert!(told.first().is_some_and(|first| first.contains(expected)), "{code}: {told:?}");
    }
}

#[test]
fn calls_take_arguments_by_name() {
    let body = format!(
        "{X} let encoder = Sequential([Dense(3), Dropout(0.5)]);
        let y = encoder(inputs = x, training = False);
        Model(inputs = x, outputs = Dropout(0.1)(y, training = None))"
    );
    assert_eq!(
        layers(&body),
        "input_layer (batch, 4); sequential (batch, 3); dropout_1 (batch, 3)"
    );
    let told = mistakes(&format!(
        "{X} let y = Dense(3)(x, trainin = True);
        let z = Dense(3)(x, training = Dense(2));
        let w = Dropout(0.5)(x, training = True);
        let v = Dense(3)(training = False);
        let u = Add()(x, w);
        Model(inputs = x, outputs = y)"
    ));
    let expected = [
        "`Dense` has no call argument `trainin`\nhelp: did you mean `training`?",
        "a layer is no argument of a call",
        "`Dropout` cannot work as in training while it predicts\nshapes so far: input_layer \
         (batch, 4)\nhelp: leave out `training = True`: `fit` trains and `predict` predicts",
        "`dense_3` is called on nothing\nhelp: call it on a tensor: `layer(x)`",
    ];
    assert_eq!(told, expected);
}

#[test]
fn templates_loops_and_conditions_are_expanded() {
    let body = format!(
        "{X} const BASE: usize = 2;
        let block = |x, units, twice| {{
            let mut y = Dense(units)(x);
            if twice {{ y = Dense(units)(y); }}
            y
        }};
        let mut y = x;
        for i in 0..3 {{ y = block(y, BASE << i, i == 1); }}
        for (units, name) in [(7, \"a\"), (9, \"b\")] \
        {{ y = Dense(units, name = \"last_\" + name)(y); }}
        Model(inputs = x, outputs = y)"
    );
    assert_eq!(
        layers(&body),
        "input_layer (batch, 4); dense (batch, 2); dense_1 (batch, 4); dense_2 (batch, 4); \
         dense_3 (batch, 8); last_a (batch, 7); last_b (batch, 9)"
    );
}

#[test]
fn models_are_layers() {
    let body = format!(
        "{X} let encoder = Sequential([Dense(3), Dense(2)], name = \"encoder\");
        let y = Dense(5)(encoder(x)); Model(x, y)"
    );
    assert_eq!(layers(&body), "input_layer (batch, 4); encoder (batch, 2); dense_2 (batch, 5)");
    let body = format!(
        "{X} let half = Model(x, Dense(3)(x));
        let image = Input(shape = (4,)); Model(image, Dense(2)(half(image)))"
    );
    assert_eq!(
        layers(&body),
        "input_layer_1 (batch, 4); functional (batch, 3); dense_1 (batch, 2)"
    );
}

#[test]
fn expressions_have_rusts_precedence_and_powers_have_pythons() {
    for (text, units) in [
        ("1 + 2 * 3", 7),
        ("(1 + 2) * 3", 9),
        ("2 ** 3 ** 2 / 64", 8),
        ("-1 + 8 % 5", 2),
        ("-2 ** 2 + 9", 5),
        ("(-2) ** 2 + 9", 13),
        ("2 * -2 ** 2 + 9", 1),
        ("(9 * 2 ** -1 * 2) as i64", 9),
        ("if (1 < 2) == true { 3 } else { 4 }", 3),
        ("if 1 < 2 && 2 < 3 || 3 < 1 { 3 } else { 4 }", 3),
        ("16 >> 1 + 1", 4),
        ("if 1 + 1 == 2 && !false { 5 } else { 6 }", 5),
        ("{ let a = [3, 4]; a[-1] + a.len() as i64 }", 6),
        ("(7.9 as usize)", 7),
        ("x.shape[1] * 2", 8),
    ] {
        let body = format!("{X} Model(x, Dense({text})(x))");
        assert_eq!(
            layers(&body),
            format!("input_layer (batch, 4); dense (batch, {units})"),
            "{text}"
        );
    }
}

#[test]
fn what_a_comparison_says_is_not_compared_without_brackets() {
    for (code, operator) in [
        ("1 < 2 < 3", "<"),
        ("1 < 2 + 3 >= 3 == true", ">="),
        ("true && 1 == 1 != false", "!="),
        ("x > 0.0 > -1.0", ">"),
    ] {
        let told = mistakes(&format!("{X} let y = {code}; Model(x, Dense(3)(x))"));
        let expected = format!(
            "`{operator}` cannot stand behind another comparison\nhelp: write `a < b && b < c`, or \
             for tensors `ops.logical_and(a < b, b < c)`; brackets compare a result: `(a < b) == c`"
        );
        assert_eq!(told, [expected], "{code}");
    }
}

#[test]
fn every_mistake_is_told_once() {
    let body = "Sequential([
        Input(shape = (4,)),
        Dense(unit = 3),
        Desne(4),
        Dense(0),
        Dense(CLASSES),
        Dense(8, use_bias = 1),
    ])";
    let mistakes = mistakes(body);
    let first: Vec<&str> = mistakes.iter().filter_map(|text| text.lines().next()).collect();
    assert_eq!(
        first,
        [
            "`Dense` has no argument `unit`",
            "there is no layer or template `Desne`",
            "`units` of `Dense` expects a positive integer, found 0",
            "`CLASSES` is not defined in this block",
            "`use_bias` of `Dense` expects `True` or `False`, found 1",
        ]
    );
}

#[test]
fn what_would_not_end_is_told() {
    for (body, message) in [
        ("for i in 0..1_000_000_000 { }", "this model takes more than 1000000 steps to expand"),
        ("for i in 0..20_000 { Dense(1); }", "a model has at most 10000 layers"),
        ("let f = |g| g(g); f(f)", "the template `g` cannot call itself"),
        ("let f = |x| f(x); f(1)", "the template `f` cannot call itself"),
        ("let mut a = [1]; for i in 0..1000 { a = [a, a]; }", "this holds more than 100000 values"),
        ("let mut a = [1]; for i in 0..1000 { a = [a]; }", "this nests more than 256 deep"),
        (
            "let mut f = |x| x; for i in 0..9000 { let g = f; f = |x| g(x); }",
            "this nests more than 256 deep",
        ),
        ("Dense(1 / 0)", "`1 / 0`: division by zero"),
        ("Dense(1 << 64)", "`1 << 64`: integers here have 64 bits"),
    ] {
        let mistakes = mistakes(&format!("{X} {body}"));
        assert_eq!(mistakes[0].lines().next(), Some(message), "{body}");
    }
}

#[test]
fn deep_nesting_is_told() {
    let many = |text: &str| text.repeat(100_000);
    for body in [
        format!("{}{}", "(".repeat(3000), ")".repeat(3000)),
        format!("{}1{}", "[".repeat(3000), "]".repeat(3000)),
        format!("{}1", many("- ")),
        format!("{}1", many("|x| ")),
        format!("1{}", many(" + 1")),
        format!("f{}", many("(1)")),
        format!("a{}", many(".b")),
        format!("1{}", many(" ** 1")),
        format!("{}{}", "{".repeat(3000), "}".repeat(3000)),
        format!("{}{}", "for a in b {".repeat(3000), "}".repeat(3000)),
        format!("if a {{}} {}", many("else if a {}")),
    ] {
        let mistakes = mistakes(&body);
        let first = mistakes[0].lines().next();
        assert_eq!(first, Some("this is nested more than 128 levels deep"), "{}", &body[..30]);
    }
}

/// What a call costs does not grow with the calls before it.
#[test]
fn a_layer_may_be_called_thousands_of_times() {
    let body = format!(
        "{X} let d = Dense(4); let mut y = x; for i in 0..9000 {{ y = d(y); }} Model(x, y)"
    );
    assert_eq!(layers(&body).matches("dense (batch, 4)").count(), 9000);
}

#[test]
fn a_chain_of_shapes_goes_through_operations() {
    let found = mistakes(&format!("{X} let y = 2.0 * x; Model(x, Conv2D(3, 3)(y))"));
    let chain = "shapes so far: input_layer (batch, 4) -> multiply (batch, 4)";
    assert!(found.iter().any(|mistake| mistake.contains(chain)), "{found:?}");
}
