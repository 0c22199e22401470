//! Random tokens, and models with some tokens changed, through the whole macro.

use proc_macro2::TokenStream;

use crate::expand;

/// Random numbers: xorshift, from a fixed seed.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }
}

const WORDS: &[&str] = &[
    "let",
    "mut",
    "x",
    "y",
    "conv",
    "=",
    ";",
    ",",
    "|",
    "||",
    "Dense",
    "Input",
    "Sequential",
    "Model",
    "Conv2D",
    "shape",
    "inputs",
    "outputs",
    "units",
    "1",
    "0",
    "-",
    "+",
    "*",
    "<<",
    "3.5",
    "\"relu\"",
    "for",
    "in",
    "0..3",
    "if",
    "else",
    "true",
    "None",
    "const",
    "N",
    ":",
    "usize",
    ".",
    "rev",
    "#",
    "'a",
    "layers",
    "keras",
    "as",
    "!",
    "==",
    "&&",
    "..",
    "struct",
    "pub",
    "fn",
    "move",
    "9e99",
    "1 << 63",
    "[",
    "]",
    "(",
    ")",
    "{",
    "}",
];

const EXAMPLE: &str = r#"pub struct Test; const N: usize = 10;
    let block = |x, units| {
        let mut y = Dense(units, activation = "relu")(x);
        for i in 0..3 { y = Dense(units << i)(y); }
        y
    };
    let a = Input(shape = (4, 5), name = "a"); let b = keras.Input((20,));
    let f = Flatten()(a); let c = Add()([block(f, 4), block(b, if N > 3 { 4 } else { 5 })]);
    let inner = Sequential([layers.Dense(3), Dense(2)]);
    let d = Dense(N, kernel_regularizer = regularizers.L2(1e-4))(c);
    Model(inputs = [a, b], outputs = [inner(c), d])"#;

/// Leaves of a stream, brackets as words.
fn words(stream: TokenStream, out: &mut Vec<String>) {
    for tree in stream {
        match tree {
            proc_macro2::TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    proc_macro2::Delimiter::Brace => ("{", "}"),
                    proc_macro2::Delimiter::Bracket => ("[", "]"),
                    _ => ("(", ")"),
                };
                out.push(open.to_string());
                words(group.stream(), out);
                out.push(close.to_string());
            }
            other => out.push(other.to_string()),
        }
    }
}

/// Closes what is open, so that the text is a stream of tokens.
fn balanced(words: &[String]) -> String {
    let mut open = Vec::new();
    let mut text = String::new();
    for word in words {
        match word.as_str() {
            "(" => open.push(")"),
            "[" => open.push("]"),
            "{" => open.push("}"),
            ")" | "]" | "}" if open.pop() != Some(word) => return String::new(),
            _ => {}
        }
        text += word;
        text += " ";
    }
    while let Some(close) = open.pop() {
        text += close;
    }
    text
}

/// Expands without the guard: a panic fails the test. Whatever comes out is either a model or an
/// error.
fn survives(text: &str) {
    let Ok(stream) = text.parse::<TokenStream>() else { return };
    let out = expand::model(stream).to_string();
    assert!(!out.is_empty(), "{text}");
}

#[test]
fn the_example_itself_has_no_mistake() {
    let out = expand::model(EXAMPLE.parse().expect("tokens")).to_string();
    assert!(!out.contains("compile_error"), "{out}");
}

#[test]
fn random_tokens_never_panic() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for _ in 0..600 {
        let count = random.below(40);
        let words: Vec<String> =
            (0..count).map(|_| WORDS[random.below(WORDS.len())].to_string()).collect();
        survives(&format!("struct Test; {}", balanced(&words)));
        survives(&balanced(&words));
    }
}

#[test]
fn mutated_models_never_panic() {
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let mut original = Vec::new();
    words(EXAMPLE.parse().expect("tokens"), &mut original);
    for _ in 0..250 {
        let mut mutated = original.clone();
        for _ in 0..=random.below(3) {
            let at = random.below(mutated.len());
            match random.below(4) {
                0 => drop(mutated.remove(at)),
                1 => mutated.insert(at, WORDS[random.below(WORDS.len())].to_string()),
                2 => mutated[at] = WORDS[random.below(WORDS.len())].to_string(),
                _ => {
                    let other = random.below(mutated.len());
                    mutated.swap(at, other);
                }
            }
        }
        survives(&balanced(&mutated));
    }
}
