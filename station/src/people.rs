//! Who may sign in here, and as what. Passwords are kept as argon2id (RFC 9106) of them, tokens as SHA-256: who reads the store can
//! use neither.

use argon2::{Algorithm, Argon2, Params, Version};
use counterpart_core::ids::unhex;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::api::sight::hexadecimal;
use crate::entropy::{self, NoEntropy};
use crate::words::Words;

/// A user's name, in bytes.
pub const NAME_BYTES_MAX: usize = 64;
/// A password has at least so many characters.
pub const PASSWORD_CHARS_MIN: usize = 12;
/// A password has at most so many bytes: more is hashed for nobody.
pub const PASSWORD_BYTES_MAX: usize = 256;
/// A session lasts a shift of twelve hours, in milliseconds, whatever is done in it.
pub const SESSION_MS: u64 = 12 * 3_600_000;
/// A link that signs in serves for ten minutes, in milliseconds, and once.
pub const LINK_MS: u64 = 10 * 60_000;

/// What argon2id costs: KiB of memory, passes, lanes (OWASP's first choice of 2023). They are kept beside each hash, so that they
/// can be raised without a reset of anybody.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// Kept costs beyond these are no hash of ours: whoever wrote them would have our memory.
const MEMORY_KIB_MAX: u32 = 262_144;
const PASSES_MAX: u32 = 16;

/// What a user may do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Has the watch: does every act on a line.
    Watch,
    /// The same, and looks after users and sessions.
    Admin,
    /// Reads everything and does nothing.
    Auditor,
}

impl Role {
    /// All.
    pub const ALL: [Role; 3] = [Role::Watch, Role::Admin, Role::Auditor];

    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Role::Watch => "watch",
            Role::Admin => "admin",
            Role::Auditor => "auditor",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.word() == word)
    }

    /// Whether it may act on a line.
    pub fn acts(self) -> bool {
        self != Role::Auditor
    }
}

/// The word of a secret that opens the calendar and nothing else. It is no role: a calendar program carries it in its address, where it
/// may be written down.
pub const CALENDAR: &str = "calendar";

/// How acts are kept that no user did: those of programs and of commands.
const NOT_USERS: [&str; 2] = ["token ", "uid "];
/// What follows the name of a user whose session began by a link, before who made it.
const BY_LINK: &str = " (link by ";

/// Under what name acts of a session are kept: the user's, and beside it who made the link by which it began.
pub fn actor(user: &str, maker: &str) -> String {
    if maker.is_empty() { user.to_owned() } else { format!("{user}{BY_LINK}{maker})") }
}

/// Who is meant by what an act was kept under ([`actor`]), in words: a user, a program, the owner of a system account; and whose link it was.
pub fn author(kept: &str, words: &Words) -> String {
    let by_link = kept.strip_suffix(')').and_then(|kept| kept.split_once(BY_LINK));
    if let Some((user, maker)) = by_link {
        let args = [("user", user.into()), ("maker", author(maker, words).into())];
        return words.say("author-by-link", &args);
    }
    let [token, uid] = NOT_USERS.map(|begin| kept.strip_prefix(begin));
    match (token, uid) {
        (Some(name), _) => words.say("author-token", &[("name", name.into())]),
        // The socket answers whoever owns the station, and root.
        (_, Some(_)) => words.say("author-uid", &[]),
        _ => kept.into(),
    }
}

/// Whether this can be the name of a user or of a token: 1 to 64 bytes on one line, without space at either end, and not like what
/// acts of programs and of commands are kept under.
pub fn is_name(name: &str) -> bool {
    let lower = name.to_lowercase();
    !name.is_empty()
        && !lower.contains(BY_LINK)
        && !NOT_USERS.iter().any(|begin| lower.starts_with(begin))
        && name.len() <= NAME_BYTES_MAX
        && name.trim() == name
        && crate::words::clean(name) == name
        && !name.contains('\u{fffd}')
}

/// Whether this can be a password.
pub fn is_password(password: &str) -> bool {
    password.chars().count() >= PASSWORD_CHARS_MIN && password.len() <= PASSWORD_BYTES_MAX
}

/// A password as it is kept: "argon2id KIB PASSES LANES SALT HASH", the last two in hexadecimal digits.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hashes a password. It takes some 20 ms and 19 MiB: not on a thread that others wait for.
    ///
    /// # Errors
    /// [`NoEntropy`].
    pub fn of(password: &str) -> Result<Secret, NoEntropy> {
        let salt = entropy::bytes::<16>()?;
        let costs = [MEMORY_KIB, PASSES, LANES];
        let hash = hash(password, &salt, costs).unwrap_or_default();
        let words = ["argon2id".into(), MEMORY_KIB.to_string(), PASSES.to_string(), LANES.to_string()];
        Ok(Secret([&words[..], &[hexadecimal(&salt), hexadecimal(&hash)]].concat().join(" ")))
    }

    /// As it was kept.
    pub fn kept(text: String) -> Secret {
        Secret(text)
    }

    /// As it is kept.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// Whether this is the password. What cannot be read is nobody's password.
    pub fn is(&self, password: &str) -> bool {
        let mut words = self.0.split(' ');
        let mut next = || words.next().unwrap_or_default();
        let is_ours = next() == "argon2id";
        let costs = [next(), next(), next()].map(|word| word.parse::<u32>().unwrap_or(u32::MAX));
        let (salt, kept) = (unhex::<16>(next()), unhex::<32>(next()));
        let [memory, passes, _] = costs;
        let (Some(salt), Some(kept)) = (salt, kept) else { return false };
        if !is_ours || memory > MEMORY_KIB_MAX || passes > PASSES_MAX || password.len() > PASSWORD_BYTES_MAX {
            return false;
        }
        hash(password, &salt, costs).is_some_and(|found| same(&found, &kept))
    }
}

fn hash(password: &str, salt: &[u8; 16], [memory, passes, lanes]: [u32; 3]) -> Option<[u8; 32]> {
    let params = Params::new(memory, passes, lanes, Some(32)).ok()?;
    let mut out = [0; 32];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(password.as_bytes(), salt, &mut out)
        .ok()?;
    Some(out)
}

/// Whether two hashes are the same, in a time that does not say where they differ.
pub fn same(one: &[u8; 32], other: &[u8; 32]) -> bool {
    one.iter().zip(other).fold(0, |differ, (a, b)| differ | (a ^ b)) == 0
}

/// What a browser or a link carries: 32 random bytes. It is never kept.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Token([u8; 32]);

impl Token {
    /// A new one.
    ///
    /// # Errors
    /// [`NoEntropy`].
    pub fn draw() -> Result<Token, NoEntropy> {
        entropy::bytes().map(Token)
    }

    /// Reads 64 hexadecimal digits.
    pub fn parse(text: &str) -> Option<Token> {
        unhex(text).map(Token)
    }

    /// 64 hexadecimal digits, for the cookie or the link.
    pub fn text(&self) -> String {
        hexadecimal(&self.0)
    }

    /// What is kept of it.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0).into()
    }

    /// The token of the forms on pages that this one opens. Who has a page has it; who has it has not this one.
    pub fn of_forms(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(b"counterpart/form/v1");
        hash.update(self.0);
        hash.finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_known_by_its_hash_and_another_is_not() {
        let secret = Secret::of("correct horse battery").unwrap();
        let again = Secret::of("correct horse battery").unwrap();

        assert!(secret.is("correct horse battery") && !secret.is("correct horse batterz") && !secret.is(""));
        assert_ne!(secret.text(), again.text(), "each has a salt of its own");
        assert!(Secret::kept(secret.text().into()).is("correct horse battery"));
    }

    #[test]
    fn who_did_an_act_is_said_in_words() {
        let said = |kept: &str| author(kept, &Words::english());

        assert_eq!(said("Duty officer"), "Duty officer");
        assert_eq!(
            said(&actor("Duty officer", "uid 0")),
            "Duty officer, by a link of the owner of this station’s machine"
        );
        assert_eq!(said(&actor("Watch", "Head of watch")), "Watch, by a link of Head of watch");
        assert_eq!(said("token dispatch"), "program dispatch");
    }

    #[test]
    fn the_hash_is_that_of_the_standard() {
        // Computed with the reference implementation in C, through Python's argon2-cffi.
        let found = hash("correct horse battery", b"0123456789abcdef", [19_456, 2, 1]).unwrap();

        assert_eq!(hexadecimal(&found), VECTOR);
    }

    const VECTOR: &str = "ebd23ba828c34ec430850a85be94098aa108d25190bf10bce1f5c4d0ab7171ae";

    #[test]
    fn what_is_no_hash_of_ours_is_nobodys_password() {
        let zeros = "0".repeat(64);
        for kept in ["", "argon2id", "plain secret", &format!("argon2id 999999999 2 1 {} {zeros}", "0".repeat(32))] {
            assert!(!Secret::kept(kept.into()).is("secret"), "{kept}");
        }
    }

    #[test]
    fn a_form_token_is_of_its_session_and_is_not_what_is_kept() {
        let [one, other] = [Token::draw().unwrap(), Token::draw().unwrap()];

        assert_ne!(one.of_forms(), other.of_forms());
        assert_ne!(one.of_forms(), one.hash());
        assert_eq!(Token::parse(&one.text()).map(|t| t.hash()), Some(one.hash()));
        assert!(Token::parse("00").is_none());
    }

    #[test]
    fn a_name_is_one_line_and_a_password_has_twelve_characters() {
        assert!(is_name("Duty officer 1") && is_name("Дежурный"));
        assert!(
            !is_name("") && !is_name(" x") && !is_name("a\nb") && !is_name(&"x".repeat(65)) && !is_name("a\u{202e}b")
        );
        assert!(!is_name(&actor("Watch", "Chief")) && is_name(&actor("Watch", "")));
        assert!(is_name("tokens") && !is_name("token Dispatch") && !is_name("UID 1000"));
        assert!(is_password("twelve chars") && !is_password("eleven char"));
    }
}
