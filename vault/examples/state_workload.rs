//! Counts in a local state and says aloud what was acknowledged, for tests that interrupt it from
//! outside.
//!
//! `state_workload HOME UPDATES [hold]` opens the default profile under HOME, or creates it, and
//! prints `ack N` for the count N it found; then it adds one UPDATES times, with `ack N` after each.
//! A change the disk did not confirm is tried once more, which the state has to refuse.
//! With `hold` it prints `holding` and keeps the state open until its standard input ends.

use std::error::Error;
use std::io::{self, Read, Write};
use std::path::PathBuf;

use hallmark_vault::state::{self, KdfCost, Passphrase, ProfileName, StateError, Store};

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args_os().skip(1);
    let home = PathBuf::from(args.next().ok_or("which HOME?")?);
    let updates: u64 = args.next().ok_or("how many UPDATES?")?.to_string_lossy().parse()?;
    let hold = args.next().is_some_and(|word| word == "hold");

    let (profile, passphrase) = (ProfileName::default(), Passphrase::new("workload")?);
    let rng = &mut rand::rng();
    let opened = match state::exists(&home, &profile)? {
        true => Store::<u64>::open(&home, &profile, &passphrase),
        false => Store::create(&home, &profile, &passphrase, KdfCost::MINIMUM, rng),
    };
    let mut store = match opened {
        Ok(store) => store,
        Err(error) => return Err(error.to_string().into()),
    };
    acknowledge(*store.read())?;
    for _ in 0..updates {
        let mut add_one = || {
            store.update(rng, |count| {
                *count += 1;
                *count
            })
        };
        match add_one() {
            Ok(count) => acknowledge(count)?,
            Err(error @ StateError::Unsettled { .. }) => {
                let again = add_one().map_or_else(|refused| refused.to_string(), |_| "done".into());
                return Err(format!("{error}; again: {again}").into());
            }
            Err(error) => return Err(error.to_string().into()),
        }
    }
    if hold {
        writeln!(io::stdout(), "holding")?;
        io::stdin().read_to_end(&mut Vec::new())?;
    }
    Ok(())
}

fn acknowledge(count: u64) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "ack {count}")?;
    out.flush()
}
