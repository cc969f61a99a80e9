//! `.ebextensions`: files of a bundle that change an environment on AWS. They are not read here, and that is said.
//! Must know nothing of what is in them.

use super::events::Severity;
use super::workflow::Run;

/// Warns where the version brings such files.
pub(super) async fn warn(run: &Run, label: &str) {
    let source = run.region(|here| {
        let environment = here.beanstalk.environments.get(&run.id)?;
        let application = here.beanstalk.applications.get(&environment.application)?;
        Some(application.versions.get(label)?.source.clone())
    });
    let Some((bucket, key)) = source else {
        return;
    };
    let Some(bundle) = run.world.objects.get(&bucket, &key).await else {
        return;
    };
    let Ok(archive) = zip::ZipArchive::new(std::io::Cursor::new(bundle)) else {
        return;
    };
    let is_read = |name: &str| name.starts_with(".ebextensions/") && name.ends_with(".config");
    let names = archive.file_names().filter_map(Result::ok);
    let mut files: Vec<_> = names.filter(|name| is_read(name)).collect();
    files.sort_unstable();
    if !files.is_empty() {
        run.event(
            Severity::Warn,
            format!(
                "The sandbox does not read [{}] of the source bundle; this is a limit of the sandbox, not of AWS.",
                files.join(", ")
            ),
        );
    }
}
