//! The commands of every act: arguments become the form that the API takes, local times become exact ones.

use std::io::Read;

use clap::{Args, Subcommand};
use counterpart_core::limits;

use crate::api::fault::{Code, Fault};
use crate::api::form::{ActForm, WordsForm};
use crate::api::times::{Times, write, write_window};

// What every act takes.
#[derive(Args, Clone, Debug, Default)]
pub struct Common {
    #[arg(long)]
    pub line: Option<String>,
    #[arg(long)]
    pub language: Option<String>,
    #[arg(long)]
    pub token: Option<String>,
    #[arg(long, value_name = "NUMBER")]
    pub epoch: Option<String>,
}

// What acts on something, with words or without.
#[derive(Args, Clone, Debug)]
pub struct On {
    pub name: String,
    pub words: Option<String>,
    #[command(flatten)]
    common: Common,
}

// From whom to whom, how urgent and what for.
#[derive(Args, Clone, Debug)]
pub struct Addressed {
    #[arg(long, value_name = "POST")]
    from: String,
    #[arg(long, value_name = "POST")]
    to: String,
    #[arg(long)]
    precedence: Option<String>,
    #[arg(long)]
    mark: Option<String>,
}

// An act.
#[derive(Subcommand, Clone, Debug)]
pub enum ActCommand {
    Ask {
        words: Option<String>,
        #[command(flatten)]
        addressed: Addressed,
        #[arg(long)]
        mode: Option<String>,
        #[arg(long)]
        private: bool,
        #[arg(long, value_name = "TIME")]
        valid_until: Option<String>,
        #[arg(long, value_name = "NAME")]
        again: Option<String>,
        #[command(flatten)]
        common: Common,
    },
    Seen(On),
    Refer(On),
    Defer {
        #[command(flatten)]
        on: On,
        #[arg(long)]
        code: Option<String>,
        #[arg(long, value_name = "TIME")]
        until: Option<String>,
    },
    Answer(On),
    Decline {
        #[command(flatten)]
        on: On,
        #[arg(long)]
        code: Option<String>,
    },
    Offer {
        #[command(flatten)]
        on: On,
        #[arg(long = "window", value_name = "WINDOW", required = true)]
        windows: Vec<String>,
        #[arg(long, value_name = "TIME")]
        answer_by: String,
        #[arg(long)]
        on_silence: Option<String>,
        #[arg(long)]
        code: Option<String>,
    },
    Ready(On),
    Accept {
        #[command(flatten)]
        on: On,
        #[arg(long)]
        window: Option<String>,
    },
    Renew {
        #[command(flatten)]
        on: On,
        #[arg(long, value_name = "TIME")]
        valid_until: Option<String>,
        #[arg(long)]
        precedence: Option<String>,
    },
    Suspend(On),
    Resume(On),
    Withdraw(On),
    Cancel {
        #[command(flatten)]
        on: On,
        #[arg(long)]
        code: Option<String>,
    },
    Missed(On),
    Talk {
        #[command(flatten)]
        on: On,
        #[arg(long, value_name = "WINDOW")]
        when: String,
        #[arg(long)]
        instrument: String,
        #[arg(long = "post", value_name = "POST")]
        posts: Vec<String>,
    },
    Sheet {
        #[command(flatten)]
        on: On,
        #[arg(long, value_name = "WINDOW")]
        when: String,
        #[arg(long = "post", value_name = "POST")]
        posts: Vec<String>,
        #[arg(long = "spoken", value_name = "LANGUAGE")]
        languages: Vec<String>,
    },
    Text {
        words: String,
        #[command(flatten)]
        addressed: Addressed,
        #[command(flatten)]
        common: Common,
    },
    Read(On),
    Retract(On),
    Memo {
        words: String,
        #[command(flatten)]
        common: Common,
    },
    Check {
        words: Option<String>,
        #[arg(long)]
        precedence: Option<String>,
        #[arg(long)]
        mark: Option<String>,
        #[command(flatten)]
        common: Common,
    },
    CheckReply(On),
    State {
        state: String,
        #[arg(long)]
        for_good: bool,
        words: Option<String>,
        #[arg(long, value_name = "TIME")]
        until: Option<String>,
        #[command(flatten)]
        common: Common,
    },
}

impl ActCommand {
    /// The form of this command as it was typed.
    fn typed(self) -> (ActForm, Common, Option<String>) {
        use ActCommand as C;
        match self {
            C::Ask { words, addressed, mode, private, valid_until, again, common } => {
                let form =
                    ActForm { mode, private: private.then_some(true), valid_until, again, ..addressed.form("ask") };
                (form, common, words)
            }
            C::Text { words, addressed, common } => (addressed.form("text"), common, Some(words)),
            C::Memo { words, common } => (ActForm::of("memo"), common, Some(words)),
            C::Check { words, precedence, mark, common } => {
                (ActForm { precedence, mark, ..ActForm::of("check") }, common, words)
            }
            C::State { state, for_good, words, until, common } => {
                let for_good = for_good.then_some(true);
                (ActForm { state: Some(state), until, for_good, ..ActForm::of("state") }, common, words)
            }
            C::Defer { on, code, until } => on.with(|form| ActForm { code, until, ..form }, "defer"),
            C::Decline { on, code } => on.with(|form| ActForm { code, ..form }, "decline"),
            C::Cancel { on, code } => on.with(|form| ActForm { code, ..form }, "cancel"),
            C::Offer { on, windows, answer_by, on_silence, code } => {
                let (windows, answer_by) = (Some(windows), Some(answer_by));
                on.with(|form| ActForm { windows, answer_by, on_silence, code, ..form }, "offer")
            }
            C::Accept { on, window } => on.with(|form| ActForm { window, ..form }, "accept"),
            C::Renew { on, valid_until, precedence } => {
                on.with(|form| ActForm { valid_until, precedence, ..form }, "renew")
            }
            C::Talk { on, when, instrument, posts } => {
                let (when, instrument, posts) = (Some(when), Some(instrument), some(posts));
                on.with(|form| ActForm { when, instrument, posts, ..form }, "talk")
            }
            C::Sheet { on, when, posts, languages } => {
                let (when, posts, languages) = (Some(when), some(posts), some(languages));
                on.with(|form| ActForm { when, posts, languages, ..form }, "sheet")
            }
            C::Seen(on) => on.plain("seen"),
            C::Refer(on) => on.plain("refer"),
            C::Answer(on) => on.plain("answer"),
            C::Ready(on) => on.plain("ready"),
            C::Suspend(on) => on.plain("suspend"),
            C::Resume(on) => on.plain("resume"),
            C::Withdraw(on) => on.plain("withdraw"),
            C::Missed(on) => on.plain("missed"),
            C::Read(on) => on.plain("read"),
            C::Retract(on) => on.plain("retract"),
            C::CheckReply(on) => on.plain("check-reply"),
        }
    }

    /// The form to be sent. Times are read in `times`'s zone; words come from the argument, or from `input` for "-".
    ///
    /// # Errors
    /// A [`Fault`] that says what was typed.
    pub fn form(self, times: impl FnOnce() -> Result<Times, Fault>, input: &mut dyn Read) -> Result<ActForm, Fault> {
        let (mut form, common, said) = self.typed();
        exact(&mut form, times)?;
        form.line = common.line;
        form.token = common.token;
        form.epoch = common.epoch;
        form.words = words(said, input)?.map(|text| WordsForm { language: common.language, text });
        Ok(form)
    }
}

impl On {
    fn plain(self, act: &str) -> (ActForm, Common, Option<String>) {
        self.with(|form| form, act)
    }

    fn with(self, more: impl FnOnce(ActForm) -> ActForm, act: &str) -> (ActForm, Common, Option<String>) {
        let form = ActForm { on: Some(self.name), ..ActForm::of(act) };
        (more(form), self.common, self.words)
    }
}

impl Addressed {
    fn form(self, act: &str) -> ActForm {
        let (from, to) = (Some(self.from), Some(self.to));
        ActForm { from, to, precedence: self.precedence, mark: self.mark, ..ActForm::of(act) }
    }
}

/// What was named, if anything was.
fn some(said: Vec<String>) -> Option<Vec<String>> {
    Some(said).filter(|said| !said.is_empty())
}

/// Makes local times and windows exact.
fn exact(form: &mut ActForm, times: impl FnOnce() -> Result<Times, Fault>) -> Result<(), Fault> {
    let ordinal = |said: &String| said.bytes().all(|b| b.is_ascii_digit());
    let (valid_until, until, answer_by) = (&mut form.valid_until, &mut form.until, &mut form.answer_by);
    let instants = [valid_until, until, answer_by].into_iter().flatten();
    let taken = form.window.as_mut().filter(|said| !ordinal(said));
    let windows = form.windows.iter_mut().flatten().chain(taken).chain(form.when.as_mut());
    let (instants, windows): (Vec<&mut String>, Vec<&mut String>) = (instants.collect(), windows.collect());
    if instants.is_empty() && windows.is_empty() {
        return Ok(());
    }
    let times = times()?;
    for said in instants {
        *said = write(times.time(said)?);
    }
    for said in windows {
        *said = write_window(&times.window(said)?);
    }
    Ok(())
}

/// Words as they were typed, or from `input` for "-".
///
/// # Errors
/// [`Code::WordsUnreadable`], [`Code::WordsEmpty`].
pub(super) fn words(said: Option<String>, input: &mut dyn Read) -> Result<Option<String>, Fault> {
    said.map(|said| if said == "-" { read(input) } else { Ok(said) }).transpose()
}

/// The words from the standard input, without the line end that ends them.
fn read(input: &mut dyn Read) -> Result<String, Fault> {
    let mut bytes = Vec::new();
    // One byte more than a text may have, so that the station names what is too long.
    let most = limits::BODY_CONTENT_MAX as u64 + 2;
    let done = input.take(most).read_to_end(&mut bytes);
    let unreadable = || Fault::new(Code::WordsUnreadable);
    done.map_err(|_| unreadable())?;
    let mut text = String::from_utf8(bytes).map_err(|_| unreadable())?;
    if text.ends_with('\n') {
        text.pop();
    }
    if text.is_empty() { Err(Fault::new(Code::WordsEmpty)) } else { Ok(text) }
}
