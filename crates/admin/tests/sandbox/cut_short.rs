//! Steps that were cut short between the bank and the store, and a bank that does not answer.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use dialect_mangopay::wire::ids::{Prefix, parse};
use domain::ids::RequestId;
use domain::{Ctx, PaymentId};
use engine::rail::{BankRail, RailError};
use ledger::Role;
use rails::bank::{PayoutDesk, PayoutDeskError, SimulatedBank};
use serde_json::json;
use testkit::Silent;

use crate::world::{FRENCH, WAITS, World};

/// The answer of the bank was never recorded: the next look asks it by the same reference, and it is recorded once.
#[tokio::test]
async fn a_payout_that_was_cut_short_after_the_bank_took_it_goes_on() {
    let world = World::new().await;
    let (party, payout) = world.paid_out(FRENCH, Some("INSTANT_PAYMENT")).await;
    let bank = SimulatedBank::open(world.folder.path()).unwrap();
    let id = parse(&[Prefix::Payout], &payout).map(PaymentId).unwrap();
    let prepare = domain::payment::PreparePayout { payout: id };
    let ctx = Ctx::system(world.platforms[0].1, RequestId(ledger::Uid::from_bits(1)));
    let prepared = world.engine.run(ctx, prepare).await.unwrap().unwrap();
    let domain::payment::Prepared::Send { payment, destination, mode, at, settlement, magic } = prepared else { panic!("it ended") };
    let order = engine::rail::bank::CreditTransfer {
        reference: domain::payment::end_to_end_id(id),
        amount: payment.credited,
        mode,
        fall_back: engine::rail::bank::FallBack::Allowed,
        to: engine::rail::bank::Beneficiary { name: destination.holder_name.clone(), account: destination.details.clone() },
        statement_text: None,
        at,
        settlement,
        magic,
    };
    bank.send(order).await.unwrap();
    // Here the process died. The jobs find both sides as they are.
    world.advance_ms(2_000);
    world.run_jobs().await;
    let seen = world.payout(&payout).await;
    assert_eq!((&seen["Status"], &seen["ModeApplied"]), (&json!("SUCCEEDED"), &json!("INSTANT_PAYMENT")));
    assert_eq!((world.balance(&party).await, world.chart(Role::Safeguarding).await), (700, -720));
}

/// The bank had sent it back, and whoever was to book that died: the job that was left behind asks the bank, and it is
/// booked, once.
#[tokio::test]
async fn a_return_that_was_cut_short_is_booked_by_a_job() {
    let world = World::new().await;
    for has_succeeded in [true, false] {
        let (party, payout) = world.paid_out(WAITS, None).await;
        if has_succeeded {
            world.done(&format!("/payouts/{payout}/succeed"), json!({})).await;
            // Whatever was to be done about the payout itself is done.
            world.advance_ms(2_000);
            world.run_jobs().await;
        }
        world.is_dying.store(true, Ordering::SeqCst);
        assert_eq!(world.sandbox(&format!("/payouts/{payout}/return"), json!({"code": "AC04"})).await.0, 503);
        world.is_dying.store(false, Ordering::SeqCst);
        assert_eq!((world.balance(&party).await, world.get(&format!("/payouts/{payout}/refunds")).await), (700, json!([])));
        for _ in 0..2 {
            world.advance_ms(domain::payment::ASK_FOR_RETURN_AFTER_MS);
            world.run_jobs().await;
            let refunds = world.get(&format!("/payouts/{payout}/refunds")).await;
            assert_eq!((world.balance(&party).await, refunds.as_array().unwrap().len()), (980, 1), "{has_succeeded}");
        }
    }
}

/// The payout is neither sent nor failed as long as nobody knows, and goes on once the bank can be heard.
#[tokio::test]
async fn a_bank_that_never_answers_is_given_up_and_asked_again() {
    let world = World::new().await;
    let (party, payout) = world.paid_out(FRENCH, None).await;
    let id = parse(&[Prefix::Payout], &payout).map(PaymentId).unwrap();
    let ctx = Ctx::system(world.platforms[0].1, RequestId(ledger::Uid::from_bits(1)));
    let desk = PayoutDesk::new(world.engine.clone(), Arc::clone(&world.reads), Arc::new(Silent));
    // The clock of the runtime runs ahead to the next timer, so that nobody waits.
    tokio::time::pause();
    for _ in 0..2 {
        let unheard = desk.ask(ctx, id).await;
        assert!(matches!(unheard, Err(PayoutDeskError::Rail(RailError::Unavailable(_)))), "{unheard:?}");
    }
    tokio::time::resume();
    assert_eq!((&world.payout(&payout).await["Status"], world.balance(&party).await), (&json!("CREATED"), 700));
    world.advance_ms(2_000);
    world.run_jobs().await;
    assert_eq!(world.payout(&payout).await["Status"], json!("SUCCEEDED"));
}
