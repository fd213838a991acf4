//! Taking up a user.

use super::{Address, Blocks, Category, Identity, LegalForm, Person, User, UserStatus, Verification};
use crate::ids::PersonId;
use crate::{Command, Desk, EventType, Record, Secret, UserId};

/// Who is to be taken up.
#[derive(Clone, Debug)]
pub enum NewIdentity {
    /// One natural person.
    Natural {
        /// That person.
        person: Person,
    },
    /// An organisation.
    Legal {
        /// The person who acts for it.
        representative: Person,
        /// Registered name.
        name: Secret<String>,
        /// What kind of organisation it is.
        form: LegalForm,
        /// Number in its company register, as given.
        company_number: Option<Secret<String>>,
        /// Where it sits.
        headquarters: Address,
    },
}

/// Takes up a user with the person it is, or who acts for it.
#[derive(Clone, Debug)]
pub struct RegisterUser {
    /// Who it is.
    pub identity: NewIdentity,
    /// What it may do with money.
    pub category: Category,
    /// The address it is written to.
    pub email: Secret<String>,
    /// Whether the terms are accepted.
    pub has_accepted_terms: bool,
    /// The platform's note.
    pub tag: Option<Secret<String>>,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegisterUserError {
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

    /// Source: reference, people part, 4.3 to 4.5 and 4.9.
    fn decide(&self, desk: &mut Desk<'_>) -> Result<UserView, RegisterUserError> {
        let policy = desk.platform();
        if self.category == Category::Owner && !self.has_accepted_terms {
            return Err(RegisterUserError::TermsNotAccepted);
        }
        let (NewIdentity::Natural { person } | NewIdentity::Legal { representative: person, .. }) = &self.identity;
        if policy.is_some_and(|platform| platform.policy.refuses_fake_names) && person.has_fake_name() {
            return Err(RegisterUserError::FakeName);
        }
        let now = desk.now();
        let id: UserId = desk.fresh_object();
        let person_id: PersonId = desk.fresh();
        let identity = match &self.identity {
            NewIdentity::Natural { .. } => Identity::Natural { person: person_id },
            NewIdentity::Legal { name, form, company_number, headquarters, .. } => Identity::Legal {
                representative: person_id,
                name: name.clone(),
                form: *form,
                company_number: company_number.clone(),
                headquarters: headquarters.clone(),
            },
        };
        let user = User {
            identity,
            category: self.category,
            status: UserStatus::Active,
            verification: Verification::Light,
            blocks: Blocks::default(),
            email: self.email.clone(),
            has_accepted_terms: self.has_accepted_terms,
            terms_accepted_at: self.has_accepted_terms.then_some(now),
            tag: self.tag.clone(),
        };
        if let Some(is_valid) = user.company_number_is_valid() {
            desk.emit(if is_valid { EventType::CompanyNumberValid } else { EventType::CompanyNumberInvalid }, id);
        }
        let user = desk.insert(id, user);
        let person = desk.insert(person_id, Person { user: Some(id), ..person.clone() });
        Ok(UserView { user, person })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::workbench::World;

    fn joe(category: Category) -> RegisterUser {
        let person = Person { first_name: Secret::new("Joe".to_owned()), last_name: Secret::new("Blogs".to_owned()), ..Person::default() };
        RegisterUser {
            identity: NewIdentity::Natural { person },
            category,
            email: Secret::new("joe@example.com".to_owned()),
            has_accepted_terms: true,
            tag: None,
        }
    }

    #[test]
    fn user_and_person_come_together() {
        let mut world = World::new();
        let view = world.run(&joe(Category::Owner)).unwrap();
        let user = view.user.body::<User>().unwrap();
        let person = view.person.body::<Person>().unwrap();
        assert_eq!(Some(user.person().0), Some(view.person.lead.id));
        assert_eq!(person.user.map(|user| user.0), Some(view.user.lead.id));
        assert_eq!((user.status, user.verification, user.terms_accepted_at), (UserStatus::Active, Verification::Light, Some(world.now)));
    }

    #[test]
    fn only_an_owner_has_to_accept_the_terms() {
        for (category, accepted) in [(Category::Owner, false), (Category::Payer, true)] {
            let register = RegisterUser { has_accepted_terms: false, ..joe(category) };
            assert_eq!(World::new().run(&register).is_ok(), accepted, "{category:?}");
        }
    }

    #[test]
    fn made_up_names_are_refused_where_the_policy_says_so() {
        let mut register = joe(Category::Payer);
        if let NewIdentity::Natural { person } = &mut register.identity {
            person.last_name = Secret::new("Test".to_owned());
        }
        let mut world = World::new();
        assert!(world.run(&register).is_ok());
        world.change_policy(|policy| policy.refuses_fake_names = true);
        assert_eq!(world.run(&register).unwrap_err(), RegisterUserError::FakeName);
    }
}
