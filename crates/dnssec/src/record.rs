//! One record in RFC 1035 §3.2.1's wire form, uncompressed, of class IN. `spec/dnssec.md` §1.2. Says nothing about what its data mean.

use crate::{fault::Fault, kind::Kind, limits::RECORDS, name::Name};

/// Class IN (RFC 1035 §3.2.4).
const IN: u16 = 1;

/// A resource record of class IN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Whose it is.
    pub owner: Name,
    /// Its type.
    pub kind: Kind,
    /// How long resolvers may keep it, in seconds.
    pub ttl: u32,
    /// Its data, with names in full.
    pub rdata: Vec<u8>,
}

impl Record {
    /// Reads the record at the beginning of `bytes` and says how many it takes. Capitals in the owner's name become small letters.
    ///
    /// # Errors
    /// [`Fault::Cut`], [`Fault::Name`] or [`Fault::Class`].
    pub fn read(bytes: &[u8]) -> Result<(Record, usize), Fault> {
        let (owner, name_bytes) = Name::read(bytes)?;
        let after = bytes.get(name_bytes..).ok_or(Fault::Cut)?;
        let (head, data) = after.split_first_chunk::<10>().ok_or(Fault::Cut)?;
        let [k0, k1, c0, c1, t0, t1, t2, t3, l0, l1] = *head;
        let kind = Kind(u16::from_be_bytes([k0, k1]));
        let class = u16::from_be_bytes([c0, c1]);
        if class != IN {
            return Err(Fault::Class { owner, kind, class });
        }
        let length = usize::from(u16::from_be_bytes([l0, l1]));
        let rdata = data.get(..length).ok_or(Fault::Cut)?.to_vec();
        Ok((Record { owner, kind, ttl: u32::from_be_bytes([t0, t1, t2, t3]), rdata }, name_bytes + head.len() + length))
    }

    /// Writes it behind what is in `bytes`.
    ///
    /// # Errors
    /// [`Fault::TooLong`] if its data have more bytes than 16 bits can say.
    pub fn write(&self, bytes: &mut Vec<u8>) -> Result<(), Fault> {
        write(bytes, &self.owner, self.kind, self.ttl, &self.rdata)
    }
}

/// Writes a record out of its parts.
pub(crate) fn write(bytes: &mut Vec<u8>, owner: &Name, kind: Kind, ttl: u32, rdata: &[u8]) -> Result<(), Fault> {
    let length = u16::try_from(rdata.len()).map_err(|_| Fault::TooLong(rdata.len()))?;
    bytes.extend_from_slice(owner.wire());
    bytes.extend_from_slice(&kind.0.to_be_bytes());
    bytes.extend_from_slice(&IN.to_be_bytes());
    bytes.extend_from_slice(&ttl.to_be_bytes());
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(rdata);
    Ok(())
}

/// Reads all records of a chain, whose owners must be in lower case.
pub(crate) fn read_all(mut bytes: &[u8]) -> Result<Vec<Record>, Fault> {
    let mut records = Vec::new();
    while !bytes.is_empty() {
        if records.len() == RECORDS {
            return Err(Fault::TooManyRecords);
        }
        let (record, length) = Record::read(bytes)?;
        if !bytes.starts_with(record.owner.wire()) {
            return Err(Fault::Capitals(record.owner));
        }
        records.push(record);
        bytes = bytes.get(length..).ok_or(Fault::Cut)?;
    }
    Ok(records)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::BadName;

    #[test]
    fn a_record_is_written_as_it_was_read() {
        let bytes = b"\x04acme\x04test\0\x00\x10\x00\x01\x00\x00\x0e\x10\x00\x03\x02hirest";
        let (record, length) = Record::read(bytes).unwrap();
        assert_eq!(record, Record { owner: Name::parse("acme.test").unwrap(), kind: Kind::TXT, ttl: 3600, rdata: b"\x02hi".to_vec() });
        let mut written = Vec::new();
        record.write(&mut written).unwrap();
        assert_eq!(written, &bytes[..length]);
        for cut in 0..length {
            assert!(matches!(Record::read(&bytes[..cut]), Err(Fault::Cut | Fault::Name(BadName::Cut))), "{cut}");
        }
    }

    #[test]
    fn only_class_in_is_read() {
        let fault = Record::read(b"\x00\x00\x10\x00\x03\x00\x00\x00\x00\x00\x00").unwrap_err();
        assert_eq!(fault, Fault::Class { owner: Name::root(), kind: Kind::TXT, class: 3 });
    }

    #[test]
    fn data_that_no_length_can_say_are_not_written() {
        let record = Record { owner: Name::root(), kind: Kind::TXT, ttl: 0, rdata: vec![0; 65_536] };
        assert_eq!(record.write(&mut Vec::new()), Err(Fault::TooLong(65_536)));
    }
}
