//! A data directory that no station serves, read and never written.

use std::path::Path;

use counterpart_core::ids::{EntryRef, Party};
use counterpart_core::line::Line;
use counterpart_core::link::health::{Cause, Health, State};
use counterpart_core::time::Timestamp;

use crate::api::fault::{Code, Fault, Told};
use crate::api::sight::{body, choose};
use crate::api::views::{self, LineRow, RecordPage, RecordQuery};
use crate::config::{Config, Organisation};
use crate::record::{is_line, load};
use crate::store::{Reader, StoreError};
use crate::view::Sight;
use crate::words::Words;
use crate::words::clocks::{Clocks, Telling};

/// Its lines, folded from the store.
pub(super) struct Unserved<'a> {
    reader: Reader,
    lines: Vec<Line>,
    organisation: Organisation,
    words: &'a Words,
    now: Timestamp,
}

impl<'a> Unserved<'a> {
    pub fn open(data: &Path, words: &'a Words, now: Timestamp) -> Result<Unserved<'a>, Told> {
        let config = Config::load(data).map_err(|e| Fault::new(Code::Configuration).because(&e).tell(words))?;
        let read = || -> Result<(Reader, Vec<Line>), StoreError> {
            let reader = Reader::open(data)?;
            let rows = reader.lines()?;
            let lines =
                rows.iter().filter(|row| is_line(row)).map(|row| load(&reader, row)).collect::<Result<_, _>>()?;
            Ok((reader, lines))
        };
        let (reader, lines) = read().map_err(|e| unreadable(&e, words))?;
        Ok(Unserved { reader, lines, organisation: config.organisation, words, now })
    }

    fn see<T>(&self, line: &Line, show: impl FnOnce(&Sight<'_>) -> T) -> T {
        let clocks = Clocks::of(line, &self.organisation.zone, self.now);
        let bodies = |at: EntryRef| body(&self.reader, line.id(), line.epoch(), at).ok().flatten();
        let telling = Telling { words: self.words, clocks: &clocks };
        show(&Sight { line, bodies: &bodies, telling, epoch_ended: false })
    }

    /// Every line. Of the link nothing is known.
    pub fn lines(&self) -> Vec<LineRow> {
        let health = Health { state: State::Down(Cause::Unknown), evidence: Vec::new() };
        self.lines.iter().map(|line| self.see(line, |sight| views::row(sight, &health))).collect()
    }

    /// One line, or all without a name.
    pub fn each<T>(&self, said: Option<&str>, show: impl Fn(&Sight<'_>) -> T) -> Result<Vec<(String, T)>, Told> {
        let chosen: Vec<&Line> = match said {
            Some(said) => vec![self.choose(Some(said))?],
            None => self.lines.iter().collect(),
        };
        Ok(chosen.into_iter().map(|line| (line.id().to_string(), self.see(line, &show))).collect())
    }

    pub fn one<T>(&self, said: Option<&str>, show: impl FnOnce(&Sight<'_>) -> T) -> Result<T, Told> {
        Ok(self.see(self.choose(said)?, show))
    }

    pub fn page(&self, query: &RecordQuery) -> Result<RecordPage, Told> {
        let line = self.choose(query.line.as_deref())?;
        let sizes = Party::BOTH.map(|party| line.log(party).size());
        let entries = views::entries(&self.reader, line.id(), line.epoch(), sizes, query);
        let entries = entries.map_err(|e| unreadable(&e, self.words))?;
        self.see(line, |sight| views::page(sight, &entries, query))
    }

    fn choose(&self, said: Option<&str>) -> Result<&Line, Told> {
        choose(self.lines.iter(), said).map_err(|fault| fault.tell(self.words))
    }
}

fn unreadable(error: &StoreError, words: &Words) -> Told {
    Fault::new(Code::Unread).because(error).tell(words)
}
