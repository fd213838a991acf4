//! Users by the oldest version, v2: what its own documents show, and what each version shows of the other's users.

use serde_json::{Value, json};

use crate::harness::{NOW_S, World, address, is_list_of, legal_owner, natural_owner, with};

/// The body of the documents.
fn joe() -> Value {
    json!({
        "FirstName": "Joe",
        "LastName": "Blogs",
        "Address": "3 Mangopay Loop, Paris, 777",
        "Birthday": 1_463_496_101,
        "Nationality": "GB",
        "CountryOfResidence": "FR",
        "Occupation": "Carpenter",
        "IncomeRange": 2,
        "Email": "mangopay@oasis.com",
    })
}

fn legal() -> Value {
    json!({
        "HeadquartersAddress": "3 Mangopay Loop, Paris, 777",
        "LegalPersonType": "BUSINESS",
        "Name": "Mangopay Ltd",
        "LegalRepresentativeAddress": "34bis Mangopay Circle, Paris, 777",
        "LegalRepresentativeBirthday": 1_463_496_101,
        "LegalRepresentativeCountryOfResidence": "ES",
        "LegalRepresentativeNationality": "FR",
        "LegalRepresentativeEmail": "support@mangopay.com",
        "LegalRepresentativeFirstName": "Joe",
        "LegalRepresentativeLastName": "Blogs",
        "Email": "support@mangopay.com",
    })
}

fn joe_text(id: &str, tag: &str) -> String {
    format!(
        concat!(
            r#"{{"Id":"{id}","CreationDate":{now},"Tag":{tag},"PersonType":"NATURAL","Email":"mangopay@oasis.com","KYCLevel":"LIGHT","#,
            r#""FirstName":"Joe","LastName":"Blogs","Address":"3 Mangopay Loop, Paris, 777","Birthday":1463496101,"Nationality":"GB","#,
            r#""CountryOfResidence":"FR","Occupation":"Carpenter","IncomeRange":2,"ProofOfIdentity":null,"ProofOfAddress":null}}"#
        ),
        id = id,
        now = NOW_S,
        tag = tag
    )
}

#[tokio::test]
async fn the_four_calls_of_the_documents() {
    let world = World::new().await;
    let me = world.me().await.v2();
    let seen = me.post("/users/natural", &joe()).await;
    let id = seen.get("Id");
    assert_eq!((seen.status, &*seen.text), (200, &*joe_text(&id, "null")));
    let seen = me.put(&format!("/users/natural/{id}"), &with(&joe(), json!({"Tag": "custom meta"}))).await;
    assert_eq!((seen.status, &*seen.text), (200, &*joe_text(&id, "\"custom meta\"")));
    for path in [format!("/users/{id}"), format!("/users/natural/{id}")] {
        assert_eq!(me.get(&path).await.text, joe_text(&id, "\"custom meta\""));
    }
    let (before, after) = (NOW_S + 1, NOW_S - 1);
    let seen = me.get(&format!("/users?Page=1&Per_Page=25&Sort=CreationDate:DESC&BeforeDate={before}&AfterDate={after}")).await;
    is_list_of(&seen, 1, 1);
    let item = format!(
        r#"[{{"Id":"{id}","CreationDate":{NOW_S},"Tag":"custom meta","PersonType":"NATURAL","Email":"mangopay@oasis.com","KYCLevel":"LIGHT"}}]"#
    );
    assert_eq!(seen.text, item);
    assert_eq!(me.get(&format!("/users?AfterDate={NOW_S}")).await.text, "[]");
}

#[tokio::test]
async fn a_birthday_is_not_judged() {
    let world = World::new().await;
    let me = world.me().await.v2();
    let seen = me.post("/users/natural", &with(&joe(), json!({"Birthday": NOW_S + 86_400}))).await;
    assert_eq!((seen.status, seen.json()["Birthday"].as_i64()), (200, Some(NOW_S + 86_400)));
}

#[tokio::test]
async fn a_legal_user_needs_nothing_of_its_organisation_but_name_and_form() {
    let world = World::new().await;
    let me = world.me().await.v2();
    let seen = me.post("/users/legal", &legal()).await;
    let id = seen.get("Id");
    let expected = format!(
        concat!(
            r#"{{"Id":"{id}","CreationDate":{now},"Tag":null,"PersonType":"LEGAL","Email":"support@mangopay.com","KYCLevel":"LIGHT","#,
            r#""Name":"Mangopay Ltd","LegalPersonType":"BUSINESS","HeadquartersAddress":"3 Mangopay Loop, Paris, 777","#,
            r#""LegalRepresentativeFirstName":"Joe","LegalRepresentativeLastName":"Blogs","#,
            r#""LegalRepresentativeAddress":"34bis Mangopay Circle, Paris, 777","LegalRepresentativeEmail":"support@mangopay.com","#,
            r#""LegalRepresentativeBirthday":1463496101,"LegalRepresentativeNationality":"FR","#,
            r#""LegalRepresentativeCountryOfResidence":"ES","Statute":null,"LegalRepresentativeProofOfIdentity":null,"#,
            r#""ProofOfRegistration":null,"ShareholderDeclaration":null,"CompanyNumber":null}}"#
        ),
        id = id,
        now = NOW_S
    );
    assert_eq!((seen.status, &*seen.text), (200, &*expected));
    let least = json!({"HeadquartersAddress": null, "LegalRepresentativeAddress": null, "LegalRepresentativeEmail": null});
    assert_eq!(me.post("/users/legal", &with(&legal(), least)).await.status, 200);
    let changed = me.put(&format!("/users/legal/{id}"), &json!({"CompanyNumber": "LU72HN11"})).await;
    assert_eq!(changed.text, expected.replace(r#""CompanyNumber":null"#, r#""CompanyNumber":"LU72HN11""#));
    assert_eq!(me.get(&format!("/users/legal/{id}")).await.text, changed.text);
    me.get(&format!("/users/natural/{id}")).await.is_not_found("User", &id);
    assert_eq!(me.delete(&format!("/users/legal/{id}")).await.status, 204);
    me.put(&format!("/users/legal/{id}"), &json!({"Name": "x"})).await.is_error(400, "user_closed");
}

#[tokio::test]
async fn an_update_says_only_what_changes() {
    let world = World::new().await;
    let me = world.me().await.v2();
    let id = me.made("/users/natural", &joe()).await;
    let path = format!("/users/natural/{id}");
    let expected = joe_text(&id, "null").replace("Carpenter", "Gardener");
    assert_eq!(me.put(&path, &json!({"Occupation": "Gardener"})).await.text, expected);
    assert_eq!(me.put(&path, &json!({})).await.text, expected);
    let seen = me.put(&path, &json!({"Address": "here"})).await;
    assert_eq!(seen.get("Address"), "here");
}

#[tokio::test]
async fn every_wrong_field_is_named_at_once() {
    let world = World::new().await;
    let me = world.me().await.v2();
    let seen = me.post("/users/natural", &json!({"Email": "1234567890123@oasis.com", "Address": address("FR"), "Birthday": "x"})).await;
    seen.is_error(400, "param_error");
    assert_eq!(seen.wrong_fields(), ["Address", "Birthday", "CountryOfResidence", "Email", "FirstName", "LastName", "Nationality"]);
    assert_eq!(seen.field_error("Email"), "The field Email must not contain more than 12 consecutive numbers.");
    let seen = me.post("/users/legal", &json!({})).await;
    assert_eq!(seen.wrong_fields().len(), 8);
    let seen = me.post("/users/natural", &with(&joe(), json!({"CountryOfResidence": "KP"}))).await;
    assert_eq!(seen.field_error("CountryOfResidence"), "The CountryOfResidence used is blocked");
    let id = me.made("/users/natural", &with(&joe(), json!({"Email": "123456789012@oasis.com"}))).await;
    let seen = me.put(&format!("/users/natural/{id}"), &json!({"Email": "1234567890123@oasis.com"})).await;
    assert_eq!(seen.wrong_fields(), ["Email"]);
}

#[tokio::test]
async fn each_version_shows_the_users_of_the_other() {
    let world = World::new().await;
    let me = world.me().await;
    let old = me.v2();
    let id = old.made("/users/natural", &joe()).await;
    let path = format!("/users/natural/{id}");
    let seen = me.get(&path).await;
    assert_eq!((&*seen.get("UserCategory"), &*seen.get("UserStatus")), ("OWNER", "ACTIVE"));
    assert_eq!((seen.json()["TermsAndConditionsAccepted"].as_bool(), seen.json()["Birthday"].as_i64()), (Some(true), Some(1_463_496_101)));
    let nulls = r#"{"Address":{"AddressLine1":null,"AddressLine2":null,"City":null,"Region":null,"PostalCode":null,"Country":null},"#;
    assert!(seen.text.starts_with(nulls));
    // Sent back with its nulls, the line is still there.
    assert_eq!(me.call("PUT", &path, &[], &seen.text).await.text, seen.text);
    assert_eq!(old.get(&path).await.text, joe_text(&id, "null"));

    let id = me.made("/users/natural", &with(&natural_owner(), json!({"Address": address("FR")}))).await;
    let seen = old.get(&format!("/users/{id}")).await;
    assert_eq!(seen.get("Address"), "3 rue des Plantes, Appartement 7, Paris, Ile-de-France, 75001, FR");
    let id = me.made("/users/natural", &natural_owner()).await;
    assert!(old.get(&format!("/users/{id}")).await.json()["Address"].is_null());
    let id = me.made("/users/legal", &legal_owner()).await;
    let seen = old.get(&format!("/users/{id}")).await;
    assert_eq!(seen.get("HeadquartersAddress"), "3 rue des Plantes, Appartement 7, Paris, Ile-de-France, 75001, FR");
    assert!(seen.json().get("UserCategory").is_none());
}
