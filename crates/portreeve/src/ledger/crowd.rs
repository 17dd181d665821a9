//! Many who ask one ledger at once share its commits: who comes first writes for all who wait (A23, A25).
//!
//! Whoever finds nobody at the desk leads: he takes what waits, decides it on the book in memory, writes it as one change, and
//! only then answers each. Those who came meanwhile wait, and the first of them leads next.

use std::{
    collections::VecDeque,
    mem,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
};

use portreeve_core::ledger::{Ask, Book, Now, Seen};

use super::{Answer, Unanswered, desk::Desk};
use crate::store::Store;

/// As many as are written at once.
pub(crate) const ASKS_MAX: usize = 1_024;
/// Who leads lets others have the processor so often, where more asked at once a moment ago.
const YIELDS_MAX: u32 = 64;

/// What somebody in a crowd is told: the ledger's answer, or why it gave none, which is the same for all of a commit.
pub(crate) type Told = Result<Answer, Arc<Unanswered>>;

/// Everybody in this process who asks one ledger.
#[derive(Debug)]
pub(crate) struct Crowd<'s, 'w, S: ?Sized> {
    queue: Mutex<Queue>,
    desk: Mutex<(Desk<'s, S>, &'s mut Seen<'w>)>,
}

/// Who waits.
#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Waiting>,
    /// Whether somebody writes, or was told to.
    is_led: bool,
    /// How many were written last.
    last: usize,
}

/// One ask of somebody.
#[derive(Debug)]
struct Waiting {
    ask: Ask,
    /// Among what he asks.
    place: usize,
    asker: Arc<Asker>,
}

/// Somebody who asks, and what he was told so far.
#[derive(Debug)]
struct Asker {
    heard: Mutex<Heard>,
    news: Condvar,
}

#[derive(Debug)]
struct Heard {
    answers: Vec<Option<Told>>,
    missing: usize,
    is_to_lead: bool,
}

impl<'s, 'w, S: Store + ?Sized> Crowd<'s, 'w, S> {
    /// Nobody asks yet; `book` was read a moment ago, and everybody is judged by what is `seen` of the host.
    pub(crate) fn new(store: &'s mut S, book: Book, seen: &'s mut Seen<'w>) -> Self {
        Self { queue: Mutex::default(), desk: Mutex::new((Desk::new(store, book), seen)) }
    }

    /// The book as it was written last; an empty one where that is not certain.
    pub(crate) fn leave(self) -> Book {
        self.desk.into_inner().unwrap_or_else(PoisonError::into_inner).0.leave()
    }

    /// What `asks` come to, in their order, each on the book that those before it leave. What is granted is written.
    ///
    /// What could not be answered may be asked again with the same ids; of many, the first may be answered and the others not.
    pub(crate) fn ask(&self, asks: Vec<Ask>, now: &Now) -> Vec<Told> {
        if asks.is_empty() {
            return Vec::new();
        }
        let asker = Asker::of(asks.len());
        if self.join(asks, &asker) || asker.wait() {
            while !asker.is_answered() {
                self.write(self.take(), now);
            }
            self.hand_over();
        }
        asker.answers()
    }

    /// Whether whoever joins has to lead.
    fn join(&self, asks: Vec<Ask>, asker: &Arc<Asker>) -> bool {
        let waiting = asks.into_iter().enumerate();
        let waiting = waiting.map(|(place, ask)| Waiting { ask, place, asker: Arc::clone(asker) });
        let mut queue = lock(&self.queue);
        queue.waiting.extend(waiting);
        !mem::replace(&mut queue.is_led, true)
    }

    /// What waits, once as many do as did a moment ago: those who were just answered are about to ask again.
    fn take(&self) -> Vec<Waiting> {
        for _ in 0..YIELDS_MAX {
            let queue = lock(&self.queue);
            if queue.waiting.len() >= queue.last {
                break;
            }
            drop(queue);
            thread::yield_now();
        }
        let mut queue = lock(&self.queue);
        queue.last = queue.waiting.len().min(ASKS_MAX);
        let last = queue.last;
        queue.waiting.drain(..last).collect()
    }

    /// Writes it, and then tells each; where it takes more than one change, after each of them.
    fn write(&self, mut waiting: Vec<Waiting>, now: &Now) {
        let (desk, seen) = &mut *lock(&self.desk);
        while !waiting.is_empty() {
            let asks: Vec<&Ask> = waiting.iter().map(|waiting| &waiting.ask).collect();
            match desk.answer(&asks, seen, now) {
                Ok(answers) => waiting
                    .drain(..answers.len())
                    .zip(answers)
                    .for_each(|(waiting, answer)| waiting.asker.tell(waiting.place, Ok(answer))),
                Err(error) => {
                    let error = Arc::new(error);
                    let each = waiting.drain(..);
                    each.for_each(|waiting| waiting.asker.tell(waiting.place, Err(Arc::clone(&error))));
                }
            }
        }
    }

    /// Lets the first who waits lead.
    fn hand_over(&self) {
        let mut queue = lock(&self.queue);
        match queue.waiting.front() {
            Some(first) => first.asker.lead(),
            None => queue.is_led = false,
        }
    }
}

impl Asker {
    fn of(asks: usize) -> Arc<Self> {
        let answers = (0..asks).map(|_| None).collect();
        let heard = Mutex::new(Heard { answers, missing: asks, is_to_lead: false });
        Arc::new(Self { heard, news: Condvar::new() })
    }

    fn tell(&self, place: usize, told: Told) {
        let mut heard = lock(&self.heard);
        heard.answers[place] = Some(told);
        heard.missing -= 1;
        let is_answered = heard.missing == 0;
        // Whoever wakes up finds it open.
        drop(heard);
        if is_answered {
            self.news.notify_one();
        }
    }

    fn lead(&self) {
        lock(&self.heard).is_to_lead = true;
        self.news.notify_one();
    }

    /// Waits for every answer, or to be told to lead: whether that is so.
    fn wait(&self) -> bool {
        let is_waiting = |heard: &mut Heard| heard.missing > 0 && !heard.is_to_lead;
        let heard = self.news.wait_while(lock(&self.heard), is_waiting);
        heard.unwrap_or_else(PoisonError::into_inner).is_to_lead
    }

    fn is_answered(&self) -> bool {
        lock(&self.heard).missing == 0
    }

    fn answers(&self) -> Vec<Told> {
        mem::take(&mut lock(&self.heard).answers).into_iter().flatten().collect()
    }
}

/// What somebody who panicked has left is whole: nothing is changed by halves while it is locked.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
