//! From the form of an act to the act: names are looked up in the line as it is committed, words are read, nothing is guessed.

use counterpart_core::act::{Act, Target, Words};
use counterpart_core::ids::{EntryRef, LineId, PostId};
use counterpart_core::limits;
use counterpart_core::line::Line;
use counterpart_core::precedence::{Mark, Precedence};
use counterpart_core::record::codes::{Code as Reason, Instrument, LineState, Mode, OnSilence};
use counterpart_core::record::kind::Kind;
use counterpart_core::record::what::{Offered, What};
use counterpart_core::time::{Timestamp, Window};

use super::fault::{Code, Fault};
use super::form::{ActForm, missing_field};
use super::sight;
use super::times::{Times, write};
use crate::view::names::{self, NameFault};

/// What an act says when its author does not.
#[derive(Clone, Debug)]
pub struct Defaults {
    /// The mark of what is opened.
    pub mark: Mark,
    /// The language of words.
    pub language: String,
    /// How times are read.
    pub times: Times,
}

/// Why a form is no act.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Unfit {
    /// A field cannot be read.
    Field(Fault),
    /// A name names nothing.
    Name(NameFault),
    /// It is meant in an epoch of this line that serves no more.
    Ended(LineId),
}

impl From<Fault> for Unfit {
    fn from(fault: Fault) -> Unfit {
        Unfit::Field(fault)
    }
}

impl From<NameFault> for Unfit {
    fn from(fault: NameFault) -> Unfit {
        Unfit::Name(fault)
    }
}

/// Reads the words of a form. `salt` is random.
///
/// # Errors
/// A [`Fault`] if the language is no tag.
pub fn words(form: &ActForm, defaults: &Defaults, salt: [u8; 16]) -> Result<Option<Words>, Fault> {
    let Some(words) = &form.words else { return Ok(None) };
    let language = words.language.as_ref().unwrap_or(&defaults.language).clone();
    let language = tag(&language)?;
    if words.text.trim().is_empty() {
        return Err(Fault::new(Code::WordsEmpty));
    }
    Ok(Some(Words { salt, language, text: words.text.clone() }))
}

/// A language that is a tag of BCP 47.
fn tag(said: &str) -> Result<String, Fault> {
    let is_tag = said.len() <= limits::SHORT_TEXT_MAX && said.parse::<unic_langid::LanguageIdentifier>().is_ok();
    if is_tag { Ok(said.to_owned()) } else { Err(Fault::new(Code::LanguageMalformed).with("said", said)) }
}

/// The act that a form asks for on this line.
///
/// # Errors
/// [`Unfit`]: a field is missing, cannot be read, or names nothing; or another epoch serves than its author looked at.
pub fn act(form: &ActForm, line: &Line, defaults: &Defaults) -> Result<Act, Unfit> {
    form.check()?;
    if let Some(said) = &form.epoch
        && !sight::serves(line, said)?
    {
        return Err(Unfit::Ended(line.id()));
    }
    let asked = Asked { form, line, defaults };
    let again = form.again.as_deref().map(|said| asked.request_named(said)).transpose()?;
    if let Some(act) = opening(form, again, defaults)? {
        return Ok(act);
    }
    Ok(match form.act.as_str() {
        "seen" => Act::Seen { on: asked.target()? },
        "refer" => Act::Refer { on: asked.target()? },
        "defer" => Act::Defer { on: asked.target()?, code: asked.code()?, until: asked.time(&form.until)? },
        "answer" => Act::Answer { on: asked.target()? },
        "decline" => Act::Decline { on: asked.target()?, code: asked.code()? },
        "offer" => asked.offer()?,
        "ready" => Act::Ready { on: asked.target()? },
        "accept" => asked.accept()?,
        "renew" => asked.renewal()?,
        "suspend" => Act::Suspend { request: asked.request()? },
        "resume" => Act::Resume { request: asked.request()? },
        "withdraw" => Act::Withdraw { thing: asked.request()? },
        "cancel" => Act::Cancel { request: asked.request()?, code: asked.code()? },
        "missed" => Act::Missed { request: asked.request()? },
        "talk" => asked.talk()?,
        "sheet" => asked.sheet()?,
        "read" => Act::Read { text: asked.entry()? },
        "retract" => Act::Retract { text: asked.entry()? },
        "check-reply" => Act::CheckReply { check: asked.entry()? },
        other => {
            return Err(Fault::new(Code::UnknownAct).with("said", other).with("known", Act::WORDS.join(", ")).into());
        }
    })
}

/// The act that a form asks for, if it opens something or stands alone: such a form needs no line to be read. `again` is the closed
/// request that it names.
///
/// # Errors
/// A [`Fault`]: a field is missing or cannot be read.
pub fn opening(form: &ActForm, again: Option<EntryRef>, defaults: &Defaults) -> Result<Option<Act>, Fault> {
    let missing = |field: &str| missing_field(&form.act, field);
    let named = |field: &str, said: &Option<String>| post(said.as_deref().ok_or_else(|| missing(field))?);
    let urgency = || Ok(precedence(form)?.unwrap_or(Precedence::Routine));
    let mark = || Ok(word("mark", &form.mark, Mark::parse, &Mark::ALL, Mark::word)?.unwrap_or(defaults.mark));
    let time = |said: &Option<String>| said.as_deref().map(|said| defaults.times.time(said)).transpose();
    Ok(Some(match form.act.as_str() {
        "ask" => Act::Ask {
            from: named("from", &form.from)?,
            to: named("to", &form.to)?,
            precedence: urgency()?,
            mark: mark()?,
            mode: word("mode", &form.mode, Mode::parse, Mode::ALL, Mode::word)?.unwrap_or(Mode::Voice),
            private: form.private.unwrap_or(false),
            valid_until: time(&form.valid_until)?,
            again,
        },
        "text" => Act::Text {
            from: named("from", &form.from)?,
            to: named("to", &form.to)?,
            precedence: urgency()?,
            mark: mark()?,
        },
        "check" => Act::Check { precedence: urgency()?, mark: mark()? },
        "memo" => Act::Memo,
        "state" => {
            let state = word("state", &form.state, LineState::parse, LineState::ALL, LineState::word)?;
            let state = state.ok_or_else(|| missing("state"))?;
            match (state, form.for_good.unwrap_or(false)) {
                (LineState::Closed, false) => return Err(Fault::new(Code::CloseAsks)),
                (LineState::Closed, true) | (_, false) => {}
                (_, true) => return Err(Fault::new(Code::ForGoodOfWhat)),
            }
            Act::State { state, until: time(&form.until)? }
        }
        _ => return Ok(None),
    }))
}

fn precedence(form: &ActForm) -> Result<Option<Precedence>, Fault> {
    word("precedence", &form.precedence, Precedence::parse, &Precedence::ALL, Precedence::word)
}

/// A form about to be read, on its line.
struct Asked<'a> {
    form: &'a ActForm,
    line: &'a Line,
    defaults: &'a Defaults,
}

impl Asked<'_> {
    fn offer(&self) -> Result<Act, Unfit> {
        let form = self.form;
        let said = form.windows.as_deref().unwrap_or_default();
        if said.is_empty() || said.len() > limits::WINDOWS_MAX {
            return Err(Fault::new(Code::WindowCount).with("max", limits::WINDOWS_MAX).into());
        }
        let windows: Result<Vec<Offered>, Fault> = said.iter().map(|w| self.defaults.times.window(w)).collect();
        let silence = word("on_silence", &form.on_silence, OnSilence::parse, OnSilence::ALL, OnSilence::word)?;
        Ok(Act::Offer {
            on: self.target()?,
            windows: windows?,
            answer_by: self.time(&form.answer_by)?.ok_or_else(|| self.missing("answer_by"))?,
            on_silence: silence.unwrap_or(OnSilence::Lapses),
            code: self.reason()?,
        })
    }

    /// Of an offer of one window, that one; of several, which must be said. A ready has none.
    fn accept(&self) -> Result<Act, Unfit> {
        let offer = self.entry()?;
        let fact = self.line.facts().all().fact(offer);
        let offered = match fact.map(|f| &f.what) {
            Some(What::Offer { windows, .. }) => windows.as_slice(),
            _ => &[],
        };
        // What is no offer, core names.
        if offered.is_empty() {
            return Ok(Act::Accept { offer, window: None });
        }
        let which = || {
            let fault = Fault::new(Code::WindowWhich).with("name", names::name(self.line, offer));
            fault.with("count", offered.len())
        };
        let window: Option<Window> = match self.form.window.as_deref() {
            Some(said) if said.bytes().all(|b| b.is_ascii_digit()) => {
                let place = said.parse::<usize>().ok().and_then(|n| n.checked_sub(1));
                Some(place.and_then(|n| offered.get(n)).ok_or_else(which)?.window)
            }
            Some(said) => Some(self.defaults.times.window(said)?.window),
            None => match offered {
                [one] => Some(one.window),
                _ => return Err(which().into()),
            },
        };
        Ok(Act::Accept { offer, window })
    }

    /// A later valid-until counts only if the ask has one that it is later than (§6.6). One that would be written and count for
    /// nothing is refused: who wrote it would take it to be in force.
    fn renewal(&self) -> Result<Act, Unfit> {
        let (request, valid_until) = (self.request()?, self.time(&self.form.valid_until)?);
        let view = self.line.facts().all();
        if let (Some(until), Some(ask)) = (valid_until, view.fact_of(request, &[Kind::Ask])) {
            let fault = |code: Code| Fault::new(code).with("name", names::name(self.line, ask.at));
            match view.deadline(ask, u64::MAX) {
                None => return Err(fault(Code::RenewalNoDeadline).into()),
                Some(in_force) if until <= in_force => {
                    return Err(fault(Code::RenewalNotLater).with("time", write(in_force)).into());
                }
                Some(_) => {}
            }
        }
        Ok(Act::Renew { request, valid_until, precedence: precedence(self.form)? })
    }

    fn talk(&self) -> Result<Act, Unfit> {
        let by = word("instrument", &self.form.instrument, Instrument::parse, Instrument::ALL, Instrument::word)?;
        Ok(Act::Talk {
            request: self.request()?,
            when: self.when()?,
            instrument: by.ok_or_else(|| self.missing("instrument"))?,
            posts: self.posts()?,
        })
    }

    fn sheet(&self) -> Result<Act, Unfit> {
        let said = self.form.languages.as_deref().unwrap_or_default();
        if said.len() > limits::LIST_MAX {
            let fault = Fault::new(Code::SheetUnfit).with("wrong", "languages");
            return Err(fault.with("max", limits::LIST_MAX).into());
        }
        let languages: Result<Vec<String>, Fault> = said.iter().map(|said| tag(said)).collect();
        let (request, when, posts) = (self.request()?, self.when()?, self.posts()?);
        Ok(Act::Sheet { request, when, posts, languages: languages? })
    }

    /// When a talk was held.
    fn when(&self) -> Result<Window, Fault> {
        let when = self.form.when.as_deref().ok_or_else(|| self.missing("when"))?;
        Ok(self.defaults.times.window(when)?.window)
    }

    fn posts(&self) -> Result<Vec<PostId>, Fault> {
        let said = self.form.posts.as_deref().unwrap_or_default();
        if said.len() > limits::LIST_MAX {
            return Err(Fault::new(Code::TooManyPosts).with("max", limits::LIST_MAX));
        }
        said.iter().map(|p| post(p)).collect()
    }

    fn missing(&self, field: &str) -> Fault {
        missing_field(&self.form.act, field)
    }

    fn said(&self) -> Result<&str, Fault> {
        self.form.on.as_deref().ok_or_else(|| self.missing("on"))
    }

    /// The entry named.
    fn entry(&self) -> Result<EntryRef, Unfit> {
        Ok(names::parse(self.line, self.said()?)?)
    }

    /// What was said aloud means its latest attempt; an entry named by its place means just that one.
    fn target(&self) -> Result<Target, Unfit> {
        let at = self.entry()?;
        let by_place = self.said()?.contains(['#', ':']);
        Ok(if by_place { Target::Entry(at) } else { Target::Latest(at) })
    }

    /// The request named, also by one of its renewals; any other entry is itself.
    fn request(&self) -> Result<EntryRef, Unfit> {
        self.request_named(self.said()?)
    }

    fn request_named(&self, said: &str) -> Result<EntryRef, Unfit> {
        let at = names::parse(self.line, said)?;
        Ok(self.line.facts().all().request_of(at).map_or(at, |request| request.at))
    }

    fn time(&self, said: &Option<String>) -> Result<Option<Timestamp>, Fault> {
        said.as_deref().map(|said| self.defaults.times.time(said)).transpose()
    }

    fn reason(&self) -> Result<Option<Reason>, Fault> {
        word("code", &self.form.code, Reason::parse, Reason::ALL, Reason::word)
    }

    fn code(&self) -> Result<Reason, Fault> {
        Ok(self.reason()?.unwrap_or(Reason::Unstated))
    }
}

fn post(said: &str) -> Result<PostId, Fault> {
    PostId::parse(said).ok_or_else(|| Fault::new(Code::PostMalformed).with("said", said))
}

/// A word of a closed list.
fn word<T: Copy>(
    field: &'static str,
    said: &Option<String>,
    parse: impl Fn(&str) -> Option<T>,
    all: &[T],
    write: impl Fn(T) -> &'static str,
) -> Result<Option<T>, Fault> {
    let Some(said) = said else { return Ok(None) };
    let known = || all.iter().map(|t| write(*t)).collect::<Vec<_>>().join(", ");
    let fault = || Fault::new(Code::UnknownWord).with("field", field).with("said", said).with("known", known());
    parse(said).map(Some).ok_or_else(fault)
}

#[cfg(test)]
mod tests;
