//! A server of the real binary, a platform with funded wallets, and a small blocking client.
#![allow(dead_code, reason = "each test file uses its part")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use dialect_mangopay::wire::Prefix;
use dialect_mangopay::wire::ids::spell;
use domain::ids::RequestId;
use domain::payment::{DeclareBankWire, ReceiveBankWire, ReceivingAccount};
use domain::platform::{CreatePlatform, Environment, Policy};
use domain::user::{Category, Demands, PersonProfile, Profile, RegisterUser};
use domain::wallet::OpenWallet;
use domain::{Ctx, Ids, PlatformId, Secret, Timestamp, UserId, WalletId};
use engine::{Batch, Clock, Inline, UuidIds};
use money::{Currency, Money};
use serde_json::Value;
use store::vault::Vault;

pub const CLIENT_ID: &str = "kill-tests";
pub const API_KEY: &str = "an-api-key-of-the-kill-tests";
const MASTER_KEY: [u8; 32] = [0x42; 32];

/// A data folder, its key beside it, and what was made in it.
pub struct World {
    pub folder: tempfile::TempDir,
    pub database: Option<String>,
    /// Whether a death is a power failure: what was not synced is lost too.
    pub loses_power: bool,
    pub users: Vec<String>,
    pub wallets: Vec<String>,
}

struct Now(AtomicI64);

impl Clock for Now {
    #[expect(clippy::disallowed_methods, reason = "these worlds are as old as the servers that go on with them")]
    fn now(&self) -> Timestamp {
        let ms = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
        self.0.store(ms as i64, Ordering::Relaxed);
        Timestamp::from_ms(ms as i64)
    }
}

impl World {
    /// One platform with `wallets` wallets of as many users, each with this many cents.
    pub fn new(wallets: usize, cents: i64, database: Option<String>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut world = Self { folder, database, loses_power: false, users: Vec::new(), wallets: Vec::new() };
        std::fs::create_dir_all(world.data()).unwrap();
        let key: String = MASTER_KEY.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut file =
            std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(world.folder.path().join("data.key")).unwrap();
        file.write_all(key.as_bytes()).unwrap();
        world.fill(wallets, cents);
        world
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn fill(&mut self, wallets: usize, cents: i64) {
        let vault = Arc::new(Vault::new(&MASTER_KEY));
        let opened = match &self.database {
            None => store::sqlite::open(&self.data(), vault).unwrap(),
            Some(url) => store::postgres::open(url, vault).unwrap(),
        };
        let clock: Arc<dyn Clock> = Arc::new(Now(AtomicI64::new(0)));
        let mut ids = UuidIds::new(Arc::clone(&clock), 1);
        let ctx = Ctx::system(PlatformId(ids.fresh()), RequestId(ids.fresh()));
        let mut engine = Inline::new(opened.store, Box::new(UuidIds::new(Arc::clone(&clock), 2)), Arc::clone(&clock));
        let create = CreatePlatform {
            client_id: CLIENT_ID.to_owned(),
            environment: Environment::Sandbox,
            policy: Policy::mangopay(),
            key_digest: dialect_mangopay::digest_of(API_KEY),
        };
        run(&mut engine, ctx, create);
        for _ in 0..wallets {
            let name = |text: &str| Some(Secret::new(text.to_owned()));
            let person = PersonProfile {
                first_name: name("Joe"),
                last_name: name("Blogs"),
                birthday_s: Some(Secret::new(0)),
                nationality: Some("FR".to_owned()),
                country_of_residence: Some("FR".to_owned()),
                ..PersonProfile::default()
            };
            let register = RegisterUser {
                profile: Profile { person, email: name("joe@example.com"), ..Profile::default() },
                category: Category::Owner,
                demands: Demands::All,
                has_accepted_terms: true,
            };
            let user = UserId(run(&mut engine, ctx, register).user.lead.id);
            let open = OpenWallet { owner: user, currency: Currency::EUR, description: Secret::default(), tag: None };
            let wallet = WalletId(run(&mut engine, ctx, open).lead.id);
            fund(&mut engine, ctx, user, wallet, cents, &*clock);
            self.users.push(spell(Prefix::User, user.0).to_string());
            self.wallets.push(spell(Prefix::Wallet, wallet.0).to_string());
        }
    }

    /// Journals of what was not synced yet.
    fn unsynced(&self) -> PathBuf {
        self.folder.path().join("unsynced")
    }

    /// Kills a server, and with it, where that is asked, what it had not synced: everything, or parts by chance.
    pub fn kill(&self, server: Server, round: u64) {
        server.kill();
        if self.loses_power {
            let loss = if round.is_multiple_of(3) { powercut::Loss::All } else { powercut::Loss::ByChance(round) };
            powercut::cut(&self.unsynced(), loss).unwrap();
        }
    }

    /// Starts the binary and waits until it answers.
    pub fn serve(&self) -> Server {
        let ready = self.folder.path().join("ready");
        drop(std::fs::remove_file(&ready));
        let mut command = florin(&self.data(), self.database.as_deref());
        command.args(["serve", "--listen", "127.0.0.1:0", "--no-rate-limit", "--ready-file"]).arg(&ready);
        if self.loses_power {
            powercut::follow(&mut command, &self.data(), &self.unsynced()).unwrap();
        }
        let mut child = command.stdout(Stdio::null()).spawn().unwrap();
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            if let Ok(text) = std::fs::read_to_string(&ready) {
                let told: Value = serde_json::from_str(&text).unwrap();
                return Server { child, address: told["address"].as_str().unwrap().parse().unwrap() };
            }
            assert!(child.try_wait().unwrap().is_none(), "the server ended before it was ready");
            assert!(Instant::now() < deadline, "the server does not get ready");
            std::thread::yield_now();
        }
    }

    /// A transfer of one cent and more between two wallets that differ.
    pub fn transfer(&self, number: u64) -> String {
        let count = self.wallets.len() as u64;
        let from = (number.wrapping_mul(7_919) % count) as usize;
        let to = (from + 1 + (number.wrapping_mul(104_729) % (count - 1)) as usize) % count as usize;
        format!(
            r#"{{"AuthorId":"{}","DebitedFunds":{{"Currency":"EUR","Amount":{}}},"Fees":{{"Currency":"EUR","Amount":1}},"DebitedWalletId":"{}","CreditedWalletId":"{}"}}"#,
            self.users[from],
            2 + number % 50,
            self.wallets[from],
            self.wallets[to]
        )
    }
}

fn run<C: domain::Command>(engine: &mut Inline, ctx: Ctx, command: C) -> C::Outcome
where
    C::Error: std::fmt::Debug,
{
    let mut batch = Batch::default();
    let mut awaited = batch.add(ctx, command);
    engine.run(batch);
    awaited.take().unwrap().unwrap().unwrap()
}

fn fund(engine: &mut Inline, ctx: Ctx, user: UserId, wallet: WalletId, cents: i64, clock: &dyn Clock) {
    let money = Money::new(cents, Currency::EUR).unwrap();
    let text = String::new;
    let account = ReceivingAccount {
        owner_name: text(),
        address_line1: text(),
        city: text(),
        postal_code: text(),
        country: text(),
        iban: text(),
        bic: text(),
    };
    let declare = DeclareBankWire {
        author: Some(user),
        credited_user: None,
        to: wallet.account(),
        to_own: None,
        declared: money,
        fees: Money::zero(Currency::EUR),
        account,
        tag: None,
    };
    let pay_in = run(engine, ctx, declare);
    let receive = ReceiveBankWire {
        pay_in: pay_in.id,
        to: Some(wallet.account()),
        received: money,
        booked_at: clock.now(),
        bank_reference: None,
        debtor: None,
    };
    run(engine, ctx, receive);
}

/// The binary with its data named.
pub fn florin(data: &Path, database: Option<&str>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_florin"));
    command.arg("--data").arg(data);
    if let Some(url) = database {
        command.arg("--database").arg(url);
    }
    command
}

/// A running binary; killed when dropped.
pub struct Server {
    pub child: Child,
    pub address: SocketAddr,
}

impl Server {
    /// SIGKILL, and nothing before it.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A connection that is kept open.
pub struct Client {
    stream: TcpStream,
    pub authorization: String,
}

/// What was answered.
pub struct Answer {
    pub status: u16,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

impl Client {
    pub fn connect(address: SocketAddr) -> std::io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        let basic = BASE64_STANDARD.encode(format!("{CLIENT_ID}:{API_KEY}"));
        Ok(Self { stream, authorization: format!("Basic {basic}") })
    }

    /// Calls for another platform from now on.
    pub fn login(&mut self, client_id: &str, api_key: &str) {
        self.authorization = format!("Basic {}", BASE64_STANDARD.encode(format!("{client_id}:{api_key}")));
    }

    pub fn send(&mut self, method: &str, path: &str, key: Option<&str>, body: &str) -> std::io::Result<Answer> {
        let key = key.map_or_else(String::new, |key| format!("Idempotency-Key: {key}\r\n"));
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {}\r\nContent-Type: application/json\r\n{key}Content-Length: {}\r\n\r\n{body}",
            self.authorization,
            body.len()
        );
        self.stream.write_all(request.as_bytes())?;
        let mut buffer = Vec::new();
        let mut chunk = [0; 8_192];
        loop {
            if let Some(answer) = parse(&buffer) {
                return Ok(answer);
            }
            let read = self.stream.read(&mut chunk)?;
            if read == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            buffer.extend_from_slice(&chunk[..read]);
        }
    }
}

fn parse(bytes: &[u8]) -> Option<Answer> {
    let head = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&bytes[..head]).ok()?;
    let status = text.get(9..12)?.parse().ok()?;
    let length = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    let body = bytes.get(head..head + length.unwrap_or(0))?;
    Some(Answer { status, body: String::from_utf8(body.to_vec()).ok()? })
}
