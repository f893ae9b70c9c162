//! A set of records with its one RRSIG record, in canonical form (RFC 4034 §6, RFC 6840 §5.1), and a record chain as a row of them. `spec/dnssec.md`
//! §2. Checks no signature: that is the zone's part.

use std::mem;

use crate::{
    fault::Fault,
    kind::Kind,
    limits::CHAIN_BYTES,
    name::Name,
    record::{self, Record},
    rrsig::Rrsig,
};

/// All records of one owner and type, and one signature of them.
#[derive(Debug, Clone)]
pub(crate) struct SignedSet {
    pub(crate) owner: Name,
    pub(crate) kind: Kind,
    /// Each record's data, ascending, none twice. At least one.
    pub(crate) rdatas: Vec<Vec<u8>>,
    pub(crate) rrsig: Rrsig,
}

impl SignedSet {
    /// What the signature is over (RFC 4034 §3.1.8.1): the beginning of the RRSIG record's data, and the records with the TTL that stands there.
    pub(crate) fn signed_bytes(&self) -> Result<Vec<u8>, Fault> {
        let mut bytes = self.rrsig.head();
        self.write_records(&mut bytes)?;
        Ok(bytes)
    }

    /// Writes the records and their RRSIG record behind what is in `bytes`.
    pub(crate) fn write(&self, bytes: &mut Vec<u8>) -> Result<(), Fault> {
        self.write_records(bytes)?;
        record::write(bytes, &self.owner, Kind::RRSIG, self.rrsig.original_ttl, &self.rrsig.rdata())
    }

    fn write_records(&self, bytes: &mut Vec<u8>) -> Result<(), Fault> {
        self.rdatas.iter().try_for_each(|rdata| record::write(bytes, &self.owner, self.kind, self.rrsig.original_ttl, rdata))
    }

    /// The data of the only record.
    pub(crate) fn only(&self) -> Result<&[u8], Fault> {
        match &*self.rdatas {
            [rdata] => Ok(rdata),
            _ => Err(self.out_of_place()),
        }
    }

    /// It is not what comes next.
    pub(crate) fn out_of_place(&self) -> Fault {
        out_of_place(&self.owner, self.kind)
    }

    /// Its data are not of their type's form.
    pub(crate) fn malformed(&self) -> Fault {
        Fault::Form { owner: self.owner.clone(), kind: self.kind }
    }
}

/// Reads a record chain: sets in canonical form, each with its RRSIG record behind it.
pub(crate) fn read_chain(chain: &[u8]) -> Result<Vec<SignedSet>, Fault> {
    if chain.len() > CHAIN_BYTES {
        return Err(Fault::TooLong(chain.len()));
    }
    let mut sets = Vec::new();
    let mut open: Vec<Record> = Vec::new();
    for record in record::read_all(chain)? {
        match open.first() {
            Some(first) if record.kind == Kind::RRSIG => {
                let (owner, kind) = (first.owner.clone(), first.kind);
                sets.push(close(owner, kind, mem::take(&mut open), &record)?);
            }
            Some(first) if (&first.owner, first.kind) != (&record.owner, record.kind) => {
                return Err(Fault::NoSignature { owner: first.owner.clone(), kind: first.kind });
            }
            None if record.kind == Kind::RRSIG => return Err(out_of_place(&record.owner, record.kind)),
            _ => open.push(record),
        }
    }
    match open.pop() {
        Some(last) => Err(Fault::NoSignature { owner: last.owner, kind: last.kind }),
        None => Ok(sets),
    }
}

/// Ends a set with the RRSIG record that stands behind it.
fn close(owner: Name, kind: Kind, records: Vec<Record>, signature: &Record) -> Result<SignedSet, Fault> {
    let malformed = || Fault::Form { owner: signature.owner.clone(), kind: Kind::RRSIG };
    let rrsig = Rrsig::read(&signature.rdata).ok_or_else(malformed)?;
    if signature.owner != owner || rrsig.covered != kind {
        return Err(Fault::NoSignature { owner, kind });
    }
    if rrsig.rdata() != signature.rdata {
        return Err(Fault::Capitals(rrsig.signer));
    }
    if records.iter().chain([signature]).any(|record| record.ttl != rrsig.original_ttl) {
        return Err(Fault::Ttl { owner, kind });
    }
    let rdatas: Vec<Vec<u8>> = records.into_iter().map(|record| record.rdata).collect();
    if !rdatas.is_sorted_by(|a, b| a < b) {
        return Err(Fault::Order { owner, kind });
    }
    Ok(SignedSet { owner, kind, rdatas, rrsig })
}

fn out_of_place(owner: &Name, kind: Kind) -> Fault {
    if [Kind::CNAME, Kind::DNAME].contains(&kind) {
        Fault::Alias { owner: owner.clone(), kind }
    } else {
        Fault::OutOfPlace { owner: owner.clone(), kind }
    }
}
