//! What a caller is told when something is not done: one shape, stable codes, sentences from `words/en.ftl`.

use std::fmt;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use crate::words::{Arg, Sentence, Tell, Why, Words};

/// A sentence repeats this many characters of what was said at most: nobody reads more to know what was meant.
const SAID_MAX: usize = 1_000;

/// Whose fault it was.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Whose {
    /// Our person may not do this now; the fact that decided it is named.
    Refusal,
    /// The peer broke the protocol.
    Misconduct,
    /// Our machine failed, or no station answers.
    Error,
    /// What was asked cannot be understood.
    Usage,
}

/// Declares the faults that commands and API name by themselves; the others are those of `core`.
macro_rules! faults {
    ($($(#[$doc:meta])* $variant:ident = $whose:ident $status:ident $word:literal,)+) => {
        /// A fault of a command or of a call to the API.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum Code { $($(#[$doc])* $variant,)+ }

        impl Code {
            /// All.
            pub const ALL: &'static [Code] = &[$(Code::$variant,)+];

            /// Its stable name for programs.
            pub fn word(self) -> &'static str {
                let sentence = self.sentence();
                sentence.strip_prefix("fault-").unwrap_or(sentence)
            }

            /// The name of its sentence.
            fn sentence(self) -> &'static str {
                match self { $(Code::$variant => $word,)+ }
            }

            /// Whose fault it is.
            pub fn whose(self) -> Whose {
                match self { $(Code::$variant => Whose::$whose,)+ }
            }

            /// The status with which it is answered.
            pub fn status(self) -> StatusCode {
                match self { $(Code::$variant => StatusCode::$status,)+ }
            }
        }
    };
}

faults! {
    /// What was sent is no JSON of the form that this call takes.
    NotJson = Usage BAD_REQUEST "fault-not-json",
    /// What stands after "?" is not what this address takes.
    QueryUnreadable = Usage BAD_REQUEST "fault-query-unreadable",
    /// What was sent is no JSON object.
    NotObject = Usage BAD_REQUEST "fault-not-object",
    /// There is no such act.
    UnknownAct = Usage BAD_REQUEST "fault-unknown-act",
    /// The act does not take this field.
    FieldNotTaken = Usage BAD_REQUEST "fault-field-not-taken",
    /// The act needs this field.
    FieldMissing = Usage BAD_REQUEST "fault-field-missing",
    /// The word is none of the list.
    UnknownWord = Usage BAD_REQUEST "fault-unknown-word",
    /// No post can be called so.
    PostMalformed = Usage BAD_REQUEST "fault-post-malformed",
    /// A time that cannot be read.
    TimeUnreadable = Usage BAD_REQUEST "fault-time-unreadable",
    /// A local time that the clocks skip.
    TimeSkipped = Usage BAD_REQUEST "fault-time-skipped",
    /// A local time that the clocks show twice.
    TimeTwice = Usage BAD_REQUEST "fault-time-twice",
    /// A time before 1970 or after 9999.
    TimeOutOfRange = Usage BAD_REQUEST "fault-time-out-of-range",
    /// No zone of the IANA database has this name.
    ZoneUnknown = Usage BAD_REQUEST "fault-zone-unknown",
    /// A window that cannot be read.
    WindowUnreadable = Usage BAD_REQUEST "fault-window-unreadable",
    /// A window that ends before it begins.
    WindowBackwards = Usage BAD_REQUEST "fault-window-backwards",
    /// Longer than a window may be.
    WindowTooLong = Usage BAD_REQUEST "fault-window-too-long",
    /// No windows, or more than an offer may have.
    WindowCount = Usage BAD_REQUEST "fault-window-count",
    /// Which of several windows is taken must be said.
    WindowWhich = Usage BAD_REQUEST "fault-window-which",
    /// A renewal names a valid-until, and the request has none.
    RenewalNoDeadline = Refusal CONFLICT "fault-renewal-no-deadline",
    /// A renewal names a valid-until that is not later than the one in force.
    RenewalNotLater = Refusal CONFLICT "fault-renewal-not-later",
    /// A line is to be closed, and it is not said that this is meant for good.
    CloseAsks = Refusal CONFLICT "fault-close-asks",
    /// A state other than `closed` is to be declared for good.
    ForGoodOfWhat = Usage BAD_REQUEST "fault-for-good-of-what",
    /// More posts than a talk may name.
    TooManyPosts = Usage BAD_REQUEST "fault-too-many-posts",
    /// Too many languages or topics in a call sheet, or a topic with what shows nothing; its sentence says which.
    SheetUnfit = Usage BAD_REQUEST "fault-sheet-unfit",
    /// The station has several lines.
    LineWhich = Usage BAD_REQUEST "fault-line-which",
    /// The station has no such line.
    LineUnknown = Usage NOT_FOUND "fault-line-unknown",
    /// What is kept of the line cannot be read; the sentence of the store says what was found.
    LineUnread = Error INTERNAL_SERVER_ERROR "fault-line-unread",
    /// The station has no line yet.
    LineNone = Refusal CONFLICT "fault-line-none",
    /// The language is no tag of BCP 47.
    LanguageMalformed = Usage BAD_REQUEST "fault-language-malformed",
    /// There are no words.
    WordsEmpty = Usage BAD_REQUEST "fault-words-empty",
    /// The words are no UTF-8, or cannot be read.
    WordsUnreadable = Usage BAD_REQUEST "fault-words-unreadable",
    /// The token is empty or too long.
    TokenMalformed = Usage BAD_REQUEST "fault-token-malformed",
    /// The command line has arguments that no command takes, or lacks some.
    CommandUnreadable = Usage BAD_REQUEST "fault-command-unreadable",
    /// The token was given with another act.
    TokenOfAnother = Usage CONFLICT "fault-token-of-another",
    /// More was sent than any act can take.
    TooLarge = Usage PAYLOAD_TOO_LARGE "fault-too-large",
    /// There is no such address in the API.
    NoSuchRoute = Usage NOT_FOUND "fault-no-such-route",
    /// The address takes another method.
    WrongMethod = Usage METHOD_NOT_ALLOWED "fault-wrong-method",
    /// The name is no request's.
    NotARequest = Usage BAD_REQUEST "fault-not-a-request",
    /// No bell with this session is open.
    NoSuchSession = Refusal CONFLICT "fault-no-such-session",
    /// This bell was not given that ring, or it has stopped.
    NotHanded = Refusal CONFLICT "fault-not-handed",
    /// That does not ring until somebody takes note.
    NotRinging = Refusal CONFLICT "fault-not-ringing",
    /// No breach of the peer's is kept of which nobody has taken note.
    ConductNone = Refusal CONFLICT "fault-conduct-none",
    /// As many bells are open as a station serves.
    TooManyBells = Refusal CONFLICT "fault-too-many-bells",
    /// The digits are not sixteen groups of five.
    DigitsMalformed = Usage BAD_REQUEST "fault-digits-malformed",
    /// There is no such data directory, or it holds no station.
    NoData = Usage BAD_REQUEST "fault-no-data",
    /// There is a record, and no configuration beside it.
    ConfigurationGone = Usage BAD_REQUEST "fault-configuration-gone",
    /// Whoever gave the command may not read the data directory.
    DataClosed = Usage BAD_REQUEST "fault-data-closed",
    /// What was sent about a restore cannot be read, or root was handed something else to sign.
    RestoreMalformed = Usage BAD_REQUEST "fault-restore-malformed",
    /// The record has moved since root signed.
    RestoreMoved = Refusal CONFLICT "fault-restore-moved",
    /// No line waits for a new epoch.
    RestoreNothing = Refusal CONFLICT "fault-restore-nothing",
    /// The other side is connected, and so it is not dark.
    RestorePeerUp = Refusal CONFLICT "fault-restore-peer-up",
    /// A word that the other side is dark, of a station with several lines, names none.
    RestoreDarkWhich = Usage BAD_REQUEST "fault-restore-dark-which",
    /// Root's list lacks a key that signs for us.
    RestoreNotListed = Usage BAD_REQUEST "fault-restore-not-listed",
    /// Nothing waits for a person.
    RestoreNothingWaits = Refusal CONFLICT "fault-restore-nothing-waits",
    /// No part has this name.
    RestorePartUnknown = Usage BAD_REQUEST "fault-restore-part-unknown",
    /// No part is named, or several begin so.
    RestorePartWhich = Usage BAD_REQUEST "fault-restore-part-which",
    /// Not one part is named, or the index is none of its entries.
    RestoreUpTo = Usage BAD_REQUEST "fault-restore-up-to",
    /// Something is to be judged without root's list.
    RestoreNoList = Usage BAD_REQUEST "fault-restore-no-list",
    /// The other side has not been heard since the restore.
    RestoreUnheard = Refusal CONFLICT "fault-restore-unheard",
    /// What a key that root has ended could have made waits for a person.
    RestoreUnjudged = Refusal CONFLICT "fault-restore-unjudged",
    /// What the key that root has granted last could have made waits, and is not named.
    RestoreUnnamed = Refusal CONFLICT "fault-restore-unnamed",
    /// The record came back with a backup, and nobody has said yet that those who may sign in and call are those who should.
    PeopleWait = Refusal UNAUTHORIZED "fault-people-wait",
    /// The root key or root's list cannot be read or written, or the list lacks our key; the sentence of `keys` says what is wrong.
    RootFile = Usage BAD_REQUEST "fault-root-file",
    /// The keys are bound to no backup of this station.
    RestoreUnbound = Refusal CONFLICT "fault-restore-unbound",
    /// Nobody can be let into a call of this talk; its sentence says why.
    TalkShut = Refusal CONFLICT "fault-talk-shut",
    /// A call does not do what it was asked; its sentence says why.
    TalkRefused = Refusal CONFLICT "fault-talk-not-done",
    /// Another root key than the charter's.
    RootOther = Usage BAD_REQUEST "fault-root-other",
    /// The line has no epoch of this number.
    EpochUnknown = Usage BAD_REQUEST "fault-epoch-unknown",
    /// A file could not be read or written.
    File = Usage BAD_REQUEST "fault-file",
    /// The configuration cannot be read; the sentence of `config` says where.
    Configuration = Usage BAD_REQUEST "fault-configuration",
    /// What `init` was told does not fit a station; the sentence of `config` says why.
    InitUnfit = Usage BAD_REQUEST "fault-init-unfit",
    /// No station is made, because of what is there or was named; its sentence says why.
    Keys = Usage BAD_REQUEST "fault-keys",
    /// No station is made, because the machine failed; its sentence says why.
    Unmade = Error INTERNAL_SERVER_ERROR "fault-unmade",
    /// The pairing did not do what it was asked; its sentence says why.
    Pairing = Refusal CONFLICT "fault-pairing",
    /// What was said of a rule that an invitation is to propose is not taken; its sentence says which.
    TermUnfit = Usage BAD_REQUEST "fault-term-unfit",
    /// No pairing is under way.
    PairingNone = Refusal CONFLICT "fault-pairing-none",
    /// No pairing, or more than one, is of this line.
    PairingUnknown = Usage NOT_FOUND "fault-pairing-unknown",
    /// Several pairings are under way.
    PairingSeveral = Refusal CONFLICT "fault-pairing-several",
    /// No candidate has this key, or several have come and none was named.
    PairingCandidate = Refusal CONFLICT "fault-pairing-candidate",
    /// No user can be called so.
    UserMalformed = Usage BAD_REQUEST "fault-user-malformed",
    /// The password is too short or too long.
    PasswordUnfit = Usage BAD_REQUEST "fault-password-unfit",
    /// A user of this name is there.
    UserThere = Refusal CONFLICT "fault-user-there",
    /// Neither role nor password is to be changed.
    UserUnchanged = Usage BAD_REQUEST "fault-user-unchanged",
    /// The station would be left without an admin.
    AdminLast = Refusal CONFLICT "fault-admin-last",
    /// Nobody removes themselves or changes their own role.
    UserSelf = Refusal CONFLICT "fault-user-self",
    /// There is no such user.
    UserUnknown = Usage NOT_FOUND "fault-user-unknown",
    /// No session runs with this browser.
    SessionEnded = Refusal UNAUTHORIZED "fault-session-ended",
    /// What waited to be signed was of a session that has ended.
    SignerGone = Refusal UNAUTHORIZED "fault-signer-gone",
    /// The form is of no page of this person's.
    FormForeign = Refusal FORBIDDEN "fault-form-foreign",
    /// The form cannot be read.
    FormUnreadable = Usage BAD_REQUEST "fault-form-unreadable",
    /// Name and password do not match.
    NotSignedIn = Refusal UNAUTHORIZED "fault-not-signed-in",
    /// Too many tries in a minute.
    TriesSpent = Refusal TOO_MANY_REQUESTS "fault-tries-spent",
    /// Too many tries in a minute from one address, whatever the name.
    AddressSpent = Refusal TOO_MANY_REQUESTS "fault-address-spent",
    /// The link has served, or its time is over.
    LinkSpent = Refusal GONE "fault-link-spent",
    /// What stands after "?" in an address of the desk is not of the form that its page takes.
    AddressUnreadable = Usage BAD_REQUEST "fault-address-unreadable",
    /// The desk has no page at this address.
    NothingHere = Usage NOT_FOUND "fault-nothing-here",
    /// The page is not read, or takes no form.
    PageMethod = Usage METHOD_NOT_ALLOWED "fault-page-method",
    /// The line of classification does not fit.
    BannerUnfit = Usage BAD_REQUEST "fault-banner-unfit",
    /// The password that serves is another.
    PasswordOther = Refusal FORBIDDEN "fault-password-other",
    /// The user has none: links sign them in.
    PasswordNone = Refusal CONFLICT "fault-password-none",
    /// It is signed already, or was taken back.
    TooLate = Refusal CONFLICT "fault-too-late",
    /// The role of this person does not act.
    RoleReads = Refusal FORBIDDEN "fault-role-reads",
    /// No token came.
    TokenMissing = Refusal UNAUTHORIZED "fault-token-missing",
    /// The token is none of this station's.
    TokenUnknown = Refusal UNAUTHORIZED "fault-token-unknown",
    /// Too many wrong tokens in a minute.
    TokenTriesSpent = Refusal TOO_MANY_REQUESTS "fault-token-tries-spent",
    /// The role of this token does not do that.
    RoleNot = Refusal FORBIDDEN "fault-role-not",
    /// That is done on the station's own machine.
    OwnerAlone = Refusal FORBIDDEN "fault-owner-alone",
    /// No token can be called so.
    TokenNameMalformed = Usage BAD_REQUEST "fault-token-name-malformed",
    /// The token's time is over.
    TokenEnded = Refusal UNAUTHORIZED "fault-token-ended",
    /// A token cannot end before it is made.
    TokenUntilPast = Usage BAD_REQUEST "fault-token-until-past",
    /// No line was chosen for a round.
    RoundNoLine = Usage BAD_REQUEST "fault-round-no-line",
    /// Every line is in the round already.
    RoundWhole = Refusal CONFLICT "fault-round-whole",
    /// There is no such round.
    RoundNone = Usage NOT_FOUND "fault-round-none",
    /// A token of this name serves.
    TokenThere = Refusal CONFLICT "fault-token-there",
    /// There is no token of this name.
    TokenNone = Usage NOT_FOUND "fault-token-none",
    /// What streams ended before its end.
    CutShort = Error INTERNAL_SERVER_ERROR "fault-cut-short",
    /// As many tokens serve as a station takes.
    TokensMany = Refusal CONFLICT "fault-tokens-many",
    /// A translation would be into no language of this desk.
    TranslationLanguage = Usage BAD_REQUEST "fault-translation-language",
    /// A translation is empty or too long.
    TranslationWords = Usage BAD_REQUEST "fault-translation-words",
    /// What would be translated is no text of the peer's.
    TranslationOfWhat = Usage BAD_REQUEST "fault-translation-of-what",
    /// The position is of no event of this record.
    PositionUnknown = Refusal CONFLICT "fault-position-unknown",
    /// As many streams are open with this token as one may have.
    StreamsOwn = Refusal CONFLICT "fault-streams-own",
    /// As many programs follow the record as a station serves.
    StreamsMany = Refusal CONFLICT "fault-streams-many",
    /// The call comes from a page elsewhere, or past the proxy.
    Elsewhere = Refusal FORBIDDEN "fault-elsewhere",
    /// The station is asked for by a name that is not its own.
    HostOther = Usage MISDIRECTED_REQUEST "fault-host-other",
    /// The station serves no desk.
    DeskNone = Refusal CONFLICT "fault-desk-none",
    /// The station does not start; its sentence says why.
    Start = Error INTERNAL_SERVER_ERROR "fault-start",
    /// The station does not start, because what the operator gave it cannot be used: keys, the configuration, a file that this names.
    StartUnfit = Usage BAD_REQUEST "fault-start-unfit",
    /// A station of the demonstration did not come up in time.
    DemoLate = Error INTERNAL_SERVER_ERROR "fault-demo-late",
    /// The stations of a story did not come to hold the same in time.
    StoryLate = Error INTERNAL_SERVER_ERROR "fault-story-late",
    /// There is no such story.
    StoryUnknown = Usage BAD_REQUEST "fault-story-unknown",
    /// Nobody answers at the socket.
    NoStation = Error SERVICE_UNAVAILABLE "fault-no-station",
    /// Another station answers at the socket.
    StationThere = Error CONFLICT "fault-station-there",
    /// The station answered something that this program cannot read.
    NotUnderstood = Error BAD_GATEWAY "fault-not-understood",
    /// Our machine failed.
    Machine = Error INTERNAL_SERVER_ERROR "fault-machine",
    /// What a command has to say does not go out: its standard output takes nothing.
    NotPrinted = Error INTERNAL_SERVER_ERROR "fault-not-printed",
    /// The record cannot be read.
    Unread = Error INTERNAL_SERVER_ERROR "fault-unread",
    /// There is no record where it should be.
    UnreadPlace = Usage BAD_REQUEST "fault-unread-place",
    /// No backup was made: its place is taken, or there is nothing to copy.
    BackupPlace = Usage BAD_REQUEST "fault-backup-place",
    /// No backup was made.
    Backup = Error INTERNAL_SERVER_ERROR "fault-backup",
    /// The station is stopping.
    Stopping = Error SERVICE_UNAVAILABLE "fault-stopping",
    /// It took too long.
    TimedOut = Error SERVICE_UNAVAILABLE "fault-timed-out",
    /// A form of the desk took too long: what became of it is not known.
    FormTimedOut = Error SERVICE_UNAVAILABLE "fault-form-timed-out",
}

/// A fault with what its sentence needs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    code: Code,
    args: Vec<(&'static str, String)>,
    because: Option<Sentence>,
}

impl Fault {
    /// A fault whose sentence needs nothing more.
    pub fn new(code: Code) -> Fault {
        Fault { code, args: Vec::new(), because: None }
    }

    /// The same, with one thing that its sentence names, of which it says [`SAID_MAX`] characters at most.
    pub fn with(mut self, name: &'static str, value: impl fmt::Display) -> Fault {
        let mut value = value.to_string();
        if let Some((end, _)) = value.char_indices().nth(SAID_MAX) {
            value.truncate(end);
            value.push('\u{2026}');
        }
        self.args.push((name, value));
        self
    }

    /// The same, because of this: what it says stands in the fault's own sentence, and what is to be done is what it says.
    pub fn because(mut self, cause: &impl Tell) -> Fault {
        self.because = Some(cause.sentence());
        self
    }

    /// One of the things that its sentence names.
    pub fn arg(&self, name: &str) -> Option<&str> {
        self.args.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    /// Which it is.
    pub fn code(&self) -> Code {
        self.code
    }

    /// What the caller is told.
    pub fn tell(&self, words: &Words) -> Told {
        let id = self.code.sentence();
        // A count may choose a plural.
        let arg = |name: &str, value: &'_ str| match value.parse::<u64>() {
            Ok(count) if name == "count" => Arg::from(count),
            _ => Arg::from(value.to_owned()),
        };
        let mut args: Vec<(&'static str, Arg<'_>)> =
            self.args.iter().map(|(name, value)| (*name, arg(name, value))).collect();
        args.extend(self.because.iter().map(|cause| ("cause", Arg::Said(Box::new(cause.clone())))));
        Told {
            code: self.code.word().into(),
            fault: self.code.whose(),
            what: words.say(id, &args),
            instead: self.because.as_ref().map_or_else(|| words.say_do(id, &args), |cause| words.told_do(cause)),
            fact: None,
        }
    }
}

/// What a caller is told: whose fault, what, and what to do.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Told {
    /// Stable, for programs.
    pub code: String,
    /// Whose fault it was.
    pub fault: Whose,
    /// What was wrong.
    pub what: String,
    /// What to do.
    #[serde(rename = "do")]
    pub instead: String,
    /// The entry that decided, if one did.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub fact: Option<String>,
}

/// The one shape of every error.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ErrorBody {
    /// What the caller is told.
    pub error: Told,
}

impl Told {
    /// A refusal, or what the peer broke, in the words of `core`'s fact.
    pub fn why(fault: Whose, why: Why) -> Told {
        let code = why.code;
        let code = ["bar-", "refusal-", "misconduct-"].into_iter().find_map(|p| code.strip_prefix(p)).unwrap_or(&code);
        Told { code: code.into(), fault, what: why.why, instead: why.instead, fact: why.fact.map(|f| f.name) }
    }

    pub(crate) fn status(&self) -> StatusCode {
        let own = Code::ALL.iter().find(|c| c.word() == self.code).map(|c| c.status());
        own.unwrap_or(match self.fault {
            Whose::Refusal => StatusCode::CONFLICT,
            Whose::Misconduct => StatusCode::BAD_GATEWAY,
            Whose::Error => StatusCode::INTERNAL_SERVER_ERROR,
            Whose::Usage => StatusCode::BAD_REQUEST,
        })
    }
}

impl IntoResponse for Told {
    fn into_response(self) -> Response {
        (self.status(), Json(ErrorBody { error: self })).into_response()
    }
}

#[cfg(test)]
mod tests;
