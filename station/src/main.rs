//! The program `counterpart`: a station of one organisation, and the commands that speak to it.

fn main() -> std::process::ExitCode {
    counterpart::cli::main()
}
