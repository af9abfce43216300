//! The `hallmark` binary.

fn main() -> std::process::ExitCode {
    hallmark_cli::main()
}
