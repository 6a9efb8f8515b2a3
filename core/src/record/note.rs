//! C2SP signed notes (c2sp.org/signed-note): a text, an empty line, and one line for each signature.
//!
//! Of the signature types only Ed25519 (0x01) is written and verified here. Lines of other types and of other keys are
//! kept and passed on.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;

use sha2::{Digest, Sha256};

use super::base64;
use super::sign1::{PublicKey, Sign, Verify};

/// The most bytes of a note, signatures included: enough for sixteen of ML-DSA-44.
pub const NOTE_BYTES_MAX: usize = 65_536;
/// The most signatures of a note. The specification asks that sixteen be taken.
pub const SIGNATURES_MAX: usize = 16;

/// The type of a signature by Ed25519 over the text of the note.
const ED25519: u8 = 0x01;
/// How a signature line begins: an em dash and a space.
const LINE_BEGIN: &str = "\u{2014} ";

/// Why something is not a note, or may not become one, or is not signed by whom it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoteFault {
    /// Longer than [`NOTE_BYTES_MAX`].
    Long,
    /// Not UTF-8, or with a control character other than the end of a line.
    Characters,
    /// The text does not end a line, or no empty line stands between it and at least one signature.
    Form,
    /// A key name is empty or has a space or a plus sign.
    Name,
    /// A line after the empty line is not a signature line.
    Line,
    /// More signatures than [`SIGNATURES_MAX`].
    Signatures,
    /// The signature of a known key does not verify: of the key of this name.
    Forged(String),
    /// No known key has signed.
    NoKnownKey,
}

impl fmt::Display for NoteFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Long => "a note has at most 65,536 bytes",
            Self::Characters => "a note is UTF-8 without control characters",
            Self::Form => "a note is a text that ends its last line, an empty line, and signatures",
            Self::Name => "a key name is not empty and has neither spaces nor plus signs",
            Self::Line => "a line that should be a signature is none",
            Self::Signatures => "a note has at most 16 signatures",
            Self::Forged(name) => return write!(f, "the signature by {name} does not verify"),
            Self::NoKnownKey => "no known key has signed this note",
        })
    }
}

impl core::error::Error for NoteFault {}

/// A key of Ed25519 by the name under which it signs notes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteKey {
    name: String,
    public: PublicKey,
    id: [u8; 4],
}

impl NoteKey {
    /// Names a key. The name should be an address without its scheme, such as `example.org/log`.
    ///
    /// # Errors
    /// [`NoteFault::Name`] if the name may not stand in a signature line.
    pub fn new(name: &str, public: PublicKey) -> Result<Self, NoteFault> {
        if !is_name(name) {
            return Err(NoteFault::Name);
        }
        Ok(Self { name: name.to_string(), public, id: key_id(name, &public) })
    }

    /// The name under which it signs.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key itself.
    pub const fn public(&self) -> &PublicKey {
        &self.public
    }

    /// The four bytes that stand for it in a signature line. They identify, they do not authenticate.
    pub const fn id(&self) -> [u8; 4] {
        self.id
    }
}

/// The first four bytes of the SHA-256 of the name, a line feed, the type and the public key.
fn key_id(name: &str, public: &PublicKey) -> [u8; 4] {
    let hash =
        Sha256::new().chain_update(name).chain_update([b'\n', ED25519]).chain_update(public.as_bytes()).finalize();
    [hash[0], hash[1], hash[2], hash[3]]
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && is_clean(name) && !name.contains(|c: char| c.is_whitespace() || c == '+')
}

/// Whether no ASCII control character stands in a text, except at the ends of lines.
fn is_clean(text: &str) -> bool {
    text.bytes().all(|byte| byte >= b' ' || byte == b'\n')
}

/// One signature line, verified or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteLine {
    name: String,
    id: [u8; 4],
    signature: Vec<u8>,
}

impl NoteLine {
    /// The name of the key that is said to have signed.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The four bytes that stand for the key and the type of its signature.
    pub const fn id(&self) -> [u8; 4] {
        self.id
    }

    /// The signature, in whatever form its type has; never empty.
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// Reads a line without its end.
    fn parse(line: &str) -> Result<Self, NoteFault> {
        let (name, coded) =
            line.strip_prefix(LINE_BEGIN).and_then(|rest| rest.split_once(' ')).ok_or(NoteFault::Line)?;
        let decoded = base64::decode(coded).ok_or(NoteFault::Line)?;
        match decoded.split_first_chunk() {
            Some((id, signature)) if is_name(name) && !signature.is_empty() => {
                Ok(Self { name: name.to_string(), id: *id, signature: signature.to_vec() })
            }
            _ => Err(NoteFault::Line),
        }
    }

    fn is_by(&self, key: &NoteKey) -> bool {
        self.name == key.name && self.id == key.id
    }
}

impl fmt::Display for NoteLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let coded = base64::encode(&[&self.id, self.signature.as_slice()].concat());
        writeln!(f, "{LINE_BEGIN}{} {coded}", self.name)
    }
}

/// A text and at least one signature, within the limits of this module. Shown, it is the note as it travels.
///
/// The text must not be believed before [`Note::verify`] has named who signed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    text: String,
    lines: Vec<NoteLine>,
}

impl Note {
    /// Signs a text, which ends its last line, under a name.
    ///
    /// # Errors
    /// Whatever the text or the name would break in the note.
    pub fn sign(text: &str, name: &str, key: &dyn Sign) -> Result<Self, NoteFault> {
        if !is_clean(text) {
            return Err(NoteFault::Characters);
        }
        if !text.ends_with('\n') {
            return Err(NoteFault::Form);
        }
        let mut note = Self { text: text.to_string(), lines: Vec::new() };
        note.cosign(name, key)?;
        Ok(note)
    }

    /// Adds a signature over the same text.
    ///
    /// # Errors
    /// [`NoteFault::Name`], [`NoteFault::Signatures`] or [`NoteFault::Long`]; the note is then as it was.
    pub fn cosign(&mut self, name: &str, key: &dyn Sign) -> Result<(), NoteFault> {
        let id = NoteKey::new(name, key.public())?.id;
        if self.lines.len() == SIGNATURES_MAX {
            return Err(NoteFault::Signatures);
        }
        let signature = key.sign(self.text.as_bytes()).to_vec();
        self.lines.push(NoteLine { name: name.to_string(), id, signature });
        if self.to_string().len() > NOTE_BYTES_MAX {
            self.lines.pop();
            return Err(NoteFault::Long);
        }
        Ok(())
    }

    /// Reads a note. Nothing is verified.
    ///
    /// # Errors
    /// The first rule of the form or of the limits that does not hold.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteFault> {
        if bytes.len() > NOTE_BYTES_MAX {
            return Err(NoteFault::Long);
        }
        let note = str::from_utf8(bytes).ok().filter(|note| is_clean(note)).ok_or(NoteFault::Characters)?;
        // The last empty line parts them: the text itself may have others.
        let (text, lines) = note.rsplit_once("\n\n").ok_or(NoteFault::Form)?;
        let lines = lines.strip_suffix('\n').ok_or(NoteFault::Form)?;
        if lines.split('\n').count() > SIGNATURES_MAX {
            return Err(NoteFault::Signatures);
        }
        let lines = lines.split('\n').map(NoteLine::parse).collect::<Result<_, _>>()?;
        Ok(Self { text: text.to_string() + "\n", lines })
    }

    /// What is signed: lines that each end.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signature lines in their order, one at least.
    pub fn lines(&self) -> &[NoteLine] {
        &self.lines
    }

    /// Which of the known keys have signed, each once and one at least. Lines of other keys say nothing, even under a
    /// known name.
    ///
    /// # Errors
    /// [`NoteFault::Forged`] if a line that names a known key does not verify under it, whatever else verifies, and
    /// [`NoteFault::NoKnownKey`] if there is no such line.
    pub fn verify<'a>(&self, known: &'a [NoteKey], verify: &dyn Verify) -> Result<Vec<&'a NoteKey>, NoteFault> {
        let mut signers: Vec<&NoteKey> = Vec::new();
        for line in &self.lines {
            let Some(key) = known.iter().find(|key| line.is_by(key)) else {
                continue;
            };
            let signature = line.signature.as_slice().try_into();
            if !signature.is_ok_and(|signature| verify.verify(&key.public, self.text.as_bytes(), signature)) {
                return Err(NoteFault::Forged(key.name.clone()));
            }
            if !signers.contains(&key) {
                signers.push(key);
            }
        }
        if signers.is_empty() { Err(NoteFault::NoKnownKey) } else { Ok(signers) }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.lines.iter().try_for_each(|line| line.fmt(f))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests {
    use super::*;
    use crate::record::sign1::{SoftKey, Strict};
    use alloc::format;

    /// The example of the specification, whose public key and key ID it prints.
    const EXAMPLE: &str = concat!(
        "This is an example message.\n\n\u{2014} example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ON",
        "ncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n",
    );

    fn example_key() -> NoteKey {
        let key = base64::decode("AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k").unwrap();
        NoteKey::new("example.com/foo", PublicKey::parse(&key[1..]).unwrap()).unwrap()
    }

    fn key(seed: u8) -> SoftKey {
        SoftKey::from_seed([seed; 32])
    }

    fn known(name: &str, seed: u8) -> NoteKey {
        NoteKey::new(name, key(seed).public()).unwrap()
    }

    #[test]
    fn the_example_of_the_specification_is_read_verified_and_written() {
        let note = Note::parse(EXAMPLE.as_bytes()).unwrap();

        assert_eq!(note.text(), "This is an example message.\n");
        assert_eq!(example_key().id(), [0x53, 0x0d, 0x90, 0x3a]);
        assert_eq!(note.verify(&[example_key()], &Strict).unwrap(), [&example_key()]);
        assert_eq!(note.to_string(), EXAMPLE);
    }

    #[test]
    fn a_note_that_several_keys_signed_names_those_that_are_known() {
        let mut note = Note::sign("one\n\ntwo\n\n", "a.example", &key(1)).unwrap();
        note.cosign("b.example", &key(2)).unwrap();
        note.cosign("b.example", &key(2)).unwrap();

        let read = Note::parse(note.to_string().as_bytes()).unwrap();

        assert_eq!(read, note);
        assert_eq!(read.text(), "one\n\ntwo\n\n");
        let (a, b) = (known("a.example", 1), known("b.example", 2));
        assert_eq!(read.verify(&[b.clone(), a.clone()], &Strict).unwrap(), [&a, &b]);
        assert_eq!(read.verify(core::slice::from_ref(&b), &Strict).unwrap(), [&b]);
    }

    #[test]
    fn lines_of_keys_that_are_not_known_say_nothing() {
        let note = Note::sign("text\n", "a.example", &key(1)).unwrap();

        for other in [known("b.example", 1), known("a.example", 2)] {
            assert_eq!(note.verify(&[other], &Strict), Err(NoteFault::NoKnownKey));
        }
        assert_eq!(note.verify(&[], &Strict), Err(NoteFault::NoKnownKey));
    }

    #[test]
    fn a_known_key_whose_line_does_not_verify_spoils_the_note() {
        let mut note = Note::sign("text\n", "a.example", &key(1)).unwrap();
        note.cosign("b.example", &key(2)).unwrap();
        let keys = [known("a.example", 1), known("b.example", 2)];

        note.lines[1].signature[5] ^= 1;
        assert_eq!(note.verify(&keys, &Strict), Err(NoteFault::Forged("b.example".into())));
        note.lines[1].signature.truncate(63);
        assert_eq!(note.verify(&keys, &Strict), Err(NoteFault::Forged("b.example".into())));
        assert!(note.verify(&keys[..1], &Strict).is_ok());
        note.text.push('\n');
        assert_eq!(note.verify(&keys[..1], &Strict), Err(NoteFault::Forged("a.example".into())));
    }

    #[test]
    fn what_is_not_a_note_is_refused_by_what_is_wrong() {
        let line = EXAMPLE.split_once("\n\n").unwrap().1;
        let cases = [
            ("", NoteFault::Form),
            ("text\n", NoteFault::Form),
            ("text\n\n", NoteFault::Form),
            (&format!("text\n{line}"), NoteFault::Form),
            (EXAMPLE.trim_end(), NoteFault::Form),
            (&format!("text\n\n{line}\n"), NoteFault::Form),
            (&format!("text\r\n\n{line}"), NoteFault::Characters),
            (&format!("te\u{0}xt\n\n{line}"), NoteFault::Characters),
            (&format!("text\n\n-{line}"), NoteFault::Line),
            (&format!("text\n\n{}", line.replace("example.com/foo", "a+b")), NoteFault::Line),
            (&format!("text\n\n{}", line.replace("example.com/foo", "a\u{a0}b")), NoteFault::Line),
            (&format!("text\n\n{}", line.replace("example.com/foo ", " ")), NoteFault::Line),
            (&format!("text\n\n{}", line.replace("aQM=", "aQN=")), NoteFault::Line),
            ("text\n\n\u{2014} a AAAAAA==\n", NoteFault::Line),
            (&format!("text\n\n{}", line.repeat(17)), NoteFault::Signatures),
            (&format!("{}\n\n{line}", "x".repeat(NOTE_BYTES_MAX)), NoteFault::Long),
        ];

        for (bytes, fault) in cases {
            assert_eq!(Note::parse(bytes.as_bytes()), Err(fault), "{bytes:?}");
        }
        assert_eq!(Note::parse(b"\xff\n\n"), Err(NoteFault::Characters));
        assert!(Note::parse(format!("text\n\n{}", line.repeat(16)).as_bytes()).is_ok());
    }

    #[test]
    fn a_note_beyond_its_limits_is_not_written() {
        assert_eq!(Note::sign("text", "a", &key(1)), Err(NoteFault::Form));
        assert_eq!(Note::sign("te\txt\n", "a", &key(1)), Err(NoteFault::Characters));
        assert_eq!(Note::sign("text\n", "a b", &key(1)), Err(NoteFault::Name));
        assert_eq!(Note::sign("text\n", "a\nb", &key(1)), Err(NoteFault::Name));
        assert_eq!(Note::sign("text\n", "a\u{1}", &key(1)), Err(NoteFault::Name));
        assert_eq!(Note::sign(&("x".repeat(NOTE_BYTES_MAX) + "\n"), "a", &key(1)), Err(NoteFault::Long));

        let full = "x".repeat(NOTE_BYTES_MAX - 150) + "\n";
        let mut note = Note::sign(&full, "a", &key(1)).unwrap();
        let before = note.clone();
        assert_eq!(note.cosign("b", &key(2)), Err(NoteFault::Long));
        assert_eq!(note, before);

        let mut note = Note::sign("text\n", "a", &key(1)).unwrap();
        for _ in 1..SIGNATURES_MAX {
            note.cosign("a", &key(1)).unwrap();
        }
        assert_eq!(note.cosign("a", &key(1)), Err(NoteFault::Signatures));
        assert_eq!(Note::parse(note.to_string().as_bytes()).unwrap(), note);
    }

    #[test]
    fn no_changed_byte_of_a_note_passes_and_none_stops_the_reader() {
        for (at, byte) in (0..EXAMPLE.len()).flat_map(|at| (0..=255).map(move |byte| (at, byte))) {
            let mut changed = EXAMPLE.as_bytes().to_vec();
            changed[at] = byte;

            let passes = Note::parse(&changed).is_ok_and(|note| note.verify(&[example_key()], &Strict).is_ok());

            assert_eq!(passes, changed == EXAMPLE.as_bytes());
        }
    }
}
