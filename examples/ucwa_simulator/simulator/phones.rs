//! The user's phones: their numbers, and whether others see them on the contact card.

use super::answer::{Answer, Fault};
use super::person::Phone;
use super::request::{Input, Request};
use super::world::World;
use serde_json::{Value, json};

/// The property that a client passes back in a PUT.
const GUID: &str = "2a8f1d5e-6c0b-4c53-9d3e-7f4b1a9c6e20";
/// The most characters of a number.
const NUMBER_MAX: usize = 256;

impl World {
    /// Answers requests under `{A}/me/phones`.
    pub fn phones(
        &mut self,
        app: &str,
        rest: &[&str],
        request: &Request,
    ) -> Result<Answer, Answer> {
        let own = self.existing(app)?;
        let base = format!("{}/me/phones", own.href());
        let user = own.user.clone();
        let missing = || Fault::not_found("ResourceNotFound");
        let person = self.people.get_mut(&user).ok_or_else(missing)?;
        let phones = &mut person.card.phones;
        let method = request.method.as_str();
        let Some((kind, rest)) = rest.split_first() else {
            if method != "GET" {
                return Err(Fault::method().into());
            }
            let all = phones.iter();
            let all: Vec<Value> = all
                .map(|(kind, phone)| phone_json(&base, kind, phone))
                .collect();
            return Ok(Answer::ok(
                json!({"rel": "phones", "_links": {"self": {"href": base}}, "_embedded": {"phone": all}}),
            ));
        };
        let phone = phones.get_mut(*kind).ok_or_else(missing)?;
        let input = request.input()?;
        match (rest, method) {
            ([], "GET") => {}
            ([], "PUT") => {
                super::put::check(request, &input, &etag(phone), GUID)?;
                change(phone, &input)?;
            }
            (["changenumber"], "POST") => {
                let given = input.value("number");
                given.ok_or_else(|| Fault::parameter("number", "A value is required."))?;
                change(phone, &input)?;
                return Ok(Answer::done());
            }
            (["changevisibility"], "POST") => {
                let given = input.value("includeInContactCard");
                given.ok_or_else(|| {
                    Fault::parameter("includeInContactCard", "A value is required.")
                })?;
                phone.is_shown = shown(&input)?.unwrap_or(phone.is_shown);
                return Ok(Answer::done());
            }
            ([] | ["changenumber" | "changevisibility"], _) => return Err(Fault::method().into()),
            _ => return Err(missing().into()),
        }
        Ok(Answer::ok(phone_json(&base, kind, phone)))
    }
}

/// Sets what the input names. An empty number removes the number.
///
/// # Errors
/// 400 for a number without digits, or a visibility that is no boolean; nothing is changed.
fn change(phone: &mut Phone, input: &Input) -> Result<(), Answer> {
    let number = input.optional("number", NUMBER_MAX)?;
    let is_number =
        |number: &String| number.is_empty() || number.contains(|char: char| char.is_ascii_digit());
    if !number.as_ref().is_none_or(is_number) {
        return Err(Fault::parameter("number", "Not a phone number.").into());
    }
    phone.is_shown = shown(input)?.unwrap_or(phone.is_shown);
    if let Some(number) = number {
        phone.number = number;
    }
    Ok(())
}

/// Returns the parameter includeInContactCard, if it is there.
fn shown(input: &Input) -> Result<Option<bool>, Answer> {
    let name = "includeInContactCard";
    let given = input.text(name).map(|text| text.to_lowercase());
    let wrong = |_| Fault::parameter(name, "true or false.").into();
    given
        .map(|text| text.parse::<bool>().map_err(wrong))
        .transpose()
}

fn phone_json(base: &str, kind: &str, phone: &Phone) -> Value {
    let here = format!("{base}/{kind}");
    let mut out = json!({"rel": "phone", "number": phone.number, "type": kind, "includeInContactCard": phone.is_shown,
        "etag": etag(phone), "_links": {"self": {"href": here}, "changeNumber": {"href": format!("{here}/changeNumber")},
        "changeVisibility": {"href": format!("{here}/changeVisibility")}}});
    out[GUID] = json!("please pass this in a PUT request");
    out
}

/// Returns a text that changes whenever the phone does.
fn etag(phone: &Phone) -> String {
    super::contacts::fingerprint(&format!("{phone:?}")).to_string()
}
