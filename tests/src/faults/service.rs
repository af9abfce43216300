//! A program that runs until it is stopped.

use std::{
    fs,
    io::{self, BufRead, BufReader, Read},
    net::SocketAddr,
    os::unix::process::ExitStatusExt,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, mpsc},
    thread,
    time::{Duration, Instant},
};

use super::{Program, Strace};

/// A program that listens, and how it is told that it does.
#[derive(Clone)]
pub struct Service {
    /// The program.
    pub program: Program,
    /// The address in a line that it writes once it listens; nothing for other lines.
    pub ready: fn(&str) -> Option<SocketAddr>,
    /// How long it may take to listen and to stop.
    pub patience: Duration,
}

/// A service that was started. It is killed when this is dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    is_traced: bool,
    address: Option<SocketAddr>,
    said: Arc<Mutex<String>>,
    patience: Duration,
}

/// How a service ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stopped {
    /// Whether something killed it that was not asked to.
    pub was_killed: bool,
    /// Everything that it wrote.
    pub said: String,
}

impl Service {
    /// Starts it, traced or not, and waits until it listens, has ended, or patience has.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(&self, strace: Option<&Strace>) -> io::Result<Running> {
        let mut command = match strace {
            Some(strace) => strace.command(&self.program),
            None => self.program.command(),
        };
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = child.spawn()?;
        let said = Arc::<Mutex<String>>::default();
        let (tell, told) = mpsc::channel();
        if let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) {
            self.listen(stdout, &said, tell.clone());
            self.listen(stderr, &said, tell);
        }
        // Both its outputs end when it does.
        let address = told.recv_timeout(self.patience).ok();
        let (is_traced, patience) = (strace.is_some(), self.patience);
        Ok(Running { child, is_traced, address, said, patience })
    }

    fn listen(
        &self,
        output: impl Read + Send + 'static,
        said: &Arc<Mutex<String>>,
        tell: mpsc::Sender<SocketAddr>,
    ) {
        let (ready, said) = (self.ready, said.clone());
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if let Some(address) = ready(&line) {
                    // Nobody waits for a second one.
                    let _ = tell.send(address);
                }
                let mut said = said.lock().expect("nobody panics with it");
                said.push_str(&line);
                said.push('\n');
            }
        });
    }
}

impl Running {
    /// Where it listens; absent when it ended before or takes too long.
    pub fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// What it wrote so far.
    pub fn said(&self) -> String {
        self.said.lock().expect("nobody panics with it").clone()
    }

    /// The process of the service itself, not of what traces it.
    pub fn pid(&self) -> Option<u32> {
        let outer = self.child.id();
        if !self.is_traced {
            return Some(outer);
        }
        let children = fs::read_to_string(format!("/proc/{outer}/task/{outer}/children")).ok()?;
        children.split_whitespace().next()?.parse().ok()
    }

    /// Asks it to end (SIGTERM), and kills it where it does not.
    ///
    /// # Errors
    /// When its end cannot be waited for.
    pub fn stop(mut self) -> io::Result<Stopped> {
        let ended_before = self.child.try_wait()?;
        if ended_before.is_none() {
            self.signal("TERM");
        }
        let until = Instant::now() + self.patience;
        let mut killed_here = false;
        let status = loop {
            if let Some(status) = self.child.try_wait()? {
                break status;
            }
            if Instant::now() > until && !killed_here {
                killed_here = true;
                self.signal("KILL");
            }
            thread::sleep(Duration::from_millis(2));
        };
        let was_killed = status.signal() == Some(9) && !killed_here;
        Ok(Stopped { was_killed, said: self.said() })
    }

    /// Sends the service a signal by its short name, such as `KILL`.
    pub fn signal(&self, name: &str) {
        if let Some(pid) = self.pid() {
            let kill = format!("kill -{name} {pid}");
            // It may be gone already.
            let _ = Command::new("sh").args(["-c", &kill]).stderr(Stdio::null()).status();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            self.signal("KILL");
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
