//! Deciders by protocol number (spec/authority.md §1.4). A statement is read by one number, and judged by that number's decider
//! only where the rows say that this number is in force; otherwise there is no verdict, and the caller reads the entry again
//! by the number that is.
//!
//! A decider of an old number stays as it is for ever: what it once found effective or void stays so.

use crate::decision::{Decision, Effective, Signed};
use crate::generations::Generations;
use crate::one::{self, Stop};
use crate::refusal::Refusal;
use crate::rows::{RegistryRow, VoidRow, registry_key, void_key};
use deedbox_model::event::Rules;
use deedbox_model::row::{Changes, Defect, Keys, Rows};
use deedbox_model::{Protocol, Statement, Unverified};

/// What judges by one protocol number.
#[derive(Debug, Clone, Copy)]
pub struct Decider {
    protocol: &'static Protocol,
    touches: fn(&Statement) -> Result<Keys, Defect>,
    judge: fn(Option<RegistryRow>, &Rows, u64, Signed<'_>) -> Result<Effective, Stop>,
    generations: fn(&[u8]) -> Generations,
}

impl Decider {
    /// Judges what this number can read by the rules of protocol 1.
    pub const fn by_the_rules_of_one(protocol: &'static Protocol) -> Self {
        Decider { protocol, touches: one::touches, judge: one::judge, generations: |_| Generations::default() }
    }

    /// The same, with what this number's parameters say of the projections' versions. Whatever the bytes are, they say something.
    pub const fn with_generations(self, generations: fn(&[u8]) -> Generations) -> Self {
        Decider { generations, ..self }
    }
}

/// The protocol numbers that a program has.
#[derive(Debug, Clone, Copy)]
pub struct Deciders(&'static [Decider]);

/// The numbers of this program. Tests may have others.
pub const DECIDERS: Deciders = Deciders::new(&[Decider::by_the_rules_of_one(Protocol::ONE)]);

impl Deciders {
    /// Of these numbers, `Protocol::BEGINNING` among them.
    pub const fn new(all: &'static [Decider]) -> Self {
        Deciders(all)
    }

    /// A number, if this program has it.
    pub fn protocol(&self, number: u64) -> Option<&'static Protocol> {
        self.of(number).map(|decider| decider.protocol)
    }

    /// All that these bytes say by any number: for looking for what an entry might name, never for a verdict.
    pub fn readings(&self, bytes: &[u8]) -> impl Iterator<Item = Unverified<Statement>> {
        self.0.iter().filter_map(move |decider| Statement::decode(decider.protocol, bytes).ok())
    }

    /// The versions of projections that are in force where these rules are. Who does not have their number knows of none but the first.
    pub fn generations(&self, rules: &Rules) -> Generations {
        self.of(rules.protocol).map(|decider| (decider.generations)(&rules.parameters)).unwrap_or_default()
    }

    /// The rows that `decide` needs for this statement.
    pub fn touches(&self, statement: &Statement) -> Result<Keys, Defect> {
        match self.of(statement.protocol().number()) {
            Some(decider) => (decider.touches)(statement),
            None => touches_undecodable(),
        }
    }

    /// Judges one entry by the state at its own index. `Err` is a fault of this program or its store, never a verdict.
    pub fn decide(&self, rows: &Rows, index: u64, signed: Signed<'_>) -> Result<Decision, Defect> {
        let registry: Option<RegistryRow> = rows.decoded(&registry_key()?)?;
        let protocol = protocol_of(registry.as_ref());
        // Before anything else: what another number means by these bytes is not this one's to say.
        let decider = self.of(protocol).filter(|decider| decider.protocol.number() == signed.protocol().number());
        let Some(decider) = decider else { return Ok(Decision::Undecided { protocol }) };
        match (decider.judge)(registry, rows, index, signed) {
            Ok(effective) => Ok(Decision::Effective(effective)),
            Err(Stop::Refused(refusal)) => Ok(Decision::Refused(refusal)),
            Err(Stop::Defect(defect)) => Err(defect),
        }
    }

    fn of(&self, number: u64) -> Option<&'static Decider> {
        self.0.iter().find(|decider| decider.protocol.number() == number)
    }
}

/// The rows that this program's deciders need for this statement.
pub fn touches(statement: &Statement) -> Result<Keys, Defect> {
    DECIDERS.touches(statement)
}

/// The rows that a decider needs for an entry that is not a statement.
pub fn touches_undecodable() -> Result<Keys, Defect> {
    Ok(Keys::from([registry_key()?]))
}

/// Judges one entry by this program's deciders.
pub fn decide(rows: &Rows, index: u64, signed: Signed<'_>) -> Result<Decision, Defect> {
    DECIDERS.decide(rows, index, signed)
}

/// The protocol number in force, by the row `registry`; where that row is missing, the number of the beginning.
pub fn protocol_in_force(rows: &Rows) -> Result<u64, Defect> {
    Ok(protocol_of(rows.decoded(&registry_key()?)?.as_ref()))
}

fn protocol_of(registry: Option<&RegistryRow>) -> u64 {
    registry.map_or(Protocol::BEGINNING.number(), |registry| registry.protocol)
}

/// What a void entry leaves: its reason, for people and for projections that are built later.
pub fn void_changes(index: u64, refusal: &Refusal) -> Result<Changes, Defect> {
    let row = VoidRow { code: refusal.code().to_owned() };
    let mut changes = Changes::new();
    changes.put(void_key(index)?, &row)?;
    Ok(changes)
}
