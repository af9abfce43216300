//! Folders.

use std::{collections::BTreeSet, fs, path::Path};

use hallmark_suites::blindness::{Canaries, Form, Leak, Packing, Place, Search, Subject, leak};
use rand::{Rng, SeedableRng, rngs::StdRng};

use super::canaries;

fn found(search: &Search, folder: &Path) -> BTreeSet<Leak> {
    let hits = search.in_folder(folder).unwrap().hits;
    let as_leak = hits.into_iter().map(|hit| Leak {
        place: hit.place,
        kind: hit.found.kind,
        number: hit.found.number,
        subject: hit.found.subject,
        form: hit.found.form,
        packing: hit.found.packing,
    });
    as_leak.collect()
}

/// The control: every canary in every form, in every packing and in names.
#[test]
fn everything_that_leaks_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let leaked = leak(folder.path(), &canaries()).unwrap();
    let found = found(&Search::new(&canaries()).unwrap(), folder.path());
    let missed: Vec<_> = leaked.iter().filter(|leak| !found.contains(leak)).collect();
    assert!(missed.is_empty(), "{} of {} missed: {missed:#?}", missed.len(), leaked.len());

    // And everything was leaked.
    for (kind, number, _) in canaries().iter() {
        for form in Form::ALL {
            for packing in [Packing::None, Packing::Deflate, Packing::Zlib, Packing::Gzip] {
                let this = |leak: &&Leak| {
                    (leak.kind.as_str(), leak.number) == (kind, number)
                        && (leak.subject, leak.form, leak.packing) == (Subject::Text, form, packing)
                };
                assert!(leaked.iter().find(this).is_some(), "{kind} {number} {form:?} {packing:?}");
            }
        }
    }
    let key = leaked.iter().filter(|leak| leak.subject == Subject::Bytes);
    assert_eq!(key.map(|leak| leak.form).collect::<BTreeSet<_>>().len(), 9);
    eprintln!("{} leaks found", leaked.len());
}

#[test]
fn nothing_is_found_in_chance() {
    let (leaky, random) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let leaked = leak(leaky.path(), &canaries()).unwrap();
    let mut rng = StdRng::seed_from_u64(1);
    for n in 0..leaked.len() {
        let mut content = vec![0; 1500];
        rng.fill_bytes(&mut content);
        fs::write(random.path().join(n.to_string()), content).unwrap();
    }
    let mut large = vec![0; 8 << 20];
    rng.fill_bytes(&mut large);
    fs::write(random.path().join("large"), large).unwrap();
    let searched = Search::new(&canaries()).unwrap().in_folder(random.path()).unwrap();
    assert_eq!((searched.hits, searched.places), (Vec::new(), leaked.len() + 1));
}

#[test]
fn a_stream_that_is_cut_short_counts_as_far_as_it_goes() {
    let canary = canaries();
    let (.., value) = canary.iter().next().unwrap();
    let text = [value, &"and so on ".repeat(5000)].concat();
    let stream = miniz_oxide::deflate::compress_to_vec(text.as_bytes(), 6);
    let search = Search::new(&canary).unwrap();
    for cut in [&stream[..], &stream[..stream.len() / 2 + 40]] {
        assert!(search.in_bytes(cut).iter().any(|found| found.packing == Packing::Deflate));
    }
}

/// What a quick look at a beginning must not rule out: a repetition that reaches far, and a block
/// with nothing in it, as a flush writes one.
#[test]
fn short_streams_and_empty_blocks_are_inflated() {
    let canaries =
        Canaries::parse(br#"{"short": ["abababababab", "abcabcabcabcabc", "aaaaaaaaaaaaaa"]}"#)
            .unwrap();
    let search = Search::new(&canaries).unwrap();
    for (_, _, value) in canaries.iter() {
        let stream = miniz_oxide::deflate::compress_to_vec(value.as_bytes(), 6);
        assert!(stream.len() < value.len(), "a repetition");
        let bits = stream.iter().flat_map(|byte| (0..8).map(move |at| byte >> at & 1));
        // Not the last, the fixed code, its end.
        let flushed: Vec<u8> = [0, 1, 0].into_iter().chain([0; 7]).chain(bits).collect();
        let flushed =
            flushed.chunks(8).map(|bits| bits.iter().enumerate().map(|(at, bit)| bit << at).sum());
        for stream in [stream, flushed.collect()] {
            let streams = search.in_bytes(&stream);
            assert!(streams.iter().any(|found| found.packing == Packing::Deflate), "{stream:x?}");
        }
    }
}

#[test]
fn a_folder_that_cannot_be_read_is_not_called_clean() {
    let folder = tempfile::tempdir().unwrap();
    let search = Search::new(&canaries()).unwrap();
    assert!(search.in_folder(&folder.path().join("missing")).is_err());
    fs::write(folder.path().join("file"), b"").unwrap();
    assert_eq!(search.in_folder(folder.path()).unwrap().places, 1);
    // A link is what it points to by name, and is not followed.
    std::os::unix::fs::symlink("wedding-ring-invoice.pdf", folder.path().join("link")).unwrap();
    let hits = search.in_folder(folder.path()).unwrap().hits;
    assert!(hits.iter().all(|hit| hit.place == Place::File("link".into())) && !hits.is_empty());
}
