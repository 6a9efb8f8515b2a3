//! How an Opus packet is framed (RFC 6716 §3). What is in the frames is never looked at.

use crate::codec::PayloadFault;

/// 120 ms (RFC 6716 §3.2.5, R5), in ticks of 48 kHz.
const TICKS_MAX: u32 = 5_760;
/// One frame (RFC 6716 §3.2.1, R2).
const FRAME_BYTES_MAX: usize = 1_275;

/// How long a packet lasts, in ticks of 48 kHz.
///
/// # Errors
/// [`PayloadFault`]: it breaks one of the rules R1 to R7 of RFC 6716 §3.4.
pub fn ticks(packet: &[u8]) -> Result<u32, PayloadFault> {
    let (toc, rest) = packet.split_first().ok_or(PayloadFault::Empty)?;
    let each = frame_ticks(toc >> 3);
    let frames = match toc & 3 {
        0 => fits(rest.len(), 1)?,
        1 => equal(rest.len(), 2)?,
        2 => {
            let (first, rest) = length(rest)?;
            fits(first, 1)?;
            fits(rest.len().checked_sub(first).ok_or(PayloadFault::Unframed)?, 2)?
        }
        _ => any_number(rest)?,
    };
    let ticks = each * frames;
    if ticks > TICKS_MAX { Err(PayloadFault::TooLong) } else { Ok(ticks) }
}

/// The length of one frame of a configuration (RFC 6716 §3.1, table 2).
fn frame_ticks(configuration: u8) -> u32 {
    let step = usize::from(configuration & 3);
    match configuration {
        0..=11 => [480, 960, 1_920, 2_880][step],
        12..=15 => [480, 960][step & 1],
        _ => [120, 240, 480, 960][step],
    }
}

fn fits(bytes: usize, frames: u32) -> Result<u32, PayloadFault> {
    if bytes > FRAME_BYTES_MAX { Err(PayloadFault::Unframed) } else { Ok(frames) }
}

/// So many frames of one length.
fn equal(bytes: usize, frames: u32) -> Result<u32, PayloadFault> {
    let each = bytes / frames as usize;
    if each * frames as usize == bytes { fits(each, frames) } else { Err(PayloadFault::Unframed) }
}

/// A frame's length in one or two bytes (RFC 6716 §3.2.1), and what follows it.
fn length(bytes: &[u8]) -> Result<(usize, &[u8]), PayloadFault> {
    match bytes {
        [first @ 0..=251, rest @ ..] => Ok((usize::from(*first), rest)),
        [first, second, rest @ ..] => Ok((usize::from(*first) + 4 * usize::from(*second), rest)),
        _ => Err(PayloadFault::Unframed),
    }
}

/// Code 3 (RFC 6716 §3.2.5): a count, padding, and frames of one length or of several.
fn any_number(bytes: &[u8]) -> Result<u32, PayloadFault> {
    let (count, mut rest) = bytes.split_first().ok_or(PayloadFault::Unframed)?;
    let frames = u32::from(count & 0x3f);
    if frames == 0 || frames > TICKS_MAX / 120 {
        return Err(PayloadFault::Unframed);
    }
    if count & 0x40 != 0 {
        rest = unpadded(rest)?;
    }
    if count & 0x80 == 0 {
        return equal(rest.len(), frames);
    }
    let mut sum = 0;
    for _ in 1..frames {
        let (one, after) = length(rest)?;
        fits(one, 1)?;
        (sum, rest) = (sum + one, after);
    }
    fits(rest.len().checked_sub(sum).ok_or(PayloadFault::Unframed)?, frames)
}

/// What is left without padding: its length comes first, 254 for each byte of 255.
fn unpadded(bytes: &[u8]) -> Result<&[u8], PayloadFault> {
    let full = bytes.iter().take_while(|byte| **byte == 255).count();
    let last = bytes.get(full).ok_or(PayloadFault::Unframed)?;
    let rest = &bytes[full + 1..];
    let padding = 254 * full + usize::from(*last);
    let kept = rest.len().checked_sub(padding).ok_or(PayloadFault::Unframed)?;
    Ok(&rest[..kept])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A table of contents: configuration, mono, code.
    fn toc(configuration: u8, code: u8) -> u8 {
        configuration << 3 | code
    }

    fn of(first: u8, rest: &[u8]) -> Vec<u8> {
        [&[first][..], rest].concat()
    }

    #[test]
    fn the_length_of_a_packet_is_that_of_its_frames() {
        let twenty = toc(19, 0); // CELT, 20 ms

        assert_eq!(ticks(&of(twenty, &[7; 80])), Ok(960));
        assert_eq!(ticks(&of(twenty, &[])), Ok(960), "a frame of no bytes: nothing is sent for its time");
        assert_eq!(ticks(&of(toc(3, 0), &[7; 80])), Ok(2_880), "SILK, 60 ms");
        assert_eq!(ticks(&of(toc(13, 1), &[7; 80])), Ok(1_920), "two of 20 ms");
        assert_eq!(ticks(&of(toc(19, 2), &[of(3, &[7; 3]), vec![7; 9]].concat())), Ok(1_920));
        assert_eq!(ticks(&of(toc(16, 3), &of(4, &[7; 8]))), Ok(480), "four of 2.5 ms");
    }

    #[test]
    fn frames_of_several_lengths_and_padding_are_counted() {
        let several = [0x80 | 3, 2, 5, 1, 1, 2, 2, 2, 2, 2, 3, 3];
        let padded = of(0x40 | 2, &of(2, &[7, 7, 7, 7, 0, 0]));
        let long = of(0x40 | 1, &[&[255, 0, 7][..], &[0; 254]].concat());

        assert_eq!(ticks(&of(toc(19, 3), &several)), Ok(2_880));
        assert_eq!(ticks(&of(toc(19, 3), &padded)), Ok(1_920));
        assert_eq!(ticks(&of(toc(19, 3), &long)), Ok(960));
    }

    #[test]
    fn what_breaks_a_rule_of_the_standard_is_refused() {
        let unframed = Err(PayloadFault::Unframed);

        assert_eq!(ticks(&[]), Err(PayloadFault::Empty));
        assert_eq!(ticks(&of(toc(19, 0), &[7; 1_276])), unframed, "R2");
        assert_eq!(ticks(&of(toc(19, 1), &[7; 5])), unframed, "R3");
        assert_eq!(ticks(&of(toc(19, 2), &[9, 7, 7])), unframed, "R4");
        assert_eq!(ticks(&of(toc(19, 2), &[252])), unframed, "R4");
        assert_eq!(ticks(&of(toc(19, 3), &[])), unframed, "no count");
        assert_eq!(ticks(&of(toc(19, 3), &[0])), unframed, "R5: none");
        assert_eq!(ticks(&of(toc(3, 3), &of(3, &[7; 3]))), Err(PayloadFault::TooLong), "R5: 180 ms");
        assert_eq!(ticks(&of(toc(19, 3), &of(3, &[7; 4]))), unframed, "R6");
        assert_eq!(ticks(&of(toc(19, 3), &[0x40 | 1, 9, 7])), unframed, "R6: padding");
        assert_eq!(ticks(&of(toc(19, 3), &[0x40 | 1, 255])), unframed, "R6: padding without an end");
        assert_eq!(ticks(&of(toc(19, 3), &[0x80 | 2, 9, 7])), unframed, "R7");
    }
}
