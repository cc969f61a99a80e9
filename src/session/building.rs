//! The bundle's build beside what else `up` does: begun at once, waited for before anything is made.
//! Knows nothing of how a bundle is built.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::engine::{Action, Error, Event, Events};
use crate::resources::Stack;

/// In events, beside the ids of resources.
const ID: &str = "bundle";

/// A build that is going on.
pub(crate) struct Building {
    title: String,
    task: JoinHandle<Result<(), Error>>,
    stop: CancellationToken,
    telling: Arc<Mutex<Telling>>,
}

/// What the build says goes nowhere until somebody waits for it: a question may stand on the screen.
#[derive(Default)]
struct Telling {
    events: Option<Events>,
    last: Option<String>,
}

impl Building {
    /// Begins to build the stack's bundle. The run's stop ends it, too.
    pub(crate) fn start(stack: Arc<Stack>, stop: &CancellationToken) -> Self {
        let (stop, telling) = (stop.child_token(), Arc::new(Mutex::new(Telling::default())));
        let title = format!("bundle {}", stack.bundle.label);
        let (stopped, told) = (stop.clone(), telling.clone());
        let task = tokio::task::spawn_blocking(move || {
            let mut progress = |text: &str| lock(&told).say(text);
            (stack.bundle.build)(&stopped, &mut progress).map(drop)
        });
        Self {
            title,
            task,
            stop,
            telling,
        }
    }

    /// Waits until it is built and checked.
    ///
    /// # Errors
    /// Why there is no bundle.
    pub(crate) async fn finish(&mut self, events: &Events) -> Result<(), Error> {
        if self.task.is_finished() {
            return ended((&mut self.task).await);
        }
        let (resource, action, began) = (ID, Action::Create, Instant::now());
        events.send(Event::Started {
            resource,
            title: self.title.clone(),
            action,
        });
        lock(&self.telling).listen(events.clone());
        let built = ended((&mut self.task).await);
        let (title, seconds) = (self.title.clone(), began.elapsed().as_secs_f64());
        events.send(match &built {
            Ok(()) => Event::Done {
                resource,
                title,
                action,
                seconds,
            },
            Err(error) if error.kind == crate::engine::Kind::Stopped => Event::Stopped {
                resource,
                title,
                action,
            },
            Err(error) => Event::Failed {
                resource,
                title,
                action,
                error: error.clone(),
                left_behind: Vec::new(),
            },
        });
        built
    }

    /// Ends it where nobody needs it any more; no compiler is left behind.
    pub(crate) async fn end(mut self) {
        self.stop.cancel();
        if !self.task.is_finished() {
            // How it ended interests nobody.
            let _ = (&mut self.task).await;
        }
    }
}

impl Telling {
    fn say(&mut self, text: &str) {
        match &self.events {
            Some(events) => events.send(Event::Progress {
                resource: ID,
                text: text.to_owned(),
            }),
            None => self.last = Some(text.to_owned()),
        }
    }

    fn listen(&mut self, events: Events) {
        self.events = Some(events);
        if let Some(text) = self.last.take() {
            self.say(&text);
        }
    }
}

fn ended(joined: Result<Result<(), Error>, tokio::task::JoinError>) -> Result<(), Error> {
    joined.map_err(|error| Error::failed("the build ended oddly").caused_by(error))?
}

fn lock(telling: &Mutex<Telling>) -> std::sync::MutexGuard<'_, Telling> {
    telling.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::engine::Sink;
    use crate::profile::{Profile, StackName};
    use crate::resources::{BuildBundle, BundleToRun};

    fn stack(build: Box<BuildBundle>) -> Arc<Stack> {
        let bundle = BundleToRun {
            label: "site-1".to_owned(),
            description: String::new(),
            mark: String::new(),
            properties: Default::default(),
            build,
        };
        Arc::new(Stack::new(
            StackName::default(),
            "us-east-1",
            Profile::default(),
            bundle,
        ))
    }

    /// What was told, as text.
    #[derive(Clone, Default)]
    struct Told(Arc<Mutex<Vec<String>>>);

    impl Sink for Told {
        fn event(&self, event: Event) {
            let text = match event {
                Event::Started { title, .. } => format!("started {title}"),
                Event::Progress { text, .. } => text,
                Event::Done { title, .. } => format!("done {title}"),
                Event::Failed { error, .. } => format!("failed {error}"),
                _ => "something else".to_owned(),
            };
            self.0.lock().unwrap().push(text);
        }
    }

    #[tokio::test]
    async fn a_build_that_nobody_needs_is_ended_and_waited_for() {
        let ended = Arc::new(AtomicBool::new(false));
        let seen = ended.clone();
        let endless = stack(Box::new(move |stop, _| {
            while !stop.is_cancelled() {
                std::thread::yield_now();
            }
            seen.store(true, Ordering::SeqCst);
            Err(Error::stopped())
        }));
        Building::start(endless, &CancellationToken::new()).end().await;
        assert!(ended.load(Ordering::SeqCst), "it goes on behind our back");
    }

    #[tokio::test]
    async fn a_build_is_silent_until_somebody_waits_for_it() {
        let (go, gone) = std::sync::mpsc::channel::<()>();
        let gone = Mutex::new(gone);
        let slow = stack(Box::new(move |_, progress| {
            progress("Compiling one");
            // Goes on when the other end is dropped.
            let _ = gone.lock().unwrap().recv();
            progress("Compiling two");
            Ok(PathBuf::from("site.zip"))
        }));
        let told = Told::default();
        let events = Events::new(told.clone());
        let mut building = Building::start(slow, &CancellationToken::new());
        while lock(&building.telling).last.is_none() {
            tokio::task::yield_now().await;
        }
        assert!(told.0.lock().unwrap().is_empty(), "a question may stand on the screen");
        let waiting = building.finish(&events);
        tokio::pin!(waiting);
        assert!(futures_util::poll!(&mut waiting).is_pending());
        drop(go);
        waiting.await.unwrap();
        let expected = [
            "started bundle site-1",
            "Compiling one",
            "Compiling two",
            "done bundle site-1",
        ];
        assert_eq!(*told.0.lock().unwrap(), expected);
    }
}
