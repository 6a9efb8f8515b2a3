//! The core without std: a dependency of the core that pulls std in fails to compile here.
//!
//! It fails because this library has a panic handler of its own and std brings a second one: rustc stops with
//! "error[E0152]: found duplicate lang item `panic_impl`" and names the crate through which std came. Try it: give
//! minicbor the feature "std" in `core/Cargo.toml`. Only crates that the code of the core names are loaded, so a
//! dependency that is listed and never used passes. `cargo build -p counterpart-core` alone links std without a word.
#![no_std]

use core::alloc::{GlobalAlloc, Layout};
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use counterpart_core::record::{merkle, sign1};

#[panic_handler]
fn stop(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

/// Hands out memory from one array and takes none back.
struct Bump(core::cell::UnsafeCell<[u8; MEMORY_BYTES]>, AtomicUsize);

const MEMORY_BYTES: usize = 65_536;

#[global_allocator]
static MEMORY: Bump = Bump(
    core::cell::UnsafeCell::new([0; MEMORY_BYTES]),
    AtomicUsize::new(0),
);

// SAFETY: `alloc` never hands out one byte twice, so nobody shares what lies in the cell.
unsafe impl Sync for Bump {}

// SAFETY: each block lies inside the array, is aligned as asked, and overlaps no other: the counter only grows.
unsafe impl GlobalAlloc for Bump {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let most = layout.size() + layout.align();
        let used = self.1.fetch_add(most, Relaxed);
        if used + most > MEMORY_BYTES {
            return core::ptr::null_mut();
        }
        let free = self.0.get().cast::<u8>().wrapping_add(used);
        free.wrapping_add(free.align_offset(layout.align()))
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}

/// Goes through allocation, hashing and signatures, so that none of it is left out of the library.
#[unsafe(no_mangle)]
pub extern "C" fn counterpart_bare() -> bool {
    let key = sign1::SoftKey::from_seed([7; 32]);
    let sealed = sign1::seal(sign1::AAD_ENTRY, b"bare", &key);
    let mut edge = merkle::Edge::new();
    edge.push(merkle::leaf_hash(&sealed));
    merkle::Edge::from_bytes(&edge.to_bytes()).is_ok_and(|read| read.root() == edge.root())
}
