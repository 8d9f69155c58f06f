#![no_main]
libfuzzer_sys::fuzz_target!(|text: &[u8]| switchboard::backend::ucwa::fuzz::data_uri(text));
