//! A tone for a browser's microphone, as a file (RIFF WAVE, 16 bits, one channel).

use std::f64::consts::TAU;
use std::path::Path;

/// Samples a second.
const RATE: u32 = 48_000;

/// Writes one second of a tone, which a browser plays again and again. A whole number of Hz has no seam.
pub fn write(file: &Path, hz: u32) {
    let sample = |at: u32| (f64::from(at) / f64::from(RATE) * f64::from(hz) * TAU).sin() * 10_000.0;
    let sound: Vec<u8> = (0..RATE).flat_map(|at| (sample(at) as i16).to_le_bytes()).collect();
    let length = sound.len() as u32;
    let mut bytes = Vec::new();
    bytes.extend(b"RIFF");
    bytes.extend((36 + length).to_le_bytes());
    bytes.extend(b"WAVEfmt ");
    bytes.extend(16_u32.to_le_bytes());
    bytes.extend([1_u16, 1].map(u16::to_le_bytes).concat());
    bytes.extend([RATE, RATE * 2].map(u32::to_le_bytes).concat());
    bytes.extend([2_u16, 16].map(u16::to_le_bytes).concat());
    bytes.extend(b"data");
    bytes.extend(length.to_le_bytes());
    bytes.extend(sound);
    std::fs::write(file, bytes).unwrap();
}
