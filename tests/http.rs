//! The HTTP client against servers that say what a test tells them to.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use joules::measure::http::{Blocking, Client, HttpError, Options, Phase, Url};

const SHORT: Duration = Duration::from_millis(300);
const LONG: Duration = Duration::from_secs(10);

/// A server that treats each connection, one after the other, by `talk`, with the number of the connection.
fn server(talk: impl Fn(usize, TcpStream) + Send + 'static) -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            talk(number, stream.unwrap());
        }
    });
    url
}

/// One request with its body, as text; empty if the client hung up.
fn request(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let whole = String::from_utf8_lossy(&text).into_owned();
        if let Some((head, body)) = whole.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return whole;
            }
        }
        match stream.read(&mut piece).unwrap_or(0) {
            0 => return String::new(),
            read => text.extend_from_slice(&piece[..read]),
        }
    }
}

fn answer(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

fn blocking(options: Options) -> Blocking {
    Blocking::new(options).unwrap()
}

#[test]
fn a_request_carries_its_parameters_and_its_key() {
    let url = server(|_, mut stream| {
        while let text = request(&mut stream)
            && !text.is_empty()
        {
            stream.write_all(answer(&text).as_bytes()).unwrap();
        }
    });
    let options = Options {
        key: Some("s3cret".to_owned()),
        headers: vec![("X-A".to_owned(), "b".to_owned())],
        ..Options::default()
    };
    let client = blocking(options);
    let got = client.get(&url.join("/q").with_query(&[("query", "a b")]), LONG).unwrap();
    assert!(got.is_success() && got.header("content-length").is_some());
    assert!(got.text().starts_with("GET /q?query=a%20b HTTP/1.1\r\n"), "{}", got.text());
    assert!(got.text().contains("authorization: Bearer s3cret") && got.text().contains("x-a: b"));
    assert!(got.text().contains(&format!("host: 127.0.0.1:{}", url.port())));
    let form = client.post_form(&url, &[("query", "x{a=\"1\"}")], LONG).unwrap();
    assert!(form.text().ends_with("\r\n\r\nquery=x%7Ba%3D%221%22%7D"), "{}", form.text());
    assert!(form.text().contains("application/x-www-form-urlencoded"));
    let json = client.post_json(&url, "{}".into(), LONG).unwrap();
    assert!(json.text().contains("application/json") && json.text().ends_with("\r\n\r\n{}"));
}

#[test]
fn a_connection_is_used_again_and_replaced_when_the_server_closed_it() {
    // Each connection answers twice with its own number, then closes.
    let url = server(|number, mut stream| {
        for _ in 0..2 {
            request(&mut stream);
            stream.write_all(answer(&number.to_string()).as_bytes()).unwrap();
        }
    });
    let client = blocking(Options::default());
    let seen: Vec<String> = (0..5).map(|_| client.get(&url, LONG).unwrap().text().into_owned()).collect();
    assert_eq!(seen, ["0", "0", "1", "1", "2"]);
}

#[test]
fn a_stream_gives_pieces_as_they_come() {
    let url = server(|number, mut stream| {
        request(&mut stream);
        stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").unwrap();
        for piece in ["3\r\nabc\r\n", "2\r\nde\r\n"] {
            stream.write_all(piece.as_bytes()).unwrap();
            thread::sleep(Duration::from_millis(30));
        }
        if number == 0 {
            stream.write_all(b"0\r\n\r\n").unwrap();
        }
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let client = Client::new(Options::default()).unwrap();
        let mut stream = client.post_stream(&url, "{}".into(), LONG).await.unwrap();
        assert_eq!(stream.status(), 200);
        assert_eq!(stream.next().await.unwrap().unwrap(), "abc");
        assert_eq!(stream.next().await.unwrap().unwrap(), "de");
        assert_eq!(stream.next().await.unwrap(), None);
        let cut = client.post_stream(&url, "{}".into(), LONG).await.unwrap().rest(99).await.unwrap_err();
        assert!(matches!(cut, HttpError::Cut { received: Some(5), .. }), "{cut}");
    });
}

#[test]
fn faults_are_told_apart() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let refused = Url::parse(&format!("http://{closed}")).unwrap();
    let other = server(|_, mut stream| {
        request(&mut stream);
        stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n").unwrap();
    });
    let talkative = server(|_, mut stream| {
        stream.write_all(b"220 mail ready\r\n").ok();
        request(&mut stream);
    });
    let hangs_up = server(|_, mut stream| drop(request(&mut stream)));
    let large = server(|_, mut stream| {
        request(&mut stream);
        stream.write_all(answer(&"x".repeat(5000)).as_bytes()).unwrap();
    });
    let client = blocking(Options { largest_answer: 4096, ..Options::default() });
    let code = |url: &Url| client.get(url, SHORT).unwrap_err().code();
    assert_eq!(code(&refused), "refused");
    assert_eq!(code(&other), "not-http");
    // Whether it is heard before the request is sent or after it.
    for _ in 0..20 {
        assert_eq!(code(&talkative), "not-http");
    }
    assert_eq!(code(&hangs_up), "cut");
    assert_eq!(code(&large), "too-large");
    assert_eq!(code(&Url::parse("http://no-such-host.invalid").unwrap()), "dns");
    let text = client.get(&refused, SHORT).unwrap_err().to_string();
    assert_eq!(
        text,
        format!("nothing listens at {refused} (connection refused); is the server running, and is this its port?")
    );
}

#[test]
fn slow_answers_end_at_the_limit() {
    let silent = server(|_, mut stream| {
        request(&mut stream);
        thread::sleep(Duration::from_secs(2));
    });
    let slow = server(|_, mut stream| {
        request(&mut stream);
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc").unwrap();
        thread::sleep(Duration::from_secs(2));
    });
    let client = blocking(Options::default());
    let begun = Instant::now();
    for (url, expected) in [(silent, Phase::Waiting), (slow, Phase::Reading)] {
        let error = client.get(&url, SHORT).unwrap_err();
        assert!(matches!(error, HttpError::Timeout { phase, seconds: 0.3, .. } if phase == expected), "{error}");
    }
    assert!(begun.elapsed() < Duration::from_secs(2));
}

#[test]
fn a_key_that_no_header_carries_is_refused_without_being_shown() {
    let error =
        Client::new(Options { key: Some("se\ncret".to_owned()), ..Options::default() }).unwrap_err().to_string();
    assert!(
        error.starts_with("the key for the server has characters that HTTP cannot carry")
            && !error.contains("cret\n")
            && !error.contains("se\n"),
        "{error}"
    );
    let missing = Options { certificate_authorities: Some("/no/such.pem".into()), ..Options::default() };
    assert!(
        Client::new(missing).unwrap_err().to_string().starts_with("cannot read certificates (PEM) from /no/such.pem: ")
    );
}
