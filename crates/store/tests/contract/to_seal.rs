//! What says on PostgreSQL which rows wait for a block: whoever changes it is found out too.

use crate::harness::{PostgresHome, Site, moving, run};

/// Copies whatever transactions leave for the sealer.
const OVERHEAR: &str = "CREATE TABLE overheard (platform UUID, form BIGINT, names BYTEA);
    CREATE FUNCTION overhear() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN INSERT INTO overheard VALUES (NEW.platform, NEW.form, NEW.names); RETURN NEW; END';
    CREATE TRIGGER overhear BEFORE INSERT ON to_seal FOR EACH ROW EXECUTE FUNCTION overhear()";

fn told(site: &Site) -> String {
    site.scan.seals(&[]).unwrap().findings.iter().map(|finding| format!("{finding}\n")).collect()
}

#[test]
fn a_row_that_nobody_will_seal_is_found() {
    run(async {
        let home = PostgresHome::new();
        let site = Site::at(&home);
        let ctx = site.platform("first").await;
        let (from, to) = (site.purse(ctx, 100).await, site.purse(ctx, 0).await);
        site.seal_up();
        site.transfer(ctx, moving(from, to, 10, 0)).await.unwrap();
        home.psql("DELETE FROM to_seal; DELETE FROM unsealed");
        let told = told(&site);
        for table in ["entry", "audit"] {
            assert_eq!(told.matches(&format!("1 of {table} added")).count(), 1, "{told}");
        }
    });
}

#[test]
fn a_row_that_goes_before_it_is_sealed_is_found_before_and_after() {
    run(async {
        let home = PostgresHome::new();
        let site = Site::at(&home);
        let ctx = site.platform("first").await;
        let (from, to) = (site.purse(ctx, 100).await, site.purse(ctx, 0).await);
        site.seal_up();
        site.transfer(ctx, moving(from, to, 10, 0)).await.unwrap();
        home.psql("DELETE FROM audit WHERE seq = (SELECT max(seq) FROM audit)");
        let before = told(&site);
        assert!(before.contains("1 of audit missing"), "{before}");
        assert_eq!(before.lines().count(), 1, "{before}");
        site.seal_up();
        let after = told(&site);
        assert!(after.contains("gone before they were sealed"), "{after}");
        assert_eq!(after.lines().count(), 1, "{after}");
    });
}

#[test]
fn a_row_cannot_be_sealed_anew() {
    run(async {
        let home = PostgresHome::new();
        let site = Site::at(&home);
        home.psql(OVERHEAR);
        let ctx = site.platform("first").await;
        let (from, to) = (site.purse(ctx, 100).await, site.purse(ctx, 0).await);
        site.transfer(ctx, moving(from, to, 10, 0)).await.unwrap();
        site.seal_up();
        assert_eq!(told(&site), "");
        home.psql("DROP TRIGGER overhear ON to_seal; INSERT INTO to_seal (platform, form, names) SELECT * FROM overheard");
        let queued = told(&site);
        assert!(queued.contains("entry: row") && queued.contains("audit: row") && queued.contains("is sealed more than once"), "{queued}");
        site.seal_up();
        assert_eq!(told(&site), queued);
    });
}

/// Of a newer release, or damaged: what it stood for is told, and everything else is sealed.
#[test]
fn what_does_not_read_holds_up_nobody_else() {
    run(async {
        let home = PostgresHome::new();
        let site = Site::at(&home);
        let (stuck, other) = (site.platform("stuck").await, site.platform("other").await);
        let unread = format!("INSERT INTO unsealed (platform, of, form, count, names) VALUES ('{}', 1, 1, 1, '\\x80')", stuck.platform.0);
        home.psql(&format!("{unread}; INSERT INTO to_seal (platform, form, names) VALUES ('{}', 7, '')", stuck.platform.0));
        let (from, to) = (site.purse(other, 100).await, site.purse(other, 0).await);
        site.transfer(other, moving(from, to, 10, 0)).await.unwrap();
        let failed = tokio::task::block_in_place(|| site.sealer.seal_up(std::time::Duration::from_secs(60)));
        assert!(failed.is_err(), "not everything is sealed");
        let report = site.scan.seals(&[]).unwrap();
        let told: String = report.findings.iter().map(|finding| format!("{finding}\n")).collect();
        assert!(told.contains("unsealed.names: row") && told.contains("to_seal.names: row"), "{told}");
        assert_eq!((told.lines().count(), report.unsealed_entries, report.unsealed_audit), (2, 0, 0), "{told}");
    });
}
