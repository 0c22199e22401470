//! Forecasts the air of Beijing: the fine dust (PM2.5) of the next day at this hour, from the dust
//! and the weather of the last three days.
//!
//! Reads `$KERAS_HOME/datasets/timeseries/beijing_pm25_hourly.csv.gz`, five years of hours. The
//! first 70 % are learned, the last 15 % are tested. Prints the mean absolute error of the model
//! and that of persistence, which says that nothing changes; the last line is `gain: X`, their
//! ratio, with X of about 1.16.

#[path = "data/mod.rs"]
mod data;

use std::error::Error;

use keras::prelude::*;

model! {
    /// By how much the logarithm of the dust changes.
    pub struct Forecast;

    const STEPS: usize = 72;
    const FEATURES: usize = 14;

    Sequential([
        Input(shape = (STEPS, FEATURES)),
        LSTM(32),
        Dropout(0.2),
        Dense(1),
    ])
}

/// How many hours ahead is forecast.
const AHEAD: usize = 24;
/// The winds of the file; `cv` is calm or variable.
const WINDS: [&str; 4] = ["NW", "NE", "SE", "cv"];

/// One line of the file.
struct Hour {
    /// Micrograms in a cubic metre, if they were measured.
    dust: Option<f32>,
    /// What the model reads: the dust that was measured last, the weather, the wind and the time.
    features: [f32; Forecast::FEATURES],
}

/// The scale on which dust is learned: an error counts by its share.
fn logarithm(dust: f32) -> f32 {
    dust.max(0.0).ln_1p()
}

/// Two numbers that are close for neighbouring times of a cycle.
fn cycle(time: f32, period: f32) -> [f32; 2] {
    let angle = std::f32::consts::TAU * time / period;
    [angle.sin(), angle.cos()]
}

/// Reads the columns `No, year, month, day, hour, pm2.5, DEWP, TEMP, PRES, cbwd, Iws, Is, Ir`; `NA`
/// is a dust that was not measured.
fn hours(file: &str) -> Result<Vec<Hour>, Box<dyn Error>> {
    let mut last = 0.0;
    let mut hours = Vec::new();
    for (line, number) in file.lines().skip(1).zip(2..) {
        let columns: Vec<&str> = line.split(',').collect();
        let &[_, _, month, _, hour, dust, dew, heat, pressure, wind, speed, snow, rain] =
            &columns[..]
        else {
            let found = columns.len();
            return Err(format!("line {number}: expected 13 columns, found {found}").into());
        };
        let read = |column: &str| -> Result<f32, Box<dyn Error>> {
            let wrong = |_| format!("line {number}: expected a number, found `{column}`").into();
            column.parse().map_err(wrong)
        };
        let dust = if dust == "NA" { None } else { Some(read(dust)?) };
        last = dust.map_or(last, logarithm);
        let blows = WINDS.map(|known| if wind == known { 1.0 } else { 0.0 });
        let [hour, month] = [cycle(read(hour)?, 24.0), cycle(read(month)?, 12.0)];
        let wet = if read(snow)? + read(rain)? > 0.0 { 1.0 } else { 0.0 };
        hours.push(Hour {
            dust,
            // Each is of the size of 1, so that none outweighs the others at the start.
            features: [
                last - 4.0,
                read(dew)? / 15.0,
                read(heat)? / 15.0 - 1.0,
                read(pressure)? / 10.0 - 101.6,
                read(speed)?.ln_1p() - 2.0,
                wet,
                blows[0],
                blows[1],
                blows[2],
                blows[3],
                hour[0],
                hour[1],
                month[0],
                month[1],
            ],
        });
    }
    Ok(hours)
}

/// What is learned or tested.
#[derive(Default)]
struct Windows {
    /// The hours before a forecast.
    x: Vec<[[f32; Forecast::FEATURES]; Forecast::STEPS]>,
    /// The change of the logarithm.
    y: Vec<[f32; 1]>,
    /// The dust of the last hour of the window, and that to be forecast.
    dust: Vec<[f32; 2]>,
}

/// The windows within some hours whose last dust and whose target were measured.
fn windows(hours: &[Hour]) -> Windows {
    let mut windows = Windows::default();
    for window in hours.windows(Forecast::STEPS + AHEAD) {
        let now = window[Forecast::STEPS - 1].dust;
        let Some((now, then)) = now.zip(window[Forecast::STEPS + AHEAD - 1].dust) else { continue };
        windows.x.push(std::array::from_fn(|step| window[step].features));
        windows.y.push([logarithm(then) - logarithm(now)]);
        windows.dust.push([now, then]);
    }
    windows
}

/// The mean distance of forecasts from the dust that was measured.
fn mean_absolute_error(windows: &Windows, forecast: impl Fn(usize, f32) -> f32) -> f32 {
    let dust = windows.dust.iter().enumerate();
    let errors = dust.map(|(i, &[now, then])| (forecast(i, now) - then).abs());
    errors.sum::<f32>() / windows.dust.len() as f32
}

fn main() -> Result<(), Box<dyn Error>> {
    let hours = hours(&data::read("timeseries/beijing_pm25_hourly.csv.gz")?)?;
    let (known, test) = hours.split_at(hours.len() * 85 / 100);
    let (train, validation) = known.split_at(hours.len() * 70 / 100);
    let [train, validation, test] = [train, validation, test].map(windows);

    let mut model = Forecast::seeded(1);
    println!("{}", model.summary());
    let mut training = model.compile(
        Adam { learning_rate: 3e-4, ..Adam::default() },
        // The median of the logarithm is the logarithm of the median, which is what the mean
        // absolute error of the dust asks for.
        MeanAbsoluteError::default(),
    );
    let stopping = EarlyStopping { patience: 3, restore_best_weights: true, ..Default::default() };
    training.fit(
        &train.x,
        &train.y,
        Fit {
            batch_size: 64,
            epochs: 12,
            validation_data: Some((&validation.x, &validation.y)),
            callbacks: vec![Box::new(stopping)],
            ..Fit::default()
        },
    )?;
    let changes = model.predict(&test.x);
    let errors = [
        mean_absolute_error(&test, |i, now| (logarithm(now) + changes[i][0]).exp_m1()),
        mean_absolute_error(&test, |_, now| now),
    ];
    println!("mae: {:.2}, persistence: {:.2}", errors[0], errors[1]);
    println!("gain: {:.3}", errors[1] / errors[0]);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "No,year,month,day,hour,pm2.5,DEWP,TEMP,PRES,cbwd,Iws,Is,Ir\n";

    /// A file of hours with this dust.
    fn file(dust: &[&str]) -> String {
        let lines = dust.iter().map(|dust| format!("7,2010,3,2,6,{dust},-15,30,1026,NE,0,1,0\n"));
        HEADER.to_string() + &lines.collect::<String>()
    }

    #[test]
    fn a_dust_that_was_not_measured_is_the_one_before() {
        let hours = hours(&file(&["19", "NA"])).unwrap();
        assert_eq!([hours[0].dust, hours[1].dust], [Some(19.0), None]);
        assert_eq!(hours[0].features, hours[1].features);
        let expected = [20f32.ln() - 4.0, -1.0, 1.0, 1.0, -2.0, 1.0, 0.0, 1.0, 0.0, 0.0, 1.0];
        for (found, expected) in hours[0].features.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-4, "{found} {expected}");
        }
    }

    #[test]
    fn a_forecast_needs_its_last_hour_and_its_target() {
        let mut dust = ["9"; Forecast::STEPS + AHEAD + 3];
        dust[Forecast::STEPS] = "NA";
        dust[Forecast::STEPS + AHEAD - 1] = "19";
        dust[Forecast::STEPS + AHEAD + 1] = "NA";
        let windows = windows(&hours(&file(&dust)).unwrap());
        assert_eq!(windows.dust, [[9.0, 19.0], [9.0, 9.0]]);
        assert_eq!(windows.y[0], [20f32.ln() - 10f32.ln()]);
        assert_eq!(mean_absolute_error(&windows, |i, now| now + 4.0 * i as f32), 7.0);
    }

    #[test]
    fn a_wrong_line_is_named() {
        let error = |lines: &str| hours(&(HEADER.to_string() + lines)).err().unwrap().to_string();
        assert_eq!(error("1,2010\n"), "line 2: expected 13 columns, found 2");
        let lines = file(&["1", "much"]).replace(HEADER, "");
        assert_eq!(error(&lines), "line 3: expected a number, found `much`");
    }
}
