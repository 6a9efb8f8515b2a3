//! The JSON form of every act: what commands, API and pages send. One flat form; [`SPECS`] says which fields each act needs and
//! takes, so that a field that does nothing is refused instead of ignored.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::fault::{Code, Fault};
use super::sight::hexadecimal;

/// An act as it is asked for. Absent, not null.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ActForm {
    /// The act's word, one of `Act::WORDS`.
    pub act: String,
    /// The line: the peer's call sign, its name, or the line's id; may be absent if the station has one line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
    /// Makes the act stand once, however often it is asked; at most 128 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// The epoch that its author looked at: its number, "1", or that and its 16 hexadecimal digits, "1/00d1…". If another serves by
    /// now nothing is written, for names begin anew in every epoch. Without it, names are those of the epoch that serves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epoch: Option<String>,
    /// What it acts on: "Northland 112", "Northland #4071", "0:12".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on: Option<String>,
    /// Our post.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The counterpart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// ROUTINE unless said otherwise; of a renewal, the one to which it is raised.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub precedence: Option<String>,
    /// The station's default unless said otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mark: Option<String>,
    /// How they would talk; `voice` unless said otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// Nothing of it in public.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub private: Option<bool>,
    /// RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<String>,
    /// The closed request that is asked again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub again: Option<String>,
    /// Why; UNSTATED unless said otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Until when, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// Windows offered, `START/END@Zone`; 1 to 8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub windows: Option<Vec<String>>,
    /// RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer_by: Option<String>,
    /// What silence does to an offer; `lapses` unless said otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_silence: Option<String>,
    /// The window taken, `START/END`, or its number among those offered, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<String>,
    /// When a talk was held, `START/END`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// By what it was held.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instrument: Option<String>,
    /// Which posts talked; in a call sheet, which of our own were present.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub posts: Option<Vec<String>>,
    /// In which languages a talk was held, each a tag of BCP 47.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub languages: Option<Vec<String>>,
    /// What the station declares of itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// That it is meant: `closed` ends the line for good, and without this it is not written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub for_good: Option<bool>,
    /// Words that go with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub words: Option<WordsForm>,
}

impl ActForm {
    /// SHA-256 of it without its token: by that another act with the same token is told from a repetition.
    pub fn digest(&self) -> [u8; 32] {
        let form = ActForm { token: None, ..self.clone() };
        // Strings, numbers and lists of them can always be written.
        Sha256::digest(serde_json::to_vec(&form).unwrap_or_default()).into()
    }

    /// What makes it stand once where it is sent with others: a one-time id with all that the act says. Sent twice it stands once; another
    /// act, or other words, under the same id is another act.
    pub fn token_of(&self, once: &str) -> String {
        let mut hash = Sha256::new();
        hash.update(once.as_bytes());
        hash.update([0]);
        hash.update(serde_json::to_vec(self).unwrap_or_default());
        hexadecimal(&hash.finalize())
    }
}

/// Words in their author's own language.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WordsForm {
    /// BCP 47; the station's first language unless said otherwise.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub language: Option<String>,
    /// The text.
    pub text: String,
}

/// What an act needs and may take, beside `act`, `line`, `token` and `epoch`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Spec {
    /// The act's word.
    pub act: &'static str,
    /// Fields that it cannot be without.
    pub needs: &'static [&'static str],
    /// Fields that it may have.
    pub takes: &'static [&'static str],
}

const fn spec(act: &'static str, needs: &'static [&'static str], takes: &'static [&'static str]) -> Spec {
    Spec { act, needs, takes }
}

/// Every act.
pub const SPECS: [Spec; 24] = [
    spec("ask", &["from", "to"], &["precedence", "mark", "mode", "private", "valid_until", "again", "words"]),
    spec("seen", &["on"], &["words"]),
    spec("refer", &["on"], &["words"]),
    spec("defer", &["on"], &["code", "until", "words"]),
    spec("answer", &["on"], &["words"]),
    spec("decline", &["on"], &["code", "words"]),
    spec("offer", &["on", "windows", "answer_by"], &["on_silence", "code", "words"]),
    spec("ready", &["on"], &["words"]),
    spec("accept", &["on"], &["window", "words"]),
    spec("renew", &["on"], &["valid_until", "precedence", "words"]),
    spec("suspend", &["on"], &["words"]),
    spec("resume", &["on"], &["words"]),
    spec("withdraw", &["on"], &["words"]),
    spec("cancel", &["on"], &["code", "words"]),
    spec("missed", &["on"], &["words"]),
    spec("talk", &["on", "when", "instrument"], &["posts", "words"]),
    spec("sheet", &["on", "when"], &["posts", "languages", "words"]),
    spec("text", &["from", "to", "words"], &["precedence", "mark"]),
    spec("read", &["on"], &["words"]),
    spec("retract", &["on"], &["words"]),
    spec("memo", &["words"], &[]),
    spec("check", &[], &["precedence", "mark", "words"]),
    spec("check-reply", &["on"], &["words"]),
    spec("state", &["state"], &["until", "for_good", "words"]),
];

impl ActForm {
    /// An act of this word that says nothing more yet.
    pub fn of(act: &str) -> ActForm {
        ActForm { act: act.into(), ..ActForm::default() }
    }

    /// Reads a form.
    ///
    /// # Errors
    /// A [`Fault`]: it is no form, there is no such act, or a field is missing or not the act's.
    pub fn read(json: &[u8]) -> Result<ActForm, Fault> {
        let form: ActForm = object(json)?;
        form.check()?;
        Ok(form)
    }

    /// Whether it has the fields of its act and no others.
    ///
    /// # Errors
    /// A [`Fault`] that names the field.
    pub fn check(&self) -> Result<(), Fault> {
        let spec = SPECS.iter().find(|s| s.act == self.act).ok_or_else(|| {
            let known: Vec<&str> = SPECS.iter().map(|s| s.act).collect();
            Fault::new(Code::UnknownAct).with("said", &self.act).with("known", known.join(", "))
        })?;
        let given = self.given();
        if let Some(missing) = spec.needs.iter().find(|field| !given.contains(field)) {
            return Err(missing_field(&self.act, missing));
        }
        let fits = |field: &&&str| !spec.needs.contains(*field) && !spec.takes.contains(*field);
        if let Some(field) = given.iter().find(fits) {
            let takes: Vec<&str> = spec.needs.iter().chain(spec.takes).copied().collect();
            let fault = Fault::new(Code::FieldNotTaken).with("act", &self.act).with("field", field);
            return Err(fault.with("takes", takes.join(", ")));
        }
        Ok(())
    }

    /// The fields that are there, beside `act`, `line`, `token` and `epoch`.
    fn given(&self) -> Vec<&'static str> {
        let fields = [
            ("on", self.on.is_some()),
            ("from", self.from.is_some()),
            ("to", self.to.is_some()),
            ("precedence", self.precedence.is_some()),
            ("mark", self.mark.is_some()),
            ("mode", self.mode.is_some()),
            ("private", self.private.is_some()),
            ("valid_until", self.valid_until.is_some()),
            ("again", self.again.is_some()),
            ("code", self.code.is_some()),
            ("until", self.until.is_some()),
            ("windows", self.windows.is_some()),
            ("answer_by", self.answer_by.is_some()),
            ("on_silence", self.on_silence.is_some()),
            ("window", self.window.is_some()),
            ("when", self.when.is_some()),
            ("instrument", self.instrument.is_some()),
            ("posts", self.posts.is_some()),
            ("languages", self.languages.is_some()),
            ("state", self.state.is_some()),
            ("for_good", self.for_good.is_some()),
            ("words", self.words.is_some()),
        ];
        fields.into_iter().filter(|(_, there)| *there).map(|(field, _)| field).collect()
    }
}

/// Reads a form of any call. Only an object will do: a list of values in the order of the fields would say nothing to a reader.
///
/// # Errors
/// [`Code::NotJson`].
pub fn object<T: serde::de::DeserializeOwned>(json: &[u8]) -> Result<T, Fault> {
    if json.trim_ascii_start().first() != Some(&b'{') {
        return Err(Fault::new(Code::NotObject));
    }
    serde_json::from_slice(json).map_err(|cause| Fault::new(Code::NotJson).with("cause", cause))
}

/// The fault of an act that lacks a field.
pub(crate) fn missing_field(act: &str, field: &str) -> Fault {
    Fault::new(Code::FieldMissing).with("act", act).with("field", field)
}

#[cfg(test)]
mod tests {
    use counterpart_core::act::Act;

    use super::*;

    #[test]
    fn every_act_of_core_has_a_form() {
        let mut forms = SPECS.map(|s| s.act);
        let mut acts = Act::WORDS;
        forms.sort_unstable();
        acts.sort_unstable();
        assert_eq!(forms, acts);
    }

    #[test]
    fn a_form_that_is_none_names_what_is_wrong() {
        let code = |json: &str| ActForm::read(json.as_bytes()).map_err(|f| f.code());

        assert_eq!(code("{"), Err(Code::NotJson));
        assert_eq!(code("[]"), Err(Code::NotObject));
        assert_eq!(code(r#"{"act":"seen","on":"1","colour":"red"}"#), Err(Code::NotJson));
        assert_eq!(code(r#"{"act":"memo","words":{"text":"x","mood":"good"}}"#), Err(Code::NotJson));
        assert_eq!(code(r#"{"act":"alerting","on":"1"}"#), Err(Code::UnknownAct));
        assert_eq!(code(r#"{}"#), Err(Code::UnknownAct));
        assert_eq!(code(r#"{"act":"seen"}"#), Err(Code::FieldMissing));
        assert_eq!(code(r#"{"act":"seen","on":"1","code":"LEVEL"}"#), Err(Code::FieldNotTaken));
        let told = format!("{:?}", ActForm::read(br#"{"act":"seen","on":"1","colour":"red"}"#).unwrap_err());
        assert!(told.contains("colour"), "{told}");
    }

    #[test]
    fn a_form_is_written_as_it_was_read() {
        let json = r#"{"act":"ask","line":"southland","token":"t","from":"minister","to":"foreign-minister","precedence":"PRIORITY","private":false,"words":{"language":"en","text":"The test"}}"#;

        let form = ActForm::read(json.as_bytes()).unwrap();

        assert_eq!(serde_json::to_string(&form).unwrap(), json);
    }
}
