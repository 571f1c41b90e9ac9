//! Processes that are killed at random moments, again and again over one directory: what they were told is there, is
//! there; what they were told is gone, is gone; what was under way is there whole or not at all.
//!
//! The processes are this test program, started again. They make changes that follow from a seed, so that this one knows
//! what the store holds after each. `OCELLI_KILL_ROUNDS` asks for more than the usual kills, `OCELLI_KILL_SEED` for
//! others.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic is how a test reports")]

#[path = "../marks/mod.rs"]
mod marks;
mod script;
#[path = "../telling/mod.rs"]
mod telling;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use ocelli_store::{CheckOptions, ImageQuery, ProjectState, Store};
use ocelli_store_local::LocalStore;
use tempfile::TempDir;

use marks::{files, held, marks_in};
use script::{Random, Script, everything, options, outcome};

const DIRECTORY: &str = "OCELLI_TEST_DIRECTORY";
const PLAN: &str = "OCELLI_TEST_PLAN";
/// Scripts that act on a directory.
const LANES: u8 = 2;
/// Kills that a directory goes through.
const KILLS: u32 = 25;

fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// What else goes on in a process that makes changes.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Beside {
    Nothing,
    /// Questions, one after another.
    Questions,
    /// A reader that holds on to the states of a moment, longer than an erasure waits for it.
    LongReading,
}

/// The process that is killed; nothing where this is not it.
#[test]
fn other_process() {
    let (Ok(plan), Some(directory)) = (std::env::var(PLAN), std::env::var_os(DIRECTORY)) else { return };
    // A thread that panics must not leave the others at it.
    std::panic::set_hook(Box::new(|panic| {
        eprintln!("{panic}");
        std::process::abort();
    }));
    let mut plan = plan.split(' ').map(|number| number.parse::<u64>().unwrap());
    let (seed, beside) = (plan.next().unwrap(), plan.next().unwrap());
    let plan: Vec<u64> = plan.collect();
    let mut scripts = Vec::new();
    for lane in plan.as_chunks::<2>().0 {
        let mut script = Script::new(seed, u8::try_from(lane[0]).unwrap());
        while u64::from(script.step) < lane[1] {
            let _ = script.advance();
        }
        scripts.push((lane[0], script));
    }
    println!("@ready");
    let store = LocalStore::open(&directory, options()).unwrap();
    println!("@opened");
    thread::scope(|threads| {
        if beside == Beside::Questions as u64 {
            threads.spawn(|| ask_for_ever(&store));
        }
        if beside == Beside::LongReading as u64 {
            threads.spawn(|| read_for_ever(Path::new(&directory)));
        }
        for (lane, mut script) in scripts {
            let store = &store;
            threads.spawn(move || {
                loop {
                    let change = script.next();
                    println!("@begin {lane}");
                    let applied = store.apply(change);
                    println!("@end {lane} {}", outcome(&applied));
                    let _ = script.advance();
                }
            });
        }
    });
}

fn ask_for_ever(store: &LocalStore) {
    loop {
        for project in store.projects(ProjectState::Live).unwrap() {
            // It may be erased between one question and the next.
            let Ok(images) = store.images(project.id, &ImageQuery::default()) else { continue };
            for image in images.iter().take(5) {
                if let Err(error) = store.image_bytes(project.id, image.id) {
                    assert!(!matches!(error, ocelli_store::StoreError::Corrupt { .. }), "{error}");
                }
            }
        }
    }
}

fn read_for_ever(directory: &Path) {
    let reader = rusqlite::Connection::open(directory.join("ocelli.sqlite")).unwrap();
    loop {
        reader.execute_batch("BEGIN; SELECT count(*) FROM images").unwrap();
        thread::sleep(Duration::from_millis(1500));
        reader.execute_batch("COMMIT").unwrap();
    }
}

/// A directory and what is made in it.
struct Stage {
    directory: TempDir,
    seed: u64,
    scripts: Vec<Script>,
}

/// What the killed ones said of one script.
#[derive(Default)]
struct Said {
    began: usize,
    outcomes: Vec<String>,
}

#[derive(Debug, Default)]
struct Counts {
    kills: u32,
    while_opening: u32,
    in_a_change: u32,
    changes: u32,
    pending: u32,
    in_flight_made: u32,
    in_flight_not_made: u32,
    directories: u32,
    marks_searched_for: usize,
    /// How long scripts were at work that nobody's reading held up, and how many changes they made.
    running: Duration,
    timed: u32,
}

impl Stage {
    fn new(seed: u64) -> Self {
        let scripts = (0..LANES).map(|lane| Script::new(seed, lane)).collect();
        Self { directory: tempfile::tempdir().unwrap(), seed, scripts }
    }

    /// Starts a process for these scripts.
    fn start(&self, lanes: &[u8], beside: Beside) -> (Child, BufReader<ChildStdout>) {
        let mut plan = format!("{} {}", self.seed, beside as u8);
        for lane in lanes {
            write!(plan, " {lane} {}", self.scripts[usize::from(*lane)].step).unwrap();
        }
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "other_process", "--nocapture"])
            .env(PLAN, plan)
            .env(DIRECTORY, self.directory.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let said = BufReader::new(child.stdout.take().unwrap());
        (child, said)
    }

    /// Lets processes run and kills them.
    fn kill(&self, random: &mut Random, counts: &mut Counts) -> Vec<Said> {
        let beside = match random.below(8) {
            0 => Beside::LongReading,
            1 | 2 => Beside::Questions,
            _ => Beside::Nothing,
        };
        let parts: &[&[u8]] = if random.below(3) == 0 { &[&[0], &[1]] } else { &[&[0, 1]] };
        let mut children: Vec<_> = parts.iter().map(|lanes| self.start(lanes, beside)).collect();
        for (_, said) in &mut children {
            assert!(lines(said).any(|line| line == "ready"), "the process ended early");
        }
        // Long enough for some dozens of changes, however fast the machine is today, and at times for little but opening.
        let a_change = counts.running / (counts.timed + 1);
        let longest = a_change * if random.below(6) == 0 { 1 } else { 24 };
        let longest = match beside {
            // An erasure waits half a second for it.
            Beside::LongReading => Duration::from_millis(1500),
            _ => longest.clamp(Duration::from_millis(10), Duration::from_millis(400)),
        };
        let began = Instant::now();
        let mut all = Vec::from_iter((0..LANES).map(|_| Said::default()));
        for (mut child, mut said) in children {
            let micros = random.below(usize::try_from(longest.as_micros()).unwrap());
            thread::sleep(Duration::from_micros(micros as u64));
            child.kill().unwrap();
            let status = child.wait().unwrap();
            #[cfg(unix)]
            assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(9), "{status}");
            counts.kills += 1;
            let mut opened = false;
            for line in lines(&mut said) {
                let words: Vec<&str> = line.split(' ').collect();
                match words[..] {
                    ["opened"] => opened = true,
                    ["begin", lane] => all[lane.parse::<usize>().unwrap()].began += 1,
                    ["end", lane, outcome] => {
                        all[lane.parse::<usize>().unwrap()].outcomes.push(outcome.to_owned());
                    }
                    _ => panic!("{line:?}"),
                }
            }
            counts.while_opening += u32::from(!opened);
        }
        let changes = u32::try_from(all.iter().map(|said| said.outcomes.len()).sum::<usize>()).unwrap();
        counts.changes += changes;
        if beside != Beside::LongReading {
            counts.running += began.elapsed() * u32::from(LANES);
            counts.timed += changes;
        }
        counts.in_a_change += u32::from(all.iter().any(|said| said.began > said.outcomes.len()));
        all
    }

    /// Opens what the killed ones left and compares it with what they said.
    fn check(&mut self, all: &[Said], counts: &mut Counts) {
        let left = held(self.directory.path());
        for (script, said) in self.scripts.iter_mut().zip(all) {
            // What was acknowledged as gone is gone already.
            let complete = said.outcomes.iter().rposition(|outcome| outcome == "erased");
            for (number, outcome) in said.outcomes.iter().enumerate() {
                let change = format!("{:.300}", format!("{:?}", script.next()));
                let (step, applied) = (script.step, script.advance());
                let expected = self::outcome(&applied);
                let same = outcome == expected || (outcome == "pending" && expected == "erased");
                assert!(same, "change {step}, {change}: {outcome} instead of {expected}: {applied:?}");
                counts.pending += u32::from(outcome == "pending");
                if Some(number) == complete {
                    let there = marks_of(&script.everything());
                    let gone = |mark: &u32| script.is_before(*mark, script.step) && !there.contains(mark);
                    let remains: Vec<_> = left.iter().filter(|(mark, _)| gone(mark)).collect();
                    assert!(remains.is_empty(), "acknowledged as erased by change {step}: {remains:?}");
                }
            }
        }
        let store = LocalStore::open(self.directory.path(), options()).unwrap();
        let (mut projects, mut marks) = (BTreeSet::new(), BTreeSet::new());
        for (script, said) in self.scripts.iter_mut().zip(all) {
            let (found, expected) = (everything(&store, script.project()), script.everything());
            if said.began == said.outcomes.len() {
                assert_same(&found, &expected, &format!("before change {}", script.step));
            } else if found == expected {
                counts.in_flight_not_made += 1;
            } else {
                // Made, and not acknowledged: whole then.
                let change = format!("in {:?}", script.next());
                let _ = script.advance();
                assert_same(&everything(&store, script.project()), &script.everything(), &change);
                counts.in_flight_made += 1;
            }
            projects.extend(script.projects());
            marks.extend(marks_of(&script.everything()));
        }
        let found = store.projects(ProjectState::Live).unwrap();
        assert_eq!(found.iter().map(|project| project.id).collect::<BTreeSet<_>>(), projects);
        let held = held(self.directory.path());
        let stray: Vec<_> = held.iter().filter(|(mark, _)| !marks.contains(mark)).collect();
        assert!(stray.is_empty(), "erased, and still there: {stray:?}");
        let unseen: Vec<_> = marks.iter().filter(|mark| !held.contains_key(mark)).collect();
        // One may begin at the end of a page and go on in another.
        assert!(unseen.len() <= marks.len() / 20, "the search finds what is there: {unseen:?}");
        counts.marks_searched_for += marks.len();
        let report = store.check(&CheckOptions::default()).unwrap();
        assert!(report.is_sound() && report.unowned == 0, "{report:?}");
        let staging = files(&self.directory.path().join("staging"));
        assert_eq!(staging.len(), 1, "this handle's lock alone: {staging:?}");
        assert_eq!(files(&self.directory.path().join("damaged")), [] as [std::path::PathBuf; 0]);
    }
}

/// The lines that the other process wrote whole, less what its test harness wrote.
fn lines(said: &mut BufReader<ChildStdout>) -> impl Iterator<Item = String> {
    let whole = std::iter::from_fn(|| {
        let mut line = String::new();
        said.read_line(&mut line).unwrap();
        line.ends_with('\n').then_some(line)
    });
    whole.filter_map(|line| Some(line.trim_end().split_once('@')?.1.to_owned()))
}

fn marks_of(told: &[String]) -> BTreeSet<u32> {
    told.iter().flat_map(|line| marks_in(line.as_bytes())).collect()
}

fn assert_same(found: &[String], expected: &[String], when: &str) {
    let differs = found.iter().zip(expected).position(|(found, expected)| found != expected);
    let differs = differs.or((found.len() != expected.len()).then_some(found.len().min(expected.len())));
    if let Some(line) = differs {
        let told = |lines: &[String]| lines.get(line).map(|line| format!("{line:.600}"));
        let (found, expected) = (told(found), told(expected));
        panic!("{when:.600}: {found:?}\ninstead of {expected:?}");
    }
}

#[test]
fn nothing_acknowledged_is_lost_and_nothing_erased_remains_where_processes_are_killed() {
    let rounds = u32::try_from(number("OCELLI_KILL_ROUNDS", 200)).unwrap();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let seed = number("OCELLI_KILL_SEED", now.as_secs());
    eprintln!("OCELLI_KILL_SEED={seed}");
    let mut random = Random(seed);
    let mut counts = Counts::default();
    while counts.kills < rounds {
        let mut stage = Stage::new(seed.wrapping_add(u64::from(counts.kills)));
        counts.directories += 1;
        for _ in 0..KILLS {
            let said = stage.kill(&mut random, &mut counts);
            stage.check(&said, &mut counts);
        }
    }
    eprintln!("{counts:#?}");
    assert!(counts.in_a_change > 0 && counts.in_flight_made > 0, "{counts:?}");
}
