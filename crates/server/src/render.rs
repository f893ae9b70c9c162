//! One answer of a view from one state of its rows: parse, plan, step and render run where the rows are read, on a thread that may block
//! and with a reader of their own (docs/decisions/0014). So no answer is made of two states, and none outlives the one it was made from.
//! Reads rows, never writes them, and knows nothing of what they mean. Nothing is awaited in there: where memory is short the state is let
//! go of, and the work begins anew when there is some.

use crate::answers::{Answer, FirstRows, RestsOn};
use crate::budget::{Share, Weight};
use crate::gate::Authorized;
use crate::limits::ROW_BYTES;
use crate::making::Making;
use crate::mounts::{Generation, Mount};
use crate::refusal::Refused;
use crate::views::Views;
use deedbox_model::{Row, RowKey};
use deedbox_store::{RowReader, read_rows, size_of_row};
use deedbox_view::question::{MAX_GET, MAX_ROUNDS, MAX_SCAN, MAX_SCAN_BYTES, absent};
use deedbox_view::{
    Cache, Method as ViewMethod, Plan, Question, Reads, Request as ViewRequest, Resource, Response as ViewResponse, ScanEnd, Step,
};
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;

/// What an answer is made of, and what the making of it holds: whether or not anybody still waits for it, until it is made.
pub(crate) struct Work {
    pub(crate) views: Arc<Views>,
    pub(crate) mount: Arc<Mount>,
    /// In force when the request came: it says what is taken of one.
    pub(crate) generation: Generation,
    pub(crate) request: ViewRequest,
    /// What the view has read out of the request: once, and not before a kept answer is found not to hold.
    pub(crate) question: Option<Box<dyn Question>>,
    /// An answer that holds as long as its first rows do.
    pub(crate) kept: Option<Arc<Answer>>,
    /// The memory of the new one. None as long as a kept one may hold: looking for that needs little.
    pub(crate) making: Option<Making>,
    /// The body that the request was read from.
    pub(crate) asked: Option<Weight>,
    /// Among those that read, render and code.
    pub(crate) place: OwnedSemaphorePermit,
}

/// What came of it.
pub(crate) enum Made {
    /// The kept answer holds at this number of folded entries.
    Kept(Authorized<Arc<Answer>>, u64),
    /// A new one, made at this number; and whether it may be kept.
    New { answer: Authorized<Arc<Answer>>, is_kept: bool, at: u64 },
}

enum Done {
    Made(Made),
    /// So many bytes are needed and not free.
    Short(Box<Work>, usize),
}

/// What a round of reading gave.
struct Round {
    rows: Vec<(RowKey, Option<Row>)>,
    end: Option<ScanEnd>,
}

impl Round {
    /// Each row's key, with the entry that wrote it last.
    fn seqs(&self) -> Vec<(RowKey, Option<u64>)> {
        self.rows.iter().map(|(key, row)| (key.clone(), row.as_ref().map(|row| row.seq))).collect()
    }
}

impl Work {
    /// Makes the answer, or finds that the kept one holds.
    pub(crate) async fn make(self) -> Result<Made, Refused> {
        let mut work = self;
        loop {
            let views = Arc::clone(&work.views);
            // Before any row is read: rows are committed before it moves.
            let at = views.folded.size();
            let id = views.folded.in_force(&work.mount, at)?.id.clone();
            if id != work.generation.id {
                return Err(Refused::unavailable("busy", "another version of this view has just come into force"));
            }
            match read_rows(views.rows.as_ref(), &id, move |rows| work.on(rows, at)).await?? {
                Done::Made(made) => return Ok(made),
                Done::Short(again, bytes) => {
                    work = *again;
                    work.hold(bytes).await?;
                }
            }
        }
    }

    /// On one state, in which at least so many entries are folded.
    fn on(mut self, rows: &mut dyn RowReader, at: u64) -> Result<Done, Refused> {
        let mut first = None;
        if let Some(kept) = self.kept.take().and_then(|kept| self.views.gate.ask(&self.request.reader, kept)) {
            let RestsOn { first: before, .. } = &kept.get().rests_on;
            let round = self.round(rows, &before.plan)?;
            if round.seqs() == before.seqs {
                return Ok(Done::Made(Made::Kept(kept, at)));
            }
            first = Some((before.plan.clone(), round));
        }
        if !self.has(0) {
            return Ok(Done::Short(Box::new(self), 0));
        }
        let question = self.question.take().unwrap_or_else(|| self.generation.view.parse(&self.request));
        let gate = &self.views.gate;
        if !gate.is_open() && question.resource().is_some_and(|known| !gate.may_read(&self.request.reader, std::slice::from_ref(&known))) {
            return self.hide(question.as_ref(), at);
        }
        let plan = question.plan();
        let round = match first {
            Some((of, round)) if of == plan => round,
            _ => self.round(rows, &plan)?,
        };
        let (mut reads, mut bytes) = (Reads::default(), 0);
        let first = FirstRows { seqs: round.seqs(), plan };
        add(&mut reads, &mut bytes, round);
        while let Step::Read(plan) = question.step(&reads)? {
            if reads.rounds >= MAX_ROUNDS {
                tracing::error!(projection = %self.generation.id, path = self.request.path, "a view wants more than {MAX_ROUNDS} rounds of reading");
                return Err(Refused::internal());
            }
            // What a round has read is weighed when it is here: a round is bounded, and few are read at once.
            let round = self.round(rows, &plan)?;
            add(&mut reads, &mut bytes, round);
            if !self.has(bytes) {
                self.question = Some(question);
                return Ok(Done::Short(Box::new(self), bytes));
            }
        }
        // As much text again as there are rows.
        let whole = bytes.saturating_mul(2);
        if !self.has(whole) {
            self.question = Some(question);
            return Ok(Done::Short(Box::new(self), whole));
        }
        let resources = question.resources(&reads)?;
        if !self.views.gate.may_read(&self.request.reader, &resources) {
            return self.hide(question.as_ref(), at);
        }
        let rendered = question.render(&reads, &self.views.site)?;
        // A refusal that took much reading is kept as well: it holds as long as its first rows, like every answer.
        let is_kept = rendered.cache != Cache::Never || (reads.rounds > 1 && self.request.method == ViewMethod::Get);
        drop((question, reads));
        self.done(rendered, resources, first, is_kept, at)
    }

    /// What somebody gets who may not read what the answer tells of: what is given where nothing is.
    fn hide(self, question: &dyn Question, at: u64) -> Result<Done, Refused> {
        let rendered = absent(question, &self.views.site)?;
        self.done(rendered, Vec::new(), FirstRows { plan: Plan::Nothing, seqs: Vec::new() }, false, at)
    }

    fn done(self, rendered: ViewResponse, resources: Vec<Resource>, first: FirstRows, is_kept: bool, at: u64) -> Result<Done, Refused> {
        let rests_on = RestsOn { version: self.generation.id.version, resources, first };
        let Work { views, making, place, request, asked, .. } = self;
        let Some(making) = making else { return Err(Refused::internal()) };
        drop(asked);
        let answer = Answer::new(rendered, rests_on, at, |bytes| making.made(&views.bounds.budget, bytes));
        drop(place);
        let answer = views.gate.ask(&request.reader, Arc::new(answer)).ok_or_else(Refused::internal)?;
        Ok(Done::Made(Made::New { answer, is_kept, at }))
    }

    /// One round: one question to the rows.
    fn round(&self, rows: &mut dyn RowReader, plan: &Plan) -> Result<Round, Refused> {
        let too_many = || {
            tracing::error!(projection = %self.generation.id, "a view asks for more rows at once than it may");
            Refused::internal()
        };
        match plan {
            Plan::Nothing => Ok(Round { rows: Vec::new(), end: None }),
            Plan::Get(keys) if keys.len() > MAX_GET => Err(too_many()),
            Plan::Get(keys) => {
                let found = rows.read(keys)?;
                Ok(Round { rows: keys.iter().cloned().zip(found).collect(), end: None })
            }
            Plan::Scan { limit, .. } if *limit > MAX_SCAN => Err(too_many()),
            Plan::Scan { prefix, after, limit } => {
                let from = after.as_ref().map(RowKey::as_str);
                let found = rows.scan(prefix.as_str(), from, *limit, MAX_SCAN_BYTES)?;
                let is_full = found.len() >= *limit as usize || found.iter().map(size_of_row).sum::<u64>() >= MAX_SCAN_BYTES;
                let last = found.last().map(|(key, _)| key.clone());
                let end = ScanEnd { last: last.or_else(|| after.clone()), more: is_full };
                Ok(Round { rows: found.into_iter().map(|(key, row)| (key, Some(row))).collect(), end: Some(end) })
            }
        }
    }

    /// Whether it may hold so many bytes, as far as they are free now.
    fn has(&mut self, bytes: usize) -> bool {
        if self.making.is_none() {
            self.making = Making::begin_now(&self.views.bounds);
        }
        self.making.as_mut().is_some_and(|making| making.hold_now(&self.views.bounds, bytes))
    }

    /// Waits until it may hold so many bytes.
    async fn hold(&mut self, bytes: usize) -> Result<(), Refused> {
        let mut making = match self.making.take() {
            Some(making) => making,
            None => Making::begin(&self.views.bounds, Share::Answers).await?,
        };
        making.hold(&self.views.bounds, bytes).await?;
        self.making = Some(making);
        Ok(())
    }
}

fn add(reads: &mut Reads, bytes: &mut usize, round: Round) {
    for (key, row) in round.rows {
        *bytes += row.as_ref().map_or(0, |row| row.bytes.len()) + key.as_str().len() + ROW_BYTES;
        reads.rows.insert(key, row);
    }
    reads.last_scan = round.end;
    reads.rounds += 1;
}
