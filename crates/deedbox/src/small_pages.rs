//! Pages of memory of the usual size. The allocator asks for large ones (2 MiB), and every thread then holds megabytes for the few
//! kilobytes that it uses: a registry that nobody asked anything held twice the memory, and a publisher half as much again; both were as fast
//! without it.

/// From here on this process gets pages of the usual size, and so do the programs that it starts, to which it makes no difference that
/// anybody would notice. A system that refuses keeps large ones, which costs memory alone.
pub(crate) fn only() {
    #[cfg(target_os = "linux")]
    let _ = rustix::thread::disable_transparent_huge_pages(true);
}
