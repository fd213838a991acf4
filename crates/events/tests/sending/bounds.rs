//! A target that hangs keeps nobody waiting but itself.

use std::time::Instant;

use domain::EventType;
use domain::hook::Told;

use crate::receiver::{Manner, Receiver};
use crate::scene::{Scene, TOO_LONG, is_delivered};

const ONE: EventType = EventType::KycSucceeded;
const OTHER: EventType = EventType::KycFailed;

#[tokio::test]
async fn hanging_targets_of_the_same_and_of_other_platforms_delay_nobody() {
    let mut scene = Scene::new();
    let (healthy, hanging) = (Receiver::new(Manner::Status(200)).await, Receiver::new(Manner::Hang).await);
    let mine = scene.platform(1).await;
    scene.hook(mine, ONE, &healthy.url()).await;
    scene.hook(mine, OTHER, &hanging.url()).await;
    let mut others = Vec::new();
    for number in 2..40 {
        let ctx = scene.platform(number).await;
        scene.hook(ctx, OTHER, &hanging.url()).await;
        others.push(ctx);
    }
    scene.send().await;
    for subject in 0..20 {
        scene.happen(mine, OTHER, subject).await;
        for ctx in &others {
            scene.happen(*ctx, OTHER, subject).await;
        }
    }
    hanging.sees(39).await;
    let began = Instant::now();
    for subject in 0..200 {
        scene.happen(mine, ONE, subject).await;
    }
    healthy.sees(200).await;
    // Each of the hanging ones takes two seconds, and there are hundreds: had anybody waited for them, it would be minutes.
    assert!(began.elapsed() < TOO_LONG, "{:?}", began.elapsed());
    let told = scene.all(mine).await.into_iter().filter(|it| it.event == OTHER && it.told == Some(Told::Status(200))).count();
    assert_eq!(told, 0);
}

#[tokio::test]
async fn an_answer_without_end_is_a_success_that_is_not_read() {
    let mut scene = Scene::new();
    let receiver = Receiver::new(Manner::Endless).await;
    let ctx = scene.platform(1).await;
    scene.hook(ctx, ONE, &receiver.url()).await;
    scene.send().await;
    for subject in 0..3 {
        scene.happen(ctx, ONE, subject).await;
    }
    let all = scene.until(ctx, is_delivered).await;
    assert!(all.iter().all(|it| it.told == Some(Told::Status(200))));
    let connections: std::collections::BTreeSet<usize> = receiver.seen().iter().map(|it| it.connection).collect();
    assert_eq!(connections.len(), 3, "a connection that still talks is not used again");
}
