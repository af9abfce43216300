use super::*;
use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;

fn secret() -> RecoverySecret {
    RecoverySecret::from_bytes(&[
        0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee,
        0xff,
    ])
}

fn code(secret: &RecoverySecret) -> Vec<&'static str> {
    secret.words().iter().collect()
}

fn parse(words: &[&str]) -> Result<[u8; 16], RecoveryError> {
    RecoverySecret::parse(&words.join(" ")).map(|secret| *secret.as_bytes())
}

#[test]
fn frozen() {
    assert_eq!(code(&secret()).join(" "), FROZEN);
    assert_eq!(parse(&code(&secret())), Ok(*secret().as_bytes()));
}
const FROZEN: &str = "abandon math mimic master filter design carbon crystal \
                      rookie group knife write neglect entire";

#[test]
fn case_white_space_and_prefixes() {
    let words = code(&secret());
    let shouted: Vec<_> = words.iter().map(|word| word.to_uppercase()).collect();
    let cut: Vec<_> = words.iter().map(|word| &word[..word.len().min(4)]).collect();
    for typed in [shouted.join("\n\t"), format!("  {}\r\n", words.join("   ")), cut.join("\u{a0}")]
    {
        assert_eq!(
            RecoverySecret::parse(&typed).map(|secret| *secret.as_bytes()),
            Ok(*secret().as_bytes()),
            "{typed}"
        );
    }
}

#[test]
fn every_word_of_the_list_has_its_own_four_letters() {
    for (index, word) in (0..).zip(Language::English.word_list()) {
        assert!(word.len() <= LONGEST_WORD);
        assert_eq!(index_of(word), Some(index));
        assert_eq!(index_of(&word[..word.len().min(PREFIX_LEN)]), Some(index), "{word}");
    }
    for unknown in ["", "a", "zzz", "abandom", "abandonn", "abandoned", "\u{e9}cole", "aba"] {
        assert_eq!(index_of(unknown), None, "{unknown}");
    }
}

#[test]
fn errors_name_positions() {
    let mut words = code(&secret());
    for found in [0, 13] {
        assert_eq!(parse(&words[..found]), Err(RecoveryError::WordCount { found }));
    }
    assert_eq!(
        parse(&[words.clone(), vec!["zoo"]].concat()),
        Err(RecoveryError::WordCount { found: 15 })
    );
    words[11] = "jewel";
    words[4] = "jewell";
    assert_eq!(parse(&words), Err(RecoveryError::UnknownWord { position: 5 }));
    let error = parse(&words).unwrap_err().to_string();
    assert!(error.contains("word 5 ") && !error.contains("jewell"), "{error}");
}

#[test]
fn swapped_and_mistyped_words_fail_the_checksum() {
    let words = code(&secret());
    for left in 0..WORDS {
        for right in left + 1..WORDS {
            let mut swapped = words.clone();
            swapped.swap(left, right);
            if swapped != words {
                assert_eq!(parse(&swapped), Err(RecoveryError::Checksum), "{left} {right}");
            }
        }
    }
    for position in 0..WORDS {
        for other in Language::English.word_list().iter().step_by(7) {
            let mut mistyped = words.clone();
            mistyped[position] = other;
            if mistyped != words {
                assert_eq!(parse(&mistyped), Err(RecoveryError::Checksum), "{mistyped:?}");
            }
        }
    }
}

#[test]
fn challenges_ask_for_two_words() {
    let mut rng = StdRng::seed_from_u64(3);
    let (words, spelled) = (secret().words(), code(&secret()));
    let mut seen = [0; WORDS];
    for _ in 0..2000 {
        let challenge = Challenge::new(&mut rng);
        let [first, second] = challenge.positions();
        assert!((1..=WORDS).contains(&first) && first < second && second <= WORDS);
        seen[first - 1] += 1;
        seen[second - 1] += 1;
        let (one, two) = (spelled[first - 1], spelled[second - 1]);
        assert!(words.answer(&challenge, [one, two]));
        assert!(words.answer(&challenge, [&one.to_uppercase(), &format!(" {two} ")]));
        assert!(!words.answer(&challenge, [one, "zoo"]) || two == "zoo");
        assert!(!words.answer(&challenge, ["zoo", two]) || one == "zoo");
        assert!(!words.answer(&challenge, [two, one]) || one == two);
        assert!(!words.answer(&challenge, [one, ""]));
    }
    assert!(seen.iter().all(|&times| (200..380).contains(&times)), "uniform: {seen:?}");
}

#[test]
fn debug_shows_nothing() {
    assert_eq!(format!("{:?}", secret()), "RecoverySecret(redacted)");
    assert_eq!(format!("{:?}", secret().words()), "RecoveryWords(redacted)");
}

proptest! {
    #[test]
    fn round_trip(bytes: [u8; 16]) {
        let secret = RecoverySecret::from_bytes(&bytes);
        prop_assert_eq!(parse(&code(&secret)), Ok(bytes));
    }
}
