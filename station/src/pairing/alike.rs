//! Names by which a line that is being paired could be taken for another (§5.1 leaves them to each side: a charter knows one line).
//!
//! A line is called by its peer's call sign or name, or by the beginning of its id. Who would pair under a name that is read as another
//! line's is not confirmed before a person says that it is meant so. The same station may have several lines: it bears its own name.

use counterpart_core::ids::{LineId, Party};
use counterpart_core::record::charter::{Charter, PartyTerms};
use counterpart_core::record::merkle::Hash;
use unicode_security::MixedScript;
use unicode_security::confusable_detection::skeleton;

use crate::words::{Sentence, Tell};

/// So many hexadecimal digits are read as the beginning of a line's id.
const ID_DIGITS_MIN: usize = 4;

/// Who bears names here already.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Bearer {
    /// Its line; `None`: this organisation.
    pub line: Option<LineId>,
    /// Its name and its call sign, those of them that can be read.
    pub names: Vec<String>,
    /// The link key that serves there, if it is known: who has it is the same station.
    pub link: Option<Hash>,
}

/// What a name could be taken for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Alike {
    /// The peer of another line, called so.
    Line(LineId, String),
    /// This organisation.
    Ours,
    /// The id of a line.
    Id(String),
}

impl Tell for Alike {
    fn sentence(&self) -> Sentence {
        match self {
            Alike::Line(line, name) => Sentence::new("pairing-alike-line").with("line", line).with("name", name),
            Alike::Ours => Sentence::new("pairing-alike-ours"),
            Alike::Id(name) => Sentence::new("pairing-alike-id").with("name", name),
        }
    }
}

impl Bearer {
    /// The peer of a line, or this organisation.
    pub(super) fn of(line: Option<LineId>, terms: &PartyTerms, link: Option<Hash>) -> Bearer {
        Bearer { line, names: vec![terms.call_sign.clone(), terms.name.clone()], link }
    }
}

/// What the peer of this charter could be taken for, if anything.
pub(super) fn alike(charter: &Charter, peer: Party, bearers: &[Bearer]) -> Option<Alike> {
    let terms = charter.party(peer);
    let names = [&terms.call_sign, &terms.name];
    if let Some(name) = names.into_iter().find(|name| is_like_an_id(name)) {
        return Some(Alike::Id(name.clone()));
    }
    let ours: Vec<[String; 2]> = names.into_iter().map(|name| folded(name)).collect();
    let is_borne = |name: &&String| {
        let theirs = folded(name);
        ours.iter().any(|own| own.iter().any(|form| theirs.contains(form)))
    };
    let others = bearers.iter().filter(|bearer| bearer.line != Some(charter.line));
    let strangers = others.filter(|bearer| bearer.link != Some(terms.keys.link));
    strangers.into_iter().find_map(|bearer| {
        let name = bearer.names.iter().find(is_borne)?;
        Some(bearer.line.map_or(Alike::Ours, |line| Alike::Line(line, name.clone())))
    })
}

/// The first word of the peer's names that is written in letters of several scripts, if one is.
pub(super) fn mixed(charter: &Charter, peer: Party) -> Option<String> {
    let terms = charter.party(peer);
    let words = [&terms.call_sign, &terms.name].into_iter().flat_map(|name| name.split(|c: char| !c.is_alphanumeric()));
    words.into_iter().find(|word| !word.is_single_script()).map(str::to_owned)
}

/// A name as it is seen: by what its letters look like, in either case, without what stands between them (UTS 39 §4). Two forms, for a
/// capital letter may look like another letter than its small one does.
fn folded(name: &str) -> [String; 2] {
    let seen = |name: &str| skeleton(name).filter(|c| c.is_alphanumeric()).collect::<String>().to_lowercase();
    [seen(name), seen(&name.to_lowercase())]
}

fn is_like_an_id(name: &str) -> bool {
    let name = name.trim();
    name.len() >= ID_DIGITS_MIN && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::trial::Trial;

    const OTHER: LineId = LineId([9; 16]);

    fn bearer(name: &str) -> Bearer {
        Bearer { line: Some(OTHER), names: vec![name.into()], link: Some([9; 32]) }
    }

    fn called(call_sign: &str) -> Charter {
        let mut charter = Trial::new().lines[0].charter().clone();
        let [_, joiner] = &mut charter.parties;
        joiner.call_sign = call_sign.into();
        charter
    }

    #[test]
    fn a_name_that_looks_like_another_lines_is_found_in_any_script_and_case() {
        let found = |name: &str, other: &str| alike(&called(name), Party::Joiner, &[bearer(other)]).is_some();

        for name in
            ["Southland", "SOUTHLAND", "South land", "South-Land.", "Southl\u{430}nd", "\u{405}outhland", "Ｓouthland"]
        {
            assert!(found(name, "Southland"), "{name}");
        }
        assert!(found("lceland", "Iceland") && found("ICELAND", "Iceland"), "a small L for a capital I");
        assert!(found("Foreign Ministry of Southland", "Foreign Ministry of Southland"), "a call sign for a name");
        assert!(!found("Westland", "Southland") && !found("Southland 2", "Southland"));
    }

    #[test]
    fn a_name_that_reads_as_an_id_is_found_and_the_same_station_bears_its_own_name() {
        let id = OTHER.to_string();
        assert_eq!(alike(&called(&id), Party::Joiner, &[]), Some(Alike::Id(id)));
        assert_eq!(alike(&called("c0ffee"), Party::Joiner, &[]), Some(Alike::Id("c0ffee".into())));
        assert_eq!(alike(&called("Ace"), Party::Joiner, &[]), None);

        let charter = called("Southland");
        let same = Bearer { link: Some(charter.party(Party::Joiner).keys.link), ..bearer("Southland") };
        let ours = Bearer { line: None, link: None, ..bearer("Southland") };
        assert_eq!(alike(&charter, Party::Joiner, &[same]), None);
        assert_eq!(alike(&charter, Party::Joiner, &[ours]), Some(Alike::Ours));
        assert_eq!(alike(&charter, Party::Joiner, &[Bearer { line: Some(charter.line), ..bearer("Southland") }]), None);
    }

    #[test]
    fn a_word_in_letters_of_two_scripts_is_named() {
        assert_eq!(mixed(&called("Southl\u{430}nd"), Party::Joiner).as_deref(), Some("Southl\u{430}nd"));
        for name in ["Southland (Юг)", "外務省の部", "Югославия 2", "Northland-3"] {
            assert_eq!(mixed(&called(name), Party::Joiner), None, "{name}");
        }
    }
}
