//! Versions as environments run them: copied into Beanstalk's own bucket with the rights of who asked, and read from there by
//! instances (public logs of eb-engine say "Downloading: bucket: elasticbeanstalk-…, object: resources/environments/e-…/
//! _runtime/_versions/…": parse-community/parse-server-example#138). What becomes of the bundle that a version was made of is
//! no matter to an environment any more. Must know nothing of what a bundle holds.

use bytes::Bytes;

use super::workflow::Run;

/// Where the environment's copy of a version is: bucket and key.
pub(super) fn place(run: &Run, application: &str, label: &str) -> (String, String) {
    let key = format!(
        "resources/environments/{}/_runtime/_versions/{application}/{label}",
        run.id
    );
    (bucket(run), key)
}

fn bucket(run: &Run) -> String {
    let account = run.world.lock().account.clone();
    super::bucket(&run.region, &account)
}

/// The environment's copy of a version.
pub(super) async fn read(run: &Run, label: &str) -> Option<Bytes> {
    let application = run.snapshot()?.application;
    let (bucket, key) = place(run, &application, label);
    run.world.objects.get(&bucket, &key).await
}

/// Copies a version for the environment. One that was copied before is there still, whatever became of its bundle.
///
/// # Errors
/// Where the caller may not copy it. The words are those of InsufficientPrivilegesException, as far as they are known.
pub(super) async fn keep(run: &Run, caller: &str, label: &str) -> Result<(), String> {
    let source = run.region(|here| {
        let environment = here.beanstalk.environments.get(&run.id)?;
        let application = here.beanstalk.applications.get(&environment.application)?;
        let source = application.versions.get(label)?.source.clone();
        Some((application.name.clone(), source))
    });
    let Some((application, (from, object))) = source else {
        return Ok(());
    };
    let (bucket, key) = place(run, &application, label);
    for (action, bucket, key) in [("s3:GetObject", &from, &object), ("s3:PutObject", &bucket, &key)] {
        let resource = format!("arn:aws:s3:::{bucket}/{key}");
        if !run.world.lock().iam.caller_can(caller, &run.region, action, &resource) {
            return Err(format!("Access Denied: S3Bucket={bucket}, S3Key={key}"));
        }
    }
    if let Some(bundle) = run.world.objects.get(&from, &object).await {
        run.world.objects.put(&bucket, &key, bundle).await;
        write_manifest(run, &bucket, &application, label).await;
    }
    Ok(())
}

/// Beside the copies: which of them the environment is to run.
async fn write_manifest(run: &Run, bucket: &str, application: &str, label: &str) {
    let now = run.world.clock.now().as_millisecond();
    let manifest = serde_json::json!({ "RuntimeSources": { application: { label: { "s3url": "" } } }, "Serial": now });
    let key = format!("resources/environments/{}/_runtime/versions/manifest_{now}", run.id);
    run.world.objects.put(bucket, &key, manifest.to_string().into()).await;
}
