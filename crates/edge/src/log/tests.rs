use ledger::Uid;

use super::*;

fn platform(number: u128) -> PlatformId {
    PlatformId(Uid::from_bits(number))
}

fn answered(of: u128, request: u128, body: &'static [u8]) -> Answered<'static> {
    Answered {
        request: RequestId(Uid::from_bits(request)),
        platform: platform(of),
        key: ApiKeyId(Uid::from_bits(7)),
        by: By::Bearer,
        at: Timestamp::from_ms(i64::try_from(request).unwrap()),
        took_ms: 5,
        method: &Method::POST,
        pattern: "/a/{B}",
        path: "/a/b?c=d",
        idempotency_key: None,
        body: Some(body),
        status: 200,
        answer: Some(Bytes::from_static(b"{}")),
    }
}

fn numbers(log: &RequestLog, of: u128) -> Vec<u128> {
    let (entries, _) = log.list(platform(of), 0, usize::MAX, |_| true);
    entries.iter().map(|entry| u128::from_be_bytes(entry.request.0.to_bytes())).collect()
}

#[test]
fn a_request_reads_back_as_it_came() {
    let log = RequestLog::default();
    let key = HeaderValue::from_static("0123456789abcdef");
    log.note(Answered { idempotency_key: Some(&key), ..answered(1, 10, b"{\"a\":1}") }, &[Habit::Call]);
    let entry = log.find(platform(1), RequestId(Uid::from_bits(10))).unwrap();
    assert_eq!((entry.path(), entry.body(), entry.status, entry.is_whole()), ("/a/b?c=d", Some(&b"{\"a\":1}"[..]), 200, true));
    assert_eq!(entry.idempotency_hash, Some(log.hash_of("0123456789abcdef")));
    assert!(log.find(platform(2), RequestId(Uid::from_bits(10))).is_none(), "another platform has not asked that");
    assert_eq!(log.tally(platform(1)).unwrap().of(Habit::Call), 1);
    log.forget(platform(1));
    assert!(log.find(platform(1), RequestId(Uid::from_bits(10))).is_none());
}

#[test]
fn what_may_hold_a_card_or_is_too_long_is_not_kept() {
    let log = RequestLog::default();
    log.note(answered(1, 1, b"{\"x\":\"4970 1051 8181 8183\"}"), &[]);
    log.note(answered(1, 2, &[b'x'; BODY_KEPT_BYTES + 1]), &[]);
    log.note(Answered { path: "/cards/4970105181818183", ..answered(1, 3, b"") }, &[]);
    log.note(Answered { body: None, ..answered(1, 4, b"") }, &[]);
    log.note(Answered { answer: Some(Bytes::from_static(b"4970105181818183")), ..answered(1, 5, b"") }, &[]);
    let find = |number| log.find(platform(1), RequestId(Uid::from_bits(number))).unwrap();
    assert_eq!(
        [1, 2, 3, 4, 5].map(|number| find(number).body_is),
        [Body::MayHoldCard, Body::TooLong, Body::Kept, Body::NotTaken, Body::Kept]
    );
    assert!([1, 2, 4].map(find).iter().all(|entry| entry.body().is_none() && !entry.is_whole()));
    assert_eq!((find(3).path(), find(3).is_whole()), ("/", false));
    assert_eq!(find(5).answer, None);
}

#[test]
fn a_platform_keeps_its_newest_within_its_bytes() {
    let log = RequestLog::default();
    for number in 1..=100 {
        log.note(answered(1, number, &[b'x'; 16 * 1_024]), &[]);
    }
    let kept = numbers(&log, 1);
    assert_eq!(kept.first(), Some(&100));
    assert!(kept.len() > 20 && kept.len() < 33, "{}", kept.len());
    assert!(log.lock().bytes <= PLATFORM_BYTES);
}

#[test]
fn one_platform_pushes_out_nothing_of_another() {
    let log = RequestLog::default();
    log.note(answered(1, 1, b"quiet"), &[]);
    for number in 2..=500 {
        log.note(answered(2, number, &[b'x'; 8 * 1_024]), &[]);
    }
    assert_eq!(numbers(&log, 1), [1]);
}

#[test]
fn many_platforms_share_what_there_is() {
    let log = RequestLog::default();
    for of in 1..=1_000 {
        for number in 1..=40 {
            log.note(answered(of, number, &[b'x'; 1_024]), &[]);
        }
    }
    let bytes = log.lock().bytes;
    assert!(bytes <= ALL_BYTES && bytes > ALL_BYTES / 2, "{bytes}");
    assert!((1..=1_000).all(|of| numbers(&log, of).first() == Some(&40)));
    for of in 1_001..=5_000 {
        log.note(answered(of, 1, b""), &[]);
    }
    assert_eq!(log.lock().rings.len(), PLATFORMS_KEPT);
    assert!(numbers(&log, 1).is_empty() && numbers(&log, 5_000) == [1]);
}

#[test]
fn who_is_turned_away_on_and_on_pushes_out_nothing_else() {
    let log = RequestLog::default();
    log.note(answered(1, 1, b"of interest"), &[]);
    for number in 2..=2_000 {
        log.note(Answered { status: 429, ..answered(1, number, b"") }, &[Habit::TooMany]);
    }
    log.note(answered(1, 2_001, b""), &[]);
    let kept = numbers(&log, 1);
    assert_eq!((kept.first(), kept.get(1), kept.last(), kept.len()), (Some(&2_001), Some(&2_000), Some(&1), 66));
    assert_eq!(log.tally(platform(1)).unwrap().of(Habit::TooMany), 1_999);
}

fn stranger(request: u128, origin: u8, client_id: &str) -> Stranger {
    let named = [Some(client_id), None];
    Stranger::new(
        RequestId(Uid::from_bits(request)),
        Timestamp::from_ms(1),
        Method::GET,
        "/v2.01/me/wallets",
        401,
        Shown::Bearer,
        named,
        [origin; 16],
    )
}

#[test]
fn one_stranger_does_not_fill_the_ring_of_strangers() {
    let log = RequestLog::default();
    log.note(answered(1, 1, b"mine"), &[]);
    log.note_stranger(stranger(2, 1, "me"));
    for number in 3..=3_000 {
        log.note_stranger(stranger(number, 2, "me"));
    }
    assert_eq!(numbers(&log, 1), [1], "nothing of a platform is touched");
    let kept = log.strangers("me");
    assert_eq!(kept.len(), 1 + 32);
    assert!(log.find_stranger("me", RequestId(Uid::from_bits(2))).is_some(), "nor of somebody else");
    assert!(log.find_stranger("you", RequestId(Uid::from_bits(2))).is_none(), "who is named sees it, nobody else");
    for number in 4_000..6_000 {
        log.note_stranger(stranger(number, u8::try_from(number % 251).unwrap(), "you"));
    }
    assert_eq!(log.strangers("you").len(), 512);
}

#[test]
fn filters_and_pages_are_of_what_is_wanted() {
    let log = RequestLog::default();
    for number in 1..=9_u128 {
        log.note(Answered { status: if number % 2 == 0 { 400 } else { 200 }, ..answered(1, number, b"") }, &[]);
    }
    let page = |skipped, limit| {
        let (entries, total) = log.list(platform(1), skipped, limit, |entry| entry.status == 200);
        (entries.iter().map(|entry| u128::from_be_bytes(entry.request.0.to_bytes())).collect::<Vec<_>>(), total)
    };
    assert_eq!(page(0, 2), (vec![9, 7], 5));
    assert_eq!(page(4, 2), (vec![1], 5));
    assert_eq!(page(5, 2), (vec![], 5));
}

#[test]
fn paths_of_the_sandbox_are_counted_each() {
    let log = RequestLog::default();
    for _ in 0..3 {
        log.note(answered(1, 1, b""), &[Habit::SandboxCall]);
    }
    assert_eq!(log.tally(platform(1)).unwrap().sandbox().collect::<Vec<_>>(), [("/a/{B}", 3)]);
}
