//! What a charter says, clause by clause: before it is signed, and while it is in force.

use counterpart_core::ids::Party;
use counterpart_core::precedence::Precedence;
use counterpart_core::record::cbor::Value;
use counterpart_core::record::charter::{Charter, Checks, PostTerms};
use counterpart_core::record::kind::Kind;
use serde::{Deserialize, Serialize};

use super::{Side, Sight};
use crate::words::{Arg, Words};

/// The rules of a line. Spans are in seconds; lists by precedence begin with ROUTINE.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct TermsView {
    /// Clause 4: their station holds an attempt within.
    pub station_s: u64,
    /// Clause 5: their watch has seen it within; by precedence.
    pub watch_s: [u64; 4],
    /// Clause 6: their principal has deferred, offered or come within.
    pub principal_s: u64,
    /// Clause 7: a renewal sooner than this after the last attempt is none; by precedence.
    pub pace_s: [u64; 4],
    /// Clause 8: the line is tested this often; 0: on no schedule, or at the times of `checks_at`.
    pub checks_every_s: u64,
    /// Clause 8: the line is tested at these times of the UTC day, "09:00".
    pub checks_at: Vec<String>,
    /// Clause 10: no lapse is written sooner than this after its deadline.
    pub grace_s: u64,
    /// Clause 14: how long a ready can be taken up.
    pub recall_s: u64,
    /// Everything that the charter says, the clauses above and the others, a sentence each.
    pub sentences: Vec<String>,
}

/// What was agreed on a line.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct AgreedView {
    /// The line, 32 hexadecimal digits.
    pub line: String,
    /// The organisation at the other end.
    pub name: String,
    /// Its call sign.
    pub call_sign: String,
    /// The charter that is in force.
    pub terms: TermsView,
}

impl TermsView {
    /// What a charter says; of its parties, what it says of these.
    pub fn of(charter: &Charter, parties: &[Party], words: &Words) -> TermsView {
        let (every, at) = match &charter.checks {
            Checks::Every(seconds) => (*seconds, Vec::new()),
            Checks::At(minutes) => (0, minutes.iter().map(|m| format!("{:02}:{:02}", m / 60, m % 60)).collect()),
        };
        let reached =
            parties.iter().map(|party| charter.party(*party)).map(|side| posts(&side.call_sign, &side.posts, words));
        TermsView {
            station_s: charter.station_s,
            watch_s: charter.watch_s,
            principal_s: charter.principal_s,
            pace_s: charter.pacing_s,
            checks_every_s: every,
            grace_s: charter.grace_s,
            recall_s: charter.recall_s,
            sentences: reached.chain(clauses(charter, every, &at, words)).collect(),
            checks_at: at,
        }
    }
}

/// Whom one can reach at a side.
pub fn posts(call_sign: &str, posts: &[PostTerms], words: &Words) -> String {
    let post = |post: &PostTerms| {
        let night = ("night", if post.night { "yes" } else { "no" }.into());
        words.say(
            "terms-post",
            &[("post", post.id.as_str().into()), night, ("precedence", words.coded_in(post.highest).into())],
        )
    };
    let posts: Vec<String> = posts.iter().map(post).collect();
    let sign = ("sign", Arg::from(call_sign));
    if posts.is_empty() {
        return words.say("terms-posts-none", &[sign]);
    }
    words.say("terms-posts", &[sign, ("posts", posts.join("; ").into())])
}

/// Clauses 4 to 14 in their order, then those that this software does not know.
fn clauses(charter: &Charter, every: u64, at: &[String], words: &Words) -> Vec<String> {
    let one = |id: &str, span: u64| words.say(id, &[("span", words.span(span).into())]);
    let four = |id: &str, spans: &[u64; 4]| words.say(id, &[("spans", by_precedence(spans, words).into())]);
    let names = |id: &str, none: &str, names: &[String]| {
        if names.is_empty() { words.say(none, &[]) } else { words.say(id, &[("names", names.join(", ").into())]) }
    };
    let kind =
        |number: &u64| Kind::from_number(*number).map_or_else(|| number.to_string(), |kind| words.coded_in(kind));
    let public: Vec<String> = charter.public.iter().map(kind).collect();
    let mut said = vec![
        one("terms-station", charter.station_s),
        four("terms-watch", &charter.watch_s),
        one("terms-principal", charter.principal_s),
        if charter.pacing_s == [0; 4] {
            words.say("terms-pace-none", &[])
        } else {
            four("terms-pace", &charter.pacing_s)
        },
        match (every, at) {
            (0, []) => words.say("terms-checks-never", &[]),
            (0, at) => words.say("terms-checks-at", &[("times", at.join(", ").into())]),
            (every, _) => one("terms-checks-every", every),
        },
        words.say(if charter.deniable { "terms-deniable" } else { "terms-attested" }, &[]),
        one("terms-grace", charter.grace_s),
        names("terms-public", "terms-public-none", &public),
        names("terms-witnesses", "terms-witnesses-none", &charter.witnesses),
        names("terms-relays", "terms-relays-none", &charter.relays),
        one("terms-recall", charter.recall_s),
    ];
    let unknown =
        charter.unknown.iter().map(|(key, _)| if let Value::Uint(n) = key { n.to_string() } else { "?".into() });
    let unknown: Vec<String> = unknown.collect();
    if !unknown.is_empty() {
        said.push(words.say("terms-unknown", &[("names", unknown.join(", ").into())]));
    }
    said
}

fn by_precedence(spans: &[u64; 4], words: &Words) -> String {
    let [first, rest @ ..] = spans;
    if rest.iter().all(|span| span == first) {
        return words.say("terms-any-precedence", &[("span", words.span(*first).into())]);
    }
    let each = (0..).map_while(Precedence::from_number).zip(spans);
    let each: Vec<String> =
        each.map(|(precedence, span)| format!("{} {}", words.coded_in(precedence), words.span(*span))).collect();
    each.join(", ")
}

/// What was agreed on this line, as it is in force.
pub fn agreed(sight: &Sight<'_>) -> AgreedView {
    let charter = sight.view().charter();
    let theirs = charter.party(sight.party(Side::Theirs));
    AgreedView {
        line: sight.line.id().to_string(),
        name: theirs.name.clone(),
        call_sign: theirs.call_sign.clone(),
        terms: TermsView::of(charter, &[Side::Ours, Side::Theirs].map(|side| sight.party(side)), sight.telling.words),
    }
}
