//! Telemetry through a real Prometheus server, fed by an exporter whose truth is known. Skipped where there is none.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use joules::measure::http::{Blocking, Options, Url};
use joules::measure::telemetry::{Labels, parse};

use crate::commands::{joules, message};
use crate::shared::Scratch;

/// The second window begins so many seconds after the exporter did.
const CHANGE: f64 = 4.5;
/// When an engine starts again, and when pages of the server are missing.
const RESTART: f64 = 6.5;
const GAP: [f64; 2] = [7.2, 8.0];
/// When all is over.
const END: f64 = 9.5;

/// Answers `/server`, `/gpu` and `/odd` until it is dropped; its time stands still until it begins.
struct Exporter {
    port: u16,
    begun: Arc<OnceLock<Instant>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Exporter {
    fn start(page: impl Fn(&str, f64) -> Option<String> + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (begun, stop) = (Arc::new(OnceLock::new()), Arc::new(AtomicBool::new(false)));
        let (stopped, beginning) = (Arc::clone(&stop), Arc::clone(&begun));
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if stopped.load(Ordering::Relaxed) {
                    break;
                }
                let at = beginning.get().map_or(0.0, |start: &Instant| start.elapsed().as_secs_f64());
                // A client that goes away is nothing to a server.
                let _ = serve(stream, |path| page(path, at));
            }
        });
        Self { port, begun, stop, thread: Some(thread) }
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

/// One request, one answer.
fn serve(mut stream: TcpStream, page: impl Fn(&str) -> Option<String>) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut buffer)? {
            0 => return Ok(()),
            count => request.extend_from_slice(&buffer[..count]),
        }
    }
    let text = String::from_utf8_lossy(&request);
    let path = text.split_whitespace().nth(1).unwrap_or_default();
    let (status, body) = match page(path) {
        Some(body) => ("200 OK", body),
        None => ("503 Service Unavailable", "busy".to_owned()),
    };
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
}

/// A line of every form that a page may have.
const ODD: &str = "# HELP odd_plain with # and \\n in it\n# TYPE odd_plain gauge\nodd_plain 1\nodd_label{a=\"1\",b=\"2\",} 2.5e-3\n\
                   odd_escape{path=\"C:\\\\dir\",quote=\"\\\"x\\\"\",line=\"one\\ntwo\",brace=\"}{,=#\"} 3\n\
                   odd_nan NaN\nodd_inf +Inf\nodd_minus -Inf\nodd_space { x = \"y\" }   4\nodd_utf8{name=\"Zürich ≤ 3\"} 5\n\
                   odd_empty{a=\"\"} 6\nodd:colon_total 7\nodd_hist_bucket{le=\"0.1\"} 8\nodd_hist_bucket{le=\"+Inf\"} 9\n";

/// Two engines on two GPUs: 1000 tokens/s at 600 W, then 800 tokens/s at 900 W.
fn page(path: &str, at: f64) -> Option<String> {
    let before = at.min(CHANGE);
    let after = (at - CHANGE).max(0.0);
    match path {
        "/odd" => Some(ODD.to_owned()),
        "/gpu" => {
            let energy = |gpu: f64| 1e9 * (gpu + 1.0) + (300.0 * before + 450.0 * after) * 1e3;
            let lines = [0.0, 1.0].map(|gpu| {
                let of = format!("gpu=\"{gpu}\",UUID=\"GPU-{gpu}\",modelName=\"NVIDIA H200\",Hostname=\"h\"");
                format!(
                    "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION{{{of}}} {}\nDCGM_FI_DEV_POWER_USAGE{{{of}}} {}\n\
                     DCGM_FI_DEV_SM_CLOCK{{{of}}} 1800\nDCGM_FI_DEV_GPU_TEMP{{{of}}} 60\n",
                    energy(gpu),
                    if at < CHANGE { 300 } else { 450 }
                )
            });
            Some(lines.concat())
        }
        "/server" if (GAP[0]..GAP[1]).contains(&at) => None,
        "/server" => {
            let tokens = 500.0 * before + 400.0 * after;
            let lost = 500.0 * CHANGE + 400.0 * (RESTART - CHANGE);
            let lines = [0, 1].map(|engine| {
                let counted = if engine == 0 && at >= RESTART { tokens - lost } else { tokens + 1e6 };
                let of = format!("engine=\"{engine}\",model_name=\"Qwen/Qwen3-8B\"");
                format!(
                    "vllm:generation_tokens_total{{{of}}} {counted}\nvllm:prompt_tokens_total{{{of}}} {}\n\
                     vllm:num_requests_running{{{of}}} 32\nvllm:num_requests_waiting{{{of}}} 2\n\
                     vllm:kv_cache_usage_perc{{{of}}} 0.25\n\
                     vllm:cache_config_info{{{of},block_size=\"16\",num_gpu_blocks=\"20000\"}} 1\n\
                     vllm:request_generation_tokens_sum{{{of}}} {}\nvllm:request_generation_tokens_count{{{of}}} {}\n\
                     vllm:request_generation_tokens_bucket{{{of},le=\"+Inf\"}} {}\n",
                    tokens / 4.0,
                    tokens,
                    tokens / 500.0,
                    tokens / 500.0
                )
            });
            Some(lines.concat())
        }
        _ => None,
    }
}

/// A Prometheus that scrapes the exporter every 0.2 s, killed when dropped.
struct Server {
    child: Child,
    url: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The program, where somebody has it.
fn program() -> Option<&'static str> {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&paths).any(|folder| folder.join("prometheus").is_file());
    if !found {
        eprintln!("skipped: there is no `prometheus` on the PATH (Debian and Ubuntu: apt-get install prometheus)");
    }
    found.then_some("prometheus")
}

fn started(program: &str, folder: &Path, exporter: u16) -> Server {
    let job = |name: &str| {
        format!(
            "- job_name: {name}\n  metrics_path: /{name}\n  static_configs: [{{targets: ['127.0.0.1:{exporter}']}}]\n"
        )
    };
    let jobs = ["server", "gpu", "odd"].map(job).concat();
    let config = folder.join("prometheus.yml");
    std::fs::write(
        &config,
        format!("global: {{scrape_interval: 200ms, scrape_timeout: 200ms}}\nscrape_configs:\n{jobs}"),
    )
    .unwrap();
    // A port that is free now is free in a moment.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let child = Command::new(program)
        .arg(format!("--config.file={}", config.display()))
        .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .args(["--log.level=error"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    Server { child, url: format!("http://127.0.0.1:{port}") }
}

fn unix() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64()
}

/// A server discovers what to scrape some seconds after its start.
fn wait_for_scrapes(url: &Url, client: &Blocking) {
    let ask = url.join("/api/v1/query").with_query(&[("query", "sum(up)")]);
    for _ in 0..200 {
        let answer = client.get(&ask, Duration::from_secs(5));
        if answer.is_ok_and(|answer| answer.text().contains("\"3\"")) {
            return;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("no scrape within 20 s");
}

/// What the server holds of our odd page is what our parser reads in it.
fn compare_the_parser(url: &Url, client: &Blocking) {
    let ask = url.join("/api/v1/query").with_query(&[("query", "{job=\"odd\",__name__=~\"odd.*\"}")]);
    let answer = client.get(&ask, Duration::from_secs(5)).unwrap();
    let answer: serde_json::Value = serde_json::from_str(&answer.text()).unwrap();
    let mut held: Vec<(Labels, String)> = Vec::new();
    for row in answer["data"]["result"].as_array().unwrap() {
        let mut labels: Labels = serde_json::from_value(row["metric"].clone()).unwrap();
        labels.remove("job");
        labels.remove("instance");
        held.push((labels, row["value"][1].as_str().unwrap().to_owned()));
    }
    let page = parse(ODD);
    assert_eq!(page.faulty_lines, 0, "{:?}", page.faults);
    let mut own: Vec<(Labels, String)> = Vec::new();
    for sample in &page.samples {
        let mut labels = sample.labels.clone();
        labels.retain(|_, value| !value.is_empty());
        labels.insert("__name__".to_owned(), sample.name.clone());
        let value = match sample.value {
            value if value.is_nan() => "NaN".to_owned(),
            f64::INFINITY => "+Inf".to_owned(),
            f64::NEG_INFINITY => "-Inf".to_owned(),
            value => value.to_string(),
        };
        own.push((labels, value));
    }
    held.sort();
    own.sort();
    assert_eq!(own, held);
}

#[test]
fn two_windows_of_a_real_server_are_imported_with_their_truth() {
    let Some(program) = program() else { return };
    let scratch = Scratch::new();
    let exporter = Exporter::start(page);
    let server = started(program, scratch.path(), exporter.port);
    let url = Url::parse(&server.url).unwrap();
    let client = Blocking::new(Options::default()).unwrap();
    wait_for_scrapes(&url, &client);
    let began = unix();
    exporter.begun.set(Instant::now()).unwrap();
    std::thread::sleep(Duration::from_secs_f64(END));
    compare_the_parser(&url, &client);

    let out = scratch.path().join("runs");
    let out = out.to_str().unwrap();
    let (a, b) = (format!("{}..{}", began + 1.5, began + CHANGE), format!("{}..{}", began + CHANGE, began + END - 0.2));
    let call = ["import", "prometheus", "--url", &server.url, "--a", &a, "--b", &b, "--out", out];
    let conditions = ["--set", "task=completion", "--set", "batch_size=64", "--set", "concurrency=68"];
    let told = joules(&[&call[..], &conditions].concat());
    assert_eq!(told.code, 0, "{}", told.err);
    assert!(told.out.lines().all(|line| line.chars().count() <= 80), "{}", told.out);

    let listed = joules(&["runs", "--runs", out, "--format", "json"]);
    let listed: serde_json::Value = serde_json::from_str(&listed.out).unwrap();
    let number = |run: usize, part: &str, name: &str| {
        let found = listed["runs"][run][part][name].as_f64();
        found.unwrap_or_else(|| panic!("no {part} {name} of run {run}: {listed}"))
    };
    let near =
        |found: f64, truth: f64, share: f64| assert!((found / truth - 1.0).abs() < share, "{found}, not {truth}");
    near(number(0, "metrics", "energy_per_token"), 0.6, 0.01);
    near(number(0, "metrics", "power"), 600.0, 0.01);
    near(number(0, "metrics", "throughput"), 1000.0, 0.01);
    near(number(1, "metrics", "power"), 900.0, 0.01);
    // The restart of an engine loses what it counted since the last scrape: at most 0.2 s of 400 tokens/s in 4.8 s.
    near(number(1, "metrics", "energy_per_token"), 900.0 / 800.0, 0.03);
    near(number(0, "observed", "running_batch"), 64.0, 1e-9);
    near(number(0, "observed", "kv_cache_use"), 0.25, 1e-9);
    near(number(0, "observed", "kv_cache_capacity"), 640_000.0, 1e-9);
    near(number(0, "observed", "prefill_ratio"), 0.25, 0.01);
    near(number(0, "conditions", "output_tokens"), 500.0, 0.01);
    assert_eq!(listed["runs"][0]["conditions"]["gpu"], "H200");
    assert_eq!((number(0, "conditions", "gpus"), number(0, "conditions", "data_parallel")), (2.0, 2.0));
    assert!(told.out.contains("started again 1 time") && told.out.contains("gap"), "{}", told.out);

    let diagnosed = joules(&["diagnose", "a", "b", "--runs", out, "--format", "json"]);
    assert_eq!(diagnosed.code, 0, "{}", diagnosed.err);
    let diagnosed: serde_json::Value = serde_json::from_str(&diagnosed.out).unwrap();
    near(diagnosed["ratio"].as_f64().unwrap(), 1.875, 0.03);

    refusals(&server.url, &exporter, began, out);
}

#[test]
fn what_is_wrong_with_the_question_is_told_before_a_server_is_asked() {
    // Nothing listens there: whoever asked would say so.
    let call = ["import", "prometheus", "--url", "http://127.0.0.1:1", "--out", "unused"];
    let told = |more: &[&str]| message(2, &[&call[..], more].concat()).replace(['│', '\n'], " ");
    let good = ["--a", "-2h..-1h", "--b", "-1h..now"];
    let one = |more: &[&str], expected: &str| {
        let told = told(&[&good[..], more].concat()).split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(told.contains(expected) && !told.contains("listens"), "{told}\nshould have\n{expected}");
    };
    one(&["--id-a", "x", "--id-b", "x"], "both runs would have the id `x`");
    one(&["--id-a", ""], "`--id-a` is empty");
    one(&["--name", "a/b"], "`a/b` cannot be the name of a sweep");
    one(&["--selector", "model_name=m"], "`model_name=m` of `--selector` is no list of matchers");
    one(&["--set", "gpus=1", "--set", "num_gpus=2"], "`gpus` is given twice");
    one(&["--set-b", "batch_size=1,2"], "is not one condition with one value");
    let scratch = Scratch::new();
    let file = scratch.write("file", "");
    let into = ["import", "prometheus", "--url", "http://127.0.0.1:1", "--out", file.to_str().unwrap()];
    assert!(message(1, &[&into[..], &good].concat()).contains("not a directory"));
    let all = told(&["--a", "soon..now", "--b", "-1h..-2h", "--name", "a/b", "--id-b", "a", "--set", "furlongs=3"]);
    assert!(all.contains("has 5 faults"), "{all}");
    for expected in ["`soon` is no time", "ends before it starts", "the id `a`", "`a/b`", "`furlongs`"] {
        assert!(all.contains(expected), "{all}\nshould have\n{expected}");
    }
}

/// What the server, and one that is none, refuse.
fn refusals(url: &str, exporter: &Exporter, began: f64, out: &str) {
    let window = format!("{}..{}", began + 1.5, began + CHANGE);
    let told = |url: &str, more: &[&str]| {
        let call = ["import", "prometheus", "--url", url, "--a", &window, "--b", &window, "--out", out];
        message(2, &[&call[..], more].concat())
    };
    let regex = told(url, &["--selector", "model_name=~\"(\""]);
    assert!(regex.contains("refuses (400)"), "{regex}");
    let other = told(url, &["--selector", "model_name=\"other\""]);
    assert!(other.contains("there are some without the matchers") && other.contains("model_name=\"Qwen/"), "{other}");
    let stranger = told(&format!("http://127.0.0.1:{}", exporter.port), &[]);
    assert!(stranger.contains("is no Prometheus"), "{stranger}");
    let nobody = told("http://127.0.0.1:1", &[]);
    assert!(nobody.contains("nothing listens at"), "{nobody}");
    assert!(told("127.0.0.1:9090", &[]).contains("write `http://127.0.0.1:9090`"));
    assert!(told(url, &["--key-env", "JOULES_NO_SUCH_KEY"]).contains("no environment variable `JOULES_NO_SUCH_KEY`"));
    let future = ["import", "prometheus", "--url", url, "--a", "-5s..2100-01-01", "--b", "-5s..now", "--out", out];
    assert!(message(2, &future).contains("in the future of Prometheus"));
}
