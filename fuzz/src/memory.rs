//! A bound on single allocations. The fuzzer sees pages that were touched; a parser that believes a length and reserves
//! gigabytes touches none of them. This allocator makes that a crash, whatever the input promised.

use std::alloc::{GlobalAlloc, Layout, System};

/// More than any target needs at once: the largest limit of a room that an input can reach within its `-max_len`, many times over.
const LARGEST: usize = 128 * 1024 * 1024;

struct Bounded;

#[global_allocator]
static ALLOCATOR: Bounded = Bounded;

// SAFETY: every call goes on to the system's allocator with its arguments unchanged, or the process ends.
unsafe impl GlobalAlloc for Bounded {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        check(layout.size());
        unsafe { System.alloc(layout) }
    }
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        check(layout.size());
        unsafe { System.alloc_zeroed(layout) }
    }
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        check(size);
        unsafe { System.realloc(pointer, layout, size) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }
}

fn check(size: usize) {
    if size > LARGEST {
        eprintln!("one allocation of {size} bytes: more than {LARGEST}");
        std::process::abort();
    }
}
