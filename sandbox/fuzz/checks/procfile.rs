//! Whatever a bundle's Procfile holds: it is read or refused, and what is read means the same when it is written again.

pub fn check(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(processes) = beanstalk_procfile::parse(text) else {
        return;
    };
    let main = beanstalk_procfile::main(&processes).expect("there is none only where there are no processes");
    assert!(processes.contains(&main));
    for (index, process) in processes.iter().enumerate() {
        let is_of_a_name = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
        assert!(!process.name.is_empty() && process.name.chars().all(is_of_a_name));
        assert!(!process.command.trim().is_empty() && !process.command.contains('\n'));
        assert!(processes[..index].iter().all(|other| other.name != process.name));
    }
    let lines = processes
        .iter()
        .map(|process| format!("{}: {}\n", process.name, process.command));
    assert_eq!(
        beanstalk_procfile::parse(&lines.collect::<String>()).as_ref(),
        Ok(&processes)
    );
}
