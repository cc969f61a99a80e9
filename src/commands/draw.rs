//! `draw`: commits to the list of all tickets, draws once the beacon's round is there, and checks a record without a network.
//! How a draw goes is `confctl_draw`'s; what is asked of AWS, `resources`'.

mod drand;
mod files;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use confctl_draw::beacon::{self, Beacon};
use confctl_draw::{Commitment, Draft, DrawError, Kept, Next, Prize, Record, Source, Tickets, next};
use jiff::{SignedDuration, Timestamp};

use self::drand::fetch;
use self::files::Files;
use super::output_file::folder_takes_files;
use crate::cli::{Global, path};
use crate::engine::{Command, Error, Hint, Kind, counted, counted_are};
use crate::exit::Exit;
use crate::resources::Registrations;
use crate::resources::draw_record::{DrawRecord, Drawn};
use crate::session::{Look, Purpose, Session, in_time, unless_stopped, unlock};
use crate::ui::{Flag, Summary, Ui};

#[derive(Debug, Clone, Args)]
pub(crate) struct DrawArgs {
    /// How many win [default: as many as draw.prizes has]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub winners: Option<u32>,

    /// Draw at once, by this word: it proves nothing to anybody but who chose it
    #[arg(long, value_name = "WORD", conflicts_with = "beacon")]
    pub seed: Option<String>,

    /// The round as drand's servers give it, where this machine reaches none of them
    #[arg(long, value_name = "FILE", value_parser = path())]
    pub beacon: Option<PathBuf>,

    /// Addresses that take no part, a line each
    #[arg(long, value_name = "FILE", value_parser = path())]
    pub exclude: Option<PathBuf>,

    /// How many of the waiting list stand behind the winners in the organiser's file
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub waiting: usize,

    /// Where the files are written [default: here]
    #[arg(long, value_name = "FOLDER", value_parser = path())]
    pub folder: Option<PathBuf>,

    /// Check a record, and draw nothing: needs neither AWS nor a network
    #[arg(long, value_name = "RECORD", value_parser = path(), conflicts_with_all = ["winners", "seed", "beacon", "exclude"])]
    pub check: Option<PathBuf>,
}

impl DrawArgs {
    /// Whoever goes on finds the files where they are.
    pub(super) fn repeated(&self) -> Vec<Flag> {
        let folder = |folder: &PathBuf| Flag::with("--folder", &folder.display().to_string(), &["draw"]);
        self.folder.iter().map(folder).collect()
    }
}

/// Requests that came before registration closed may still be written so long after it (the app gives up after 4 s).
const AFTER_CLOSING: SignedDuration = SignedDuration::from_secs(60);
/// The most bytes of a file that is handed over: a record of ten million tickets is smaller.
const LARGEST: u64 = 1 << 29;
/// For one of drand's servers.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) async fn run(global: &Global, args: &DrawArgs, ui: &Ui) -> Result<Summary, Error> {
    if let Some(record) = &args.check {
        return check(record);
    }
    folder_takes_files(args.folder.as_deref().unwrap_or(Path::new(".")), "--folder")?;
    let handed_over = args.beacon.as_deref().map(read_beacon).transpose()?;
    let excluded = args.exclude.as_deref().map(read_addresses).transpose()?;
    let session = Session::open(global, ui, Purpose::of_what_is("draw")).await?;
    let look = session.look().await?;
    look.own_table("draw")?;
    let closed_at = closed_at(&session, &look, Timestamp::now())?;
    let call = Call {
        args,
        registrations: Registrations::new(&session.stack, &session.read, &session.write),
        record: DrawRecord {
            record: &session.record,
            read: &session.read,
            write: &session.write,
        },
        files: Files::new(args.folder.as_deref(), session.stack.name.as_str()),
        excluded: excluded.unwrap_or_default(),
        session: &session,
        closed_at,
    };
    let mut summary = call.take(global, handed_over).await?;
    summary.stack = Some(session.stack.name.to_string());
    Ok(summary)
}

/// One call of `draw`.
struct Call<'a> {
    session: &'a Session,
    args: &'a DrawArgs,
    registrations: Registrations<'a>,
    record: DrawRecord<'a>,
    files: Files,
    excluded: HashSet<String>,
    closed_at: Timestamp,
}

impl Call<'_> {
    async fn take(&self, global: &Global, handed_over: Option<Beacon>) -> Result<Summary, Error> {
        let stop = &self.session.settings.stop;
        let step = unless_stopped(stop, self.next(handed_over)).await?;
        match step {
            Next::Commit => {
                let prizes = self.prizes()?;
                if !global.yes {
                    let question =
                        "This commits to the list of everybody who is registered, which cannot be taken back. Do it?";
                    self.session.ui.confirm(question, stop).await?;
                }
                let lock = self.session.lock().await?;
                let summary = in_time(stop, self.commit(prizes)).await;
                unlock(lock, summary).await
            }
            Next::Wait { commitment, round, at } => {
                self.settle(&commitment).await?;
                self.waits(&commitment, round, at).await
            }
            Next::Fetch { commitment, round } => {
                let beacon = unless_stopped(stop, fetch(beacon::SERVERS, round, PATIENCE)).await?;
                self.locked(&commitment, Some(beacon)).await
            }
            Next::Draw { commitment, beacon } => self.locked(&commitment, beacon).await,
            Next::Drawn { commitment } => self.was_made(&commitment).await,
        }
    }

    async fn next(&self, handed_over: Option<Beacon>) -> Result<Next, Error> {
        let (commitment, copy) = self.record.commitments().await?;
        let kept = Kept {
            commitment,
            copy,
            mark: self.registrations.mark().await?,
            drawn: self.record.drawn().await?.is_some(),
        };
        next(kept, handed_over, self.args.seed.is_some(), Timestamp::now()).map_err(refused)
    }

    fn prizes(&self) -> Result<Vec<Prize>, Error> {
        let prizes = Prize::all(&self.session.stack.profile.draw.prizes, self.args.winners);
        prizes.map_err(|error| {
            Error::new(Kind::Usage, error.to_string())
                .hint(Hint::run("draw --winners 10").and(", or set `draw.prizes`"))
        })
    }

    fn is_excluded(&self, address: &str) -> bool {
        let domain = address.rsplit('@').next().unwrap_or_default();
        let mut domains = self.session.stack.profile.draw.excluded_domains.iter();
        self.excluded.contains(address)
            || domains.any(|excluded| {
                let rest = domain.strip_suffix(excluded.as_str());
                rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            })
    }

    /// With the lock held.
    async fn commit(&self, prizes: Vec<Prize>) -> Result<Summary, Error> {
        if !matches!(self.next(None).await?, Next::Commit) {
            return Err(
                Error::refused("somebody committed to a draw in this moment; nothing was changed")
                    .hint(Hint::run("draw")),
            );
        }
        let given = self.registrations.give_tickets().await?;
        let entrants = self.registrations.entrants(|address| self.is_excluded(address)).await?;
        let draft = Draft {
            stack: self.session.stack.name.as_str(),
            closed_at: self.closed_at,
            tickets: &entrants.tickets,
            prizes,
            excluded: entrants.excluded,
            seed: self.args.seed.clone(),
        };
        let commitment = Commitment::new(draft, Timestamp::now());
        let commitment = commitment.map_err(|error| Error::failed(error.to_string()))?;
        self.record.commit(&commitment, &entrants.tickets).await?;
        // What is there counts, whoever wrote it.
        let (kept, _) = self.record.commitments().await?;
        let commitment = kept.ok_or_else(|| Error::failed("the commitment was written and is not there"))?;
        self.settle(&commitment).await?;
        let ui = &self.session.ui;
        ui.say(format!(
            "  {}, {} people excluded",
            counted(commitment.terms().tickets as u64, "ticket"),
            commitment.terms().excluded
        ));
        if given > 0 {
            ui.say(format!(
                "  {} had no ticket and got one",
                counted(given as u64, "registration")
            ));
        }
        if entrants.generated > 0 {
            ui.say(format!(
                "  {} left out: confctl made them up",
                counted_are(entrants.generated as u64, "address")
            ));
        }
        match &commitment.terms().randomness {
            Source::Seed(_) => self.draw(&commitment, None).await,
            Source::Drand { round, at, .. } => self.waits(&commitment, *round, *at).await,
        }
    }

    /// The copy beside it and the table's mark, which an interrupted call may not have come to.
    async fn settle(&self, commitment: &Commitment) -> Result<(), Error> {
        self.record.copy(commitment).await?;
        let hash = commitment.sha256();
        if self.registrations.mark().await?.is_none() {
            self.registrations.set_mark(&hash).await?;
        }
        match self.registrations.mark().await? {
            Some(mark) if mark == hash => Ok(()),
            mark => Err(refused(DrawError::Gone(mark.unwrap_or_default()))),
        }
    }

    async fn waits(&self, commitment: &Commitment, round: u64, at: Timestamp) -> Result<Summary, Error> {
        let tickets = self.tickets(commitment).await?;
        let file = self.files.commitment(commitment, &tickets)?;
        Ok(Summary::done()
            .exit(Exit::Partial)
            .output("commitment", commitment.sha256())
            .output("tickets", commitment.terms().tickets)
            .output("round", round)
            .output("at", at.to_string())
            .output("file", file.display().to_string())
            .say(format!(
                "committed to {}: {}",
                counted(commitment.terms().tickets as u64, "ticket"),
                commitment.sha256()
            ))
            .say(format!(
                "  publish this hash and {} now, before the round",
                file.display()
            ))
            .say(format!("  drand's round {round} decides, at {at}"))
            .say(Hint::from("  then: ").and_run("draw")))
    }

    /// The list that was committed to: as it was kept, else as the table still has it.
    async fn tickets(&self, commitment: &Commitment) -> Result<Tickets, Error> {
        if let Some(tickets) = self.record.tickets(commitment.terms()).await? {
            return Ok(tickets);
        }
        let entrants = self.registrations.entrants(|address| self.is_excluded(address)).await?;
        match entrants.tickets.sha256() == commitment.terms().tickets_sha256 {
            true => Ok(entrants.tickets),
            false => Err(Error::refused(
                "the list of tickets that was committed to is gone, and the table has another by now",
            )
            .because("a draw from another list would be another draw")
            .hint(format!(
                "the list was published in {}",
                self.files.commitment_file().display()
            ))),
        }
    }

    async fn locked(&self, commitment: &Commitment, beacon: Option<Beacon>) -> Result<Summary, Error> {
        if let Some(winners) = self.args.winners {
            let prizes = commitment.terms().prizes.iter().map(|prize| prize.count).sum::<u32>();
            if winners != prizes {
                let error = Error::refused(format!(
                    "{prizes} prizes were committed to, not {winners}; nothing was drawn"
                ));
                return Err(error.hint(Hint::run("draw")));
            }
        }
        let word = self.args.seed.as_ref();
        if word.is_some_and(|word| commitment.terms().randomness != Source::Seed(word.clone())) {
            let error = Error::refused("another word was committed to; nothing was drawn");
            return Err(error.hint(Hint::run("draw").and(" draws by that one")));
        }
        let lock = self.session.lock().await?;
        let drawing = async {
            self.settle(commitment).await?;
            self.draw(commitment, beacon).await
        };
        let summary = in_time(&self.session.settings.stop, drawing).await;
        unlock(lock, summary).await
    }

    /// With the lock held. What decided is kept before anybody hears of it, and a call that ends after that comes to the same.
    async fn draw(&self, commitment: &Commitment, beacon: Option<Beacon>) -> Result<Summary, Error> {
        let tickets = self.tickets(commitment).await?;
        let now = Timestamp::now();
        // Before anything is kept: a round that is none must not count as drawn.
        confctl_draw::draw(commitment, &tickets, beacon.clone(), now).map_err(no_draw)?;
        self.record.keep_drawn(&Drawn { beacon, at: now }).await?;
        let record = self.made(commitment, &tickets).await?;
        let (public, private) = self.write(&record).await?;
        let mut summary = Summary::done()
            .output("commitment", record.commitment_sha256.clone())
            .output("tickets", record.tickets.len())
            .output("record", public.display().to_string())
            .output("winners_file", private.display().to_string())
            .output("winners", serde_json::to_value(&record.winners).unwrap_or_default());
        for winner in &record.winners {
            summary = summary.say(format!("{:>4}  {}  {}", winner.rank, winner.ticket, winner.prize));
        }
        if let Source::Seed(_) = commitment.terms().randomness {
            summary = summary.say("Drawn by a word of your own: it proves nothing to anybody who was not there.");
        }
        let published = Hint::from(format!("Publish {}; ", public.display()));
        let check = Command::confctl("draw --check").arg(public.display()).bare();
        Ok(summary.say(published.and_run(check).and(" repeats it.")).say(format!(
            "Whose tickets they are is in {}, for you alone.",
            private.display()
        )))
    }

    /// The record of what was kept as decided.
    async fn made(&self, commitment: &Commitment, tickets: &Tickets) -> Result<Record, Error> {
        let drawn = self.record.drawn().await?;
        let drawn = drawn.ok_or_else(|| Error::failed("what was drawn was written and is not there"))?;
        confctl_draw::draw(commitment, tickets, drawn.beacon, drawn.at).map_err(no_draw)
    }

    async fn write(&self, record: &Record) -> Result<(PathBuf, PathBuf), Error> {
        let order = record.check().map_err(no_draw)?.order;
        let shown = order.len().min(record.winners.len() + self.args.waiting);
        let holders = self.registrations.holders(&order[..shown]).await?;
        Ok((self.files.record(record)?, self.files.winners(record, &holders)?))
    }

    /// No second draw; the files of the first, where they are gone.
    async fn was_made(&self, commitment: &Commitment) -> Result<Summary, Error> {
        let tickets = self.tickets(commitment).await?;
        let record = self.made(commitment, &tickets).await?;
        let text = format!("the draw was made at {}; there is no second one", record.drawn_at);
        let error = Error::refused(text);
        Err(match self.write(&record).await {
            Ok((public, _)) => {
                let check = Command::confctl("draw --check").arg(public.display()).bare();
                error
                    .because(format!("its record is in {}", public.display()))
                    .hint(Hint::run(check))
            }
            Err(unwritten) => error
                .because(unwritten.in_a_line())
                .hint(Hint::run("draw --folder FOLDER").and(" writes its files elsewhere")),
        })
    }
}

/// When registration closed, by what is deployed.
fn closed_at(session: &Session, look: &Look, now: Timestamp) -> Result<Timestamp, Error> {
    let closes_at = session.stack.profile.event.closes_at.as_deref();
    let Some(closes_at) = closes_at.and_then(crate::profile::time) else {
        let set = Command::confctl("up --set").arg(format!(
            "event.closes_at={}",
            now.round(jiff::Unit::Second).unwrap_or(now)
        ));
        return Err(
            Error::refused("registration has not closed: who comes after the draw would not be in it")
                .because("the profile says no `event.closes_at`")
                .hint(Hint::run(set).and(" closes it")),
        );
    };
    let is_pending = look.planned.iter().any(|step| {
        let mut fields = step.change.fields().iter();
        fields.any(|field| field.field.ends_with(" REGISTRATION_CLOSES_AT"))
    });
    if is_pending {
        return Err(
            Error::refused("registration has not closed: the site was not told when it does").hint(Hint::run("up")),
        );
    }
    let drawn_from = closes_at.saturating_add(AFTER_CLOSING).unwrap_or(Timestamp::MAX);
    match now < drawn_from {
        true => Err(Error::refused(format!(
            "registration closes at {closes_at}; the draw may begin at {drawn_from}"
        ))
        .hint(Hint::from("then: ").and_run("draw"))),
        false => Ok(closes_at),
    }
}

fn refused(error: DrawError) -> Error {
    let hint = match &error {
        DrawError::Gone(_) => Hint::from(
            "put back the document of that hash, which was published: `commitment` of the commitment's file, as draw/commitment.json of the stack's record",
        ),
        DrawError::Differ => Hint::from(
            "delete the one that was not published: draw/commitment.json or draw/commitment.copy.json of the stack's record",
        ),
        DrawError::NotCommitted => Hint::run("draw --winners 10").and(" commits"),
        DrawError::OtherRound { wanted, .. } => Hint::from(format!(
            "curl -o round.json {}",
            beacon::address(beacon::SERVERS[0], *wanted)
        )),
        DrawError::NotYet(_) | DrawError::Seeded(_) => Hint::run("draw").and(" says when"),
    };
    Error::refused(error.to_string()).hint(hint)
}

fn no_draw(problem: confctl_draw::Problem) -> Error {
    Error::refused("nothing is drawn from this").because(problem.to_string())
}

fn check(path: &Path) -> Result<Summary, Error> {
    let unfit = |problem: confctl_draw::Problem| {
        Error::failed(format!("{} is no record of a fair draw", path.display())).because(problem.to_string())
    };
    let record = Record::read(&read(path)?).map_err(unfit)?;
    let checked = record.check().map_err(unfit)?;
    let terms = checked.terms;
    let mut summary = Summary::done()
        .output("commitment", checked.commitment_sha256.clone())
        .output("tickets", terms.tickets)
        .output("winners", record.winners.len())
        .say(format!(
            "the draw of {} is what comes out: {} of {}",
            terms.stack,
            counted(record.winners.len() as u64, "winner"),
            counted(terms.tickets as u64, "ticket")
        ));
    let hash = &checked.commitment_sha256;
    summary = match terms.randomness {
        Source::Drand { at, round, .. } => summary.output("round", round).say(format!(
            "  commitment {hash}: compare it with what was published before {at}"
        )),
        Source::Seed(_) => summary
            .say(format!("  commitment {hash}"))
            .say("  decided by a word that its organiser chose: he may have tried others, so it proves nothing to you"),
    };
    Ok(summary)
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    use std::io::Read;
    let mut bytes = Vec::new();
    let read = fs_err::File::open(path).and_then(|file| file.take(LARGEST).read_to_end(&mut bytes));
    read.map_err(|error| Error::new(Kind::Usage, format!("could not read {}", path.display())).caused_by(error))?;
    Ok(bytes)
}

fn read_beacon(path: &Path) -> Result<Beacon, Error> {
    Beacon::read(&read(path)?).map_err(|error| {
        Error::new(Kind::Usage, format!("{} is no round of drand", path.display()))
            .because(error.to_string())
            .hint(format!(
                "curl -o round.json {}",
                beacon::address(beacon::SERVERS[0], 1).replace("/1", "/ROUND")
            ))
    })
}

/// One address a line, as the app keeps them: in lower case.
fn read_addresses(path: &Path) -> Result<HashSet<String>, Error> {
    let text = String::from_utf8_lossy(&read(path)?).into_owned();
    let lines = text.lines().map(|line| line.trim().to_lowercase());
    Ok(lines.filter(|line| !line.is_empty()).collect())
}
