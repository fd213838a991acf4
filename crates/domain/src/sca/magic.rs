//! What means something special on sandbox platforms: every magic value of strong customer authentication is here.

/// The only code that is right; no message with it is sent. Source: reference, people part, 5.1 and 12.
pub const CODE: &str = "702100";

/// A user whose e-mail address, or whose representative's, contains this is never asked.
/// Source: reference, money part, 11 ("Sandbox: SCA bypassed").
pub const BYPASS: &str = "accept";
