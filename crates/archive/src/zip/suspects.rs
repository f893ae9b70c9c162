//! Members whose contents decide whether two readers find one thing. They are unpacked for it, in one more pass over the
//! archive and within bounds, and thrown away. In most archives there is none.

use super::{Archive, DEFLATED, Member, STORED, shown};
use deedbox_view::InspectRefusal;
use flate2::bufread::DeflateDecoder;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::io::{BufReader, Read, Write};

/// A member to be unpacked.
pub(super) struct Suspect<'a> {
    pub(super) member: &'a Member,
    /// Where its data begins, from the beginning of the file.
    pub(super) data: u64,
    /// Its path, if another member has it too.
    pub(super) twice: Option<Vec<u8>>,
}

impl Archive<'_> {
    /// Unpacks them, in the order in which they lie in the archive. Members of one path must have one content. And compressed
    /// data must end where the directory says: a reader without it goes by that end where no size stands in front, and would
    /// find a member in what lies behind it.
    pub(super) fn unpack_suspects(&self, suspects: &[Suspect<'_>]) -> Result<(), InspectRefusal> {
        if suspects.is_empty() {
            return Ok(());
        }
        let mut bytes = self.open()?;
        let mut left = self.limits.unpacked_bytes;
        let mut contents: BTreeMap<&[u8], [u8; 32]> = BTreeMap::new();
        for Suspect { member, data, twice } in suspects {
            let differs = || self.damaged(&format!("the member {} does not unpack to what its header says", shown(&member.name)));
            left = left.checked_sub(member.size).ok_or_else(|| {
                self.refuse(
                    "zip_too_large",
                    format_args!(
                        "members that are there twice or hold other archives unpack to more than {} bytes; build it without",
                        self.limits.unpacked_bytes
                    ),
                )
            })?;
            bytes.skip_to(*data).ok_or_else(differs)?;
            let mut packed = BufReader::new((&mut bytes).take(member.packed));
            let mut sum = Sum(Sha256::new());
            let most = member.size.saturating_add(1);
            let (size, used) = match member.method {
                STORED => {
                    let size = std::io::copy(&mut (&mut packed).take(most), &mut sum).map_err(|_| differs())?;
                    (size, size)
                }
                DEFLATED => {
                    let mut decoder = DeflateDecoder::new(&mut packed);
                    let size = std::io::copy(&mut (&mut decoder).take(most), &mut sum).map_err(|_| differs())?;
                    (size, decoder.total_in())
                }
                method => {
                    let why = format_args!("the member {} is packed by method {method}; use deflate", shown(&member.name));
                    return Err(self.refuse("zip_method", why));
                }
            };
            if size != member.size {
                return Err(differs());
            }
            if used != member.packed {
                return Err(self.hidden());
            }
            let content = sum.0.finalize().into();
            if let Some(path) = twice
                && contents.insert(path, content).is_some_and(|other| other != content)
            {
                return Err(self.two_contents(&member.name));
            }
        }
        Ok(())
    }
}

/// What is written to it is only hashed.
struct Sum(Sha256);

impl Write for Sum {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
