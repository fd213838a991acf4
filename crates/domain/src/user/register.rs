//! Taking up a user.

use super::{Blocks, Category, Demands, Profile, User, UserStatus, Verification, WrongField};
use crate::ids::PersonId;
use crate::{Command, Desk, EventType, ObjectKind, Record, UserId};

/// Takes up a user with the person it is, or who acts for it.
#[derive(Clone, Debug)]
pub struct RegisterUser {
    /// Who it is.
    pub profile: Profile,
    /// What it may do with money.
    pub category: Category,
    /// How much has to be said of it.
    pub demands: Demands,
    /// Whether the terms are accepted.
    pub has_accepted_terms: bool,
}

/// A user and the person behind it, as they are now.
#[derive(Clone, Debug)]
pub struct UserView {
    /// The user.
    pub user: Record,
    /// The person.
    pub person: Record,
}

/// Why a user was not taken up. The first that applies, in this order.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegisterUserError {
    /// Fields are missing or name blocked countries: all of them.
    #[error("fields are missing or wrong")]
    Wrong(Vec<WrongField>),
    /// An owner has to accept the terms.
    #[error("the terms are not accepted")]
    TermsNotAccepted,
    /// A name looks made up, and the policy refuses that.
    #[error("a name looks made up")]
    FakeName,
}

impl Command for RegisterUser {
    type Outcome = UserView;
    type Error = RegisterUserError;
    const NAME: &'static str = "user.register";

    /// Source: reference, people part, 4.3 to 4.5, 4.8 and 4.9.
    fn decide(&self, desk: &mut Desk<'_>) -> Result<UserView, RegisterUserError> {
        self.take_up(desk, UserStatus::Active)
    }
}

impl RegisterUser {
    /// Takes the user up, standing at `status`.
    pub(crate) fn take_up(&self, desk: &mut Desk<'_>, status: UserStatus) -> Result<UserView, RegisterUserError> {
        let platform = desk.platform();
        let policy = platform.as_ref().map(|platform| &platform.policy);
        let wrong = self.profile.wrong(self.category, self.demands);
        if !wrong.is_empty() {
            return Err(RegisterUserError::Wrong(wrong));
        }
        if self.category == Category::Owner && !self.has_accepted_terms {
            return Err(RegisterUserError::TermsNotAccepted);
        }
        let keeps_less = self.category == Category::Payer && policy.is_some_and(|policy| policy.has_categories);
        let profile = if keeps_less { self.profile.clone().of_payer() } else { self.profile.clone() };
        let (id, person_id): (UserId, PersonId) = (desk.fresh_object(ObjectKind::User), desk.fresh());
        let person = profile.person(id);
        if policy.is_some_and(|policy| policy.refuses_fake_names()) && person.has_fake_name() {
            return Err(RegisterUserError::FakeName);
        }
        let Some(identity) = profile.identity(person_id) else { return Err(RegisterUserError::Wrong(Vec::new())) };
        let now = desk.now();
        let user = User {
            identity,
            category: self.category,
            status,
            verification: Verification::Light,
            blocks: Blocks::default(),
            block_reason: None,
            email: profile.email.unwrap_or_default(),
            has_accepted_terms: self.has_accepted_terms,
            terms_accepted_at: self.has_accepted_terms.then_some(now),
            tag: profile.tag,
            is_held: false,
        };
        desk.judge_company_number(&user, id);
        let user = desk.insert(id, user);
        let person = desk.insert(person_id, person);
        Ok(UserView { user, person })
    }
}

impl Desk<'_> {
    /// Tells whether a user's company number has the form of its country, where there is something to judge.
    pub(super) fn judge_company_number(&mut self, user: &User, id: UserId) {
        if let Some(is_valid) = user.company_number_is_valid() {
            self.emit(if is_valid { EventType::CompanyNumberValid } else { EventType::CompanyNumberInvalid }, id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{acme, joe};
    use super::*;
    use crate::Secret;
    use crate::core::workbench::World;
    use crate::user::{Identity, Person, Problem, UserField};

    #[test]
    fn user_and_person_come_together() {
        let mut world = World::new();
        let view = world.run(&joe(Category::Owner)).unwrap();
        let user = view.user.body::<User>().unwrap();
        let person = view.person.body::<Person>().unwrap();
        assert_eq!(Some(user.person().0), Some(view.person.lead.id));
        assert_eq!(person.user.map(|user| user.0), Some(view.user.lead.id));
        assert_eq!((user.status, user.verification, user.terms_accepted_at), (UserStatus::Active, Verification::Light, Some(world.now)));
        assert!(world.events().is_empty());
    }

    #[test]
    fn only_an_owner_has_to_accept_the_terms() {
        for (category, accepted) in [(Category::Owner, false), (Category::Payer, true)] {
            let register = RegisterUser { has_accepted_terms: false, ..joe(category) };
            assert_eq!(World::new().run(&register).is_ok(), accepted, "{category:?}");
        }
    }

    #[test]
    fn what_is_missing_or_blocked_is_named_before_anything_else() {
        let mut register = RegisterUser { has_accepted_terms: false, ..joe(Category::Owner) };
        register.profile.person.birthday_s = None;
        register.profile.person.country_of_residence = Some("SY".to_owned());
        let wrong = vec![
            WrongField { field: UserField::Birthday, problem: Problem::Missing },
            WrongField { field: UserField::CountryOfResidence, problem: Problem::BlockedCountry },
        ];
        assert_eq!(World::new().run(&register).unwrap_err(), RegisterUserError::Wrong(wrong));
    }

    #[test]
    fn what_a_payer_need_not_say_is_not_kept_where_there_are_categories() {
        for (has_categories, kept) in [(true, false), (false, true)] {
            let mut world = World::new();
            world.change_policy(|policy| policy.has_categories = has_categories);
            let person = world.run(&joe(Category::Payer)).unwrap().person.body::<Person>().unwrap();
            assert_eq!([person.birthday_s.is_some(), person.nationality.is_some(), person.occupation.is_some()], [kept; 3]);
            let user = world.run(&acme(Category::Payer)).unwrap().user.body::<User>().unwrap();
            let Identity::Legal { company_number, headquarters, .. } = &user.identity else { panic!("not legal") };
            assert_eq!([company_number.is_some(), headquarters.country.is_some()], [kept; 2]);
        }
    }

    #[test]
    fn a_company_number_is_judged_where_its_country_has_a_form() {
        for (country, number, told) in
            [("FR", "123456789", &[EventType::CompanyNumberValid][..]), ("FR", "12", &[EventType::CompanyNumberInvalid]), ("US", "12", &[])]
        {
            let mut register = acme(Category::Owner);
            let organisation = register.profile.organisation.as_mut().unwrap();
            organisation.company_number = Some(Secret::new(number.to_owned()));
            organisation.headquarters.as_mut().unwrap().country = Some(country.to_owned());
            let mut world = World::new();
            world.run(&register).unwrap();
            assert_eq!(world.events(), told, "{country} {number}");
        }
    }

    #[test]
    fn made_up_names_are_refused_where_the_policy_says_so() {
        let mut register = joe(Category::Payer);
        register.profile.person.last_name = Some(Secret::new("Test".to_owned()));
        let mut world = World::new();
        assert!(world.run(&register).is_ok());
        world.change_policy(|policy| policy.refuses_fake_names = true);
        assert_eq!(world.run(&register).unwrap_err(), RegisterUserError::FakeName);
    }
}
