//! What the replay takes for granted of a disk, and what it does not: on traces written by hand.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use hallmark_suites::faults::{
    Call,
    replay::{Before, Plan, Recording, RecordingError},
};

/// A trace as `strace -xx` writes it: what stands between `{` and `}` is made hexadecimal.
fn calls(trace: &str) -> Vec<Call> {
    let mut written = String::new();
    for (at, part) in trace.split(['{', '}']).enumerate() {
        if at % 2 == 0 {
            written += part;
        } else {
            part.bytes().for_each(|byte| written += &format!("\\x{byte:02x}"));
        }
    }
    Call::parse(&written)
}

fn read(trace: &str) -> Result<Recording, RecordingError> {
    Recording::read(&calls(trace), Path::new("/d"), Before::default())
}

/// `path=content` of each file, by state.
type States = BTreeSet<String>;

/// The states in which the disk may be once `ok` was sent.
fn states(trace: &str) -> States {
    let place = tempfile::tempdir().unwrap();
    let mut states = States::new();
    let plan = Plan { by_chance: 60, ..Plan::default() };
    let sent = |_: &_| Some(());
    let check = |folder: &Path, acknowledged: &[()]| {
        if !acknowledged.is_empty() {
            let files = files(folder, "");
            let files: Vec<String> =
                files.iter().map(|(path, text)| format!("{path}={text}")).collect();
            states.insert(files.join(" "));
        }
        Ok(())
    };
    plan.replay(&read(trace).unwrap(), &place.path().join("state"), sent, check).unwrap();
    states
}

fn files(folder: &Path, inside: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder.join(inside)).unwrap() {
        let entry = entry.unwrap();
        let path = format!("{inside}{}", entry.file_name().to_str().unwrap());
        if entry.file_type().unwrap().is_dir() {
            found.extend(files(folder, &format!("{path}/")));
        } else {
            let content = fs::read(entry.path()).unwrap();
            found.insert(path, String::from_utf8_lossy(&content).replace('\0', "."));
        }
    }
    found
}

fn these<const N: usize>(states: [&str; N]) -> States {
    states.map(str::to_owned).into()
}

const CREATE: &str = r#"
1 openat(AT_FDCWD<{/}>, "{/d}", O_RDONLY) = 9<{/d}>
1 openat(AT_FDCWD<{/}>, "{/d/a}", O_RDWR|O_CREAT, 0600) = 3<{/d/a}>
1 write(3<{/d/a}>, "{abcd}", 4) = 4
"#;
const SAY: &str = "1 write(1<pipe:[7]>, \"{ok}\", 2) = 2\n";

#[test]
fn what_is_not_synced_is_there_whole_by_half_or_not_at_all() {
    assert_eq!(states(&format!("{CREATE}{SAY}")), these(["", "a=", "a=ab", "a=abcd"]));
    let synced = "1 fsync(3<{/d/a}>) = 0\n1 fsync(9<{/d}>) = 0\n";
    assert_eq!(states(&format!("{CREATE}{synced}{SAY}")), these(["a=abcd"]));
}

#[test]
fn a_sync_of_a_file_keeps_no_name_and_one_of_a_folder_no_content() {
    let file = "1 fdatasync(3<{/d/a}>) = 0\n";
    assert_eq!(states(&format!("{CREATE}{file}{SAY}")), these(["", "a=abcd"]));
    let folder = "1 fsync(9<{/d}>) = 0\n";
    assert_eq!(states(&format!("{CREATE}{folder}{SAY}")), these(["a=", "a=ab", "a=abcd"]));
    let failed = "1 fsync(3<{/d/a}>) = -1 EIO (Input/output error)\n";
    assert_eq!(states(&format!("{CREATE}{folder}{failed}{SAY}")), these(["a=", "a=ab", "a=abcd"]));
}

/// Of two threads, one writes while the other syncs: only what had ended before counts.
#[test]
fn a_write_during_a_sync_is_not_synced() {
    let during = r#"1 fsync(9<{/d}>) = 0
1 fsync(3<{/d/a}> <unfinished ...>
2 pwrite64(3<{/d/a}>, "{xy}", 2, 4) = 2
1 <... fsync resumed>) = 0
"#;
    let expected = these(["a=abcd", "a=abcdx", "a=abcdxy"]);
    assert_eq!(states(&format!("{CREATE}{during}{SAY}")), expected);
}

/// A number that one thread is giving up is another thread's already: it stands for the new file.
#[test]
fn a_number_is_taken_while_it_is_given_up() {
    let reused = r#"2 openat(AT_FDCWD<{/}>, "{/d/a}", O_RDWR) = 4<{/d/a}>
1 fsync(9<{/d}>) = 0
2 close(4<{/d/a}> <unfinished ...>
1 openat(AT_FDCWD<{/}>, "{/d/a}", O_RDWR) = 4<{/d/a}>
2 <... close resumed>) = 0
1 fsync(4<{/d/a}>) = 0
"#;
    assert_eq!(states(&format!("{CREATE}{reused}{SAY}")), these(["a=abcd"]));
}

/// An acknowledgement that is under way before the sync has ended is not covered by it.
#[test]
fn what_is_sent_counts_from_when_it_is_begun() {
    let early = r#"1 fsync(9<{/d}>) = 0
2 sendto(5<TCP:[127.0.0.1:1->127.0.0.1:2]>, "{ok}", 2, 0, NULL, 0 <unfinished ...>
1 fsync(3<{/d/a}>) = 0
2 <... sendto resumed>) = 2
"#;
    assert!(states(&format!("{CREATE}{early}")).contains("a="));
}

#[test]
fn a_rename_is_done_or_not_and_between_folders_by_half() {
    let synced = "1 fsync(3<{/d/a}>) = 0\n1 fsync(9<{/d}>) = 0\n";
    let rename = "1 rename(\"{/d/a}\", \"{/d/b}\") = 0\n";
    assert_eq!(states(&format!("{CREATE}{synced}{rename}{SAY}")), these(["a=abcd", "b=abcd"]));
    let away = r#"1 mkdirat(9<{/d}>, "{sub}", 0700) = 0
1 fsync(9<{/d}>) = 0
1 renameat2(9<{/d}>, "{a}", 9<{/d}>, "{sub/b}", RENAME_NOREPLACE) = 0
"#;
    assert_eq!(
        states(&format!("{CREATE}{synced}{away}{SAY}")),
        these(["", "a=abcd", "a=abcd sub/b=abcd", "sub/b=abcd"])
    );
    // A folder is renamed with what is in it.
    let whole = r#"1 rename("{/d/sub}", "{/d/new}") = 0
1 openat(AT_FDCWD<{/}>, "{/d/new}", O_RDONLY) = 8<{/d/new}>
1 fsync(8<{/d/new}>) = 0
1 unlink("{/d/new/b}") = 0
1 fsync(9<{/d}>) = 0
1 fsync(8<{/d/new}>) = 0
"#;
    assert_eq!(states(&format!("{CREATE}{synced}{away}{whole}{SAY}")), these([""]));
}

#[test]
fn a_removed_file_may_come_back() {
    let synced = "1 fsync(3<{/d/a}>) = 0\n1 fsync(9<{/d}>) = 0\n1 unlink(\"{/d/a}\") = 0\n";
    assert_eq!(states(&format!("{CREATE}{synced}{SAY}")), these(["", "a=abcd"]));
}

/// Where each write goes: by position, shared by copies of a descriptor, at the end, or as told.
#[test]
fn every_write_lands_where_it_was_written() {
    let writes = r#"1 fcntl(3<{/d/a}>, F_DUPFD_CLOEXEC, 3) = 4<{/d/a}>
1 write(4<{/d/a}>, "{ef}", 2) = 2
1 lseek(3<{/d/a}>, 1, SEEK_SET) = 1
1 read(4<{/d/a}>, "{b}", 1) = 1
1 writev(3<{/d/a}>, [{iov_base="{C}", iov_len=1}, {iov_base="{D}", iov_len=1}], 2) = 2
1 pwrite64(3<{/d/a}>, "{Z}", 1, 8) = 1
1 openat(AT_FDCWD<{/}>, "{/d/a}", O_WRONLY|O_APPEND) = 5<{/d/a}>
1 write(5<{/d/a}>, "{end}", 3) = 2
1 close(5<{/d/a}>) = 0
1 openat(AT_FDCWD<{/}>, "{/etc/a}", O_RDWR) = 5<{/etc/a}>
1 write(5<{/etc/a}>, "{none}", 4) = 4
1 fallocate(3<{/d/a}>, 0, 0, 13) = 0
1 fsync(3<{/d/a}>) = 0
1 fsync(9<{/d}>) = 0
"#;
    // The pieces of writev stand in braces of strace's own.
    let writes =
        writes.replace("[{iov", "[iov").replace("}], 2", "], 2").replace("1}, {iov", "1, iov");
    assert_eq!(states(&format!("{CREATE}{writes}{SAY}")), these(["a=abCDef..Zen.."]));
    let cut = r#"1 ftruncate(3<{/d/a}>, 2) = 0
1 fsync(3<{/d/a}>) = 0
1 fsync(9<{/d}>) = 0
"#;
    assert_eq!(states(&format!("{CREATE}{cut}{SAY}")), these(["a=ab"]));
    let anew = r#"1 openat(AT_FDCWD<{/}>, "{/d/a}", O_WRONLY|O_CREAT|O_TRUNC, 0600) = 5<{/d/a}>
1 fsync(5<{/d/a}>) = 0
1 fsync(9<{/d}>) = 0
"#;
    assert_eq!(states(&format!("{CREATE}{anew}{SAY}")), these(["a="]));
}

#[test]
fn what_was_there_before_is_there_and_can_be_lost() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("sub")).unwrap();
    fs::write(folder.path().join("sub/a"), "before").unwrap();
    let before = Before::of(folder.path()).unwrap();
    let trace = r#"1 openat(AT_FDCWD<{/}>, "{/d/sub/a}", O_WRONLY) = 3<{/d/sub/a}>
1 pwrite64(3<{/d/sub/a}>, "{XY}", 2, 0) = 2
1 fsync(3<{/d/sub/a}>) = 0
1 write(1<pipe:[7]>, "{ok}", 2) = 2
"#;
    let recording = Recording::read(&calls(trace), Path::new("/d"), before).unwrap();
    let place = folder.path().join("state");
    let check = |folder: &Path, _: &[()]| {
        assert_eq!(files(folder, "")["sub/a"], "XYfore");
        Ok(())
    };
    let replayed = Plan { stride: 3, ..Plan::default() }
        .replay(
            &recording,
            &place,
            |_| Some(()),
            |at, said| if said.is_empty() { Ok(()) } else { check(at, said) },
        )
        .unwrap();
    assert!(replayed.states >= 1);
}

/// What would make the replay another run than the recorded one.
#[test]
fn what_cannot_be_replayed_is_refused() {
    for (line, says) in [
        ("1 mmap(NULL, 9, PROT_READ|PROT_WRITE, MAP_SHARED, 3<{/d/a}>, 0) = 0x7f", "mmap of /d/a"),
        ("1 copy_file_range(5<{/x}>, NULL, 3<{/d/a}>, NULL, 9, 0) = 9", "copy_file_range of /d/a"),
        ("1 sendfile(3<{/d/a}>, 5<{/x}>, NULL, 9) = 9", "sendfile of /d/a"),
        ("1 truncate(\"{/d/a}\", 1) = 0", "truncate of /d/a"),
        (
            "1 openat(AT_FDCWD<{/}>, \"{/d}\", O_RDWR|O_TMPFILE, 0600) = 7<{/d/#1}>(deleted)",
            "openat of /d/#1",
        ),
        ("1 io_uring_setup(8, 0x1) = 7", "io_uring_setup of"),
        ("1 symlink(\"{/x}\", \"{/d/l}\") = 0", "symlink of"),
        (
            "1 renameat2(9<{/d}>, \"{a}\", 9<{/d}>, \"{b}\", RENAME_EXCHANGE) = 0",
            "renameat2 of /d/a",
        ),
        ("1 write(6<{/d/b}>, \"{x}\", 1) = 1", "/d/b is not known by write"),
        ("1 openat(AT_FDCWD<{/}>, \"{/d/b}\", O_RDWR) = 6<{/d/b}>", "/d/b is not known by openat"),
        ("1 write(3<{/d/a}>, \"{x}\"..., 9) = 9", "the data of write was cut short"),
    ] {
        let refused = read(&format!("{CREATE}{line}\n")).expect_err(line).to_string();
        assert!(refused.contains(says), "{line}: {refused}");
    }
    let index = "1 openat(AT_FDCWD<{/}>, \"{/d/x-shm}\", O_RDWR|O_CREAT, 0600) = 4<{/d/x-shm}>\n\
        1 pwrite64(4<{/d/x-shm}>, \"{x}\", 1, 9) = 1\n\
        1 mmap(NULL, 9, PROT_READ|PROT_WRITE, MAP_SHARED, 4<{/d/x-shm}>, 0) = 0x7f\n";
    let private = "1 mmap(NULL, 9, PROT_READ|PROT_WRITE, MAP_PRIVATE, 3<{/d/a}>, 0) = 0x7f\n";
    let recording = read(&format!("{CREATE}{index}{private}")).unwrap();
    assert_eq!(recording.events().count(), 2);
}
