//! Looking at lines: on the record thread for a serving station, or read from the store when none serves.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use counterpart_core::ids::{EntryRef, Epoch, LineId, hex};
use counterpart_core::line::Line;
use counterpart_core::record::body::Body;
use counterpart_core::time::Timestamp;
use tokio::sync::SemaphorePermit;

use super::Api;
use super::fault::{Code, Fault, Told, Whose};
use super::stretch::entry;
use crate::record::{ActFault, Unread, entry_key};
use crate::store::{self, Reader, StoreError};
use crate::view::names::NameFault;
use crate::view::{Kept, Sight};
use crate::words::clocks::{Clocks, Telling};
use crate::words::{Sentence, Tell, Words};

/// Looks at a line with the words found so far, before it is looked at without those that are missing.
const PASSES_MAX: usize = 4;

/// Words that were found for entries; `None`: looked for and not held.
type Found = BTreeMap<(Epoch, EntryRef), Option<Kept>>;

/// The line of this name: the peer's call sign, its name, the line's id or the first 4 or more digits of it; without a name the only
/// line.
///
/// # Errors
/// A [`Fault`] that names the lines there are, or says what is wrong with the one that is meant: of those in `unread`.
pub fn choose<'a, 'b>(
    lines: impl Iterator<Item = &'a Line>,
    unread: impl Iterator<Item = &'b Unread>,
    said: Option<&str>,
) -> Result<&'a Line, Fault> {
    let lines: Vec<&Line> = lines.collect();
    let unread: Vec<&Unread> = unread.collect();
    let peer = |line: &Line| line.charter().party(line.me().peer()).clone();
    // Names are what a person can say; digits are added where two lines have one call sign.
    let called = |line: &&Line| {
        let is_shared = lines.iter().filter(|other| peer(other).call_sign == peer(line).call_sign).count() > 1;
        let digits = line.id().to_string().chars().take(8).collect::<String>();
        let name = peer(line).name;
        if is_shared {
            format!("{} ({name}, {digits})", peer(line).call_sign)
        } else {
            format!("{} ({name})", peer(line).call_sign)
        }
    };
    let known = || {
        let known = lines.iter().map(called);
        known.chain(unread.iter().map(|unread| unread.name.clone())).collect::<Vec<_>>().join(", ")
    };
    let not_served = |unread: &Unread| Fault::new(Code::LineUnread).because(&unread.found);
    let fold = |text: &str| text.trim().to_lowercase();
    let Some(said) = said else {
        return match (lines.as_slice(), unread.as_slice()) {
            ([], []) => Err(Fault::new(Code::LineNone)),
            ([one], []) => Ok(one),
            ([], [one]) => Err(not_served(one)),
            _ => Err(Fault::new(Code::LineWhich).with("known", known())),
        };
    };
    // A whole id is its line's, whatever a peer calls itself.
    let is_whole = |id: LineId| id.to_string() == fold(said);
    if let Some(line) = lines.iter().find(|line| is_whole(line.id())) {
        return Ok(line);
    }
    if let Some(unread) = unread.iter().find(|unread| is_whole(unread.id)) {
        return Err(not_served(unread));
    }
    if let Some(unread) = unread.iter().find(|unread| unread.is_called(&fold(said))) {
        return Err(not_served(unread));
    }
    let by_name = |line: &&&Line| {
        let peer = peer(line);
        fold(&peer.call_sign) == fold(said) || fold(&peer.name) == fold(said)
    };
    let by_id = |line: &&&Line| said.len() >= 4 && line.id().to_string().starts_with(&fold(said));
    let found: Vec<&&Line> = lines.iter().filter(|l| by_name(l) || by_id(l)).collect();
    match found.as_slice() {
        [] if lines.is_empty() && unread.is_empty() => Err(Fault::new(Code::LineNone)),
        [] => Err(Fault::new(Code::LineUnknown).with("said", said).with("known", known())),
        [one] => Ok(one),
        _ => Err(Fault::new(Code::LineWhich).with("known", known())),
    }
}

/// The epoch of this number, of several the latest; without one, the epoch that serves.
pub fn epoch_of(line: &Line, number: Option<u64>) -> Option<Epoch> {
    let Some(number) = number else { return Some(line.epoch()) };
    line.spans().rev().map(|span| span.epoch()).find(|epoch| epoch.number == number)
}

/// Whether the epoch that serves is the one that was said: "1", or "1/" and 16 hexadecimal digits.
///
/// # Errors
/// A [`Fault`] if it is none that the line has.
pub fn serves(line: &Line, said: &str) -> Result<bool, Fault> {
    let is_said = |epoch: &Epoch| epoch.number.to_string() == said || epoch.to_string() == said;
    let known = || line.spans().any(|span| is_said(&span.epoch()));
    match is_said(&line.epoch()) {
        true => Ok(true),
        false if known() => Ok(false),
        false => Err(Fault::new(Code::EpochUnknown).with("said", said)),
    }
}

/// The words of one entry, if they are held, against its digest of them: the store may have been changed from outside.
///
/// # Errors
/// [`StoreError`].
pub fn body(reader: &Reader, line: LineId, epoch: Epoch, at: EntryRef) -> Result<Option<Kept>, StoreError> {
    let key = entry_key(line, epoch, at);
    let store::Body::Held(bytes) = reader.body(key)? else { return Ok(None) };
    let Some(row) = reader.entry(key)? else { return Ok(Some(Kept::Changed)) };
    Ok(Kept::of(&entry(&row)?.header, &bytes))
}

/// Bytes as lower-case hexadecimal digits.
pub fn hexadecimal(bytes: &[u8]) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = hex(&mut out, bytes);
    out
}

impl Told {
    /// A name that names nothing.
    pub fn name(fault: &NameFault, words: &Words) -> Told {
        let code = match fault {
            NameFault::Malformed { .. } => "name-malformed",
            NameFault::UnknownSign { .. } => "name-unknown-sign",
            NameFault::NoneSuch { .. } => "name-none-such",
            NameFault::OfAnotherEpoch { .. } => "name-of-another-epoch",
            NameFault::Ambiguous { .. } => "name-ambiguous",
        };
        let (what, instead) = fault.say(words);
        Told { code: code.into(), fault: Whose::Usage, what, instead, fact: None }
    }
}

impl Api {
    /// The sentences in which callers are told.
    pub fn words(&self) -> &Words {
        &self.words
    }

    pub(crate) fn tell(&self, fault: Fault) -> Told {
        fault.tell(&self.words)
    }

    pub(crate) fn machine(&self, cause: impl std::fmt::Display) -> Told {
        self.tell(Fault::new(Code::Machine).because(&Sentence::new("machine-said").with("cause", cause)))
    }

    /// A turn at what is long: only so many pages of the record are made at one time.
    ///
    /// # Errors
    /// The station stops.
    pub(crate) async fn page_turn(&self) -> Result<SemaphorePermit<'_>, Told> {
        self.pages.acquire().await.map_err(|e| self.machine(e))
    }

    /// Our machine failed, and says itself what is to be done.
    pub(crate) fn failed(&self, cause: &impl Tell) -> Told {
        self.tell(Fault::new(Code::Machine).because(cause))
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp(self.parts.clock.now().min(Timestamp::MAX.0))
    }

    /// When sessions, links and tokens begin and end: by the machine's own clock, also in a story.
    pub(crate) fn now_of_people(&self) -> Timestamp {
        Timestamp(self.parts.clock.machine_now().min(Timestamp::MAX.0))
    }

    /// What the record thread answers with when an act is not done.
    pub(super) async fn refused(&self, line: LineId, fault: ActFault) -> Told {
        match fault {
            ActFault::Machine(cause) => self.failed(&cause),
            ActFault::Stopping => self.tell(Fault::new(Code::Stopping)),
            ActFault::TokenOfAnother(at) => self.tell(Fault::new(Code::TokenOfAnother).with("at", at)),
            ActFault::Refused(refusal) => {
                let told = self.see(line, move |sight| {
                    let halted =
                        sight.line.halted().filter(|_| refusal == counterpart_core::fault::Refusal::LineNotOpen);
                    match halted {
                        Some(misconduct) => Told::why(Whose::Misconduct, sight.telling.words.misconduct(misconduct)),
                        None => Told::why(Whose::Refusal, sight.refusal(&refusal)),
                    }
                });
                told.await.unwrap_or_else(|told| told)
            }
        }
    }

    /// The lines there are.
    pub(crate) async fn ids(&self) -> Result<Vec<LineId>, Told> {
        let ids = self.parts.keeper.look(|lines| lines.iter().map(|kept| kept.line.id()).collect());
        ids.await.map_err(|_| self.tell(Fault::new(Code::Stopping)))
    }

    /// The line of this name, or all there are.
    pub(crate) async fn lines_of(&self, said: Option<String>) -> Result<Vec<LineId>, Told> {
        match said {
            Some(said) => Ok(vec![self.line(Some(said)).await?]),
            None => self.ids().await,
        }
    }

    /// The line of this name.
    pub(crate) async fn line(&self, said: Option<String>) -> Result<LineId, Told> {
        let chosen = self.parts.keeper.look(move |lines| {
            choose(lines.iter().map(|kept| &kept.line), lines.unread(), said.as_deref()).map(Line::id)
        });
        chosen.await.map_err(|_| Fault::new(Code::Stopping)).flatten().map_err(|fault| self.tell(fault))
    }

    /// Shows something of a line as it is committed. The record thread does no I/O for it: what words are missing on a first
    /// look is read from the store before the next.
    pub(crate) async fn see<T: Send + 'static>(
        &self,
        line: LineId,
        show: impl Fn(&Sight<'_>) -> T + Send + Sync + 'static,
    ) -> Result<T, Told> {
        self.see_from(line, None, Vec::new(), show).await
    }

    /// The same in the epoch of this number; without one, in the epoch that serves.
    pub(crate) async fn see_in<T: Send + 'static>(
        &self,
        line: LineId,
        number: Option<u64>,
        show: impl Fn(&Sight<'_>) -> T + Send + Sync + 'static,
    ) -> Result<T, Told> {
        self.see_from(line, number, Vec::new(), show).await
    }

    /// The same, for a caller that knows whose words will be needed: they are read first, and one look is enough.
    pub(super) async fn see_with<T: Send + 'static>(
        &self,
        line: LineId,
        needed: Vec<EntryRef>,
        show: impl Fn(&Sight<'_>) -> T + Send + Sync + 'static,
    ) -> Result<T, Told> {
        self.see_from(line, None, needed, show).await
    }

    async fn see_from<T: Send + 'static>(
        &self,
        line: LineId,
        number: Option<u64>,
        needed: Vec<EntryRef>,
        show: impl Fn(&Sight<'_>) -> T + Send + Sync + 'static,
    ) -> Result<T, Told> {
        let show = Arc::new(show);
        let view = self.parts.keeper.published().borrow().lines.get(&line).cloned();
        let mut known = Found::new();
        if let Some(view) = view {
            // What is at hand came with its entry, or was signed, since the start: it was not read from the store.
            let words = |at: &EntryRef| view.words.iter().find(|(of, _)| of == at);
            let at_hand = |at: &EntryRef| words(at).map(|(_, body)| Body::decode(body).map(Kept::Signed));
            let (here, there) = needed.into_iter().partition::<Vec<_>, _>(|at| at_hand(at).is_some());
            known.extend(here.into_iter().filter_map(|at| Some(((view.epoch, at), at_hand(&at)?))));
            if !there.is_empty() {
                known.extend(self.find(line, there.into_iter().map(|at| (view.epoch, at)).collect()).await?);
            }
        }
        let mut found = Arc::new(known);
        for pass in 1..=PASSES_MAX {
            let (shown, missing) = self.look((line, number), show.clone(), found.clone()).await?;
            if missing.is_empty() || pass == PASSES_MAX {
                return Ok(shown);
            }
            let mut all = Found::clone(&found);
            all.extend(self.find(line, missing).await?);
            found = Arc::new(all);
        }
        Err(self.tell(Fault::new(Code::Stopping)))
    }

    /// Reads the words of entries, each of its epoch.
    async fn find(&self, line: LineId, wanted: Vec<(Epoch, EntryRef)>) -> Result<Found, Told> {
        let reader = self.parts.reader.clone();
        let read = move || -> Result<Found, StoreError> {
            wanted.into_iter().map(|of| Ok((of, body(&reader, line, of.0, of.1)?))).collect()
        };
        let read = tokio::task::spawn_blocking(read).await.map_err(|e| self.machine(e))?;
        read.map_err(|e| self.failed(&e))
    }

    async fn look<T: Send + 'static>(
        &self,
        (id, number): (LineId, Option<u64>),
        show: Arc<impl Fn(&Sight<'_>) -> T + Send + Sync + 'static>,
        found: Arc<Found>,
    ) -> Result<(T, Vec<(Epoch, EntryRef)>), Told> {
        let (parts, words, now) = (self.parts.clone(), self.words.clone(), self.now());
        let looked = self.parts.keeper.look(move |lines| {
            let line = &lines.line(&id).ok_or(Code::LineUnknown)?.line;
            let epoch = epoch_of(line, number).ok_or(Code::EpochUnknown)?;
            let clocks = Clocks::of(line, &parts.config.organisation.zone, now);
            let missing = RefCell::new(Vec::new());
            let bodies = |epoch: Epoch, at: EntryRef| {
                found.get(&(epoch, at)).cloned().unwrap_or_else(|| {
                    missing.borrow_mut().push((epoch, at));
                    None
                })
            };
            let telling = Telling { words: &words, clocks: &clocks };
            let sight = Sight { line, bodies: &bodies, telling, epoch };
            let shown = show(&sight);
            Ok((shown, missing.take()))
        });
        let looked = looked.await.map_err(|_| self.tell(Fault::new(Code::Stopping)))?;
        looked.map_err(|code| match code {
            Code::EpochUnknown => self.tell(Fault::new(code).with("said", number.unwrap_or_default())),
            code => self.tell(Fault::new(code).with("said", id).with("known", "")),
        })
    }
}
