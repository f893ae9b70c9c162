//! What lies where in a data directory, told by path alone: for `fsck`, which looks through all of it, and for code that must know whether a
//! folder is somebody else's. Reads nothing.

use crate::commits::commit_path;
use crate::files::check_path;
use crate::objects::object_path;
use deedbox_model::Sha256Digest;

/// The folder of the signer's memory: beside the log and not in it, for no restored backup of the log may take it back.
pub(crate) const SIGNER: &str = "signer";
/// The file of rows.
pub(crate) const ROWS: &str = "rows.sqlite";
/// Files that the stores keep beside their folders.
pub const STORE_FILES: [&str; 4] = ["lock", ROWS, "rows.sqlite-wal", "rows.sqlite-shm"];
/// Folders that the stores make.
pub const STORE_FOLDERS: [&str; 6] = ["commits", "incoming", "log", "objects", "parts", SIGNER];

/// What a file in a data directory is to the stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// The lock, or the rows.
    Own,
    /// What was being written when a process ended.
    CutOff,
    /// The commit of this number.
    Commit(u64),
    /// A file of the log.
    Log,
    /// The object of this address.
    Object(Sha256Digest),
    /// An upload on its way.
    Incoming,
    /// The first bytes of an upload that broke off.
    Part,
    /// A note of whose an upload is.
    Note,
    /// In a folder of the stores, this one, and not named as anything in it is.
    Misnamed(&'static str),
    /// None of these.
    Foreign,
}

/// What the file at this path of a data directory is.
pub fn kind_of(path: &str) -> FileKind {
    if STORE_FILES.contains(&path) {
        return FileKind::Own;
    }
    let (folder, rest) = path.split_once('/').unwrap_or(("", path));
    let name = rest.rsplit('/').next().unwrap_or(rest);
    let is_temporary = name.rsplit_once('#').is_some_and(|(_, number)| number.parse::<u64>().is_ok());
    match folder {
        "commits" | "log" | SIGNER if is_temporary => FileKind::CutOff,
        "commits" => match rest.replace(['x', '/'], "").parse() {
            Ok(number) if commit_path(number) == rest => FileKind::Commit(number),
            _ => FileKind::Misnamed("commits"),
        },
        "log" if check_path(rest).is_ok() => FileKind::Log,
        "log" => FileKind::Misnamed("log"),
        "objects" => match Sha256Digest::from_hex(name) {
            Some(address) if object_path(&address) == rest => FileKind::Object(address),
            _ => FileKind::Misnamed("objects"),
        },
        "incoming" => FileKind::Incoming,
        "parts" if name.ends_with(".here") => FileKind::Note,
        "parts" => FileKind::Part,
        _ => FileKind::Foreign,
    }
}
