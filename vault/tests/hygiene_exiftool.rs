//! The same promises, checked with programs nobody here wrote: ExifTool and FFmpeg write files with
//! secrets in them, and after cleaning ExifTool finds none and FFmpeg decodes the same pictures and
//! sound.
//!
//! Debian packages: `libimage-exiftool-perl` and `ffmpeg`; `libheif-examples`, `webp` and `qpdf` for
//! HEIC, WebP and PDF. What is missing is named and skipped.

use std::fs::{self, File};
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::process::Command;

use hallmark_vault::hygiene::{Cleaning, Outcome, Policy, Trace, clean};

const SECRETS: [&str; 3] = ["Rosa Diamanti", "SN4711", "GPS"];

/// Whether a program is there; says so if not.
fn have(program: &str, package: &str) -> bool {
    let found = Command::new(program).arg("-version").output().is_ok();
    if !found {
        eprintln!("skipped: {program} not installed (Debian: {package})");
    }
    found
}

fn have_both() -> bool {
    have("exiftool", "libimage-exiftool-perl") && have("ffmpeg", "ffmpeg")
}

/// Runs a program and answers what it printed.
fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().expect("the program starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {text}{errors}");
    text
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a temporary path is UTF-8")
}

/// Everything ExifTool finds, in embedded streams too, without what it says of the file itself.
fn facts(path: &Path) -> String {
    let all = run("exiftool", &["-a", "-u", "-ee", "-G1", "-s", text(path)]);
    let own = |line: &&str| !line.starts_with("[System]") && !line.starts_with("[ExifTool]");
    all.lines().filter(own).collect::<Vec<_>>().join("\n")
}

/// A digest of what FFmpeg decodes.
fn decoded(path: &Path) -> String {
    run(
        "ffmpeg",
        &[
            "-v",
            "error",
            "-noautorotate",
            "-i",
            text(path),
            "-map",
            "0:v?",
            "-map",
            "0:a?",
            "-f",
            "md5",
            "-",
        ],
    )
}

fn cleaned(path: &Path) -> (Cleaning, PathBuf) {
    let mut source = File::open(path).expect("opens");
    let size_bytes = source.metadata().expect("has a size").len();
    let name = format!("clean-{}", path.file_name().expect("has a name").to_string_lossy());
    let to = path.with_file_name(name);
    let mut out = File::create(&to).expect("creates");
    let cleaning = clean(&mut source, size_bytes, &mut out, Policy::Remove).expect("cleans");
    (cleaning, to)
}

/// Cleans a file in which ExifTool finds secrets, and expects it to find none afterwards.
fn expect_no_secrets(path: &Path) -> (Cleaning, PathBuf) {
    let before = facts(path);
    assert!(before.contains("Rosa Diamanti"), "control: {before}");
    let (cleaning, to) = cleaned(path);
    assert_eq!(cleaning.outcome, Outcome::Removed);
    let after = facts(&to);
    for secret in SECRETS {
        assert!(!after.contains(secret), "{secret} is still in {}:\n{after}", to.display());
    }
    assert!(!after.contains("Error"), "{after}");
    let bytes = fs::read(&to).expect("reads");
    assert!(!bytes.windows(13).any(|window| window == b"Rosa Diamanti"), "in the bytes");
    let mut again = Vec::new();
    let second = clean(&mut Cursor::new(&bytes), bytes.len() as u64, &mut again, Policy::Remove);
    assert_eq!(second.expect("cleans").outcome, Outcome::Clean);
    assert!(again == bytes, "cleaning twice changed it");
    (cleaning, to)
}

/// Writes every secret ExifTool can write into a picture.
fn write_secrets(path: &Path) {
    run(
        "exiftool",
        &[
            "-q",
            "-m",
            "-overwrite_original",
            "-GPSLatitude=48.8566",
            "-GPSLatitudeRef=N",
            "-GPSLongitude=2.3522",
            "-GPSLongitudeRef=E",
            "-EXIF:SerialNumber=SN4711",
            "-EXIF:LensSerialNumber=SN4711",
            "-EXIF:OwnerName=Rosa Diamanti",
            "-EXIF:Artist=Rosa Diamanti",
            "-EXIF:Copyright=Rosa Diamanti",
            "-EXIF:UserComment=Rosa Diamanti",
            "-XMP:Creator=Rosa Diamanti",
            "-XMP:GPSLatitude=48.8566",
            "-XMP:SerialNumber=SN4711",
            "-IPTC:By-line=Rosa Diamanti",
            "-Comment=Rosa Diamanti",
            "-EXIF:Orientation#=6",
            text(path),
        ],
    );
}

fn picture(folder: &Path, name: &str) -> PathBuf {
    let path = folder.join(name);
    let size = "testsrc2=size=320x240:duration=1:rate=1";
    run("ffmpeg", &["-v", "error", "-f", "lavfi", "-i", size, "-frames:v", "1", text(&path)]);
    path
}

#[test]
fn jpeg_and_png() {
    if !have_both() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["a.jpg", "a.png"] {
        let path = picture(folder.path(), name);
        write_secrets(&path);
        let (cleaning, to) = expect_no_secrets(&path);
        assert!(cleaning.removed.contains(&Trace::ExifGps), "{:?}", cleaning.removed);
        assert_eq!(run("exiftool", &["-n", "-s3", "-Orientation", text(&to)]).trim(), "6");
        assert_eq!(decoded(&to), decoded(&path));
        let validate = run("exiftool", &["-validate", "-s3", text(&to)]);
        assert!(!validate.to_lowercase().contains("error"), "{validate}");
    }
}

#[test]
fn webp() {
    if !have_both() || !have("cwebp", "webp") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let png = picture(folder.path(), "a.png");
    let path = folder.path().join("a.webp");
    run("cwebp", &["-quiet", text(&png), "-o", text(&path)]);
    write_secrets(&path);
    let (cleaning, to) = expect_no_secrets(&path);
    assert!(cleaning.removed.contains(&Trace::ExifGps));
    assert_eq!(run("exiftool", &["-n", "-s3", "-Orientation", text(&to)]).trim(), "6");
    assert_eq!(decoded(&to), decoded(&path));
}

#[test]
fn heic() {
    if !have_both() || !have("heif-enc", "libheif-examples") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let png = picture(folder.path(), "a.png");
    let path = folder.path().join("a.heic");
    let encoded = Command::new("heif-enc").args([text(&png), "-o", text(&path)]).output();
    if !encoded.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: heif-enc cannot write HEIC here");
        return;
    }
    write_secrets(&path);
    let (cleaning, to) = expect_no_secrets(&path);
    assert!(cleaning.removed.contains(&Trace::ExifGps) && cleaning.removed.contains(&Trace::Xmp));
    let pixels = |path: &Path| {
        let png = path.with_extension("out.png");
        run("heif-convert", &[text(path), text(&png)]);
        decoded(&png)
    };
    assert_eq!(pixels(&to), pixels(&path));
}

#[test]
fn sound() {
    if !have_both() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let cover = picture(folder.path(), "cover.jpg");
    let cases: [(&str, &[&str], Trace); 6] = [
        ("a.mp3", &["-c:a", "libmp3lame", "-write_id3v1", "1"], Trace::Id3),
        ("a.ogg", &["-c:a", "libvorbis"], Trace::VorbisComment),
        ("a.opus", &["-c:a", "libopus"], Trace::VorbisComment),
        ("a.flac", &["-c:a", "flac"], Trace::VorbisComment),
        ("a.wav", &["-c:a", "pcm_s16le", "-write_bext", "1"], Trace::RiffInfo),
        ("a.m4a", &["-c:a", "aac"], Trace::Mp4UserData),
    ];
    for (name, codec, trace) in cases {
        let path = folder.path().join(name);
        let mut arguments =
            vec!["-v", "error", "-f", "lavfi", "-i", "sine=frequency=440:duration=3"];
        let with_cover = matches!(name, "a.mp3" | "a.flac");
        if with_cover {
            arguments.extend(["-i", text(&cover), "-map", "0:a", "-map", "1:v", "-c:v", "copy"]);
            arguments.extend(["-disposition:v", "attached_pic"]);
        }
        arguments.extend(codec);
        arguments.extend(["-metadata", "artist=Rosa Diamanti", "-metadata", "comment=SN4711"]);
        arguments.extend(["-metadata", "originator=Rosa Diamanti", text(&path)]);
        run("ffmpeg", &arguments);
        let (cleaning, to) = expect_no_secrets(&path);
        assert!(cleaning.removed.contains(&trace), "{name}: {:?}", cleaning.removed);
        let sound = |path: &Path| {
            run("ffmpeg", &["-v", "error", "-i", text(path), "-map", "0:a", "-f", "md5", "-"])
        };
        assert_eq!(sound(&to), sound(&path), "{name}");
        let streams = |path: &Path| {
            run(
                "ffprobe",
                &["-v", "error", "-show_entries", "stream=codec_type", "-of", "csv", text(path)],
            )
        };
        assert!(!streams(&to).contains("video"), "the cover is gone");
        assert_eq!(streams(&path).contains("video"), with_cover, "control");
    }
}

#[test]
fn video() {
    if !have_both() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    for (name, flags) in [
        ("a.mp4", "+faststart"),
        ("b.mp4", "+use_metadata_tags"),
        ("c.mp4", "+frag_keyframe+empty_moov"),
        ("a.mov", "+faststart"),
    ] {
        let path = folder.path().join(name);
        run(
            "ffmpeg",
            &[
                "-v",
                "error",
                "-f",
                "lavfi",
                "-i",
                "testsrc2=size=320x240:duration=2:rate=10",
                "-f",
                "lavfi",
                "-i",
                "sine=frequency=440:duration=2",
                "-c:v",
                "libx264",
                "-pix_fmt",
                "yuv420p",
                "-c:a",
                "aac",
                "-movflags",
                flags,
                "-metadata",
                "artist=Rosa Diamanti",
                "-metadata",
                "comment=SN4711",
                "-metadata",
                "location=+48.8566+002.3522/",
                "-metadata",
                "title=Rosa Diamanti",
                text(&path),
            ],
        );
        if name == "a.mp4" || name == "a.mov" {
            run(
                "exiftool",
                &[
                    "-q",
                    "-m",
                    "-overwrite_original",
                    "-XMP:Creator=Rosa Diamanti",
                    "-Keys:GPSCoordinates=48.8566 2.3522",
                    "-UserData:GPSCoordinates=48.8566 2.3522",
                    "-Keys:Author=Rosa Diamanti",
                    text(&path),
                ],
            );
        }
        let (cleaning, to) = expect_no_secrets(&path);
        assert!(cleaning.removed.contains(&Trace::Mp4UserData), "{name}: {:?}", cleaning.removed);
        if name.starts_with("a.") {
            assert!(
                cleaning.removed.contains(&Trace::Mp4Location),
                "{name}: {:?}",
                cleaning.removed
            );
        }
        assert_eq!(decoded(&to), decoded(&path), "{name}");
        let size = |path: &Path| fs::metadata(path).expect("has a size").len();
        assert_eq!(size(&to), size(&path), "nothing moved");
    }
}

#[test]
fn pdf() {
    if !have("exiftool", "libimage-exiftool-perl") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.pdf");
    fs::write(&path, small_pdf()).expect("writes");
    for author in ["Rosa Diamanti", "Rosa Diamanti again"] {
        let author = format!("-PDF:Author={author}");
        run(
            "exiftool",
            &[
                "-q",
                "-overwrite_original",
                &author,
                "-PDF:Title=SN4711",
                "-PDF:CreateDate=2024:01:01 00:00:00",
                "-XMP:Creator=Rosa Diamanti",
                text(&path),
            ],
        );
    }
    let (cleaning, to) = expect_no_secrets(&path);
    assert_eq!(cleaning.removed, [Trace::PdfInfo, Trace::PdfXmp]);
    if have("qpdf", "qpdf") {
        let check = Command::new("qpdf").args(["--check", text(&to)]).output().expect("starts");
        assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stderr));
        // As another program writes it: compressed objects, deflated metadata.
        let compressed = folder.path().join("b.pdf");
        run(
            "qpdf",
            &["--object-streams=generate", "--compress-streams=y", text(&path), text(&compressed)],
        );
        let (cleaning, to) = cleaned(&compressed);
        let after = facts(&to);
        if after.contains("Rosa Diamanti") {
            assert!(cleaning.reveals.contains(&Trace::PdfInfo), "left and not named: {after}");
        }
        run("qpdf", &["--check", text(&to)]);
    }
}

/// One empty page, with a right cross-reference table.
fn small_pdf() -> Vec<u8> {
    let objects = [
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]>>",
    ];
    let mut out = "%PDF-1.4\n".to_owned();
    let mut table = "0000000000 65535 f \n".to_owned();
    for (index, object) in objects.iter().enumerate() {
        table += &format!("{:010} 00000 n \n", out.len());
        out += &format!("{} 0 obj\n{object}\nendobj\n", index + 1);
    }
    let at = out.len();
    out += &format!("xref\n0 4\n{table}trailer\n<</Size 4/Root 1 0 R>>\nstartxref\n{at}\n%%EOF\n");
    out.into_bytes()
}
