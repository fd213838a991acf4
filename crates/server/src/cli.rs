//! The command line.

use std::error::Error;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand};
use serde::Serialize;

use crate::beginning::BeginningArgs;
use crate::completions::CompletionsArgs;
use crate::demo::DemoArgs;
use crate::failure::{Code, Failure, Told};
use crate::fixtures::LoadArgs;
use crate::foreseen::Foreseen;
use crate::health::HealthArgs;
use crate::installation::Location;
use crate::introduction::FirstPlatform;
use crate::key::KeyArgs;
use crate::ledger::{BalanceArgs, ExplainArgs, VerifyArgs};
use crate::listen::ListenArgs;
use crate::look::{GoliveArgs, ShowArgs, WhyArgs};
use crate::public_url::PublicUrl;
use crate::rate_limit::RateLimit;
use crate::snapshot::{RestoreArgs, SnapshotArgs};
use crate::trigger::TriggerArgs;
use crate::user::{Hold, UserArgs};
use crate::webhooks::WebhookArgs;
use crate::{bench, completions, demo, fixtures, health, key, ledger, listen, look, output, platform, serve, snapshot, trigger, user};

/// A payment-services engine with a real double-entry ledger.
#[derive(Parser)]
#[command(name = "florin", version, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    location: Location,
    /// Prints JSON instead of text, also of what fails
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs the server
    Serve(ServeArgs),
    /// Plays a marketplace's day against a server of its own, and leaves it up
    Demo(DemoArgs),
    /// Loads objects from a file
    #[command(subcommand)]
    Fixtures(FixturesCommand),
    /// Makes platforms
    #[command(subcommand)]
    Platform(PlatformCommand),
    /// Keeps the whole state of a sandbox in a file, and puts it back
    #[command(subcommand)]
    Sandbox(SandboxCommand),
    /// Makes API keys that may do less than a platform's first one
    #[command(subcommand)]
    Key(KeyCommand),
    /// Puts users under legal hold
    #[command(subcommand)]
    User(UserCommand),
    /// Verifies, exports and explains the ledger
    #[command(subcommand)]
    Ledger(LedgerCommand),
    /// Says why something was refused, or is not done yet, and what makes it pass
    Why(WhyArgs),
    /// Shows what is known of one object
    Show(ShowArgs),
    /// Lists what a platform uses that only a sandbox has, and what production does instead
    GoliveReport(GoliveArgs),
    /// Measures what users pay for
    #[command(subcommand)]
    Bench(BenchCommand),
    /// Shows each event of a platform as it happens, and passes it on as a webhook
    Listen(ListenArgs),
    /// Makes an event happen for real, by requests to a running server
    Trigger(TriggerArgs),
    /// Asks a server whether it is well; exit status 0 only when it is
    Health(HealthArgs),
    /// Prints what a shell needs to complete florin's command line
    Completions(CompletionsArgs),
}

/// Connections served at once unless it is said otherwise.
const CONNECTIONS: u32 = edge::CONNECTIONS_MAX;
/// More than any system has sockets for.
const MOST_CONNECTIONS: i64 = 1_000_000;

/// How the server listens.
#[derive(Args, Clone, Debug)]
pub struct ServeArgs {
    /// Address and port to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:8080", env = "FLORIN_LISTEN")]
    pub listen: SocketAddr,
    /// What clients and payers reach the server by, for links in answers: http or https, without query and fragment. The
    /// listen address unless given
    #[arg(long, value_name = "URL", env = "FLORIN_PUBLIC_URL")]
    pub public_url: Option<PublicUrl>,
    /// Counts calls and tells the counts, but never refuses one
    #[arg(long)]
    pub no_rate_limit: bool,
    /// Calls that a platform may make within 15, 30 and 60 minutes and 24 hours, those that are to be other than the vendor's:
    /// 15m=100,24h=5000
    #[arg(long, value_name = "WINDOW=CALLS,...", env = "FLORIN_RATE_LIMIT")]
    pub rate_limit: Option<RateLimit>,
    /// Connections served at once; what comes beyond is answered 503. More than the system's limit of open files allows
    /// needs that raised too
    #[arg(long, value_name = "COUNT", default_value_t = CONNECTIONS, value_parser = clap::value_parser!(u32).range(1..=MOST_CONNECTIONS),
        env = "FLORIN_MAX_CONNECTIONS")]
    pub max_connections: u32,
    #[command(flatten)]
    pub webhooks: WebhookArgs,
    #[command(flatten)]
    pub foreseen: Foreseen,
    /// Writes a line of JSON to this file once the server answers: address, public_url, pid, data, and the first platform's
    /// client_id and api_key if this start made it. Readable by its owner only
    #[arg(long, value_name = "FILE")]
    pub ready_file: Option<PathBuf>,
    /// Keeps the data, and its key, in a temporary folder that is gone when the server is
    #[arg(long)]
    pub ephemeral: bool,
    #[command(flatten)]
    pub first: FirstPlatform,
}

#[derive(Subcommand)]
enum PlatformCommand {
    /// Makes a sandbox platform, also while a server runs
    Create(PlatformArgs),
}

/// A platform to be.
#[derive(Args, Clone, Debug)]
pub struct PlatformArgs {
    /// The name it calls itself by
    #[arg(long, value_name = "ID")]
    pub client_id: String,
    /// The secret it calls with; a random one is made and shown unless given
    #[arg(long, value_name = "KEY")]
    pub api_key: Option<String>,
    /// What it begins with: marketplace, crowdfunding or rental
    #[arg(long, value_name = "NAME")]
    pub data_set: Option<String>,
    #[command(flatten)]
    pub beginning: BeginningArgs,
}

#[derive(Subcommand)]
enum SandboxCommand {
    /// Writes the state of all platforms as of one instant into a file, also while a server runs
    Snapshot(SnapshotArgs),
    /// Puts the state of such a file into an empty data folder or database, while no server runs there
    Restore(RestoreArgs),
}

#[derive(Subcommand)]
enum KeyCommand {
    /// Makes an API key with these scopes, and shows it once; also while a server runs
    Create(KeyArgs),
}

#[derive(Subcommand)]
enum FixturesCommand {
    /// Runs the requests of a file as ordinary requests; loading it again changes nothing
    Load(LoadArgs),
}

#[derive(Subcommand)]
enum UserCommand {
    /// Keeps a user from being erased, however long ago it was closed; also while a server runs
    Hold(UserArgs),
    /// Ends a legal hold
    Release(UserArgs),
}

#[derive(Subcommand)]
enum LedgerCommand {
    /// Holds the whole ledger against its invariants and its seals; exit status 0 only when all holds
    Verify(VerifyArgs),
    /// Shows the heads of the sealed chains, to be kept elsewhere and held against later
    Anchor,
    /// Shows the balance of an account, now or at a moment
    Balance(BalanceArgs),
    /// Shows entries with their postings, accounts and users
    Explain(ExplainArgs),
    /// Writes the whole ledger in another program's format
    Export {
        /// The format
        #[arg(long, value_enum, default_value = "hledger")]
        format: ledger::Format,
    },
}

#[derive(Subcommand)]
enum BenchCommand {
    /// Durable transfers through HTTP, as a share of what the same process answers at all
    Transfers(bench::TransferArgs),
    /// Webhooks to a listener on this machine, while a tenth of the targets hang
    Webhooks(bench::WebhookBenchArgs),
    /// What transfers are compared with: a bare handler, and with --database the usual nine round trips
    #[command(hide = true)]
    Baseline(bench::BaselineArgs),
}

/// What `--json --version` prints.
#[derive(Serialize)]
struct Version {
    name: &'static str,
    version: &'static str,
}

/// What a command ends with that could not be done, or not be understood.
const FAILED: u8 = 2;

/// Reads the command line, does what it says, and tells what failed.
pub fn main() -> ExitCode {
    let given: Vec<OsString> = std::env::args_os().collect();
    let Cli { location, json, command } = match Cli::try_parse_from(&given) {
        Ok(cli) => cli,
        Err(error) => return not_understood(&error, asks_for_json(&given)),
    };
    output::speak(json);
    run(&location, json, command).unwrap_or_else(|error| {
        eprintln!("{}", Told::of(error.as_ref()).text(json));
        ExitCode::from(FAILED)
    })
}

/// Whether `--json` is on a command line that cannot be understood.
fn asks_for_json(given: &[OsString]) -> bool {
    given.iter().skip(1).take_while(|argument| *argument != "--").any(|argument| argument == "--json")
}

/// Tells what is wrong with a command line; or what `--help` and `--version` ask for, which is nothing wrong.
fn not_understood(error: &clap::Error, json: bool) -> ExitCode {
    if json && error.kind() == ErrorKind::DisplayVersion {
        output::print(json, &Version { name: "florin", version: env!("CARGO_PKG_VERSION") }, String::new);
        return ExitCode::SUCCESS;
    }
    if !error.use_stderr() || !json {
        drop(error.print());
        return if error.use_stderr() { ExitCode::from(FAILED) } else { ExitCode::SUCCESS };
    }
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        eprintln!("{}", Told::of(&Failure::new(Code::Usage, "a command is missing: --help tells which there are")).text(true));
        return ExitCode::from(FAILED);
    }
    let text = error.render().to_string();
    // What follows the first paragraphs is advice for people.
    let said = text.split("\n\nUsage:").next().unwrap_or_default().split("\n\nFor more information").next().unwrap_or_default();
    let lines: Vec<&str> = said.trim_start_matches("error: ").lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    eprintln!("{}", Told::of(&Failure::new(Code::Usage, lines.join(" "))).text(true));
    ExitCode::from(FAILED)
}

fn run(location: &Location, json: bool, command: Command) -> Result<ExitCode, Box<dyn Error>> {
    match command {
        Command::Serve(args) => serve::run(location, &args, json).map(|()| ExitCode::SUCCESS),
        Command::Demo(args) => demo::run(location, &args, json),
        Command::Fixtures(FixturesCommand::Load(args)) => fixtures::load(location, &args, json).map(|()| ExitCode::SUCCESS),
        Command::Platform(PlatformCommand::Create(args)) => platform::create(location, &args, json).map(|()| ExitCode::SUCCESS),
        Command::Sandbox(SandboxCommand::Snapshot(args)) => snapshot::take(location, &args, json).map(|()| ExitCode::SUCCESS),
        Command::Sandbox(SandboxCommand::Restore(args)) => snapshot::restore(location, &args, json).map(|()| ExitCode::SUCCESS),
        Command::Key(KeyCommand::Create(args)) => key::create(location, &args, json).map(|()| ExitCode::SUCCESS),
        Command::User(UserCommand::Hold(args)) => user::hold(location, &args, Hold::Put, json).map(|()| ExitCode::SUCCESS),
        Command::User(UserCommand::Release(args)) => user::hold(location, &args, Hold::End, json).map(|()| ExitCode::SUCCESS),
        Command::Ledger(LedgerCommand::Verify(args)) => ledger::verify(location, &args, json),
        Command::Ledger(LedgerCommand::Anchor) => ledger::anchor(location, json).map(|()| ExitCode::SUCCESS),
        Command::Ledger(LedgerCommand::Balance(args)) => ledger::balance(location, &args, json).map(|()| ExitCode::SUCCESS),
        Command::Ledger(LedgerCommand::Explain(args)) => ledger::explain(location, &args, json).map(|()| ExitCode::SUCCESS),
        Command::Ledger(LedgerCommand::Export { format }) => ledger::export(location, format, json).map(|()| ExitCode::SUCCESS),
        Command::Why(args) => look::why(location, &args, json).map(|()| ExitCode::SUCCESS),
        Command::Show(args) => look::show(location, &args, json).map(|()| ExitCode::SUCCESS),
        Command::GoliveReport(args) => look::golive(location, &args, json).map(|()| ExitCode::SUCCESS),
        Command::Bench(BenchCommand::Transfers(args)) => bench::transfers(location, &args, json).map(|()| ExitCode::SUCCESS),
        Command::Listen(args) => listen::run(&args, json).map(|()| ExitCode::SUCCESS),
        Command::Trigger(args) => trigger::run(&args, json).map(|()| ExitCode::SUCCESS),
        Command::Health(args) => health::run(&args, json),
        Command::Completions(args) => Ok(completions::run(&args, Cli::command())),
        Command::Bench(BenchCommand::Webhooks(args)) => bench::webhooks(location, &args, json).map(|()| ExitCode::SUCCESS),
        Command::Bench(BenchCommand::Baseline(args)) => bench::baseline(location.database.as_deref(), &args).map(|()| ExitCode::SUCCESS),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        super::Cli::command().debug_assert();
    }
}
