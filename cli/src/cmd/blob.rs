//! `hallmark blob`: a large file sealed under a key file (design, section 4, "Large blobs").

use std::{fs::File, path::Path};

use anyhow::Context;
use data_encoding::HEXLOWER;
use hallmark_core::seal::blob::{self, BlobKey, Purpose, Work};
use zeroize::Zeroizing;

use crate::{
    args::{BlobArgs, BlobCommand},
    input,
    output::{Access, Output, keep_apart, write_whole},
    report::Report,
    session::{self, Session},
};

/// Runs `hallmark blob`.
///
/// # Errors
/// When a file cannot be read or written, or the sealed file does not open under the key.
pub fn run(command: &BlobCommand, session: &Session) -> anyhow::Result<Report> {
    match command {
        BlobCommand::Seal(args) => seal(args, session),
        BlobCommand::Open(args) => open(args, session),
    }
}

fn seal(args: &BlobArgs, session: &Session) -> anyhow::Result<Report> {
    keep_apart(&args.output, &[&args.key_file, &args.input])?;
    let output = Output::new(&args.output, args.force)?;
    let (input, len) = opened(&args.input)?;
    let (key, made) = key_for_sealing(&args.key_file, session)?;
    let bar = session.bar("sealing", len);
    let sealed = output.write(Access::Shared, |out| {
        let progress = |bytes| bar.advance(bytes);
        let work = Work::on(session::threads()).reporting(&progress);
        Ok(blob::file::seal(&key, Purpose::FILE, &mut session.rng(), len, &input, out, &work)?)
    })?;
    drop(bar);
    let note = if made { " (made just now: whoever has it can open the file)" } else { "" };
    Report::new(
        &serde_json::json!({"output": args.output, "bytes": sealed, "keyFileMade": made}),
        format!(
            "Sealed {} into {} ({sealed} bytes).\nThe key is in {}{note}.",
            args.input.display(),
            args.output.display(),
            args.key_file.display()
        ),
    )
}

fn open(args: &BlobArgs, session: &Session) -> anyhow::Result<Report> {
    keep_apart(&args.output, &[&args.key_file, &args.input])?;
    let output = Output::new(&args.output, args.force)?;
    let (input, len) = opened(&args.input)?;
    let key = read_key(&args.key_file)?;
    let bar = session.bar("opening", len);
    let opened = output.write(Access::Private, |out| {
        let progress = |bytes| bar.advance(bytes);
        let work = Work::on(session::threads()).reporting(&progress);
        blob::file::open(&key, Purpose::FILE, len, &input, out, &work).with_context(|| {
            format!("opening {} with the key in {}", args.input.display(), args.key_file.display())
        })
    })?;
    drop(bar);
    Report::new(
        &serde_json::json!({"output": args.output, "bytes": opened}),
        format!("Opened {} into {}.", args.input.display(), args.output.display()),
    )
}

fn opened(path: &Path) -> anyhow::Result<(File, u64)> {
    input::open(path).with_context(|| format!("cannot read {}", path.display()))
}

/// The key in the file, or a fresh one written to it. Tells which.
fn key_for_sealing(path: &Path, session: &Session) -> anyhow::Result<(BlobKey, bool)> {
    if path.exists() {
        return Ok((read_key(path)?, false));
    }
    let key = BlobKey::generate(&mut session.rng());
    let line = Zeroizing::new(format!("{}\n", HEXLOWER.encode(key.as_bytes())));
    write_whole(path, Access::Private, |out| Ok(std::io::Write::write_all(out, line.as_bytes())?))?;
    Ok((key, true))
}

fn read_key(path: &Path) -> anyhow::Result<BlobKey> {
    let text = input::text(path)
        .map(Zeroizing::new)
        .with_context(|| format!("cannot read the key file {}", path.display()))?;
    let bytes = HEXLOWER.decode(text.trim().as_bytes()).ok().map(Zeroizing::new);
    bytes
        .and_then(|bytes| Some(BlobKey::from_bytes(bytes.as_slice().try_into().ok()?)))
        .with_context(|| {
            format!("{} is no key file: it should hold 64 hexadecimal digits", path.display())
        })
}
