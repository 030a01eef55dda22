//! The rule held against measurements whose truth is known.

use super::*;
use crate::measure::Series;
use crate::stats::Draws;

/// Seeds of each kind of measurement.
const SEEDS: u64 = 60;
/// Steps per second: a token for each running request.
const STEPS: f64 = 50.0;
const BATCH: f64 = 100.0;
/// W of each of two GPUs beside 2 W per running request.
const BASE: f64 = 200.0;

/// An invented measurement.
struct Invented {
    tokens: Series,
    energy: Vec<Series>,
    running: Series,
    waiting: Series,
    begun: Series,
    ended: Series,
}

/// What happens over time: running requests, speed and power relative to usual, and requests that wait.
#[derive(Clone, Copy)]
struct Course {
    seconds: f64,
    running: fn(f64) -> f64,
    speed: fn(f64) -> f64,
    power: fn(f64) -> f64,
    waiting: fn(f64) -> f64,
}

const STEADY: Course = Course { seconds: 80.0, running: |_| BATCH, speed: |_| 1.0, power: |_| 1.0, waiting: |_| 20.0 };

fn invent(course: &Course, seed: u64) -> Invented {
    invent_with(course, course.running, seed)
}

/// The same, of a number of running requests that is no plain function.
fn invent_with(course: &Course, running_at: impl Fn(f64) -> f64, seed: u64) -> Invented {
    let mut draws = Draws::new(seed);
    let mut tokens = Series::new();
    let mut energy = vec![Series::new(), Series::new()];
    let (mut running, mut waiting) = (Series::new(), Series::new());
    let (mut count, mut spent, mut noise) = (0.0, [0.0, 0.0], 0.0);
    let offset = draws.uniform() * 0.1;
    for step in 0..(course.seconds * 50.0) as u32 {
        let at = f64::from(step) / 50.0;
        // Noise of 2 % that lasts about 0.2 s.
        noise = 0.9 * noise + 0.02 * (1.0_f64 - 0.81).sqrt() * draws.gaussian();
        let runs = running_at(at);
        tokens.push(at, count);
        running.push(at, runs);
        waiting.push(at, (course.waiting)(at));
        count += (runs * STEPS * (course.speed)(at) * (1.0 + noise) / 50.0).round();
        for (place, (counter, spent)) in energy.iter_mut().zip(&mut spent).enumerate() {
            if step % 5 == place as u32 {
                counter.push(at + offset / 5.0, *spent);
            }
            *spent += (BASE + 2.0 * runs) * (course.power)(at) * (1.0 + 0.01 * draws.gaussian()) / 50.0;
        }
    }
    let begun = [(0.0, 0.0), (1.0, BATCH), (course.seconds, 4.0 * BATCH)].into_iter().collect();
    let ended = [(0.0, 0.0), (course.seconds, 3.0 * BATCH)].into_iter().collect();
    Invented { tokens, energy, running, waiting, begun, ended }
}

fn judged(course: &Course, seed: u64) -> Judgment {
    let invented = invent(course, seed);
    judged_of(&invented, Supply::Waiting(&invented.waiting))
}

fn judged_of(invented: &Invented, supply: Supply<'_>) -> Judgment {
    judge(&seen(invented, supply), &Rules::default())
}

fn seen<'a>(invented: &'a Invented, supply: Supply<'a>) -> Seen<'a> {
    Seen {
        tokens: &invented.tokens,
        energy: &invented.energy,
        running: &invented.running,
        begun: &invented.begun,
        ended: &invented.ended,
        batch: BATCH as u64,
        requests: None,
        supply,
        faults: None,
    }
}

/// Share of seeds with this verdict.
fn share(course: &Course, verdict: Verdict) -> f64 {
    (0..SEEDS).filter(|&seed| judged(course, seed).verdict == verdict).count() as f64 / SEEDS as f64
}

/// J per token of the two GPUs when the batch is full.
fn truth() -> f64 {
    2.0 * (BASE + 2.0 * BATCH) / (BATCH * STEPS)
}

#[test]
fn steady_noise_is_steady_and_its_interval_holds_the_truth() {
    assert!(share(&STEADY, Verdict::Steady) >= 0.97, "{}", share(&STEADY, Verdict::Steady));
    let mut held = 0;
    for seed in 0..SEEDS {
        let rate = judged(&STEADY, seed).rate.unwrap();
        assert!((rate.energy_per_token / truth() - 1.0).abs() < 0.01, "{rate:?}");
        held += u32::from((rate.energy_per_token - truth()).abs() <= rate.half_width.unwrap());
    }
    // 90 % of 60, less three standard errors.
    assert!(held >= 47, "{held}");
}

#[test]
fn a_ramp_is_cut_off() {
    let ramp = Course { running: |at| BATCH * (at / 20.0).min(1.0), ..STEADY };
    let warming = Course { power: |at| 1.0 - 0.15 * (-at / 6.0).exp(), ..STEADY };
    for course in [ramp, warming] {
        assert!(share(&course, Verdict::Steady) >= 0.95, "{}", judged(&course, 0).why());
        for seed in 0..SEEDS {
            let judgment = judged(&course, seed);
            assert!(judgment.window.unwrap().0 >= 5.0, "{judgment:?}");
            assert!((judgment.rate.unwrap().energy_per_token / truth() - 1.0).abs() < 0.012);
        }
    }
}

#[test]
fn a_drift_is_never_accepted() {
    let slowing = Course { speed: |at| 1.0 - 0.15 * at / 80.0, ..STEADY };
    let heating = Course { power: |at| 1.0 + 0.12 * at / 80.0, ..STEADY };
    for course in [slowing, heating] {
        assert!(share(&course, Verdict::NotSteady) >= 0.97, "{}", share(&course, Verdict::NotSteady));
        assert!(judged(&course, 1).why().contains("over the window"));
    }
}

#[test]
fn thrash_is_refused_and_a_mild_saw_tooth_is_not() {
    let thrash = Course { running: |at| if at % 8.0 < 5.0 { BATCH } else { 0.6 * BATCH }, ..STEADY };
    let mild = Course { running: |at| BATCH * (1.0 - 0.08 * (at % 2.0) / 2.0), ..STEADY };
    assert_eq!(share(&thrash, Verdict::NotSteady), 1.0);
    assert!(matches!(judged(&thrash, 0).reasons[0], Reason::BatchFalls { .. }));
    assert!(share(&mild, Verdict::Steady) >= 0.95, "{}", judged(&mild, 0).why());
}

#[test]
fn what_follows_an_early_end_is_cut_off() {
    let early = Course { running: |at| if at < 50.0 { BATCH } else { BATCH * 0.3 }, ..STEADY };
    assert!(share(&early, Verdict::Steady) >= 0.95, "{}", judged(&early, 0).why());
    let judgment = judged(&early, 3);
    assert!(judgment.window.unwrap().1 <= 50.5);
    assert!((judgment.rate.unwrap().energy_per_token / truth() - 1.0).abs() < 0.01);
}

#[test]
fn short_starved_and_empty_measurements_are_told_apart() {
    let short = Course { seconds: 12.0, ..STEADY };
    assert!(share(&short, Verdict::TooShort) >= 0.95, "{}", share(&short, Verdict::TooShort));
    assert!(judged(&short, 0).why().contains(" s long, but 30 s are needed; 99 ticks"), "{}", judged(&short, 0).why());
    let starved = Course { waiting: |at| if at % 10.0 < 7.0 { 5.0 } else { 0.0 }, ..STEADY };
    assert_eq!(share(&starved, Verdict::NotSteady), 1.0);
    let nothing = Course { seconds: 0.5, ..STEADY };
    assert_eq!(judged(&nothing, 0).verdict, Verdict::NoWindow);
    assert!(!judged(&nothing, 0).is_enough());
}

/// Where requests come at random, so many a second, and each is answered by one of some servers, which takes a random time
/// about a mean (s).
#[derive(Clone, Copy, Debug)]
struct Open {
    rate: f64,
    servers: usize,
    mean: f64,
}

impl Open {
    /// Requests under way, and those that have ended.
    fn queue(self, seconds: f64, seed: u64) -> (Series, Series) {
        let mut draws = Draws::new(1000 + seed);
        let mut free = vec![0.0_f64; self.servers];
        let (mut at, mut moves) = (0.0, Vec::new());
        while at < seconds {
            at -= (1.0 - draws.uniform()).ln() / self.rate;
            let Some(server) = free.iter_mut().min_by(|a, b| a.total_cmp(b)) else { break };
            *server = server.max(at) + self.mean * (0.5 + draws.uniform());
            moves.extend([(at, 1.0), (*server, -1.0)]);
        }
        moves.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (mut count, mut over) = (0.0, 0.0);
        let (mut under_way, mut ended) = (Series::new(), Series::new());
        under_way.push(0.0, 0.0);
        ended.push(0.0, 0.0);
        for (at, change) in moves {
            under_way.push(at, count);
            count += change;
            under_way.push(at + 1e-9, count);
            over += f64::from(u8::from(change < 0.0));
            ended.push(at + 1e-9, over);
        }
        (under_way, ended)
    }

    fn judged(self, course: &Course, seed: u64) -> Judgment {
        let (under_way, ended) = self.queue(course.seconds + 1.0, seed);
        let running = |at: f64| under_way.at(at).unwrap_or(0.0).min(self.servers as f64);
        let invented = invent_with(course, running, seed);
        let seen = Seen { ended: &ended, batch: 1, ..seen(&invented, Supply::Rate(&under_way)) };
        judge(&seen, &Rules::default())
    }

    fn share(self, course: &Course, verdict: Verdict) -> f64 {
        (0..SEEDS).filter(|&seed| self.judged(course, seed).verdict == verdict).count() as f64 / SEEDS as f64
    }
}

#[test]
fn an_open_loop_is_steady_however_many_requests_it_has_at_once() {
    // 4, 12, 40 and 200 at once; long and short answers; a server that is busy to four fifths.
    for (rate, servers, mean) in [
        (2.0, 1000, 2.0),
        (6.0, 1000, 2.0),
        (20.0, 1000, 2.0),
        (100.0, 1000, 2.0),
        (2.0, 1000, 12.0),
        (20.0, 1000, 0.5),
        (50.0, 1000, 5.0),
        (16.0, 40, 2.0),
    ] {
        let open = Open { rate, servers, mean };
        let refused = open.share(&STEADY, Verdict::NotSteady);
        assert!(refused <= 0.05, "{open:?}: {refused}: {}", open.judged(&STEADY, 0).why());
    }
}

#[test]
fn the_interval_of_an_open_loop_holds_the_truth() {
    let open = Open { rate: 6.0, servers: 1000, mean: 2.0 };
    let truth = 2.0 * (BASE + 2.0 * 12.0) / (12.0 * STEPS);
    let held = (0..SEEDS).filter(|&seed| {
        let rate = open.judged(&STEADY, seed).rate.unwrap();
        (rate.energy_per_token - truth).abs() <= rate.half_width.unwrap()
    });
    // 90 % of 60, less three standard errors.
    let held = held.count();
    assert!(held >= 47, "{held}");
}

#[test]
fn an_open_loop_that_moves_is_refused() {
    // A fifth too fast, and five times.
    for rate in [24.0, 100.0] {
        let open = Open { rate, servers: 40, mean: 2.0 };
        let refused = open.share(&STEADY, Verdict::NotSteady);
        assert!(refused >= 0.95, "{open:?}: {refused}");
        let why = open.judged(&STEADY, 0).why();
        assert!(why.contains("requests come faster than they are answered"), "{why}");
    }
    // What goes on behind the noise of their number.
    let slowing = Course { speed: |at| 1.0 - 0.15 * at / 80.0, ..STEADY };
    let heating = Course { power: |at| 1.0 + 0.12 * at / 80.0, ..STEADY };
    for (rate, course) in [(20.0, slowing), (20.0, heating), (100.0, slowing), (100.0, heating)] {
        let refused = Open { rate, servers: 1000, mean: 2.0 }.share(&course, Verdict::NotSteady);
        assert!(refused >= 0.9, "{rate}/s: {refused}");
    }
}

#[test]
fn requests_that_fail_or_are_sent_late_are_not_the_load_asked_for() {
    let invented = invent(&STEADY, 0);
    let told = |failed: f64, late: f64| {
        let upto = |count: f64| [(0.0, 0.0), (STEADY.seconds, count)].into_iter().collect::<Series>();
        let (failed, late, sent) = (upto(failed), upto(late), upto(3.0 * BATCH));
        let faults = Some(Faults { failed: &failed, sent: &sent, late: Some(&late) });
        let judgment = judge(&Seen { faults, ..seen(&invented, Supply::Rate(&invented.running)) }, &Rules::default());
        (judgment.verdict, judgment.why())
    };
    // 300 requests end in all.
    assert_eq!(told(0.0, 0.0), (Verdict::Steady, String::new()));
    assert_eq!(told(2.0, 20.0).0, Verdict::Steady, "a few are no reason");
    let (verdict, why) = told(100.0, 0.0);
    assert_eq!(verdict, Verdict::NotValid);
    assert!(why.contains("requests failed (33.3 %): energy was spent on them"), "{why}");
    let (verdict, why) = told(0.0, 100.0);
    assert_eq!(verdict, Verdict::NotValid);
    assert!(why.starts_with("the client is the bottleneck: it sent "), "{why}");
}
