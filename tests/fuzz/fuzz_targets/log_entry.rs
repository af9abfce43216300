#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| hallmark_suites::fuzz::log::entry(bytes));
