//! What a second device exchanges to learn that nothing changed.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use anyhow::Context;
use clap::Parser;
use hallmark_cli::{args::Cli, remote::service::HttpService, session::Session};
use hallmark_core::account::ItemId;
use hallmark_vault::{
    identity::device::DeviceKeys,
    item::{Content, Edit, Kind, Pending, content::Version},
    online::{self, Holdings, KnownService, Online, Synced},
    profile::Profile,
    service::Service,
    state::{KdfCost, Passphrase, Store},
};
use rand::rngs::ThreadRng;

use super::{
    counted::{Passed, Relay},
    daemon::{Daemon, now},
};
use crate::{
    house::{House, tell},
    program::Program,
    row::Row,
};

const ITEMS: usize = 1000;
const ROUND_TRIPS: f64 = 2.0;
const KB: f64 = 100.0;
/// Of every profile here.
const PASSPHRASE: &str = "six words that nobody would guess";

/// Round trips and bytes of `hallmark account sync` on a second device that has all items.
///
/// # Errors
/// When anything fails to sync.
pub fn rows(house: &House) -> anyhow::Result<Vec<Row>> {
    tell(&format!("two devices with {ITEMS} items"));
    let (relay, listener) = Relay::reserve()?;
    let data = house.empty_folder("service")?;
    let service = Daemon::start(house.hallmarkd(), &data, &[relay.address.to_string()])?;
    relay.to(service.address, listener);
    // Reads signed in the second in which the service started count for nothing.
    thread::sleep(Duration::from_secs(2));

    let mut first = Device::new(&house.empty_folder("first")?, &relay)?;
    let mut second = Device::new(&house.empty_folder("second")?, &relay)?;
    first.begin()?;
    first.keep_notes()?;
    first.online()?.sync(&mut Synced::default())?;
    second.join(&mut first)?;
    second.online()?.sync(&mut Synced::default())?;
    let (items, unopened) = second.online()?.items();
    anyhow::ensure!((items.len(), unopened) == (ITEMS, 0), "the items did not come over");
    drop(second.store);

    let passphrase = house.file("passphrase");
    keep_passphrase(&passphrase)?;
    let sync = command(house, &house.file("second"), &passphrase).args(["account", "sync"]);
    let counted = (0..house.pairs)
        .map(|_| {
            relay.take();
            house.run(&sync)?;
            Ok(relay.take())
        })
        .collect::<anyhow::Result<Vec<Passed>>>()?;
    let figures = |of: fn(&Passed) -> f64| counted.iter().map(of).collect();
    let what = format!("sync of {ITEMS} unchanged items on a second device");
    Ok(vec![
        Row::at_most(&what, "round trips", ROUND_TRIPS, figures(|p| p.round_trips as f64)),
        Row::at_most(&what, "KB", KB, figures(|p| p.bytes as f64 / 1000.0)),
    ])
}

/// Makes a profile with an account and nothing else, which costs as little to open as it may.
///
/// # Errors
/// When it cannot be written.
pub fn profile(home: &Path, passphrase_file: &Path) -> anyhow::Result<()> {
    keep_passphrase(passphrase_file)?;
    let mut store = store(home)?;
    let rng = &mut rand::rng();
    let holdings = Holdings::create(now()?, rng);
    store.update(rng, |profile| profile.holdings = Some(holdings))?;
    Ok(())
}

fn keep_passphrase(path: &Path) -> std::io::Result<()> {
    fs::write(path, PASSPHRASE)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))
}

fn store(home: &Path) -> anyhow::Result<Store<Profile>> {
    let passphrase = Passphrase::new(PASSPHRASE.to_owned())?;
    Ok(Store::create(home, &"default".parse()?, &passphrase, KdfCost::MINIMUM, &mut rand::rng())?)
}

/// A device in this process, with its home and the service as the command line sees it.
struct Device {
    folder: PathBuf,
    store: Store<Profile>,
    service: HttpService,
}

impl Device {
    fn new(home: &Path, relay: &Relay) -> anyhow::Result<Self> {
        let address = format!("http://{}", relay.address);
        let arguments = ["hallmark", "--server", &address, "account", "sync"];
        let session = Session::of_process(&Cli::try_parse_from(arguments)?.global)?;
        let service = HttpService::new(&address, session.server(), &session)?;
        Ok(Self { folder: home.join("default"), store: store(home)?, service })
    }

    fn online(&mut self) -> anyhow::Result<Online<'_, HttpService, ThreadRng>> {
        Ok(Online::open(&mut self.store, &self.folder, &self.service, now()?, rand::rng())?)
    }

    /// Makes an account.
    fn begin(&mut self) -> anyhow::Result<()> {
        self.hold(Holdings::create(now()?, &mut rand::rng()))
    }

    fn hold(&mut self, mut holdings: Holdings) -> anyhow::Result<()> {
        let (address, key) = (self.service.address().to_owned(), self.service.info()?.key);
        holdings.service = Some(KnownService { address, key });
        self.store.update(&mut rand::rng(), |profile| profile.holdings = Some(holdings))?;
        Ok(())
    }

    /// Keeps all notes at once, unsent.
    fn keep_notes(&mut self) -> anyhow::Result<()> {
        let (rng, at) = (&mut rand::rng(), now()?);
        let holdings = self.store.read().holdings.as_ref().context("an account was made")?;
        let by = holdings.account.device().public().key;
        let notes = (0..ITEMS).map(|n| {
            let fields = [("text".to_owned(), format!("note {n}"))].into();
            let version = Version { fields, attachments: Vec::new(), at, by };
            let edit = Edit::Put(Box::new(Content::new(Kind::Note, version)?));
            Ok((ItemId::generate(rng), Pending::new(0, edit)))
        });
        let notes = notes.collect::<anyhow::Result<Vec<_>>>()?;
        self.store.update(rng, |profile| {
            if let Some(holdings) = &mut profile.holdings {
                holdings.pending.extend(notes);
            }
        })?;
        Ok(())
    }

    /// Joins the account of another device.
    fn join(&mut self, first: &mut Self) -> anyhow::Result<()> {
        let keys = DeviceKeys::generate(&mut rand::rng());
        let words = first.online()?.add_device(keys.public(), &mut Synced::default())?;
        let joined = online::joined(&self.service, &keys)?.context("the device was let in")?;
        self.hold(Holdings::of(joined.compared(words.as_str())?))
    }
}

/// `hallmark` with the home of a [`profile`].
pub fn command(house: &House, home: &Path, passphrase_file: &Path) -> Program {
    let command = house.hallmark().env("HALLMARK_HOME", home);
    command.env("HALLMARK_PASSPHRASE_FILE", passphrase_file)
}
