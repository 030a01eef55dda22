//! One connection: requests in, answers out.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::chunks::{Asked, Chunks};
use super::engine::Engine;
use super::metrics;
use super::script::Script;

/// What all connections share.
pub(crate) struct Shared {
    pub(crate) script: Script,
    pub(crate) engine: Engine,
    pub(crate) started: Instant,
    /// Requests for tokens so far.
    pub(crate) asked: AtomicU64,
}

struct Request {
    method: String,
    path: String,
    body: Vec<u8>,
}

pub(crate) async fn talk(shared: Arc<Shared>, wire: impl AsyncRead + AsyncWrite) -> io::Result<()> {
    let (mut reader, mut writer) = tokio::io::split(wire);
    let mut buffer = Vec::new();
    while let Some(request) = read_request(&mut reader, &mut buffer).await? {
        let path = request.path.split('?').next().unwrap_or_default();
        match path {
            "/v1/completions" | "/v1/chat/completions" if request.method == "POST" => {
                generate(&shared, &request, &mut reader, &mut writer).await?;
            }
            _ => {
                let (status, kind, body) = plain(&shared, path);
                writer.write_all(message(status, kind, "", &body).as_bytes()).await?;
            }
        }
    }
    Ok(())
}

/// The next request; none when the client hangs up.
async fn read_request(reader: &mut (impl AsyncRead + Unpin), buffer: &mut Vec<u8>) -> io::Result<Option<Request>> {
    loop {
        if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
            });
            let whole = end + 4 + length.unwrap_or(0);
            if buffer.len() >= whole {
                let body = buffer[end + 4..whole].to_vec();
                buffer.drain(..whole);
                let mut words = head.split_whitespace().map(str::to_owned);
                let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
                return Ok(Some(Request { method, path, body }));
            }
        }
        if reader.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    }
}

fn plain(shared: &Shared, path: &str) -> (u16, &'static str, String) {
    let script = &shared.script;
    match path {
        "/health" if shared.started.elapsed().as_secs_f64() < script.healthy_after => {
            (503, "text/plain", String::new())
        }
        "/health" => (200, "text/plain", String::new()),
        "/v1/models" => {
            let body = format!(r#"{{"object":"list","data":[{{"id":"{}","object":"model"}}]}}"#, script.model);
            (200, "application/json", body)
        }
        "/metrics" => (200, "text/plain; version=0.0.4", metrics::text(script, &shared.engine.served())),
        _ => (404, "application/json", r#"{"detail":"Not Found"}"#.to_owned()),
    }
}

fn message(status: u16, kind: &str, more: &str, body: &str) -> String {
    format!("HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\n{more}Content-Length: {}\r\n\r\n{body}", body.len())
}

/// Whether this is the request that a script has in mind with "every so many-th".
fn is_due(number: u64, every: u64) -> bool {
    every > 0 && number.is_multiple_of(every)
}

async fn generate(
    shared: &Shared,
    request: &Request,
    reader: &mut (impl AsyncRead + Unpin),
    writer: &mut (impl AsyncWrite + Unpin),
) -> io::Result<()> {
    let script = &shared.script;
    let number = shared.asked.fetch_add(1, Ordering::Relaxed) + 1;
    if let Some(raw) = &script.raw {
        writer.write_all(raw).await?;
        writer.flush().await?;
        return Err(io::ErrorKind::ConnectionAborted.into());
    }
    if is_due(number, script.silent_every) {
        return reader.read_u8().await.map(|_| ());
    }
    let refusal = if is_due(number, script.busy_every) {
        let more = format!("Retry-After: {}\r\n", script.retry_after);
        Some(message(429, "application/json", &more, r#"{"error":{"message":"too many requests"}}"#))
    } else if is_due(number, script.fail_every) {
        Some(message(500, "application/json", "", r#"{"error":{"message":"the engine is dead"}}"#))
    } else {
        None
    };
    if let Some(refusal) = refusal {
        return writer.write_all(refusal.as_bytes()).await;
    }
    let asked = match Asked::read(&request.body, request.path.contains("chat")) {
        Ok(asked) => asked,
        Err(fault) => {
            let body = serde_json::json!({ "error": { "message": fault } }).to_string();
            return writer.write_all(message(400, "application/json", "", &body).as_bytes()).await;
        }
    };
    tokio::time::sleep(Duration::from_secs_f64(script.slow_header)).await;
    answer(shared, &asked, is_due(number, script.cut_every), reader, writer).await
}

async fn answer(
    shared: &Shared,
    asked: &Asked,
    cut: bool,
    reader: &mut (impl AsyncRead + Unpin),
    writer: &mut (impl AsyncWrite + Unpin),
) -> io::Result<()> {
    let script = &shared.script;
    let mut chunks = Chunks { script, asked, produced: 0 };
    let mut told = shared.engine.submit(asked.prompt_tokens, asked.output_tokens);
    if asked.stream {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
        writer.write_all((head.to_owned() + &framed(&chunks.first())).as_bytes()).await?;
    }
    let mut unexpected = [0; 1];
    loop {
        let count = tokio::select! {
            count = told.recv() => count,
            read = reader.read(&mut unexpected) => match read {
                Ok(0) | Err(_) => return Err(io::ErrorKind::BrokenPipe.into()),
                Ok(_) => continue,
            },
        };
        let Some(count) = count else { break };
        if !asked.stream {
            chunks.produced += count;
            continue;
        }
        writer.write_all(framed(&chunks.tokens(count)).as_bytes()).await?;
        if cut && chunks.produced >= script.cut_after {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
    }
    let rest = if asked.stream {
        framed(&chunks.last()) + "0\r\n\r\n"
    } else {
        message(200, "application/json", "", &chunks.whole())
    };
    writer.write_all(rest.as_bytes()).await
}

/// A piece of a chunked body; nothing for nothing.
fn framed(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("{:x}\r\n{text}\r\n", text.len()) }
}
