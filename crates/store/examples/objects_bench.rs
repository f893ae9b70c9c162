//! How fast one object goes to disk and comes back: 256 MiB uploaded, flushed, and streamed. Run it in release:
//! `cargo run --release -p deedbox-store --example objects_bench`. Prints megabytes a second, with a plain copy through
//! the same hasher and a plain read beside them. Not a test: judges nothing.
#![allow(clippy::print_stdout, reason = "it prints figures")]

use bytes::Bytes;
use deedbox_model::{Hasher, ObjectRef};
use deedbox_store::{Opening, StoreSettings, Stores};
use futures::TryStreamExt;
use std::time::Instant;

const SIZE: usize = 256 << 20;

fn rate(what: &str, since: Instant) {
    println!("{what:<44} {:>7.0} MB/s", SIZE as f64 / 1e6 / since.elapsed().as_secs_f64());
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let stores = Stores::open(&StoreSettings::in_folder(folder.path()), Opening::ToWrite)?;
    let store = &stores.objects;
    let bytes: Bytes = (0..SIZE).map(|i| (i % 251) as u8).collect::<Vec<_>>().into();
    let object = ObjectRef::of(&bytes);
    for _ in 0..2 {
        let since = Instant::now();
        let (size, _) = Hasher::of(&bytes);
        std::fs::write(folder.path().join("plain"), &bytes)?;
        std::fs::File::open(folder.path().join("plain"))?.sync_all()?;
        rate(&format!("hash, then write and flush {size} bytes"), since);

        let since = Instant::now();
        let mut upload = store.begin().await?;
        for start in (0..SIZE).step_by(16 << 10) {
            upload.write(bytes.slice(start..start + (16 << 10))).await?;
        }
        upload.finish(object).await?;
        rate("upload in pieces of 16 KiB", since);

        let since = Instant::now();
        let read = std::fs::read(folder.path().join("plain"))?;
        rate("plain read", since);
        drop(read);

        let since = Instant::now();
        let stream = store.read(&object.sha256, 0..object.size).await?.ok_or("the object is missing")?;
        let seen = stream.try_fold(0, |seen, piece| async move { Ok(seen + piece.len()) }).await?;
        if seen != SIZE {
            return Err("bytes are missing".into());
        }
        rate("streamed read", since);
    }
    Ok(())
}
