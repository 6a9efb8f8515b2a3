//! A clock that a test moves under a station that runs: a small library, built here by the C compiler that every build needs anyhow,
//! that stands before the C library's `clock_gettime`.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "each test program uses its part; tests fail by panicking"
)]

use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process::Command;

use super::scratch::Scratch;

/// Adds the seconds in the first eight bytes of a file to the time of day, and those in the next eight to moments.
const SOURCE: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

static const volatile int64_t *ahead;
static int (*real)(clockid_t, struct timespec *);

__attribute__((constructor)) static void begin(void) {
    real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    const char *name = getenv("MOVED_CLOCK");
    int file = name ? open(name, O_RDONLY | O_CLOEXEC) : -1;
    void *at = file < 0 ? MAP_FAILED : mmap(0, 16, PROT_READ, MAP_SHARED, file, 0);
    if (at != MAP_FAILED) ahead = at;
}

int clock_gettime(clockid_t id, struct timespec *at) {
    if (!real) begin();
    int done = real(id, at);
    if (ahead && id == CLOCK_REALTIME) at->tv_sec += ahead[0];
    if (ahead && id == CLOCK_MONOTONIC) at->tv_sec += ahead[1];
    return done;
}
"#;

/// Builds the library once for a test; `None`, and said so: there is no C compiler.
pub fn build(scratch: &Scratch) -> Option<PathBuf> {
    let (source, library) = (scratch.path().join("clock.c"), scratch.path().join("clock.so"));
    std::fs::write(&source, SOURCE).unwrap();
    let mut compiler = Command::new("cc");
    let built = compiler.args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&source).arg("-ldl").status();
    built.is_ok_and(|status| status.success()).then_some(library)
}

/// The clock of one station.
pub struct MovedClock {
    library: PathBuf,
    path: PathBuf,
    file: std::fs::File,
}

impl MovedClock {
    /// One that stands where the machine's stands.
    pub fn new(scratch: &Scratch, library: PathBuf, name: &str) -> MovedClock {
        let path = scratch.path().join(format!("{name}.clock"));
        std::fs::write(&path, [0; 16]).unwrap();
        let file = std::fs::File::options().write(true).open(&path).unwrap();
        MovedClock { library, path, file }
    }

    /// The time of day is `seconds` ahead of the machine's from now on.
    pub fn set_day_ahead(&self, seconds: i64) {
        self.file.write_all_at(&seconds.to_ne_bytes(), 0).unwrap();
    }

    /// Moments are `seconds` ahead of the machine's from now on; less than before is not allowed: they never go back.
    pub fn set_moments_ahead(&self, seconds: i64) {
        self.file.write_all_at(&seconds.to_ne_bytes(), 8).unwrap();
    }

    /// What a station's process needs in its environment to live by it.
    pub fn environment(&self) -> Vec<(String, String)> {
        let [library, path] = [&self.library, &self.path].map(|path| path.display().to_string());
        vec![("LD_PRELOAD".into(), library), ("MOVED_CLOCK".into(), path)]
    }
}
