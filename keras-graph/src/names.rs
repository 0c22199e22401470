//! Names: Keras' automatic ones, Rust fields made of them, and the nearest known name of a misspelt
//! one.

use std::collections::HashSet;

/// Keras' snake case of a class: `Conv2D` is `conv2d`, `ReLU` is `re_lu`, `MaxPooling2D` is
/// `max_pooling2d`. Source: Keras 3.15 `utils/naming.py`.
pub fn snake_case(class: &str) -> String {
    let chars: Vec<char> = class.chars().filter(|c| c.is_alphanumeric() || *c == '_').collect();
    // First rule: an underscore before a capital that lower-case letters follow.
    let mut spaced = Vec::new();
    for (i, &c) in chars.iter().enumerate() {
        let next_is_lower = chars.get(i + 1).is_some_and(|next| next.is_ascii_lowercase());
        if i > 0 && c.is_ascii_uppercase() && next_is_lower {
            spaced.push('_');
        }
        spaced.push(c);
    }
    // Second rule: an underscore between a lower-case letter and a capital.
    let mut name = String::new();
    for (i, &c) in spaced.iter().enumerate() {
        if i > 0 && c.is_ascii_uppercase() && spaced[i - 1].is_ascii_lowercase() {
            name.push('_');
        }
        name.push(c.to_ascii_lowercase());
    }
    name
}

/// The snake case of a class by the name that it has within Keras, of which automatic names and the
/// groups in files are made.
pub fn snake_case_within(class: &str) -> String {
    match class {
        "GroupQueryAttention" => "grouped_query_attention".to_string(),
        class => snake_case(class),
    }
}

/// `Input` layers are called `input_layer`; every other class by its snake case.
pub fn automatic_name(class: &str) -> String {
    if class == "Input" { "input_layer".to_string() } else { snake_case_within(class) }
}

/// The names, with a number behind those that stood before: `y`, `y_1`, `y_2`. The first of a name
/// keeps it.
pub fn distinct(names: Vec<String>) -> Vec<String> {
    let mut taken: HashSet<String> = names.iter().cloned().collect();
    let mut seen: HashSet<String> = HashSet::new();
    names
        .into_iter()
        .map(|name| {
            if seen.insert(name.clone()) {
                return name;
            }
            let mut numbered = (1..).map(|number: usize| format!("{name}_{number}"));
            numbered.find(|free| taken.insert(free.clone())).unwrap_or(name)
        })
        .collect()
}

/// The field of a layer, an input or an output called `name`.
///
/// - ASCII letters and digits stay; any other ASCII character becomes `_`.
/// - A character outside of ASCII becomes `u` and its number in hexadecimal, with a `_` between it
///   and its neighbours: `卷积` is `u5377_u79ef`.
/// - A leading digit gets a `_` before it. A keyword, and a name of nothing but `_`, gets one `_`
///   behind it: `type` is `type_`.
pub fn field_name(name: &str) -> String {
    let mut field = String::new();
    let mut after_number = false;
    for c in name.chars() {
        let is_word = c.is_ascii_alphanumeric();
        let needs_gap = if c.is_ascii() { is_word && after_number } else { !field.is_empty() };
        if needs_gap && !field.ends_with('_') {
            field.push('_');
        }
        match c {
            c if is_word => field.push(c),
            c if c.is_ascii() => field.push('_'),
            c => field.push_str(&format!("u{:x}", u32::from(c))),
        }
        after_number = !c.is_ascii();
    }
    if field.is_empty() || field.starts_with(|c: char| c.is_ascii_digit()) {
        field.insert(0, '_');
    }
    if KEYWORDS.contains(&field.as_str()) || field.chars().all(|c| c == '_') {
        field.push('_');
    }
    field
}

/// Why two names that meet in one field cannot both stay, and what to write: for a message.
/// `what` names their kind, such as `layers`.
pub fn one_field(what: &str, [first, second]: [&str; 2]) -> (String, String) {
    let field = field_name(second);
    let message = format!("the {what} `{first}` and `{second}` meet in one field, `{field}`");
    let help = if first == second {
        format!("put `Identity(name = \"{field}_2\")` behind one of them")
    } else {
        format!(
            "rename one of them, as in `name = \"{field}_2\"`: in a field every character but \
             letters and digits is `_`"
        )
    };
    (message, help)
}

const KEYWORDS: &[&str] = &[
    "Self", "abstract", "as", "async", "await", "become", "box", "break", "const", "continue",
    "crate", "do", "dyn", "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if",
    "impl", "in", "let", "loop", "macro", "match", "mod", "move", "mut", "override", "priv", "pub",
    "ref", "return", "self", "static", "struct", "super", "trait", "true", "try", "type", "typeof",
    "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];

/// The known name that `name` most likely means, if one is near.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = name.to_ascii_lowercase();
    let limit = (wanted.chars().count() / 3).max(1);
    known
        .into_iter()
        .map(|candidate| (edit_distance(&wanted, &candidate.to_ascii_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Insertions, deletions, replacements and swaps of neighbours between two words.
fn edit_distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            rows[i][j] = match (i, j) {
                (i, 0) => i,
                (0, j) => j,
                (i, j) => {
                    let replace = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
                    let mut best = replace.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
                    if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                        best = best.min(rows[i - 2][j - 2] + 1);
                    }
                    best
                }
            };
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_stood_before_are_numbered() {
        let names = ["y", "x", "y", "y", "y_1"].map(String::from).to_vec();
        assert_eq!(distinct(names), ["y", "x", "y_2", "y_3", "y_1"]);
    }

    #[test]
    fn classes_get_keras_names() {
        for (class, name) in [
            ("Conv2D", "conv2d"),
            ("ReLU", "re_lu"),
            ("PReLU", "p_re_lu"),
            ("LeakyReLU", "leaky_re_lu"),
            ("MaxPooling2D", "max_pooling2d"),
            ("BatchNormalization", "batch_normalization"),
            ("Conv2DTranspose", "conv2d_transpose"),
            ("GlobalAveragePooling2D", "global_average_pooling2d"),
            ("LSTM", "lstm"),
            ("ZeroPadding2D", "zero_padding2d"),
        ] {
            assert_eq!(snake_case(class), name);
        }
    }

    #[test]
    fn any_name_becomes_a_field() {
        for (name, field) in [
            ("dense_1", "dense_1"),
            ("block-1", "block_1"),
            ("type", "type_"),
            ("1x1", "_1x1"),
            ("", "__"),
            ("_", "__"),
            ("__", "___"),
            ("Self", "Self_"),
            ("inputs", "inputs"),
            ("卷积", "u5377_u79ef"),
            ("é ü", "ue9_ufc"),
            ("αβ", "u3b1_u3b2"),
            ("conv→1", "conv_u2192_1"),
            ("café_2", "caf_ue9_2"),
            ("😀", "u1f600"),
            ("a\n\"b", "a__b"),
        ] {
            assert_eq!(field_name(name), field);
        }
    }

    #[test]
    fn names_outside_of_ascii_keep_apart() {
        let names = ["卷积", "积卷", "é", "e", "ü", "😀", "🚀", "α", "β"];
        let fields: std::collections::HashSet<String> = names.map(field_name).into();
        assert_eq!(fields.len(), names.len());
    }

    #[test]
    fn misspelt_names_find_their_neighbour() {
        assert_eq!(nearest("Desne", ["Dense", "Dot"]), Some("Dense"));
        assert_eq!(nearest("activaton", ["activation", "units"]), Some("activation"));
        assert_eq!(nearest("LSTM", ["Dense", "Conv2D"]), None);
    }
}
