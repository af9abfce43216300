use super::*;

const SAMPLE: &str = include_str!("../../../hallmarkd.toml");

/// The sample with what is commented out brought in: `#field = value` is a default, `#e.g. field =
/// value` an example of a field that has none.
fn uncommented(examples: bool) -> String {
    let line = |line: &str| match line.strip_prefix("#e.g. ") {
        Some(example) if examples => example.to_owned(),
        Some(_) => String::new(),
        None => match line.strip_prefix('#') {
            Some(field) if !field.starts_with(' ') => field.to_owned(),
            _ => line.to_owned(),
        },
    };
    SAMPLE.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_sample_changes_nothing_and_shows_every_default() {
    assert_eq!(toml::from_str::<Settings>(SAMPLE).expect("as it is"), Settings::default());
    let shown = uncommented(false);
    assert_eq!(toml::from_str::<Settings>(&shown).expect("brought in"), Settings::default());
    let shown: toml::Table = toml::from_str(&shown).expect("a table");
    let defaults = toml::Table::try_from(Settings::default()).expect("our own types are TOML");
    assert_eq!(shown, defaults, "a field or its default is missing in the sample");
}

#[test]
fn the_examples_of_the_sample_can_be_used() {
    let all: Settings = toml::from_str(&uncommented(true)).expect("brought in");
    assert!(all.tls.is_some() && all.key_file.is_some() && all.metrics_listen.is_some());
    assert_eq!(all.check().map_err(|error| error.to_string()), Ok(()));
}

#[test]
fn a_field_that_is_not_known_is_refused_with_its_line() {
    for text in ["\n\ntls_certificate = \"x\"\n", "\n[limits]\nmax_conections = 1\n"] {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("hallmarkd.toml");
        std::fs::write(&path, text).expect("written");
        let error = Settings::read(&path).expect_err("unknown");
        let why = std::error::Error::source(&error).expect("a cause").to_string();
        assert!(why.contains("line 3"), "{why}");
    }
}

#[test]
fn plain_http_is_not_spoken_where_others_listen_in() {
    let listen = "192.0.2.1:8470".parse().expect("an address");
    let open = Settings { listen, authorities: vec!["v.example".into()], ..Settings::default() };
    assert!(matches!(open.check(), Err(ConfigError::PlainHttp { .. })));
    assert!(Settings { behind_proxy: true, ..open.clone() }.check().is_ok());
    let nameless = Settings { behind_proxy: true, authorities: vec![], ..open };
    assert!(matches!(nameless.check(), Err(ConfigError::Nameless { .. })));
    assert!(Settings::default().check().is_ok());
}

#[test]
fn a_limit_beyond_what_is_read_is_refused() {
    let check = |change: fn(&mut Limits, u64), value| {
        let mut settings = Settings::default();
        change(&mut settings.limits, value);
        settings.check().map_err(|error| error.to_string())
    };
    let json = |limits: &mut Limits, value| limits.max_json_bytes = value;
    let part = |limits: &mut Limits, value| limits.max_part_bytes = value;
    assert_eq!(check(json, 8 << 20), Ok(()));
    let refused = "limits.max_json_bytes must be at most 8388608".to_owned();
    assert_eq!(check(json, (8 << 20) + 1), Err(refused));
    assert_eq!(check(part, 4_198_400), Ok(()));
    let refused = "limits.max_part_bytes must be at most 4198400".to_owned();
    assert_eq!(check(part, 4_198_401), Err(refused));
    let bodies = |limits: &mut Limits, value| limits.max_bodies_bytes = value;
    assert_eq!(check(bodies, 8 << 20), Ok(()));
    let refused =
        "limits.max_bodies_bytes must be at least max_json_bytes and max_part_bytes".to_owned();
    assert_eq!(check(bodies, (8 << 20) - 1), Err(refused));
    let answers = |limits: &mut Limits, value| limits.max_answers_bytes = value;
    assert_eq!(check(answers, 32 << 20), Ok(()));
    let refused = "limits.max_answers_bytes must be at least 33554432".to_owned();
    assert_eq!(check(answers, (32 << 20) - 1), Err(refused));
    let rate = |limits: &mut Limits, value| limits.send_min_bytes_per_s = value;
    let refused = "limits.send_min_bytes_per_s must be at least 1".to_owned();
    assert_eq!(check(rate, 0), Err(refused));
}

#[test]
fn the_key_lies_beside_the_data() {
    for (data, key) in [("/srv/vault/", "/srv/vault.key"), ("data", "data.key")] {
        let settings = Settings { data: data.into(), ..Settings::default() };
        assert_eq!(settings.key_file(), PathBuf::from(key));
    }
}

#[test]
fn a_body_has_more_time_the_more_of_it_is_there() {
    let limits = Limits::default();
    assert_eq!(limits.body_time(0), Duration::from_secs(20));
    assert_eq!(limits.body_time(40_960), Duration::from_secs(30));
    assert!(limits.body_time(u64::MAX) > Duration::from_secs(3600));
}
