//! Changing what is known of a user, and what it may do.

use std::sync::Arc;

use super::{Category, Demands, Identity, Person, PersonKind, Problem, Profile, User, UserField, UserView, Verification, WrongField};
use crate::platform::Platform;
use crate::{Command, Desk, EventType, Needs, Record, Timestamp, UserId};

/// Changes a user and the person behind it; what is absent stays.
#[derive(Clone, Debug)]
pub struct UpdateUser {
    /// Which one.
    pub user: UserId,
    /// What kind of user it was asked for as; one of the other kind is not there.
    pub kind: PersonKind,
    /// What is said of it now.
    pub profile: Profile,
    /// The category it is to have.
    pub category: Option<Category>,
    /// How much has to be known of it afterwards.
    pub demands: Demands,
    /// Whether the terms are accepted.
    pub has_accepted_terms: Option<bool>,
}

/// Why a user was not changed. The first that applies, in this order.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpdateUserError {
    /// There is no such user of that kind on the platform.
    #[error("there is no such user")]
    NotFound,
    /// It is closed.
    #[error("the user is closed")]
    Closed,
    /// Fields are missing, name blocked countries, or ask for a category that the user may not have: all of them.
    #[error("fields are missing or wrong")]
    Wrong(Vec<WrongField>),
    /// Terms that were accepted stay so.
    #[error("the terms were accepted before")]
    TermsRevoked,
    /// An owner has to accept the terms.
    #[error("the terms are not accepted")]
    TermsNotAccepted,
    /// A name looks made up, and the policy refuses that.
    #[error("a name looks made up")]
    FakeName,
}

/// A user that was found, with its parts.
struct Found {
    user_record: Record,
    person_record: Record,
    user: Arc<User>,
    person: Arc<Person>,
}

impl Command for UpdateUser {
    type Outcome = UserView;
    type Error = UpdateUserError;
    const NAME: &'static str = "user.update";

    fn needs(&self, need: &mut Needs<'_>) {
        need.record::<User>(self.user);
    }

    /// Source: reference, people part, 4.2, 4.5, 4.6, 4.8 and 4.9.
    fn decide(&self, desk: &mut Desk<'_>) -> Result<UserView, UpdateUserError> {
        let platform = desk.platform();
        let found = self.find(desk).ok_or(UpdateUserError::NotFound)?;
        if found.user.is_closed() {
            return Err(UpdateUserError::Closed);
        }
        let wrong = self.wrong(&found.user, &found.person);
        if !wrong.is_empty() {
            return Err(UpdateUserError::Wrong(wrong));
        }
        let category = self.category_of(&found.user);
        let profile = Profile::of(&found.user, &found.person).overlaid(self.profile.clone());
        let terms = self.terms(&found.user, category, desk.now())?;
        let (user, person) = changed(&found, profile, category, terms, platform.as_deref());
        if platform.is_some_and(|platform| platform.policy.refuses_fake_names()) && person.has_fake_name() {
            return Err(UpdateUserError::FakeName);
        }
        desk.note_object(self.user);
        self.tell(desk, &found, &user);
        let user = desk.update(&found.user_record, user);
        let person = desk.update(&found.person_record, person);
        Ok(UserView { user, person })
    }
}

/// Whether the terms are accepted, and since when.
type Terms = (bool, Option<Timestamp>);

impl UpdateUser {
    fn find(&self, desk: &mut Desk<'_>) -> Option<Found> {
        let user_record = desk.find_record::<User>(self.user)?;
        let user = user_record.body::<User>().filter(|user| user.kind() == self.kind)?;
        let person_record = desk.find_record::<Person>(user.person())?;
        let person = person_record.body::<Person>()?;
        Some(Found { user_record, person_record, user, person })
    }

    /// The category afterwards: a payer may become an owner, and nothing else changes.
    fn category_of(&self, user: &User) -> Category {
        match (user.category, self.category) {
            (Category::Payer, Some(Category::Owner)) => Category::Owner,
            (category, _) => category,
        }
    }

    /// Everything that is wrong with this change of a user as it is: fields that would be missing, those that name
    /// blocked countries, and a category that it may not have.
    ///
    /// What was missing before is nobody's present mistake, unless the category rises.
    #[must_use]
    pub fn wrong(&self, user: &User, person: &Person) -> Vec<WrongField> {
        let (category, known) = (self.category_of(user), Profile::of(user, person));
        let refused = self.category.filter(|asked| *asked != category).map(Problem::NotAllowed);
        let refused = refused.map(|problem| WrongField { field: UserField::Category, problem });
        let before = if category == user.category { known.wrong(category, self.demands) } else { Vec::new() };
        let after = known.overlaid(self.profile.clone()).wrong(category, self.demands);
        let mut wrong: Vec<WrongField> = refused.into_iter().chain(after.into_iter().filter(|it| !before.contains(it))).collect();
        for blocked in self.profile.blocked() {
            if !wrong.contains(&blocked) {
                wrong.push(blocked);
            }
        }
        wrong
    }

    fn terms(&self, user: &User, category: Category, now: Timestamp) -> Result<Terms, UpdateUserError> {
        match (user.has_accepted_terms, self.has_accepted_terms) {
            (true, Some(false)) => Err(UpdateUserError::TermsRevoked),
            (true, _) => Ok((true, user.terms_accepted_at)),
            (false, Some(true)) => Ok((true, Some(now))),
            (false, _) if category == Category::Owner => Err(UpdateUserError::TermsNotAccepted),
            (false, _) => Ok((false, None)),
        }
    }

    fn tell(&self, desk: &mut Desk<'_>, found: &Found, user: &User) {
        if user.category != found.user.category {
            desk.emit(EventType::UserBecameOwner, self.user);
        }
        if user.verification != found.user.verification {
            desk.emit(EventType::UserBecameLight, self.user);
        }
        if company_number(user) != company_number(&found.user) {
            desk.judge_company_number(user, self.user);
        }
    }
}

fn changed(found: &Found, profile: Profile, category: Category, terms: Terms, platform: Option<&Platform>) -> (User, Person) {
    let has_categories = platform.is_some_and(|platform| platform.policy.has_categories);
    let profile = if category == Category::Payer && has_categories { profile.of_payer() } else { profile };
    let old = &found.user;
    let person = profile.person(UserId(found.user_record.lead.id));
    let identity = profile.identity(old.person()).unwrap_or_else(|| old.identity.clone());
    let is_another = is_another_person(&found.person, &person) || form(&identity) != form(&old.identity);
    let verification = if is_another { Verification::Light } else { old.verification };
    let user = User {
        identity,
        category,
        status: old.status,
        verification,
        blocks: old.blocks,
        block_reason: old.block_reason,
        email: profile.email.unwrap_or_default(),
        has_accepted_terms: terms.0,
        terms_accepted_at: terms.1,
        tag: profile.tag,
        is_held: old.is_held,
    };
    (user, person)
}

/// Whether the proofs of one person's identity say nothing about the other. The birthday is a civil day.
fn is_another_person(old: &Person, new: &Person) -> bool {
    old.first_name != new.first_name
        || old.last_name != new.last_name
        || old.birthday() != new.birthday()
        || old.nationality != new.nationality
}

const fn form(identity: &Identity) -> Option<super::LegalForm> {
    match identity {
        Identity::Natural { .. } => None,
        Identity::Legal { form, .. } => Some(*form),
    }
}

/// What a company number is judged by.
fn company_number(user: &User) -> Option<(&str, Option<&str>)> {
    match &user.identity {
        Identity::Natural { .. } => None,
        Identity::Legal { company_number, headquarters, .. } => {
            company_number.as_ref().map(|number| (number.expose().as_str(), headquarters.country.as_deref()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{acme, joe};
    use super::*;
    use crate::Secret;
    use crate::core::workbench::World;
    use crate::user::{OrganisationProfile, PersonProfile, UserStatus};

    fn nothing(user: UserId, kind: PersonKind) -> UpdateUser {
        let organisation = (kind == PersonKind::Legal).then(OrganisationProfile::default);
        let profile = Profile { organisation, ..Profile::default() };
        UpdateUser { user, kind, profile, category: None, demands: Demands::AllButRepresentativeEmail, has_accepted_terms: None }
    }

    fn registered(world: &mut World, register: &super::super::RegisterUser) -> UserId {
        UserId(world.run(register).unwrap().user.lead.id)
    }

    #[test]
    fn what_is_absent_stays() {
        let mut world = World::new();
        let id = registered(&mut world, &joe(Category::Owner));
        let before = world.find::<User>(id).unwrap();
        let mut update = nothing(id, PersonKind::Natural);
        update.profile.person.last_name = Some(Secret::new("Changed".to_owned()));
        let view = world.run(&update).unwrap();
        let person = view.person.body::<Person>().unwrap();
        assert_eq!((person.first_name.expose().as_str(), person.last_name.expose().as_str()), ("Joe", "Changed"));
        assert_eq!(*view.user.body::<User>().unwrap(), before);
        assert_eq!((view.user.lead.version, view.person.lead.version), (2, 2));
        assert!(world.events().is_empty());
    }

    #[test]
    fn a_user_of_the_other_kind_is_not_there_and_a_closed_one_is_not_changed() {
        let mut world = World::new();
        let id = registered(&mut world, &joe(Category::Owner));
        assert_eq!(world.run(&nothing(id, PersonKind::Legal)).unwrap_err(), UpdateUserError::NotFound);
        world.change_user(id, |user| user.status = UserStatus::Closed);
        assert_eq!(world.run(&nothing(id, PersonKind::Natural)).unwrap_err(), UpdateUserError::Closed);
    }

    #[test]
    fn a_payer_becomes_an_owner_once_everything_is_said() {
        let mut world = World::new();
        let id = registered(&mut world, &super::super::RegisterUser { has_accepted_terms: false, ..joe(Category::Payer) });
        let mut update = UpdateUser { category: Some(Category::Owner), ..nothing(id, PersonKind::Natural) };
        let missing = [UserField::Birthday, UserField::Nationality, UserField::CountryOfResidence];
        let missing = missing.map(|field| WrongField { field, problem: Problem::Missing }).to_vec();
        assert_eq!(world.run(&update).unwrap_err(), UpdateUserError::Wrong(missing));
        update.profile.person = PersonProfile {
            birthday_s: Some(Secret::new(1)),
            nationality: Some("FR".to_owned()),
            country_of_residence: Some("FR".to_owned()),
            ..PersonProfile::default()
        };
        assert_eq!(world.run(&update).unwrap_err(), UpdateUserError::TermsNotAccepted);
        update.has_accepted_terms = Some(true);
        let user = world.run(&update).unwrap().user.body::<User>().unwrap();
        assert_eq!((user.category, user.terms_accepted_at), (Category::Owner, Some(world.now)));
        assert_eq!(world.events(), [EventType::UserBecameOwner]);
    }

    #[test]
    fn a_company_becomes_an_owner_without_an_address_of_its_representative() {
        let mut world = World::new();
        let id = registered(&mut world, &acme(Category::Payer));
        let mut profile = acme(Category::Owner).profile;
        profile.person.email = None;
        let update = UpdateUser { profile, category: Some(Category::Owner), ..nothing(id, PersonKind::Legal) };
        let strict = UpdateUser { demands: Demands::All, ..update.clone() };
        assert!(matches!(world.run(&strict), Err(UpdateUserError::Wrong(wrong)) if wrong[0].field == UserField::PersonEmail));
        world.run(&update).unwrap();
        assert_eq!(world.events(), [EventType::UserBecameOwner, EventType::CompanyNumberValid]);
    }

    #[test]
    fn no_other_category_can_be_had() {
        for (has, asked) in [
            (Category::Owner, Category::Payer),
            (Category::Owner, Category::Platform),
            (Category::Payer, Category::Platform),
            (Category::Platform, Category::Owner),
        ] {
            let mut world = World::new();
            let id = registered(&mut world, &joe(Category::Owner));
            world.change_user(id, |user| user.category = has);
            let update = UpdateUser { category: Some(asked), ..nothing(id, PersonKind::Natural) };
            let wrong = vec![WrongField { field: UserField::Category, problem: Problem::NotAllowed(asked) }];
            assert_eq!(world.run(&update).unwrap_err(), UpdateUserError::Wrong(wrong), "{has:?} {asked:?}");
            let same = UpdateUser { category: Some(has), ..nothing(id, PersonKind::Natural) };
            assert!(world.run(&same).is_ok());
        }
    }

    #[test]
    fn terms_stay_accepted_and_keep_their_date() {
        let mut world = World::new();
        let id = registered(&mut world, &joe(Category::Owner));
        let accepted_at = world.now;
        world.now = world.now.plus_ms(1_000);
        let update = |has_accepted_terms| UpdateUser { has_accepted_terms, ..nothing(id, PersonKind::Natural) };
        assert_eq!(world.run(&update(Some(false))).unwrap_err(), UpdateUserError::TermsRevoked);
        let user = world.run(&update(Some(true))).unwrap().user.body::<User>().unwrap();
        assert_eq!(user.terms_accepted_at, Some(accepted_at));
    }

    #[test]
    fn another_identity_is_not_verified() {
        let text = |text: &str| Some(Secret::new(text.to_owned()));
        let person = |person| Profile { person, ..Profile::default() };
        for (profile, falls) in [
            (person(PersonProfile { first_name: text("Jo"), ..PersonProfile::default() }), true),
            (person(PersonProfile { last_name: text("B"), ..PersonProfile::default() }), true),
            (person(PersonProfile { birthday_s: Some(Secret::new(652_200_000)), ..PersonProfile::default() }), true),
            // Another moment of the same day.
            (person(PersonProfile { birthday_s: Some(Secret::new(652_117_515)), ..PersonProfile::default() }), false),
            (person(PersonProfile { nationality: Some("BE".to_owned()), ..PersonProfile::default() }), true),
            (person(PersonProfile { country_of_residence: Some("BE".to_owned()), ..PersonProfile::default() }), false),
            (Profile { email: text("new@example.com"), ..Profile::default() }, false),
        ] {
            let mut world = World::new();
            let id = registered(&mut world, &joe(Category::Owner));
            world.change_user(id, |user| user.verification = Verification::Regular);
            let update = UpdateUser { profile: profile.clone(), ..nothing(id, PersonKind::Natural) };
            let user = world.run(&update).unwrap().user.body::<User>().unwrap();
            assert_eq!(user.verification == Verification::Light, falls, "{profile:?}");
            assert_eq!(world.events(), if falls { vec![EventType::UserBecameLight] } else { vec![] });
        }
    }

    #[test]
    fn another_form_is_not_verified_and_another_number_is_judged() {
        let mut world = World::new();
        let id = registered(&mut world, &acme(Category::Owner));
        world.change_user(id, |user| user.verification = Verification::Regular);
        let mut update = nothing(id, PersonKind::Legal);
        update.profile.organisation.as_mut().unwrap().form = Some(super::super::LegalForm::Soletrader);
        update.profile.organisation.as_mut().unwrap().company_number = Some(Secret::new("1".to_owned()));
        world.run(&update).unwrap();
        assert_eq!(world.events(), [EventType::CompanyNumberValid, EventType::UserBecameLight, EventType::CompanyNumberInvalid]);
        world.run(&update).unwrap();
        assert_eq!(world.events().len(), 3, "nothing has changed any more");
    }

    #[test]
    fn blocked_countries_and_made_up_names_are_refused() {
        let mut world = World::new();
        let id = registered(&mut world, &joe(Category::Payer));
        let mut update = nothing(id, PersonKind::Natural);
        // Not kept for a payer, and refused all the same.
        update.profile.person.country_of_residence = Some("KP".to_owned());
        let wrong = vec![WrongField { field: UserField::CountryOfResidence, problem: Problem::BlockedCountry }];
        assert_eq!(world.run(&update).unwrap_err(), UpdateUserError::Wrong(wrong));
        update.profile.person.country_of_residence = None;
        update.profile.person.first_name = Some(Secret::new("undefined".to_owned()));
        assert!(world.run(&update).is_ok());
        world.change_policy(|policy| policy.refuses_fake_names = true);
        assert_eq!(world.run(&update).unwrap_err(), UpdateUserError::FakeName);
    }

    #[test]
    fn a_user_of_the_oldest_wire_can_be_changed_although_it_says_less() {
        let mut world = World::new();
        let mut register = acme(Category::Owner);
        register.demands = Demands::People;
        register.profile.organisation.as_mut().unwrap().headquarters = None;
        let id = registered(&mut world, &register);
        assert!(world.run(&nothing(id, PersonKind::Legal)).is_ok());
    }
}
