//! Deciding alone, with the rows of a large registry on the disk: the rows that a batch names are read, and each of its statements is judged. No
//! signature is checked, nothing is claimed, written or folded.

use crate::Bench;
use crate::machine::{TICKS, Watch};
use crate::process::tree_ticks;
use crate::report::Row as Figure;
use anyhow::{Context as _, bail, ensure};
use deedbox_authority::rows::{
    DomainRow, NativeRow, PackageRow, RegistryRow, TimeRow, domain_key, native_key, package_key, registry_key, time_key,
};
use deedbox_authority::{Decision, PROJECTION, Signed, decide, touches};
use deedbox_model::event::{DomainKey, Evidence, ReleasePublished, Role};
use deedbox_model::holding::{Freezes, Through};
use deedbox_model::row::encode_row;
use deedbox_model::{
    Domain, Event, EventId, Keys, NativeName, NativeVersion, ObjectRef, Origin, PackageId, Row, RowKey, Rows, SecretKey, Speaker,
    Statement, Subject, TimeMs, Verified, Version,
};
use deedbox_store::{Opening, RowBatch, RowStore, StoreSettings, Stores};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Statements that are decided together: what a busy writer has.
const BATCH: usize = 256;
/// Rows of one write.
const WRITTEN: usize = 50_000;
/// Packages of each domain.
const PACKAGES: u64 = 10;

pub(crate) fn alone(bench: &mut Bench) -> anyhow::Result<()> {
    let (domains, statements) = (bench.pick(10_000, 100_000), bench.pick(20_000, 100_000));
    let half = bench.report.machine.as_ref().map(|machine| 5e5 / machine.verify_one_core).context("the machine's limits")?;
    let data = bench.folder.path().join("decide");
    let figure = bench.wait(async {
        let mut stores = Stores::open(&StoreSettings::in_folder(&data), Opening::ToWrite)?;
        let rows = Arc::clone(stores.rows().await?.folded());
        let world = World::new(domains)?;
        world.write(rows.as_ref()).await?;
        let statements = world.statements(statements)?;
        let measured = decided(&rows, &world, &statements).await?;
        stores.close().await;
        anyhow::Ok(measured)
    })?;
    let Decided { cpu_us, before, after, quiet } = figure;
    let note = format!(
        "batches of {BATCH}; {domains} domains, {} packages; memory {before} MB before, {after} MB after; the goal is half a verify_strict",
        domains * PACKAGES
    );
    bench.report.add(Figure::new("decide", "rows read, verdict given, CPU", cpu_us, "µs").below(half).quiet(quiet).note(note));
    Ok(())
}

/// A large registry's rows, by number.
struct World {
    origin: Origin,
    key: SecretKey,
    domains: u64,
    time: TimeMs,
}

fn event(kind: &str, n: u64) -> EventId {
    EventId::of(format!("{kind} {n}").as_bytes())
}

impl World {
    fn new(domains: u64) -> anyhow::Result<Self> {
        let time = TimeMs::new(1_795_244_400_000)?;
        Ok(World { origin: Origin::parse("bench.localhost")?, key: SecretKey::from_seed(&[7; 32]), domains, time })
    }

    fn domain(&self, n: u64) -> anyhow::Result<Domain> {
        Ok(Domain::parse(&format!("d{n:06}.example"))?)
    }

    fn package(&self, n: u64) -> anyhow::Result<PackageId> {
        Ok(PackageId::parse(&format!("npm:d{:06}.example/p{n}", n / PACKAGES))?)
    }

    /// All rows, in the order of their keys within each write, as a rebuilding replay would write them.
    async fn write(&self, rows: &dyn RowStore) -> anyhow::Result<()> {
        let mut writing = Writing { rows, batch: BTreeMap::new(), cursor: 0 };
        let registry = RegistryRow {
            origin: self.origin.clone(),
            protocol: 1,
            log_keys: Vec::new(),
            receipt_keys: Vec::new(),
            operator_keys: Vec::new(),
            dns_anchors: Vec::new(),
            suffixes: 0,
            head: event("registry", 0),
        };
        writing.put(registry_key()?, encode_row(&registry)?).await?;
        writing.put(time_key()?, encode_row(&TimeRow { time: self.time })?).await?;
        let key = DomainKey { key: self.key.public(), from: None, role: Role::Admin, until: None };
        for n in 0..self.domains {
            let tenure = event("domain", n);
            let row = DomainRow {
                tenure,
                tenure_index: n,
                tenure_at: self.time,
                through: Through::Claim,
                evidence: Evidence::Operator,
                keys: vec![key],
                keys_only: false,
                frozen: Freezes::default(),
                recovery: None,
                before: None,
                released: false,
                head: tenure,
            };
            writing.put(domain_key(&self.domain(n)?)?, encode_row(&row)?).await?;
        }
        for n in 0..self.domains * PACKAGES {
            let id = self.package(n)?;
            let native_name = NativeName::parse(id.as_str())?;
            writing.put(native_key(id.ecosystem(), &native_name)?, encode_row(&NativeRow { id: id.clone() })?).await?;
            let row = PackageRow { head: event("package", n), native_name, releases: 1, released_at: self.domains + n };
            writing.put(package_key(&id)?, encode_row(&row)?).await?;
        }
        writing.flush().await
    }

    /// A release of every so many packages, and of a new one beside each.
    fn statements(&self, count: u64) -> anyhow::Result<Vec<Verified<Statement>>> {
        let packages = self.domains * PACKAGES;
        // A step that shares no factor with their number visits them all, far from each other.
        let step = 7_919;
        (0..count)
            .map(|i| {
                let n = i * step % packages;
                let id = if i % 2 == 0 { self.package(n)? } else { PackageId::parse(&format!("{}-new-{i}", self.package(n)?))? };
                let prev = (i % 2 == 0).then(|| event("package", n));
                let speaker = Speaker::Domain { domain: id.domain().clone(), tenure: event("domain", n / PACKAGES) };
                let published = Event::from(ReleasePublished {
                    version: Version::parse(&format!("1.{i}.0"))?,
                    channels: Vec::new(),
                    manifest: ObjectRef::of(b"a manifest"),
                    artifacts: 1,
                    principal: Vec::new(),
                    total_size: 1,
                    native_name: NativeName::parse(id.as_str())?,
                    native_version: NativeVersion::parse(&format!("1.{i}.0"))?,
                });
                Ok(Statement::sign(&self.key, &self.origin, &speaker, &Subject::Package(id), prev, self.time, &published)?)
            })
            .collect()
    }
}

/// Rows on their way to the store.
struct Writing<'a> {
    rows: &'a dyn RowStore,
    batch: BTreeMap<RowKey, Option<Row>>,
    cursor: u64,
}

impl Writing<'_> {
    async fn put(&mut self, key: RowKey, bytes: Vec<u8>) -> anyhow::Result<()> {
        self.batch.insert(key, Some(Row { bytes: bytes.into(), seq: 0 }));
        if self.batch.len() >= WRITTEN { self.flush().await } else { Ok(()) }
    }

    async fn flush(&mut self) -> anyhow::Result<()> {
        let (from, to) = (self.cursor, self.cursor + 1);
        let changes = std::mem::take(&mut self.batch);
        self.rows.commit(&[RowBatch { projection: PROJECTION, from, to, changes }]).await?;
        self.cursor = to;
        Ok(())
    }
}

struct Decided {
    cpu_us: f64,
    before: u64,
    after: u64,
    quiet: crate::machine::Quiet,
}

/// As the writer does it: one reading of all rows that a batch names, and the rows that it changes seen by those after.
async fn decided(rows: &Arc<dyn RowStore>, world: &World, statements: &[Verified<Statement>]) -> anyhow::Result<Decided> {
    let mut index = world.domains * (1 + PACKAGES);
    let before = resident_mb()?;
    let noise = Watch::start()?;
    let ticks = tree_ticks(std::process::id())?;
    for batch in statements.chunks(BATCH) {
        let keys: Vec<Keys> = batch.iter().map(|statement| touches(statement)).collect::<Result<_, _>>()?;
        let all: Keys = keys.iter().flatten().cloned().collect();
        let all: Vec<RowKey> = all.into_iter().collect();
        let found = rows.read(&PROJECTION, &all).await?;
        let mut known: BTreeMap<RowKey, Option<Row>> = all.into_iter().zip(found).collect();
        for (statement, keys) in batch.iter().zip(keys) {
            match decide(&Rows::select(&known, &keys), index, Signed::Verified(statement))? {
                Decision::Effective(effective) => {
                    for (key, bytes) in effective.changes {
                        known.insert(key, bytes.map(|bytes| Row { bytes: bytes.into(), seq: index }));
                    }
                    index += 1;
                }
                other => bail!("entry {index} is not effective: {other:?}"),
            }
        }
    }
    let cpu_us = (tree_ticks(std::process::id())? - ticks) as f64 / TICKS * 1e6 / statements.len() as f64;
    ensure!(!statements.is_empty());
    Ok(Decided { cpu_us, before, after: resident_mb()?, quiet: noise.so_far()? })
}

/// Memory of this process.
fn resident_mb() -> anyhow::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("VmRSS")?;
    let kb: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kb / 1024)
}
