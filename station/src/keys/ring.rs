//! All key sets of a station. `init` makes the first; root grants the others when an epoch is opened (`docs/protocol.md` §4.6).
//! Which set signs on a line is a matter of that line's record; the private halves of all of them stay here.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use super::file::sync_dir;
use super::{Drawn, KEYS_DIR, KeyError, Keys, Seed, read_set, set_file};

/// Key sets of one station; each belongs to an opening of an epoch, and a person stands behind each of those.
pub const SETS_MAX: usize = 256;

/// The key sets of a station, the oldest first; clones share them.
#[derive(Clone)]
pub struct Ring {
    first: Arc<Keys>,
    drawn: Arc<RwLock<Vec<Arc<Keys>>>>,
}

impl Ring {
    /// Reads every set of the station that keeps its data in `data`.
    ///
    /// # Errors
    /// As [`Keys::load`].
    pub fn load(data: &Path) -> Result<Ring, KeyError> {
        let ring = Ring::from(Keys::load(data)?);
        let dir = data.join(KEYS_DIR);
        // The station key is written last: without it a set is not whole, was never granted and never served.
        for number in 2..=SETS_MAX {
            if set_file(&dir, "station", number).exists() {
                ring.add(read_set(&dir, number)?);
            }
        }
        Ok(ring)
    }

    /// Draws a new set and puts it into `data`: a fresh station key and word key, and a fresh link key unless one is to stay
    /// in service. All is on disk when this returns. It serves once an epoch is opened with it, and not before a backup holds it.
    ///
    /// # Errors
    /// [`KeyError`]; then no set was added.
    pub fn draw(&self, data: &Path, link: Option<&Keys>) -> Result<Arc<Keys>, KeyError> {
        let dir = data.join(KEYS_DIR);
        let is_free = |number: &usize| {
            let taken = |role| set_file(&dir, role, *number).exists();
            !["station", "link", "word"].into_iter().any(taken)
        };
        let number = (2..=SETS_MAX).find(is_free).ok_or_else(|| KeyError::Taken { path: dir.clone() })?;
        let link = match link {
            Some(keys) => Drawn { role: "link", seed: Seed::new(*keys.link_seed()) },
            None => Drawn::new("link")?,
        };
        for key in [link, Drawn::new("word")?, Drawn::new("station")?] {
            key.write(&set_file(&dir, key.role, number))?;
        }
        sync_dir(&dir)?;
        Ok(self.add(read_set(&dir, number)?))
    }

    /// The set that `init` made.
    pub fn first(&self) -> Arc<Keys> {
        self.first.clone()
    }

    /// The set with this station key.
    pub fn of_station(&self, station: &[u8; 32]) -> Option<Arc<Keys>> {
        self.find(|keys| keys.public().station == *station)
    }

    /// The latest set with this link key.
    pub fn of_link(&self, link: &[u8; 32]) -> Option<Arc<Keys>> {
        self.find(|keys| keys.public().link == *link)
    }

    /// The latest set that `fits`.
    pub fn find(&self, fits: impl Fn(&Keys) -> bool) -> Option<Arc<Keys>> {
        self.all().into_iter().rev().find(|keys| fits(keys))
    }

    /// All of them, the oldest first.
    pub fn all(&self) -> Vec<Arc<Keys>> {
        let drawn = self.drawn.read().unwrap_or_else(PoisonError::into_inner);
        std::iter::once(&self.first).chain(drawn.iter()).cloned().collect()
    }

    fn add(&self, keys: Keys) -> Arc<Keys> {
        let keys = Arc::new(keys);
        self.drawn.write().unwrap_or_else(PoisonError::into_inner).push(keys.clone());
        keys
    }
}

impl From<Keys> for Ring {
    fn from(keys: Keys) -> Ring {
        Ring { first: Arc::new(keys), drawn: Arc::default() }
    }
}

impl fmt::Debug for Ring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Ring").field(&self.all()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::scratch::Scratch;

    fn station(name: &str) -> (Scratch, std::path::PathBuf, Ring) {
        let scratch = Scratch::new(name);
        let data = scratch.path().join("data");
        fs::create_dir(&data).unwrap();
        let keys = Keys::generate(&data, &scratch.path().join("root-key")).unwrap();
        (scratch, data, Ring::from(keys))
    }

    #[test]
    fn a_drawn_set_is_fresh_and_every_set_is_read_back() {
        let (_scratch, data, ring) = station("ring-drawn");
        let first = ring.first();

        let second = ring.draw(&data, None).unwrap();
        let third = ring.draw(&data, Some(&second)).unwrap();

        let read = Ring::load(&data).unwrap();
        assert_eq!((read.all().len(), ring.all().len()), (3, 3));
        for keys in [&first, &second, &third] {
            assert_eq!(read.of_station(&keys.public().station).unwrap().public(), keys.public());
            assert_eq!(keys.public().root, first.public().root);
        }
        let fresh = |a: &Keys, b: &Keys| a.public().station != b.public().station && a.public().word != b.public().word;
        assert!(fresh(&first, &second) && fresh(&second, &third));
        assert_ne!(first.public().link, second.public().link);
        assert_eq!(second.public().link, third.public().link);
        assert_eq!(read.of_link(&second.public().link).unwrap().public(), third.public());
        assert!(read.of_station(&[0; 32]).is_none());
    }

    #[test]
    fn a_draw_that_was_cut_short_is_no_set_and_its_files_are_not_used_again() {
        let (_scratch, data, ring) = station("ring-cut");
        let dir = data.join(KEYS_DIR);
        Drawn::new("link").unwrap().write(&set_file(&dir, "link", 2)).unwrap();

        assert_eq!(Ring::load(&data).unwrap().all().len(), 1);
        let drawn = ring.draw(&data, None).unwrap();

        assert!(set_file(&dir, "station", 3).exists() && !set_file(&dir, "station", 2).exists());
        assert_eq!(Ring::load(&data).unwrap().of_link(&drawn.public().link).unwrap().public(), drawn.public());
    }
}
