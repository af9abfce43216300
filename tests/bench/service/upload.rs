//! A large attachment sealed, sent and kept by the service, against sealing it alone.

use std::{
    fs::{self, File},
    io, thread,
    time::Duration,
};

use super::{
    daemon::Daemon,
    sync::{command, profile},
};
use crate::{
    filler::Filler,
    house::{House, tell, warm},
    pairs::{Spread, interleave},
    row::{Row, Target},
};

/// `hallmark item put --attach` against `hallmark blob seal` of
/// the same file: both return when what they write is on the disk.
///
/// # Errors
/// When a program fails.
pub fn rows(house: &House) -> anyhow::Result<Vec<Row>> {
    let content = house.file("content");
    let size = House::size_in_words(house.size_mib);
    tell("writing the file to attach");
    io::copy(&mut Filler::new(1, house.size_bytes()), &mut File::create(&content)?)?;
    File::open(&content)?.sync_all()?;
    warm(&content)?;
    let (key, sealed) = (house.file("key"), house.file("sealed"));
    let seal = house.hallmark().args(["blob", "seal"]).args([&content, &sealed]);
    let seal = seal.arg("--key-file").arg(&key);

    let (mut service_s, mut client_s) = (Vec::new(), Vec::new());
    let alone = || {
        fill_memory(3 * house.size_bytes());
        let run = house.run_writing(&seal, &sealed)?;
        house.remove(&sealed)?;
        Ok(run.wall_s)
    };
    let upload = || {
        let (home, passphrase) = (house.empty_folder("home")?, house.file("passphrase"));
        profile(&home, &passphrase)?;
        let data = house.empty_folder("service")?;
        let service = Daemon::start(house.hallmarkd(), &data, &[])?;
        service.until_ready()?;
        // Reads signed in the second in which the service started count for nothing.
        thread::sleep(Duration::from_secs(2));
        let address = format!("http://{}", service.address);
        let hallmark = command(house, &home, &passphrase).args(["--server", &address, "--json"]);
        let put = hallmark.clone().args(["item", "put", "note", "text=a large file", "--attach"]);
        fill_memory(3 * house.size_bytes());
        let whole = house.run(&put.arg(&content))?;
        service_s.push(service.cpu_s()?);
        client_s.push(whole.user_s);
        service.stop()?;
        fs::remove_dir_all(&data)?;
        fs::remove_dir_all(&home)?;
        Ok(whole.wall_s)
    };
    tell(&format!("sealing and uploading {size}"));
    let pairs = interleave(house.pairs, upload, alone)?;
    house.remove(&content)?;
    let what = format!("seal, upload and keep {size}");
    let middle = |all: Vec<f64>| Spread::of(all.into_iter()).median;
    let (service_s, client_s) = (middle(service_s), middle(client_s));
    Ok(vec![
        Row::compared(&what, "sealing it alone: wall", Target::SpeedAtLeast(0.5), &pairs),
        Row::noted(
            format!("{what}: processor"),
            format!("service {service_s:.2} s, client {client_s:.2} s of it in user mode"),
        ),
    ])
}

/// Has so many bytes of memory at hand: a virtual machine gives back what it does not use, and who
/// first needs it again would wait for it, which is most of the time of whoever writes more files.
fn fill_memory(bytes: u64) {
    let pages = vec![1_u8; usize::try_from(bytes).unwrap_or_default()];
    std::hint::black_box(&pages);
}
