//! `hallmark blob seal` and `blob open` from file to file, against Debian's `age` command (what
//! the processor does) and against plain reading and writing (what anyone waits for).
//!
//! The plain copy is `dd bs=128K`: read(2) and write(2) in the buffers that `cat` uses, whereas
//! GNU `cat` and `cp` hand the copying to the kernel by copy_file_range(2). Our command returns
//! when its output is on the disk, so it is compared with `dd conv=fsync`; and once more with
//! neither waiting for the disk, where `libeatmydata` takes fsync(2) away from outside.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use anyhow::ensure;

use crate::{
    filler::Filler,
    house::{House, tell, warm},
    pairs::interleave,
    program::{Program, Run},
    row::{Row, Target},
};

const USER_TARGET: Target = Target::CostAtMost(0.5);
const WALL_TARGET: Target = Target::CostAtMost(1.15);

/// Seal and open: user time against age, wall time against a copy, peak memory.
///
/// # Errors
/// When a program fails, or what was opened is not what was sealed.
pub fn rows(house: &House) -> anyhow::Result<Vec<Row>> {
    let content = house.file("content");
    tell("writing the file to seal");
    io::copy(&mut Filler::new(1, house.size_bytes()), &mut File::create(&content)?)?;
    let (key, sealed, opened) = (house.file("key"), house.file("sealed"), house.file("opened"));
    let ours = |verb: &str, input: &Path, output: &Path| {
        let program = house.hallmark().args(["blob", verb]).args([input, output]);
        program.arg("--key-file").arg(&key)
    };
    house.run_writing(&ours("seal", &content, &sealed), &sealed)?;
    house.run_writing(&ours("open", &sealed, &opened), &opened)?;
    ensure!(same(&content, &opened)?, "what was opened is not what was sealed");
    house.remove(&opened)?;

    let age_key = house.file("age-key");
    let age = AgeCommand::new(house, &age_key)?;
    let age_sealed = house.file("age-sealed");
    house.run(&age.seal(&content, &age_sealed))?;

    let out = house.file("out");
    let seal = Job {
        verb: "seal",
        ours: ours("seal", &content, &out),
        age: age.seal(&content, &out),
        input: &content,
        output: &out,
    };
    let open = Job {
        verb: "open",
        ours: ours("open", &sealed, &out),
        age: age.open(&age_sealed, &out),
        input: &sealed,
        output: &out,
    };
    let mut rows = seal.rows(house)?;
    rows.extend(open.rows(house)?);
    for path in [content, sealed, age_sealed, out] {
        house.remove(&path)?;
    }
    Ok(rows)
}

/// One direction, ours and age's, and the file that is copied for comparison.
struct Job<'a> {
    verb: &'static str,
    ours: Program,
    age: Program,
    input: &'a Path,
    output: &'a Path,
}

impl Job<'_> {
    fn rows(&self, house: &House) -> anyhow::Result<Vec<Row>> {
        let what = format!("{} a {} file", self.verb, House::size_in_words(house.size_mib));
        warm(self.input)?;
        tell(&format!("{what}, and age"));
        let with_age = self.pairs(house, &self.ours, &self.age)?;
        tell(&format!("{what}, and a copy, both waiting for the disk"));
        let dd = self.copy();
        let synced = self.pairs(house, &self.ours, &dd.clone().arg("conv=fsync"))?;
        let mut rows = vec![
            Row::compared(&what, "age: user", USER_TARGET, &seconds(&with_age, |run| run.user_s)),
            Row::compared(&what, "age: wall", Target::None, &seconds(&with_age, |run| run.wall_s)),
            Row::compared(
                &what,
                "copy and fsync: wall",
                WALL_TARGET,
                &seconds(&synced, |run| run.wall_s),
            ),
        ];
        let mut runs: Vec<Run> = with_age.iter().chain(&synced).map(|pair| pair.0).collect();
        let unsynced = "copy, nobody syncs: wall";
        match eatmydata() {
            Some(library) => {
                tell(&format!("{what}, and a copy, neither waiting for the disk"));
                let without = |program: &Program| program.clone().env("LD_PRELOAD", &library);
                let pairs = self.pairs(house, &without(&self.ours), &without(&dd))?;
                let walls = seconds(&pairs, |run| run.wall_s);
                rows.push(Row::compared(&what, unsynced, WALL_TARGET, &walls));
                runs.extend(pairs.iter().map(|pair| pair.0));
            }
            None => {
                let missing = "libeatmydata is missing (Debian package libeatmydata1)";
                rows.push(Row::skipped(format!("{what}, {unsynced}"), missing));
            }
        }
        rows.push(Row::peak(&what, runs.iter().map(|run| run.peak_kib)));
        Ok(rows)
    }

    fn pairs(
        &self,
        house: &House,
        ours: &Program,
        peer: &Program,
    ) -> anyhow::Result<Vec<(Run, Run)>> {
        let run = |program| house.run_writing(program, self.output);
        interleave(house.pairs, || run(ours), || run(peer))
    }

    fn copy(&self) -> Program {
        let operand = |name: &str, path: &Path| {
            let mut operand = std::ffi::OsString::from(name);
            operand.push(path);
            operand
        };
        Program::new("dd")
            .args([operand("if=", self.input), operand("of=", self.output)])
            .args(["bs=128K", "status=none"])
    }
}

/// Debian's age with a key pair of its own.
struct AgeCommand<'a> {
    key: &'a Path,
    recipient: String,
}

impl<'a> AgeCommand<'a> {
    fn new(house: &House, key: &'a Path) -> anyhow::Result<Self> {
        let keygen = || Program::new("age-keygen");
        house.run(&keygen().arg("-o").arg(key))?;
        Ok(Self { key, recipient: keygen().arg("-y").arg(key).says()? })
    }

    fn seal(&self, input: &Path, output: &Path) -> Program {
        Program::new("age").args(["-r", &self.recipient, "-o"]).args([output, input])
    }

    fn open(&self, input: &Path, output: &Path) -> Program {
        Program::new("age").args(["-d", "-i"]).arg(self.key).arg("-o").args([output, input])
    }
}

fn seconds(pairs: &[(Run, Run)], of: impl Fn(&Run) -> f64) -> Vec<(f64, f64)> {
    pairs.iter().map(|(ours, peer)| (of(ours), of(peer))).collect()
}

/// The library that makes fsync(2) do nothing for a program, where it is installed.
fn eatmydata() -> Option<PathBuf> {
    let folders = std::fs::read_dir("/usr/lib").ok()?;
    folders.flatten().map(|folder| folder.path().join("libeatmydata.so")).find(|path| path.exists())
}

fn same(a: &Path, b: &Path) -> io::Result<bool> {
    let (mut a, mut b) = (File::open(a)?, File::open(b)?);
    if a.metadata()?.len() != b.metadata()?.len() {
        return Ok(false);
    }
    let (mut of_a, mut of_b) = (vec![0; 1 << 20], vec![0; 1 << 20]);
    loop {
        let n = a.read(&mut of_a)?;
        b.read_exact(&mut of_b[..n])?;
        if n == 0 || of_a[..n] != of_b[..n] {
            return Ok(n == 0);
        }
    }
}
