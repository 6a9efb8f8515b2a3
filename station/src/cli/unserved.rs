//! A data directory that no station serves, read and never written.

use std::io::{self, Write};
use std::path::Path;

use counterpart_core::ids::{EntryRef, Epoch};
use counterpart_core::line::Line;
use counterpart_core::link::health::{Cause, Health, State};
use counterpart_core::time::Timestamp;

use crate::api::export::Export;
use crate::api::fault::{Code, Fault, Told};
use crate::api::sight::{body, choose, epoch_of};
use crate::api::views::{self, LineRow, RecordPage, RecordQuery, UnreadView};
use crate::config::Config;
use crate::record::{Unread, is_line, load};
use crate::store::{Reader, StoreError};
use crate::view::Sight;
use crate::view::lines::ObservedView;
use crate::words::Words;
use crate::words::clocks::{Clocks, Telling};

/// Its lines, folded from the store.
pub(super) struct Unserved<'a> {
    reader: Reader,
    lines: Vec<Line>,
    unread: Vec<Unread>,
    /// Our zone as the configuration has it; `None` if that cannot be read.
    zone: Option<String>,
    words: &'a Words,
    now: Timestamp,
}

impl<'a> Unserved<'a> {
    pub fn open(data: &Path, words: &'a Words, now: Timestamp) -> Result<Unserved<'a>, Told> {
        // A broken configuration keeps nobody from the record: it is said, and all else stands in the record.
        let zone = match Config::load(data) {
            Ok(config) => Some(config.organisation.zone),
            Err(wrong) => {
                let told = Fault::new(Code::Configuration).because(&wrong).tell(words);
                let without = words.say("unserved-without", &[]);
                // Nobody reads a standard error that is closed.
                let _ = writeln!(io::stderr(), "{}\n{}\n{without}", told.what, told.instead);
                None
            }
        };
        let read = || -> Result<(Reader, Vec<Line>, Vec<Unread>), StoreError> {
            let reader = Reader::open(data)?;
            let (mut lines, mut unread) = (Vec::new(), Vec::new());
            for row in reader.lines()?.iter().filter(|row| is_line(row)) {
                match load(&reader, row) {
                    Ok(line) => lines.push(line),
                    Err(error @ StoreError::Line { .. }) => unread.push(Unread::of(row, &error)),
                    Err(error) => return Err(error),
                }
            }
            Ok((reader, lines, unread))
        };
        let (reader, lines, unread) = read().map_err(|e| unreadable(&e, words))?;
        Ok(Unserved { reader, lines, unread, zone, words, now })
    }

    fn see<T>(&self, line: &Line, show: impl FnOnce(&Sight<'_>) -> T) -> T {
        self.see_in(line, line.epoch(), show)
    }

    fn see_in<T>(&self, line: &Line, epoch: Epoch, show: impl FnOnce(&Sight<'_>) -> T) -> T {
        let zone = self.zone.as_deref().unwrap_or(&line.charter().party(line.me()).zone);
        let clocks = Clocks::of(line, zone, self.now);
        let bodies = |epoch: Epoch, at: EntryRef| body(&self.reader, line.id(), epoch, at).ok().flatten();
        let telling = Telling { words: self.words, clocks: &clocks };
        show(&Sight { line, bodies: &bodies, telling, epoch })
    }

    /// Every line. Of the link nothing is known.
    pub fn lines(&self) -> Vec<LineRow> {
        let health = Health { state: State::Down(Cause::Unknown), evidence: Vec::new() };
        let row = |line: &Line| {
            let mut row = self.see(line, |sight| views::row(sight, &health));
            row.view.observed = ObservedView::unserved(self.words);
            row.view.differs = false;
            row
        };
        self.lines.iter().map(row).collect()
    }

    /// Those that cannot be read.
    pub fn unread(&self) -> Vec<UnreadView> {
        self.unread.iter().map(|unread| UnreadView::of(unread, self.words)).collect()
    }

    /// One line, or all without a name.
    pub fn each<T>(&self, said: Option<&str>, show: impl Fn(&Sight<'_>) -> T) -> Result<Vec<(String, T)>, Told> {
        self.each_in(said, None, show)
    }

    pub fn each_in<T>(
        &self,
        said: Option<&str>,
        epoch: Option<u64>,
        show: impl Fn(&Sight<'_>) -> T,
    ) -> Result<Vec<(String, T)>, Told> {
        let chosen: Vec<&Line> = match said {
            Some(said) => vec![self.choose(Some(said))?],
            None => self.lines.iter().collect(),
        };
        let see = |line: &Line| Ok((line.id().to_string(), self.see_in(line, self.epoch(line, epoch)?, &show)));
        chosen.into_iter().map(see).collect()
    }

    pub fn one<T>(
        &self,
        said: Option<&str>,
        epoch: Option<u64>,
        show: impl FnOnce(&Sight<'_>) -> T,
    ) -> Result<T, Told> {
        let line = self.choose(said)?;
        Ok(self.see_in(line, self.epoch(line, epoch)?, show))
    }

    fn epoch(&self, line: &Line, number: Option<u64>) -> Result<Epoch, Told> {
        let unknown = || Fault::new(Code::EpochUnknown).with("said", number.unwrap_or_default()).tell(self.words);
        epoch_of(line, number).ok_or_else(unknown)
    }

    pub fn page(&self, query: &RecordQuery) -> Result<RecordPage, Told> {
        let line = self.choose(query.line.as_deref())?;
        let epoch = self.epoch(line, query.epoch)?;
        let (logs, wanted) = self.see_in(line, epoch, |sight| views::asked(sight, self.reader.clone(), query))?;
        let stretch = logs.page(&wanted).map_err(|e| unreadable(&e, self.words))?;
        Ok(self.see_in(line, epoch, |sight| views::page(sight, &stretch, query.words)))
    }

    /// What is taken out of one line.
    pub fn export(&self, said: Option<&str>) -> Result<Export, Told> {
        let line = self.choose(said)?.id();
        let begun = Export::begin(&self.reader, line).map_err(|e| unreadable(&e, self.words))?;
        // It was there when it was chosen, and no line is ever removed.
        begun.ok_or_else(|| Fault::new(Code::LineNone).tell(self.words))
    }

    fn choose(&self, said: Option<&str>) -> Result<&Line, Told> {
        choose(self.lines.iter(), self.unread.iter(), said).map_err(|fault| fault.tell(self.words))
    }
}

fn unreadable(error: &StoreError, words: &Words) -> Told {
    let code = if error.is_of_place() { Code::UnreadPlace } else { Code::Unread };
    Fault::new(code).because(error).tell(words)
}
