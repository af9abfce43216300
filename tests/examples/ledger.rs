//! A small service whose faults are known beforehand: the control of the fault and crash suites.
//!
//! `ledger FOLDER HOW listen` listens on loopback and answers lines: `put N` with `ok N` once N is
//! kept, `all` with every number that is kept. `ledger FOLDER HOW add N` keeps one and says `ok N`;
//! `ledger FOLDER HOW all` says them all.
//!
//! HOW is SQLite's `synchronous` in WAL mode: `full`, which loses nothing, `normal` or `off`, which
//! lose on a loss of power; or `careless`, a file that is written anew in its place, which loses
//! when the program is killed.

use std::{
    error::Error,
    fs,
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    thread,
};

use rusqlite::Connection;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let [folder, how, command, rest @ ..] = args.as_slice() else { return Err("which?".into()) };
    let mut ledger = Ledger::open(Path::new(folder), how)?;
    match (*command, rest) {
        ("add", [number]) => {
            ledger.put(number.parse()?)?;
            println!("ok {number}");
        }
        ("all", []) => println!("{}", ledger.all()?),
        ("listen", []) => listen(ledger)?,
        _ => return Err("add N, all or listen?".into()),
    }
    Ok(())
}

enum Ledger {
    Table(Connection),
    File(PathBuf),
}

impl Ledger {
    fn open(folder: &Path, how: &str) -> Outcome<Self> {
        if how == "careless" {
            return Ok(Self::File(folder.join("numbers")));
        }
        let db = Connection::open(folder.join("ledger.db"))?;
        db.pragma_update(None, "journal_mode", "wal")?;
        db.pragma_update(None, "synchronous", how)?;
        db.pragma_update(None, "wal_autocheckpoint", 40)?;
        let create = "create table if not exists entry(number integer primary key, body blob)";
        db.execute_batch(create)?;
        Ok(Self::Table(db))
    }

    fn put(&mut self, number: u32) -> Outcome<()> {
        match self {
            Self::Table(db) => {
                db.execute("insert into entry values (?1, ?2)", (number, body(number)))?;
            }
            Self::File(path) => {
                let before = fs::read_to_string(&*path).unwrap_or_default();
                let mut file = fs::File::create(path)?;
                writeln!(file, "{before}{number}")?;
                file.sync_all()?;
            }
        }
        Ok(())
    }

    /// The numbers whose bodies are whole.
    fn all(&self) -> Outcome<String> {
        match self {
            Self::Table(db) => {
                let mut numbers = Vec::new();
                let mut select = db.prepare("select number, body from entry order by number")?;
                let mut rows = select.query([])?;
                while let Some(row) = rows.next()? {
                    let (number, kept): (u32, Vec<u8>) = (row.get(0)?, row.get(1)?);
                    if kept == body(number) {
                        numbers.push(number.to_string());
                    }
                }
                Ok(numbers.join(" "))
            }
            Self::File(path) => Ok(fs::read_to_string(path).unwrap_or_default().replace('\n', " ")),
        }
    }
}

fn body(number: u32) -> Vec<u8> {
    (0..600).map(|at| (number.wrapping_mul(31) + at) as u8).collect()
}

fn listen(ledger: Ledger) -> Outcome<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("listening on {}", listener.local_addr()?);
    let ledger = Arc::new(Mutex::new(ledger));
    for connection in listener.incoming() {
        let (connection, ledger) = (connection?, ledger.clone());
        thread::spawn(move || {
            // A connection that breaks off is over.
            let _ = serve(connection, &ledger);
        });
    }
    Ok(())
}

fn serve(connection: TcpStream, ledger: &Mutex<Ledger>) -> Outcome<()> {
    let mut answer = connection.try_clone()?;
    for line in BufReader::new(connection).lines() {
        let line = line?;
        let mut ledger = ledger.lock().map_err(|_| "another connection panicked")?;
        let said = match line.strip_prefix("put ") {
            Some(number) => ledger.put(number.parse()?).map(|()| format!("ok {number}")),
            None => ledger.all(),
        };
        match said {
            Ok(said) => answer.write_all(format!("{said}\n").as_bytes())?,
            // What the disk does not confirm is not known to be there: start again from it.
            Err(error) => {
                eprintln!("{error}");
                std::process::exit(1);
            }
        }
    }
    Ok(())
}
