//! A sandbox that wants everything sent now, and to know when it is.

use std::sync::Arc;
use std::time::Duration;

use domain::EventType;
use domain::hook::Told;
use engine::Drained;
use tokio::time::Instant;

use crate::receiver::{Manner, Receiver};
use crate::scene::{Scene, TEN_MINUTES_MS, TOO_LONG, is_delivered};

const ONE: EventType = EventType::KycSucceeded;
const OTHER: EventType = EventType::KycFailed;

fn far() -> Instant {
    Instant::now().checked_add(TOO_LONG).unwrap()
}

#[tokio::test]
async fn everything_due_is_over_and_noted_when_it_says_so() {
    let mut scene = Scene::new();
    let (healthy, hanging) = (Receiver::new(Manner::Status(200)).await, Receiver::new(Manner::Hang).await);
    let ctx = scene.platform(1).await;
    scene.hook(ctx, ONE, &healthy.url()).await;
    scene.hook(ctx, OTHER, &hanging.url()).await;
    scene.send().await;
    for subject in 0..40 {
        scene.happen(ctx, ONE, subject).await;
        scene.happen(ctx, OTHER, subject).await;
    }
    let drained = scene.couriers.deliver_due(ctx.platform, far()).await.unwrap();
    assert_eq!(drained.waiting, 0);
    for delivery in scene.all(ctx).await {
        let expected = if delivery.event == ONE { Told::Status(200) } else { Told::TimedOut };
        assert_eq!((delivery.told, delivery.attempts), (Some(expected), 1));
    }
    // All forty hang side by side: at most a second round could have begun before it was asked for.
    let slowest = scene.all(ctx).await.iter().filter_map(|it| it.took_ms).max().unwrap();
    assert!(slowest >= 2_000, "{slowest}");
    assert_eq!(scene.couriers.deliver_due(ctx.platform, far()).await.unwrap(), Drained { done: 0, waiting: 0 });
    hanging.behave(Manner::Status(200));
    scene.advance(ctx, TEN_MINUTES_MS).await;
    scene.couriers.deliver_due(ctx.platform, far()).await.unwrap();
    assert!(scene.all(ctx).await.iter().all(is_delivered));
    assert_eq!(scene.couriers.next_due(ctx.platform).await.unwrap(), None);
}

#[tokio::test]
async fn what_hangs_is_told_as_waiting_when_the_time_is_over() {
    let mut scene = Scene::new();
    let hanging = Receiver::new(Manner::Hang).await;
    let ctx = scene.platform(1).await;
    scene.hook(ctx, ONE, &hanging.url()).await;
    scene.send().await;
    scene.happen(ctx, ONE, 1).await;
    hanging.sees(1).await;
    let soon = Instant::now().checked_add(Duration::from_millis(50)).unwrap();
    assert_eq!(scene.couriers.deliver_due(ctx.platform, soon).await.unwrap().waiting, 1);
}

/// Keeps everything back for the next one.
struct Swap;

impl events::Meddler for Swap {
    fn meddle(&self, _: &domain::hook::Delivery) -> events::Meddling {
        events::Meddling::Swap
    }
}

#[tokio::test]
async fn what_is_kept_back_for_a_next_one_goes_when_there_is_none() {
    let mut scene = Scene::with(events::Reach::Local, Arc::new(Swap));
    let receiver = Receiver::new(Manner::Status(200)).await;
    let ctx = scene.platform(1).await;
    scene.hook(ctx, ONE, &receiver.url()).await;
    scene.send().await;
    for subject in 0..3 {
        scene.happen(ctx, ONE, subject).await;
    }
    assert_eq!(scene.couriers.deliver_due(ctx.platform, far()).await.unwrap().waiting, 0);
    assert!(scene.all(ctx).await.iter().all(is_delivered));
}
