//! A client of a JobManager's REST API on loopback: one connection a request, with time-outs in real time.
//!
//! It blocks its thread on purpose: while the sandbox asks a real process, the region's clock stands, so that no time-out of the region depends on how busy this machine is.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

use crate::flink::RestAnswer;

/// Loopback connects at once or not at all.
const CONNECT: Duration = Duration::from_secs(2);
/// A submission runs the job's `main()`, which takes seconds on a busy machine.
const ANSWER: Duration = Duration::from_secs(60);
/// Separates the parts of an upload; it is in no JAR of this project.
const BOUNDARY: &str = "lifeguard-rehearsal-part";

/// Where a JobManager answers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Client(SocketAddr);

impl Client {
    pub(super) fn on_port(port: u16) -> Self {
        Self(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
    }

    pub(super) fn get(self, path: &str) -> io::Result<RestAnswer> {
        self.exchange("GET", path, "application/json", &[])
    }

    pub(super) fn post(self, path: &str, body: &Value) -> io::Result<RestAnswer> {
        self.exchange(
            "POST",
            path,
            "application/json",
            body.to_string().as_bytes(),
        )
    }

    pub(super) fn patch(self, path: &str) -> io::Result<RestAnswer> {
        self.exchange("PATCH", path, "application/json", &[])
    }

    /// Uploads a JAR: its id.
    pub(super) fn upload(self, jar: &[u8]) -> io::Result<String> {
        let head = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"jarfile\"; filename=\"job.jar\"\r\nContent-Type: application/x-java-archive\r\n\r\n"
        );
        let body = [
            head.as_bytes(),
            jar,
            format!("\r\n--{BOUNDARY}--\r\n").as_bytes(),
        ]
        .concat();
        let answer = self.exchange(
            "POST",
            "/jars/upload",
            &format!("multipart/form-data; boundary={BOUNDARY}"),
            &body,
        )?;
        let name = answer.body["filename"]
            .as_str()
            .and_then(|path| path.rsplit('/').next());
        name.map(str::to_owned).ok_or_else(|| {
            io::Error::other(format!(
                "the upload was answered {}: {}",
                answer.status, answer.body
            ))
        })
    }

    fn exchange(
        self,
        method: &str,
        path: &str,
        content_type: &str,
        body: &[u8],
    ) -> io::Result<RestAnswer> {
        let mut stream = TcpStream::connect_timeout(&self.0, CONNECT)?;
        stream.set_read_timeout(Some(ANSWER))?;
        stream.set_write_timeout(Some(ANSWER))?;
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\r\n",
            self.0,
            body.len()
        );
        stream.write_all(head.as_bytes())?;
        stream.write_all(body)?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        parse(&answer).ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::InvalidData,
                "the JobManager's answer is no HTTP",
            )
        })
    }
}

/// The status, and the body as JSON; null where it is none. Flink's server gives a length, and closes when asked to.
fn parse(answer: &[u8]) -> Option<RestAnswer> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&answer[..end]).ok()?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let length = head.lines().find_map(|line| {
        line.to_ascii_lowercase()
            .strip_prefix("content-length:")?
            .trim()
            .parse::<usize>()
            .ok()
    });
    let body = &answer[end + 4..];
    if length.is_some_and(|length| length > body.len()) {
        return None;
    }
    Some(RestAnswer {
        status,
        body: serde_json::from_slice(body).unwrap_or(Value::Null),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_a_status_and_json() {
        let answer =
            parse(b"HTTP/1.1 202 Accepted\r\nContent-Length: 13\r\n\r\n{\"jobs\": [1]}").unwrap();
        assert_eq!(
            (answer.status, answer.body),
            (202, serde_json::json!({ "jobs": [1] }))
        );
    }

    #[test]
    fn an_answer_that_is_cut_short_is_none() {
        for cut in [
            &b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{\"jobs\""[..],
            b"HTTP/1.1 200 OK\r\n",
            b"",
            b"nonsense\r\n\r\n",
        ] {
            assert!(parse(cut).is_none(), "{}", String::from_utf8_lossy(cut));
        }
    }
}
