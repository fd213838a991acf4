//! Values that mean something in a sandbox, and nothing on production.

/// IBANs that are of tests: the vendor's and Florin's own.
pub const TEST_IBANS: &[&str] = &[
    "FR7630004000031234567890143",
    "FR541558929750ZZZZZZAC01915",
    "FR389999900001UNREACH000112",
    "FR699999900001WAITS00000172",
    "FR7611808009101234567890147",
    "DE75512108001245126199",
];
/// The number of a bank account in the United Kingdom that is.
pub const TEST_GB_ACCOUNT: &str = "55779911";
