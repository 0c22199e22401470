//! The summary of a model: Keras' table, letter for letter, and a shorter one in Markdown for
//! documentation.
//!
//! Keras prints with the Python package `rich`, so the widths and the breaking of lines are
//! `rich`'s. Source: Keras 3.15 `utils/summary_utils.py`; rich 14 `table.py`, `_wrap.py`.

use crate::plan::{Description, LayerInfo};

/// How a summary is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Characters in a line of the terminal; the table is narrower by 4, as Keras has it.
    pub columns: usize,
    /// Whether the layers of nested models are listed.
    pub expand_nested: bool,
    /// Number of the optimizer's variables, of four bytes each, once there is one.
    pub optimizer_params: Option<usize>,
}

impl Default for Style {
    fn default() -> Style {
        Style { columns: 80, expand_nested: false, optimizer_params: None }
    }
}

/// Widest table of layers in a row.
const LINE_LEN: usize = 88;
/// Widest table with the column `Connected to`.
const CONNECTED_LINE_LEN: usize = 108;
/// Narrowest table; Keras refuses a narrower one.
const MIN_LINE_LEN: usize = 30;
/// Where columns end, as a fraction of the line.
const ENDS: &[f64] = &[0.45, 0.80, 1.0];
const CONNECTED_ENDS: &[f64] = &[0.3, 0.56, 0.74, 1.0];
const PARAM_BYTES: usize = 4;

/// Keras' summary of a model; ends with a line break.
pub fn summary(description: &Description, style: Style) -> String {
    let connected = is_connected(description);
    let (most, ends) =
        if connected { (CONNECTED_LINE_LEN, CONNECTED_ENDS) } else { (LINE_LEN, ENDS) };
    let widths = column_widths(most.min(style.columns.saturating_sub(4)).max(MIN_LINE_LEN), ends);
    let mut table = Table { widths, out: format!("Model: \"{}\"\n", description.name) };
    let header = ["Layer (type)", "Output Shape", "Param #", "Connected to"];
    table.rule("┏━┳┓");
    table.row(&header.map(str::to_string), '┃');
    let layers = description.layers.iter().filter(|l| style.expand_nested || nesting(l) == 0);
    for (i, layer) in layers.enumerate() {
        table.rule(if i == 0 { "┡━╇┩" } else { "├─┼┤" });
        table.row(&cells(layer), '│');
    }
    table.rule("└─┴┘");
    table.out + &totals(description, style.optimizer_params)
}

/// How many models a layer is nested in.
fn nesting(layer: &LayerInfo) -> usize {
    layer.path.matches("/layers/").count()
}

/// Whether the column `Connected to` is shown: the layers do not simply follow each other.
fn is_connected(description: &Description) -> bool {
    let layers: Vec<&LayerInfo> = description.layers.iter().filter(|l| nesting(l) == 0).collect();
    let follows = |pair: &[&LayerInfo]| match &pair[1].connected_to[..] {
        [only] => only.strip_prefix(&*pair[0].name).is_some_and(|rest| rest == "[0][0]"),
        _ => false,
    };
    description.class == "Functional" && !layers.windows(2).all(follows)
}

fn cells(layer: &LayerInfo) -> [String; 4] {
    let prefix = match nesting(layer) {
        0 => String::new(),
        depth => format!("{}└ ", "   ".repeat(depth)),
    };
    // The calls within a nested model are not the outer model's.
    let connected = match nesting(layer) {
        0 if !layer.connected_to.is_empty() => layer.connected_to.join(", "),
        _ => "-".to_string(),
    };
    let (name, shape) = (&layer.name, shape(layer));
    [format!("{prefix}{name} ({})", layer.class), shape, thousands(layer.params), connected]
}

/// The shape with Keras' `None` for the batch; a lone batch has no comma behind it.
fn shape(layer: &LayerInfo) -> String {
    let extents: Vec<String> = layer.output_shape.iter().map(usize::to_string).collect();
    format!("({})", [&["None".to_string()], extents.as_slice()].concat().join(", "))
}

fn totals(description: &Description, optimizer: Option<usize>) -> String {
    let count = |trainable: bool| -> usize {
        let weights = description.weights.iter().filter(|w| w.trainable == trainable);
        weights.map(|w| w.shape.iter().product::<usize>()).sum()
    };
    let (trained, fixed) = (count(true), count(false));
    let mut lines = vec![
        ("Total", trained + fixed + optimizer.unwrap_or(0)),
        ("Trainable", trained),
        ("Non-trainable", fixed),
    ];
    lines.extend(optimizer.map(|count| ("Optimizer", count)));
    let line = |(what, count): (&str, usize)| {
        format!(" {what} params: {} ({})\n", thousands(count), size(count * PARAM_BYTES))
    };
    lines.into_iter().map(line).collect()
}

/// A number with a comma between each three digits.
fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A size in units of 1024.
fn size(bytes: usize) -> String {
    let mut value = bytes as f64;
    for unit in ["B", "KB", "MB", "GB", "TB"] {
        if value < 1024.0 {
            return format!("{value:.2} {unit}");
        }
        value /= 1024.0;
    }
    format!("{value:.2} PB")
}

/// Widths of the cells, spaces at their sides included. The columns ask for 3 characters more each
/// than there are, and one; `rich` takes them back evenly, and the surplus from the last column but
/// one.
fn column_widths(line_len: usize, ends: &[f64]) -> Vec<usize> {
    let mut from = 0;
    let mut widths = Vec::new();
    for (i, end) in ends.iter().enumerate() {
        let to = (end * line_len as f64) as usize;
        let surplus = if i + 2 == ends.len() { 2 } else { 1 };
        widths.push(to - from - surplus);
        from = to;
    }
    widths
}

struct Table {
    widths: Vec<usize>,
    out: String,
}

impl Table {
    /// A horizontal line made of a left end, a dash, a crossing and a right end.
    fn rule(&mut self, parts: &str) {
        let parts: Vec<char> = parts.chars().collect();
        for (i, &width) in self.widths.iter().enumerate() {
            self.out.push(parts[if i == 0 { 0 } else { 2 }]);
            self.out.extend(std::iter::repeat_n(parts[1], width));
        }
        self.out.push(parts[3]);
        self.out.push('\n');
    }

    fn row(&mut self, cells: &[String], bar: char) {
        let columns: Vec<Vec<String>> =
            self.widths.iter().zip(cells).map(|(&width, cell)| wrap(cell, width - 2)).collect();
        let height = columns.iter().map(Vec::len).max().unwrap_or(0);
        for line in 0..height {
            for (i, (column, &width)) in columns.iter().zip(&self.widths).enumerate() {
                let text = column.get(line).map_or("", String::as_str);
                let width = width - 2;
                // Numbers stand to the right.
                let cell =
                    if i == 2 { format!("{text:>width$}") } else { format!("{text:<width$}") };
                self.out.extend([bar.to_string(), format!(" {cell} ")]);
            }
            self.out.push(bar);
            self.out.push('\n');
        }
    }
}

/// Breaks a text between words; a word longer than a line is cut.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut free = width;
    for word in words(text) {
        let len = word.trim_end().chars().count();
        if len > free && free < width {
            lines.push(String::new());
            free = width;
        }
        for c in word.chars() {
            if free == 0 && len > width {
                lines.push(String::new());
                free = width;
            }
            if let Some(line) = lines.last_mut() {
                line.push(c);
            }
            free = free.saturating_sub(1);
        }
    }
    lines.iter().map(|line| line.trim_end().to_string()).collect()
}

/// The words of a text, each with the spaces behind it; the first with those before it too.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut from = 0;
    let mut inside = false;
    for (i, c) in text.char_indices() {
        if c.is_whitespace() {
            continue;
        }
        let after_space = text[..i].ends_with(char::is_whitespace);
        if inside && after_space {
            words.push(&text[from..i]);
            from = i;
        }
        inside = true;
    }
    words.push(&text[from..]);
    words
}

/// The layers as a Markdown table, those of nested models included, and the number of parameters.
pub fn doc_table(description: &Description) -> String {
    let mut out = String::from("| layer | output shape | parameters |\n|---|---|--:|\n");
    for layer in description.layers.iter() {
        let indent = "&emsp;".repeat(nesting(layer));
        let (name, class) = (&layer.name, &layer.class);
        let shape = shape(layer).replacen("None", "batch", 1);
        out += &format!("| {indent}`{name}` ({class}) | {shape} | {} |\n", thousands(layer.params));
    }
    let weights = description.weights.iter();
    let total: usize = weights.map(|w| w.shape.iter().product::<usize>()).sum();
    out + &format!("\nParameters: {} ({})\n", thousands(total), size(total * PARAM_BYTES))
}

#[cfg(test)]
mod tests;
