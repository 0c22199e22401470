//! Arguments of layers and models: values sorted by parameter, where each stands, and what is wrong
//! with them.

use keras_graph::network::LayerId;
use keras_graph::schema::{ArgumentError, At};
use keras_graph::value as graph;

use crate::ast::{self, ExprKind, Name};
use crate::builder::Held;
use crate::errors::Spot;
use crate::evaluate::Evaluator;
use crate::names::nearest;
use crate::value::{Given, Value};

impl Evaluator<'_> {
    /// Arguments by parameter. Unknown, surplus and repeated ones are noted.
    pub(crate) fn sorted<'g, const N: usize>(
        &mut self,
        class: &Name,
        parameters: &[&str],
        wanted: [&str; N],
        given: &'g [Given],
    ) -> [Option<&'g Given>; N] {
        let mut sorted = [None; N];
        for (i, argument) in given.iter().enumerate() {
            let name = match &argument.name {
                Some(name) => Some(&*name.text),
                None => parameters.get(i).copied(),
            };
            let known = name.filter(|name| parameters.contains(name));
            let place = argument.name.as_ref().map_or(argument.spot, |name| name.spot);
            match (known, name) {
                (Some(known), _) => {
                    let Some(at) = wanted.iter().position(|wanted| *wanted == known) else {
                        continue;
                    };
                    if sorted[at].is_some() {
                        self.wrong(place, format!("`{known}` is given twice"), "");
                    }
                    sorted[at] = Some(argument);
                }
                (None, Some(name)) => {
                    let help = match nearest(name, parameters.iter().copied()) {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => format!("`{}` takes: {}", class.text, parameters.join(", ")),
                    };
                    self.wrong(place, format!("`{}` has no argument `{name}`", class.text), &help);
                }
                (None, None) => {
                    let message =
                        format!("`{}` takes at most {} arguments", class.text, parameters.len());
                    self.wrong(place, message, "");
                }
            }
        }
        sorted
    }

    /// The name that the user gave, or an automatic one.
    pub(crate) fn chosen_name(&mut self, class: &str, given: Option<&Given>) -> String {
        match given.map(|given| (&given.value, given.spot)) {
            Some((Value::Str(name), _)) if !name.is_empty() => return name.to_string(),
            None | Some((Value::Unknown | Value::None, _)) => {}
            Some((other, spot)) => {
                self.wrong(spot, format!("`name` expects a string, found {other}"), "");
            }
        }
        self.builder.next_name(class)
    }

    pub(crate) fn trainable(&mut self, given: Option<&Given>) -> bool {
        match given.map(|given| (&given.value, given.spot)) {
            None | Some((Value::Unknown, _)) => true,
            Some((Value::Bool(trainable), _)) => *trainable,
            Some((other, spot)) => {
                self.wrong(
                    spot,
                    format!("`trainable` expects `True` or `False`, found {other}"),
                    "",
                );
                true
            }
        }
    }

    /// Arguments as a layer reads them, and which of them are unknown (`None` stands in their
    /// place).
    pub(crate) fn arguments(
        &mut self,
        class: &str,
        given: &[Given],
    ) -> (Vec<graph::Argument>, Vec<usize>) {
        let mut unknown = Vec::new();
        let mut arguments = Vec::with_capacity(given.len());
        for (i, argument) in given.iter().enumerate() {
            let value = match &argument.value {
                value if value.is_unknown() => None,
                value => self.argument(class, value, argument.spot),
            };
            if value.is_none() {
                unknown.push(i);
            }
            let name = argument.name.as_ref().map(|name| name.text.to_string());
            arguments.push(graph::Argument { name, value: value.unwrap_or(graph::Value::None) });
        }
        (arguments, unknown)
    }

    /// A value as a layer reads it, with the layers in it, such as a list of cells.
    fn argument(&mut self, class: &str, value: &Value, spot: Spot) -> Option<graph::Value> {
        match value {
            Value::Layer(layer) => self.wrapped(*layer, spot),
            Value::List(list) => {
                let items = list.items.iter().map(|item| self.argument(class, item, spot));
                items.collect::<Option<Vec<_>>>().map(graph::Value::List)
            }
            value => {
                let argument = value.argument();
                if argument.is_none() {
                    self.no_argument(class, value, spot);
                }
                argument
            }
        }
    }

    fn no_argument(&mut self, class: &str, value: &Value, spot: Spot) {
        let help = match value {
            Value::Tensor(_) => format!(
                "write `{class}(..)(x)`: the first brackets make the layer, the second call it"
            ),
            Value::Template(_) => "functions of tensors are made of layers".to_string(),
            Value::Range { .. } => "write a list: `[0, 1, 2]`".to_string(),
            _ => String::new(),
        };
        self.wrong(spot, format!("{} is no argument of `{class}`", value.kind()), &help);
    }

    /// A layer that another one wraps, as that one reads it.
    fn wrapped(&mut self, layer: LayerId, spot: Spot) -> Option<graph::Value> {
        let made = &mut self.builder.made[layer.0];
        if made.held == Held::Not {
            made.held = Held::Function;
        }
        match &made.object {
            Some(object) => Some(graph::Value::Layer(object.clone())),
            None => {
                self.wrong(spot, "a model cannot be wrapped by a layer", "wrap each of its layers");
                None
            }
        }
    }

    /// Notes why arguments were refused. Those that are unknown were told before.
    pub(crate) fn argument_errors(
        &mut self,
        class: Spot,
        given: &[Given],
        errors: Vec<ArgumentError>,
        unknown: &[usize],
    ) {
        // A misspelt keyword is most likely the one that is missing.
        let is_misspelt = errors.iter().any(|error| matches!(error.at, At::Keyword(_)));
        for error in errors {
            let is_told = match error.at {
                At::Value(i) => unknown.contains(&i),
                At::Call => is_misspelt,
                At::Keyword(_) => false,
            };
            if !is_told {
                self.argument_error(class, given, error);
            }
        }
    }

    /// Notes why an argument was refused, at the token that is wrong.
    fn argument_error(&mut self, class: Spot, given: &[Given], error: ArgumentError) {
        let spot = match error.at {
            At::Call => class,
            At::Keyword(i) => given.get(i).map_or(class, keyword_spot),
            At::Value(i) => given.get(i).map_or(class, |given| given.spot),
        };
        let unread = given
            .iter()
            .find(|given| given.spot.order == spot.order && matches!(given.value, Value::None));
        let expanding = self.expanding_note();
        let mistake = self.mistakes.add(spot, error.message);
        if let Some(help) = error.help {
            mistake.help(help);
        } else if unread.is_some() {
            mistake.help("every extent but the batch is known while compiling: write a number");
        }
        if let Some(note) = expanding {
            mistake.note(note);
        }
    }
}

/// Where an argument stands: its keyword, or its value.
fn keyword_spot(given: &Given) -> Spot {
    given.name.as_ref().map_or(given.spot, |name| name.spot)
}

/// The list that an argument was written as, if it was written as one of this length.
pub(crate) fn written_list<'e>(
    given: &Given,
    written: &'e [ast::Argument],
    len: usize,
) -> Option<&'e [ast::Expr]> {
    let argument = written.iter().find(|argument| argument.value.spot.order == given.spot.order)?;
    match &argument.value.kind {
        ExprKind::List(items) if items.len() == len => Some(items),
        _ => None,
    }
}

/// Where the items of a list stand.
pub(crate) fn item_spots(given: &Given, written: &[ast::Argument], len: usize) -> Vec<Spot> {
    match written_list(given, written, len) {
        Some(items) => items.iter().map(|item| item.spot).collect(),
        None => vec![given.spot; len],
    }
}

/// Where the name of a model stands, if it is given.
pub(crate) fn name_places(given: &[Given]) -> Vec<(String, Spot)> {
    let is_name = |given: &&Given| given.name.as_ref().is_some_and(|name| &*name.text == "name");
    given.iter().filter(is_name).map(|given| ("name".to_string(), given.spot)).collect()
}
