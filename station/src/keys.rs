//! A station's private keys: the only file that sees a secret, besides the transport, which takes the link key's seed.
//!
//! Their roles are apart from day one: the *root* key is made by `init` outside the data directory, goes offline and
//! signs new keys and epochs; the *station* key signs entries; the *link* key authenticates the link; the *word* key serves
//! deniable bodies. Each file holds one line, `counterpart-key-v1 ROLE HEX`, and is readable by its owner alone.

use std::fmt;
use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use curve25519_dalek::montgomery::MontgomeryPoint;
use ed25519_dalek::{Signer, SigningKey};
use zeroize::Zeroizing;

use crate::entropy;
use file::{PRIVATE, PUBLIC, line, parent, read_private, read_public, refuse_shared, sync_dir, write_new};

mod fault;
mod file;
mod granted;
mod ring;

pub use fault::KeyError;
pub use file::public_of;
pub use granted::{Granted, granted_file};
pub use ring::{Ring, SETS_MAX};

/// The folder of the data directory that holds the keys.
pub const KEYS_DIR: &str = "keys";

const STAGED_DIR: &str = "keys.new";
const ROOT_PUBLIC_FILE: &str = "root.public";

/// The public halves of a station's keys, as a charter names them: Ed25519, but for `word`, which is X25519.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PublicKeys {
    /// Signs new keys and new epochs; its private half is kept offline.
    pub root: [u8; 32],
    /// Signs entries.
    pub station: [u8; 32],
    /// Authenticates the link.
    pub link: [u8; 32],
    /// Serves deniable bodies.
    pub word: [u8; 32],
}

/// The private keys that a running station needs. Wiped from memory when dropped; shows only public halves.
pub struct Keys {
    station: SigningKey,
    link: Seed,
    word: Seed,
    public: PublicKeys,
}

/// The root's private key: loaded for one ceremony, then dropped, which wipes it.
pub struct RootKey(SigningKey);

type Seed = Zeroizing<[u8; 32]>;

impl Keys {
    /// Draws all keys of a new station: the root key into `root_key`, outside the data directory, root's list beside it, the
    /// others and the root's public half into `data`/keys. All is on disk when this returns; after an error nothing of it is left in place.
    ///
    /// # Errors
    /// [`KeyError`] if either place is taken, `root_key` lies inside `data`, or the disk or the operating system fails.
    pub fn generate(data: &Path, root_key: &Path) -> Result<Keys, KeyError> {
        let dir = data.join(KEYS_DIR);
        if dir.exists() {
            return Err(KeyError::Taken { path: dir });
        }
        refuse_inside(data, root_key)?;
        let list = granted_file(root_key);
        if let Some(path) = [root_key.to_path_buf(), list.clone()].into_iter().find(|path| path.exists()) {
            return Err(KeyError::Taken { path });
        }
        let root = Drawn::new("root")?;
        let drawn = [Drawn::new("station")?, Drawn::new("link")?, Drawn::new("word")?];
        root.write(root_key)?;
        let [station, ..] = &drawn;
        let granted = Granted { line: None, epoch: 0, station: station.public() };
        let placed = sync_dir(&parent(root_key))
            .and_then(|()| granted.append(&list))
            .and_then(|()| place(data, &root.public(), &drawn));
        if placed.is_err() {
            // Made a moment ago, by us, and of no use without the rest.
            drop(fs::remove_file(root_key));
            drop(fs::remove_file(list));
        }
        placed?;
        Keys::load(data)
    }

    /// Reads the keys of the station that keeps its data in `data`.
    ///
    /// # Errors
    /// [`KeyError`] if a file is missing or malformed, or if anyone but its owner may read it or its folder.
    pub fn load(data: &Path) -> Result<Keys, KeyError> {
        let dir = data.join(KEYS_DIR);
        let handle = File::open(&dir).map_err(|e| KeyError::reading(&dir, &e))?;
        refuse_shared(&handle, &dir, "700")?;
        read_set(&dir, 1)
    }

    /// Signs with the station key (RFC 8032, Ed25519). The caller has put the context into `message`.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.station.sign(message).to_bytes()
    }

    /// The link key's Ed25519 seed, for the transport alone.
    pub fn link_seed(&self) -> &[u8; 32] {
        &self.link
    }

    /// The word key's X25519 secret, not yet clamped, for deniable bodies alone.
    pub fn word_secret(&self) -> &[u8; 32] {
        &self.word
    }

    /// The public halves.
    pub fn public(&self) -> &PublicKeys {
        &self.public
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("public", &self.public).finish_non_exhaustive()
    }
}

impl RootKey {
    /// Reads a root key that [`Keys::generate`] wrote.
    ///
    /// # Errors
    /// [`KeyError`] if the file is missing or malformed, or if anyone but its owner may read it.
    pub fn load(path: &Path) -> Result<RootKey, KeyError> {
        Ok(RootKey(SigningKey::from_bytes(&*read_private(path, "root")?)))
    }

    /// Signs with the root key (RFC 8032, Ed25519). The caller has put the context into `message`.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }

    /// The public half.
    pub fn public(&self) -> [u8; 32] {
        self.0.verifying_key().to_bytes()
    }
}

impl fmt::Debug for RootKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RootKey").field("public", &self.public()).finish_non_exhaustive()
    }
}

/// A key just drawn, not yet on disk.
struct Drawn {
    role: &'static str,
    seed: Seed,
}

impl Drawn {
    fn new(role: &'static str) -> Result<Drawn, KeyError> {
        let mut seed = Seed::default();
        entropy::fill(&mut *seed)?;
        Ok(Drawn { role, seed })
    }

    fn public(&self) -> [u8; 32] {
        SigningKey::from_bytes(&self.seed).verifying_key().to_bytes()
    }

    fn write(&self, path: &Path) -> Result<(), KeyError> {
        write_new(path, &line(PRIVATE, self.role, &self.seed))
    }
}

/// Writes the keys into a folder beside, then renames it: a crash leaves all keys or none.
fn place(data: &Path, root_public: &[u8; 32], drawn: &[Drawn]) -> Result<(), KeyError> {
    let staged = data.join(STAGED_DIR);
    let dir = data.join(KEYS_DIR);
    if staged.exists() {
        // Left by an `init` that was cut short: these keys never served.
        fs::remove_dir_all(&staged).map_err(|e| KeyError::writing(&staged, &e))?;
    }
    DirBuilder::new().mode(0o700).create(&staged).map_err(|e| KeyError::writing(&staged, &e))?;
    for key in drawn {
        key.write(&key_file(&staged, key.role))?;
    }
    write_new(&staged.join(ROOT_PUBLIC_FILE), &line(PUBLIC, "root", root_public))?;
    sync_dir(&staged)?;
    fs::rename(&staged, &dir).map_err(|e| KeyError::writing(&dir, &e))?;
    sync_dir(data)
}

fn key_file(dir: &Path, role: &str) -> PathBuf {
    dir.join(format!("{role}.key"))
}

/// The file of a key in a set: those of the first, which `init` made, bear no number.
fn set_file(dir: &Path, role: &str, number: usize) -> PathBuf {
    if number == 1 { key_file(dir, role) } else { dir.join(format!("{role}-{number}.key")) }
}

fn read_set(dir: &Path, number: usize) -> Result<Keys, KeyError> {
    let read = |role| read_private(&set_file(dir, role, number), role);
    let station = SigningKey::from_bytes(&*read("station")?);
    let (link, word) = (read("link")?, read("word")?);
    let public = PublicKeys {
        root: read_public(&dir.join(ROOT_PUBLIC_FILE), "root")?,
        station: station.verifying_key().to_bytes(),
        link: SigningKey::from_bytes(&link).verifying_key().to_bytes(),
        word: MontgomeryPoint::mul_base_clamped(*word).to_bytes(),
    };
    Ok(Keys { station, link, word, public })
}

fn refuse_inside(data: &Path, root_key: &Path) -> Result<(), KeyError> {
    let outer = fs::canonicalize(data).map_err(|e| KeyError::reading(data, &e))?;
    let dir = parent(root_key);
    let inner = fs::canonicalize(&dir).map_err(|e| KeyError::reading(&dir, &e))?;
    if inner.starts_with(outer) {
        return Err(KeyError::RootInside { path: root_key.into() });
    }
    Ok(())
}

impl counterpart_core::record::sign1::Sign for Keys {
    fn public(&self) -> counterpart_core::record::sign1::PublicKey {
        counterpart_core::record::sign1::PublicKey::from_bytes(self.public.station)
    }

    fn sign(&self, message: &[u8]) -> [u8; 64] {
        Keys::sign(self, message)
    }
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::VerifyingKey;

    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::scratch::Scratch;
    use file::parse;

    fn made(name: &str) -> (Scratch, PathBuf, PathBuf, Keys) {
        let scratch = Scratch::new(name);
        let data = scratch.path().join("data");
        fs::create_dir(&data).unwrap();
        let root = scratch.path().join("northland.root-key");
        let keys = Keys::generate(&data, &root).unwrap();
        (scratch, data, root, keys)
    }

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn keys_written_are_read_back_and_sign() {
        let (_scratch, data, root, made) = made("keys-read-back");

        let read = Keys::load(&data).unwrap();
        let signature = read.sign(b"an entry");

        assert_eq!(read.public(), made.public());
        assert_eq!(RootKey::load(&root).unwrap().public(), read.public().root);
        let public = VerifyingKey::from_bytes(&read.public().station).unwrap();
        assert!(public.verify_strict(b"an entry", &signature.into()).is_ok());
    }

    #[test]
    fn the_word_keys_public_half_is_that_of_rfc_7748() {
        let (_scratch, data, _root, _keys) = made("keys-x25519");
        let mut nine = [0; 32];
        nine[0] = 9;
        fs::write(key_file(&data.join(KEYS_DIR), "word"), line(PRIVATE, "word", &nine).as_bytes()).unwrap();

        let public = Keys::load(&data).unwrap().public().word;

        // RFC 7748 §5.2: the base point, 9, after one iteration with the scalar 9.
        let after_one = b"v word 422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079";
        assert_eq!(public, *parse(after_one, "v", "word").unwrap());
    }

    #[test]
    fn the_root_key_is_not_in_the_data_directory() {
        let (_scratch, data, root, _keys) = made("keys-root-outside");
        let seed = fs::read_to_string(&root).unwrap();
        let seed = seed.trim().rsplit(' ').next().unwrap();

        for entry in fs::read_dir(data.join(KEYS_DIR)).unwrap() {
            assert!(!fs::read_to_string(entry.unwrap().path()).unwrap().contains(seed));
        }
    }

    #[test]
    fn a_root_key_inside_the_data_directory_is_refused_and_nothing_is_made() {
        let scratch = Scratch::new("keys-root-inside");
        let inside = scratch.path().join("n.root-key");

        let error = Keys::generate(scratch.path(), &inside).unwrap_err();

        assert!(matches!(error, KeyError::RootInside { .. }));
        assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 0);
    }

    #[test]
    fn keys_are_never_overwritten() {
        let (scratch, data, root, keys) = made("keys-overwrite");

        let same = Keys::generate(&data, &scratch.path().join("other")).unwrap_err();
        let other = scratch.path().join("other-data");
        fs::create_dir(&other).unwrap();
        let taken_root = Keys::generate(&other, &root).unwrap_err();

        assert!(matches!(same, KeyError::Taken { .. }));
        assert_eq!(taken_root, KeyError::Taken { path: root });
        assert!(!other.join(KEYS_DIR).exists());
        assert_eq!(Keys::load(&data).unwrap().public(), keys.public());
    }

    #[test]
    fn a_key_that_others_may_read_is_refused_with_the_chmod_that_mends_it() {
        let (_scratch, data, root, _keys) = made("keys-mode");
        let station = key_file(&data.join(KEYS_DIR), "station");

        set_mode(&station, 0o640);
        let text = Keys::load(&data).unwrap_err().to_string();
        set_mode(&station, 0o600);
        set_mode(&data.join(KEYS_DIR), 0o755);
        let folder = Keys::load(&data).unwrap_err().to_string();
        set_mode(&root, 0o604);

        assert!(text.contains(&format!("chmod 600 {}", station.display())), "{text}");
        assert!(folder.contains("mode 755") && folder.contains("chmod 700"), "{folder}");
        assert!(matches!(RootKey::load(&root), Err(KeyError::Shared { mode: 0o604, .. })));
    }

    #[test]
    fn files_are_made_for_the_owner_alone() {
        let (_scratch, data, root, _keys) = made("keys-made-mode");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;

        assert_eq!(mode(&root), 0o600);
        assert_eq!(mode(&data.join(KEYS_DIR)), 0o700);
        for entry in fs::read_dir(data.join(KEYS_DIR)).unwrap() {
            assert_eq!(mode(&entry.unwrap().path()), 0o600);
        }
    }

    #[test]
    fn a_key_of_another_role_or_cut_short_is_refused() {
        let (_scratch, data, _root, _keys) = made("keys-malformed");
        let dir = data.join(KEYS_DIR);
        let whole = fs::read(key_file(&dir, "link")).unwrap();

        fs::write(key_file(&dir, "station"), &whole).unwrap();
        let role = Keys::load(&data).unwrap_err();
        fs::write(key_file(&dir, "station"), &whole[..40]).unwrap();
        let short = Keys::load(&data).unwrap_err();

        assert!(matches!(role, KeyError::Malformed { .. }));
        assert!(matches!(short, KeyError::Malformed { .. }));
        assert!(role.to_string().contains("counterpart-key-v1 station HEX"), "{role}");
    }

    #[test]
    fn no_secret_is_in_any_debug_or_error_text() {
        let (_scratch, data, root, keys) = made("keys-debug");
        let dir = data.join(KEYS_DIR);
        let secret = |path: &Path| {
            let text = fs::read_to_string(path).unwrap();
            text.trim().rsplit(' ').next().unwrap().to_owned()
        };
        let secrets = ["station", "link", "word"].map(|role| secret(&key_file(&dir, role)));
        let root_key = RootKey::load(&root).unwrap();
        fs::write(key_file(&dir, "station"), format!("{PRIVATE} station {}zz", secrets[0])).unwrap();
        let error = Keys::load(&data).unwrap_err();

        let shown = format!("{keys:?} {keys:#?} {root_key:?} {root_key:#?} {error} {error:?}");

        let listed = format!("{:?}", keys.link_seed());
        assert!(secrets.iter().all(|s| !shown.contains(s)) && !shown.contains(&secret(&root)));
        assert!(!shown.contains(&listed));
    }
}
