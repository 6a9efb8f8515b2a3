//! Numbers a stream of packets anew, so that pauses leave no gap and no number is ever given twice.
//!
//! It serves both ends of a call: the speaker's station numbers what comes from a browser (which begins anywhere, and anew when
//! the page is loaded anew), and each listener's leg numbers what goes out. There a number given twice would be a nonce used
//! twice, whatever the other side sends (RFC 3711 §9.1).

/// How far a number may be ahead of the last, in packets, before it is taken for a stream that begins anew: a minute of 20 ms.
const AHEAD_MAX: u32 = 3_000;
/// How many packets a late one may be behind the newest, with a bit each in `seen`.
const BEHIND_MAX: u32 = 127;

/// Numbers for one stream.
#[derive(Clone, Debug)]
pub struct Numbering {
    /// The number of the first packet of the next run.
    next: u64,
    run: Option<Run>,
}

/// Packets without a pause between them.
#[derive(Clone, Debug)]
struct Run {
    /// The newest, as it came and as it was numbered.
    newest: u32,
    given: u64,
    /// How far the newest is from the first, at most [`BEHIND_MAX`]: nothing before the first belongs to this run.
    length: u32,
    /// Which of the newest and those before it have come; bit 0 is the newest.
    seen: u128,
}

/// What a packet is called.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Numbered {
    /// Its number; those of one stream are all different.
    pub number: u64,
    /// It is the first of a run.
    pub begins: bool,
    /// How many numbers this run grew by: 0 if the packet came late.
    pub grown: u32,
}

impl Numbering {
    /// The first packet gets the number `first`.
    pub fn from(first: u64) -> Numbering {
        Numbering { next: first, run: None }
    }

    /// What comes next begins a run: what lies between was never sent.
    pub fn pause(&mut self) {
        self.run = None;
    }

    /// Numbers a packet by the number it came with, which goes round. `begins`: its sender says that nothing that was sent is
    /// missing before it. `None` if it came before, or too late to be placed.
    pub fn number(&mut self, sequence: u32, begins: bool) -> Option<Numbered> {
        let ahead = self.run.as_ref().map(|run| sequence.wrapping_sub(run.newest) as i32);
        match (&mut self.run, ahead) {
            (Some(run), Some(ahead @ 1..)) if !begins && ahead.unsigned_abs() <= AHEAD_MAX => {
                let by = ahead.unsigned_abs();
                run.newest = sequence;
                run.given += u64::from(by);
                run.length = (run.length + by).min(BEHIND_MAX);
                run.seen = if by > BEHIND_MAX { 1 } else { run.seen << by | 1 };
                self.next = run.given + 1;
                Some(Numbered { number: run.given, begins: false, grown: by })
            }
            (Some(run), Some(ahead @ ..=0)) if ahead.unsigned_abs() <= AHEAD_MAX => {
                let behind = ahead.unsigned_abs();
                let is_new = behind <= run.length && run.seen & 1 << behind == 0;
                run.seen |= if is_new { 1 << behind } else { 0 };
                is_new.then(|| Numbered { number: run.given - u64::from(behind), begins: false, grown: 0 })
            }
            _ => {
                self.run = Some(Run { newest: sequence, given: self.next, length: 0, seen: 1 });
                self.next += 1;
                Some(Numbered { number: self.next - 1, begins: true, grown: 1 })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(numbering: &mut Numbering, sequences: &[u32]) -> Vec<Option<u64>> {
        sequences.iter().map(|sequence| numbering.number(*sequence, false).map(|n| n.number)).collect()
    }

    #[test]
    fn a_stream_keeps_its_gaps_and_its_order_and_nothing_comes_twice() {
        let mut numbering = Numbering::from(100);

        let given = numbers(&mut numbering, &[u32::MAX, 0, 3, 2, 2, 0, 4]);

        assert_eq!(given, [Some(100), Some(101), Some(104), Some(103), None, None, Some(105)]);
    }

    #[test]
    fn a_pause_leaves_no_gap_and_what_is_late_from_before_it_is_let_go() {
        let mut numbering = Numbering::from(0);

        let before = numbers(&mut numbering, &[7, 9]);
        numbering.pause();
        let after = numbers(&mut numbering, &[500, 499, 8, 501]);

        assert_eq!(before, [Some(0), Some(2)]);
        assert_eq!(after, [Some(3), None, None, Some(4)]);
    }

    #[test]
    fn a_begin_that_is_said_closes_the_gap_and_one_that_is_late_begins_nothing() {
        let mut numbering = Numbering::from(0);
        numbers(&mut numbering, &[1, 2]);

        assert_eq!(numbering.number(90, true), Some(Numbered { number: 2, begins: true, grown: 1 }));
        assert_eq!(numbering.number(92, false), Some(Numbered { number: 4, begins: false, grown: 2 }));
        assert_eq!(numbering.number(91, true), Some(Numbered { number: 3, begins: false, grown: 0 }));
        assert_eq!(numbering.number(89, true), None);
    }

    #[test]
    fn whatever_is_sent_no_number_is_given_twice() {
        let mut chance = 0x2545_f491_4f6c_dd1d_u64; // xorshift64
        let mut next = move |below: u64| {
            chance ^= chance << 13;
            chance ^= chance >> 7;
            chance ^= chance << 17;
            chance % below
        };
        let mut numbering = Numbering::from(1);
        let mut given = std::collections::HashSet::new();
        let mut sequence = 0_u32;

        for _ in 0..200_000 {
            sequence = match next(6) {
                0 => next(1 << 32) as u32,
                1 => sequence.wrapping_sub(next(300) as u32),
                2 => sequence.wrapping_add(next(5_000) as u32),
                3 => next(40) as u32,
                _ => sequence.wrapping_add(1),
            };
            if next(100) == 0 {
                numbering.pause();
            }
            if let Some(numbered) = numbering.number(sequence, next(50) == 0) {
                assert!(given.insert(numbered.number), "{} twice", numbered.number);
            }
        }

        assert!(given.len() > 100_000);
    }
}
