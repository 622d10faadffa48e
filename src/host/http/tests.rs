#![allow(clippy::unwrap_used)]
use super::*;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex as StdMutex};

const TOKEN: &str = "canary-token-4f9a";

/// A host that gives these answers, one a connection, and keeps the first lines of the requests.
fn host(answers: &[&str]) -> (HttpClient, Arc<StdMutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}/api/v1", listener.local_addr().unwrap());
    let seen = Arc::new(StdMutex::new(Vec::new()));
    let (answers, requests): (Vec<String>, _) = (answers.iter().map(|a| (*a).to_owned()).collect(), seen.clone());
    std::thread::spawn(move || {
        for answer in answers {
            let (stream, _) = listener.accept().unwrap();
            let mut lines = BufReader::new(&stream).lines();
            requests.lock().unwrap().push(lines.next().unwrap().unwrap());
            while lines.next().is_some_and(|line| !line.unwrap().is_empty()) {}
            (&stream).write_all(answer.as_bytes()).unwrap();
        }
    });
    (client(&base), seen)
}

fn client(base: &str) -> HttpClient {
    let dialect = Dialect {
        name: "Testhost",
        token_header: reqwest::header::AUTHORIZATION,
        token_prefix: "token ",
        accept: "application/json",
        page_size: ("limit", 2),
        headers: &[],
        pace: Pace::FREE,
    };
    HttpClient::new(base, Some(&Secret::new(TOKEN)), dialect).unwrap()
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n{body}")
}

fn said(error: &HttpError) -> String {
    format!("{} {:?} {}", error.failure, error.failure, error.failure.hints().join(" "))
}

#[tokio::test]
async fn reading_goes_on_after_errors_limits_and_torn_answers() {
    let torn = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 100\r\n\r\n[1,";
    let answers = [
        answer("502 Bad Gateway", "", ""),
        answer("429 Too Many Requests", "Retry-After: 1\r\n", ""),
        torn.to_owned(),
        answer("200 OK", "", "[1]"),
    ];
    let (client, seen) = host(&answers.each_ref().map(String::as_str));
    assert_eq!(client.json::<Vec<u64>>(&Call::get("/x")).await.unwrap(), [1]);
    assert_eq!(seen.lock().unwrap().len(), 4);
}

#[tokio::test]
async fn creating_is_not_repeated_after_a_server_error_but_after_a_limit() {
    let limited = answer("403 Forbidden", "Retry-After: 1\r\n", r#"{"message": "secondary rate limit"}"#);
    let answers = [limited, answer("500 Internal Server Error", "", "")];
    let (client, seen) = host(&answers.each_ref().map(String::as_str));
    let error = client.send(&Call::create("/x", Value::Null, "it")).await.unwrap_err();
    assert!(error.maybe_done());
    assert_eq!(*seen.lock().unwrap(), ["POST /api/v1/x HTTP/1.1", "POST /api/v1/x HTTP/1.1"]);
}

#[tokio::test]
async fn a_wait_that_is_too_long_is_said_and_not_waited() {
    let answers = [answer("429 Too Many Requests", "Retry-After: 3600\r\n", "")];
    let (client, _) = host(&answers.each_ref().map(String::as_str));
    let error = client.send(&Call::get("/x")).await.unwrap_err();
    assert!(said(&error).contains("3600 s"), "{}", said(&error));
}

#[tokio::test]
async fn refusals_say_what_the_host_said_and_what_to_do_and_never_the_token() {
    let echo = format!(r#"{{"message": "bad\ncredentials {TOKEN}"}}"#);
    for (status, hint) in [
        ("401 Unauthorized", "wrong, expired or revoked"),
        ("403 Forbidden", "write access to tea"),
        ("404 Not Found", "repository's name"),
        ("422 Unprocessable Entity", ""),
        ("301 Moved Permanently", "moved to /elsewhere"),
    ] {
        let answers = [answer(status, "Location: /elsewhere\r\n", &echo)];
        let (client, _) = host(&answers.each_ref().map(String::as_str));
        let error = client.send(&Call::change("/tea", Value::Null, "write access to tea")).await.unwrap_err();
        let said = said(&error);
        assert!(said.contains(&format!("Testhost answered {status} to PATCH /tea: bad credentials")), "{said}");
        assert!(said.contains(hint), "{said}");
        assert!(!said.contains(TOKEN), "{said}");
        assert!(!format!("{client:?} {error:?}").contains(TOKEN));
    }
}

#[tokio::test]
async fn an_unreachable_host_is_named_without_the_token() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = client(&format!("http://{free}")).send(&Call::create("/x", Value::Null, "it")).await.unwrap_err();
    assert!(!error.maybe_done());
    assert!(said(&error).contains(&format!("cannot reach Testhost at http://{free}")), "{}", said(&error));
    assert!(!said(&error).contains(TOKEN));
}

#[tokio::test]
async fn an_answer_of_another_shape_names_the_field() {
    let answers = [answer("200 OK", "", r#"[{"id": "x"}]"#), answer("200 OK", "", "<html>")];
    let (client, _) = host(&answers.each_ref().map(String::as_str));
    #[derive(Debug, serde::Deserialize)]
    struct Thing {
        #[allow(dead_code)]
        id: u64,
    }
    let error = client.json::<Vec<Thing>>(&Call::get("/x")).await.unwrap_err();
    assert!(said(&error).contains("[0].id"), "{}", said(&error));
    assert!(client.json::<Vec<Thing>>(&Call::get("/x")).await.is_err());
}

#[tokio::test]
async fn lists_end_where_the_host_says() {
    let next = "Link: <http://other.example.com/?page=2>; rel=\"next\"\r\n";
    let by_link = [answer("200 OK", next, "[1,2]"), answer("200 OK", "Link: <x>; rel=\"prev\"\r\n", "[3,4]")];
    let by_total = [answer("200 OK", "X-Total-Count: 3\r\n", "[1,2]"), answer("200 OK", "X-Total-Count: 3\r\n", "[3]")];
    let by_page = [answer("200 OK", "X-Next-Page: 2\r\n", "[1]"), answer("200 OK", "X-Next-Page: \r\n", "[2,3]")];
    let by_length = [answer("200 OK", "", "[1,2]"), answer("200 OK", "", "[3]")];
    let whole = [answer("200 OK", "", "[1,2,3]")];
    for (answers, expected) in [
        (by_link.as_slice(), vec![1, 2, 3, 4]),
        (&by_total, vec![1, 2, 3]),
        (&by_page, vec![1, 2, 3]),
        (&by_length, vec![1, 2, 3]),
        (&whole, vec![1, 2, 3]),
    ] {
        let (client, seen) = host(&answers.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(client.list::<u64>(&Call::get("/x")).await.unwrap(), expected);
        assert_eq!(seen.lock().unwrap()[0], "GET /api/v1/x?limit=2&page=1 HTTP/1.1");
    }
}

#[test]
fn addresses_and_tokens_that_cannot_be_used_are_refused() {
    let dialect = client("http://localhost").dialect;
    for base in ["https://user:hunter22@example.com", "file:///x", "example.com"] {
        let failure = HttpClient::new(base, None, dialect.clone()).unwrap_err();
        assert!(!format!("{failure:?}").contains("hunter22"), "{failure:?}");
    }
    let failure = HttpClient::new("http://localhost", Some(&Secret::new("canary\nX: y")), dialect.clone()).unwrap_err();
    assert!(!format!("{failure:?}").contains("canary"), "{failure:?}");
}

#[test]
fn a_segment_cannot_leave_its_place() {
    assert_eq!(segment("../a b/ü?#%"), "..%2Fa%20b%2F%C3%BC%3F%23%25");
}

/// Writes what is logged where a test can read it.
#[derive(Clone, Default)]
struct Log(Arc<StdMutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn the_token_is_in_no_log_at_any_level_whatever_goes_wrong() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(move || writer.clone()).finish();
    let _logged = tracing::subscriber::set_default(subscriber);
    let echo = format!(r#"{{"message": "what {TOKEN}", "errors": [{{"message": "why {TOKEN}"}}]}}"#);
    let location = format!("Location: https://elsewhere.example.com/?token={TOKEN}\r\n");
    let limited = "Retry-After: 3600\r\n";
    let mut said_all = String::new();
    for answers in [
        vec![answer("401 Unauthorized", "", &echo)],
        vec![answer("403 Forbidden", limited, &echo)],
        vec![answer("404 Not Found", "", TOKEN)],
        vec![answer("422 Unprocessable Entity", "", &echo)],
        vec![answer("301 Moved Permanently", &location, &echo)],
        vec![answer("500 Internal Server Error", "", &echo)],
        vec![format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 100\r\n\r\n{TOKEN}")],
        vec![format!("no HTTP {TOKEN}\r\n\r\n")],
    ] {
        let (client, _) = host(&answers.iter().map(String::as_str).collect::<Vec<_>>());
        let error = client.json::<Vec<u64>>(&Call::create("/x", Value::Null, "it")).await.unwrap_err();
        said_all += &format!("{} {client:?}", said(&error));
    }
    let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(logged.contains("POST"), "{logged}");
    assert!(!logged.contains(TOKEN) && !said_all.contains(TOKEN), "{said_all}\n{logged}");
}

#[tokio::test]
async fn what_was_read_is_asked_for_again_on_condition_but_for_full_pages() {
    let tagged = "ETag: W/\"1\"\r\n";
    let answers = [
        answer("200 OK", tagged, "[1]"),
        answer("304 Not Modified", "", ""),
        // A full page, and another one that comes after it later.
        answer("200 OK", tagged, "[1,2]"),
        answer("200 OK", "", "[]"),
        answer("200 OK", tagged, "[1,2]"),
        answer("200 OK", "", "[3]"),
    ];
    let (client, _) = host(&answers.each_ref().map(String::as_str));
    let one = Call::get("/one");
    assert_eq!(client.list::<u64>(&one).await.unwrap(), [1]);
    assert_eq!(client.list::<u64>(&one).await.unwrap(), [1]);
    let full = Call::get("/full");
    assert_eq!(client.list::<u64>(&full).await.unwrap(), [1, 2]);
    assert_eq!(client.list::<u64>(&full).await.unwrap(), [1, 2, 3]);
}

#[tokio::test]
async fn the_end_of_a_limit_is_waited_for() {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let headers = format!("X-RateLimit-Remaining: 0\r\nX-RateLimit-Reset: {now}\r\n");
    let answers =
        [answer("403 Forbidden", &headers, r#"{"message": "API rate limit exceeded"}"#), answer("200 OK", "", "[1]")];
    let (client, seen) = host(&answers.each_ref().map(String::as_str));
    assert_eq!(client.json::<Vec<u64>>(&Call::get("/x")).await.unwrap(), [1]);
    assert_eq!(seen.lock().unwrap().len(), 2);
}
