use super::*;

fn logs(values: &[(&str, f32)]) -> Logs {
    let mut logs = Logs::new();
    values.iter().for_each(|(name, value)| logs.push(name, *value));
    logs
}

/// What Keras writes, with `G`, `W`, `B` and `~` for its colors and `<n>` for `n` backspaces
/// and a return.
fn keras(text: &str) -> String {
    let mut written = String::new();
    for part in text.split('<') {
        let (count, rest) = part.split_once('>').unwrap_or(("", part));
        if part.contains('>') {
            written += &(BACKSPACE.repeat(count.parse().unwrap()) + "\r");
        }
        written += rest;
    }
    let colored = written.replace('G', GREEN).replace('W', WHITE).replace('B', BOLD);
    colored.replace('~', PLAIN)
}

#[test]
fn a_short_epoch_is_drawn_as_by_keras() {
    let mut pass = Pass { seen: 1, ..Pass::default() };
    let first = logs(&[("accuracy", 0.15625), ("loss", 2.35301)]);
    let bar = "<0>B1/3~ G━━━━━━~W━━━━━━━━━━━━━━~ B1s~ 725ms/step - accuracy: 0.1562 - loss: 2.3530";
    assert_eq!(pass.running(Some(3), &first, 0.725), Some(keras(bar)));
    pass.seen = 2;
    let second = logs(&[("accuracy", 0.1), ("loss", 2.4)]);
    assert_eq!(pass.running(Some(3), &second, 0.75), None);
    pass.seen = 3;
    let third = logs(&[("accuracy", 0.0875), ("loss", 2.392)]);
    let bar =
        "<72>B3/3~ G━━━━━━━━━━━━━━━━━━━━~W~ B0s~ 488ms/step - accuracy: 0.0875 - loss: 2.3920";
    assert_eq!(pass.running(Some(3), &third, 1.7), Some(keras(bar)));
    let last = logs(&[("accuracy", 0.0875), ("loss", 2.392), ("val_loss", -2.4244e-4)]);
    let bar = "<72>B3/3~ G━━━━━━━━━━━━━━━━━━━━~W~ B2s~ 587ms/step - accuracy: 0.0875 - loss: \
        2.3920 - val_loss: -2.4244e-04\n";
    assert_eq!(pass.ended(3, &last, 1.9), keras(bar));
}

#[test]
fn a_long_epoch_shows_the_time_left() {
    let mut pass = Pass::default();
    for (now_s, seen, loss, bar) in [
        (2.0, 1, 100.0, "<0>B   1/2500~ W━━━━━━━━━━━━━━━━━━━━~ B1:23:18~ 2s/step - loss: 100.0000"),
        (5.0, 2, 99.5, "<63>B   2/2500~ W━━━━━━━━━━━━━━━━━━━━~ B2:04:54~ 3s/step - loss: 99.5000 "),
        (
            5.5,
            400,
            1.0,
            "<62>B 400/2500~ G━━━~W━━━━━━━━━━━━━━━━━~ B18s~ 9ms/step - loss: 1.0000    ",
        ),
        (
            90.0,
            1300,
            f32::NAN,
            "<58>B1300/2500~ G━━━━━━━━━━~W━━━━━━━━━━~ B1:21~ 68ms/step - loss: nan ",
        ),
    ] {
        pass.seen = seen;
        assert_eq!(pass.running(Some(2500), &logs(&[("loss", loss)]), now_s), Some(keras(bar)));
    }
    let bar = "<57>B2500/2500~ G━━━━━━━━━━━━━━━━━━━━~W~ B91s~ 36ms/step - loss: 9.0000e-04\n";
    assert_eq!(pass.ended(2500, &logs(&[("loss", 9e-4)]), 91.4), keras(bar));
}

#[test]
fn an_epoch_of_unknown_length_has_no_bar_until_its_end() {
    let mut pass = Pass { seen: 1, ..Pass::default() };
    let bar = "<0>      1/Unknown B0s~ 400us/step - loss: 100.0000";
    assert_eq!(pass.running(None, &logs(&[("loss", 100.0)]), 0.0004), Some(keras(bar)));
    pass.seen = 2;
    let bar = "<46>      2/Unknown B0s~ 60ms/step - loss: 9.5000   ";
    let loss = logs(&[("loss", 9.5)]);
    assert_eq!(pass.running(None, &loss, 0.06), Some(keras(bar)));
    let bar = "<43>B2/2~ G━━━━━━━━━━━━━━━━━━━━~W~ B0s~ 150ms/step - loss: 9.5000\n";
    assert_eq!(pass.ended(2, &loss, 0.15), keras(bar));
}

#[test]
fn a_plain_line_is_that_of_keras() {
    let values = logs(&[("accuracy", 0.16), ("loss", -2.2779), ("val_loss", 9e-4)]);
    let line =
        "4/4 - 1s - 281ms/step - accuracy: 0.1600 - loss: -2.2779e+00 - val_loss: 9.0000e-04\n";
    assert_eq!(Pass::default().line(4, &values, 1.125), line);
    assert_eq!(Pass::default().line(0, &values, 1.125), "");
}

#[test]
fn names_stay_where_they_first_appeared() {
    let mut pass = Pass { seen: 1, ..Pass::default() };
    pass.running(Some(1), &logs(&[("loss", 3.0), ("zeta", 2.0)]), 0.5);
    let values = [("loss", 4.0), ("val_loss", 5.0), ("zeta", -2.0), ("learning_rate", 0.5)];
    let text = pass.ended(1, &logs(&values), 2.5);
    let end = "2s/step - loss: 4.0000 - zeta: -2.0000 - val_loss: 5.0000 - learning_rate: 0.5000\n";
    assert!(text.ends_with(end), "{text:?}");
}

#[test]
fn the_number_of_steps_is_known_after_an_epoch() {
    let mut bar = ProgressBar::new(Verbose::Silent, 2, None);
    bar.begin(0);
    (0..7).for_each(|batch| bar.step(batch, &logs(&[("loss", 1.0)])));
    bar.end(&Logs::new());
    assert_eq!(bar.steps, Some(7));
}
