//! What a sweep says of servers that refuse, fail or mock its requests.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::commands::{Told, joules};
use crate::load::{counted, events};
use crate::meters::flat;
use crate::server::{Script, start};
use crate::shared::Scratch;
use crate::sweep::{ended, free_port, runs, scripted_server, shown, sweeping, told};

/// A sweep of one point of a server that runs already.
fn of_server(scratch: &Scratch, url: &str, load: &str) -> String {
    let text = format!(
        "[sweep]\nname = \"s\"\n[server]\nurl = \"{url}\"\n\
         [load]\nmodel = \"scripted\"\nprompt_tokens = 10\noutput_tokens = 20\n{load}\n\
         [steady]\nmin_window = \"1 s\"\nmax_time = \"4 s\"\nsettle = \"0.2 s\"\nprecision = \"20 %\"\nstagnation = \"2 s\"\n\
         [baseline]\nno_context = \"0 s\"\nloaded = \"0 s\"\n"
    );
    shown(&scratch.write("sweep.toml", &text))
}

fn swept(script: Script, load: &str, more: &[&str]) -> Option<(Scratch, Told)> {
    let scratch = Scratch::new();
    let server = start(script).unwrap();
    let file = of_server(&scratch, &server.url(), load);
    let out = shown(&scratch.path().join("out"));
    let told = told(&scratch, &[&[file.as_str(), "--out", &out], more].concat())?;
    Some((scratch, told))
}

fn status(status: &str, headers: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// What is answered, and what is said of it.
fn answers() -> Vec<(Vec<u8>, Vec<&'static str>)> {
    let done = || "[DONE]".to_owned();
    let later = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(60);
    let later = later.strftime("Retry-After: %a, %d %b %Y %H:%M:%S GMT\r\n").to_string();
    let first = "all of the first ";
    vec![
        (
            status("401 X", "", r#"{"error":"bad key"}"#),
            vec![
                first,
                "answered with status 401: {\"error\":\"bad key\"}; give its key in the variable that `--key-env`",
            ],
        ),
        (
            status("404 X", "", r#"{"error":{"message":"The model does not exist."}}"#),
            vec![first, "The model does not exist.", "is `scripted` the name by which it knows its model"],
        ),
        (
            status("422 X", "", "prompt: data did not match any variant"),
            vec![
                first,
                "did not match any variant; if it takes no prompts of token ids",
                "write `vocabulary = \"none\"`",
            ],
        ),
        (status("307 X", "Location: /v2/x\r\n", ""), vec![first, "it points to `/v2/x`", "as `url`"]),
        (
            status("200 X", "Content-Type: text/html\r\n", "<html>log in</html>"),
            vec![
                first,
                "no stream of events: <html>log in</html>; is `url` the address of an OpenAI-compatible server?",
            ],
        ),
        (b"\x16\x03\x01 garbage\r\n\r\n".to_vec(), vec![first, "does not speak HTTP/1.1"]),
        (events(&[done()]), vec![first, "the answer ended without a token"]),
        (
            events(&[r#"{"choices": [{"te"#.to_owned(), done()]),
            vec![first, "ended without a token; not understood: {\"choices\": [{\"te"],
        ),
        (events(&[counted(4_000_000_000)]), vec![first, "made 4000000000 tokens, but"]),
        (events(&[counted(9), counted(8)]), vec![first, "running count of tokens fell from 9 to 8"]),
        (
            status("503 X", "", "no"),
            vec![
                "no token came for 2 s; ",
                "requests failed, most often: ",
                "status 503: no; see the log of the server",
            ],
        ),
        (
            status("429 X", &later, "slow down"),
            vec!["no token came for 2 s; requests are to come back later: ", "status 429: slow down; it takes no more"],
        ),
        (
            b"HTTP/1.1 200 X\r\nContent-Type: text/event-stream\r\nContent-Length: 99\r\n\r\ndata: x\n\n".to_vec(),
            vec!["no token came for 2 s; ", "the connection was cut after 9 bytes"],
        ),
    ]
}

#[test]
fn why_all_requests_fail_is_told() {
    let check = |raw: Vec<u8>, said: &[&str]| {
        let Some((scratch, told)) = swept(Script { raw: Some(raw), ..Script::default() }, "concurrency = 4", &[])
        else {
            return;
        };
        assert_eq!(told.code, 3, "{}\n{}", told.out, told.err);
        for part in said {
            assert!(flat(&told.out).contains(part), "`{part}` in {}", told.out);
        }
        assert!(told.out.lines().all(|line| line.chars().count() <= 80), "{}", told.out);
        assert!(!scratch.path().join("out/s.csv").exists() || runs(&scratch.path().join("out"), "s").is_empty());
    };
    std::thread::scope(|scope| {
        for (raw, said) in answers() {
            scope.spawn(move || check(raw, &said));
        }
    });
}

/// The only file of a folder.
fn only_file(folder: &Path) -> String {
    let files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    std::fs::read_to_string(&files[0]).unwrap()
}

#[test]
fn a_point_whose_requests_fail_is_not_valid_and_strict_says_so() {
    let script = Script { step: 0.005, fail_every: 3, ..Script::default() };
    let Some((scratch, told)) = swept(script, "request_rate = 40", &["--strict"]) else { return };
    assert_eq!(told.code, 3, "{}\n{}", told.out, told.err);
    let out = scratch.path().join("out");
    let run = &runs(&out, "s")["s/only"];
    assert!(run.details["verdict"].starts_with("not-valid: "), "{run:?}");
    assert!(run.details["verdict"].contains("energy was spent on them, and none of their tokens count"), "{run:?}");
    let status = |more: &[&str]| joules(&[&["sweep", "--status", &shown(&out)], more].concat()).code;
    assert_eq!((status(&[]), status(&["--strict"])), (0, 3));
    // What became of each request of the window.
    let table = only_file(&out.join("requests"));
    let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(
        rows[0].join(","),
        "due_s,sent_s,first_token_s,ended_s,prompt_tokens,wanted_tokens,output_tokens,outcome"
    );
    let (good, bad): (Vec<_>, Vec<_>) = rows[1..].iter().partition(|row| row[7] == "done");
    assert_eq!((rows.len() - 1).to_string(), run.details["requests_window"]);
    assert!(good.len() > 10 && bad.len() > 5, "{table}");
    assert!(good.iter().all(|row| row[4..7] == ["10", "20", "20"] && row[1] < row[2] && row[2] < row[3]), "{table}");
    assert!(bad.iter().all(|row| row[7] == "abandoned" || (row[7] == "failed:status" && row[2].is_empty())), "{table}");
}

#[test]
fn a_certificate_that_is_not_trusted_is_told_at_once() {
    let Some(server) = scripted_server() else { return };
    let scratch = Scratch::new();
    let port = free_port();
    let text = format!(
        "[sweep]\nname = \"s\"\n[server]\nargv = [{server:?}, \"--port\", \"{port}\", \"--tls\"]\n\
         url = \"https://127.0.0.1:{port}\"\n[load]\nmodel = \"scripted\"\nconcurrency = 1\nprompt_tokens = 1\n\
         output_tokens = 1\n[baseline]\nno_context = \"0 s\"\nloaded = \"0 s\"\n"
    );
    let file = shown(&scratch.write("sweep.toml", &text));
    let begun = Instant::now();
    let Some(told) = told(&scratch, &[&file, "--out", &shown(&scratch.path().join("out"))]) else { return };
    assert_eq!(told.code, 3, "{}", told.err);
    assert!(begun.elapsed() < Duration::from_secs(60), "the server may take 600 s to start");
    assert!(
        flat(&told.out).contains("the server cannot be asked whether it is ready: no secure connection"),
        "{}",
        told.out
    );
    assert!(flat(&told.out).contains("in the variable SSL_CERT_FILE"), "{}", told.out);
}

#[test]
fn a_key_that_no_header_can_hold_is_told() {
    let scratch = Scratch::new();
    let file = of_server(&scratch, "http://127.0.0.1:1", "concurrency = 1");
    let out = shown(&scratch.path().join("out"));
    let Some(mut command) = sweeping(&scratch, &[&file, "--out", &out]) else { return };
    let told = ended(command.env("OPENAI_API_KEY", "secret\nkey").spawn().unwrap());
    assert_eq!(told.code, 2, "{}", told.err);
    assert!(flat(&told.err).contains("the key for the server has characters that HTTP cannot carry"), "{}", told.err);
    assert!(flat(&told.err).contains("the variable that `--key-env` names"), "{}", told.err);
    assert!(!told.err.contains("secret"), "{}", told.err);
}
