//! Reads the recordings: WAV files in a `tar.gz`, named `DIGIT_SPEAKER_TAKE.wav`.

use std::error::Error;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use flate2::read::GzDecoder;

use crate::frames::RATE;

/// A recording.
pub(crate) struct Recording {
    /// What is said.
    pub(crate) digit: u32,
    /// Which one it is of this digit by this speaker, from 0.
    pub(crate) take: u32,
    /// The sound, between -1 and 1.
    pub(crate) samples: Vec<f32>,
}

/// Bytes of a header of an archive, and of the pieces that files in it are filled up to.
const PIECE: usize = 512;

/// Reads all recordings of an archive. Errors: no such file, with what to do; one that is no
/// archive of mono recordings at 8 kHz.
pub(crate) fn read(path: &Path) -> Result<Vec<Recording>, Box<dyn Error>> {
    let file = File::open(path).map_err(|error| {
        format!("{}: {error}\npoint KERAS_HOME at a folder with this file", path.display())
    })?;
    let mut content = Vec::new();
    GzDecoder::new(BufReader::new(file)).read_to_end(&mut content)?;
    let mut recordings = Vec::new();
    let mut rest = content.as_slice();
    while let Some((header, behind)) = rest.split_at_checked(PIECE) {
        let name = text(&header[..100]);
        if name.is_empty() {
            break;
        }
        let len = usize::from_str_radix(text(&header[124..136]).trim(), 8)?;
        let wav = behind.get(..len).ok_or_else(|| format!("{name} is cut off"))?;
        rest = behind.get(len.next_multiple_of(PIECE)..).unwrap_or(&[]);
        if name.ends_with(".wav") {
            recordings.push(recording(name, wav).map_err(|error| format!("{name}: {error}"))?);
        }
    }
    Ok(recordings)
}

/// The text of a field, which ends at the first zero.
fn text(field: &[u8]) -> &str {
    let end = field.iter().position(|&byte| byte == 0).unwrap_or(field.len());
    std::str::from_utf8(&field[..end]).unwrap_or_default()
}

/// `recordings/7_theo_12.wav`
fn recording(name: &str, wav: &[u8]) -> Result<Recording, Box<dyn Error>> {
    let stem = Path::new(name).file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let mut parts = stem.split('_');
    let (Some(digit), Some(_), Some(take)) = (parts.next(), parts.next(), parts.next()) else {
        return Err("expected a name such as 7_theo_12.wav".into());
    };
    let mut wav = hound::WavReader::new(wav)?;
    let spec = wav.spec();
    if (spec.channels, spec.sample_rate) != (1, RATE) {
        return Err(format!("expected one channel at {RATE} Hz, found {spec:?}").into());
    }
    let samples: Result<Vec<i16>, hound::Error> = wav.samples().collect();
    let samples = samples?.into_iter().map(|sample| f32::from(sample) / 32768.0).collect();
    Ok(Recording { digit: digit.parse()?, take: take.parse()?, samples })
}
