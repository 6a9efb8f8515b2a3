//! How lines begin, as commands and API ask for it. The ceremony itself belongs to the pairing; this is what it must answer.

use std::pin::Pin;
use std::sync::Arc;

use counterpart_core::ids::LineId;
use serde::{Deserialize, Serialize};

use super::fault::{Code, Fault, Told};
use crate::pairing::{Proposal, Term};
use crate::view::terms::TermsView;
use crate::words::Words;

/// Groups of the digits that two persons compare.
pub const GROUPS: usize = 16;

/// An answer that is being made.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, Told>> + Send + 'a>>;

/// What the pairing does for a person here.
pub trait Ceremony: Send + Sync {
    /// Makes an invitation to a line with these rules.
    fn invite(&self, proposal: Proposal) -> Answer<'_, InvitedView>;

    /// Takes up an invitation.
    fn join(&self, invitation: String) -> Answer<'_, PairingView>;

    /// A person has compared all digits over another channel, and they are these. Without a line: the one pairing that waits.
    /// `alike`: the names could be taken for another's, and that person has made sure who it is.
    fn confirm(&self, line: Option<LineId>, digits: Digits, alike: bool) -> Answer<'_, PairingView>;

    /// A person has compared and the digits differ, or nobody there knows of it. `candidate` is its key, or `None` if there is one.
    fn differ(&self, line: Option<LineId>, candidate: Option<String>) -> Answer<'_, PairingView>;

    /// Ends a pairing whose index 0 we have not written.
    fn abandon(&self, line: Option<LineId>) -> Answer<'_, PairingView>;

    /// Every pairing that has not become a line.
    fn pairings(&self) -> Answer<'_, Vec<PairingView>>;

    /// How often what is said of them has changed.
    fn changes(&self) -> u64;

    /// The same ceremony, answering in these words.
    fn speaking(&self, words: Arc<Words>) -> Arc<dyn Ceremony>;
}

/// Sixteen groups of five digits, 16 bits each: a fingerprint, said aloud.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Digits(pub [u8; 32]);

impl Digits {
    /// Reads the groups, with any white space or hyphens between them.
    ///
    /// # Errors
    /// [`Code::DigitsMalformed`].
    pub fn parse(said: &str) -> Result<Digits, Fault> {
        let wrong = || Fault::new(Code::DigitsMalformed).with("said", said);
        let digits: Vec<u8> = said.bytes().filter(|b| !b.is_ascii_whitespace() && *b != b'-').collect();
        let groups = digits.chunks_exact(5);
        if digits.len() != 5 * GROUPS || !digits.iter().all(u8::is_ascii_digit) {
            return Err(wrong());
        }
        let mut fingerprint = [0; 32];
        for (pair, group) in fingerprint.chunks_exact_mut(2).zip(groups) {
            let number = group.iter().fold(0u32, |sum, digit| sum * 10 + u32::from(digit - b'0'));
            pair.copy_from_slice(&u16::try_from(number).map_err(|_| wrong())?.to_be_bytes());
        }
        Ok(Digits(fingerprint))
    }
}

/// An invitation that has been made.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct InvitedView {
    /// The line that it will be, 32 hexadecimal digits.
    pub line: String,
    /// The invitation, to be given away in confidence.
    pub invitation: String,
    /// What it proposes.
    pub terms: TermsView,
}

/// A pairing on its way.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct PairingView {
    /// The line that it will be, 32 hexadecimal digits.
    pub line: String,
    /// Whether we have invited; otherwise we join.
    pub inviter: bool,
    /// waiting, comparing, confirmed, countersigned, open or ended.
    pub standing: String,
    /// What the charter says that both are to sign, of its parties what it says of ours; absent once the pairing has ended.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub terms: Option<TermsView>,
    /// Who has come, each with the digits to compare.
    pub candidates: Vec<CandidateView>,
    /// How it stands and what to do next, as sentences.
    pub sentences: Vec<String>,
}

impl PairingView {
    /// How far it has come, as it is said: who joins waits for nobody to come.
    pub fn said_standing(&self) -> &str {
        if self.standing == "waiting" && !self.inviter { "calling" } else { &self.standing }
    }
}

/// Somebody with whom digits are compared.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct CandidateView {
    /// The organisation, as it says.
    pub name: String,
    /// Its call sign.
    pub call_sign: String,
    /// The zone of its watch, an IANA name; "UTC" if it names none.
    pub zone: String,
    /// Whom one can reach there, as the charter says it.
    pub posts: String,
    /// Its link key, 64 hexadecimal digits.
    pub key: String,
    /// The sixteen groups.
    pub digits: String,
    /// A person there has confirmed.
    pub they_confirmed: bool,
    /// What its names could be taken for, and what to do; nothing if for nobody's.
    pub alike: Vec<String>,
    /// A word of its names in letters of several scripts, and what to do; nothing if there is none.
    pub mixed: Vec<String>,
}

/// The rules that an invitation proposes. What is not said is as the defaults have it, and watch checks as the configuration does. A
/// span is a number with s, m, h or d, such as 90s, 15m, 8h or 2d, of at most 3660 days.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, schemars::JsonSchema, clap::Args)]
#[serde(deny_unknown_fields)]
pub struct InviteForm {
    /// Each station holds what the other sends within this span; 60s unless said otherwise.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[arg(long, value_name = "SPAN")]
    pub station: Option<String>,
    /// Each watch has seen it within: one span, or four by precedence, ROUTINE first; 8h,1h,15m,5m unless said otherwise.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[arg(long, value_name = "SPANS")]
    pub watch: Option<String>,
    /// A deferral, a time or an answer comes within this span; 2d unless said otherwise.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[arg(long, value_name = "SPAN")]
    pub principal: Option<String>,
    /// A renewal is an attempt, and rings, from this long after the last: one span, or four by precedence; as the watch's unless said otherwise.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[arg(long, value_name = "SPANS")]
    pub pace: Option<String>,
    /// When the line is tested: never, every so often (60s to 1d), or at times of the UTC day such as 09:00,17:00.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[arg(long, value_name = "SCHEDULE")]
    pub checks: Option<String>,
    /// No lapse is written sooner than this span after its deadline; 60s unless said otherwise.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[arg(long, value_name = "SPAN")]
    pub grace: Option<String>,
    /// For how long a "ready" can be taken up; 15m unless said otherwise.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[arg(long, value_name = "SPAN")]
    pub recall: Option<String>,
}

impl InviteForm {
    /// The rules that are meant.
    ///
    /// # Errors
    /// [`Code::TermUnfit`], which names the rule.
    pub fn proposal(&self) -> Result<Proposal, Fault> {
        let mut proposal = Proposal::default();
        for term in Term::ALL {
            if let Some(said) = self.said(term) {
                proposal.set(term, &said).map_err(|fault| Fault::new(Code::TermUnfit).because(&fault))?;
            }
        }
        Ok(proposal)
    }

    /// What is said of a rule.
    pub fn said(&self, term: Term) -> Option<String> {
        // One table serves both ways: what is read is a copy's.
        self.clone().place(term).take()
    }

    /// Where it is said what a rule is to be.
    pub fn place(&mut self, term: Term) -> &mut Option<String> {
        match term {
            Term::Station => &mut self.station,
            Term::Watch => &mut self.watch,
            Term::Principal => &mut self.principal,
            Term::Pace => &mut self.pace,
            Term::Checks => &mut self.checks,
            Term::Grace => &mut self.grace,
            Term::Recall => &mut self.recall,
        }
    }
}

/// An invitation to take up.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JoinForm {
    /// Its text.
    pub invitation: String,
}

/// What a person found on comparing.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfirmForm {
    /// The line, if several pairings wait.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub line: Option<String>,
    /// The digits as the other side says them; absent if they differ.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub digits: Option<String>,
    /// The names could be taken for another's, and the person has made sure who it is.
    #[serde(default)]
    pub alike: bool,
    /// They differ.
    #[serde(default)]
    pub differ: bool,
    /// Whose differ, by the candidate's key, if there are several.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub candidate: Option<String>,
}

/// Which pairing to end.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AbandonForm {
    /// The line, if several pairings wait.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub line: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use counterpart_core::record::charter::digits;

    #[test]
    fn digits_said_aloud_are_the_fingerprint_again() {
        let mut fingerprint = [0; 32];
        for (byte, n) in fingerprint.iter_mut().zip(0u8..) {
            *byte = n.wrapping_mul(37);
        }
        let said = digits(&fingerprint);

        assert_eq!(Digits::parse(&said), Ok(Digits(fingerprint)));
        assert_eq!(Digits::parse(&said.replace(' ', "-")), Ok(Digits(fingerprint)));
        assert_eq!(Digits::parse(&said.replace(' ', "")), Ok(Digits(fingerprint)));
    }

    #[test]
    fn what_are_no_sixteen_groups_is_refused() {
        let groups = |group: &str, count: usize| vec![group; count].join(" ");

        for said in [String::new(), groups("12345", 15), groups("12345", 17), groups("65536", 16), groups("1234x", 16)]
        {
            assert_eq!(Digits::parse(&said).map_err(|f| f.code()), Err(Code::DigitsMalformed), "{said}");
        }
    }
}
