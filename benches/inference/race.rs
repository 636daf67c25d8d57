//! Contestants that do the same tasks in turns, so that whatever else the machine does hits all alike.

use std::time::{Duration, Instant};

use cpu_time::ProcessTime;

use crate::Result;

type Run<'a, Task> = dyn FnMut(&Task) -> Result<Vec<f32>> + 'a;

/// How much of the work a contestant does; what is slow does less of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Share {
    /// All tasks in all rounds.
    All,
    /// All tasks in the first round.
    FirstRound,
    /// Every fifth task in the first round.
    Fifth,
}

/// One way of doing the tasks: scoring the pairs of a question, or embedding texts.
pub(crate) struct Contestant<'a, Task> {
    pub(crate) name: String,
    pub(crate) share: Share,
    warm: bool,
    run: Box<Run<'a, Task>>,
}

impl<'a, Task> Contestant<'a, Task> {
    /// A contestant that runs in every round.
    pub(crate) fn new(
        name: impl Into<String>,
        run: impl FnMut(&Task) -> Result<Vec<f32>> + 'a,
    ) -> Self {
        Self {
            name: name.into(),
            share: Share::All,
            warm: false,
            run: Box::new(run),
        }
    }

    /// Gives it a share of the tasks.
    pub(crate) fn with_share(mut self, share: Share) -> Self {
        self.share = share;
        self
    }

    fn run(&mut self, task: &Task) -> Result<(Lap, Vec<f32>)> {
        if !self.warm {
            (self.run)(task)?;
            self.warm = true;
        }
        settle();
        let (started, cpu) = (Instant::now(), ProcessTime::now());
        let answer = (self.run)(task)?;
        let (wall, cpu) = (started.elapsed(), cpu.elapsed());
        let lap = Lap {
            wall: wall.as_secs_f64(),
            cpu: cpu.as_secs_f64(),
        };
        Ok((lap, answer))
    }
}

/// What a task took, in seconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lap {
    pub(crate) wall: f64,
    /// Processor time of the whole process.
    pub(crate) cpu: f64,
}

/// What a contestant has done.
pub(crate) struct Record {
    pub(crate) name: String,
    /// Round after round, each task after task; `None` where it did not take part.
    pub(crate) laps: Vec<Option<Lap>>,
    /// What it answered to each task in the first round, where it took part.
    pub(crate) answers: Vec<Option<Vec<f32>>>,
}

impl Record {
    /// Joins each lap with the lap of `other` in the same round and task, where both ran.
    pub(crate) fn beside(&self, other: &Self, value: impl Fn(Lap, Lap) -> f64) -> Vec<f64> {
        let pairs = self.laps.iter().zip(&other.laps);
        pairs
            .filter_map(|(lap, other)| Some(value((*lap)?, (*other)?)))
            .collect()
    }

    /// Joins its answers with those of `other` to the same tasks.
    pub(crate) fn answers_beside<'a>(
        &'a self,
        other: &'a Self,
    ) -> impl Iterator<Item = (&'a Vec<f32>, &'a Vec<f32>)> {
        let pairs = self.answers.iter().zip(&other.answers);
        pairs.filter_map(|(answer, other)| Some((answer.as_ref()?, other.as_ref()?)))
    }

    /// The value of each lap that it ran, with what its task has in `tasks`.
    pub(crate) fn each<T>(&self, tasks: &[T], value: impl Fn(Lap, &T) -> f64) -> Vec<f64> {
        let laps = self.laps.iter().zip(tasks.iter().cycle());
        laps.filter_map(|(lap, task)| Some(value((*lap)?, task)))
            .collect()
    }
}

/// Lets every contestant do its share of the tasks, `rounds` times over, and takes the time.
///
/// They take turns task by task, and each time another one begins. A contestant's first task ever is
/// done once before.
pub(crate) fn race<Task>(
    contestants: &mut [Contestant<'_, Task>],
    tasks: &[Task],
    rounds: usize,
) -> Result<Vec<Record>> {
    let mut records: Vec<Record> = contestants
        .iter()
        .map(|contestant| Record {
            name: contestant.name.clone(),
            laps: vec![None; rounds * tasks.len()],
            answers: vec![None; tasks.len()],
        })
        .collect();
    for turn in 0..rounds * tasks.len() {
        let (round, at) = (turn / tasks.len(), turn % tasks.len());
        for step in 0..contestants.len() {
            let pos = (turn + step) % contestants.len();
            let (contestant, record) = (&mut contestants[pos], &mut records[pos]);
            let takes_part = match contestant.share {
                Share::All => true,
                Share::FirstRound => round == 0,
                Share::Fifth => round == 0 && at.is_multiple_of(5),
            };
            if takes_part {
                let (lap, answer) = contestant.run(&tasks[at])?;
                record.laps[turn] = Some(lap);
                record.answers[at].get_or_insert(answer);
            }
        }
    }
    Ok(records)
}

/// Waits until no thread of this process is at work: some pools spin for a while after their work,
/// which would slow the next contestant down and be put on its bill.
fn settle() {
    const GLANCE: Duration = Duration::from_millis(2);
    for _ in 0..100 {
        let cpu = ProcessTime::now();
        std::thread::sleep(GLANCE);
        if cpu.elapsed() < GLANCE / 10 {
            return;
        }
    }
}
