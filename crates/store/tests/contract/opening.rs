//! What a start refuses.

use crate::harness::{Home, Site};

crate::on_both_stores!(another_master_key_is_refused, a_newer_schema_is_refused, a_store_is_opened_twice_only_where_it_may_be);

async fn another_master_key_is_refused(home: &impl Home) {
    drop(Site::at(home));
    let refused = home.open_with(8).err().expect("it is refused");
    assert!(refused.contains("master key"), "{refused}");
    drop(Site::at(home));
}

async fn a_newer_schema_is_refused(home: &impl Home) {
    drop(Site::at(home));
    home.make_newer();
    let refused = home.open_with(7).err().expect("it is refused");
    assert!(refused.contains("newer"), "{refused}");
}

async fn a_store_is_opened_twice_only_where_it_may_be(home: &impl Home) {
    let site = Site::at(home);
    assert_eq!(home.open_with(7).is_ok(), home.is_shared());
    drop(site);
}

mod only_postgres {
    use std::sync::Arc;

    use store::vault::Vault;
    use testkit::postgres::Server;

    use crate::harness::{Home, PostgresHome};

    #[test]
    fn a_server_that_does_not_sync_is_refused() {
        for (settings, named) in [("-c fsync=off", "fsync"), ("-c synchronous_commit=off", "synchronous_commit")] {
            let server = Server::start(settings);
            let refused = store::postgres::open(&server.database(), Arc::new(Vault::new(&[7; 32]))).err().expect("it is refused");
            assert!(refused.to_string().contains(named), "{refused}");
        }
    }

    /// Servers that start at once on an empty database wait for each other's migrations.
    #[test]
    fn many_servers_may_start_at_once() {
        let home = PostgresHome::new();
        std::thread::scope(|scope| {
            let all: Vec<_> = (0..6).map(|_| scope.spawn(|| home.open_with(7).map(drop))).collect();
            for one in all {
                one.join().unwrap().unwrap();
            }
        });
    }

    #[test]
    fn an_url_that_is_none_says_so() {
        let refused = store::postgres::open("postgres://x:secret@", Arc::new(Vault::new(&[7; 32]))).err().expect("it is refused");
        assert!(!refused.to_string().contains("secret"));
    }
}
