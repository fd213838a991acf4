//! Platforms, users and funded wallets to move money between, and the requests that do it.

use std::error::Error;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use dialect_mangopay::wire::Prefix;
use dialect_mangopay::wire::ids::spell;
use domain::ids::RequestId;
use domain::payment::{DeclareBankWire, ReceiveBankWire, ReceivingAccount};
use domain::user::{Category, Demands, PersonProfile, Profile, RegisterUser};
use domain::wallet::OpenWallet;
use domain::{Ctx, Ids, PlatformId, Secret, UserId, WalletId};
use engine::UuidIds;
use money::{Currency, Money};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use super::client::{Client, NUMBER_DIGITS, Requests};
use crate::installation::{Installation, Location};
use crate::platform::{self, NewPlatform};

/// Prepared requests that the connections go round in.
const PREPARED: usize = 20_000;
/// Funds of every wallet at first, in cents.
const FUNDS: i64 = 1_000_000_000;

/// A platform with its wallets.
pub struct Tenant {
    pub platform: PlatformId,
    client_id: String,
    api_key: String,
    users: Vec<UserId>,
    pub wallets: Vec<WalletId>,
}

/// Makes platforms, users and funded wallets by ordinary commands, without the detour through HTTP.
pub async fn prepare(location: &Location, wallets: usize, platforms: usize) -> Result<Vec<Tenant>, Box<dyn Error>> {
    let installation = Arc::new(location.start()?);
    let per_platform = wallets.div_ceil(platforms).max(2);
    let mut tenants = Vec::new();
    for number in 0..platforms {
        let new = NewPlatform { client_id: format!("bench-{number}"), api_key: platform::random_key()?, ..NewPlatform::default() };
        let id = platform::make(&installation.engine, &installation, &new).await?.platform;
        let mut tasks = Vec::new();
        for _ in 0..per_platform {
            let installation = Arc::clone(&installation);
            tasks.push(tokio::spawn(async move { funded_wallet(&installation, id).await.map_err(|error| error.to_string()) }));
        }
        let mut tenant = Tenant { platform: id, client_id: new.client_id, api_key: new.api_key, users: Vec::new(), wallets: Vec::new() };
        for task in tasks {
            let (user, wallet) = task.await??;
            tenant.users.push(user);
            tenant.wallets.push(wallet);
        }
        tenants.push(tenant);
    }
    Ok(tenants)
}

async fn funded_wallet(installation: &Installation, platform: PlatformId) -> Result<(UserId, WalletId), Box<dyn Error>> {
    let mut ids = UuidIds::new(Arc::clone(&installation.clock), crate::installation::random_seed()?);
    let ctx = Ctx::system(platform, RequestId(ids.fresh()));
    let engine = &installation.engine;
    let person = PersonProfile {
        first_name: Some(Secret::new("Joe".to_owned())),
        last_name: Some(Secret::new("Blogs".to_owned())),
        birthday_s: Some(Secret::new(0)),
        nationality: Some("FR".to_owned()),
        country_of_residence: Some("FR".to_owned()),
        ..PersonProfile::default()
    };
    let email = Some(Secret::new("joe@example.com".to_owned()));
    let register = RegisterUser {
        profile: Profile { person, email, ..Profile::default() },
        category: Category::Owner,
        demands: Demands::All,
        has_accepted_terms: true,
    };
    let user = UserId(engine.run(ctx, register).await??.user.lead.id);
    let open = OpenWallet { owner: user, currency: Currency::EUR, description: Secret::new("bench".to_owned()), tag: None };
    let wallet = WalletId(engine.run(ctx, open).await??.lead.id);
    let money = Money::new(FUNDS, Currency::EUR)?;
    let account = ReceivingAccount {
        owner_name: String::new(),
        address_line1: String::new(),
        city: String::new(),
        postal_code: String::new(),
        country: String::new(),
        iban: String::new(),
        bic: String::new(),
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
    let pay_in = engine.run(ctx, declare).await??;
    let receive = ReceiveBankWire {
        pay_in: pay_in.id,
        to: Some(wallet.account()),
        received: money,
        booked_at: installation.clock.now(),
        bank_reference: None,
        debtor: None,
    };
    engine.run(ctx, receive).await??;
    Ok((user, wallet))
}

/// Transfers between random wallets of one platform, each with its own key; the key's digits are filled in when sent.
/// `fees` is in cents.
pub async fn transfer_requests(client: &Client, tenants: &[Tenant], fees: u8) -> Result<Requests, Box<dyn Error>> {
    let mut tokens = Vec::new();
    for tenant in tenants {
        tokens.push(token(client, tenant).await?);
    }
    let mut random = SmallRng::seed_from_u64(1);
    let mut texts = Vec::with_capacity(PREPARED);
    let mut number_at = None;
    for _ in 0..PREPARED {
        let at = below(&mut random, tenants.len());
        let (tenant, token) = (&tenants[at], &tokens[at]);
        let from = below(&mut random, tenant.wallets.len());
        let to = (from + 1 + below(&mut random, tenant.wallets.len() - 1)) % tenant.wallets.len();
        let user = spell(Prefix::User, tenant.users[from].0);
        let user = user.as_str();
        let wallets = [tenant.wallets[from], tenant.wallets[to]].map(|wallet| spell(Prefix::Wallet, wallet.0));
        let body = format!(
            "{{\"AuthorId\":\"{user}\",\"DebitedFunds\":{{\"Currency\":\"EUR\",\"Amount\":{:03}}},\"Fees\":{{\"Currency\":\"EUR\",\"Amount\":{fees}}},\
             \"DebitedWalletId\":\"{}\",\"CreditedWalletId\":\"{}\"}}",
            100 + below(&mut random, 900),
            wallets[0].as_str(),
            wallets[1].as_str()
        );
        let head = format!("POST /v2.01/{:<10}", tenant.client_id);
        let head = head.trim_end();
        let text = format!(
            "{head}/transfers HTTP/1.1\r\nIdempotency-Key: {}\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            "0".repeat(NUMBER_DIGITS),
            body.len()
        );
        // The key stands at the same place in every text: client ids are padded by a header where they are shorter.
        let at = text.find("Idempotency-Key: ").ok_or("no key")? + "Idempotency-Key: ".len();
        let widest = *number_at.get_or_insert(at.max(64));
        let padding = widest - at;
        let text = if padding == 0 { text } else { text.replacen(" HTTP/1.1", &format!("{} HTTP/1.1", query_padding(padding)), 1) };
        texts.push(text.into_bytes());
    }
    Ok(Requests { texts, number_at })
}

/// A query string of exactly this many bytes, which the server ignores.
fn query_padding(bytes: usize) -> String {
    format!("?{}", "x".repeat(bytes.saturating_sub(1)))
}

async fn token(client: &Client, tenant: &Tenant) -> Result<String, Box<dyn Error>> {
    let basic = BASE64_STANDARD.encode(format!("{}:{}", tenant.client_id, tenant.api_key));
    let body = "grant_type=client_credentials";
    let request = format!(
        "POST /v2.01/oauth/token HTTP/1.1\r\nHost: bench\r\nAuthorization: Basic {basic}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let (status, body) = client.once(request.as_bytes()).await?;
    let answer: serde_json::Value = serde_json::from_slice(&body)?;
    let token = answer.get("access_token").and_then(serde_json::Value::as_str);
    token.map(str::to_owned).ok_or_else(|| format!("no token: {status} {answer}").into())
}

fn below(random: &mut SmallRng, bound: usize) -> usize {
    usize::try_from(random.next_u64() % u64::try_from(bound.max(1)).unwrap_or(1)).unwrap_or(0)
}
