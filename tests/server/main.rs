//! A scripted inference server: answers like an OpenAI-compatible server, streams tokens on a schedule, computes nothing.
//!
//! ```text
//! cargo run --example scripted_server -- --port 8000 --batch 64 --step-ms 20
//! ```
//!
//! It prints `listening on http://127.0.0.1:PORT` when it listens, and serves `/v1/completions`, `/v1/chat/completions`
//! (streaming or whole), `/v1/models`, `/health` and `/metrics` until it is ended. All running requests get one token per
//! step; requests beyond the batch wait. Arguments, each `--name value` or `--name=value`:
//!
//! | argument | meaning | default |
//! |---|---|---|
//! | `--port` | where to listen; 0 is any free port | 0 |
//! | `--host` | accepted and ignored: it listens on 127.0.0.1 | |
//! | `--model`, `--served-model-name` | name of the model | `scripted` |
//! | `--flavor` | names in `/metrics`: `vllm`, `sglang`, `trtllm`, `tgi` | `vllm` |
//! | `--batch`, `--max-num-seqs` | most running requests | 64 |
//! | `--step-ms` | time of one step with no request | 20 |
//! | `--step-us-per-request` | time a running request adds to it | 0 |
//! | `--prefill-us-per-token` | time a prompt token adds to the step that takes it in | 0 |
//! | `--bundle` | tokens per chunk | 1 |
//! | `--usage` | `continuous`, `last` or `none` | `continuous` |
//! | `--reasoning` | so many first tokens are `reasoning_content` (chat) | 0 |
//! | `--token-ids` | chunks carry `token_ids` (no value) | |
//! | `--crlf`, `--comments`, `--tight` | lines end in CRLF; comments between events; no space behind `data:` (no value) | |
//! | `--cut-every`, `--cut-after` | every so many-th request is cut after so many tokens | never, 3 |
//! | `--busy-every`, `--retry-after-s` | every so many-th gets 429 with Retry-After | never, 0 |
//! | `--fail-every` | every so many-th gets 500 | never |
//! | `--silent-every` | every so many-th is never answered | never |
//! | `--slow-header-s` | so long until the header of an answer | 0 |
//! | `--stall-after-s`, `--stall-s` | so long after its first request, it makes no token for so long, once | 0, 0 |
//! | `--healthy-after-s` | `/health` says 503 until then | 0 |
//! | `--listen-after-s` | nothing listens until then | 0 |
//! | `--exit-after-s` | ends with code 1 then | never |
//! | `--exit-at-running` | ends with code 1 once so many requests have run at once | never |
//! | `--tls` | serves HTTPS with the certificate beside this file (no value) | |

mod chunks;
mod connection;
mod engine;
mod metrics;
mod script;
mod serve;

use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

fn main() -> ExitCode {
    let script = match script::Script::from_arguments(std::env::args().skip(1)) {
        Ok(script) => script,
        Err(fault) => {
            eprintln!("scripted_server: {fault}");
            return ExitCode::from(2);
        }
    };
    thread::sleep(Duration::from_secs_f64(script.listen_after));
    let (exit_after, exit_at_running) = (script.exit_after, script.exit_at_running);
    match serve::start(script) {
        Err(error) => {
            eprintln!("scripted_server: cannot listen: {error}");
            ExitCode::FAILURE
        }
        Ok(server) => {
            println!("listening on {}", server.url());
            let begun = Instant::now();
            let is_over = |after: f64| begun.elapsed().as_secs_f64() > after;
            while !exit_after.is_some_and(is_over) && exit_at_running.is_none_or(|most| server.served().peak < most) {
                thread::sleep(Duration::from_millis(10));
            }
            ExitCode::FAILURE
        }
    }
}
