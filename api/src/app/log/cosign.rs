//! Witnesses, asked side by side.

use std::{
    sync::{
        Arc,
        mpsc::{self, Receiver, SyncSender},
    },
    time::{Duration, Instant},
};

use hallmark_consent::log::{
    checkpoint::SignedCheckpoint,
    note::{NoteSignature, VerifierKey},
    policy::Policy,
    tree::Tree,
    witness::{AddCheckpoint, conflicting_size, cosignature},
};

use crate::store::LogFiles;

/// How long witnesses may take to make up a quorum.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long the others may take once there is one.
const GRACE: Duration = Duration::from_millis(100);

/// A witness that can be asked.
pub trait Cosigner: Send {
    /// The key that it cosigns with.
    fn key(&self) -> &VerifierKey;

    /// Sends a request (C2SP tlog-witness, `add-checkpoint`) and returns status and body, which may be
    /// anything. Blocks, for no longer than some seconds.
    ///
    /// # Errors
    /// That there is no answer.
    fn add_checkpoint(&mut self, request: &str) -> Result<(u16, String), NoCosignature>;
}

/// A witness did not answer, or not with its cosignature.
#[derive(Debug, thiserror::Error)]
#[error("{why}")]
pub struct NoCosignature {
    /// What happened, in words.
    pub why: String,
}

/// All witnesses of a log, each on a thread of its own.
pub(super) struct Cosigners {
    asked: Vec<SyncSender<Asked>>,
}

struct Asked {
    checkpoint: Arc<SignedCheckpoint>,
    until: Instant,
    reply: mpsc::Sender<Result<NoteSignature, NoCosignature>>,
}

impl Cosigners {
    pub(super) fn start(files: &LogFiles, all: Vec<Box<dyn Cosigner>>) -> std::io::Result<Self> {
        let start = |cosigner: Box<dyn Cosigner>| {
            let (asked, waiting) = mpsc::sync_channel(1);
            let files = files.clone();
            std::thread::Builder::new()
                .name("log-witness".to_owned())
                .spawn(move || Witness { cosigner, files, size: 0 }.serve(&waiting))?;
            Ok(asked)
        };
        let asked = all.into_iter().map(start).collect::<std::io::Result<_>>()?;
        Ok(Self { asked })
    }

    /// Adds the cosignatures of all who answer in time. Blocks until the policy is met and the others
    /// had a moment more, or until none is outstanding, or until time is up.
    pub(super) fn gather(
        &self,
        mut checkpoint: SignedCheckpoint,
        policy: &Policy,
    ) -> SignedCheckpoint {
        let begun = Instant::now();
        let shared = Arc::new(checkpoint.clone());
        let (reply, answers) = mpsc::channel();
        for asked in &self.asked {
            // One that is still busy with an older checkpoint is asked again in the next round.
            let _ = asked.try_send(Asked {
                checkpoint: Arc::clone(&shared),
                until: begun + PATIENCE,
                reply: reply.clone(),
            });
        }
        drop(reply);
        let mut end = begun + if policy.is_met(&checkpoint) { GRACE } else { PATIENCE };
        while let Ok(answer) = answers.recv_timeout(end.saturating_duration_since(Instant::now())) {
            match answer {
                Ok(line) => checkpoint.note_mut().add(line),
                Err(error) => tracing::warn!(%error, "a witness did not cosign"),
            }
            if policy.is_met(&checkpoint) {
                end = end.min(Instant::now() + GRACE);
            }
        }
        checkpoint
    }
}

/// One witness, and the size that it cosigned last as far as is known.
struct Witness {
    cosigner: Box<dyn Cosigner>,
    files: LogFiles,
    size: u64,
}

impl Witness {
    fn serve(mut self, waiting: &Receiver<Asked>) {
        while let Ok(asked) = waiting.recv() {
            // Whoever waited may have gone on.
            let _ = asked.reply.send(self.ask(&asked));
        }
    }

    /// Asks, and once more if the witness has seen another size than was thought.
    fn ask(&mut self, asked: &Asked) -> Result<NoteSignature, NoCosignature> {
        let new = asked.checkpoint.claimed().size;
        for _ in 0..2 {
            if Instant::now() > asked.until {
                break;
            }
            let old = self.size;
            if old > new {
                // If that was not so, the next round finds out.
                self.size = 0;
                let why = format!("it says it has seen {old} entries, and the log has {new}");
                return Err(self.failed(&why));
            }
            let proof = Tree::new(self.files.clone(), new).consistency(old, new);
            let proof = proof.map_err(|error| self.failed(&error.0.to_string()))?;
            let checkpoint = SignedCheckpoint::clone(&asked.checkpoint);
            let request = AddCheckpoint { old_size: old, proof, checkpoint };
            match self.cosigner.add_checkpoint(&request.to_string())? {
                (200, body) => {
                    let line = cosignature(&body, &asked.checkpoint, self.cosigner.key());
                    let (line, _) = line.ok_or_else(|| self.failed("no cosignature of its own"))?;
                    self.size = new;
                    return Ok(line);
                }
                (409, body) => match conflicting_size(&body) {
                    Some(size) if size != old => self.size = size,
                    _ => return Err(self.failed("it has another root of the same size")),
                },
                (status, _) => return Err(self.failed(&format!("status {status}"))),
            }
        }
        Err(self.failed("it says another size each time"))
    }

    fn failed(&self, why: &str) -> NoCosignature {
        NoCosignature { why: format!("{}: {why}", self.cosigner.key().name().as_str()) }
    }
}
