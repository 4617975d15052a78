//! A server on a TCP port of this machine that keeps its connections open, and can lose them all at once as a network does to a function that is frozen.
//!
//! Threads and blocking sockets: what the server does must not wait for the runtime of the test, which stands still while it "is frozen".

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Barrier, Mutex},
};

/// What becomes of every connection that is open now. New ones are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// The peer has forgotten it: the next byte is answered with a reset.
    Reset,
    /// The peer closes it now.
    Closed,
    /// The peer closes its half now, still reads, and never answers.
    HalfClosed,
    /// Bytes vanish: no answer ever comes.
    Silent,
}

/// One request.
#[derive(Clone, Debug)]
pub struct Request {
    /// `GET /jobs/overview HTTP/1.1`.
    pub line: String,
    /// The verb in `X-Amz-Target`; empty elsewhere.
    pub verb: String,
    /// The body, as text.
    pub body: String,
}

/// Status, further headers with their line ends, body.
pub type Answer = (u16, String, String);
type Answering = dyn Fn(&Request) -> Answer + Send + Sync;

/// The server.
pub struct Server {
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    answer: Box<Answering>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    connections: Vec<(Option<TcpStream>, Option<Loss>)>,
    /// The next so many requests are answered only when all of them are there: each on a connection of its own.
    together: Option<Arc<Barrier>>,
    /// Requests that came over a connection that was lost.
    over_lost: usize,
}

impl Server {
    /// Listens, and answers with the status and JSON body that `answer` gives.
    pub fn start(answer: impl Fn(&Request) -> (u16, String) + Send + Sync + 'static) -> Self {
        Self::with_headers(move |request| {
            let (status, body) = answer(request);
            (status, String::new(), body)
        })
    }

    /// The same with headers.
    pub fn with_headers(answer: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            answer: Box::new(answer),
            state: Mutex::default(),
        });
        let serving = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let number = {
                    let mut state = serving.state.lock().unwrap();
                    state.connections.push((stream.try_clone().ok(), None));
                    state.connections.len() - 1
                };
                let shared = Arc::clone(&serving);
                std::thread::spawn(move || shared.serve(number, &stream));
            }
        });
        Self { address, shared }
    }

    /// `http://127.0.0.1:…`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Answers the next `count` requests together, so that there are as many connections.
    pub fn answer_together(&self, count: usize) {
        self.shared.state.lock().unwrap().together = Some(Arc::new(Barrier::new(count)));
    }

    /// From now on each request is answered when it comes.
    pub fn answer_at_once(&self) {
        self.shared.state.lock().unwrap().together = None;
    }

    /// Loses every connection that is open now.
    pub fn lose(&self, how: Loss) {
        for (stream, loss) in &mut self.shared.state.lock().unwrap().connections {
            if loss.replace(how).is_some() {
                continue;
            }
            // The client may have closed it already.
            let _ = match (how, stream) {
                (Loss::Closed, Some(stream)) => stream.shutdown(Shutdown::Both),
                (Loss::HalfClosed, Some(stream)) => stream.shutdown(Shutdown::Write),
                _ => Ok(()),
            };
        }
    }

    /// How many connections were ever opened.
    pub fn connections(&self) -> usize {
        self.shared.state.lock().unwrap().connections.len()
    }

    /// How many requests came over a connection that was lost before.
    pub fn over_lost(&self) -> usize {
        self.shared.state.lock().unwrap().over_lost
    }
}

impl Shared {
    fn serve(&self, number: usize, stream: &TcpStream) {
        loop {
            // Only a look: bytes that are never read are what makes the end of this socket a reset.
            match stream.peek(&mut [0]) {
                Ok(1..) => {}
                _ => return,
            }
            let loss = self.state.lock().unwrap().connections[number].1;
            if let Some(loss) = loss {
                let mut state = self.state.lock().unwrap();
                state.over_lost += 1;
                if loss == Loss::Reset {
                    // The socket ends with the last of its two handles.
                    state.connections[number].0 = None;
                    return;
                }
                drop(state);
                // Read and forgotten.
                let _ = std::io::copy(&mut BufReader::new(stream), &mut std::io::sink());
                return;
            }
            let Some(request) = read(stream) else { return };
            let together = self.state.lock().unwrap().together.clone();
            if let Some(together) = together {
                together.wait();
            }
            let (status, headers, body) = (self.answer)(&request);
            let answer = format!(
                "HTTP/1.1 {status} Answer\r\ncontent-type: application/x-amz-json-1.1\r\ncontent-length: {}\r\n{headers}\r\n{body}",
                body.len()
            );
            let mut stream = stream;
            if stream.write_all(answer.as_bytes()).is_err() {
                return;
            }
        }
    }
}

fn read(stream: &TcpStream) -> Option<Request> {
    let mut reader = BufReader::with_capacity(1, stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let (mut verb, mut length) = (String::new(), 0);
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let Some((name, value)) = header.trim_end().split_once(':') else {
            break;
        };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().ok()?,
            "x-amz-target" => {
                verb = value
                    .split_once('.')
                    .map_or(value, |(_, verb)| verb)
                    .to_owned();
            }
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Request {
        line: line.trim_end().to_owned(),
        verb,
        body: String::from_utf8_lossy(&body).into_owned(),
    })
}
