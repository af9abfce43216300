//! The command on a person's device under every fault: what it acknowledged is there afterwards,
//! once, here and at the service, and a plain run goes on.
//!
//! The short campaign runs with the other tests; the full one by
//! `cargo nextest run -p hallmark-suites --test faults --run-ignored only`.

use std::{fs, path::Path};

use hallmark_suites::faults::{Campaign, Run, Running, Scope, Table, strace_is_missing};
use serde_json::Value;

use super::daemon::{self, device::Devices};

const PHONE: &str = "phone";
const LAPTOP: &str = "laptop";

/// What a person does, what there is before, and what has to be there afterwards.
struct Work {
    profile: &'static str,
    args: &'static [&'static str],
    before: fn(&Desk<'_>),
    after: fn(&Desk<'_>, bool) -> Result<(), String>,
}

const WORKS: [Work; 5] = [
    Work {
        profile: PHONE,
        args: &["item", "put", "note", "text=new", "--attach", "file"],
        before: |desk| drop(desk.done(PHONE, &["item", "put", "note", "text=old"])),
        after: |desk, done| {
            let new = desk.has(&["old"], &["new"], done)?;
            if new { desk.opens_file() } else { Ok(()) }
        },
    },
    Work {
        profile: PHONE,
        args: &["item", "edit", "note", "text=new"],
        before: |desk| drop(desk.done(PHONE, &["item", "put", "note", "text=old"])),
        after: |desk, done| match desk.items()?.as_slice() {
            [one] if one == "new" || (one == "old" && !done) => Ok(()),
            other => Err(format!("lost an edit: {other:?}")),
        },
    },
    Work {
        profile: PHONE,
        args: &["account", "sync"],
        before: |desk| {
            desk.devices.done(PHONE, None, &["item", "put", "note", "text=old"]);
        },
        after: |desk, _| desk.has(&["old"], &[], true).map(drop),
    },
    Work {
        profile: PHONE,
        args: &["device", "revoke", LAPTOP, "--yes"],
        before: |desk| {
            desk.done(PHONE, &["item", "put", "note", "text=old"]);
            desk.devices.joins(PHONE, LAPTOP, Some(&desk.server));
        },
        after: |desk, done| {
            desk.has(&["old"], &[], true)?;
            let listed = desk.plain(PHONE, &["device", "list"])?;
            match (listed["devices"].as_array().map(Vec::len), done) {
                (Some(1), _) => {}
                (Some(2), false) => {
                    desk.plain(PHONE, &["device", "revoke", LAPTOP, "--yes"])?;
                }
                (count, _) => return Err(format!("{count:?} devices are listed")),
            }
            desk.has(&["old"], &[], true).map(drop)
        },
    },
    Work {
        profile: LAPTOP,
        args: &["account", "recover", "--code", "paper"],
        before: |desk| {
            desk.done(PHONE, &["item", "put", "note", "text=old"]);
            let code = desk.done(PHONE, &["account", "code"]);
            let words: Vec<&str> =
                code["words"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
            fs::write(desk.devices.path("paper"), words.join(" ")).unwrap();
        },
        after: |desk, done| {
            if !done {
                desk.plain(LAPTOP, &["account", "recover", "--code", "paper"])?;
            }
            let found = desk.devices.items(LAPTOP, Some(&desk.server));
            match found {
                Ok(items) if items == ["old"] => Ok(()),
                other => Err(format!("not recovered: {other:?}")),
            }
        },
    },
];

/// People and their service.
struct Desk<'a> {
    devices: &'a Devices,
    server: String,
}

impl Desk<'_> {
    #[track_caller]
    fn done(&self, profile: &str, args: &[&str]) -> Value {
        self.devices.done(profile, Some(&self.server), args)
    }

    /// A run without a fault, which must succeed.
    fn plain(&self, profile: &str, args: &[&str]) -> Result<Value, String> {
        let told = self.devices.run(profile, Some(&self.server), args);
        if told.code == 0 { Ok(told.json()) } else { Err(format!("{args:?}: {told:?}")) }
    }

    fn items(&self) -> Result<Vec<String>, String> {
        self.plain(PHONE, &["account", "sync"])?;
        let items = self.devices.items(PHONE, Some(&self.server));
        items.map_err(|told| format!("{told:?}"))
    }

    /// Whether those that may be there are; those that must be are, and none is there twice.
    fn has(&self, must: &[&str], may: &[&str], done: bool) -> Result<bool, String> {
        let found = self.items()?;
        let mut with: Vec<&str> = [must, may].concat();
        with.sort_unstable();
        if found == with {
            return Ok(true);
        }
        if found == must && !done { Ok(false) } else { Err(format!("lost or twice: {found:?}")) }
    }

    fn opens_file(&self) -> Result<(), String> {
        let listed = self.plain(PHONE, &["item", "ls"])?;
        let items = listed["items"].as_array().ok_or("no items")?;
        let item = items.iter().find(|item| item["summary"] == "new").ok_or("no item")?;
        let item = item["item"].as_str().ok_or("no id")?;
        self.plain(PHONE, &["item", "get", item, "--force", "--save", "saved"])?;
        let same = fs::read(self.devices.path("saved/file")).is_ok_and(|read| read == [5; 70_000]);
        if same { Ok(()) } else { Err("lost the attachment".to_owned()) }
    }
}

/// What a device writes has names by chance, so all calls count, whatever they are on.
fn campaign(stride: usize) -> Option<Table> {
    if strace_is_missing() {
        return None;
    }
    let (devices, place) = (Devices::new()?, tempfile::tempdir().unwrap());
    fs::write(devices.path("file"), [5; 70_000]).unwrap();
    let running: Running = daemon::service(&place.path().join("data"), &[])?.start(None).unwrap();
    let server = format!("http://{}", running.address().unwrap());
    let desk = Desk { devices: &devices, server };
    let mut campaign = Campaign::new(&place.path().join("empty"), place.path()).unwrap();
    (campaign.stride, campaign.scope) = (stride, Scope::All);
    let mut table = Table::default();
    for work in &WORKS {
        let prepare = |_: &Path| {
            let _ = fs::remove_dir_all(devices.path("home"));
            [PHONE, LAPTOP].iter().for_each(|name| devices.profile(name));
            (work.before)(&desk);
            Ok(())
        };
        let program = devices.program(work.profile, Some(&desk.server), work.args);
        let check = |_: &Path, run: &Run| {
            if run.stderr.contains("panicked") {
                return Err(run.stderr.clone());
            }
            (work.after)(&desk, run.status.success())
        };
        let of_work = campaign.against_command(prepare, &program, check).unwrap();
        eprintln!("{:?}\n{of_work}", work.args);
        table.join(of_work);
    }
    eprintln!("all\n{table}");
    Some(table)
}

#[test]
fn a_fault_at_some_calls_of_a_device_loses_nothing() {
    let Some(table) = campaign(23) else { return };
    assert!(table.broken() == 0 && table.points() >= 15, "{table}");
}

#[test]
#[ignore = "the full campaign: some minutes"]
fn a_fault_at_any_call_of_a_device_loses_nothing() {
    let Some(table) = campaign(1) else { return };
    assert!(table.broken() == 0 && table.points() >= 200, "{table}");
}
