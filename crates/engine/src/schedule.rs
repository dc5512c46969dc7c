//! Runs work over the graph: at most so many at once, within processors and memory, lowest number first.
//!
//! Knows nothing of steps but their numbers, what they wait for and what they want. Which of two independent steps
//! runs first may differ between runs; what they make does not, since each sees its inputs alone.

use std::{
    collections::BTreeSet,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
};

/// What a step wants while it runs.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Need {
    /// Processors; 0 for a step that says nothing, which shares them with whatever runs beside it.
    pub(crate) cpu: f64,
    /// Bytes of memory; 0 for a step that says nothing.
    pub(crate) memory: u64,
}

/// What there is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Steps at once, and processors; at least 1.
    pub(crate) threads: usize,
    /// Bytes of memory; no limit when absent.
    pub(crate) memory: Option<u64>,
}

/// The work: each step's needs and the steps that it waits for.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    /// What each step wants.
    pub(crate) needs: Vec<Need>,
    /// What each step waits for; each number is less than the step's own and occurs once.
    pub(crate) waits_for: Vec<Vec<usize>>,
}

/// How a piece of work ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is done, well or badly.
    Done,
    /// These, which were done, must be done again; then this one is tried again.
    Again(Vec<usize>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Waits for so many others.
    Waiting(usize),
    Ready,
    Running,
    Done,
}

struct Pool<'a> {
    graph: &'a Graph,
    limits: Limits,
    followers: Vec<Vec<usize>>,
    /// True when a step that ends may make room for one that was ready before.
    limited: bool,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    stages: Vec<Stage>,
    ready: BTreeSet<usize>,
    open: usize,
    running: usize,
    cpu: f64,
    memory: u64,
    /// True once a worker panicked, which `work` never lets happen; the others then leave.
    broken: bool,
}

/// Does all the work that is not `done` yet. `work` is called on a small pool of threads and must not panic.
pub(crate) fn schedule(graph: &Graph, done: &[bool], limits: Limits, work: &(dyn Fn(usize) -> Verdict + Sync)) {
    let mut followers = vec![Vec::new(); graph.waits_for.len()];
    for (step, others) in graph.waits_for.iter().enumerate() {
        others.iter().for_each(|other| followers[*other].push(step));
    }
    let stages: Vec<Stage> = graph
        .waits_for
        .iter()
        .enumerate()
        .map(|(step, others)| match others.iter().filter(|other| !done[**other]).count() {
            _ if done[step] => Stage::Done,
            0 => Stage::Ready,
            missing => Stage::Waiting(missing),
        })
        .collect();
    let ready: BTreeSet<usize> =
        stages.iter().enumerate().filter(|(_, stage)| **stage == Stage::Ready).map(|(step, _)| step).collect();
    let open = stages.iter().filter(|stage| **stage != Stage::Done).count();
    if open == 0 {
        return;
    }
    let state = State { stages, ready, open, running: 0, cpu: 0.0, memory: 0, broken: false };
    let limited = graph.needs.iter().any(|need| need.cpu > 0.0 || need.memory > 0);
    let pool = Pool { graph, limits, followers, limited, state: Mutex::new(state), changed: Condvar::new() };
    std::thread::scope(|scope| {
        let workers = (0..limits.threads.clamp(1, open)).map_while(|_| {
            // A step may recurse deeply (a parser, a tree), so threads get as much stack as the main one usually has.
            let builder = std::thread::Builder::new().name("step".to_owned()).stack_size(8 << 20);
            builder.spawn_scoped(scope, || pool.labour(work)).ok()
        });
        // The calling thread stands in when the system grants none.
        if workers.count() == 0 {
            pool.labour(work);
        }
    });
}

impl Pool<'_> {
    fn labour(&self, work: &(dyn Fn(usize) -> Verdict + Sync)) {
        let mut state = self.state();
        loop {
            if state.open == 0 || state.broken {
                return;
            }
            let Some(step) = self.next(&state) else {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            self.take(&mut state, step);
            drop(state);
            let alarm = Alarm(self);
            let verdict = work(step);
            std::mem::forget(alarm);
            state = self.state();
            self.give_back(&mut state, step);
            match verdict {
                Verdict::Done => self.finish(&mut state, step),
                Verdict::Again(others) => self.reopen(&mut state, step, &others),
            }
            // This thread takes one of the ready steps itself.
            if state.open == 0 || state.ready.len() > 1 || self.limited {
                self.changed.notify_all();
            }
        }
    }

    /// The first ready step that there is room for. One that wants more than there is runs when nothing else does.
    fn next(&self, state: &State) -> Option<usize> {
        state.ready.iter().copied().find(|step| {
            let need = self.graph.needs[*step];
            #[expect(clippy::cast_precision_loss, reason = "no machine has 2^53 processors")]
            let processors = self.limits.threads as f64;
            let fits = state.cpu + need.cpu <= processors + 1e-9
                && self.limits.memory.is_none_or(|limit| state.memory.saturating_add(need.memory) <= limit);
            fits || state.running == 0
        })
    }

    fn take(&self, state: &mut State, step: usize) {
        let need = self.graph.needs[step];
        state.ready.remove(&step);
        state.stages[step] = Stage::Running;
        state.running += 1;
        state.cpu += need.cpu;
        state.memory = state.memory.saturating_add(need.memory);
    }

    fn give_back(&self, state: &mut State, step: usize) {
        let need = self.graph.needs[step];
        state.running -= 1;
        // A sum of differences would drift away from zero.
        state.cpu = if state.running == 0 { 0.0 } else { state.cpu - need.cpu };
        state.memory = state.memory.saturating_sub(need.memory);
    }

    fn finish(&self, state: &mut State, step: usize) {
        state.stages[step] = Stage::Done;
        state.open -= 1;
        for follower in &self.followers[step] {
            if let Stage::Waiting(missing) = state.stages[*follower] {
                if missing == 1 {
                    state.stages[*follower] = Stage::Ready;
                    state.ready.insert(*follower);
                } else {
                    state.stages[*follower] = Stage::Waiting(missing - 1);
                }
            }
        }
    }

    /// Opens `others` again and lets `step`, and whoever else is about to use them, wait for them.
    fn reopen(&self, state: &mut State, step: usize, others: &[usize]) {
        for other in others {
            if state.stages[*other] != Stage::Done {
                continue;
            }
            state.open += 1;
            self.queue(state, *other);
            for follower in &self.followers[*other] {
                match state.stages[*follower] {
                    Stage::Waiting(missing) => state.stages[*follower] = Stage::Waiting(missing + 1),
                    Stage::Ready => {
                        state.ready.remove(follower);
                        state.stages[*follower] = Stage::Waiting(1);
                    }
                    Stage::Running | Stage::Done => {}
                }
            }
        }
        self.queue(state, step);
    }

    fn queue(&self, state: &mut State, step: usize) {
        let missing = self.graph.waits_for[step].iter().filter(|other| state.stages[**other] != Stage::Done).count();
        if missing == 0 {
            state.stages[step] = Stage::Ready;
            state.ready.insert(step);
        } else {
            state.stages[step] = Stage::Waiting(missing);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Wakes the other workers when one dies, so that the scope ends and the panic is seen.
struct Alarm<'a, 'b>(&'a Pool<'b>);

impl Drop for Alarm<'_, '_> {
    fn drop(&mut self) {
        self.0.state().broken = true;
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicUsize, Ordering},
        time::{Duration, Instant},
    };

    use super::*;

    fn graph(waits_for: &[&[usize]]) -> Graph {
        Graph {
            needs: vec![Need::default(); waits_for.len()],
            waits_for: waits_for.iter().map(|others| others.to_vec()).collect(),
        }
    }

    fn limits(threads: usize) -> Limits {
        Limits { threads, memory: None }
    }

    fn order(graph: &Graph, done: &[bool], limits: Limits) -> Vec<usize> {
        let order = Mutex::new(Vec::new());
        schedule(graph, done, limits, &|step| {
            order.lock().unwrap().push(step);
            Verdict::Done
        });
        order.into_inner().unwrap()
    }

    /// The most pieces of work that were under way at once.
    fn most_at_once(graph: &Graph, limits: Limits) -> usize {
        let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        schedule(graph, &vec![false; graph.needs.len()], limits, &|_| {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(5));
            now.fetch_sub(1, Ordering::SeqCst);
            Verdict::Done
        });
        most.into_inner()
    }

    #[test]
    fn nothing_runs_before_what_it_waits_for() {
        let graph = graph(&[&[], &[0], &[0], &[1, 2], &[]]);
        assert_eq!(order(&graph, &[false; 5], limits(1)), [0, 1, 2, 3, 4]);
        for threads in [2, 8] {
            let order = order(&graph, &[false; 5], limits(threads));
            let place = |step| order.iter().position(|other| *other == step).unwrap();
            assert!(place(0) < place(1) && place(0) < place(2) && place(1) < place(3) && place(2) < place(3));
            assert_eq!(order.len(), 5);
        }
    }

    #[test]
    fn what_is_done_stays_done() {
        let graph = graph(&[&[], &[0], &[1]]);
        assert_eq!(order(&graph, &[true, true, false], limits(2)), [2]);
        assert_eq!(order(&graph, &[true, true, true], limits(2)), Vec::<usize>::new());
        assert_eq!(order(&Graph::default(), &[], limits(2)), Vec::<usize>::new());
    }

    #[test]
    fn keeps_to_threads_processors_and_memory() {
        let mut wide = graph(&[[].as_slice(); 8]);
        assert_eq!(most_at_once(&wide, limits(3)), 3);
        wide.needs.iter_mut().for_each(|need| need.cpu = 1.5);
        assert_eq!(most_at_once(&wide, limits(4)), 2);
        wide.needs.iter_mut().for_each(|need| *need = Need { cpu: 0.0, memory: 400 });
        assert_eq!(most_at_once(&wide, Limits { threads: 4, memory: Some(1000) }), 2);
        // More than there is runs all the same, alone.
        assert_eq!(most_at_once(&wide, Limits { threads: 4, memory: Some(100) }), 1);
    }

    #[test]
    fn work_is_done_again_before_what_needs_it() {
        let graph = graph(&[&[], &[0], &[1], &[2]]);
        for threads in [1, 4] {
            let order = Mutex::new(Vec::new());
            schedule(&graph, &[true, true, false, false], limits(threads), &|step| {
                let mut order = order.lock().unwrap();
                order.push(step);
                match (step, order.iter().filter(|other| **other == step).count()) {
                    (2, 1) => Verdict::Again(vec![1]),
                    (1, 1) => Verdict::Again(vec![0]),
                    _ => Verdict::Done,
                }
            });
            assert_eq!(*order.lock().unwrap(), [2, 1, 0, 1, 2, 3]);
        }
    }

    #[test]
    fn grows_linearly() {
        let chain: Vec<Vec<usize>> = (0..100_000_usize).map(|step| step.checked_sub(1).into_iter().collect()).collect();
        let graph = Graph { needs: vec![Need::default(); chain.len()], waits_for: chain };
        let start = Instant::now();
        assert_eq!(order(&graph, &vec![false; 100_000], limits(2)).len(), 100_000);
        assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    }
}
