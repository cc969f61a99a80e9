//! What the kernel tells of the processes below one: who they are, and the CPU time that they have used.
//! Must know nothing of instances. Where there is no /proc, there are no processes to be seen.

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// Looks for processes that are to end, at most; and the pause between two.
const LOOKS: usize = 200;
const PAUSE: Duration = Duration::from_millis(10);

/// `/proc/PID/stat` counts in this many ticks a second (USER_HZ).
const TICKS: u64 = 100;

/// A process at the moment of a look.
#[derive(Debug, Clone)]
pub(super) struct Process {
    pub pid: Pid,
    pub parent: i32,
    pub threads: u32,
    pub has_ended: bool,
    /// CPU time of all its threads, those that have ended included.
    pub own: Duration,
    /// CPU time of the children that it has waited for, and of theirs.
    pub of_children: Duration,
}

/// Every descendant of a process, parents before their children.
pub(super) fn below(root: Pid) -> Vec<Process> {
    let mut found: Vec<Process> = Vec::new();
    let mut waiting = children(root);
    while let Some(pid) = waiting.pop() {
        // One that has ended meanwhile is in its parent's account.
        if let Some(process) = read(pid) {
            waiting.extend(children(pid));
            found.push(process);
        }
    }
    found
}

/// The same without those that have ended and that only their parents can take off the process table.
pub(super) fn alive_below(root: Pid) -> Vec<Pid> {
    let alive = below(root).into_iter().filter(|process| !process.has_ended);
    alive.map(|process| process.pid).collect()
}

/// Every process of the machine. Where there is no /proc, there are none to be found this way.
pub(super) fn all() -> Vec<Pid> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| pid_of(entry.file_name().to_str()?))
        .collect()
}

/// Those that run as a user and have not ended.
pub(super) fn of_user(id: u32) -> Vec<Pid> {
    let is_its = |pid: &Pid| {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let field = |name| status.lines().find_map(|line| line.strip_prefix(name));
        let users = field("Uid:").unwrap_or_default().split_whitespace();
        users.filter_map(|user| user.parse().ok()).any(|user: u32| user == id)
            && !field("State:").is_some_and(|state| state.trim_start().starts_with(['Z', 'X']))
    };
    let mut found = all();
    found.retain(is_its);
    found
}

/// Kills what `find` finds until it finds nothing: a process may fork while it is looked for, and be overlooked once.
pub(super) fn end_all(find: impl Fn() -> Vec<Pid>) {
    let mut nothing = 0;
    for _ in 0..LOOKS {
        let found = find();
        nothing = if found.is_empty() { nothing + 1 } else { 0 };
        if nothing == 2 {
            return;
        }
        for pid in found {
            // It may have ended by itself.
            let _ = kill_process(pid, Signal::KILL);
        }
        if nothing == 0 {
            std::thread::sleep(PAUSE);
        }
    }
}

/// One process; `None` if it is gone.
pub(super) fn read(pid: Pid) -> Option<Process> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the program's name in parentheses, which may hold anything.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
    let ticks = |first: usize| {
        Some(Duration::from_millis(
            (number(first)? + number(first + 1)?) * 1000 / TICKS,
        ))
    };
    Some(Process {
        pid,
        parent: fields.get(1)?.parse().ok()?,
        threads: u32::try_from(number(17)?).unwrap_or(1),
        has_ended: matches!(fields.first(), Some(&("Z" | "X"))),
        // Ticks are coarse, but know of threads that have ended; schedstat is exact.
        own: ticks(11)?.max(scheduled(pid)),
        of_children: ticks(13)?,
    })
}

/// Nanoseconds on a processor, of the threads that are there.
fn scheduled(pid: Pid) -> Duration {
    let time = |thread: Pid| {
        let text = std::fs::read_to_string(format!("/proc/{pid}/task/{thread}/schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<u64>().ok()
    };
    Duration::from_nanos(threads(pid).into_iter().filter_map(time).sum())
}

fn children(pid: Pid) -> Vec<Pid> {
    let of_thread = |thread: Pid| std::fs::read_to_string(format!("/proc/{pid}/task/{thread}/children"));
    let texts = threads(pid).into_iter().filter_map(|thread| of_thread(thread).ok());
    texts
        .flat_map(|text| text.split_whitespace().filter_map(pid_of).collect::<Vec<_>>())
        .collect()
}

fn threads(pid: Pid) -> Vec<Pid> {
    let Ok(tasks) = std::fs::read_dir(format!("/proc/{pid}/task")) else {
        return Vec::new();
    };
    let names = tasks.flatten().map(|task| task.file_name());
    names.filter_map(|name| pid_of(name.to_str()?)).collect()
}

fn pid_of(text: &str) -> Option<Pid> {
    Pid::from_raw(text.parse().ok()?)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn grandchildren_are_found_and_what_they_burn_is_counted() {
        let burn = "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; sleep 60";
        let mut child = Command::new("/bin/sh")
            .args(["-c", &format!("sh -c '{burn}' & wait")])
            .spawn()
            .unwrap();
        let root = Pid::from_child(&child);
        let sleeps = |found: &[Process]| found.len() == 2 && found.iter().any(|it| it.own > Duration::from_millis(5));
        let began = std::time::Instant::now();
        while !sleeps(&below(root)) {
            assert!(began.elapsed() < Duration::from_secs(20), "{:?}", below(root));
            std::thread::sleep(Duration::from_millis(10));
        }
        for process in below(root) {
            rustix::process::kill_process(process.pid, rustix::process::Signal::KILL).unwrap();
        }
        child.wait().unwrap();
        assert!(below(root).is_empty());
    }
}
