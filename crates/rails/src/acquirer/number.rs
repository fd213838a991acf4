//! Card numbers, while they are looked at: their check digit and their network.

use domain::card::{Network, TokenizerError};

use super::magic::{CARDS, Challenge, REFUSED_SECURITY_CODE};

/// What a number and its security code say about a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Looked {
    /// Its network.
    pub network: Network,
    /// Whether it asks its holder to authenticate.
    pub challenge: Challenge,
    /// Whether its issuer never honours it.
    pub is_refused: bool,
}

/// Looks at a number and its security code. Errors: `CardNumber`, `SecurityCode`.
pub fn look(number: &str, security_code: &str) -> Result<Looked, TokenizerError> {
    let magic = CARDS.iter().find(|(other, _, _)| *other == number);
    let (network, challenge) = match magic {
        Some((_, network, challenge)) => (*network, *challenge),
        None => (network_of(number).filter(|_| passes_luhn(number)).ok_or(TokenizerError::CardNumber)?, Challenge::OnDemand),
    };
    if !is_security_code(network, security_code) {
        return Err(TokenizerError::SecurityCode);
    }
    Ok(Looked { network, challenge, is_refused: security_code == REFUSED_SECURITY_CODE })
}

/// Three digits; American Express has four and takes three; Maestro and Bancontact may have none.
fn is_security_code(network: Network, code: &str) -> bool {
    let is_digits = code.bytes().all(|byte| byte.is_ascii_digit());
    let length_is_right = match (network, code.len()) {
        (_, 3) | (Network::Amex, 4) | (Network::Maestro | Network::Bcmc, 0) => true,
        (_, _) => false,
    };
    is_digits && length_is_right
}

/// Twelve to nineteen digits whose last one fits the others.
fn passes_luhn(number: &str) -> bool {
    if !(12..=19).contains(&number.len()) {
        return false;
    }
    let mut sum = 0_u32;
    for (place, byte) in number.bytes().rev().enumerate() {
        let Some(digit) = char::from(byte).to_digit(10) else { return false };
        sum += match (place % 2, digit) {
            (0, digit) => digit,
            (_, digit) if digit > 4 => digit * 2 - 9,
            (_, digit) => digit * 2,
        };
    }
    sum.is_multiple_of(10)
}

/// The network whose range a number is in.
fn network_of(number: &str) -> Option<Network> {
    let prefix: u32 = number.get(..6)?.parse().ok()?;
    let first = |digits: u32| prefix / 10_u32.pow(6 - digits);
    Some(match (first(1), first(2), first(3), first(4)) {
        (_, 34 | 37, _, _) => Network::Amex,
        (_, 35, _, _) => Network::Jcb,
        (_, 36 | 38 | 39, _, _) | (_, _, 300..=305, _) => Network::Diners,
        (4, ..) => Network::Visa,
        (_, 51..=55, _, _) | (_, _, _, 2221..=2720) => Network::Mastercard,
        (_, _, _, 6703) => Network::Bcmc,
        (_, 65, _, _) | (_, _, 644..=649, _) | (_, _, _, 6011) => Network::Discover,
        (_, 50 | 56..=58, _, _) | (6, ..) => Network::Maestro,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_numbers_have_the_network_of_their_range() {
        for (number, network) in [
            ("4111111111111111", Network::Visa),
            ("5555555555554444", Network::Mastercard),
            ("2223003122003222", Network::Mastercard),
            ("378282246310005", Network::Amex),
            ("6011111111111117", Network::Discover),
            ("3530111333300000", Network::Jcb),
            ("36227206271667", Network::Diners),
            ("6759649826438453", Network::Maestro),
        ] {
            assert_eq!(look(number, "123"), Ok(Looked { network, challenge: Challenge::OnDemand, is_refused: false }), "{number}");
        }
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for number in
            ["", "4111111111111112", "411111111111", "41111111111111111111", "4111 1111 1111 1111", "1111111111111117", "é111111111111111"]
        {
            assert_eq!(look(number, "123"), Err(TokenizerError::CardNumber), "{number}");
        }
    }

    #[test]
    fn security_codes_have_the_length_of_their_network() {
        for (number, code, is_right) in [
            ("4970107111111119", "123", true),
            ("4970107111111119", "1234", false),
            ("4970107111111119", "", false),
            ("4970107111111119", "12a", false),
            ("375989111111119", "1234", true),
            ("375989111111119", "123", true),
            ("5033951000000004", "", true),
        ] {
            assert_eq!(look(number, code).is_ok(), is_right, "{number} {code}");
        }
        assert!(look("4970107111111119", "999").unwrap().is_refused);
    }

    #[test]
    fn magic_cards_are_taken_as_the_table_says() {
        for (number, network, challenge) in CARDS {
            assert_eq!(look(number, "123"), Ok(Looked { network: *network, challenge: *challenge, is_refused: false }), "{number}");
        }
    }
}
