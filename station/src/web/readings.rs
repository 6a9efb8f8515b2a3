//! A local time that the clocks skip or show twice: the page asks which is meant, with a key for each reading.

use counterpart_core::record::what::Offered;

use crate::api::fault::{Code, Fault};
use crate::api::times::Times;

/// Which time is meant, as keys of the form in which it was typed.
pub(super) struct Readings {
    /// What was typed, and why it is asked.
    pub told: String,
    /// What each key sends, and what stands on it.
    pub keys: Vec<(String, String)>,
}

impl Readings {
    /// For what was typed into this field; `None` if its fault is another.
    pub fn of(fault: &Fault, field: &str, told: String) -> Option<Readings> {
        let both = [fault.arg("first")?, fault.arg("second")?];
        let key = |read: &str| {
            let (time, offset) = (read.get(11..16)?, read.get(19..)?);
            // One that comes twice is told by its offset alone.
            let time = if fault.code() == Code::TimeTwice { format!("{time}{offset}") } else { time.to_owned() };
            let fields = serde_urlencoded::to_string([("act", "show"), (field, &time)]).ok()?;
            Some((fields, time))
        };
        let keys = both.iter().map(|read| key(read)).collect::<Option<Vec<_>>>()?;
        Some(Readings { told, keys })
    }
}

/// The window that day, begin and end were typed for; or what is wrong with it, and in which of the fields "from" and "until".
pub(super) fn window(times: &Times, [day, from, until]: [&str; 3]) -> Result<Offered, (&'static str, Fault)> {
    times.time(&format!("{day} {from}")).map_err(|fault| ("from", fault))?;
    times.window(&format!("{day} {from}/{until}")).map_err(|fault| ("until", fault))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn readings(said: &str) -> Option<Vec<(String, String)>> {
        // 2026-03-28T09:00:00Z
        let times = Times::spoken("Europe/Oslo", counterpart_core::time::Timestamp(1_774_688_400_000));
        let fault = times.time(said).unwrap_err();
        Readings::of(&fault, "from-1", String::new()).map(|readings| readings.keys)
    }

    #[test]
    fn a_time_that_is_none_or_two_has_a_key_for_each_reading() {
        let labels = |said: &str| readings(said).unwrap().into_iter().map(|(_, label)| label).collect::<Vec<_>>();

        assert_eq!(labels("2026-03-29 02:30"), ["01:30", "03:30"]);
        assert_eq!(labels("2026-10-25 02:30"), ["02:30+02:00", "02:30+01:00"]);
        let (fields, _) = readings("2026-10-25 02:30").unwrap().remove(0);
        assert_eq!(fields, "act=show&from-1=02%3A30%2B02%3A00");
        assert!(readings("noon").is_none());
    }
}
