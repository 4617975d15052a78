//! A child process whose lines go into the region's record, and whose end is known.

use std::{
    collections::BTreeMap,
    io::{self, BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, MutexGuard},
};

use tokio::sync::{mpsc, watch};

/// The process. Killed when this is dropped.
pub(super) struct Process {
    child: Arc<Mutex<Child>>,
    ended: watch::Receiver<Option<String>>,
}

impl Process {
    /// Starts `binary` with these variables and no others; both of its outputs go to `lines`.
    pub(super) fn start(
        binary: &Path,
        variables: &BTreeMap<String, String>,
        lines: mpsc::UnboundedSender<String>,
    ) -> io::Result<Self> {
        let (output, input) = io::pipe()?;
        let mut command = Command::new(binary);
        command
            .env_clear()
            .envs(variables)
            .stdin(Stdio::null())
            .stdout(input.try_clone()?)
            .stderr(input);
        let child = Arc::new(Mutex::new(command.spawn()?));
        // The command holds the writing end of the pipe: only without it does the pipe end with the process.
        drop(command);
        let (tell, ended) = watch::channel(None);
        let waiting = Arc::clone(&child);
        // Threads, not tokio's blocking tasks: those would hold the region's time for as long as the process lives.
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                // The region may be gone already.
                let _ = lines.send(line);
            }
            // Its outputs are closed, so it has ended or is about to.
            let status = lock(&waiting).wait();
            let _ = tell.send(Some(status.map_or_else(|error| error.to_string(), told)));
        });
        Ok(Self { child, ended })
    }

    /// Waits for its end; how it ended, as Lambda tells it.
    pub(super) async fn ended(&self) -> String {
        let mut ended = self.ended.clone();
        match ended.wait_for(Option::is_some).await {
            Ok(how) => how.clone().unwrap_or_default(),
            Err(_) => "its end was not seen".to_owned(),
        }
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended.borrow().is_some()
    }

    /// Ends it at once, whatever it does.
    pub(super) fn kill(&self) {
        // It may have ended by itself.
        let _ = lock(&self.child).kill();
    }

    /// Takes the processor away from it: it hangs until it is killed.
    pub(super) fn suspend(&self) -> io::Result<()> {
        let id = lock(&self.child).id().to_string();
        let status = Command::new("kill").args(["-STOP", &id]).status()?;
        if status.success() {
            Ok(())
        } else {
            Err(io::Error::other("the process cannot be suspended"))
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

fn lock(child: &Mutex<Child>) -> MutexGuard<'_, Child> {
    child
        .lock()
        .expect("no thread panics while it holds the process")
}

fn told(status: ExitStatus) -> String {
    // "exit status: 1" and "signal: 9 (SIGKILL)" are Rust's words for what Lambda calls "exit status 1" and "signal: killed".
    match status.code() {
        Some(code) => format!("exit status {code}"),
        None if status.to_string().contains("SIGKILL") => "signal: killed".to_owned(),
        None => status.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(binary: &str) -> (Process, mpsc::UnboundedReceiver<String>) {
        let (lines, written) = mpsc::unbounded_channel();
        let variables = BTreeMap::from([("GREETING".to_owned(), "hello".to_owned())]);
        (
            Process::start(Path::new(binary), &variables, lines).unwrap(),
            written,
        )
    }

    #[tokio::test]
    async fn a_process_has_the_given_variables_alone_and_its_lines_and_end_are_known() {
        let (process, mut written) = start("/usr/bin/env");
        assert_eq!(process.ended().await, "exit status 0");
        assert!(process.has_ended());
        assert_eq!(
            (written.recv().await.as_deref(), written.recv().await),
            (Some("GREETING=hello"), None)
        );
    }

    #[tokio::test]
    async fn a_failed_process_tells_its_status() {
        let (process, _) = start("/bin/false");
        assert_eq!(process.ended().await, "exit status 1");
    }

    #[tokio::test]
    async fn a_killed_process_is_told_as_killed_even_when_it_was_suspended() {
        let (process, _) = start("/usr/bin/yes");
        process.suspend().unwrap();
        assert!(!process.has_ended());
        process.kill();
        assert_eq!(process.ended().await, "signal: killed");
    }
}
