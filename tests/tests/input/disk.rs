//! Disks that are read-only, in use, or full.

use std::{fs, path::Path, process::Command};

use hallmark_suites::faults::{Program, Service};

use super::daemon::{self, device::Devices};

/// The service behind a mount of its own on its data directory; nothing where nobody may mount.
fn mounted(data: &Path, mount: &str) -> Option<Service> {
    let mut service = daemon::service(data, &[])?;
    let probe = Command::new("unshare").args(["-m", "true"]).output();
    if !probe.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: nobody may mount here");
        return None;
    }
    let hallmarkd = std::env::current_exe().unwrap();
    let hallmarkd = hallmarkd.ancestors().nth(2).unwrap().join("hallmarkd");
    fs::create_dir_all(data).unwrap();
    let script = format!("{mount} && exec \"$0\" \"$@\"");
    service.program = Program::new("unshare")
        .args(["-m", "sh", "-c", &script])
        .arg(hallmarkd)
        .arg("--data")
        .arg(data)
        .arg("--key-file")
        .arg(data.with_file_name("key"))
        .args(["--listen", "127.0.0.1:0", "--log-level", "error"]);
    Some(service)
}

#[test]
fn a_read_only_data_directory_is_named() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let at = data.display();
    let mount = format!("mount --bind '{at}' '{at}' && mount -o remount,ro,bind '{at}'");
    let Some(service) = mounted(&data, &mount) else { return };
    // The control, and a directory that was written before.
    let writable = daemon::service(&data, &[]).unwrap().start(None).unwrap();
    assert!(writable.address().is_some());
    writable.stop().unwrap();
    let running = service.start(None).unwrap();
    let (address, said) = (running.address(), running.stop().unwrap().said);
    assert!(address.is_none() && said.contains(data.to_str().unwrap()), "{said}");
    assert!(said.contains("cannot write") && !said.contains("panicked"), "{said}");
}

#[test]
fn a_data_directory_in_use_is_named_and_left_alone() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let (Some(service), Some(devices)) = (daemon::service(&data, &[]), Devices::new()) else {
        return;
    };
    let first = service.start(None).unwrap();
    let second = service.start(None).unwrap();
    let (address, said) = (second.address(), second.stop().unwrap().said);
    assert!(address.is_none() && said.contains("use"), "{said}");
    assert!(said.contains(data.to_str().unwrap()), "{said}");
    devices.profile("phone");
    let server = format!("http://{}", first.address().unwrap());
    devices.done("phone", Some(&server), &["item", "put", "note", "text=still here"]);
    assert_eq!(devices.items("phone", Some(&server)).unwrap(), ["still here"]);
}

/// T-34 and T-36: a full disk refuses by name, loses nothing, and works again once there is room.
#[test]
fn a_full_disk_refuses_and_loses_nothing() {
    let (place, devices) = (tempfile::tempdir().unwrap(), Devices::new());
    let data = place.path().join("data");
    let mount = format!("mount -t tmpfs -o size=32m none '{}'", data.display());
    let (Some(service), Some(devices)) = (mounted(&data, &mount), devices) else { return };
    let running = service.start(None).unwrap();
    let server =
        format!("http://{}", running.address().unwrap_or_else(|| panic!("{}", running.said())));
    devices.profile("phone");
    let run = |args: &[&str]| devices.run("phone", Some(&server), args);
    devices.done("phone", Some(&server), &["item", "put", "note", "text=before"]);

    // The mount is the service's alone, and is reached through it.
    let inside = format!("/proc/{}/root{}/filler", running.pid().unwrap(), data.display());
    let mut filler = fs::File::create(&inside).unwrap();
    while std::io::Write::write_all(&mut filler, &[1; 4096]).is_ok() {}
    drop(filler);
    fs::write(devices.path("file"), vec![5; 5 << 20]).unwrap();
    let refused = run(&["item", "put", "note", "text=with a file", "--attach", "file"]);
    assert!(refused.code == 1 && refused.err.contains("no room"), "{refused:?}");
    assert!(refused.err.contains("kept on this device"), "{refused:?}");
    let mut notes = vec!["before".to_owned(), "with a file".to_owned()];
    let listed = devices.items("phone", Some(&server)).unwrap();
    assert_eq!(listed, notes, "what is here can be read all the same");
    // Items may still be taken, in what the database's log has left; or they are refused by name.
    devices.profile("other");
    let mut others = Vec::new();
    let long = "y".repeat(8000);
    for n in 0..60 {
        let text = format!("text={n} {long}");
        let told = devices.run("other", Some(&server), &["item", "put", "note", &text]);
        if told.code != 0 {
            assert!(told.err.contains("no room"), "{told:?}");
            break;
        }
        others.push(n);
    }

    fs::remove_file(&inside).unwrap();
    devices.done("phone", Some(&server), &["account", "sync"]);
    notes.sort();
    assert_eq!(devices.items("phone", Some(&server)).unwrap(), notes);
    let listed = devices.done("phone", Some(&server), &["item", "ls"]);
    let items = listed["items"].as_array().unwrap();
    let item = items.iter().find(|item| item["attachments"] == 1).unwrap();
    let item = item["item"].as_str().unwrap();
    devices.done("phone", Some(&server), &["item", "get", item, "--save", "saved"]);
    assert_eq!(fs::read(devices.path("saved/file")).unwrap(), vec![5; 5 << 20]);
    // What was acknowledged meanwhile, and one that may have been refused.
    let found = devices.items("other", Some(&server)).unwrap();
    assert!((others.len()..=others.len() + 1).contains(&found.len()), "{}", found.len());
    running.stop().unwrap();
}
