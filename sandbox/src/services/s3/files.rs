//! Where the bytes of objects go: files named by their keys, and by a digest of the key where that is longer than a file's
//! name may be. Must know nothing of objects.

use std::path::Path;
use std::pin::Pin;

use sha2::{Digest, Sha256};
use tokio::io::AsyncRead;
use winterbaume_core::{FsVfs, Vfs, VfsEntry, VfsError, VfsStat};

/// What file systems allow is 255; versions and temporary files have a longer name than their key.
const LONGEST_NAME: usize = 200;

pub(super) struct Files(FsVfs);

impl Files {
    pub(super) fn new(directory: &Path) -> std::io::Result<Self> {
        FsVfs::new(directory).map(Self)
    }
}

/// The path with every name in it short enough, and none that file systems take for another folder or for none: to S3, `..` is a
/// key like any other (alexwlchan.net/2020/s3-keys-are-not-file-paths). Other names stay as they are.
fn short(path: &str) -> String {
    let names = path.split('/').map(|name| {
        match name.len() > LONGEST_NAME || matches!(name, "." | "..") || name.contains('\0') {
            true => hex::encode(Sha256::digest(name)),
            false => name.to_owned(),
        }
    });
    names.collect::<Vec<_>>().join("/")
}

type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, VfsError>> + Send + 'a>>;

impl Vfs for Files {
    fn put<'a>(&'a self, path: &'a str, data: &'a mut (dyn AsyncRead + Unpin + Send)) -> Answer<'a, u64> {
        Box::pin(async move { self.0.put(&short(path), data).await })
    }

    fn get<'a>(&'a self, path: &'a str) -> Answer<'a, Box<dyn AsyncRead + Send + Unpin>> {
        Box::pin(async move { self.0.get(&short(path)).await })
    }

    fn delete<'a>(&'a self, path: &'a str) -> Answer<'a, ()> {
        Box::pin(async move { self.0.delete(&short(path)).await })
    }

    fn list<'a>(&'a self, prefix: &'a str) -> Answer<'a, Vec<VfsEntry>> {
        Box::pin(async move { self.0.list(&short(prefix)).await })
    }

    fn stat<'a>(&'a self, path: &'a str) -> Answer<'a, Option<VfsStat>> {
        Box::pin(async move { self.0.stat(&short(path)).await })
    }
}
