//! What may not be done with which countries. Source: reference, people part, 4.8.

/// What is refused for one country.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CountryRule {
    /// No money is taken from there.
    pub refuses_pay_ins: bool,
    /// No user may live or sit there.
    pub blocks_users: bool,
    /// No bank account there may be taken up.
    pub blocks_bank_accounts: bool,
    /// No money is paid out to there.
    pub blocks_payouts: bool,
}

/// Countries with which nothing may be done, then codes that are no longer used or stand for nobody's home.
const ALL_BLOCKED: &[&str] = &["CU", "IR", "KP", "MM", "SY", "AN", "BV", "GS", "HM", "WL", "YU"];
/// Countries where users may live, and no money may come from or go to.
const MONEY_BLOCKED: &[&str] =
    &["AF", "BY", "CD", "CF", "ER", "ET", "GN", "IQ", "LB", "LR", "LY", "ML", "RU", "SD", "SO", "SS", "UA", "VE", "YE", "ZW"];
/// Countries whose nationals are refused wherever they live.
const NATIONALS_BLOCKED: &[&str] = &["KP"];

/// The rule of a country by its ISO 3166-1 alpha-2 code; a country that is not listed is free.
#[must_use]
pub fn country_rule(code: &str) -> CountryRule {
    let blocks_users = ALL_BLOCKED.contains(&code);
    let blocks_money = blocks_users || MONEY_BLOCKED.contains(&code);
    CountryRule { refuses_pay_ins: blocks_money, blocks_users, blocks_bank_accounts: blocks_money, blocks_payouts: blocks_money }
}

/// Whether nobody of this nationality may be a user.
#[must_use]
pub fn blocks_nationals(code: &str) -> bool {
    NATIONALS_BLOCKED.contains(&code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn countries_are_blocked_free_or_in_between() {
        for (code, users, money) in [("KP", true, true), ("AN", true, true), ("RU", false, true), ("UA", false, true), ("FR", false, false)]
        {
            let rule = country_rule(code);
            assert_eq!((rule.blocks_users, rule.blocks_payouts), (users, money), "{code}");
            assert_eq!([rule.refuses_pay_ins, rule.blocks_bank_accounts, rule.blocks_payouts], [money; 3], "{code}");
        }
        assert!(blocks_nationals("KP") && !blocks_nationals("CU"));
    }

    #[test]
    fn no_country_is_listed_twice() {
        assert!(MONEY_BLOCKED.is_sorted());
        assert!(!MONEY_BLOCKED.iter().any(|code| ALL_BLOCKED.contains(code)));
        assert!(NATIONALS_BLOCKED.iter().all(|code| ALL_BLOCKED.contains(code)));
    }
}
