//! The sandbox as a process: its directory, start on demand, stop.
