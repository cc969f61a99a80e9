//! An instance's supervisor as a program of its own: what the sandbox's tests run, as the daemon runs a hidden command.

fn main() -> std::process::ExitCode {
    confctl_sandbox::supervisor_main()
}
