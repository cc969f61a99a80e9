//! Files of a folder whose owner may change it at any moment, opened so that no link leads out of it.
//! Must know nothing of bundles. What is decided of a file is decided by its descriptor: a path that was looked at may be another
//! file when it is opened.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;
use std::path::{Component, Path};

use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;

use super::user::User;

/// No text that the platform reads of a bundle is longer.
const LONGEST_TEXT: u64 = 1024 * 1024;

/// A folder of an instance's user.
pub(super) struct Folder {
    descriptor: OwnedFd,
    user: User,
}

impl Folder {
    /// The folder at a path that the user cannot change.
    pub(super) fn open(path: &Path, user: User) -> io::Result<Self> {
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let descriptor = rustix::fs::open(path, flags, Mode::empty())?;
        Ok(Self { descriptor, user })
    }

    /// A file of the user's own, which is no pipe that never ends and no link to what is another's.
    pub(super) fn file(&self, path: &Path, access: OFlags) -> io::Result<File> {
        let file = self.find(path, access | OFlags::NONBLOCK | OFlags::NOCTTY)?;
        let found = rustix::fs::fstat(&file)?;
        if FileType::from_raw_mode(found.st_mode) != FileType::RegularFile {
            return Err(io::Error::other("it is no file"));
        }
        if self.user.id().is_some_and(|id| id != found.st_uid) {
            return Err(io::Error::other("it is not the bundle's"));
        }
        Ok(file.into())
    }

    /// Whether there is such a file.
    pub(super) fn has(&self, path: &Path) -> bool {
        self.file(path, OFlags::RDONLY).is_ok()
    }

    pub(super) fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let mut content = Vec::new();
        let file = self.file(path, OFlags::RDONLY)?;
        file.take(LONGEST_TEXT + 1).read_to_end(&mut content)?;
        if content.len() as u64 > LONGEST_TEXT {
            return Err(io::Error::other("it is longer than a megabyte"));
        }
        Ok(content)
    }

    pub(super) fn read_to_string(&self, path: &Path) -> io::Result<String> {
        String::from_utf8(self.read(path)?).map_err(io::Error::other)
    }

    /// What is in a folder of the folder, in order, and whether that is a folder; nothing where it is not there.
    pub(super) fn names(&self, path: &Path) -> io::Result<Vec<(OsString, bool)>> {
        let folder = match self.find(path, OFlags::RDONLY | OFlags::DIRECTORY) {
            Ok(folder) => folder,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::read_from(&folder)? {
            let entry = entry?;
            let name = OsString::from_vec(entry.file_name().to_bytes().to_vec());
            if name != "." && name != ".." {
                names.push((name, entry.file_type() == FileType::Directory));
            }
        }
        names.sort();
        Ok(names)
    }

    fn find(&self, path: &Path, flags: OFlags) -> io::Result<OwnedFd> {
        match self.resolve(path, flags | OFlags::CLOEXEC) {
            Ok(found) => Ok(found),
            Err(Errno::XDEV | Errno::LOOP) => Err(io::Error::other("a link leads out of the bundle")),
            Err(error) => Err(error.into()),
        }
    }

    /// Links within the folder are the bundle's and are followed: the kernel sees to it that none leaves (openat2(2), since
    /// Linux 5.6).
    #[cfg(target_os = "linux")]
    fn resolve(&self, path: &Path, flags: OFlags) -> rustix::io::Result<OwnedFd> {
        use rustix::fs::{ResolveFlags, openat2};
        let beneath = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        match openat2(&self.descriptor, path, flags, Mode::empty(), beneath) {
            // Somebody renames folders at this moment, or there is no such call: then step by step.
            Err(Errno::AGAIN | Errno::NOSYS | Errno::PERM) => self.walk(path, flags),
            other => other,
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn resolve(&self, path: &Path, flags: OFlags) -> rustix::io::Result<OwnedFd> {
        self.walk(path, flags)
    }

    /// Follows no link at all.
    fn walk(&self, path: &Path, flags: OFlags) -> rustix::io::Result<OwnedFd> {
        let mut found = rustix::io::fcntl_dupfd_cloexec(&self.descriptor, 0)?;
        let mut steps = path.components().peekable();
        while let Some(step) = steps.next() {
            let Component::Normal(name) = step else {
                return Err(Errno::XDEV);
            };
            let on_the_way = OFlags::DIRECTORY | OFlags::CLOEXEC;
            let flags = if steps.peek().is_some() { on_the_way } else { flags };
            found = rustix::fs::openat(&found, name, flags | OFlags::NOFOLLOW, Mode::empty())?;
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_are_followed_within_the_folder_and_never_out_of_it() {
        let place = tempfile::tempdir().unwrap();
        let (folder, secret) = (place.path().join("folder"), place.path().join("secret"));
        std::fs::create_dir_all(folder.join("a/b")).unwrap();
        std::fs::write(folder.join("a/b/text"), "ours").unwrap();
        std::fs::write(&secret, "theirs").unwrap();
        symlink("b/text", folder.join("a/inside")).unwrap();
        symlink("../../secret", folder.join("a/up")).unwrap();
        symlink(&secret, folder.join("absolute")).unwrap();
        symlink("..", folder.join("above")).unwrap();
        let opened = Folder::open(&folder, User::Sandbox).unwrap();
        let read = |path: &str| opened.read_to_string(Path::new(path)).map_err(|why| why.to_string());
        assert_eq!(read("a/b/text").as_deref(), Ok("ours"));
        if cfg!(target_os = "linux") {
            assert_eq!(read("a/inside").as_deref(), Ok("ours"));
        }
        for path in ["a/up", "absolute", "above/secret", "../secret"] {
            assert_eq!(read(path).unwrap_err(), "a link leads out of the bundle", "{path}");
        }
        assert_eq!(read("a").unwrap_err(), "it is no file");
        // As where the kernel cannot do it.
        let stepwise = |path: &str| opened.walk(Path::new(path), OFlags::RDONLY).map(drop);
        assert_eq!(stepwise("a/b/text"), Ok(()));
        for path in ["a/inside", "a/up", "absolute", "above/secret", "../secret"] {
            assert!(stepwise(path).is_err(), "{path}");
        }
        assert!(Folder::open(&folder.join("above"), User::Sandbox).is_err());
    }

    #[test]
    fn a_pipe_keeps_nobody_waiting_and_what_has_no_end_is_not_read() {
        let place = tempfile::tempdir().unwrap();
        let made = std::process::Command::new("mkfifo")
            .arg(place.path().join("pipe"))
            .status();
        assert!(made.unwrap().success());
        let long = File::create(place.path().join("long")).unwrap();
        long.set_len(1 << 40).unwrap();
        let folder = Folder::open(place.path(), User::Sandbox).unwrap();
        assert_eq!(folder.read(Path::new("pipe")).unwrap_err().to_string(), "it is no file");
        assert!(
            folder
                .read(Path::new("long"))
                .unwrap_err()
                .to_string()
                .contains("longer")
        );
    }

    #[test]
    fn a_file_of_somebody_else_is_not_the_bundles_even_by_a_hard_link() {
        let place = tempfile::tempdir().unwrap();
        std::fs::write(place.path().join("text"), "root's").unwrap();
        let folder = Folder::open(place.path(), User::Own(2_000_000_000)).unwrap();
        let why = folder.read(Path::new("text")).unwrap_err();
        assert_eq!(why.to_string(), "it is not the bundle's");
    }
}
