//! The stores of one registry, opened from settings and closed in one place (docs/ARCHITECTURE.md, "Composition"): for `serve`, `replay`,
//! `fsck` and tests alike. Keeps apart what will live apart. The only file that knows which engine keeps what; decides nothing about what
//! is kept.

use crate::commits::Commits;
use crate::disk::{DiskFiles, DiskStore, files_of, open_disk, open_disk_to_read};
use crate::error::{Failing, StoreError};
use crate::files::Files;
use crate::head::LogStore;
use crate::layout::{ROWS, SIGNER};
use crate::objects::Objects;
use crate::rows::RowStore;
use crate::sqlite::SqliteRows;
use deedbox_model::ProjectionId;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use crate::disk::FoundFile;

/// Where a registry is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreSettings {
    /// The data directory: all stores are in it.
    pub data: PathBuf,
}

impl StoreSettings {
    /// All stores in one data directory.
    pub fn in_folder(data: &Path) -> Self {
        StoreSettings { data: data.to_owned() }
    }
}

/// What opening is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// To write. What is missing is made.
    ToWrite,
    /// To write; where the medium is full or can only be read, to read what is there.
    ToWriteOrRead,
    /// To read: makes nothing, and flushes nothing.
    ToRead,
}

/// The stores of one registry. Nobody else has them while this value lives; `close` ends that in order, and dropping it as a crash would.
pub struct Stores {
    /// Objects, and what uploads leave.
    pub objects: Arc<dyn Objects>,
    /// Numbered commits.
    pub commits: Arc<dyn Commits>,
    /// The log's files, and its head.
    pub log: LogStore,
    /// The signer's memory.
    pub signer: Arc<dyn Files>,
    rows: Option<RowStores>,
    unwritable: Option<StoreError>,
    data: PathBuf,
    /// The same as above, with what only this engine does; and the lock.
    disk: DiskStore,
    signer_files: DiskFiles,
}

impl Stores {
    /// Opens all but the rows, and takes the lock. Before anything is read, everything that is visible is flushed: see `open_disk`.
    ///
    /// Errors: `InUse` if another process has them; `Medium` if they cannot be made, locked, flushed or read.
    pub fn open(settings: &StoreSettings, opening: Opening) -> Result<Self, StoreError> {
        let data = &settings.data;
        match opening {
            Opening::ToWrite => Self::to_write(data),
            Opening::ToRead => {
                let asked =
                    StoreError::failing(Failing::ReadOnly, format!("writing to {}", data.display()), "this start was asked to read only");
                Self::to_read(data, asked)
            }
            Opening::ToWriteOrRead => match Self::to_write(data) {
                Err(error) if matches!(error.how(), Some(Failing::Full | Failing::ReadOnly)) => Self::to_read(data, error),
                opened => opened,
            },
        }
    }

    fn to_write(data: &Path) -> Result<Self, StoreError> {
        Ok(Self::of(data, open_disk(data)?, DiskFiles::open(&data.join(SIGNER))?, None))
    }

    fn to_read(data: &Path, why: StoreError) -> Result<Self, StoreError> {
        Ok(Self::of(data, open_disk_to_read(data)?, DiskFiles::open_to_read(&data.join(SIGNER))?, Some(why)))
    }

    fn of(data: &Path, disk: DiskStore, signer_files: DiskFiles, unwritable: Option<StoreError>) -> Self {
        Stores {
            objects: Arc::new(disk.objects.clone()),
            commits: Arc::new(disk.commits.clone()),
            log: LogStore::in_files(Arc::new(disk.files.clone())),
            signer: Arc::new(signer_files.clone()),
            rows: None,
            unwritable,
            data: data.to_owned(),
            disk,
            signer_files,
        }
    }

    /// Why nothing can be written, if nothing can be.
    pub fn unwritable(&self) -> Option<&StoreError> {
        self.unwritable.as_ref()
    }

    /// The rows, opened when they are first asked for: `fsck` goes on without rows that cannot be. To be read only where the other stores
    /// are; and, of stores that were opened `ToWriteOrRead` or `ToWrite`, where they cannot be written and can be read: then
    /// `unwritable` says so from there on.
    ///
    /// Errors: `Refused` if the rows are another program's or a newer version's; `Damaged`; `Medium`.
    pub async fn rows(&mut self) -> Result<RowStores, StoreError> {
        if let Some(rows) = &self.rows {
            return Ok(rows.clone());
        }
        let file = self.data.join(ROWS);
        let rows = if self.unwritable.is_some() {
            SqliteRows::open_to_read(&file).await?
        } else {
            match SqliteRows::open(&file).await {
                Ok(rows) => rows,
                // SQLite does not always say that a disk is full: what matters is whether the rows can be read.
                Err(error @ StoreError::Medium { .. }) => match SqliteRows::open_to_read(&file).await {
                    Ok(rows) => {
                        self.unwritable = Some(error);
                        rows
                    }
                    Err(_) => return Err(error),
                },
                Err(error) => return Err(error),
            }
        };
        let rows = RowStores::one(Arc::new(rows));
        self.rows = Some(rows.clone());
        Ok(rows)
    }

    /// Removes what a process that died was writing: uploads, what lies beside these paths of the commits and of the log's files, and
    /// beside the signer's memory; gives their number. Only at a start, while nothing is under way.
    pub async fn clear_cut_off(&self, commits: Vec<String>, files: Vec<String>) -> Result<u64, StoreError> {
        Ok(self.disk.clear_cut_off(commits, files).await? + self.signer_files.clear_temporary().await?)
    }

    /// Tells of every file in the data directory, of this program or not, for checking it.
    pub async fn every_file(&self, seen: impl FnMut(FoundFile)) -> Result<(), StoreError> {
        files_of(&self.data, "", seen).await
    }

    /// Closes the rows, after those who read or write them, and gives the stores back to others.
    pub async fn close(self) {
        if let Some(rows) = &self.rows {
            rows.close().await;
        }
        drop(self.disk.lock);
    }
}

/// Rows by what needs them: the writer's verdicts need authority's, answers need the views'. Today one store has both, so what is folded
/// is committed to both at once; a store of views alone needs an order of commits here first.
#[derive(Clone)]
pub struct RowStores {
    all: Arc<dyn RowStore>,
}

impl RowStores {
    /// One store that has all rows.
    pub fn one(all: Arc<dyn RowStore>) -> Self {
        RowStores { all }
    }
    /// The rows that verdicts need.
    pub fn decisions(&self) -> &Arc<dyn RowStore> {
        &self.all
    }
    /// The rows that answers need.
    pub fn views(&self) -> &Arc<dyn RowStore> {
        &self.all
    }
    /// All of them, for who folds: one commit writes all that an entry changes.
    pub fn folded(&self) -> &Arc<dyn RowStore> {
        &self.all
    }
    /// The generations of projections whose rows are here, as their ids are written, each with its number of rows.
    pub async fn generations(&self) -> Result<Vec<(String, u64)>, StoreError> {
        self.all.generations().await
    }
    /// Removes every generation but these, and its cursor; gives what was removed. They are made again from the log by a program that
    /// wants them.
    pub async fn drop_other_generations(&self, keep: &[ProjectionId]) -> Result<Vec<String>, StoreError> {
        let kept: BTreeSet<String> = keep.iter().map(ToString::to_string).collect();
        let mut dropped = Vec::new();
        for (id, _) in self.generations().await?.into_iter().filter(|(id, _)| !kept.contains(id)) {
            self.all.drop_generation(&id).await?;
            dropped.push(id);
        }
        Ok(dropped)
    }
    /// Closes them, after those who read or write.
    pub async fn close(&self) {
        self.all.close().await;
    }
}

/// Rows alone, in a folder that is there: to fold a log into and compare, or to look at those of a registry that is not running.
pub async fn open_rows_in(folder: &Path) -> Result<RowStores, StoreError> {
    Ok(RowStores::one(Arc::new(SqliteRows::open(&folder.join(ROWS)).await?)))
}
